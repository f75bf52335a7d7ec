//! Proof that a process lives, or is dead.
//!
//! Whoever owns a segment, or a row of a table in one, holds the lock of a file in the run folder; the system
//! releases it when the process ends, however it ends. Beside it stand its number and time of start. A process is
//! dead when nobody holds the lock *and* no process of that number and start runs:
//!
//! - A stopped process (SIGSTOP) holds its lock: it lives.
//! - A number that was given to another process starts at another time: the one before is dead.
//! - A zombie holds no lock and does not run: it is dead.
//! - A process of another name space of numbers, as in a container, has its lock to be known by.
//! - A reader in another language that cannot lock is known by its number and start.
//!
//! There is a file for each row, since the locks of whole files are what all systems and languages have: `flock`
//! on Unix, `LockFileEx` on Windows. Lock files are never removed: two processes could lock two files of one name.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use super::place::io;
use super::{Error, Place, What};
use crate::system;

/// A process, and not another one that was given its number: packs into a word of shared memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its number; never 0.
    pub pid: u32,
    /// The low 32 bits of when it started: on Linux in clock ticks since the machine did (field 22 of
    /// `/proc/<pid>/stat`), on macOS in microseconds since 1970, on Windows in 100 ns since 1601.
    pub start: u32,
}

impl Process {
    /// This one.
    pub fn own() -> Process {
        let pid = system::pid();
        Process { pid, start: start(pid).unwrap_or_default() }
    }

    /// As it stands in shared memory: the start in the upper half, the number in the lower one.
    pub fn to_word(self) -> u64 {
        u64::from(self.start) << 32 | u64::from(self.pid)
    }

    /// `None` for a word that names nobody.
    pub fn of_word(word: u64) -> Option<Process> {
        let (pid, start) = (word as u32, (word >> 32) as u32);
        (pid != 0).then_some(Process { pid, start })
    }

    /// Whether a process of this number runs (or is stopped) that started then.
    pub fn runs(self) -> bool {
        start(self.pid) == Some(self.start)
    }
}

fn start(pid: u32) -> Option<u32> {
    system::process_start(pid).map(|start| start as u32)
}

/// A lock that says that its holder lives. Released when dropped, or when the process ends.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "closing the file releases the lock")] File);

/// What a lock is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock<'a> {
    place: &'a Place,
    what: What,
    row: Option<u32>,
}

impl<'a> Lock<'a> {
    /// Of the owner of a segment.
    pub fn of_owner(place: &'a Place, what: What) -> Lock<'a> {
        Lock { place, what, row: None }
    }

    /// Of the owner of a row in a segment.
    pub fn of_row(place: &'a Place, what: What, row: u32) -> Lock<'a> {
        Lock { place, what, row: Some(row) }
    }

    /// Its file: `state.lock`, `rows.17.lock` in the run folder.
    pub fn path(&self) -> PathBuf {
        let name = match self.row {
            None => format!("{}.lock", self.what),
            Some(row) => format!("{}.{row}.lock", self.what),
        };
        self.place.run_folder().join(name)
    }

    /// Takes it. `None` when somebody holds it.
    pub fn take(&self) -> Result<Option<Held>, Error> {
        // Whoever asks whether an owner lives holds its lock for an instant, which is no owner's.
        let tries = if self.row.is_none() { 50 } else { 1 };
        for _ in 1..tries {
            if let Some(held) = self.take_now()? {
                return Ok(Some(held));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        self.take_now()
    }

    fn take_now(&self) -> Result<Option<Held>, Error> {
        let path = self.path();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        system::create_for_owner_alone(&mut options);
        let file = match options.open(&path) {
            // Somebody keeps the whole file to itself.
            Err(error) if system::is_in_use(&error) => return Ok(None),
            opened => opened.map_err(io("open", &path))?,
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Held(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io("lock", &path)(error)),
        }
    }

    /// Takes it from a dead process: what is returned is the proof, and nobody else can take it meanwhile.
    /// `None` when it lives, or may live.
    pub fn take_from(&self, owner: Process) -> Result<Option<Held>, Error> {
        // The number first: looking at the lock of a living process costs more, and could be in another's way.
        if owner.runs() { Ok(None) } else { self.take() }
    }

    /// Whether its owner lives.
    pub fn is_held(&self, owner: Option<Process>) -> Result<bool, Error> {
        if owner.is_some_and(Process::runs) {
            return Ok(true);
        }
        let path = self.path();
        // Shared with others who look; the owner's lock is exclusive.
        let file = match OpenOptions::new().read(true).open(&path) {
            Err(error) if system::is_in_use(&error) => return Ok(true),
            Err(error) if crate::fs::missing(&error) => return Ok(false),
            opened => opened.map_err(io("open", &path))?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(io("lock", &path)(error)),
        }
    }
}
