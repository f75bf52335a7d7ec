//! Every order of memory that the language allows, for the ring and its bell, in models as small as they can
//! be. Each ordering that has a name ([`Site`]) is weakened in turn, and a model must then fail.
//!
//! Chunks hold one record, of one word. The writer is the first thread: of what the first thread reads of others
//! loom tries less. Threads are preempted [`PREEMPTIONS`] times at most in an execution.
//!
//! Not on Windows: the threads of a model cannot panic there, which the planted bugs make them do.
#![cfg(unix)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering, fence};
use loom::thread;

use super::append::{Appender, Liveness};
use super::layout::{CHUNK_HEADER_BYTES, RECORD_HEADER_BYTES, Shape, WriterId, bell, row};
use super::read::Follower;
use super::table::{self, Row};
use super::words::{SharedWords, Site, Words};
use super::{AppendError, Item, Kind, Start, bell as wait};

const PREEMPTIONS: usize = 2;

/// Words of loom, one site of which may be weakened.
struct Modelled {
    words: Vec<AtomicU64>,
    weak: Option<Site>,
}

impl Modelled {
    fn new(words: usize, weak: Option<Site>) -> Arc<Modelled> {
        let words = (0..words).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Modelled { words, weak })
    }

    fn ordering(&self, site: Site) -> Ordering {
        if self.weak == Some(site) { Ordering::Relaxed } else { site.ordering() }
    }
}

impl Words for Modelled {
    fn load(&self, at: usize, site: Site) -> u64 {
        self.words[at].load(self.ordering(site))
    }

    fn fence(&self, site: Site) {
        if self.weak != Some(site) {
            fence(site.ordering());
        }
    }

    fn copy(&self, at: usize, bytes: &mut [u8]) {
        for (word, bytes) in self.words[at..].iter().zip(bytes.chunks_exact_mut(8)) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
    }
}

impl SharedWords for Modelled {
    fn store(&self, at: usize, value: u64, site: Site) {
        self.words[at].store(value, self.ordering(site));
    }

    fn exchange(&self, at: usize, expected: u64, new: u64, site: Site) -> Result<u64, u64> {
        let ordering = self.ordering(site);
        self.words[at].compare_exchange(expected, new, ordering, Ordering::Relaxed)
    }

    fn fetch_add(&self, at: usize, value: u64, site: Site) -> u64 {
        self.words[at].fetch_add(value, self.ordering(site))
    }

    fn fill(&self, at: usize, bytes: &[u8]) {
        for (word, bytes) in self.words[at..].iter().zip(bytes.chunks_exact(8)) {
            word.store(u64::from_le_bytes(bytes.try_into().unwrap()), Ordering::Relaxed);
        }
    }
}

/// Everybody lives.
struct Alive;

impl Liveness for Alive {
    fn is_dead(&self, _: WriterId) -> bool {
        false
    }
}

/// Two chunks for one record each; the rows of the table that readers look at.
fn shape(rows: usize) -> Shape {
    let chunk_bytes = CHUNK_HEADER_BYTES + RECORD_HEADER_BYTES + 8;
    let table = 1;
    let directory = table + 2 * row::WORDS;
    let data = directory + 2;
    Shape { chunk_bytes, chunk_count: 2, rows, head: 0, table, directory, data }
}

fn memory(weak: Option<Site>) -> Arc<Modelled> {
    let shape = shape(0);
    Modelled::new(shape.data + 2 * shape.chunk_bytes / 8, weak)
}

fn writer(row: usize) -> Appender {
    Appender::new(shape(0), WriterId::new(row, 1))
}

/// The record says whose and which it is.
fn try_append(
    appender: &mut Appender,
    words: &Modelled,
    sequence: u64,
) -> Result<u64, AppendError> {
    let bytes = (1000 * (1 + appender.id().row() as u64) + sequence).to_le_bytes();
    appender.append(words, &Alive, Kind::Opaque(0), &bytes, 1)
}

fn append(appender: &mut Appender, words: &Modelled, sequence: u64) {
    assert_eq!(try_append(appender, words, sequence), Ok(sequence));
}

/// Which records a reader got, and how many were missing before each.
fn read(follower: &mut Follower, words: &Modelled, found: &mut Vec<(usize, u64)>) -> u64 {
    let mut missing = 0;
    while let Some(item) = follower.next(words) {
        match item {
            Item::Gap(gap) => missing += gap.records,
            Item::Record(record) => {
                let row = record.writer.row();
                let bytes = 1000 * (1 + row as u64) + record.sequence;
                assert_eq!(record.bytes, bytes.to_le_bytes(), "a torn record");
                assert!(!found.contains(&(row, record.sequence)), "a record comes twice");
                found.push((row, record.sequence));
            }
        }
    }
    assert_eq!(follower.damaged(), 0);
    missing
}

/// A reader, which records it got, and how many are missing.
type Got = (Follower, Vec<(usize, u64)>, u64);

/// A reader of its own thread, and what it got before it saw nothing new.
fn reading(words: &Arc<Modelled>, rows: usize) -> thread::JoinHandle<Got> {
    let words = Arc::clone(words);
    thread::spawn(move || {
        let mut found = Vec::new();
        let mut follower = Follower::new(&*words, shape(rows), Start::Oldest);
        let missing = read(&mut follower, &words, &mut found);
        (follower, found, missing)
    })
}

/// A chunk is overwritten while it is read.
fn overwriting(weak: Option<Site>) {
    let words = memory(weak);
    let reading = reading(&words, 0);
    let mut writer = writer(0);
    for sequence in 0..3 {
        append(&mut writer, &words, sequence);
    }
    let (mut follower, mut found, mut missing) = reading.join().unwrap();
    missing += read(&mut follower, &words, &mut found);
    assert!(found.is_sorted(), "{found:?}");
    assert_eq!(found.len() as u64 + missing, 3, "{found:?}");
    assert!(found.ends_with(&[(0, 1), (0, 2)]), "only the first one was overwritten: {found:?}");
}

/// Nothing is overwritten, so nothing may be missing, however it comes.
fn following(weak: Option<Site>) {
    let words = memory(weak);
    words.store(shape(1).row(0) + row::OWNER, 1 << 1 | 1, Site::Plain);
    let reading = reading(&words, 1);
    let mut writer = writer(0);
    append(&mut writer, &words, 0);
    append(&mut writer, &words, 1);
    writer.close(&*words);
    let (mut follower, mut found, missing) = reading.join().unwrap();
    assert_eq!(missing, 0, "{found:?}");
    assert_eq!(read(&mut follower, &words, &mut found), 0, "{found:?}");
    assert_eq!(found, [(0, 0), (0, 1)]);
}

/// Two writers want the same chunks. One that sees an old word of the directory may find none.
fn competing(weak: Option<Site>) {
    let words = memory(weak);
    let write = |row: usize| {
        let words = Arc::clone(&words);
        move || {
            let mut writer = writer(row);
            for sequence in 0..2 {
                let _ = try_append(&mut writer, &words, sequence);
                writer.close(&*words);
            }
            writer.dropped()
        }
    };
    let other = thread::spawn(write(1));
    let dropped = write(0)() + other.join().unwrap();
    let mut found = Vec::new();
    let mut follower = Follower::new(&*words, shape(0), Start::Oldest);
    let missing = read(&mut follower, &words, &mut found);
    assert!(found.len() as u64 + missing <= 4, "{found:?}");
    assert!(dropped > 0 || found.len() == 2, "both chunks hold one record: {found:?}");
}

/// Nobody who has registered is taken for dead, by one who finds his chunk open.
fn owning(weak: Option<Site>) {
    /// Dead is who has no row; and here everybody lives.
    struct Rows(Arc<Modelled>);
    impl Liveness for Rows {
        fn is_dead(&self, owner: WriterId) -> bool {
            assert!(Row::at(&*self.0, &shape(1), owner.row()).is_of(owner), "it has its row");
            false
        }
    }
    let words = memory(weak);
    let other = thread::spawn({
        let words = Arc::clone(&words);
        move || {
            let mut writer = writer(1);
            for sequence in 0..2u64 {
                let bytes = (2000 + sequence).to_le_bytes();
                let liveness = Rows(Arc::clone(&words));
                let _ = writer.append(&*words, &liveness, Kind::Opaque(0), &bytes, 1);
            }
        }
    });
    let id = Row::at(&*words, &shape(1), 0).take(&*words, 1, false).unwrap();
    let _ = try_append(&mut Appender::new(shape(1), id), &words, 0);
    other.join().unwrap();
}

/// A row has another owner, whom nobody takes for the one before.
fn registering(weak: Option<Site>) {
    let words = memory(weak);
    let at = shape(1).row(0);
    words.store(at + row::OWNER, 7 << 1, Site::Plain);
    words.store(at + row::APPENDED, 5, Site::Plain);
    let counting = thread::spawn({
        let words = Arc::clone(&words);
        move || {
            let mut counts = Vec::new();
            table::count(&*words, &shape(1), &mut counts);
            counts
        }
    });
    let next = Row::at(&*words, &shape(1), 0).take(&*words, 1, false).unwrap();
    let counts = counting.join().unwrap();
    assert_eq!(next, WriterId::new(0, 8));
    assert!(!counts.contains(&(next, 5)), "the count of who had it before");
}

/// A reader waits until it would sleep. Who sleeps on a word that stays as it is, while there is a record that
/// he has not got, sleeps without end.
fn waiting(weak: Option<Site>) {
    let words = memory(weak);
    let rings = Modelled::new(bell::WORD + 1, weak);
    let waiting = thread::spawn({
        let (words, rings) = (Arc::clone(&words), Arc::clone(&rings));
        move || {
            let mut follower = Follower::new(&*words, shape(0), Start::Oldest);
            let (mut found, mut asleep) = (Vec::new(), None);
            while found.len() < 2 {
                wait::wait(
                    &*rings,
                    || words.fence(Site::Waiting),
                    || follower.has_news(&*words),
                    |seen| asleep = Some(seen),
                );
                if asleep.is_some() {
                    break;
                }
                read(&mut follower, &words, &mut found);
            }
            (found.len(), asleep)
        }
    });
    let mut writer = writer(0);
    for sequence in 0..2 {
        append(&mut writer, &words, sequence);
        words.fence(Site::Committed);
        wait::ring(&*rings, || ());
    }
    let (found, asleep) = waiting.join().unwrap();
    let word = rings.load(bell::WORD, Site::Plain);
    assert!(found == 2 || asleep != Some(word), "it has {found} of 2, and nobody wakes it");
}

fn check(model: fn(Option<Site>), weak: Option<Site>) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.max_branches = 10_000;
    builder.check(move || model(weak));
}

/// Fails where the model holds although one of these is weakened.
fn must_fail(model: fn(Option<Site>), sites: &[Site]) {
    for site in sites {
        let outcome = catch_unwind(AssertUnwindSafe(|| check(model, Some(*site))));
        assert!(outcome.is_err(), "nothing fails without {site:?}");
    }
}

#[test]
fn a_chunk_may_be_overwritten_while_it_is_read() {
    check(overwriting, None);
    must_fail(overwriting, &[Site::NewLap, Site::Copied, Site::Commit, Site::SeeCommit]);
}

#[test]
fn nothing_is_missing_that_is_there() {
    check(following, None);
    must_fail(following, &[Site::TakeNumber, Site::SeeHead, Site::Count, Site::SeeCount]);
}

#[test]
fn a_chunk_and_a_row_have_one_owner() {
    check(competing, None);
    must_fail(competing, &[Site::CloseChunk, Site::SeeChunk]);
    check(owning, None);
    must_fail(owning, &[Site::TakeChunk, Site::SeeChunk]);
    check(registering, None);
    must_fail(registering, &[Site::Register, Site::SeeRegistered]);
}

#[test]
fn no_wake_up_is_lost() {
    check(waiting, None);
    must_fail(waiting, &[Site::Committed, Site::Waiting]);
}
