//! The documents of what is remembered. This text is their specification; what holds of all documents
//! (paths, escapes, what may change within a version) is that of [`crate::output::json`].
//!
//! | command | `schema` | fields |
//! |---|---|---|
//! | `snapshot list` | `aios.snapshots/1` | `snapshots`, the oldest first |
//! | `snapshot show`, `take` | `aios.snapshot/1` | `snapshot`, `entries` (how many of other programs), `environments` |
//! | `snapshot diff` | `aios.diff/1` | `from`, `to` (snapshots), `environments`, `entries` |
//! | `snapshot restore` | `aios.restore/1` | `snapshot`, `saved` (the number of the snapshot that keeps the entries of before, or null), `entries`, `environments` |
//! | `snapshot prune` | `aios.prune/1` | `removed` (snapshots), `left`, `held`, `unused_bytes`, `freed_bytes` |
//! | `snapshot verify` | `aios.verify/1` | `blocks`, `bytes`, `damaged` (blocks), `healed` (blocks, or null), `parts` |
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
//! In `aios.restore/1` the environments are those of `aios.diff/1`, from what stands on disk to what the
//! snapshot has; nothing on disk is changed.
//!
//! A **part** of `aios.verify/1` is what damaged blocks belong to: `path` (keys), `environment` (an identity)
//! and `prefix`, or null; `present` (whether it is damaged as it was seen last); `damaged_in` and `whole_in`
//! (numbers of snapshots).
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
//! `time` in which it was last so, `distributions` (a number), `same_distributions` (those of the
//! same version that both have), `facts`, `similarity` (0 to 1: what both have, of
//! what either has), `shared` (tokens of the question that it has), `exact` (false: estimated, since the
//! index is damaged)), and `repaired` (earlier repairs of like findings: `prefix`, `time`, `codes`, `actions`,
//! `outcome` (`repaired`, `partly`, `failed`), `similarity`).

use std::io::{self, Write};

use super::rows::{
    DifferingRow, EntryRow, EnvironmentRow, HeldRow, ListedRow, PartRow, RecollectionRow,
    SnapshotRow, StoryRow,
};
use super::*;
use crate::output::json::{Line, write_array};

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

pub(super) fn restore(out: &mut dyn Write, restored: &Restored) -> io::Result<()> {
    let snapshot = Line::of(&SnapshotRow::new(&restored.snapshot))?;
    let saved = Line::of(&restored.saved.map(|id| id.0))?;
    write!(out, "{{\"schema\":\"aios.restore/1\",\"snapshot\":{snapshot},\"saved\":{saved}")?;
    write!(out, ",\"entries\":")?;
    write_array(out, restored.entries.iter().map(EntryRow::new))?;
    write!(out, ",\"environments\":")?;
    write_array(out, restored.environments.iter().map(DifferingRow::new))?;
    writeln!(out, "}}")
}

pub(super) fn verify(out: &mut dyn Write, verified: &Verified) -> io::Result<()> {
    let checked = &verified.checked;
    let healed = Line::of(&verified.healed)?;
    write!(out, "{{\"schema\":\"aios.verify/1\",\"blocks\":{}", checked.blocks)?;
    write!(out, ",\"bytes\":{},\"damaged\":{}", checked.bytes, checked.damage.len())?;
    write!(out, ",\"healed\":{healed},\"parts\":")?;
    write_array(out, checked.parts.iter().map(PartRow::new))?;
    writeln!(out, "}}")
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
