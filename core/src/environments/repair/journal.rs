//! What a repair is about to do, durable before it does anything.
//!
//! ```text
//! .aios-repair/
//!   lock                held while a repair of this environment works
//!   1763769600-0/       one repair; the name is the time of its start in seconds since 1970; a further
//!                       round of it is `1763769600-0.1`
//!     journal           a frame (`wire`): each change with what stands before and after it
//!     new/0, new/1 ...  files and links that are to be put in place
//!     old/0, old/1 ...  what they replace, and what is removed
//!     open              how it ended: `done` or `undone`; `back` while it is taken back; one is there
//! ```
//!
//! A folder without a journal was left before anything in the environment was changed. With one, each
//! change can be made or taken back whatever the others did: what stands at its path tells which of the
//! two it is in, so that a repair that was killed is carried to either end.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::apply::Stop;
use super::change::{Archives, Change, Content, State, path_bytes};
use super::disk::Disk;
use super::{Action, Error, FOLDER, Plan};
use crate::environments::health::Code;
use crate::{fs, system, wire};

const MAGIC: [u8; 8] = *b"AIOSREPR";

pub(super) const JOURNAL: &str = "journal";

/// The marks of how far a repair is. One is renamed to the next: that needs no room on a full disk.
pub(super) const MARKS: [&str; 4] = [OPEN, BACK, DONE, UNDONE];
pub(super) const OPEN: &str = "open";
pub(super) const BACK: &str = "back";
pub(super) const DONE: &str = "done";
pub(super) const UNDONE: &str = "undone";

/// Increased whenever a journal of an older program would be misread.
const VERSION: u32 = 1;

/// A plan for ten thousand distributions stays below this.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Of a new file, and of a new script.
pub(super) const USUAL_MODE: u32 = 0o644;

/// Setuid and setgid: whoever runs the file does it as its owner or group.
pub(super) const SET_ID: u32 = 0o6000;

/// Those, and the sticky bit. Folders of groups have them; no repair changes them.
pub(super) const SPECIAL: u32 = 0o7000;

/// A change as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Recorded {
    /// `new/N` is put in the place of what stands there; `old/N` keeps that when it is a file.
    Put {
        #[serde(with = "path_bytes")]
        path: PathBuf,
        number: u32,
        before: State,
        after: State,
    },
    /// Permission bits.
    Mode {
        #[serde(with = "path_bytes")]
        path: PathBuf,
        before: u32,
        after: u32,
    },
    /// A folder is made.
    Folder {
        #[serde(with = "path_bytes")]
        path: PathBuf,
    },
    /// What stands there becomes `old/N`.
    Remove {
        #[serde(with = "path_bytes")]
        path: PathBuf,
        number: u32,
    },
    /// Another name.
    Rename {
        #[serde(with = "path_bytes")]
        from: PathBuf,
        #[serde(with = "path_bytes")]
        to: PathBuf,
    },
}

impl Recorded {
    /// The paths that it changes.
    pub(super) fn paths(&self) -> Vec<&Path> {
        match self {
            Recorded::Put { path, .. }
            | Recorded::Mode { path, .. }
            | Recorded::Folder { path }
            | Recorded::Remove { path, .. } => vec![path],
            Recorded::Rename { from, to } => vec![from, to],
        }
    }

    /// Whether carrying it out, or taking it back, could give a program the rights of its owner or group.
    fn gives_rights_of_others(&self) -> bool {
        let is_set_id =
            |state: &State| matches!(state, State::File { mode, .. } if mode & SET_ID != 0);
        match self {
            Recorded::Put { before, after, .. } => is_set_id(before) || is_set_id(after),
            Recorded::Mode { before, after, .. } => (before ^ after) & SPECIAL != 0,
            Recorded::Folder { .. } | Recorded::Remove { .. } | Recorded::Rename { .. } => false,
        }
    }
}

/// A step as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordedStep {
    pub(super) action: Action,
    pub(super) reasons: Vec<Code>,
    pub(super) what: String,
    pub(super) changes: Vec<Recorded>,
}

/// A journal that is durable.
#[derive(Debug)]
pub(super) struct Journal {
    /// `.aios-repair/NAME`.
    pub(super) folder: PathBuf,
    pub(super) steps: Vec<RecordedStep>,
}

impl Journal {
    /// Where the file or link lies that is to be put in place.
    pub(super) fn new_file(&self, number: u32) -> PathBuf {
        numbered(&self.folder, "new", number)
    }

    /// Where what was replaced or removed lies.
    pub(super) fn old_file(&self, number: u32) -> PathBuf {
        numbered(&self.folder, "old", number)
    }

    pub(super) fn changes(&self) -> impl DoubleEndedIterator<Item = &Recorded> {
        self.steps.iter().flat_map(|step| &step.changes)
    }

    /// Makes a plan durable. When this fails nothing in the environment was changed, and what was
    /// written is removed again.
    pub(super) fn write(
        disk: &dyn Disk,
        plan: &Plan,
        name: &str,
        stop: Stop<'_>,
    ) -> Result<Journal, Error> {
        let folder = plan.prefix.join(FOLDER).join(name);
        let written = Staging::of(disk, &folder, stop).write(plan);
        if written.is_err() {
            let _ = remove_tree(disk, &folder);
        }
        written.map(|steps| Journal { folder, steps })
    }

    /// Writes the journal anew, whatever it says.
    #[cfg(test)]
    pub(super) fn rewrite(&self, disk: &dyn Disk) -> io::Result<()> {
        let payload = bincode::serde::encode_to_vec(&self.steps, configuration());
        let framed = wire::frame(MAGIC, VERSION, &payload.map_err(io::Error::other)?);
        disk.remove_file(&self.folder.join("journal"))?;
        disk.create(&self.folder.join("journal"), &framed, 0o600)
    }

    /// Reads the journal of a repair. `None` when it was interrupted before it had one.
    pub(super) fn read(folder: &Path) -> Result<Option<Journal>, Error> {
        let path = folder.join(JOURNAL);
        let framed = match fs::read(&path, MAX_BYTES) {
            Ok(framed) => framed,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(Error::Journal { path, reason: error.to_string() }),
        };
        let unusable =
            |reason: &str| Error::Journal { path: path.clone(), reason: reason.to_owned() };
        let payload = wire::payload(MAGIC, VERSION, &framed)
            .ok_or_else(|| unusable("is damaged, or of another version of aios"))?;
        let steps = bincode::serde::decode_from_slice(payload, configuration())
            .map_err(|_| unusable("cannot be decoded"))?
            .0;
        let journal = Journal { folder: folder.to_path_buf(), steps };
        // It lies in the environment, so anybody who could write there could have written it.
        let prefix = folder.parent().and_then(Path::parent).unwrap_or(folder);
        let outside =
            journal.changes().flat_map(Recorded::paths).find(|path| !is_inside(prefix, path));
        if let Some(path) = outside.map(Path::to_path_buf) {
            return Err(Error::Outside { path });
        }
        if let Some(change) = journal.changes().find(|change| change.gives_rights_of_others()) {
            return Err(Error::SetId { path: change.paths()[0].to_path_buf() });
        }
        Ok(Some(journal))
    }
}

/// Whether a path lies below the prefix, by its name and by where the links on the way to it lead, and is
/// none of what repairs keep.
pub(super) fn is_inside(prefix: &Path, path: &Path) -> bool {
    let Ok(below) = path.strip_prefix(prefix) else { return false };
    let plain = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if !plain || below.as_os_str().is_empty() || below.starts_with(FOLDER) {
        return false;
    }
    let there = path.ancestors().skip(1).find(|folder| folder.symlink_metadata().is_ok());
    let ends = there.and_then(|folder| fs::canonical(folder).ok()).zip(fs::canonical(prefix).ok());
    ends.is_some_and(|(folder, prefix)| folder.starts_with(prefix))
}

fn configuration() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<{ MAX_BYTES as usize }>()
}

fn numbered(folder: &Path, kind: &str, number: u32) -> PathBuf {
    folder.join(kind).join(number.to_string())
}

/// Removes a folder of a repair with all that is in it.
pub(super) fn remove_tree(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    for entry in fs::list_unsorted(folder)? {
        let path = folder.join(&entry.name);
        if entry.kind == fs::Kind::Folder {
            remove_tree(disk, &path)?;
        } else {
            disk.remove_file(&path)?;
        }
    }
    disk.remove_folder(folder)
}

/// A plan on its way into a journal.
struct Staging<'a> {
    disk: &'a dyn Disk,
    folder: &'a Path,
    numbers: u32,
    /// Paths that are emptied by a change before.
    emptied: Vec<PathBuf>,
    /// Paths that are changed by a change before, in another way.
    taken: Vec<PathBuf>,
    archives: Archives,
    stop: Stop<'a>,
}

impl<'a> Staging<'a> {
    fn of(disk: &'a dyn Disk, folder: &'a Path, stop: Stop<'a>) -> Staging<'a> {
        Staging {
            disk,
            folder,
            numbers: 0,
            emptied: Vec::new(),
            taken: Vec::new(),
            archives: Archives::default(),
            stop,
        }
    }

    fn write(mut self, plan: &Plan) -> Result<Vec<RecordedStep>, Error> {
        for kind in ["new", "old"] {
            let folder = self.folder.join(kind);
            self.disk.make_folder(&folder).map_err(Error::io("make", &folder))?;
        }
        let mut steps = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            let changes = step.changes.iter().map(|change| self.checked(plan, change));
            steps.push(RecordedStep {
                action: step.action,
                reasons: step.reasons.clone(),
                what: step.what.clone(),
                changes: changes.collect::<Result<_, _>>()?,
            });
        }
        let journal = self.folder.join(JOURNAL);
        let payload = bincode::serde::encode_to_vec(&steps, configuration())
            .map_err(|error| Error::Journal { path: journal.clone(), reason: error.to_string() })?;
        let temporary = self.folder.join("journal.part");
        let framed = wire::frame(MAGIC, VERSION, &payload);
        let synced = |folder: PathBuf| self.disk.sync_folder(&folder);
        self.disk
            .create(&temporary, &framed, 0o600)
            .and_then(|()| self.disk.create(&self.folder.join(OPEN), b"", 0o600))
            .and_then(|()| synced(self.folder.join("new")))
            .and_then(|()| synced(self.folder.join("old")))
            .and_then(|()| self.disk.rename(&temporary, &journal))
            .and_then(|()| synced(self.folder.to_path_buf()))
            .and_then(|()| synced(plan.prefix.join(FOLDER)))
            .and_then(|()| synced(plan.prefix.clone()))
            .map_err(Error::io("write", &journal))?;
        Ok(steps)
    }

    fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers - 1
    }

    /// What stands at the path once the changes before are made. Each path is changed once: only then
    /// does what stands there tell whether it was. What was removed may be made anew.
    fn before(&mut self, path: &Path) -> Result<State, Error> {
        let is_near = |other: &PathBuf| path.starts_with(other) || other.starts_with(path);
        if self.emptied.iter().any(|emptied| path.starts_with(emptied)) {
            return Ok(State::Absent);
        }
        if self.taken.iter().any(is_near) {
            return Err(Error::Unexpected { path: path.to_path_buf() });
        }
        State::of(path).map_err(Error::io("look at", path))
    }

    /// A record that can be read again.
    fn checked(&mut self, plan: &Plan, change: &Change) -> Result<Recorded, Error> {
        self.stop.check()?;
        let recorded = self.record(plan, change)?;
        if recorded.gives_rights_of_others() {
            return Err(Error::SetId { path: change.paths()[0].to_path_buf() });
        }
        Ok(recorded)
    }

    fn record(&mut self, plan: &Plan, change: &Change) -> Result<Recorded, Error> {
        for path in change.paths() {
            if !is_inside(&plan.prefix, path) {
                return Err(Error::Outside { path: path.to_path_buf() });
            }
        }
        match change {
            Change::Write { path, content, mode } => {
                let before = self.replaceable(path)?;
                let number = self.number();
                let mode = mode.unwrap_or(match before {
                    State::File { mode, .. } => mode,
                    _ => USUAL_MODE,
                });
                let new = numbered(self.folder, "new", number);
                match content {
                    Content::Bytes(bytes) => self.disk.create(&new, bytes, mode),
                    Content::File(from) => self.disk.copy(from, &new, mode),
                    Content::Member { .. } => content
                        .read(&mut self.archives)
                        .and_then(|bytes| self.disk.create(&new, &bytes, mode)),
                }
                .map_err(Error::io("write", path))?;
                let after = State::of(&new).map_err(Error::io("read", &new))?;
                self.put(path, number, before, after)
            }
            Change::Link { path, target } => {
                let before = self.replaceable(path)?;
                let number = self.number();
                let new = numbered(self.folder, "new", number);
                self.disk.symlink(target, &new).map_err(Error::io("link", path))?;
                self.put(path, number, before, State::Link(target.clone()))
            }
            Change::Mode { path, mode } => {
                let (State::File { mode: before, .. } | State::Folder { mode: before }) =
                    self.before(path)?
                else {
                    return Err(Error::Unexpected { path: path.clone() });
                };
                Ok(Recorded::Mode { path: path.clone(), before, after: *mode })
            }
            Change::Folder { path } => {
                if self.before(path)? != State::Absent {
                    return Err(Error::Unexpected { path: path.clone() });
                }
                Ok(Recorded::Folder { path: path.clone() })
            }
            Change::Remove { path } => {
                if self.before(path)? == State::Absent {
                    return Err(Error::Unexpected { path: path.clone() });
                }
                self.emptied.push(path.clone());
                Ok(Recorded::Remove { path: path.clone(), number: self.number() })
            }
            Change::Rename { from, to } => {
                if self.before(from)? == State::Absent || self.before(to)? != State::Absent {
                    return Err(Error::Unexpected { path: to.clone() });
                }
                self.taken.extend([from.clone(), to.clone()]);
                Ok(Recorded::Rename { from: from.clone(), to: to.clone() })
            }
        }
    }

    /// What a file or link may take the place of.
    fn replaceable(&mut self, path: &Path) -> Result<State, Error> {
        match self.before(path)? {
            State::Folder { .. } | State::Other => {
                Err(Error::Unexpected { path: path.to_path_buf() })
            }
            state => Ok(state),
        }
    }

    fn put(
        &mut self,
        path: &Path,
        number: u32,
        before: State,
        after: State,
    ) -> Result<Recorded, Error> {
        let new = numbered(self.folder, "new", number);
        let old = numbered(self.folder, "old", number);
        if let State::File { mode, .. } = before {
            // Another name of the same file costs nothing; where there are none, a copy.
            let kept = self.disk.hard_link(path, &old);
            kept.or_else(|_| self.disk.copy(path, &old, mode)).map_err(Error::io("keep", path))?;
        }
        let owned = match before {
            State::Absent => path.ancestors().skip(1).find(|folder| folder.exists()),
            _ => Some(path),
        };
        if let Some(owned) = owned {
            self.disk.take_owner(&new, owned).map_err(Error::io("give its owner to", path))?;
        }
        self.taken.push(path.to_path_buf());
        Ok(Recorded::Put { path: path.to_path_buf(), number, before, after })
    }
}

/// Whether the permission bits of this state are those.
pub(super) fn mode_is(path: &Path, mode: u32) -> io::Result<bool> {
    Ok(system::mode(&std::fs::symlink_metadata(path)?) == mode)
}
