//! What stands at a prefix, read once and not judged: marker, interpreters, library folders, scripts.
//!
//! `inspection` identifies environments from these facts and `health` judges them; neither reads a
//! prefix again for what is here. Distributions are read separately (`distributions`), because only
//! a check needs them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::image::Image;
use super::installation::{Home, Installation, Installations};
use super::links::Ends;
use super::python::{PythonTag, PythonVersion};
use super::pyvenv_cfg::PyvenvCfg;
use crate::fs::{Entry, Stamp};

mod read;

pub(crate) use read::interpreter_tag;
pub use read::{could_be, read};

/// What was read before in this run: thousands of environments stand on a few interpreters.
#[derive(Debug, Default)]
pub struct Known {
    /// Whether [`Facts::stamps`] are wanted.
    pub keep_stamps: bool,
    /// Whether one interpreter that starts is enough of a virtual environment: other names of it are
    /// not looked at then.
    pub outline: bool,
    /// Where links end.
    pub ends: Ends,
    /// What environments stand on.
    pub installations: Installations,
}

/// The layout of an environment, by the system that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `bin/python`, `lib/pythonX.Y/site-packages`.
    Posix,
    /// `Scripts\python.exe`, `Lib\site-packages`.
    Windows,
}

impl Scheme {
    /// The folder of scripts and of a virtual environment's interpreter.
    pub fn scripts(self) -> &'static str {
        match self {
            Scheme::Posix => "bin",
            Scheme::Windows => "Scripts",
        }
    }
}

/// What kind of thing stands at a prefix, by its shape alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A virtual environment: it has `pyvenv.cfg`, or everything but that.
    Virtual,
    /// Made by virtualenv before version 20: a standard library of links, `orig-prefix.txt`, no
    /// `pyvenv.cfg`.
    OldVirtualenv,
    /// It has `conda-meta`.
    Conda,
    /// An installation with a standard library of its own.
    Installation,
}

impl Shape {
    /// Whether it stands on another installation.
    pub fn is_virtual(self) -> bool {
        matches!(self, Shape::Virtual | Shape::OldVirtualenv)
    }
}

/// State of `pyvenv.cfg`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marker {
    /// There is none.
    Missing,
    /// A folder, fifo or device stands there ("a fifo").
    NotAFile(&'static str),
    /// Larger than any such file.
    TooLarge(u64),
    /// This user may not read it.
    Denied,
    /// The system failed to read it.
    Unreadable(String),
    /// Read; the content may still be defective.
    Read(PyvenvCfg),
}

impl Marker {
    /// The content, where there is one.
    pub fn cfg(&self) -> Option<&PyvenvCfg> {
        match self {
            Marker::Read(cfg) => Some(cfg),
            _ => None,
        }
    }
}

/// Where a chain of links ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEnd {
    /// A regular file: its canonical path and what it is.
    File {
        /// Links in folders resolved too.
        canonical: PathBuf,
        /// Size in bytes.
        bytes: u64,
        /// Whether any execute bit is set (always true on Windows).
        executable: bool,
        /// What its header says. `Err` holds why it is no executable image.
        image: Result<Image, String>,
    },
    /// The target does not exist: the path that is missing.
    Gone(PathBuf),
    /// The links go round in a circle.
    Loop,
    /// A folder, fifo or device.
    NotAFile(&'static str),
    /// This user may not follow or read it.
    Denied(PathBuf),
}

/// One `python*` name in the folder of interpreters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterpreterFile {
    /// `python`, `python3`, `python3.12`, `pypy3`, `python.exe`.
    pub name: String,
    /// Full path, links not followed.
    pub path: PathBuf,
    /// The target of the link as written, when the name is a link.
    pub link: Option<PathBuf>,
    /// Where it ends.
    pub end: LinkEnd,
}

/// A folder of libraries: `lib/python3.12`, or `Lib` on Windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// The folder.
    pub folder: PathBuf,
    /// From its name; on Windows `None`.
    pub tag: Option<PythonTag>,
    /// Whether it holds a standard library (`os.py`).
    pub stdlib: bool,
    /// `site-packages` (or Debian's `dist-packages`) below it, where there is one.
    pub site_packages: Option<PathBuf>,
    /// What stands in the place of `site-packages` when it is not a folder ("a file").
    pub not_a_folder: Option<&'static str>,
}

/// What stands at a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Canonical path.
    pub prefix: PathBuf,
    /// What kind of thing it is.
    pub shape: Shape,
    /// Its layout.
    pub scheme: Scheme,
    /// The entries of the prefix itself.
    pub entries: Vec<Entry>,
    /// `pyvenv.cfg`.
    pub marker: Marker,
    /// The folder of scripts (`bin`), when it is a folder.
    pub scripts: Option<PathBuf>,
    /// The entries of the folder of scripts.
    pub script_entries: Vec<Entry>,
    /// Best name first: `python`, `python3`, `python3.12`.
    pub interpreters: Vec<InterpreterFile>,
    /// Newest first; those of the interpreter's own minor come first of all.
    pub libraries: Vec<Library>,
    /// Exact version of the interpreter, from the base's files.
    pub version: Option<PythonVersion>,
    /// What the environment was made for: its library folder's name, else its interpreter's.
    pub tag: Option<PythonTag>,
    /// The standard library that the interpreter uses: the base's `lib/python3.12`.
    pub stdlib: Option<PathBuf>,
    /// The folder that `home` in `pyvenv.cfg` names, when it is an absolute path.
    pub home: Option<Arc<Home>>,
    /// The installation that it stands on, or that it is.
    pub base: Option<Arc<Installation>>,
    /// Numeric owner of the prefix (Unix).
    pub owner: Option<u32>,
    /// What was read, relative to the prefix, as it stood then. Not everything that an installation
    /// or a conda environment is judged by.
    pub stamps: Vec<(String, Option<Stamp>)>,
}

impl Facts {
    /// The interpreter that a user would start: the best name there is.
    pub fn interpreter(&self) -> Option<&InterpreterFile> {
        self.interpreters.first()
    }

    /// The folders of distributions; those of another minor version do not count.
    pub fn site_packages(&self) -> impl Iterator<Item = &Path> {
        self.libraries
            .iter()
            .filter(|library| library.tag.is_none() || library.tag == self.tag)
            .filter_map(|library| library.site_packages.as_deref())
    }

    /// Whether conda, mamba or pixi made it.
    pub fn is_conda(&self) -> bool {
        self.shape == Shape::Conda
    }

    /// Whether the prefix has an entry of this name.
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }
}
