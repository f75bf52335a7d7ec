//! Installed distributions: `.dist-info` folders with METADATA, RECORD and their companions.
//!
//! Reads, does not judge. Everything is bounded, and one file that is hard-linked into many
//! environments (uv and conda do that) is parsed once per run.
//!
//! - [`read_for`] reads an environment and what it inherits from its base; [`read`] only folders.
//! - [`Shared`] is what the environments of a run share: each distinct file is parsed once.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use foldhash::quality::RandomState;

use super::Problem;
use super::facts::Facts;
use crate::fs::{self, Entry, Folder, Kind, Seen};
use crate::host::Host;

pub mod direct_url;
mod egg;
pub mod entry_points;
mod inherited;
pub mod metadata;
mod name;
pub mod record;
mod shared;
mod site;
mod wheel;

#[cfg(test)]
mod tests;

pub use name::{normalize, of_folder};
pub use shared::Shared;
pub use site::Listed;

/// What INSTALLER holds of those that install wheels into environments.
const WHEEL_INSTALLERS: [&str; 11] = [
    "pip",
    "uv",
    "poetry",
    "pdm",
    "pipenv",
    "pipx",
    "hatch",
    "rye",
    "installer",
    "uv-pixi",
    "flit",
];

/// A parsed `Requires-Dist`.
pub type Requirement = pep508_rs::Requirement;

/// Reads the distributions of the folders. A folder that does not exist has none; one that cannot
/// be listed is a problem and stands in [`Installed::unreadable`].
pub fn read(site_packages: &[PathBuf], shared: &Shared) -> (Installed, Vec<Problem>) {
    let mut installed = Installed::default();
    let mut problems = Vec::new();
    for folder in site_packages {
        match site::read(folder, shared) {
            Ok(site) => installed.sites.push(site),
            Err(error) if crate::fs::missing(&error) => {}
            Err(error) => {
                problems.push(Problem::new(folder, format!("cannot be listed: {error}")));
                installed.unreadable.push(folder.clone());
            }
        }
    }
    (installed, problems)
}

/// Reads the distributions of an environment, and those that it sees of its base
/// (`include-system-site-packages`) or of the user.
pub fn read_for(
    host: &Host,
    facts: &Facts,
    site_packages: &[PathBuf],
    shared: &Shared,
) -> (Installed, Vec<Problem>) {
    let (mut installed, problems) = read(site_packages, shared);
    for folder in inherited::folders(host, facts) {
        if !site_packages.contains(&folder) {
            // What others own is not ours to complain about: a folder that is not there is no loss.
            installed.inherited.extend(shared.site(&folder));
        }
    }
    (installed, problems)
}

/// The distributions of an environment, one [`Site`] for each of its site-packages folders.
#[derive(Debug, Clone, Default)]
pub struct Installed {
    /// In the order of `Environment::site_packages`.
    pub sites: Vec<Site>,
    /// What the environment can import and does not own: the base's folders when
    /// `include-system-site-packages` is on, and the user's. Satisfies requirements, is not judged.
    pub inherited: Vec<Arc<Site>>,
    /// Folders that could not be listed: what is in them is unknown.
    pub unreadable: Vec<PathBuf>,
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
    /// The folder itself, kept open: looks at thousands of files below it then need not walk its path.
    pub open: Option<Arc<Folder>>,
    /// What looks told, where they are asked for again.
    pub looks: Option<Looks>,
}

/// What stood at paths below a folder, links themselves.
#[derive(Debug, Default)]
pub struct Looks(Mutex<HashMap<OsString, Seen, RandomState>>);

// A copy asks anew.
impl Clone for Looks {
    fn clone(&self) -> Looks {
        Looks::default()
    }
}

impl Looks {
    fn known(&self, below: &Path) -> Option<Seen> {
        self.0.lock().ok()?.get(below.as_os_str()).copied()
    }

    fn keep(&self, below: &Path, seen: Seen) {
        if let Ok(mut known) = self.0.lock() {
            known.insert(below.as_os_str().to_owned(), seen);
        }
    }
}

impl Site {
    /// Whether the folder has an entry of this name.
    pub fn has(&self, name: &str) -> bool {
        let name = std::ffi::OsStr::new(name);
        self.entries.binary_search_by(|entry| entry.name.as_os_str().cmp(name)).is_ok()
    }

    /// What stands at a path below the folder, links followed.
    pub fn look(&self, below: impl AsRef<Path>) -> io::Result<Seen> {
        let below = below.as_ref();
        // Few are links, and what others are is asked for once.
        if self.looks.is_some() {
            let seen = self.look_at_link(below)?;
            if seen.kind != Kind::Link {
                return Ok(seen);
            }
        }
        match &self.open {
            Some(folder) => folder.look(below),
            None => Ok(Seen::from(&fs::below(&self.folder, below).metadata()?)),
        }
    }

    /// A regular file below the folder, opened, and what it is. `None` for all else, and where that cannot be told:
    /// then its path leads to it.
    pub fn open_file(&self, below: impl AsRef<Path>) -> Option<(File, Seen)> {
        let below = below.as_ref();
        let (file, seen) = self.open.as_ref()?.open_file(below).ok()?;
        if let Some(looks) = &self.looks {
            looks.keep(below, seen);
        }
        Some((file, seen))
    }

    /// The same of a link itself.
    pub fn look_at_link(&self, below: impl AsRef<Path>) -> io::Result<Seen> {
        let below = below.as_ref();
        if let Some(seen) = self.looks.as_ref().and_then(|looks| looks.known(below)) {
            return Ok(seen);
        }
        let seen = match &self.open {
            Some(folder) => folder.look_at_link(below)?,
            None => Seen::from(&fs::below(&self.folder, below).symlink_metadata()?),
        };
        if let Some(looks) = &self.looks {
            looks.keep(below, seen);
        }
        Ok(seen)
    }

    /// Each entry that is a folder, and what was seen of it: listing a distribution told, or a look does.
    pub fn folders(&self) -> impl Iterator<Item = (&Entry, io::Result<Seen>)> {
        let listed = |one: &Distribution| Some((one.info.file_name()?.to_owned(), one.seen?));
        // In the order of the entries.
        let mut listed = self.distributions.iter().filter_map(listed).peekable();
        self.entries.iter().filter(|entry| entry.kind == Kind::Folder).map(move |entry| {
            let seen = match listed.next_if(|(name, _)| *name == entry.name) {
                Some((_, seen)) => Ok(seen),
                None => self.look_at_link(&entry.name),
            };
            (entry, seen)
        })
    }
}

/// A part of a distribution's metadata that is or is not there.
#[derive(Debug)]
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

// Not derived: what is shared need not be `Clone` itself.
impl<T> Clone for Part<T> {
    fn clone(&self) -> Part<T> {
        match self {
            Part::Read(content) => Part::Read(Arc::clone(content)),
            Part::Missing => Part::Missing,
            Part::Denied => Part::Denied,
            Part::Bad(reason) => Part::Bad(reason.clone()),
        }
    }
}

impl<T> Part<T> {
    /// The content, where it was read.
    pub fn get(&self) -> Option<&T> {
        match self {
            Part::Read(content) => Some(content),
            _ => None,
        }
    }

    /// Whether it is known to be absent or useless. What may not be read is not.
    pub fn is_lost(&self) -> bool {
        matches!(self, Part::Missing | Part::Bad(_))
    }
}

/// One `.dist-info` folder (or `.egg-info`, for old or system-installed ones).
#[derive(Debug, Clone)]
pub struct Distribution {
    /// The `.dist-info` folder; for an `.egg-info` it may be a file.
    pub info: PathBuf,
    /// Whether `info` is a folder that holds anything.
    pub holds_files: bool,
    /// What its files say. One for all the environments that hard-link them.
    pub content: Arc<Content>,
    /// What the listing of `info` tells of the files that were read.
    pub listed: Listed,
    /// `info` itself, links followed, where it is a folder that was listed.
    pub seen: Option<Seen>,
}

/// What the metadata of a distribution says, wherever it is installed.
#[derive(Debug, Clone)]
pub struct Content {
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

impl std::ops::Deref for Distribution {
    type Target = Content;

    fn deref(&self) -> &Content {
        &self.content
    }
}

impl Distribution {
    /// Whether a wheel was installed (`.dist-info`); else it is an egg or a link to one.
    pub fn is_dist_info(&self) -> bool {
        // By bytes: a `Path` is taken apart first.
        self.info.as_os_str().as_encoded_bytes().ends_with(b".dist-info")
    }

    /// The name of the folder of metadata (`idna-3.10.dist-info`).
    pub fn folder_name(&self) -> String {
        self.info.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Whether the path of RECORD lies in this distribution's own folder of metadata.
    pub fn owns_metadata(&self, recorded: &str) -> bool {
        // Most paths are of modules: told by the name before the folder's own is looked at.
        let Some((first, _)) =
            recorded.split_once('/').filter(|(first, _)| first.ends_with("-info"))
        else {
            return false;
        };
        self.info.file_name().is_some_and(|folder| folder == first)
    }

    /// The folder that the distribution is installed into.
    pub fn site_packages(&self) -> &Path {
        self.info.parent().unwrap_or(&self.info)
    }
}

impl Content {
    /// Of a folder that tells only these.
    pub(super) fn without_files(
        (name, version): (String, String),
        metadata: Part<Metadata>,
        record: Part<Record>,
    ) -> Content {
        Content {
            name,
            version,
            metadata,
            record,
            installer: None,
            wheel: None,
            commands: Vec::new(),
            editable: None,
        }
    }

    /// `name==version`, or the name alone when no version is known.
    pub fn pin(&self) -> String {
        if self.version.is_empty() {
            self.name.clone()
        } else {
            format!("{}=={}", self.name, self.version)
        }
    }

    /// Whether conda installed it.
    pub fn by_conda(&self) -> bool {
        self.installer.as_deref() == Some("conda")
    }

    /// Whether a program installed it that installs wheels and writes RECORD as it does; packagers
    /// of systems do not.
    pub fn by_wheel_installer(&self) -> bool {
        // Poetry adds its version.
        let name = self.installer.as_deref().and_then(|text| text.split_whitespace().next());
        name.is_some_and(|name| WHEEL_INSTALLERS.contains(&name))
    }
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
    /// Those of `requires` that parse; a line in an old syntax is left out.
    pub requirements: Vec<Requirement>,
    /// `Provides-Extra`.
    pub extras: Vec<String>,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
}

/// The lines of RECORD, and what every check asks of them, found out once for each distinct RECORD.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// One for each file, in the order of RECORD.
    pub files: Vec<RecordedFile>,
    /// Files that follow each other below one first folder.
    pub runs: Vec<Run>,
    /// Indices of the files whose names are those of native libraries.
    pub natives: Vec<usize>,
    /// Indices of the files outside of site-packages: scripts, data.
    pub outside: Vec<usize>,
}

/// Files of a RECORD that follow each other and have one first folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The folder, or the file's own name.
    pub top: String,
    /// Their indices.
    pub files: std::ops::Range<usize>,
    /// How many of them are more than bytecode.
    pub lasting: usize,
    /// How many of them something needs.
    pub needed: usize,
}

/// One line of RECORD: `idna/core.py,sha256=...,12950`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecordedFile {
    /// Relative to site-packages, `/`-separated; may start with `../`.
    pub path: String,
    /// `sha256=<urlsafe base64 without padding>`, when there is one.
    pub hash: Option<String>,
    /// Size in bytes, when there is one.
    pub bytes: Option<u64>,
    /// What its name says of it.
    pub role: Role,
    /// Whether nothing is in the path but names: it stays below site-packages.
    pub plain: bool,
}

/// What the name of a recorded file says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Bytecode: made at run time, removed at will.
    Bytecode,
    /// Nothing imports it: tests, stubs, headers, manual pages.
    Inert,
    /// Everything else.
    Needed,
}

/// The fields of WHEEL that checks need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wheel {
    /// `Root-Is-Purelib: true`.
    pub pure: bool,
    /// `Tag`, each as written (`cp312-cp312-manylinux_2_17_x86_64`).
    pub tags: Vec<String>,
}
