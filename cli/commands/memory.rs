//! What the commands that read memory share: opening it, and what their arguments name in it.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use aios_core::engine::{self, Kept, Memory, Name};
use aios_core::index::fractal;
use aios_core::snapshot::SnapshotId;
use aios_core::{EnvironmentId, Host, snapshot, store};

use crate::args::{Answer, View};
use crate::output::Page;
use crate::output::text::{quoted, shown};

/// Links that lead to links; more is a circle.
const MOST_LINKS: usize = 40;

/// Why nothing can be said of what is remembered.
#[derive(Debug)]
pub(crate) enum Error {
    /// There is no home folder, and `AIOS_HOME` names none.
    NoPlace,
    /// Nothing was ever kept in this folder.
    Nothing(PathBuf),
    /// No snapshot has this number or name.
    NoSnapshot(String),
    /// Nothing is remembered of this path.
    Unknown(PathBuf),
    /// Something is remembered of this path, but not in this snapshot.
    NotThen(PathBuf, SnapshotId),
    /// A name that could not be told from a number, or that cannot be shown.
    BadName(String),
    /// The engine, the store, or the tree in it.
    Engine(engine::Error),
    /// There is no room beside the store for what it is healed from.
    Scratch(std::io::Error),
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Error {
        Error::Engine(error)
    }
}

impl From<fractal::Error> for Error {
    fn from(error: fractal::Error) -> Error {
        Error::Engine(error.into())
    }
}

impl From<snapshot::Error> for Error {
    fn from(error: snapshot::Error) -> Error {
        Error::Engine(error.into())
    }
}

impl Error {
    pub(super) fn hint(&self) -> Option<&'static str> {
        const DAMAGED: &str =
            "`aios snapshot verify` says what is damaged, and `--heal` mends what it can";
        let error = match self {
            Error::NoPlace => return Some("let `AIOS_HOME` name a folder to remember things in"),
            Error::Nothing(_) => {
                return Some("`aios snapshot take` looks at this machine and keeps what it sees");
            }
            Error::NoSnapshot(_) => {
                return Some("`aios snapshot list` has numbers and names; `last` is the newest");
            }
            Error::Unknown(_) => {
                return Some(
                    "`aios snapshot show last` lists what is remembered; `aios snapshot take PATH` \
                     looks at an environment and remembers it",
                );
            }
            Error::NotThen(..) => {
                return Some("`aios history PATH` says in which snapshots it is");
            }
            Error::BadName(_) => {
                return Some("a name has letters: `aios snapshot take --name before-upgrade`");
            }
            Error::Scratch(_) => return None,
            Error::Engine(error) => error,
        };
        match error {
            engine::Error::Foreign { .. } => {
                Some("let that user do it, or let `AIOS_HOME` name a folder of your own")
            }
            engine::Error::Snapshot(snapshot::Error::Store(error)) => match error {
                store::Error::TooNew { .. } => Some(
                    "use the aios that wrote it, or let `AIOS_HOME` name another folder for this one",
                ),
                store::Error::Busy { .. } => Some("wait for that process to end, and try again"),
                store::Error::Block(_) => Some(DAMAGED),
                store::Error::Truncated { .. }
                | store::Error::Damaged { .. }
                | store::Error::NotFormat { .. } => Some(
                    "nothing in it can be read: put a backup of it there, or move it away to begin \
                     anew",
                ),
                _ => None,
            },
            engine::Error::Snapshot(snapshot::Error::NoSnapshot(_)) => {
                Some("`aios snapshot list` has numbers and names")
            }
            engine::Error::Snapshot(snapshot::Error::About(_) | snapshot::Error::Tree(_)) => {
                Some(DAMAGED)
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::NoPlace => f.write_str("this user has no home folder to remember things in"),
            Error::Nothing(folder) => write!(f, "nothing is remembered yet in {}", quoted(folder)),
            Error::NoSnapshot(id) => write!(f, "there is no snapshot `{}`", shown(id)),
            Error::Unknown(path) => write!(f, "nothing is remembered of {}", quoted(path)),
            Error::NotThen(path, id) => write!(f, "snapshot {id} has nothing of {}", quoted(path)),
            Error::BadName(name) => write!(f, "a snapshot cannot be called `{}`", shown(name)),
            Error::Scratch(source) => write!(f, "cannot make a temporary folder: {source}"),
            Error::Engine(error) => f.write_str(&shown(error.to_string())),
        }
    }
}

/// What is remembered, and what it is shown on.
pub(super) struct Remembered {
    pub(super) host: Host,
    pub(super) memory: Memory,
    /// The oldest first, and at least one.
    pub(super) kept: Vec<Kept>,
    pub(super) page: Page,
}

/// The environments that the user named.
#[derive(Debug, Default)]
pub(super) struct Selected {
    /// `None`: no PATH was given, and all are meant.
    chosen: Option<HashSet<EnvironmentId>>,
    /// Those that were named themselves, not a folder above them: shown in full.
    in_full: HashSet<EnvironmentId>,
}

impl Selected {
    pub(super) fn has(&self, id: &EnvironmentId) -> bool {
        self.chosen.as_ref().is_none_or(|chosen| chosen.contains(id))
    }

    pub(super) fn in_full(&self, id: &EnvironmentId) -> bool {
        self.in_full.contains(id)
    }

    /// Whether it is everything, entries of other programs too.
    pub(super) fn is_everything(&self) -> bool {
        self.chosen.is_none()
    }
}

/// The folder of this user's memory.
pub(super) fn place(host: &Host) -> Result<PathBuf, Error> {
    let folder = engine::place(host).ok_or(Error::NoPlace)?;
    engine::check_owner(host, &folder)?;
    Ok(folder)
}

/// Opens what is remembered; that nothing is, is an error.
pub(super) fn open(answer: &Answer) -> Result<Remembered, super::Error> {
    let host = Host::current().map_err(super::Error::Host)?;
    let page = Page::new(&host, &answer.view(), Vec::new());
    Ok(opened(host, page)?)
}

/// A snapshot with a number or name.
pub(super) fn kept(host: &Host, view: &View, id: &str) -> Result<Kept, Error> {
    let remembered = opened(host.clone(), Page::new(host, view, Vec::new()))?;
    remembered.snapshot(id).cloned()
}

fn opened(host: Host, page: Page) -> Result<Remembered, Error> {
    let folder = place(&host)?;
    let memory = Memory::open(&folder)?.ok_or_else(|| Error::Nothing(folder.clone()))?;
    let kept = memory.kept()?;
    if kept.is_empty() {
        return Err(Error::Nothing(folder));
    }
    Ok(Remembered { host, memory, kept, page })
}

impl Remembered {
    /// The snapshot with a number or name, or the `last` one. Of several with one name the newest.
    pub(super) fn snapshot(&self, id: &str) -> Result<&Kept, Error> {
        self.named(OsStr::new(id)).ok_or_else(|| Error::NoSnapshot(id.to_owned()))
    }

    /// The same, of what may be a path instead.
    pub(super) fn named(&self, id: &OsStr) -> Option<&Kept> {
        let id = id.to_str()?;
        if id == "last" {
            return self.kept.last();
        }
        let number = id.parse::<u64>().ok();
        self.kept.iter().rev().find(|one| match number {
            Some(number) => one.snapshot.id.0 == number,
            None => one.snapshot.about.name.as_deref() == Some(id),
        })
    }

    /// The environments that these paths name, on disk or in memory alone.
    pub(super) fn select(&self, paths: &[PathBuf]) -> Result<Selected, Error> {
        if paths.is_empty() {
            return Ok(Selected::default());
        }
        let names = engine::names(&self.kept)?;
        let (mut chosen, mut in_full) = (HashSet::new(), HashSet::new());
        for path in paths {
            let forms = forms(&self.host, path);
            let named = named_by(&names, &forms);
            in_full.extend(named.iter().map(|name| name.id.clone()));
            let below = names.iter().filter(|name| {
                named.is_empty() && forms.iter().any(|form| name.prefix.starts_with(form))
            });
            let found: Vec<EnvironmentId> =
                named.iter().copied().chain(below).map(|name| name.id.clone()).collect();
            if found.is_empty() {
                return Err(Error::Unknown(path.clone()));
            }
            chosen.extend(found);
        }
        Ok(Selected { chosen: Some(chosen), in_full })
    }
}

/// The environments that are this path, or else whose interpreter it could be.
fn named_by<'a>(names: &'a [Name], forms: &[PathBuf]) -> Vec<&'a Name> {
    let exact: Vec<&Name> =
        names.iter().filter(|name| forms.iter().any(|form| name.is(form))).collect();
    if !exact.is_empty() {
        return exact;
    }
    let prefixes: Vec<&Path> =
        forms.iter().flat_map(|form| prefixes_of_interpreter(form)).collect();
    names.iter().filter(|name| prefixes.contains(&name.prefix.as_path())).collect()
}

/// `.venv` of `.venv/bin/python3`, and what it is on Windows.
fn prefixes_of_interpreter(path: &Path) -> Vec<&Path> {
    const STARTS: [&str; 3] = ["python", "pypy", "graalpy"];
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if !STARTS.iter().any(|start| name.starts_with(start)) {
        return Vec::new();
    }
    path.ancestors().skip(1).take(2).collect()
}

/// A path as it was typed and as prefixes are remembered: links followed, as far as it still stands. The
/// link that an interpreter is in a virtual environment is kept, or it would name the base.
fn forms(host: &Host, path: &Path) -> Vec<PathBuf> {
    let path = host.absolute(path);
    let mut forms = vec![path.clone()];
    let kept = path.parent().map(standing).zip(path.file_name());
    forms.extend(kept.map(|(above, name)| above.join(name)));
    forms.extend(Some(standing(&path)).filter(|form| !form.is_file()));
    forms
}

/// The path without links, of which the end may be gone.
fn standing(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let link = path.ancestors().find_map(|part| Some((part, std::fs::read_link(part).ok()?)));
        let Some((part, target)) = link.filter(|(part, _)| !part.exists()) else { break };
        // A link that leads nowhere any more.
        let rest = path.strip_prefix(part).unwrap_or(Path::new(""));
        path = part.parent().unwrap_or(Path::new("")).join(target).join(rest);
    }
    for part in path.ancestors() {
        if let Ok(there) = aios_core::fs::canonical(part) {
            let rest = path.strip_prefix(part).unwrap_or(Path::new(""));
            return if rest.as_os_str().is_empty() { there } else { there.join(rest) };
        }
    }
    path
}

/// A name for a new snapshot.
pub(super) fn checked_name(name: &str) -> Result<&str, Error> {
    let is_odd = name.trim() != name
        || name.is_empty()
        || name == "last"
        || name.bytes().all(|byte| byte.is_ascii_digit())
        || name.contains(['/', '\\'])
        || shown(name) != name;
    if is_odd { Err(Error::BadName(name.to_owned())) } else { Ok(name) }
}
