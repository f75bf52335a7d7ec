//! The folder of an index: one file, which is replaced as a whole, and to which changes are appended.
//!
//! A file is written under another name and synced before it gets its own; the one with the highest number
//! counts. Changes are pages too, numbered from 0 on, each appended after whatever stands there: what a killed
//! writer left is never written over. A number that is missing says that a change was lost.

use std::io;
use std::path::Path;

use super::Error;
use super::base::{Base, Item, Places, pages};
use super::build::{DATA_START, Front, NoFront};
use super::page::{ALIGNMENT, Kind, changed};
use super::{StateId, Token};
use crate::store::storage::{Storage, Stored};
use crate::store::{Bytes, Reading};

const NAME: (&str, &str) = ("recall-", ".aios");
const UNFINISHED: &str = ".unfinished";
/// No file is appended to so often.
const MOST_CHANGES: u32 = 1 << 31;

/// A change of a state: the tokens that it has now, `None` when it was removed.
pub(super) type Change = (StateId, Option<Vec<Token>>);

/// Which file was read, and how much of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// 0 when there is none.
    pub(super) generation: u64,
    /// Bytes of the file when it was read.
    pub(super) length: u64,
    /// The number of the next change.
    pub(super) next_change: u32,
}

/// What a file holds.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) place: Place,
    pub(super) base: Base,
    pub(super) changes: Vec<Change>,
    /// Changes that are known to be missing, and stretches that are no page.
    pub(super) lost_changes: usize,
    pub(super) stray: usize,
}

/// Reads the newest file. One that is missing, or holds nothing that can be read, is empty.
pub(super) fn read(storage: &dyn Storage, reading: Reading) -> Result<Read, Error> {
    // The file may be replaced between its name and its opening: then there is a newer one.
    let mut attempts = 0;
    loop {
        let generation = newest(storage)?;
        if generation == 0 {
            return Ok(nothing());
        }
        match read_file(storage, generation, reading) {
            Err(Error::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound && attempts < 8 =>
            {
                attempts += 1;
            }
            read => return read,
        }
    }
}

fn nothing() -> Read {
    let place = Place::default();
    Read { place, base: Base::empty(), changes: Vec::new(), lost_changes: 0, stray: 0 }
}

/// The number of the newest file; 0 when there is none.
pub(super) fn newest(storage: &dyn Storage) -> Result<u64, Error> {
    match storage.names() {
        Ok(names) => Ok(names.iter().filter_map(|name| generation_of(name)).max().unwrap_or(0)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(io_error("list", storage.place())(error)),
    }
}

fn read_file(storage: &dyn Storage, generation: u64, reading: Reading) -> Result<Read, Error> {
    let name = file_name(generation);
    let path = storage.place().join(&name);
    let stored = storage.open(&name, false).map_err(io_error("open", &path))?;
    let length = stored.length().map_err(io_error("read", &path))?;
    let start =
        part(&*stored, 0, length.min(DATA_START as u64)).map_err(io_error("read", &path))?;
    let front = match Front::of(&start) {
        Ok(front) => Some(front),
        Err(NoFront::TooNew(version)) => return Err(Error::TooNew { path, version }),
        Err(NoFront::Damaged) => None,
    };
    let places = match front {
        Some(front) if front.length <= length => {
            let table = part(&*stored, front.table, front.length - front.table);
            Places::of(&table.map_err(io_error("read", &path))?, &front)
        }
        _ => None,
    };
    let mut read = Read { place: Place { generation, length, next_change: 0 }, ..nothing() };
    match front.zip(places) {
        Some((front, places)) => {
            let bytes = match reading {
                Reading::Mapped => stored.bytes(front.length),
                Reading::Copied => part(&*stored, 0, front.length).map(Bytes::Owned),
            };
            read.base = Base::described(bytes.map_err(io_error("read", &path))?, &front, places);
            let tail = part(&*stored, front.length, length - front.length);
            read.append(&tail.map_err(io_error("read", &path))?, 0);
        }
        // Nobody knows where changes begin: all of it is looked through.
        None => {
            let bytes = part(&*stored, 0, length).map_err(io_error("read", &path))?;
            read.append(&bytes, DATA_START);
            read.base = Base::searched(Bytes::Owned(bytes));
        }
    }
    Ok(read)
}

impl Read {
    /// Reads the changes of a stretch.
    fn append(&mut self, bytes: &[u8], from: usize) {
        for item in pages(bytes, from) {
            match item {
                Item::Stray => self.stray += 1,
                Item::Page { header, page, .. } => {
                    let is_change = matches!(header.kind, Kind::Put | Kind::Remove);
                    if !is_change || header.number >= MOST_CHANGES {
                        continue;
                    }
                    let next = &mut self.place.next_change;
                    // One that comes too late was repeated by somebody; it still is the newest.
                    self.lost_changes += header.number.saturating_sub(*next) as usize;
                    *next = (header.number + 1).max(*next);
                    self.changes.extend(changed(&header, page));
                }
            }
        }
    }
}

/// Whether the file is still the one that was read, with nothing appended since.
pub(super) fn is_current(storage: &dyn Storage, place: Place) -> Result<bool, Error> {
    if newest(storage)? != place.generation {
        return Ok(false);
    }
    if place.generation == 0 {
        return Ok(true);
    }
    let name = file_name(place.generation);
    let path = storage.place().join(&name);
    let length = storage.open(&name, false).and_then(|stored| stored.length());
    Ok(length.map_err(io_error("read", &path))? == place.length)
}

/// Appends pages to the file and syncs it.
pub(super) fn append(storage: &dyn Storage, place: &mut Place, pages: &[u8]) -> Result<(), Error> {
    let name = file_name(place.generation);
    let path = storage.place().join(&name);
    let stored = storage.open(&name, true).map_err(io_error("open", &path))?;
    let at = place.length.next_multiple_of(ALIGNMENT as u64);
    stored.write_at(pages, at).map_err(io_error("write", &path))?;
    stored.sync().map_err(io_error("sync", &path))?;
    place.length = at + pages.len() as u64;
    Ok(())
}

/// Writes a file that takes the place of all others.
pub(super) fn replace(
    storage: &dyn Storage,
    generation: u64,
    pieces: &[&[u8]],
) -> Result<(), Error> {
    let name = file_name(generation);
    let unfinished = format!("{name}{UNFINISHED}");
    let path = storage.place().join(&unfinished);
    let written = write_whole(storage, &unfinished, pieces).map_err(io_error("write", &path));
    written.inspect_err(|_| {
        // What was left of a full disk is needed elsewhere.
        let _ = storage.remove(&unfinished);
    })?;
    let path = storage.place().join(&name);
    let renamed = storage.rename(&unfinished, &name).and_then(|()| storage.sync_names());
    renamed.map_err(io_error("rename", &path))?;
    // Windows keeps one that is mapped: then a later writer removes it.
    for other in storage.names().unwrap_or_default() {
        let is_old = generation_of(&other).is_some_and(|number| number < generation);
        if is_old || other.starts_with(NAME.0) && other.ends_with(UNFINISHED) {
            let _ = storage.remove(&other);
        }
    }
    Ok(())
}

fn write_whole(storage: &dyn Storage, name: &str, pieces: &[&[u8]]) -> io::Result<()> {
    match storage.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let stored = storage.create(name)?;
    let mut at = 0;
    for piece in pieces {
        stored.write_at(piece, at)?;
        at += piece.len() as u64;
    }
    stored.sync()
}

/// As much memory as the file takes on disk: the length was asked for.
fn part(stored: &dyn Stored, from: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?];
    stored.read_at(&mut bytes, from)?;
    Ok(bytes)
}

pub(super) fn file_name(generation: u64) -> String {
    format!("{}{generation:016}{}", NAME.0, NAME.1)
}

fn generation_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(NAME.0)?.strip_suffix(NAME.1)?;
    let is_number = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

pub(super) fn io_error<'a>(
    what: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| Error::Io { what, path: path.to_path_buf(), source }
}
