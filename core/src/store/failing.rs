//! A folder in memory that remembers every call, fails where it is told to, and gives every state that
//! the disk could be in after a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::Hash;
use super::mapping::Bytes;
use super::storage::{Storage, Stored};

/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// A call that changes something, or makes changes durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Create {
        name: String,
        file: usize,
    },
    Write {
        file: usize,
        offset: usize,
        bytes: Vec<u8>,
    },
    Sync {
        file: usize,
    },
    /// A sync that failed: the system takes what it could not write for written, and still shows it.
    Lost {
        file: usize,
    },
    /// Names lead to files: what reached the disk of it leads to this one, or is not there.
    Rename {
        from: String,
        to: String,
        file: usize,
    },
    Remove {
        name: String,
        file: usize,
    },
    SyncNames,
    /// Not a call: what the test says of this moment.
    Note(usize),
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The disk is full, and nothing is written.
    Full,
    /// The disk is full after half of the bytes.
    Short,
    /// An error, though all of it was done; a sync that fails has made nothing durable.
    Late,
}

/// What is on a disk: names, and the bytes of files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    pub(crate) names: BTreeMap<String, usize>,
    pub(crate) bytes: BTreeMap<usize, Vec<u8>>,
}

impl Files {
    /// One file with these bytes.
    pub(crate) fn of(name: &str, bytes: Vec<u8>) -> Files {
        Files { names: [(name.to_owned(), 0)].into(), bytes: [(0, bytes)].into() }
    }

    /// A name for what all names lead to.
    pub(crate) fn hash(&self) -> Hash {
        let mut all = Vec::new();
        for (name, file) in &self.names {
            all.extend_from_slice(name.as_bytes());
            all.extend_from_slice(&Hash::of(&self.bytes[file]).0);
        }
        Hash::of(&all)
    }

    /// The bytes of the file with the last name.
    pub(crate) fn last(&self) -> (&str, &[u8]) {
        let (name, file) = self.names.last_key_value().expect("there is a file");
        (name, &self.bytes[file])
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Create { name, file } => {
                self.names.insert(name.clone(), *file);
                self.bytes.entry(*file).or_default();
            }
            Event::Write { file, offset, bytes } => self.write(*file, *offset, bytes),
            Event::Rename { from, to, file } => {
                self.remove(from, *file);
                self.names.insert(to.clone(), *file);
                self.bytes.entry(*file).or_default();
            }
            Event::Remove { name, file } => self.remove(name, *file),
            Event::Sync { .. } | Event::Lost { .. } | Event::SyncNames | Event::Note(_) => {}
        }
    }

    fn remove(&mut self, name: &str, file: usize) {
        if self.names.get(name) == Some(&file) {
            self.names.remove(name);
        }
    }

    fn write(&mut self, file: usize, offset: usize, bytes: &[u8]) {
        let have = self.bytes.entry(file).or_default();
        let end = offset + bytes.len();
        if have.len() < end {
            have.resize(end, 0);
        }
        have[offset..end].copy_from_slice(bytes);
    }

    /// Parts of a write reached the disk, sector by sector.
    fn apply_torn(&mut self, event: &Event, random: &mut Random) {
        let Event::Write { file, offset, bytes } = event else { return self.apply(event) };
        let mut at = 0;
        while at < bytes.len() {
            let next = bytes.len().min(at + SECTOR - (offset + at) % SECTOR);
            if random.coin() {
                self.write(*file, offset + at, &bytes[at..next]);
            }
            at = next;
        }
    }
}

/// Numbers that are the same in each run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }
}

/// A disk while calls reach it: what is durable, and what is not yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    durable: Files,
    pending: Vec<Event>,
}

impl Disk {
    /// All of it is durable.
    pub(crate) fn durable(files: Files) -> Disk {
        Disk { durable: files, pending: Vec::new() }
    }

    pub(crate) fn step(&mut self, event: &Event) {
        let reached = |pending: &Event| match (event, pending) {
            (Event::Sync { file }, Event::Write { file: of, .. }) => file == of,
            (
                Event::SyncNames,
                Event::Create { .. } | Event::Rename { .. } | Event::Remove { .. },
            ) => true,
            _ => false,
        };
        match event {
            Event::Note(_) => {}
            Event::Lost { file } => self
                .pending
                .retain(|pending| !matches!(pending, Event::Write { file: of, .. } if of == file)),
            Event::Sync { .. } | Event::SyncNames => {
                let (done, left) = self.pending.drain(..).partition(|pending| reached(pending));
                let done: Vec<Event> = done;
                done.iter().for_each(|event| self.durable.apply(event));
                self.pending = left;
            }
            _ => self.pending.push(event.clone()),
        }
    }

    /// What processes see, and what a kill leaves.
    pub(crate) fn seen(&self) -> Files {
        let mut files = self.durable.clone();
        self.pending.iter().for_each(|event| files.apply(event));
        files
    }

    /// Each state that a power cut could leave: none, all, and all but one of what is not durable, each
    /// one alone, some of them, and parts of writes.
    pub(crate) fn after_power_cut(&self, random: &mut Random) -> Vec<Files> {
        let count = self.pending.len();
        let mut choices: Vec<Vec<bool>> = vec![vec![false; count], vec![true; count]];
        for one in 0..count {
            choices.push((0..count).map(|at| at != one).collect());
            choices.push((0..count).map(|at| at == one).collect());
        }
        choices.extend((0..count.min(2) * 6).map(|_| (0..count).map(|_| random.coin()).collect()));
        let mut states: Vec<Files> = choices
            .iter()
            .map(|choice| {
                let mut files = self.durable.clone();
                let kept = self.pending.iter().zip(choice).filter(|(_, kept)| **kept);
                kept.for_each(|(event, _)| files.apply(event));
                files
            })
            .collect();
        for _ in 0..count.min(1) * 24 {
            let mut files = self.durable.clone();
            self.pending.iter().for_each(|event| files.apply_torn(event, random));
            states.push(files);
        }
        let mut seen = BTreeSet::new();
        states.retain(|files| seen.insert(files.hash()));
        states
    }
}

/// A folder on such a disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failing {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    files: Files,
    events: Vec<Event>,
    next_file: usize,
    calls: usize,
    /// The call that fails, how, and whether all later ones do.
    fails: Option<(usize, Failure, bool)>,
    locked: bool,
}

#[derive(Debug)]
struct Open {
    file: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct Lock(Arc<Mutex<State>>);

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.lock().locked = false;
    }
}

impl Failing {
    pub(crate) fn with(files: Files) -> Failing {
        let next_file = files.bytes.keys().last().map_or(0, |last| last + 1);
        let state = State { files, next_file, ..State::default() };
        Failing { state: Arc::new(Mutex::new(state)) }
    }

    /// The call with this number fails, counted from now; all after it too, if so said.
    pub(crate) fn fail(&self, call: usize, failure: Failure, for_ever: bool) {
        let mut state = self.state.lock();
        let from = state.calls;
        state.fails = Some((from + call, failure, for_ever));
    }

    pub(crate) fn works_again(&self) {
        self.state.lock().fails = None;
    }

    pub(crate) fn calls(&self) -> usize {
        self.state.lock().calls
    }

    pub(crate) fn note(&self, note: usize) {
        self.state.lock().events.push(Event::Note(note));
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.state.lock().events.clone()
    }

    pub(crate) fn files(&self) -> Files {
        self.state.lock().files.clone()
    }
}

impl State {
    /// Counts the call. `Some` when it fails.
    fn call(&mut self) -> Option<Failure> {
        let call = self.calls;
        self.calls += 1;
        let (at, failure, for_ever) = self.fails?;
        (call == at || for_ever && call > at).then_some(failure)
    }

    fn happen(&mut self, event: Event) {
        self.files.apply(&event);
        self.events.push(event);
    }

    fn change(&mut self, event: Event) -> io::Result<()> {
        match (self.call(), event) {
            (None, event) => {
                self.happen(event);
                Ok(())
            }
            (Some(Failure::Short), Event::Write { file, offset, bytes }) => {
                let bytes = bytes[..bytes.len() / 2].to_vec();
                self.happen(Event::Write { file, offset, bytes });
                Err(error(Failure::Short))
            }
            (Some(failure), event) => {
                if failure == Failure::Late {
                    self.happen(event);
                }
                Err(error(failure))
            }
        }
    }

    fn ask(&mut self) -> io::Result<()> {
        self.call().map_or(Ok(()), |failure| Err(error(failure)))
    }
}

fn error(failure: Failure) -> io::Error {
    match failure {
        Failure::Full | Failure::Short => io::ErrorKind::StorageFull.into(),
        Failure::Late => io::Error::other("planted"),
    }
}

impl Storage for Failing {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut state = self.state.lock();
        state.ask()?;
        Ok(state.files.names.keys().cloned().collect())
    }

    fn open(&self, name: &str, _: bool) -> io::Result<Box<dyn Stored>> {
        let mut state = self.state.lock();
        state.ask()?;
        let file = *state.files.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Open { file, state: Arc::clone(&self.state) }))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Stored>> {
        let mut state = self.state.lock();
        if state.files.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.next_file;
        state.next_file += 1;
        state.change(Event::Create { name: name.to_owned(), file })?;
        Ok(Box::new(Open { file, state: Arc::clone(&self.state) }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let file = *state.files.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.change(Event::Rename { from: from.to_owned(), to: to.to_owned(), file })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let file = *state.files.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        state.change(Event::Remove { name: name.to_owned(), file })
    }

    fn sync_names(&self) -> io::Result<()> {
        synced(self.state.lock(), Event::SyncNames)
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Debug + Send + Sync>>> {
        let was = std::mem::replace(&mut self.state.lock().locked, true);
        Ok((!was).then(|| Box::new(Lock(Arc::clone(&self.state))) as Box<_>))
    }

    fn place(&self) -> &Path {
        Path::new("memory")
    }
}

fn synced(mut state: MutexGuard<'_, State>, event: Event) -> io::Result<()> {
    match state.call() {
        Some(_) => {
            if let Event::Sync { file } = event {
                state.events.push(Event::Lost { file });
            }
            Err(io::Error::other("planted"))
        }
        None => {
            state.happen(event);
            Ok(())
        }
    }
}

impl Stored for Open {
    fn length(&self) -> io::Result<u64> {
        let mut state = self.state.lock();
        state.ask()?;
        Ok(state.files.bytes[&self.file].len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        state.ask()?;
        let bytes = &state.files.bytes[&self.file];
        let there = bytes.get(offset as usize..).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let event =
            Event::Write { file: self.file, offset: offset as usize, bytes: bytes.to_vec() };
        self.state.lock().change(event)
    }

    fn sync(&self) -> io::Result<()> {
        synced(self.state.lock(), Event::Sync { file: self.file })
    }

    fn bytes(&self, length: u64) -> io::Result<Bytes> {
        let mut bytes = vec![0; length as usize];
        self.read_at(&mut bytes, 0)?;
        Ok(Bytes::Owned(bytes))
    }
}
