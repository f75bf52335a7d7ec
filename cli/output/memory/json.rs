//! The documents of what is remembered. This text is their specification; what holds of all documents
//! (paths, escapes, what may change within a version) is that of [`crate::output::json`].
//!
//! | command | `schema` | fields |
//! |---|---|---|
//! | `snapshot list` | `aios.snapshots/1` | `snapshots`, the oldest first |
//! | `snapshot show`, `take` | `aios.snapshot/1` | `snapshot`, `entries` (how many of other programs), `environments` |
//! | `snapshot diff` | `aios.diff/1` | `from`, `to` (snapshots), `environments`, `entries` |
//! | `snapshot prune` | `aios.prune/1` | `removed` (snapshots), `left`, `held`, `unused_bytes`, `freed_bytes` |
//! | `history` | `aios.history/1` | `histories` |
//! | `recall` | `aios.recall/1` | `recollections` |
//!
//! A **time** is `2026-11-22T06:14:09.123Z`, in UTC.
//!
//! A **snapshot**: `id` (a number), `time`, `name` or null, `reason`, `hash` (64 hexadecimal digits: equal
//! for snapshots of one store that hold the same), `records` and `bytes` (of the files that they tell of).
//! In `aios.snapshots/1` also `environments` and `broken` (numbers), `changed` (an array of `id`, `prefix`
//! and `how` of each environment that is not what it was in the snapshot before), `entries` (how many of
//! other programs differ), and `alone_bytes`: what removing it would give back.
//!
//! An **environment** of `aios.snapshot/1`: `id`, `prefix`, `status` (`healthy`, `warning`, `broken`),
//! `facts` (an object: fields of `aios.check/1` by their names; a path is a path, all else is text; what
//! is not known is absent), `distributions` (`name`, `version`, `folder` of the metadata), `conda` (name,
//! version and build of each package of conda), `findings` (`code`, `severity`, `message`, `paths`), `files`
//! (paths from the prefix, of what belongs to no distribution) and `bytes`.
//!
//! An **environment** of `aios.diff/1`: `id`, `prefix`, `how` (`new`, `gone`, `changed`), `status_before` and
//! `status_after` (null where it was not there), `changes`.
//!
//! A **change** is one line: `what` (`fact`, `distribution`, `files`, `conda`, `file`, `finding`), `how`
//! (`added`, `removed`, `changed`), `name` (of the fact, distribution, package; path of the file from the
//! prefix; code of the finding), `before` and `after` (the value of a fact, the version of a distribution,
//! or null), and `files` (for `files`: how many of a distribution of the same version are others), `severity`,
//! `message` and `paths` (of a finding), each null for everything else.
//!
//! An **entry** of another program: `path`, its keys, each like a path; `how` (`added`, `removed`,
//! `changed`).
//!
//! **Held** of `aios.prune/1`: `id` of a snapshot that stays although it is old, and `prefixes` of the
//! environments whose last healthy state it alone has. `unused_bytes`: what only the removed ones kept;
//! `freed_bytes`: what the file is shorter, or null with `--dry-run`.
//!
//! A **history**: `id`, `prefix`, `exists` (whether something stands there now), `status` (`healthy`,
//! `warning`, `broken` or `gone`), `since` (a time), `codes` (of what is wrong), `just_before` (changes),
//! `last_healthy` (`snapshot` and `time` of the last one in which nothing was broken, or null), `summary` (for
//! people), `next` (a command, or null), and `moments`, the oldest first: `snapshot` and `time` in which it was
//! first seen so, `last_snapshot` and `last_time` in which it was last, `name`, `reason`, `status`, `changes`.
//!
//! A **recollection**: `packages` (those that were asked for), `history` (of the PATH that was asked for, or
//! null), `since_healthy` (changes), `alike` (environments, the most alike first: `id`, `prefix`, `snapshot` and
//! `time` in which it was last so, `distributions` (a number), `facts`, `similarity` (0 to 1: what both have, of
//! what either has), `shared` (tokens of the question that it has), `exact` (false: estimated, since the
//! index is damaged)), and `repaired` (earlier repairs of like findings: `prefix`, `time`, `codes`, `actions`,
//! `outcome` (`repaired`, `partly`, `failed`), `similarity`).

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use aios_core::engine::compare::Entry;
use aios_core::engine::history::Moment;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::history::End;
use super::*;
use crate::output::json::{JsonPath, Line, write_array};

pub(super) fn list(out: &mut dyn Write, all: &[Listed]) -> io::Result<()> {
    write!(out, "{{\"schema\":\"aios.snapshots/1\",\"snapshots\":")?;
    write_array(out, all.iter().map(ListedRow::new))?;
    writeln!(out, "}}")
}

pub(super) fn show(out: &mut dyn Write, shown: &super::Shown) -> io::Result<()> {
    let snapshot = Line::of(&SnapshotRow::new(&shown.snapshot))?;
    write!(out, "{{\"schema\":\"aios.snapshot/1\",\"snapshot\":{snapshot}")?;
    write!(out, ",\"entries\":{},\"environments\":", shown.entries)?;
    write_array(out, shown.environments.iter().map(|(one, _)| EnvironmentRow::new(one)))?;
    writeln!(out, "}}")
}

pub(super) fn diff(out: &mut dyn Write, differs: &Differs) -> io::Result<()> {
    let [from, to] = [&differs.from, &differs.to].map(|one| Line::of(&SnapshotRow::new(one)));
    write!(out, "{{\"schema\":\"aios.diff/1\",\"from\":{},\"to\":{}", from?, to?)?;
    write!(out, ",\"environments\":")?;
    write_array(out, differs.environments.iter().map(DifferingRow::new))?;
    write!(out, ",\"entries\":")?;
    write_array(out, differs.entries.iter().map(EntryRow::new))?;
    writeln!(out, "}}")
}

pub(super) fn prune(out: &mut dyn Write, pruned: &Pruned) -> io::Result<()> {
    write!(out, "{{\"schema\":\"aios.prune/1\",\"removed\":")?;
    write_array(out, pruned.removed.iter().map(SnapshotRow::new))?;
    write!(out, ",\"left\":{},\"held\":", pruned.left)?;
    write_array(out, pruned.held.iter().map(|(id, prefixes)| HeldRow::new(id.0, prefixes)))?;
    let freed = Line::of(&pruned.freed_bytes)?;
    writeln!(out, ",\"unused_bytes\":{},\"freed_bytes\":{freed}}}", pruned.unused_bytes)
}

pub(super) fn history(out: &mut dyn Write, stories: &[Story]) -> io::Result<()> {
    write!(out, "{{\"schema\":\"aios.history/1\",\"histories\":")?;
    write_array(out, stories.iter().map(StoryRow::new))?;
    writeln!(out, "}}")
}

pub(super) fn recall(out: &mut dyn Write, all: &[Recollection]) -> io::Result<()> {
    write!(out, "{{\"schema\":\"aios.recall/1\",\"recollections\":")?;
    write_array(out, all.iter().map(RecollectionRow::new))?;
    writeln!(out, "}}")
}

#[derive(Serialize)]
struct SnapshotRow<'a> {
    id: u64,
    time: String,
    name: Option<&'a str>,
    reason: &'a str,
    hash: String,
    records: u64,
    bytes: u64,
}

impl<'a> SnapshotRow<'a> {
    fn new(snapshot: &'a Snapshot) -> SnapshotRow<'a> {
        SnapshotRow {
            id: snapshot.id.0,
            time: time::utc(snapshot.about.time_ms),
            name: snapshot.about.name.as_deref(),
            reason: &snapshot.about.reason,
            hash: snapshot.hash.to_string(),
            records: snapshot.totals.records,
            bytes: snapshot.totals.bytes,
        }
    }
}

#[derive(Serialize)]
struct ListedRow<'a> {
    #[serde(flatten)]
    snapshot: SnapshotRow<'a>,
    environments: usize,
    broken: usize,
    changed: Vec<TouchedRow<'a>>,
    entries: usize,
    alone_bytes: u64,
}

impl<'a> ListedRow<'a> {
    fn new(one: &'a Listed) -> ListedRow<'a> {
        ListedRow {
            snapshot: SnapshotRow::new(&one.snapshot),
            environments: one.environments,
            broken: one.broken,
            changed: one.touched.iter().map(TouchedRow::new).collect(),
            entries: one.entries,
            alone_bytes: one.alone_bytes,
        }
    }
}

#[derive(Serialize)]
struct TouchedRow<'a> {
    id: &'a str,
    prefix: JsonPath<'a>,
    how: &'static str,
}

impl<'a> TouchedRow<'a> {
    fn new(one: &'a Touched) -> TouchedRow<'a> {
        TouchedRow { id: &one.id.0, prefix: JsonPath(&one.prefix), how: one.how.as_str() }
    }
}

#[derive(Serialize)]
struct EnvironmentRow<'a> {
    id: &'a str,
    prefix: JsonPath<'a>,
    status: &'static str,
    facts: Facts<'a>,
    distributions: Vec<InstalledRow<'a>>,
    conda: &'a [String],
    findings: Vec<FoundRow<'a>>,
    files: &'a [String],
    bytes: u64,
}

impl<'a> EnvironmentRow<'a> {
    fn new(one: &'a Environment) -> EnvironmentRow<'a> {
        EnvironmentRow {
            id: &one.id.0,
            prefix: JsonPath(&one.prefix),
            status: one.status.as_str(),
            facts: Facts(&one.facts),
            distributions: one.distributions.iter().map(InstalledRow::new).collect(),
            conda: &one.conda,
            findings: one.findings.iter().map(FoundRow::new).collect(),
            files: &one.files,
            bytes: one.bytes,
        }
    }
}

/// With the names that the fields have in other documents.
struct Facts<'a>(&'a [(String, OsString)]);

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (field, value) in self.0 {
            map.serialize_entry(&field.replace('-', "_"), &JsonPath(Path::new(value)))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct InstalledRow<'a> {
    name: &'a str,
    version: &'a str,
    folder: &'a str,
}

impl<'a> InstalledRow<'a> {
    fn new(one: &'a Installed) -> InstalledRow<'a> {
        InstalledRow { name: &one.name, version: &one.version, folder: &one.folder }
    }
}

#[derive(Serialize)]
struct FoundRow<'a> {
    code: &'a str,
    severity: &'static str,
    message: &'a str,
    paths: Vec<JsonPath<'a>>,
}

impl<'a> FoundRow<'a> {
    fn new(found: &'a Found) -> FoundRow<'a> {
        FoundRow {
            code: &found.code,
            severity: words::severity(found.severity),
            message: &found.message,
            paths: found.paths.iter().map(|path| JsonPath(path)).collect(),
        }
    }
}

#[derive(Serialize)]
struct DifferingRow<'a> {
    id: &'a str,
    prefix: JsonPath<'a>,
    how: &'static str,
    status_before: Option<&'static str>,
    status_after: Option<&'static str>,
    changes: Vec<ChangeRow<'a>>,
}

impl<'a> DifferingRow<'a> {
    fn new(one: &'a Differing) -> DifferingRow<'a> {
        DifferingRow {
            id: &one.id.0,
            prefix: JsonPath(&one.prefix),
            how: one.how.as_str(),
            status_before: one.status_before().map(Status::as_str),
            status_after: one.status_after().map(Status::as_str),
            changes: changes(&one.changes),
        }
    }
}

fn changes(all: &[Change]) -> Vec<ChangeRow<'_>> {
    words::in_order(all).into_iter().map(ChangeRow::new).collect()
}

#[derive(Serialize)]
struct ChangeRow<'a> {
    what: &'static str,
    how: &'static str,
    name: Cow<'a, str>,
    before: Option<&'a str>,
    after: Option<&'a str>,
    files: Option<usize>,
    severity: Option<&'static str>,
    message: Option<&'a str>,
    paths: Option<Vec<JsonPath<'a>>>,
}

impl<'a> ChangeRow<'a> {
    fn new(change: &'a Change) -> ChangeRow<'a> {
        let row = |what, how, name: &'a str| ChangeRow {
            what,
            how,
            name: Cow::Borrowed(name),
            before: None,
            after: None,
            files: None,
            severity: None,
            message: None,
            paths: None,
        };
        let values = |what, name, before: Option<&'a str>, after: Option<&'a str>| {
            let how = match (before, after) {
                (None, _) => "added",
                (_, None) => "removed",
                _ => "changed",
            };
            ChangeRow { before, after, ..row(what, how, name) }
        };
        let finding = |found: &'a Found, how| {
            let FoundRow { code, severity, message, paths } = FoundRow::new(found);
            ChangeRow {
                severity: Some(severity),
                message: Some(message),
                paths: Some(paths),
                ..row("finding", how, code)
            }
        };
        match change {
            Change::Fact { field, before, after } => {
                let row = values("fact", field, before.as_deref(), after.as_deref());
                ChangeRow { name: Cow::Owned(field.replace('-', "_")), ..row }
            }
            Change::Added(one) => values("distribution", &one.name, None, Some(&one.version)),
            Change::Removed(one) => values("distribution", &one.name, Some(&one.version), None),
            Change::Version { name, before, after } => {
                values("distribution", name, Some(before), Some(after))
            }
            Change::Files { installed, files } => {
                let version = Some(installed.version.as_str());
                let row = values("files", &installed.name, version, version);
                ChangeRow { files: Some(*files), ..row }
            }
            Change::Conda { name, is_there } => row("conda", added(*is_there), name),
            Change::File { path, is_new } => row("file", is_new.map_or("changed", added), path),
            Change::Appeared(found) => finding(found, "added"),
            Change::Gone(found) => finding(found, "removed"),
        }
    }
}

fn added(is_there: bool) -> &'static str {
    if is_there { "added" } else { "removed" }
}

#[derive(Serialize)]
struct EntryRow<'a> {
    path: Keys<'a>,
    how: &'static str,
}

impl<'a> EntryRow<'a> {
    fn new(entry: &'a Entry) -> EntryRow<'a> {
        EntryRow { path: Keys(&entry.path), how: entry.is_new.map_or("changed", added) }
    }
}

/// Keys are bytes on every system.
struct Keys<'a>(&'a [Vec<u8>]);

impl Serialize for Keys<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Key<'a> {
            Text(&'a str),
            Bytes { bytes: String },
        }
        let mut keys = serializer.serialize_seq(Some(self.0.len()))?;
        for key in self.0 {
            keys.serialize_element(&match std::str::from_utf8(key) {
                Ok(text) => Key::Text(text),
                Err(_) => Key::Bytes { bytes: STANDARD.encode(key) },
            })?;
        }
        keys.end()
    }
}

#[derive(Serialize)]
struct HeldRow<'a> {
    id: u64,
    prefixes: Vec<JsonPath<'a>>,
}

impl<'a> HeldRow<'a> {
    fn new(id: u64, prefixes: &'a [PathBuf]) -> HeldRow<'a> {
        HeldRow { id, prefixes: prefixes.iter().map(|prefix| JsonPath(prefix)).collect() }
    }
}

#[derive(Serialize)]
struct StoryRow<'a> {
    id: &'a str,
    prefix: JsonPath<'a>,
    exists: bool,
    status: &'static str,
    since: Option<String>,
    codes: Vec<String>,
    just_before: Vec<ChangeRow<'a>>,
    last_healthy: Option<LastRow>,
    summary: String,
    next: Option<String>,
    moments: Vec<MomentRow<'a>>,
}

#[derive(Serialize)]
struct LastRow {
    snapshot: u64,
    time: String,
}

impl<'a> StoryRow<'a> {
    fn new(story: &'a Story) -> StoryRow<'a> {
        let (since, before, last) = match story.end() {
            Some(End::Whole { since }) => (Some(since), None, story.history.last_whole()),
            Some(End::Broken { since, before, last_whole }) => (Some(since), before, last_whole),
            Some(End::Gone { since, last_whole }) => (Some(since), None, last_whole),
            None => (None, None, None),
        };
        let moments = &story.history.moments;
        let status = moments.last().map_or("gone", status);
        StoryRow {
            id: &story.history.id.0,
            prefix: JsonPath(&story.prefix),
            exists: story.exists,
            status,
            since: since.map(|moment| time::utc(moment.snapshot.about.time_ms)),
            codes: match status {
                "broken" => story.codes(Status::Broken),
                "warning" => story.codes(Status::Warning),
                _ => Vec::new(),
            },
            just_before: before
                .map(|moment| {
                    words::causes(&moment.changes).into_iter().map(ChangeRow::new).collect()
                })
                .unwrap_or_default(),
            last_healthy: last.map(|moment| LastRow {
                snapshot: moment.last.id.0,
                time: time::utc(moment.last.about.time_ms),
            }),
            summary: story.sentence(),
            next: story.next(None),
            moments: moments.iter().map(MomentRow::new).collect(),
        }
    }
}

fn status(moment: &Moment) -> &'static str {
    moment.state.as_ref().map_or("gone", |state| state.status().as_str())
}

#[derive(Serialize)]
struct MomentRow<'a> {
    snapshot: u64,
    time: String,
    last_snapshot: u64,
    last_time: String,
    name: Option<&'a str>,
    reason: &'a str,
    status: &'static str,
    changes: Vec<ChangeRow<'a>>,
}

impl<'a> MomentRow<'a> {
    fn new(moment: &'a Moment) -> MomentRow<'a> {
        let about = &moment.snapshot.about;
        MomentRow {
            snapshot: moment.snapshot.id.0,
            time: time::utc(about.time_ms),
            last_snapshot: moment.last.id.0,
            last_time: time::utc(moment.last.about.time_ms),
            name: about.name.as_deref(),
            reason: &about.reason,
            status: status(moment),
            changes: changes(&moment.changes),
        }
    }
}

#[derive(Serialize)]
struct RecollectionRow<'a> {
    packages: &'a [String],
    history: Option<StoryRow<'a>>,
    since_healthy: Vec<ChangeRow<'a>>,
    alike: Vec<AlikeRow<'a>>,
    repaired: Vec<RepairedRow<'a>>,
}

impl<'a> RecollectionRow<'a> {
    fn new(one: &'a Recollection) -> RecollectionRow<'a> {
        RecollectionRow {
            packages: &one.packages,
            history: one.story.as_ref().map(StoryRow::new),
            since_healthy: changes(&one.since_whole),
            alike: one.alike.iter().map(AlikeRow::new).collect(),
            repaired: one.repaired.iter().map(RepairedRow::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct AlikeRow<'a> {
    id: &'a str,
    prefix: JsonPath<'a>,
    snapshot: u64,
    time: String,
    distributions: usize,
    facts: Facts<'a>,
    similarity: f64,
    shared: usize,
    exact: bool,
}

impl<'a> AlikeRow<'a> {
    fn new(one: &'a Alike) -> AlikeRow<'a> {
        AlikeRow {
            id: &one.environment.id.0,
            prefix: JsonPath(&one.environment.prefix),
            snapshot: one.snapshot.id.0,
            time: time::utc(one.snapshot.about.time_ms),
            distributions: one.environment.installed(),
            facts: Facts(&one.environment.facts),
            similarity: one.found.similarity,
            shared: one.found.shared,
            exact: one.found.exact,
        }
    }
}

#[derive(Serialize)]
struct RepairedRow<'a> {
    prefix: JsonPath<'a>,
    time: String,
    codes: Vec<&'a str>,
    actions: &'a [String],
    outcome: &'a str,
    similarity: f64,
}

impl<'a> RepairedRow<'a> {
    fn new(one: &'a aios_core::engine::repairs::Alike) -> RepairedRow<'a> {
        let repaired = &one.repaired;
        RepairedRow {
            prefix: JsonPath(&repaired.prefix),
            time: time::utc(repaired.time_ms),
            codes: repaired.codes.iter().map(String::as_str).collect(),
            actions: &repaired.actions,
            outcome: &repaired.outcome,
            similarity: one.similarity,
        }
    }
}
