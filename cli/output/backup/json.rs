//! The documents of backups. This text is their specification; what holds of all documents (paths, escapes,
//! what may change within a version) is that of [`crate::output::json`].
//!
//! | command | `schema` | fields |
//! |---|---|---|
//! | `backup show`, `create` | `aios.backup/1` | `file` (path), `bytes` (of the file), `encrypted` (whether it takes a key to read it), and those of the manifest but `schema` |
//! | `backup verify` | `aios.backup-verify/1` | `file`, `members` (how many), `bytes` (of all, unpacked), `damaged` |
//! | `backup restore` | `aios.backup-restore/1` | `environments` |
//!
//! The fields of the manifest (`written_by`, `created`, `machine`, `active`, `environments`, `interpreters`,
//! `projects`, `snapshot`, `left_out`, `members`) are specified in `core/src/environments/backup/manifest.rs`.
//!
//! An **environment** of `aios.backup-restore/1`: `id` and `saved_prefix` as they are in the backup, `prefix` here,
//! `outcome` (`exact`, `differs`, `not-restored`; with `--dry-run` `planned`), `base_executable` (path, or null
//! where no Python here fits), `stands` (what stood there before: `nothing`, `begun`, `something`), `differences`
//! (for people), `why` and `hint` (why there is none, and what to do; or null).
//!
//! A **damaged** member: `name` in the archive, and `message`, why, for people.

use std::io::{self, Write};

use aios_core::environments::backup::restore::{Outcome, Stand, Target};
use aios_core::environments::backup::{Backup, Verified};
use serde::Serialize;

use super::restore::{Restored, word};

use crate::output::json::{JsonPath, Line, write_array};

pub(super) fn show(out: &mut dyn Write, backup: &Backup) -> io::Result<()> {
    let manifest = backup.manifest();
    let file = Line::of(&JsonPath(backup.path()))?;
    write!(out, "{{\"schema\":\"aios.backup/1\",\"file\":{file},\"bytes\":{}", backup.bytes())?;
    write!(out, ",\"encrypted\":{}", backup.is_encrypted())?;
    write!(out, ",\"written_by\":{}", Line::of(&manifest.written_by)?)?;
    write!(out, ",\"created\":{}", Line::of(&manifest.created)?)?;
    write!(out, ",\"machine\":{}", Line::of(&manifest.machine)?)?;
    write!(out, ",\"active\":{}", Line::of(&manifest.active)?)?;
    write!(out, ",\"snapshot\":{},\"environments\":", Line::of(&manifest.snapshot)?)?;
    write_array(out, manifest.environments.iter())?;
    write!(out, ",\"interpreters\":")?;
    write_array(out, manifest.interpreters.iter())?;
    write!(out, ",\"projects\":")?;
    write_array(out, manifest.projects.iter())?;
    write!(out, ",\"left_out\":")?;
    write_array(out, manifest.left_out.iter())?;
    write!(out, ",\"members\":")?;
    write_array(out, manifest.members.iter())?;
    writeln!(out, "}}")
}

#[derive(Serialize)]
struct DamagedRow<'a> {
    name: &'a str,
    message: &'a str,
}

pub(super) fn verify(out: &mut dyn Write, backup: &Backup, verified: &Verified) -> io::Result<()> {
    let file = Line::of(&JsonPath(backup.path()))?;
    write!(out, "{{\"schema\":\"aios.backup-verify/1\",\"file\":{file}")?;
    write!(out, ",\"members\":{},\"bytes\":{}", verified.members, verified.bytes)?;
    write!(out, ",\"damaged\":")?;
    let damaged = verified.damaged.iter();
    write_array(out, damaged.map(|one| DamagedRow { name: &one.name, message: &one.what }))?;
    writeln!(out, "}}")
}

#[derive(Serialize)]
struct RestoredRow<'a> {
    id: &'a str,
    saved_prefix: JsonPath<'a>,
    prefix: JsonPath<'a>,
    outcome: &'static str,
    base_executable: Option<JsonPath<'a>>,
    stands: &'static str,
    differences: &'a [String],
    why: Option<&'a str>,
    hint: Option<&'a str>,
}

impl<'a> RestoredRow<'a> {
    fn new(target: &'a Target<'_>, outcome: Option<&'a Outcome>) -> RestoredRow<'a> {
        let hindrance = match outcome {
            Some(Outcome::NotRestored(hindrance)) => Some(hindrance),
            Some(_) => None,
            None => target.base.as_ref().err(),
        };
        RestoredRow {
            id: &target.saved.id.0,
            saved_prefix: JsonPath(&target.saved.prefix),
            prefix: JsonPath(&target.prefix),
            outcome: outcome.map_or("planned", word),
            base_executable: target.base.as_ref().ok().map(|base| JsonPath(&base.executable)),
            stands: match target.stand {
                Stand::Free => "nothing",
                Stand::Begun => "begun",
                Stand::Taken => "something",
            },
            differences: match outcome {
                Some(Outcome::Differs(differences)) => differences,
                _ => &[],
            },
            why: hindrance.map(|hindrance| hindrance.why.as_str()),
            hint: hindrance.map(|hindrance| hindrance.hint.as_str()),
        }
    }
}

pub(super) fn planned(out: &mut dyn Write, targets: &[Target<'_>]) -> io::Result<()> {
    restored_rows(out, targets.iter().map(|target| RestoredRow::new(target, None)))
}

pub(super) fn restored(out: &mut dyn Write, all: &[Restored<'_>]) -> io::Result<()> {
    restored_rows(out, all.iter().map(|one| RestoredRow::new(one.target, Some(&one.outcome))))
}

fn restored_rows<'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = RestoredRow<'a>>,
) -> io::Result<()> {
    write!(out, "{{\"schema\":\"aios.backup-restore/1\",\"environments\":")?;
    write_array(out, rows)?;
    writeln!(out, "}}")
}
