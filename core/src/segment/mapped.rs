//! A named segment: made or taken over by its owner, opened by others.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::alive::{Held, Lock, Process};
use super::place::io;
use super::{Error, Memory, Place, What, Words};
use crate::system::{
    self, Failure,
    named::{NAMES_FOLLOW_MEMORY, Named, remove},
};

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
    /// It is new, and holds zeroes after the preamble.
    Fresh,
    /// A dead owner left it, or where names last as long as their readers one that ended, and it fits: what it
    /// holds stands.
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
    /// made anew otherwise; a living owner is an error. Say [`Segment::set_ready`] when it holds what it should.
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
        let (memory, made) = match create(&name, bytes) {
            Err(Failure::Exists) => match left_by_the_dead(&name, kind, bytes, fits)? {
                Some(memory) => (memory, Made::TakenOver),
                None => (create_anew(&name, bytes)?, Made::Fresh),
            },
            made => (made.map_err(|error| refused(&name, bytes, error))?, Made::Fresh),
        };
        let owner = Some((system::pid(), held));
        let segment = Segment { name, kind, memory, length: bytes, owner };
        if made == Made::Fresh {
            segment.write_preamble();
        }
        segment.memory.store(OWNER_AT, Process::own().to_word(), Release);
        Ok((segment, made))
    }

    /// Opens what its owner made, for reading and writing.
    pub fn open(place: &Place, kind: Kind) -> Result<Segment, Error> {
        Segment::open_with(place, kind, Named::open)
    }

    /// Opens what its owner made. The mapping itself is read-only.
    pub fn open_read_only(place: &Place, kind: Kind) -> Result<Segment, Error> {
        Segment::open_with(place, kind, Named::open_read_only)
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
        map: impl Fn(&str) -> Result<Option<Named>, Failure>,
    ) -> Result<Segment, Error> {
        let name = place.name(kind.what);
        for attempt in 0..TRIES {
            if attempt > 0 {
                std::thread::sleep(BETWEEN_TRIES);
            }
            let named = map(&name).map_err(|failure| refused(&name, 0, failure))?;
            let Some(memory) = named.and_then(Memory::named) else { continue };
            if memory.length() < PREAMBLE_BYTES {
                return Err(unfit(&name, "is shorter than its preamble"));
            }
            match state(&memory) {
                State::Making => {}
                State::Ready => {
                    let length = checked(&name, kind, &memory)?;
                    return Ok(Segment { name, kind, memory, length, owner: None });
                }
                // Some reader may keep the name for ever.
                State::Closed => return Err(Error::Missing { name }),
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

fn create(name: &str, bytes: usize) -> Result<Memory, Failure> {
    let named = Named::create(name, bytes)?;
    Memory::named(named).filter(|memory| memory.length() >= bytes).ok_or(Failure::Full)
}

/// What a dead owner left, if it can be gone on with. What cannot is closed, for those who still read it.
fn left_by_the_dead(
    name: &str,
    kind: Kind,
    bytes: usize,
    fits: impl FnOnce(&Memory) -> bool,
) -> Result<Option<Memory>, Error> {
    let memory = match Named::open(name) {
        Ok(named) => named.and_then(Memory::named),
        Err(Failure::Foreign) => return Err(refused(name, bytes, Failure::Foreign)),
        Err(_) => None,
    };
    let memory = memory.filter(|memory| memory.length() >= PREAMBLE_BYTES);
    let Some(memory) = memory else { return Ok(None) };
    let version = memory.load(VERSION_AT, Relaxed) as u32;
    let left = state(&memory);
    // One that was closed still has its name where readers keep both.
    let is_done = left == State::Ready || left == State::Closed && NAMES_FOLLOW_MEMORY;
    let is_whole = is_done && checked(name, kind, &memory).is_ok_and(|length| length == bytes);
    if is_whole && fits(&memory) {
        if left == State::Closed {
            set_state(&memory, version, State::Making);
        }
        return Ok(Some(memory));
    }
    set_state(&memory, version, State::Closed);
    Ok(None)
}

/// In place of what cannot be gone on with. Where a name lasts as long as its readers, they are waited for, so long.
fn create_anew(name: &str, bytes: usize) -> Result<Memory, Error> {
    for attempt in 0..TRIES {
        if attempt > 0 {
            std::thread::sleep(BETWEEN_TRIES);
        }
        remove(name).map_err(io("remove the shared memory", name.as_ref()))?;
        match create(name, bytes) {
            Err(Failure::Exists) => {}
            made => return made.map_err(|error| refused(name, bytes, error)),
        }
    }
    Err(refused(name, bytes, Failure::Exists))
}

/// What it means that a name of so many bytes is not mapped.
fn refused(name: &str, bytes: usize, failure: Failure) -> Error {
    let name = name.to_owned();
    match failure {
        Failure::Exists => unfit(&name, "is still held by its readers"),
        Failure::Missing => Error::Missing { name },
        Failure::Foreign => Error::Foreign { name },
        Failure::Full => Error::Full { name, bytes },
        Failure::Refused(source) => {
            Error::Io { what: "map the shared memory", path: name.into(), source }
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
        // Where names last as long as somebody has the memory, somebody has.
        let _other = Segment::open_read_only(&place, kind).unwrap();
        // As the child has it: made by another process.
        segment.owner.as_mut().unwrap().0 += 1;
        drop(segment);
        assert_eq!(Segment::open_read_only(&place, kind).unwrap().state(), State::Ready);
        let (_, made) = Segment::create(&place, kind, 4096, |_| true).unwrap();
        assert_eq!(made, Made::TakenOver);
    }
}
