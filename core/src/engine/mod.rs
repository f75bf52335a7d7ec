//! The engine remembers: it records what discovery and check found, and keeps every state.
//!
//! - [`Engine`] writes: one process at a time, others wait.
//! - [`Memory`] reads what was committed, beside a writer or without one.
//! - [`State`] is one environment at one time, [`changes`] compares two, [`history`] tells its story, and
//!   [`recall`] finds the one that something is left of.
//! - [`active`] keeps which environment the user chose.
//! - [`export`] makes one run of bytes of a snapshot, for a backup.
//! - [`evidence`] makes a remembered state a part of a plan, [`repairs`] remembers what was done about which
//!   findings.
//!
//! What is recorded is laid out in [`layout`]. A snapshot is kept whenever a record changed anything, or one
//! that was killed left something without; a record of what did not change reads names and stamps and writes nothing.
//!
//! ```text
//! AIOS_HOME/context/    the store of snapshots
//! AIOS_HOME/recall/     the index of states; may be deleted
//! AIOS_HOME/active      the environment that was chosen
//! AIOS_HOME/backups/    backups that are made unasked ([`rolling`])
//! AIOS_HOME/recorded    what stood on disk when it was recorded; may be deleted
//! ```

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::environments::health::Depth;
use crate::environments::inspection::{Inspected, Inspection};
use crate::environments::{EnvironmentId, Problem};
use crate::fs::{Access, Seen};
use crate::host::Host;
use crate::index::fractal::{self, Item, Tree};
use crate::index::holographic::{self, Index};
use crate::snapshot::{self, Context, Options, Reader, Snapshot, SnapshotId};
use crate::{store, system};

pub mod active;
pub mod changes;
pub mod compare;
pub mod damage;
pub mod evidence;
pub mod export;
pub mod history;
pub mod layout;
mod names;
mod outline;
pub mod recall;
mod record;
mod recorded;
pub mod repairs;
mod retention;
pub mod rolling;
mod state;

use layout::{CONTEXT, ENVIRONMENTS};
pub use names::{Name, names};
use outline::Outline;
use recorded::Recorded;
pub use retention::{Surplus, surplus};
pub use state::{Found, Installed, State};

/// The variable that names another folder than the usual one.
pub const HOME_VARIABLE: &str = "AIOS_HOME";
/// So long a process waits for another one that writes.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// What is recorded is written when it takes so much memory. A kill leaves what was written, and the next
/// record keeps it.
const MOST_UNWRITTEN_BYTES: u64 = 8 << 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// Why something could not be remembered or recalled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder belongs to another user.
    #[error("`{}` belongs to another user", path.display())]
    Foreign {
        /// The folder, or the home folder that it would be made in.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// "make", "close to others", ...
        what: &'static str,
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store or a snapshot in it.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// The index of states.
    #[error(transparent)]
    Recall(#[from] holographic::Error),
}

impl From<fractal::Error> for Error {
    fn from(error: fractal::Error) -> Error {
        Error::Snapshot(error.into())
    }
}

/// The folder in which this host's user has what is remembered: `AIOS_HOME`, or the place of the platform.
/// `None` when there is no home, or `AIOS_HOME` is empty: then nothing is to be remembered.
pub fn place(host: &Host) -> Option<PathBuf> {
    // For other variables an empty one is as good as none.
    if let Some(named) = host.variables.get(OsStr::new(HOME_VARIABLE)) {
        return (!named.is_empty()).then(|| host.absolute(Path::new(named)));
    }
    Some(host.data_folder()?.join("aios"))
}

/// Where what checks read is kept for the next one. Outside the places that any tool searches.
pub fn cache_file(host: &Host) -> Option<PathBuf> {
    Some(host.cache_folder()?.join("aios").join("environments.cache"))
}

/// What was looked at, for a record.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'a> {
    /// How much of each environment was read.
    pub depth: Depth,
    /// Whether it was the whole machine: what was not found then is gone, if nothing stands at its place.
    pub whole: bool,
    /// For the snapshot, when there is anything to keep: "check", "before a repair".
    pub reason: &'a str,
}

/// What a record did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The snapshot that was taken. `None` when nothing changed.
    pub snapshot: Option<SnapshotId>,
    /// Prefixes of environments that are new or others than before.
    pub changed: Vec<PathBuf>,
    /// Prefixes of environments that are gone.
    pub gone: Vec<PathBuf>,
    /// Environments that are as they were.
    pub unchanged: usize,
    /// What could not be recorded.
    pub problems: Vec<Problem>,
}

/// When a record ends with a snapshot.
#[derive(Debug, Clone, Copy)]
enum Keep<'a> {
    /// When anything is new.
    News,
    Always {
        name: Option<&'a str>,
    },
}

/// What this machine's environments were, and what other programs put beside; for the one process that
/// writes.
#[derive(Debug)]
pub struct Engine {
    folder: PathBuf,
    context: Context,
    recorded: Recorded,
}

impl Engine {
    /// Opens what this host's user remembers in a folder, or begins. Waits while another process writes.
    pub fn open(host: &Host, folder: &Path) -> Result<Engine, Error> {
        Engine::open_within(host, folder, PATIENCE)
    }

    /// The same, with so much patience.
    pub fn open_within(host: &Host, folder: &Path, patience: Duration) -> Result<Engine, Error> {
        own(host, folder)?;
        let begun = Instant::now();
        let context = loop {
            match Context::open(&store_of(folder), &Options::default()) {
                Err(snapshot::Error::Store(store::Error::Busy { .. }))
                    if begun.elapsed() < patience =>
                {
                    std::thread::sleep(BETWEEN_TRIES);
                }
                opened => break opened?,
            }
        };
        let recorded = Recorded::read(folder);
        Ok(Engine { folder: folder.to_path_buf(), context, recorded })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The context, for entries of other programs and for what only its own functions do.
    pub fn context(&mut self) -> &mut Context {
        &mut self.context
    }

    /// Records what was found, and keeps a snapshot when anything is new. What is as it was is not read
    /// again, and nothing is written then.
    pub fn record(&mut self, seen: &Inspection, looked: Looked<'_>) -> Result<Report, Error> {
        self.record_and(seen, looked, Keep::News)
    }

    /// The same, and a snapshot is kept in any case.
    pub fn keep(
        &mut self,
        seen: &Inspection,
        looked: Looked<'_>,
        name: Option<&str>,
    ) -> Result<Report, Error> {
        self.record_and(seen, looked, Keep::Always { name })
    }

    fn record_and(
        &mut self,
        seen: &Inspection,
        looked: Looked<'_>,
        keep: Keep<'_>,
    ) -> Result<Report, Error> {
        let mut report = Report::default();
        let present = self.context.live()?;
        let mut known = record::Known::default();
        for inspected in &seen.environments {
            match self.record_one(&present, inspected, looked.depth, &mut known) {
                Ok(true) => report.changed.push(inspected.environment.prefix.clone()),
                Ok(false) => report.unchanged += 1,
                Err(error) => {
                    let prefix = inspected.environment.prefix.clone();
                    report.problems.push(Problem::new(prefix, format!("is not recorded: {error}")));
                }
            }
            if self.context.unwritten_bytes() > MOST_UNWRITTEN_BYTES {
                self.context.commit()?;
            }
        }
        if looked.whole {
            report.gone = self.forget_gone(&present, seen)?;
        }
        drop(present);
        let kept = self.context.newest()?;
        let recorded = self.context.live()?;
        let environments = |context: &Tree| context.subtree(&[ENVIRONMENTS]);
        // Not what this record wrote: one before may have ended before it kept a snapshot.
        let is_new = hash_of(environments(&recorded)?) != hash_of(environments(&kept)?);
        if let Keep::Always { name } = keep {
            report.snapshot = Some(self.context.take(name, looked.reason)?);
        } else if is_new {
            report.snapshot = Some(self.context.take(None, looked.reason)?);
        } else if !report.changed.is_empty() || !report.gone.is_empty() {
            // It is again what the last snapshot kept.
            self.context.commit()?;
        }
        if is_new {
            // Without it, recall makes one of the snapshots.
            if let Err(error) = self.tell_index(&kept) {
                let folder = recall::index_of(&self.folder);
                report
                    .problems
                    .push(Problem::new(folder, format!("is not brought up to date: {error}")));
            }
        }
        // Without it the next record reads more, and is right as well.
        let _ = self.recorded.write(&self.folder);
        Ok(report)
    }

    /// Whether it is a new one.
    fn record_one(
        &mut self,
        present: &Tree,
        inspected: &Inspected,
        depth: Depth,
        known: &mut record::Known,
    ) -> Result<bool, Error> {
        let id = &inspected.environment.id.0;
        let before = present.subtree(&record::place(id))?.map(|before| before.hash());
        if before.is_some_and(|before| self.recorded.has_checked(id, before, inspected.seal)) {
            return Ok(false);
        }
        let outline = Outline::of(&inspected.environment);
        let seen = recorded::Seen::of(inspected, &outline, depth);

        if before.is_some_and(|before| self.recorded.has(id, before, &seen, inspected.seal)) {
            self.recorded.check(id, inspected.seal);
            return Ok(false);
        }
        let tree = record::tree_of(&mut self.context, inspected, &outline, known)?;
        let is_new = before != Some(tree.hash());
        if is_new {
            self.context.put_tree(&record::place(id), &tree)?;
        }
        self.recorded.put(id, tree.hash(), seen, inspected.seal);
        Ok(is_new)
    }

    /// Tells the index of the states that are others than in the snapshot before; of all that were kept,
    /// where it is gone or damaged.
    fn tell_index(&mut self, before: &Tree) -> Result<(), Error> {
        let mut index = Index::open(&recall::index_of(&self.folder))?;
        if index.states().is_empty() || index.health().is_damaged() {
            recall::rebuild(&mut index, &self.kept()?)?;
            return Ok(index.save()?);
        }
        for (id, state) in environments(&self.context.live()?)? {
            if hash_of(before.subtree(&record::place(&id.0))?) != Some(state.hash()) {
                recall::tell(&mut index, &state)?;
            }
        }
        Ok(index.save()?)
    }

    /// Removes what was not found and does not stand at its place any more. It stays in the snapshots.
    fn forget_gone(&mut self, present: &Tree, seen: &Inspection) -> Result<Vec<PathBuf>, Error> {
        let found: std::collections::HashSet<&str> =
            seen.environments.iter().map(|one| one.environment.id.0.as_str()).collect();
        let mut gone = Vec::new();
        for (id, state) in environments(present)? {
            let prefix = state.prefix()?;
            if !found.contains(id.0.as_str()) && !prefix.exists() {
                self.context.remove(&record::place(&id.0))?;
                self.recorded.remove(&id.0);
                gone.push(prefix);
            }
        }
        Ok(gone)
    }

    /// Keeps the present state as a snapshot, whether or not anything is new.
    pub fn take(&mut self, name: Option<&str>, reason: &str) -> Result<SnapshotId, Error> {
        Ok(self.context.take(name, reason)?)
    }

    /// Makes what was put or noted durable, without a snapshot.
    pub fn commit(&mut self) -> Result<(), Error> {
        self.context.commit()?;
        Ok(())
    }

    /// Brings the entries that other programs put back to those of a snapshot, exactly. What is recorded of
    /// environments stays: it says what stands on disk. The state of before is kept as a snapshot first;
    /// returns that one, or `None` when nothing differs.
    pub fn restore(&mut self, id: SnapshotId) -> Result<Option<SnapshotId>, Error> {
        let wanted = self.context.snapshot(id)?.subtree(&[CONTEXT])?;
        let present = self.context.live()?.subtree(&[CONTEXT])?;
        if wanted.as_ref().map(Tree::hash) == present.as_ref().map(Tree::hash) {
            return Ok(None);
        }
        let before = self.context.take(None, &format!("before restoring snapshot {id}"))?;
        match wanted {
            Some(tree) => self.context.put_tree(&[CONTEXT], &tree)?,
            None => self.context.remove(&[CONTEXT])?,
        }
        self.context.take(None, &format!("restored snapshot {id}"))?;
        Ok(Some(before))
    }

    /// All snapshots, the oldest first.
    pub fn kept(&mut self) -> Result<Vec<Kept>, Error> {
        let all = self.context.list()?;
        all.into_iter()
            .map(|snapshot| {
                let tree = self.context.snapshot(snapshot.id)?;
                Ok(Kept { snapshot, tree })
            })
            .collect()
    }
}

/// What was committed, for whoever only reads.
#[derive(Debug)]
pub struct Memory {
    reader: Reader,
}

impl Memory {
    /// Opens what is remembered in a folder. `None` when nothing ever was.
    pub fn open(folder: &Path) -> Result<Option<Memory>, Error> {
        let store = store_of(folder);
        match std::fs::metadata(&store) {
            Ok(found) if found.is_dir() => {}
            // What may not be looked at is not nothing.
            Err(error) if !crate::fs::missing(&error) => return Err(io("open", &store)(error)),
            _ => return Ok(None),
        }
        let reader = Reader::open(&store, store::Reading::Mapped)?;
        Ok(Some(Memory { reader }))
    }

    /// All snapshots, the oldest first.
    pub fn kept(&self) -> Result<Vec<Kept>, Error> {
        let all = self.reader.list()?;
        all.into_iter()
            .map(|snapshot| {
                let tree = self.reader.snapshot(snapshot.id)?;
                Ok(Kept { snapshot, tree })
            })
            .collect()
    }

    /// What was recorded last.
    pub fn present(&self) -> Result<Tree, Error> {
        Ok(self.reader.live()?)
    }

    /// The reader of the store.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }
}

/// A snapshot with what it keeps.
#[derive(Debug, Clone)]
pub struct Kept {
    /// When and why.
    pub snapshot: Snapshot,
    tree: Tree,
}

impl Kept {
    /// All that it keeps.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// An environment as it was then.
    pub fn environment(&self, id: &EnvironmentId) -> Result<Option<State>, Error> {
        Ok(self.tree.subtree(&record::place(&id.0))?.map(State::of))
    }

    /// All environments as they were then, by their identity.
    pub fn environments(&self) -> Result<Vec<(EnvironmentId, State)>, Error> {
        environments(&self.tree)
    }
}

/// The environments of a context.
pub fn environments(context: &Tree) -> Result<Vec<(EnvironmentId, State)>, Error> {
    let mut found = Vec::new();
    let Some(all) = context.subtree(&[ENVIRONMENTS])? else { return Ok(found) };
    for entry in all.scan(b"")? {
        let entry = entry?;
        if let (Ok(id), Item::Tree(tree)) = (String::from_utf8(entry.key()), entry.item) {
            found.push((EnvironmentId(id), State::of(tree)));
        }
    }
    Ok(found)
}

/// The identities that a prefix has or had, the latest first.
pub fn identities(kept: &[Kept], prefix: &Path) -> Result<Vec<EnvironmentId>, Error> {
    let mut found: Vec<EnvironmentId> = Vec::new();
    let plain = EnvironmentId::of(prefix, None);
    for one in kept.iter().rev() {
        if one.environment(&plain)?.is_some() {
            return Ok(vec![plain]);
        }
    }
    // Installations have their minor version in their identity.
    for one in kept.iter().rev() {
        for (id, state) in one.environments()? {
            if !found.contains(&id) && state.prefix()? == prefix {
                found.push(id);
            }
        }
    }
    Ok(found)
}

fn hash_of(tree: Option<Tree>) -> Option<store::Hash> {
    tree.map(|tree| tree.hash())
}

fn store_of(folder: &Path) -> PathBuf {
    folder.join("context")
}

fn owner(path: &Path) -> Option<Access> {
    std::fs::metadata(path).ok().map(|found| Seen::from(&found).access)
}

/// Refuses a folder of another user: what that user cuts short while it is mapped would end this process.
pub fn check_owner(host: &Host, folder: &Path) -> Result<(), Error> {
    match (owner(folder), host.user.uid) {
        (Some(access), Some(uid)) if uid != access.uid => {
            Err(Error::Foreign { path: folder.to_path_buf() })
        }
        _ => Ok(()),
    }
}

/// Makes the folder for this user alone. One of another user is not touched, nor is one made in the home
/// of another user, as `sudo` would.
fn own(host: &Host, folder: &Path) -> Result<(), Error> {
    check_owner(host, folder)?;
    let uid = host.user.uid;
    match owner(folder) {
        Some(access) if access.mode & 0o077 != 0 => {
            system::set_mode(folder, 0o700).map_err(io("close to others", folder))
        }
        Some(_) => Ok(()),
        None => {
            let home = host.home.as_deref().filter(|home| folder.starts_with(home));
            let foreign = home.filter(|home| owner(home).map(|found| found.uid) != uid);
            if let (Some(home), Some(_)) = (foreign, uid) {
                return Err(Error::Foreign { path: home.to_path_buf() });
            }
            system::make_private_folder(folder).map_err(io("make", folder))
        }
    }
}

fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { what, path, source }
}
