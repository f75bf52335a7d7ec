//! A named segment: made or taken over by its owner, opened by others.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::alive::{Held, Lock, Process};
use super::named::{Failure, Named};
use super::place::io;
use super::{Error, Memory, Place, What, Words};
use crate::system;

/// Bytes of the preamble, which stands first in each segment.
pub const PREAMBLE_BYTES: usize = 64;

const MAGIC_AT: usize = 0;
const VERSION_AT: usize = 8;
const LENGTH_AT: usize = 16;
const MADE_AT: usize = 24;
const OWNER_AT: usize = 32;

/// How often, and how long between, a segment that is being made is looked at again.
const TRIES: u32 = 50;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// What a segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Which segment of an instance.
    pub what: What,
    /// Its first eight bytes.
    pub magic: [u8; 8],
    /// Of the layout after the preamble.
    pub version: u32,
}

/// Whether its owner is done with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its maker writes what it begins with, or died before it was done.
    Making,
    /// In use.
    Ready,
    /// Its owner ended, or made another one of this name: look for that.
    Closed,
}

/// How an owner came to its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is new, and holds zeroes after the preamble; say [`Segment::set_ready`] when it is filled.
    Fresh,
    /// A dead owner left it, and it fits: what it holds stands.
    TakenOver,
}

/// A mapped segment. Dropping the owner's closes it and removes its name; others keep what they have mapped.
#[derive(Debug)]
pub struct Segment {
    name: String,
    kind: Kind,
    memory: Memory,
    length: usize,
    /// Of the owner: its process, and the lock.
    owner: Option<(u32, Held)>,
}

impl Segment {
    /// Becomes the owner of a name. What a dead owner left is taken over if it is as long and `fits` says so, and
    /// made anew otherwise; a living owner is an error.
    pub fn create(
        place: &Place,
        kind: Kind,
        bytes: usize,
        fits: impl FnOnce(&Memory) -> bool,
    ) -> Result<(Segment, Made), Error> {
        let name = place.name(kind.what);
        let Some(held) = Lock::of_owner(place, kind.what).take()? else {
            let open = Segment::open_read_only(place, kind).ok();
            let pid = open.and_then(|segment| segment.owner()).map(|owner| owner.pid);
            return Err(Error::Owned { name, pid });
        };
        let segment = |memory, held| {
            let owner = Some((system::pid(), held));
            Segment { name: name.clone(), kind, memory, length: bytes, owner }
        };
        let (memory, made) = match create(&name, bytes)? {
            Some(memory) => (memory, Made::Fresh),
            None => match left_by_the_dead(&name, kind, bytes, fits)? {
                Some(memory) => (memory, Made::TakenOver),
                None => {
                    remove(&name)?;
                    let memory = create(&name, bytes)?.ok_or_else(|| unfit(&name, HELD))?;
                    (memory, Made::Fresh)
                }
            },
        };
        let segment = segment(memory, held);
        if made == Made::Fresh {
            segment.write_preamble();
        }
        segment.memory.store(OWNER_AT, Process::own().to_word(), Release);
        Ok((segment, made))
    }

    /// Opens what its owner made, for reading and writing.
    pub fn open(place: &Place, kind: Kind) -> Result<Segment, Error> {
        Segment::open_with(place, kind, |name| {
            let before = facts(name)?;
            let memory = match Named::open(&system::segment_name(name)) {
                Ok(named) => Memory::named(named),
                Err(Failure::NotThere(error)) if is_being_made(&error) => None,
                Err(Failure::NotThere(error) | Failure::Refused(error)) => {
                    return Err(io("open the shared memory", name.as_ref())(error));
                }
                Err(Failure::Exists) => None,
            };
            // The crate gives no handle to ask: the name is of the same segment before and after.
            if facts(name)? != before {
                return Ok(None);
            }
            Ok(memory)
        })
    }

    /// Opens what its owner made. On Unix the mapping itself is read-only; on Windows only this type is.
    pub fn open_read_only(place: &Place, kind: Kind) -> Result<Segment, Error> {
        Segment::open_with(place, kind, |name| {
            let opened = system::map_read_only(name);
            match opened.map_err(|error| not_there(name, error))? {
                Some((facts, mapping)) => {
                    check(name, &facts)?;
                    Ok(mapping.and_then(Memory::read_only))
                }
                None => match Named::open(&system::segment_name(name)) {
                    Ok(named) => Ok(Memory::named(named).map(Memory::without_writing)),
                    Err(Failure::NotThere(error)) if is_being_made(&error) => Ok(None),
                    Err(Failure::NotThere(error) | Failure::Refused(error)) => {
                        Err(not_there(name, error))
                    }
                    Err(Failure::Exists) => Ok(None),
                },
            }
        })
    }

    /// Zeroes of this process alone, ready.
    pub fn private(kind: Kind, bytes: usize) -> Result<Segment, Error> {
        let name = format!("private {}", kind.what);
        let memory =
            Memory::private(bytes).map_err(|_| Error::Full { name: name.clone(), bytes })?;
        let segment = Segment { name, kind, memory, length: bytes, owner: None };
        segment.write_preamble();
        segment.set_ready();
        Ok(segment)
    }

    fn open_with(
        place: &Place,
        kind: Kind,
        map: impl Fn(&str) -> Result<Option<Memory>, Error>,
    ) -> Result<Segment, Error> {
        let name = place.name(kind.what);
        for attempt in 0..TRIES {
            if attempt > 0 {
                std::thread::sleep(BETWEEN_TRIES);
            }
            let Some(memory) = map(&name)? else { continue };
            if memory.length() < PREAMBLE_BYTES {
                return Err(unfit(&name, "is shorter than its preamble".to_owned()));
            }
            if state(&memory) == State::Ready {
                let length = checked(&name, kind, &memory)?;
                return Ok(Segment { name, kind, memory, length, owner: None });
            }
        }
        Err(Error::NotReady { name })
    }

    fn write_preamble(&self) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let memory = &self.memory;
        memory.store(MAGIC_AT, u64::from_le_bytes(self.kind.magic), Relaxed);
        memory.store(LENGTH_AT, self.length as u64, Relaxed);
        memory.store(MADE_AT, u64::try_from(since.as_nanos()).unwrap_or_default(), Relaxed);
        self.set_state(State::Making);
    }

    /// Shows it to openers: what a fresh one begins with is written.
    pub fn set_ready(&self) {
        self.set_state(State::Ready);
    }

    fn set_state(&self, state: State) {
        set_state(&self.memory, self.kind.version, state);
    }

    /// Whether its owner goes on with it.
    pub fn state(&self) -> State {
        state(&self.memory)
    }

    /// Who made it or took it over.
    pub fn owner(&self) -> Option<Process> {
        Process::of_word(self.memory.load(OWNER_AT, Acquire))
    }

    /// When it was made, in nanoseconds since 1970: another one of its name was made at another time.
    pub fn made(&self) -> u64 {
        self.memory.load(MADE_AT, Relaxed)
    }

    /// Whether its owner lives.
    pub fn is_owned(&self, place: &Place) -> Result<bool, Error> {
        Lock::of_owner(place, self.kind.what).is_held(self.owner())
    }

    /// Its bytes, the preamble first.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Bytes of it, as its maker said: the mapping may be longer.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Its name, without what the system puts before it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // A forked child has the owner's handle, and is not the owner.
        if self.owner.as_ref().is_some_and(|(pid, _)| *pid == system::pid()) {
            self.memory.store(OWNER_AT, 0, Relaxed);
            self.set_state(State::Closed);
            // The next owner does it again; the lock is released after this.
            let _ = remove(&self.name);
        }
    }
}

const HELD: &str = "is still held by its readers";

fn unfit(name: &str, what: impl Into<String>) -> Error {
    Error::Unfit { name: name.to_owned(), what: what.into() }
}

fn state(memory: &Memory) -> State {
    // Acquire: pairs with the Release of `set_state`; what was written before is seen.
    match memory.load(VERSION_AT, Acquire) >> 32 {
        1 => State::Ready,
        2 => State::Closed,
        _ => State::Making,
    }
}

fn set_state(memory: &Memory, version: u32, state: State) {
    let state = match state {
        State::Making => 0u64,
        State::Ready => 1,
        State::Closed => 2,
    };
    memory.store(VERSION_AT, u64::from(version) | state << 32, Release);
}

/// The length that the preamble of a ready segment says, if it holds what it should.
fn checked(name: &str, kind: Kind, memory: &Memory) -> Result<usize, Error> {
    if memory.load(MAGIC_AT, Relaxed) != u64::from_le_bytes(kind.magic) {
        return Err(unfit(name, "holds something else"));
    }
    let version = memory.load(VERSION_AT, Relaxed) as u32;
    if version != kind.version {
        let wanted = kind.version;
        return Err(unfit(name, format!("has layout {version}, and this program reads {wanted}")));
    }
    let (says, have) = (memory.load(LENGTH_AT, Relaxed), memory.length());
    match usize::try_from(says) {
        // Windows gives whole pages.
        Ok(length) if length >= PREAMBLE_BYTES && length <= have && have - length < 64 << 10 => {
            Ok(length)
        }
        _ => Err(unfit(name, format!("says that it has {says} bytes, and has {have}"))),
    }
}

/// `None` when the name is taken.
fn create(name: &str, bytes: usize) -> Result<Option<Memory>, Error> {
    let full = || Error::Full { name: name.to_owned(), bytes };
    let named = match Named::create(&system::segment_name(name), bytes) {
        Ok(named) => named,
        Err(Failure::Exists) => return Ok(None),
        Err(Failure::NotThere(error) | Failure::Refused(error)) => {
            return Err(match error.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::OutOfMemory => full(),
                _ => io("make the shared memory", name.as_ref())(error),
            });
        }
    };
    let reserved = system::reserve_segment(name, bytes);
    let memory = Memory::named(named).filter(|memory| memory.length() >= bytes);
    match (reserved, memory) {
        // Windows may give the memory of a removed file that others still have under this name.
        (Ok(()), Some(memory)) if memory.load(MAGIC_AT, Relaxed) == 0 => Ok(Some(memory)),
        (Ok(()), _) => {
            remove(name)?;
            Err(unfit(name, HELD))
        }
        (Err(error), _) => {
            remove(name)?;
            Err(match error.kind() {
                std::io::ErrorKind::StorageFull => full(),
                _ => io("reserve the shared memory", name.as_ref())(error),
            })
        }
    }
}

/// What a dead owner left, if it can be gone on with. What cannot is closed, for those who still read it.
fn left_by_the_dead(
    name: &str,
    kind: Kind,
    bytes: usize,
    fits: impl FnOnce(&Memory) -> bool,
) -> Result<Option<Memory>, Error> {
    facts(name)?;
    let Ok(named) = Named::open(&system::segment_name(name)) else { return Ok(None) };
    let Some(memory) = Memory::named(named) else { return Ok(None) };
    if memory.length() < PREAMBLE_BYTES {
        return Ok(None);
    }
    let ready = state(&memory) == State::Ready;
    let is_whole = ready && checked(name, kind, &memory).is_ok_and(|length| length == bytes);
    if is_whole && fits(&memory) {
        return Ok(Some(memory));
    }
    set_state(&memory, memory.load(VERSION_AT, Relaxed) as u32, State::Closed);
    Ok(None)
}

/// Whose the segment of a name is. `None` where the system does not tell, since all are the user's own.
fn facts(name: &str) -> Result<Option<system::SegmentFacts>, Error> {
    let found = system::segment_facts(name).map_err(|error| not_there(name, error))?;
    if let Some(facts) = &found {
        check(name, facts)?;
    }
    Ok(found)
}

fn check(name: &str, facts: &system::SegmentFacts) -> Result<(), Error> {
    if facts.is_own { Ok(()) } else { Err(Error::Foreign { name: name.to_owned() }) }
}

fn not_there(name: &str, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => Error::Missing { name: name.to_owned() },
        // Another user's, which its owner alone may open.
        std::io::ErrorKind::PermissionDenied => Error::Foreign { name: name.to_owned() },
        _ => io("open the shared memory", name.as_ref())(error),
    }
}

/// It has no bytes yet.
fn is_being_made(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::InvalidInput || system::is_empty_segment(error)
}

fn remove(name: &str) -> Result<(), Error> {
    match Named::open(&system::segment_name(name)) {
        Ok(named) => {
            named.remove();
            Ok(())
        }
        // One that was never given bytes.
        Err(_) => {
            system::remove_segment(name).map_err(io("remove the shared memory", name.as_ref()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Host, Platform};

    #[test]
    fn a_forked_child_removes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::empty(Platform::CURRENT, folder.path());
        let place = Place::make(&host, folder.path()).unwrap();
        let kind = Kind { what: What::Ring, magic: *b"AIOSTEST", version: 1 };
        let (mut segment, _) = Segment::create(&place, kind, 4096, |_| true).unwrap();
        segment.set_ready();
        // As the child has it: made by another process.
        segment.owner.as_mut().unwrap().0 += 1;
        drop(segment);
        assert_eq!(Segment::open_read_only(&place, kind).unwrap().state(), State::Ready);
        let (_, made) = Segment::create(&place, kind, 4096, |_| true).unwrap();
        assert_eq!(made, Made::TakenOver);
    }
}
