//! The context and its snapshots: a tree that changes, and every state of it that was kept.
//!
//! - [`Context`] is the one that writes: live tree, snapshots, restore, retention.
//! - [`Reader`] is what other processes see: the newest commit, and each snapshot in it.
//! - [`Image`] is one tree as one run of bytes, for shared memory and backups.
//!
//! All of it is one tree in one store, and each commit makes all of it durable or nothing:
//!
//! ```text
//! live/...                        the present context
//! snapshots/ID/context/...        a context that was kept; it shares what is equal with the others
//! snapshots/ID/about              when, why, and from which one it came
//! state                           the next ID, and the snapshot that the present context came from
//! ```
//!
//! Taking a snapshot in memory costs what changed since the last one; keeping it, one commit; restoring it
//! nothing but setting a root.
//!
//! ```
//! use aios_core::index::fractal::Value;
//! use aios_core::snapshot::{Context, Options};
//!
//! let folder = tempfile::tempdir()?;
//! let mut context = Context::open(&folder.path().join("context"), &Options::default())?;
//! context.put(&[b"settings", b"theme"], &Value::of(1, b"dark"))?;
//! let before = context.take(Some("before_environment_change"), "the user asked")?;
//!
//! context.put(&[b"settings", b"theme"], &Value::of(1, b"light"))?;
//! context.put(&[b"settings", b"size"], &Value::of(1, b"12"))?;
//! context.commit()?;
//!
//! context.restore_snapshot(before)?;
//! assert_eq!(context.get(&[b"settings", b"theme"])?.map(|value| value.bytes), Some(&b"dark"[..]));
//! assert_eq!(context.get(&[b"settings", b"size"])?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::path::Path as FilePath;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::index::fractal::{self, ContextTree, Item, Path, Root, Severity, Totals, Tree, Value};
use crate::store::block::{Address, Hash, u64_at};
use crate::store::storage::{Folder, Storage};
use crate::store::{self, Opened, ROOT_BYTES, Reading, RootRecord, Salt, Store};

mod about;
#[cfg(test)]
mod hostile;
mod image;
mod retention;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_crash;
#[cfg(test)]
mod tests_damage;
#[cfg(test)]
mod tests_failure;
#[cfg(test)]
mod tests_format;
#[cfg(test)]
mod tests_hostile;
#[cfg(test)]
mod tests_model;
#[cfg(test)]
mod tests_readers;

pub use about::{About, Snapshot, SnapshotId};
pub use image::{Image, export};
pub use retention::{Pruned, Retention};

const LIVE: &[u8] = b"live";
const SNAPSHOTS: &[u8] = b"snapshots";
const CONTEXT: &[u8] = b"context";
const ABOUT: &[u8] = b"about";
const STATE: &[u8] = b"state";

/// Why a context or a snapshot could not be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The tree in it.
    #[error(transparent)]
    Tree(#[from] fractal::Error),
    /// There is no snapshot with this number.
    #[error("there is no snapshot {0}")]
    NoSnapshot(SnapshotId),
    /// What is written about a snapshot cannot be read.
    #[error("what is known about snapshot {0} is damaged")]
    About(SnapshotId),
}

/// How a context is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// How the file is read.
    pub reading: Reading,
    /// The salt of a store that is made; one that nobody can foresee by default. Ignored by one that exists.
    pub salt: Option<Salt>,
}

/// The context of a store that this process writes.
#[derive(Debug)]
pub struct Context {
    store: Store,
    tree: ContextTree,
}

impl Context {
    /// Opens the context of a folder to change it, or makes an empty one. One process at a time.
    pub fn open(folder: &FilePath, options: &Options) -> Result<Context, Error> {
        let storage = Folder::create(folder).map_err(|source| store::Error::Io {
            what: "make",
            path: folder.to_path_buf(),
            source,
        })?;
        Context::on(Box::new(storage), options)
    }

    pub(crate) fn on(storage: Box<dyn Storage>, options: &Options) -> Result<Context, Error> {
        let salt = || options.salt.unwrap_or_else(Salt::random);
        let (store, arena) = Store::open(storage, options.reading, salt)?;
        let tree = ContextTree::new(arena, store.salt(), root_of(store.root()));
        Ok(Context { store, tree })
    }

    /// The value at a path of the present context.
    pub fn get(&self, path: Path<'_>) -> Result<Option<Value<'_>>, Error> {
        Ok(self.tree.get(&below_live(path))?)
    }

    /// Puts a value into the present context.
    pub fn put(&mut self, path: Path<'_>, value: &Value<'_>) -> Result<(), Error> {
        Ok(self.tree.put(&below_live(path), value)?)
    }

    /// Puts a tree of this store into the present context; nothing is copied.
    pub fn put_tree(&mut self, path: Path<'_>, tree: &Tree) -> Result<(), Error> {
        Ok(self.tree.put_tree(&below_live(path), tree)?)
    }

    /// Removes a value, or a tree with all that is in it, from the present context.
    pub fn remove(&mut self, path: Path<'_>) -> Result<(), Error> {
        Ok(self.tree.remove(&below_live(path))?)
    }

    /// Builds a tree of this store from values in the order of their paths.
    pub fn builder(&mut self) -> fractal::Builder<'_> {
        self.tree.builder()
    }

    /// The present context: a snapshot in memory. It costs what changed since the last one, keeps what
    /// it reads, and is gone with the process.
    pub fn live(&mut self) -> Result<Tree, Error> {
        Ok(self.tree.seal()?.subtree_or_empty(&[LIVE])?)
    }

    /// Makes the present context what a tree is, exactly: what was put since is gone. All or nothing, and
    /// whoever reads the context of before keeps it. Durable with the next commit.
    pub fn restore(&mut self, tree: &Tree) -> Result<(), Error> {
        let tree = self.tree.adopt(tree)?;
        Ok(self.tree.put_tree(&[LIVE], &tree)?)
    }

    /// Makes the present context durable. Returns the number of the commit.
    pub fn commit(&mut self) -> Result<u64, Error> {
        let root = self.tree.seal()?.root();
        let sequence = self.store.commit(&mut self.tree.arena, &record_of(root))?;
        self.tree.move_to_arena();
        Ok(sequence)
    }

    /// Keeps the present context as a snapshot, durable when it returns.
    pub fn take(&mut self, name: Option<&str>, reason: &str) -> Result<SnapshotId, Error> {
        self.take_at(name, reason, now_ms())
    }

    pub(crate) fn take_at(
        &mut self,
        name: Option<&str>,
        reason: &str,
        time_ms: u64,
    ) -> Result<SnapshotId, Error> {
        let (next, parent) = self.state()?;
        let id = SnapshotId(next);
        let about = About {
            name: name.map(str::to_owned),
            reason: reason.to_owned(),
            time_ms,
            parent: (parent != 0).then_some(SnapshotId(parent)),
        };
        self.all_or_nothing(|context| {
            let live = context.live()?;
            let key = id.key();
            context.tree.put(&[SNAPSHOTS, &key, ABOUT], &Value::of(0, &about.encode()))?;
            context.tree.put_tree(&[SNAPSHOTS, &key, CONTEXT], &live)?;
            context.set_state(next + 1, next)
        })?;
        Ok(id)
    }

    /// Makes the present context what it was when a snapshot was taken, durable when it returns.
    pub fn restore_snapshot(&mut self, id: SnapshotId) -> Result<(), Error> {
        let tree = self.snapshot(id)?;
        self.all_or_nothing(|context| {
            context.tree.put_tree(&[LIVE], &tree)?;
            let (next, _) = context.state()?;
            context.set_state(next, id.0)
        })
    }

    /// Changes and commits. After an error the context is what it was: a later commit does not bring what
    /// was reported as failed.
    fn all_or_nothing(
        &mut self,
        change: impl FnOnce(&mut Context) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let before = self.tree.seal()?;
        let done = change(self).and_then(|()| self.commit());
        if done.is_err() {
            self.tree.restore(&before)?;
        }
        done.map(|_| ())
    }

    /// The context that a snapshot kept.
    pub fn snapshot(&mut self, id: SnapshotId) -> Result<Tree, Error> {
        snapshot(&self.tree.seal()?, id)
    }

    /// The context that the newest snapshot kept; an empty one before the first.
    pub fn newest(&mut self) -> Result<Tree, Error> {
        let (next, _) = self.state()?;
        let key = SnapshotId(next.saturating_sub(1)).key();
        Ok(self.tree.seal()?.subtree_or_empty(&[SNAPSHOTS, &key, CONTEXT])?)
    }

    /// All snapshots, the oldest first.
    pub fn list(&mut self) -> Result<Vec<Snapshot>, Error> {
        list(&self.tree.seal()?)
    }

    /// One tree of this store as one run of bytes.
    pub fn export(&self, tree: &Tree) -> Result<Vec<u8>, Error> {
        image::export(tree)
    }

    /// Reads every block of the store and compares it with its hash.
    pub fn verify(&mut self) -> Result<fractal::Verified, Error> {
        Ok(self.tree.seal()?.verify())
    }

    /// Puts whole copies in the place of damaged blocks, from the same store or from other trees, and
    /// makes that durable. Returns what no source has.
    pub fn heal(&mut self, sources: &[&Tree]) -> Result<fractal::Healed, Error> {
        let all = self.tree.seal()?;
        let healed = self.tree.heal(&all, sources);
        self.tree.restore(&healed.tree)?;
        self.commit()?;
        Ok(healed)
    }

    /// The key of the hash that decides where nodes end.
    pub fn salt(&self) -> Salt {
        self.store.salt()
    }

    /// Bytes of the file that count.
    pub fn file_bytes(&self) -> u64 {
        self.store.committed_bytes()
    }

    /// Bytes of nodes that are in memory alone until the next commit.
    pub fn unwritten_bytes(&self) -> u64 {
        self.tree.arena.end().saturating_sub(self.file_bytes())
    }

    /// Writes what is still reachable to a new file. Trees that were handed out keep what they read, but
    /// are of another store from then on. Returns the bytes that the file is shorter.
    pub fn compact(&mut self) -> Result<u64, Error> {
        self.commit()?;
        let root = self.tree.seal()?.root();
        let freed = self.store.compact(&mut self.tree.arena, |copied| {
            let root = match root {
                Some(root) => {
                    let address = copied.copy(root.address, fractal::is_sound)?;
                    Some(Root { address, ..root })
                }
                None => None,
            };
            Ok(record_of(root))
        })?;
        let arena = std::mem::take(&mut self.tree.arena);
        self.tree = ContextTree::new(arena, self.store.salt(), root_of(self.store.root()));
        Ok(freed)
    }

    /// The next number, and that of the snapshot which the present context came from.
    fn state(&self) -> Result<(u64, u64), Error> {
        let state = self.tree.get(&[STATE])?.filter(|state| state.bytes.len() == 16);
        Ok(state.map_or((1, 0), |state| (u64_at(state.bytes, 0), u64_at(state.bytes, 8))))
    }

    fn set_state(&mut self, next: u64, parent: u64) -> Result<(), Error> {
        let state = [next.to_le_bytes(), parent.to_le_bytes()].concat();
        Ok(self.tree.put(&[STATE], &Value::of(0, &state))?)
    }
}

/// What another process than the writer sees: the newest commit when it looked.
#[derive(Debug)]
pub struct Reader {
    storage: Folder,
    reading: Reading,
    opened: Opened,
}

impl Reader {
    /// Opens the context of a folder for reading.
    pub fn open(folder: &FilePath, reading: Reading) -> Result<Reader, Error> {
        let storage = Folder::existing(folder);
        let opened = Opened::newest(&storage, reading)?;
        Ok(Reader { storage, reading, opened })
    }

    /// Looks for a newer commit. Trees that were handed out keep what they read. Returns whether there
    /// was one.
    pub fn refresh(&mut self) -> Result<bool, Error> {
        if self.opened.is_newest(&self.storage) {
            return Ok(false);
        }
        self.opened = Opened::newest(&self.storage, self.reading)?;
        Ok(true)
    }

    /// The context of the newest commit.
    pub fn live(&self) -> Result<Tree, Error> {
        Ok(self.all().subtree_or_empty(&[LIVE])?)
    }

    /// All snapshots, the oldest first.
    pub fn list(&self) -> Result<Vec<Snapshot>, Error> {
        list(&self.all())
    }

    /// The context that a snapshot kept.
    pub fn snapshot(&self, id: SnapshotId) -> Result<Tree, Error> {
        snapshot(&self.all(), id)
    }

    /// The number of the commit.
    pub fn sequence(&self) -> u64 {
        self.opened.sequence
    }

    /// Compares the checksum of every block, so that none is compared when it is first read. Returns the
    /// bytes that were read.
    pub fn check(&self) -> Result<u64, Error> {
        let checked = self.opened.space.check_all(fractal::is_sound);
        Ok(checked.map_err(store::Error::from)?)
    }

    /// Reads every block of the store and compares it with its hash.
    pub fn verify(&self) -> fractal::Verified {
        self.all().verify()
    }

    fn all(&self) -> Tree {
        let Opened { space, root, salt, .. } = &self.opened;
        Tree::of(std::sync::Arc::clone(space), *salt, root_of(root))
    }
}

fn list(all: &Tree) -> Result<Vec<Snapshot>, Error> {
    let Some(snapshots) = all.subtree(&[SNAPSHOTS])? else { return Ok(Vec::new()) };
    let mut found: Vec<Snapshot> = Vec::new();
    for entry in snapshots.scan(b"")? {
        let entry = entry?;
        let (Some(id), Item::Tree(tree)) = (SnapshotId::of(&entry.key()), &entry.item) else {
            continue;
        };
        let about = tree.get(&[ABOUT])?.and_then(|value| About::decode(value.bytes));
        // Nodes of others may lead to the same ones for ever.
        let about = about.filter(|_| found.last().is_none_or(|last| last.id < id));
        let about = about.ok_or(Error::About(id))?;
        let context = tree.subtree_or_empty(&[CONTEXT])?;
        found.push(Snapshot { id, about, hash: context.hash(), totals: context.totals() });
    }
    Ok(found)
}

fn snapshot(all: &Tree, id: SnapshotId) -> Result<Tree, Error> {
    let key = id.key();
    all.get(&[SNAPSHOTS, &key, ABOUT])?.ok_or(Error::NoSnapshot(id))?;
    Ok(all.subtree_or_empty(&[SNAPSHOTS, &key, CONTEXT])?)
}

fn below_live<'a>(path: Path<'a>) -> Vec<&'a [u8]> {
    std::iter::once(LIVE).chain(path.iter().copied()).collect()
}

/// The root as a commit keeps it: hash, address (0: an empty tree), records, bytes, worst severity.
fn record_of(root: Option<Root>) -> RootRecord {
    let mut record = [0; ROOT_BYTES];
    if let Some(Root { hash, address, totals }) = root {
        record[..32].copy_from_slice(&hash.0);
        record[32..40].copy_from_slice(&address.0.to_le_bytes());
        record[40..48].copy_from_slice(&totals.records.to_le_bytes());
        record[48..56].copy_from_slice(&totals.bytes.to_le_bytes());
        record[56] = totals.worst as u8;
    }
    record
}

fn root_of(record: &RootRecord) -> Option<Root> {
    let mut hash = [0; 32];
    hash.copy_from_slice(&record[..32]);
    let address = Address(u64_at(record, 32));
    let totals = Totals {
        records: u64_at(record, 40),
        bytes: u64_at(record, 48),
        worst: Severity::of(record[56]),
    };
    (address != Address::NONE).then_some(Root { hash: Hash(hash), address, totals })
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
