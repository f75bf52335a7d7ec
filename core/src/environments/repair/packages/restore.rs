//! Files and metadata of distributions that are missing or damaged, given back from wheels.
//!
//! Of a distribution whose RECORD stands, only the damaged files are written, from a wheel of the same
//! build: the hashes agree. Where metadata is lost, or where the distribution is built for another Python
//! or machine, the whole of it is brought to the state that the wheel describes.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::changes::Changes;
use super::folders::Folders;
use super::install::{self, Order, is_same_build};
use super::wheel::Wheel;
use super::{Draft, scripts, split_pin};
use crate::environments::distributions::{Distribution, RecordedFile, Role, Site};
use crate::environments::health::packages::{Look, Places, Verdict, is_judged_elsewhere, judge};
use crate::environments::health::{Code, Depth, Finding};
use crate::environments::repair::change::Content;
use crate::environments::repair::{Action, typed};
use crate::shell;

/// Findings whose cause are single files.
const OF_FILES: [Code; 4] = [
    Code::PackageFilesMissing,
    Code::PackageFileCorrupt,
    Code::ExtensionCorrupt,
    Code::FileTypeConflict,
];

/// Findings that the whole distribution is the cause of.
const OF_ALL: [Code; 5] = [
    Code::ExtensionAbiMismatch,
    Code::ExtensionWrongArch,
    Code::DistMetadataMissing,
    Code::DistRecordMissing,
    Code::DistInfoMissing,
];

/// Findings that list the damaged files by name: RECORD does not tell of itself that these are damaged.
const NAMED: [Code; 2] = [Code::ExtensionCorrupt, Code::PackageFileCorrupt];

/// What is reported of one distribution.
#[derive(Debug, Default)]
struct Reported<'a> {
    codes: Vec<Code>,
    findings: Vec<&'a Finding>,
}

impl Reported<'_> {
    fn whole(&self) -> bool {
        self.codes.iter().any(|code| OF_ALL.contains(code))
    }

    /// Files that are damaged by the word of a finding.
    fn named(&self) -> HashSet<&Path> {
        let findings = self.findings.iter().filter(|finding| NAMED.contains(&finding.code));
        findings.flat_map(|finding| finding.paths.iter().map(PathBuf::as_path)).collect()
    }
}

/// Plans for every distribution with such a finding.
pub(super) fn plan(draft: &mut Draft<'_>) {
    let mut reported: BTreeMap<&str, Reported<'_>> = BTreeMap::new();
    for code in OF_FILES.iter().chain(&OF_ALL) {
        for finding in draft.of(*code) {
            let Some(pin) = finding.repair.distributions.first() else { continue };
            let entry = reported.entry(pin).or_default();
            entry.codes.push(*code);
            entry.findings.push(finding);
        }
    }
    for (pin, reported) in reported {
        if !draft.settled.contains(split_pin(pin).0) {
            plan_distribution(draft, pin, &reported);
        }
    }
}

fn plan_distribution(draft: &mut Draft<'_>, pin: &str, reported: &Reported<'_>) {
    let (name, version) = split_pin(pin);
    let current = draft.current(name);
    let members = members(draft, name);
    if let Some(hint) = not_ours(draft, pin, &members) {
        for code in &reported.codes {
            draft.unsolved(*code, hint.clone());
        }
        return;
    }
    if let Some((site, distribution)) = current.filter(|_| !reported.whole())
        && let Some((changes, what)) = patch(draft, site, distribution, &reported.named())
    {
        draft.step(Action::RestoreFiles, &reported.codes, what, changes);
        return;
    }
    let site = current
        .map(|(site, _)| site.folder.as_path())
        .or_else(|| members.first().map(|one| one.site_packages()))
        .or_else(|| site_of(draft, reported));
    let Some(site) = site else { return draft.wanting(&reported.codes, &[pin.to_owned()]) };
    let by_files = || version_by_files(draft, name, site, reported);
    let Some(version) = version.map(str::to_owned).or_else(by_files) else {
        // The newest one may be it.
        draft.lacking.push(pin.to_owned());
        let hint = of_unknown_version(draft, name);
        reported.codes.iter().for_each(|code| draft.unsolved(*code, hint.clone()));
        return;
    };
    reinstall(draft, (name, &version), site, members, reported);
}

/// A module without metadata is of the version whose wheel holds the same files, if only one does.
fn version_by_files(
    draft: &Draft<'_>,
    name: &str,
    site: &Path,
    reported: &Reported<'_>,
) -> Option<String> {
    let module = reported.findings.first()?.paths.first()?;
    let folders = Folders::of_case(draft.case, site);
    let look = Look { depth: Depth::Deep, rewritten: false };
    let candidates = draft.wheels.accepted(name, &[]);
    let mut versions: Vec<String> = candidates
        .filter_map(|candidate| {
            let wheel = draft.wheels.open(candidate)?;
            let members = wheel.members(&folders).ok()?;
            let mut of_module =
                members.iter().filter(|member| member.path.starts_with(module)).peekable();
            of_module.peek()?;
            of_module
                .all(|member| judge(&member.path, member.source, look) == Verdict::Fine)
                .then(|| wheel.metadata.version.clone())
        })
        .collect();
    versions.dedup();
    versions.pop().filter(|_| versions.is_empty())
}

fn of_unknown_version(draft: &Draft<'_>, name: &str) -> String {
    let python = draft.case.subject.environment.executable.as_deref();
    let python = python.map_or_else(|| "python".to_owned(), typed);
    let install = match draft.current("pip") {
        Some(_) => format!("{python} -m pip install --force-reinstall"),
        None => format!("uv pip install --python {python} --reinstall"),
    };
    format!(
        "which version of {name} this is cannot be told: its metadata is gone, and not one wheel that is \
         here has just these files; bring the wheel that it came from with `--wheelhouse DIR`, or install \
         the newest version over it: `{install} {}`",
        shell::word(name)
    )
}

/// The folders of metadata of this name, the one that counts and gutted ones.
pub(super) fn members<'a>(draft: &Draft<'a>, name: &str) -> Vec<&'a Distribution> {
    let families = draft.case.subject.families.iter();
    families
        .flat_map(|(_, families)| families)
        .flat_map(|family| family.current.into_iter().chain(family.gutted.iter().copied()))
        .filter(|one| one.name == name && one.is_dist_info())
        .collect()
}

/// Where a module without metadata stands.
fn site_of<'a>(draft: &Draft<'a>, reported: &Reported<'_>) -> Option<&'a Path> {
    let path = reported.findings.first()?.paths.first()?;
    let mut sites = draft.case.subject.installed.sites.iter().map(|site| site.folder.as_path());
    sites.find(|site| path.starts_with(site))
}

/// What is not given back from wheels, and what to do instead.
pub(super) fn not_ours(draft: &Draft<'_>, pin: &str, members: &[&Distribution]) -> Option<String> {
    match members.first() {
        Some(one) if one.by_conda() => Some(of_conda(draft, pin)),
        None if draft.case.subject.facts.is_conda() => Some(of_conda(draft, pin)),
        Some(one) => one.editable.as_ref().map(|project| {
            format!("it is an editable install: install it again from `{}`", project.display())
        }),
        None => None,
    }
}

/// What conda installed, conda installs again.
pub(super) fn of_conda(draft: &Draft<'_>, pin: &str) -> String {
    let spec = pin.replace("==", "=");
    let prefix = draft.case.prefix().display();
    format!("conda installed it: `conda install --force-reinstall -p \"{prefix}\" {spec}`")
}

/// Brings the whole distribution to the state of a wheel of its version.
fn reinstall(
    draft: &mut Draft<'_>,
    (name, version): (&str, &str),
    site: &Path,
    old: Vec<&Distribution>,
    reported: &Reported<'_>,
) {
    let pin = format!("{name}=={version}");
    // What came from another place than an index is not what a wheel of its version holds.
    if old.iter().any(|one| one.info.join("direct_url.json").is_file()) {
        for code in &reported.codes {
            let hint = format!(
                "{pin} was installed from the place in its `direct_url.json`: install it from there again"
            );
            draft.unsolved(*code, hint);
        }
        return;
    }
    let order = Order { site, old, requested: false, overwrite: false, remembered: None };
    let made = install::by_first(draft, draft.wheels.of_version(name, version), &order);
    draft.settled.insert(name.to_owned());
    match made {
        Ok(Some((changes, wheel))) => {
            let what = format!("bring {pin} to the state of {}", wheel.shown());
            draft.step(Action::Reinstall, &reported.codes, what, changes);
        }
        Err(refused) => {
            for code in &reported.codes {
                draft.unsolved(*code, format!("{pin} cannot be installed from {refused}"));
            }
        }
        Ok(None) => draft.wanting(&reported.codes, &[pin]),
    }
}

/// Writes the damaged files alone. `None` when no wheel has each of them as RECORD names it.
pub(super) fn patch(
    draft: &Draft<'_>,
    site: &Site,
    distribution: &Distribution,
    named: &HashSet<&Path>,
) -> Option<(Changes, String)> {
    let damaged = damaged(draft, site, distribution, named);
    if damaged.is_empty() {
        return None;
    }
    let pin = distribution.pin();
    draft.wheels.of_version(&distribution.name, &distribution.version).find_map(|candidate| {
        let wheel = draft.wheels.open(candidate)?;
        let changes = from_wheel(draft, site, distribution, &wheel, &damaged).ok()?;
        let what = format!(
            "give {} of {pin} back from {}, which has them as RECORD names them",
            match damaged.len() {
                1 => "1 file".to_owned(),
                number => format!("{number} files"),
            },
            wheel.shown()
        );
        Some((changes, what))
    })
}

/// One file that is not as it was installed.
struct Damaged<'a> {
    recorded: &'a RecordedFile,
    path: PathBuf,
}

/// The damaged files of a distribution by its RECORD, judged as a check judges them.
fn damaged<'a>(
    draft: &Draft<'_>,
    site: &Site,
    distribution: &'a Distribution,
    named: &HashSet<&Path>,
) -> Vec<Damaged<'a>> {
    let subject = draft.case.subject;
    let places = Places::of_prefix(site, draft.case.prefix());
    let scripts = subject.facts.scripts.as_deref();
    let Some(record) = distribution.record.get() else { return Vec::new() };
    let lasting = record.files.iter().filter(|file| file.role != Role::Bytecode);
    lasting
        .filter(|file| !distribution.owns_metadata(&file.path) || !is_judged_elsewhere(&file.path))
        .filter_map(|recorded| {
            let path = crate::fs::below(&site.folder, &recorded.path);
            let path = places.resolve(recorded).map(|resolved| (resolved, path))?;
            let is_named = named.contains(path.0.as_path()) || named.contains(path.1.as_path());
            let rewritten = scripts.is_some_and(|folder| path.0.parent() == Some(folder));
            let look = Look { depth: subject.depth, rewritten };
            let verdict = judge(&path.0, recorded, look);
            let is_damaged =
                is_named || !matches!(verdict, Verdict::Fine | Verdict::Unknown | Verdict::Edited);
            is_damaged.then_some(Damaged { recorded, path: path.0 })
        })
        .collect()
}

fn from_wheel(
    draft: &Draft<'_>,
    site: &Site,
    distribution: &Distribution,
    wheel: &Wheel,
    damaged: &[Damaged<'_>],
) -> Result<Changes, String> {
    let members = wheel.members(&Folders::of_case(draft.case, &site.folder))?;
    let commands = scripts::commands_of(distribution);
    let mut changes = draft.changes();
    for Damaged { recorded, path } in damaged {
        let file_name = path.file_name().unwrap_or_default();
        let command = commands.iter().find(|command| {
            recorded.path.starts_with("../")
                && file_name == draft.interpreter.file_name(&command.name).as_str()
        });
        if let Some(command) = command {
            let bytes = scripts::content(draft, command, Some(recorded))
                .ok_or_else(|| format!("has no function for `{}`", command.name))?;
            changes.write(path, Content::Bytes(bytes), Some(0o755))?;
            continue;
        }
        let member = members
            .iter()
            .find(|member| member.recorded == recorded.path)
            .ok_or_else(|| format!("has no `{}`", recorded.path))?;
        if member.script {
            let script = wheel.script(member.source, &draft.interpreter.shebang())?;
            changes.write(path, Content::Bytes(script), Some(0o755))?;
        } else if is_same_build(member.source, recorded) {
            let mode = wheel.is_executable(member.source).then_some(0o755);
            changes.write(path, wheel.content(member.source)?, mode)?;
        } else {
            return Err(format!("has another `{}`", recorded.path));
        }
    }
    Ok(changes)
}
