//! A folder with one file of checksummed blocks that only grows, its commits durable and all or nothing.
//!
//! - `file` is one file: which is opened, and how a new one comes to be.
//! - [`block`] is the layout of one block, `superblock` that of the two pages that say which bytes count.
//! - [`space`] resolves addresses to blocks, in a mapped file and in memory alike.
//! - [`arena`] is where new blocks are written.
//! - [`Store`] commits them. One process writes, any number read; readers keep what they have.
//!
//! It knows no keys and no trees: a commit keeps a record that says where the root is.
//!
//! ```text
//! FOLDER/context-0000000000000001.aios   superblock A, superblock B, blocks ...
//! FOLDER/lock                            held by the process that writes
//! ```
//!
//! A commit appends blocks, then writes the other superblock, then syncs once: the superblock has a
//! checksum of what was appended, so that one that reached the disk before its blocks counts for nothing.
//! A large commit syncs its blocks first. Published bytes never change. Compaction writes what is still
//! reachable to a file with the next number; the old one is removed when nobody has it open.
//!
//! What a writer finds when it opens a store may be in memory alone: the one before was killed, or its
//! sync failed. So its first commit makes what it found durable before it overwrites the superblock that
//! would be needed otherwise.

use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) mod arena;
pub mod block;
mod copy;
#[cfg(test)]
pub(crate) mod failing;
mod file;
mod mapping;
pub(crate) mod space;
pub mod storage;
pub(crate) mod superblock;

use arena::Arena;
pub use block::Hash;
pub(crate) use copy::Copied;
use file::{
    File, SINGLE_SYNC_BYTES, UNFINISHED, choose, file_name, first, generation_of, newest, publish,
    tail_is_whole, write_unfinished,
};
pub use mapping::Bytes;
pub use space::Fault;
use space::{Area, Space};
use storage::Storage;
use superblock::{PAGE, Superblock};
pub(crate) use superblock::{ROOT_BYTES, RootRecord};

/// What is committed stays in memory too, until it is worth mapping the file anew.
const REMAP_BYTES: u64 = 1 << 20;

/// The key of the hash that decides where nodes end. Trees are equal byte by byte only under one salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

impl Salt {
    /// One that nobody can foresee.
    pub fn random() -> Salt {
        let mut salt = [0; 16];
        for half in salt.chunks_exact_mut(8) {
            half.copy_from_slice(&RandomState::new().hash_one(0u8).to_le_bytes());
        }
        Salt(salt)
    }
}

/// How the bytes of a store are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reading {
    /// In place, from a mapping: for a folder of the user's own on a disk of this machine.
    #[default]
    Mapped,
    /// From a copy in memory: for files that others may change meanwhile, where a mapping that is cut
    /// short would end the process.
    Copied,
}

/// Why a store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// "open", "write", ...
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no store, or the file is none.
    #[error("`{}` is not a store of aios", path.display())]
    NotFormat {
        /// The file or folder.
        path: PathBuf,
    },
    /// A later program wrote it. It is left as it is.
    #[error("`{}` has version {version} of the format, and this program reads up to {}", path.display(), superblock::VERSION)]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The version that it has.
        version: u32,
    },
    /// The file is shorter than its superblock says.
    #[error("`{}` was cut short: {have} bytes of {need}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        have: u64,
        /// The bytes that count.
        need: u64,
    },
    /// Neither superblock is whole.
    #[error("`{}` is damaged: neither of its superblocks is whole", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Another process writes.
    #[error("another process writes to `{}`", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A sync failed before: what is durable is only known after opening it again.
    #[error("what was written to `{}` may not be durable; nothing is written until it is opened again", path.display())]
    Poisoned {
        /// The folder.
        path: PathBuf,
    },
    /// A block cannot be read.
    #[error(transparent)]
    Block(#[from] Fault),
}

/// A store that this process writes.
#[derive(Debug)]
pub(crate) struct Store {
    storage: Box<dyn Storage>,
    file: File,
    reading: Reading,
    /// Up to here the first area is the file.
    mapped: u64,
    /// Whether what was found is durable.
    settled: bool,
    poisoned: bool,
    _lock: Box<dyn Debug + Send + Sync>,
}

/// What a process that does not write sees of a store.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) space: Arc<Space>,
    pub(crate) root: RootRecord,
    pub(crate) salt: Salt,
    pub(crate) sequence: u64,
    generation: u64,
}

impl Store {
    /// Opens the store of a folder to write it, or makes one. The arena is where to write.
    pub(crate) fn open(
        storage: Box<dyn Storage>,
        reading: Reading,
        salt: impl FnOnce() -> Salt,
    ) -> Result<(Store, Arena), Error> {
        let place = storage.place().to_path_buf();
        let lock = storage.lock().map_err(io_error("lock", &place))?;
        let lock = lock.ok_or(Error::Busy { path: place })?;
        let found = newest(&*storage, true)?;
        let settled = found.is_none();
        let file = match found {
            Some(file) => file,
            None => first(&*storage, salt())?,
        };
        let area = file.area(&*storage, reading)?;
        let mapped = area.end();
        let arena = Arena::after(Space::of(area));
        let store = Store { storage, file, reading, mapped, settled, poisoned: false, _lock: lock };
        store.remove_others();
        Ok((store, arena))
    }

    pub(crate) fn salt(&self) -> Salt {
        self.file.current.salt
    }

    pub(crate) fn root(&self) -> &RootRecord {
        &self.file.current.root
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.file.current.sequence
    }

    /// Bytes of the file that count.
    pub(crate) fn committed_bytes(&self) -> u64 {
        self.file.current.committed
    }

    /// Makes everything that was written durable, and this root with it: all, or after an error nothing.
    /// Returns the number of the commit.
    pub(crate) fn commit(&mut self, arena: &mut Arena, root: &RootRecord) -> Result<u64, Error> {
        self.usable()?;
        self.settle()?;
        arena.seal();
        let (from, to) = (self.file.current.committed, arena.end());
        if from == to && *root == self.file.current.root {
            return Ok(self.sequence());
        }
        let path = self.path();
        let single = to - from <= SINGLE_SYNC_BYTES;
        let mut checksum = 0;
        for (at, piece) in arena.since(from) {
            self.file.stored.write_at(piece, at).map_err(io_error("write", &path))?;
            if single {
                checksum = crc32c::crc32c_append(checksum, piece);
            }
        }
        if !single {
            self.sync(&path)?;
        }
        let superblock = Superblock {
            salt: self.salt(),
            sequence: self.file.last_sequence + 1,
            committed: to,
            tail: if single { from } else { to },
            tail_checksum: checksum,
            root: *root,
        };
        self.write_superblock(self.file.next_page, &superblock, &path)?;
        self.sync(&path)?;
        self.file.published(superblock);
        if to - self.mapped >= REMAP_BYTES {
            self.remap(arena);
        }
        Ok(self.sequence())
    }

    /// Writes what `copy` copies to a new file, which takes the place of the present one. The root record
    /// that it returns is committed with it. Returns the bytes that the file is shorter.
    pub(crate) fn compact(
        &mut self,
        old: &mut Arena,
        copy: impl FnOnce(&mut Copied<'_>) -> Result<RootRecord, Error>,
    ) -> Result<u64, Error> {
        self.usable()?;
        let before = self.committed_bytes();
        let space = old.seal();
        let mut arena = Arena::new();
        let root = copy(&mut Copied::new(&space, &mut arena))?;
        arena.seal();
        let superblock = Superblock {
            salt: self.salt(),
            sequence: self.file.last_sequence + 1,
            committed: arena.end(),
            tail: arena.end(),
            tail_checksum: 0,
            root,
        };
        let generation = self.file.generation + 1;
        write_unfinished(&*self.storage, generation, &superblock, &arena)?;
        // From here on the new file may be the one that is opened next: a commit to the old one would be lost.
        self.poisoned = true;
        let file = publish(&*self.storage, generation, superblock)?;
        let area = file.area(&*self.storage, self.reading)?;
        self.poisoned = false;
        self.settled = true;
        self.mapped = area.end();
        *old = Arena::after(Space::of(area));
        self.file = file;
        self.remove_others();
        Ok(before.saturating_sub(self.committed_bytes()))
    }

    /// Removes files that were replaced or never finished. Windows keeps one that is mapped: then a later
    /// opening removes it.
    fn remove_others(&self) {
        let Ok(mut names) = self.storage.names() else { return };
        names.retain(|name| {
            let old = generation_of(name).is_some_and(|number| number < self.file.generation);
            old || name.ends_with(UNFINISHED)
        });
        // The name of the present file must not be less durable than the absence of the others.
        if names.is_empty() || self.storage.sync_names().is_err() {
            return;
        }
        for name in names {
            let _ = self.storage.remove(&name);
        }
    }

    /// Makes durable what was found at opening. Writing it once more counts where an earlier sync failed:
    /// the system may take what it could not write for written.
    fn settle(&mut self) -> Result<(), Error> {
        if self.settled {
            return Ok(());
        }
        let path = self.path();
        let Superblock { tail, committed, .. } = self.file.current;
        let mut bytes = vec![0; (committed - tail) as usize];
        self.file.stored.read_at(&mut bytes, tail).map_err(io_error("read", &path))?;
        self.file.stored.write_at(&bytes, tail).map_err(io_error("write", &path))?;
        let current = self.file.current.clone();
        self.write_superblock(self.file.next_page ^ 1, &current, &path)?;
        self.sync(&path)?;
        self.storage
            .sync_names()
            .inspect_err(|_| self.poisoned = true)
            .map_err(io_error("sync", self.storage.place()))?;
        self.settled = true;
        Ok(())
    }

    fn write_superblock(
        &mut self,
        page: u64,
        block: &Superblock,
        path: &Path,
    ) -> Result<(), Error> {
        let written = self.file.stored.write_at(&block.encode(), page * PAGE as u64);
        // A full disk keeps the last bytes out, the checksum among them. After another error all of it may
        // be there for readers to see, and what they see must not be overwritten.
        written
            .inspect_err(|error| self.poisoned = !is_full(error))
            .map_err(io_error("write", path))
    }

    fn remap(&mut self, arena: &mut Arena) {
        // Where mapping fails, memory serves as before.
        let Ok(area) = self.file.area(&*self.storage, self.reading) else { return };
        self.mapped = area.end();
        arena.replace(Arc::new(area));
    }

    fn usable(&self) -> Result<(), Error> {
        if self.poisoned {
            return Err(Error::Poisoned { path: self.storage.place().to_path_buf() });
        }
        Ok(())
    }

    fn sync(&mut self, path: &Path) -> Result<(), Error> {
        // After a failed sync the system may have dropped what it did not write: nothing is known.
        self.file
            .stored
            .sync()
            .inspect_err(|_| self.poisoned = true)
            .map_err(io_error("sync", path))
    }

    fn path(&self) -> PathBuf {
        self.storage.place().join(file_name(self.file.generation))
    }
}

impl Opened {
    /// The newest commit of a store that another process may be writing.
    pub(crate) fn newest(storage: &dyn Storage, reading: Reading) -> Result<Opened, Error> {
        // Compaction may remove the file between its name and its opening: then there is a newer one.
        let mut attempts = 0;
        let file = loop {
            match newest(storage, false) {
                Ok(Some(file)) => break file,
                Ok(None) if attempts < 8 => attempts += 1,
                Ok(None) => {
                    return Err(Error::NotFormat { path: storage.place().to_path_buf() });
                }
                Err(error) if attempts < 8 && may_pass(&error) => attempts += 1,
                Err(error) => return Err(error),
            }
        };
        let area = file.area(storage, reading)?;
        let space = Arc::new(Space::of(area));
        let Superblock { salt, sequence, root, .. } = file.current;
        Ok(Opened { space, root, salt, sequence, generation: file.generation })
    }

    /// Whether there is a newer commit. Reads two pages.
    pub(crate) fn is_newest(&self, storage: &dyn Storage) -> bool {
        newest(storage, false).is_ok_and(|file| {
            file.is_some_and(|file| {
                (file.generation, file.current.sequence) == (self.generation, self.sequence)
            })
        })
    }

    /// A file whose bytes are all there: an exported image, or the file of a store.
    pub(crate) fn image(bytes: Bytes, path: &Path) -> Result<Opened, Error> {
        let have = bytes.len() as u64;
        let (_, superblock, _) = choose(&bytes, have, path, |superblock| {
            let Superblock { tail, committed, .. } = *superblock;
            Ok(tail_is_whole(superblock, &bytes[tail as usize..committed as usize]))
        })?;
        let space = Arc::new(Space::of(Area::foreign(0, bytes)));
        let Superblock { salt, sequence, root, .. } = superblock;
        Ok(Opened { space, root, salt, sequence, generation: 0 })
    }
}

/// One file with one commit, as bytes: what [`Opened::image`] reads. The arena is one
/// [`Arena::of_image`].
pub(crate) fn image(arena: Arena, salt: Salt, sequence: u64, root: RootRecord) -> Vec<u8> {
    let mut image = arena.into_image();
    let committed = image.len() as u64;
    let superblock =
        Superblock { salt, sequence, committed, tail: committed, tail_checksum: 0, root };
    let pages = superblock.first_pages();
    image[..pages.len()].copy_from_slice(&pages);
    image
}

/// Whether a reader should look again: the file was replaced, or both superblocks were written while they
/// were read, one after the other.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
        Error::Damaged { .. } => true,
        _ => false,
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { what, path, source }
}
