//! Where things are in the context, and what their bytes mean.
//!
//! ```text
//! environments/ID/facts/FIELD                 text, or a path as the system has it
//! environments/ID/findings/CODE NUMBER        severity; the message, then each path, with a zero between
//! environments/ID/distributions/FOLDER/name   normalized
//! environments/ID/distributions/FOLDER/version
//! environments/ID/distributions/FOLDER/files/PATH    weight: size; SHA-256, or another hash as RECORD has it
//! environments/ID/instance/FOLDER/NAME        what differs between two installs of the same: RECORD, scripts
//! environments/ID/volatile/FOLDER/PATH        bytecode
//! environments/ID/conda/NAME                  packages that conda says are installed
//! environments/ID/files/PATH                  the rest: pyvenv.cfg, interpreters, what belongs to no distribution
//! context/...                                 what other programs put there
//! repairs/SIGNATURE/TIME                      which findings were there, and what became of them
//! ```
//!
//! ID is that of [`crate::EnvironmentId`], FOLDER the name of a folder of metadata (`idna-3.10.dist-info`).
//! Names are of bytes; those of paths have `/` between folders.

use crate::environments::health;
use crate::index::fractal::Severity;

/// Environments by ID.
pub const ENVIRONMENTS: &[u8] = b"environments";
/// Entries that other programs put.
pub const CONTEXT: &[u8] = b"context";
/// What was repaired.
pub const REPAIRS: &[u8] = b"repairs";

pub(super) const CONDA: &[u8] = b"conda";
pub(super) const DISTRIBUTIONS: &[u8] = b"distributions";
pub(super) const FACTS: &[u8] = b"facts";
pub(super) const FILES: &[u8] = b"files";
pub(super) const FINDINGS: &[u8] = b"findings";
pub(super) const INSTANCE: &[u8] = b"instance";
pub(super) const VOLATILE: &[u8] = b"volatile";

pub(super) const NAME: &[u8] = b"name";
pub(super) const VERSION: &[u8] = b"version";

/// What the bytes of a value are, as its tag says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Tag {
    /// Text, or a path.
    Text = 1,
    /// A finding.
    Finding = 2,
    /// The SHA-256 of a file, nothing, or a hash as RECORD has it; the weight is its size.
    File = 3,
    /// The content of a file.
    Content = 4,
    /// The target of a link.
    Link = 5,
    /// Nothing: a folder.
    Folder = 6,
    /// A repair: see [`super::repairs`].
    Repair = 7,
}

pub(super) fn severity(of: health::Severity) -> Severity {
    match of {
        health::Severity::Info => Severity::Info,
        health::Severity::Warning => Severity::Warning,
        health::Severity::Error => Severity::Error,
    }
}
