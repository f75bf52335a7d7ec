//! The documents of backups. This text is their specification; what holds of all documents (paths, escapes,
//! what may change within a version) is that of [`crate::output::json`].
//!
//! | command | `schema` | fields |
//! |---|---|---|
//! | `backup show`, `create` | `aios.backup/1` | `file` (path), `bytes` (of the file), and those of the manifest but `schema` |
//! | `backup verify` | `aios.backup-verify/1` | `file`, `members` (how many), `bytes` (of all, unpacked), `damaged` |
//!
//! The fields of the manifest (`written_by`, `created`, `machine`, `environments`, `interpreters`, `projects`,
//! `snapshot`, `left_out`, `members`) are specified in `core/src/environments/backup/manifest.rs`.
//!
//! A **damaged** member: `name` in the archive, and `message`, why, for people.

use std::io::{self, Write};

use aios_core::environments::backup::{Backup, Verified};
use serde::Serialize;

use crate::output::json::{JsonPath, Line, write_array};

pub(super) fn show(out: &mut dyn Write, backup: &Backup) -> io::Result<()> {
    let manifest = backup.manifest();
    let file = Line::of(&JsonPath(backup.path()))?;
    write!(out, "{{\"schema\":\"aios.backup/1\",\"file\":{file},\"bytes\":{}", backup.bytes())?;
    write!(out, ",\"written_by\":{}", Line::of(&manifest.written_by)?)?;
    write!(out, ",\"created\":{}", Line::of(&manifest.created)?)?;
    write!(out, ",\"machine\":{}", Line::of(&manifest.machine)?)?;
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
