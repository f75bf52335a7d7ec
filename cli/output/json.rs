//! The document for programs: `--format json`. This text is its specification.
//!
//! One JSON object in UTF-8, with a line for each environment so that it can be read as a stream:
//!
//! ```text
//! {"schema":"aios.find/1","environments":[
//! {"id":"8f14e45fceea167a","kind":"uv-venv", ... ,"status":"broken", ... },
//! {"id":"c9f0f895fb98ab91","kind":"venv", ... ,"status":"healthy", ... }
//! ],"problems":[
//! {"path":"/home/u/secret","message":"cannot be read: permission denied"}
//! ]}
//! ```
//!
//! `schema` is `aios.find/1` or `aios.check/1`. Fields may be added, also in the middle; none is
//! renamed or removed, and none changes its type, within version 1. A field without a value is
//! `null`, never absent. Environments are sorted by prefix.
//!
//! A **path** is a string when it is UTF-8, else `{"bytes":"<base64>"}`: the standard alphabet with
//! padding, over the bytes of the path (on Windows, of its WTF-8 form). Control characters and marks
//! that reverse the direction of writing stand as `\u` escapes, so that the document can be looked at
//! on a terminal; decoded, a name from disk may still hold them: do not print it raw.
//!
//! An **environment**:
//!
//! | field | |
//! |---|---|
//! | `id` | 16 hexadecimal digits, the same on every run |
//! | `kind` | what made it: `venv`, `uv-venv`, `conda-env`, ... ([`EnvironmentKind`]) |
//! | `name` | the name its tool gives it, or null |
//! | `prefix` | path, links followed: `sys.prefix` |
//! | `executable` | path of the interpreter inside the prefix, links not followed, or null |
//! | `version` | `3.12.1`, or `3.12` where files tell no more, or null |
//! | `implementation` | `cpython`, `pypy`, `graalpy`, or null |
//! | `abi_flags` | `t` for a free-threaded build, else empty |
//! | `architecture` | `x86_64`, `aarch64`, ..., or null |
//! | `base_prefix` | path of the installation it stands on; its own prefix when it is one; or null |
//! | `base_executable` | path of the interpreter that really runs, links followed, or null |
//! | `manager` | the tool that owns it, or null |
//! | `project` | path of the project it belongs to, or null |
//! | `aliases` | paths: other names of the same prefix |
//! | `found_by` | why it was found, best reason first: `source` (a word) and `detail` (for people) |
//! | `status` | `healthy`, `warning` or `broken`; by `find` from marker and interpreter alone |
//! | `base_id` | `id` of the base installation, or null |
//! | `site_packages` | paths that distributions are installed into |
//! | `created_by` | program and version that created it, or null |
//! | `externally_managed` | whether it carries PEP 668's `EXTERNALLY-MANAGED` |
//! | `owner` | numeric owner of the prefix, or null |
//! | `probe` | with `--probe` only: what the interpreter says, or null when it was not started |
//! | `findings` | in `aios.check/1` only; worst first |
//!
//! A **finding**: `code` (kebab-case, stable), `severity` (`error`, `warning`, `info`), `message` (the
//! evidence, for people), `paths`, `repair` with `method` (`in-place`, `reinstall`, `recreate`,
//! `needs-base-python`, `none`) and `distributions` (`name==version` of each one to install again),
//! `effect` (what it causes) and `remedy` (what to do about it).
//!
//! A **probe**: `error` (why there is no answer, or null), `differs` (names of the fields above that the
//! interpreter contradicts), and what it says: `version`, `prefix`, `base_prefix`, `implementation`,
//! `abi_flags`, each null when there is no answer.
//!
//! A **problem** is something that could not be looked at: `path` and `message`. The rest stands.
//!
//! What is remembered has documents of its own, specified in `cli/output/memory/json.rs`; those of
//! repairs are in `cli/output/repair.rs`, that of the active environment in `cli/output/active.rs`.
//!
//! [`EnvironmentKind`]: aios_core::EnvironmentKind

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aios_core::environments::inspection::Inspected;
use aios_core::{Finding, Problem};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;

use super::{ProbeOutcome, Question, Seen, text};

/// Writes the document, one environment at a time: ten thousand need no more memory than one.
pub(super) fn write(out: &mut dyn Write, seen: &Seen, question: Question) -> io::Result<()> {
    let schema = match question {
        Question::Find => "aios.find/1",
        Question::Check => "aios.check/1",
    };
    write!(out, "{{\"schema\":\"{schema}\",\"environments\":")?;
    let environments =
        seen.inspection.environments.iter().map(|one| EnvironmentRow::new(one, seen, question));
    write_array(out, environments)?;
    write!(out, ",\"problems\":")?;
    write_array(out, seen.inspection.problems.iter().map(ProblemRow::new))?;
    writeln!(out, "}}")
}

/// One element a line; an empty array is `[]`.
pub(super) fn write_array(
    out: &mut dyn Write,
    elements: impl Iterator<Item = impl Serialize>,
) -> io::Result<()> {
    out.write_all(b"[")?;
    let mut any = false;
    // The many small writes of a serializer go into memory; the line goes out at once.
    let mut line = Vec::new();
    for element in elements {
        line.extend_from_slice(if any { b",\n" } else { b"\n" });
        any = true;
        element.serialize(&mut serde_json::Serializer::with_formatter(&mut line, Inert))?;
        out.write_all(&line)?;
        line.clear();
    }
    out.write_all(if any { b"\n]" } else { b"]" })
}

/// Compact JSON that holds nothing a terminal obeys. JSON itself lets DEL, the C1 controls and marks
/// of direction stand raw in a string.
struct Inert;

impl Formatter for Inert {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Nearly all there is. Without a way out of it the loop takes many bytes at a time.
        if fragment.bytes().fold(true, |plain, byte| plain & (byte < 0x7f)) {
            return out.write_all(fragment.as_bytes());
        }
        let mut written = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| text::is_unsafe(*c)) {
            out.write_all(&fragment.as_bytes()[written..at])?;
            written = at + c.len_utf8();
            // None of them needs a surrogate pair.
            write!(out, "\\u{:04x}", u32::from(c))?;
        }
        out.write_all(&fragment.as_bytes()[written..])
    }
}

/// One element as text that a terminal may show.
pub(super) struct Line;

impl Line {
    pub(super) fn of(element: &impl Serialize) -> io::Result<String> {
        let mut line = Vec::new();
        element.serialize(&mut serde_json::Serializer::with_formatter(&mut line, Inert))?;
        String::from_utf8(line).map_err(io::Error::other)
    }
}

/// A path as JSON has it.
pub(super) struct JsonPath<'a>(pub(super) &'a Path);

impl Serialize for JsonPath<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Some(text) => serializer.serialize_str(text),
            None => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(
                    "bytes",
                    &STANDARD.encode(self.0.as_os_str().as_encoded_bytes()),
                )?;
                map.end()
            }
        }
    }
}

fn paths(paths: &[PathBuf]) -> Vec<JsonPath<'_>> {
    paths.iter().map(|path| JsonPath(path)).collect()
}

fn path(path: &Option<PathBuf>) -> Option<JsonPath<'_>> {
    path.as_deref().map(JsonPath)
}

#[derive(Serialize)]
pub(super) struct EnvironmentRow<'a> {
    id: &'a str,
    kind: &'static str,
    name: Option<&'a str>,
    prefix: JsonPath<'a>,
    executable: Option<JsonPath<'a>>,
    version: Option<String>,
    implementation: Option<&'static str>,
    abi_flags: &'a str,
    architecture: Option<&'static str>,
    base_prefix: Option<JsonPath<'a>>,
    base_executable: Option<JsonPath<'a>>,
    manager: Option<&'a str>,
    project: Option<JsonPath<'a>>,
    aliases: Vec<JsonPath<'a>>,
    found_by: Vec<FoundRow<'a>>,
    status: &'static str,
    // Added to the contract's first fields.
    base_id: Option<&'a str>,
    site_packages: Vec<JsonPath<'a>>,
    created_by: Option<&'a str>,
    externally_managed: bool,
    owner: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<Option<ProbeRow<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<FindingRow<'a>>>,
}

impl<'a> EnvironmentRow<'a> {
    pub(super) fn new(
        inspected: &'a Inspected,
        seen: &'a Seen,
        question: Question,
    ) -> EnvironmentRow<'a> {
        let environment = &inspected.environment;
        EnvironmentRow {
            id: &environment.id.0,
            kind: environment.kind.as_str(),
            name: environment.name.as_deref(),
            prefix: JsonPath(&environment.prefix),
            executable: path(&environment.executable),
            version: environment.version.as_ref().map(ToString::to_string),
            implementation: environment.implementation.map(|implementation| implementation.name()),
            abi_flags: &environment.abi_flags,
            architecture: environment.architecture.map(|architecture| architecture.as_str()),
            base_prefix: path(&environment.base_prefix),
            base_executable: path(&environment.base_executable),
            manager: environment.manager.as_deref(),
            project: path(&environment.project),
            aliases: paths(&environment.aliases),
            found_by: environment
                .found_by
                .iter()
                .map(|found| FoundRow { source: found.source.as_str(), detail: &found.detail })
                .collect(),
            status: inspected.status().as_str(),
            base_id: environment.base_id.as_ref().map(|id| id.0.as_str()),
            site_packages: paths(&environment.site_packages),
            created_by: environment.created_by.as_deref(),
            externally_managed: environment.externally_managed,
            owner: environment.owner,
            probe: (!seen.probes.is_empty()).then(|| seen.probe_of(environment).map(ProbeRow::new)),
            findings: (question == Question::Check)
                .then(|| inspected.findings.iter().map(FindingRow::new).collect()),
        }
    }
}

#[derive(Serialize)]
struct FoundRow<'a> {
    source: &'static str,
    detail: &'a str,
}

#[derive(Serialize)]
struct ProbeRow<'a> {
    error: Option<&'a str>,
    differs: &'a [&'static str],
    version: Option<String>,
    prefix: Option<JsonPath<'a>>,
    base_prefix: Option<JsonPath<'a>>,
    implementation: Option<&'a str>,
    abi_flags: Option<&'a str>,
}

impl<'a> ProbeRow<'a> {
    fn new(outcome: &'a ProbeOutcome) -> ProbeRow<'a> {
        let (error, answer) = match outcome {
            ProbeOutcome::Answered { probed, differs } => (None, Some((probed, differs))),
            ProbeOutcome::Failed(error) => (Some(error.as_str()), None),
        };
        let probed = answer.map(|(probed, _)| probed);
        ProbeRow {
            error,
            differs: answer.map_or(&[], |(_, differs)| differs),
            version: probed.map(|probed| text::probed_version(probed)),
            prefix: probed.map(|probed| JsonPath(&probed.prefix)),
            base_prefix: probed.map(|probed| JsonPath(&probed.base_prefix)),
            implementation: probed.map(|probed| probed.implementation.as_str()),
            abi_flags: probed.map(|probed| probed.abi_flags.as_str()),
        }
    }
}

#[derive(Serialize)]
pub(super) struct FindingRow<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    paths: Vec<JsonPath<'a>>,
    repair: RepairRow<'a>,
    // Added to the contract's first fields.
    effect: &'static str,
    remedy: &'static str,
}

#[derive(Serialize)]
struct RepairRow<'a> {
    method: &'static str,
    distributions: &'a [String],
}

impl<'a> FindingRow<'a> {
    pub(super) fn new(finding: &'a Finding) -> FindingRow<'a> {
        FindingRow {
            code: finding.code.as_str(),
            severity: finding.severity.as_str(),
            message: &finding.message,
            paths: paths(&finding.paths),
            repair: RepairRow {
                method: finding.repair.method.as_str(),
                distributions: &finding.repair.distributions,
            },
            effect: finding.code.effect(),
            remedy: finding.code.remedy(),
        }
    }
}

#[derive(Serialize)]
struct ProblemRow<'a> {
    path: JsonPath<'a>,
    message: &'a str,
}

impl<'a> ProblemRow<'a> {
    fn new(problem: &'a Problem) -> ProblemRow<'a> {
        ProblemRow { path: JsonPath(&problem.path), message: &problem.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    fn document(inspection: &Seen, question: Question) -> String {
        let mut out = Vec::new();
        write(&mut out, inspection, question).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn documents() {
        let machine = sample::machine();
        sample::golden("find.json", &document(&machine, Question::Find));
        sample::golden("check.json", &document(&machine, Question::Check));
    }

    #[test]
    fn what_was_started() {
        let mut seen = sample::machine();
        let id = |at: usize| sample::machine().inspection.environments[at].environment.id.clone();
        seen.probes.insert(id(0), ProbeOutcome::Failed("no answer".to_owned()));
        let text = document(&seen, Question::Find);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["environments"][0]["probe"]["error"], "no answer");
        assert_eq!(value["environments"][0]["probe"]["version"], serde_json::Value::Null);
        assert!(text.lines().nth(2).unwrap().contains("\"probe\":null"), "{text}");
        assert!(!document(&sample::machine(), Question::Find).contains("\"probe\""));
    }

    #[test]
    fn an_empty_machine() {
        assert_eq!(
            document(&Seen::default(), Question::Find),
            "{\"schema\":\"aios.find/1\",\"environments\":[],\"problems\":[]}\n"
        );
    }

    #[test]
    fn fields_stand_in_the_order_of_the_contract() {
        let text = document(&sample::machine(), Question::Check);
        let check = |line: &str, fields: &str| {
            let mut from = 0;
            for field in fields.split_whitespace() {
                let at = line[from..].find(&format!("\"{field}\":"));
                from += at.unwrap_or_else(|| panic!("{field} is not in its place: {line}"));
            }
        };
        let line = text.lines().nth(1).unwrap();
        check(
            line,
            "id kind name prefix executable version implementation abi_flags architecture \
             base_prefix base_executable manager project aliases found_by source detail status \
             findings code severity message paths repair method distributions",
        );
    }

    #[test]
    fn every_document_is_json() {
        for question in [Question::Find, Question::Check] {
            let text = document(&sample::machine(), question);
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["environments"].as_array().unwrap().len(), 4);
            assert_eq!(value["problems"].as_array().unwrap().len(), 1);
        }
    }

    #[test]
    fn a_terminal_obeys_nothing_in_it() {
        let mut out = Vec::new();
        let name = "a\n\u{1b}\u{7f}\u{9b}31m\u{202e}é环\u{1f40d}";
        write_array(&mut out, [name].into_iter()).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "[\n\"a\\n\\u001b\\u007f\\u009b31m\\u202eé环\u{1f40d}\"\n]");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), [name]);
    }

    #[test]
    fn a_path_that_is_not_utf8() {
        #[cfg(unix)]
        let (name, expected) = {
            let name: std::ffi::OsString =
                std::os::unix::ffi::OsStringExt::from_vec(b"/caf\xe9".to_vec());
            (name, r#"{"bytes":"L2NhZuk="}"#)
        };
        // Half of a surrogate pair.
        #[cfg(windows)]
        let (name, expected) = {
            let name: std::ffi::OsString =
                std::os::windows::ffi::OsStringExt::from_wide(&[0x61, 0xd800]);
            (name, r#"{"bytes":"Ye2ggA=="}"#)
        };
        let path = Path::new(&name);
        assert_eq!(serde_json::to_string(&JsonPath(path)).unwrap(), expected);
    }
}
