//! One file of a store: which is opened, which of its superblocks counts, and how a new one comes to be.

use std::io;
use std::path::Path;

use super::arena::Arena;
use super::mapping::Bytes;
use super::space::Area;
use super::storage::{Storage, Stored};
use super::superblock::{DATA_START, PAGE, ROOT_BYTES, Superblock, Wrong};
use super::{Error, Reading, Salt, io_error};

/// A commit of more than this syncs its blocks before its superblock is written: opening it then compares
/// no checksum over all of them.
pub(super) const SINGLE_SYNC_BYTES: u64 = 64 << 10;
const FILE: (&str, &str) = ("context-", ".aios");
pub(super) const UNFINISHED: &str = ".unfinished";

/// A superblock, where it stands, and the file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) generation: u64,
    pub(super) stored: Box<dyn Stored>,
    pub(super) current: Superblock,
    /// The page that the next commit writes.
    pub(super) next_page: u64,
    /// The largest sequence that either page has.
    pub(super) last_sequence: u64,
}

impl File {
    /// What counts of the file, as the first area of a space.
    pub(super) fn area(&self, storage: &dyn Storage, reading: Reading) -> Result<Area, Error> {
        let path = storage.place().join(file_name(self.generation));
        let committed = self.current.committed;
        let bytes = match reading {
            Reading::Mapped => self.stored.bytes(committed),
            Reading::Copied => read_all(&*self.stored, committed).map(Bytes::Owned),
        };
        Ok(Area::foreign(0, bytes.map_err(io_error("read", &path))?))
    }

    pub(super) fn published(&mut self, superblock: Superblock) {
        self.last_sequence = superblock.sequence;
        self.current = superblock;
        self.next_page ^= 1;
    }
}

fn read_all(stored: &dyn Stored, length: u64) -> io::Result<Vec<u8>> {
    // The length was compared with that of the file, so this much memory is what the file takes on disk.
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut bytes = vec![0; length];
    stored.read_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// The file with the highest number. It was whole before it got its name: where it cannot be read, an
/// older one that is still there would bring back what was committed over.
pub(super) fn newest(storage: &dyn Storage, write: bool) -> Result<Option<File>, Error> {
    let place = storage.place();
    let names = match storage.names() {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("list", place)(error)),
    };
    let generation = names.iter().filter_map(|name| generation_of(name)).max();
    generation.map(|generation| open_file(storage, generation, write)).transpose()
}

fn open_file(storage: &dyn Storage, generation: u64, write: bool) -> Result<File, Error> {
    let name = file_name(generation);
    let path = storage.place().join(&name);
    let stored = storage.open(&name, write).map_err(io_error("open", &path))?;
    let length = || stored.length().map_err(io_error("read", &path));
    let mut pages = vec![0; DATA_START as usize];
    let mut read = stored.read_at(&mut pages, 0);
    if read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof) {
        pages.truncate(length()?.min(DATA_START) as usize);
        read = stored.read_at(&mut pages, 0);
    }
    read.map_err(io_error("read", &path))?;
    // Asked for after superblocks are read: a file that is written meanwhile has what they say by then.
    let have = length()?;
    let (page, current, last_sequence) = choose(&pages, have, &path, |superblock| {
        let mut tail = vec![0; (superblock.committed - superblock.tail) as usize];
        stored.read_at(&mut tail, superblock.tail).map_err(io_error("read", &path))?;
        Ok(tail_is_whole(superblock, &tail))
    })?;
    let next_page = page ^ 1;
    Ok(File { generation, stored, current, next_page, last_sequence })
}

/// The newest superblock at the start of a file of `have` bytes whose commit is all there, its page, and
/// the largest sequence that either page has.
pub(super) fn choose(
    bytes: &[u8],
    have: u64,
    path: &Path,
    mut has_tail: impl FnMut(&Superblock) -> Result<bool, Error>,
) -> Result<(u64, Superblock, u64), Error> {
    let path = path.to_path_buf();
    let decoded = [0, PAGE].map(|at| Superblock::decode(bytes.get(at..).unwrap_or_default()));
    let too_new = decoded.iter().find_map(|page| match page {
        Err(Wrong::TooNew(version)) => Some(*version),
        _ => None,
    });
    if let Some(version) = too_new {
        return Err(Error::TooNew { path, version });
    }
    let is_other = decoded.iter().all(|page| *page == Err(Wrong::NotFormat));
    let mut usable: Vec<(u64, Superblock)> =
        (0..).zip(decoded).filter_map(|(page, found)| Some((page, found.ok()?))).collect();
    usable.sort_by_key(|(_, superblock)| std::cmp::Reverse(superblock.sequence));
    let last_sequence = usable.first().map_or(0, |(_, superblock)| superblock.sequence);
    let mut need = None;
    for (page, superblock) in usable {
        if superblock.committed > have {
            need.get_or_insert(superblock.committed);
            continue;
        }
        // One whose blocks did not all reach the disk counts for nothing.
        let length = superblock.committed - superblock.tail;
        if length <= SINGLE_SYNC_BYTES && has_tail(&superblock)? {
            return Ok((page, superblock, last_sequence));
        }
    }
    Err(match need {
        Some(need) => Error::Truncated { path, have, need },
        None if is_other => Error::NotFormat { path },
        None => Error::Damaged { path },
    })
}

pub(super) fn tail_is_whole(superblock: &Superblock, tail: &[u8]) -> bool {
    crc32c::crc32c(tail) == superblock.tail_checksum
}

/// A store with nothing in it.
pub(super) fn first(storage: &dyn Storage, salt: Salt) -> Result<File, Error> {
    let superblock = Superblock {
        salt,
        sequence: 1,
        committed: DATA_START,
        tail: DATA_START,
        tail_checksum: 0,
        root: [0; ROOT_BYTES],
    };
    write_unfinished(storage, 1, &superblock, &Arena::new())?;
    publish(storage, 1, superblock)
}

/// Writes a file under a name that nobody opens. It is whole and durable when this returns, or gone.
pub(super) fn write_unfinished(
    storage: &dyn Storage,
    generation: u64,
    superblock: &Superblock,
    arena: &Arena,
) -> Result<(), Error> {
    let name = format!("{}{UNFINISHED}", file_name(generation));
    // What was left of a full disk is needed elsewhere.
    write_whole(storage, &name, superblock, arena).inspect_err(|_| {
        let _ = storage.remove(&name);
    })
}

fn write_whole(
    storage: &dyn Storage,
    unfinished: &str,
    superblock: &Superblock,
    arena: &Arena,
) -> Result<(), Error> {
    let path = storage.place().join(unfinished);
    match storage.remove(unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(io_error("remove", &path)(error));
        }
        _ => {}
    }
    let stored = storage.create(unfinished).map_err(io_error("create", &path))?;
    let pages = superblock.first_pages();
    stored.write_at(&pages, 0).map_err(io_error("write", &path))?;
    for (at, piece) in arena.since(DATA_START) {
        stored.write_at(piece, at).map_err(io_error("write", &path))?;
    }
    stored.sync().map_err(io_error("sync", &path))
}

/// Gives a file that was written the name under which it is opened.
pub(super) fn publish(
    storage: &dyn Storage,
    generation: u64,
    superblock: Superblock,
) -> Result<File, Error> {
    let name = file_name(generation);
    let path = storage.place().join(&name);
    let renamed = storage.rename(&format!("{name}{UNFINISHED}"), &name);
    renamed.and_then(|()| storage.sync_names()).map_err(io_error("rename", &path))?;
    let last_sequence = superblock.sequence;
    let stored = storage.open(&name, true).map_err(io_error("open", &path))?;
    Ok(File { generation, stored, current: superblock, next_page: 1, last_sequence })
}

pub(super) fn file_name(generation: u64) -> String {
    format!("{}{generation:016}{}", FILE.0, FILE.1)
}

pub(super) fn generation_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(FILE.0)?.strip_suffix(FILE.1)?;
    let right = digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_digit());
    right.then(|| digits.parse().ok()).flatten()
}
