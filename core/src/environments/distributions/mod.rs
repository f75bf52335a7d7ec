//! Installed distributions: `.dist-info` folders with METADATA, RECORD and their companions.
//!
//! Reads, does not judge. Everything is bounded, and one file that is hard-linked into many
//! environments (uv and conda do that) is parsed once per run.

use std::path::PathBuf;
use std::sync::Arc;

use crate::fs::Entry;

/// The distributions of an environment, one [`Site`] for each of its site-packages folders.
#[derive(Debug, Clone, Default)]
pub struct Installed {
    /// In the order of `Environment::site_packages`.
    pub sites: Vec<Site>,
}

/// One site-packages folder.
#[derive(Debug, Clone)]
pub struct Site {
    /// The folder.
    pub folder: PathBuf,
    /// Its entries, sorted by name.
    pub entries: Vec<Entry>,
    /// What is installed into it, in the order of the entries.
    pub distributions: Vec<Distribution>,
}

/// A part of a distribution's metadata that is or is not there.
#[derive(Debug, Clone)]
pub enum Part<T> {
    /// Read.
    Read(Arc<T>),
    /// No such file.
    Missing,
    /// This user may not read it.
    Denied,
    /// It is there and makes no sense: why, in words ("is empty", "is filled with NULs").
    Bad(String),
}

/// One `.dist-info` folder (or `.egg-info`, for old or system-installed ones).
#[derive(Debug, Clone)]
pub struct Distribution {
    /// The `.dist-info` folder; for an `.egg-info` it may be a file.
    pub info: PathBuf,
    /// Names of the entries in `info`, sorted. Empty for a file.
    pub info_entries: Vec<Entry>,
    /// Normalized name (PEP 503: `ruamel-yaml`).
    pub name: String,
    /// As the folder's name or METADATA has it.
    pub version: String,
    /// METADATA (or PKG-INFO).
    pub metadata: Part<Metadata>,
    /// RECORD.
    pub record: Part<Record>,
    /// INSTALLER, trimmed and in lower case (`pip`, `uv`, `conda`).
    pub installer: Option<String>,
    /// WHEEL.
    pub wheel: Option<Arc<Wheel>>,
    /// `console_scripts` and `gui_scripts` of `entry_points.txt`: names of the commands.
    pub commands: Vec<String>,
    /// `direct_url.json` of an editable install: the project's folder.
    pub editable: Option<PathBuf>,
}

/// The fields of METADATA that checks need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `Name`, as written.
    pub name: String,
    /// `Version`, as written.
    pub version: String,
    /// `Requires-Dist`, as written, unparsed.
    pub requires: Vec<String>,
    /// `Provides-Extra`.
    pub extras: Vec<String>,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
}

/// The lines of RECORD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// One for each file, in the order of RECORD.
    pub files: Vec<RecordedFile>,
}

/// One line of RECORD: `idna/core.py,sha256=...,12950`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedFile {
    /// Relative to site-packages, `/`-separated; may start with `../`.
    pub path: String,
    /// `sha256=<urlsafe base64 without padding>`, when there is one.
    pub hash: Option<String>,
    /// Size in bytes, when there is one.
    pub bytes: Option<u64>,
}

/// The fields of WHEEL that checks need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wheel {
    /// `Root-Is-Purelib: true`.
    pub pure: bool,
    /// `Tag`, each as written (`cp312-cp312-manylinux_2_17_x86_64`).
    pub tags: Vec<String>,
}

/// What was read before in this run.
#[derive(Debug, Default)]
pub struct Shared {}

/// Reads the distributions of these folders.
pub fn read(site_packages: &[PathBuf], shared: &Shared) -> (Installed, Vec<super::Problem>) {
    let _ = (site_packages, shared);
    (Installed::default(), Vec::new())
}
