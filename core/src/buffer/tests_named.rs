//! Buffers with names: who owns a chunk, and when its owner is dead.

use std::path::Path;

use super::layout::{Taken, row};
use super::memory::Memory;
use super::table::Row;
use super::words::SharedWords;
use super::*;
use crate::segment::alive::{Lock, Process};
use crate::segment::{self, What};
use crate::{Host, Platform};

const SMALL: Options = Options { chunk_bytes: 4 << 10, chunk_count: 4 };

fn place(folder: &Path) -> Place {
    Place::make(&Host::empty(Platform::CURRENT, folder), folder).unwrap()
}

fn records(reader: &mut Reader) -> Vec<u64> {
    let mut found = Vec::new();
    while let Some(item) = reader.next() {
        if let Item::Record(record) = item {
            found.push(u64::from_le_bytes(record.bytes.try_into().unwrap()));
        }
    }
    found
}

#[test]
fn what_is_appended_here_is_read_there() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    assert!(matches!(ContextBuffer::open(&place), Err(Error::Segment(_))));
    let owner = ContextBuffer::create(&place, &SMALL).unwrap();
    let other = ContextBuffer::open(&place).unwrap();
    let reading = ContextBuffer::open_read_only(&place).unwrap();
    assert!(matches!(reading.writer(), Err(Error::ForReading)));
    let mut reader = reading.reader(Start::Oldest);
    assert!(!reader.wait(Duration::ZERO));
    let (mut one, mut two) = (owner.writer().unwrap(), other.writer().unwrap());
    assert_ne!(one.id(), two.id());
    one.append_at(Kind::Opaque(0), &1u64.to_le_bytes(), 10).unwrap();
    two.append_at(Kind::Opaque(0), &2u64.to_le_bytes(), 11).unwrap();
    one.append_at(Kind::Opaque(0), &3u64.to_le_bytes(), 12).unwrap();
    assert!(reader.wait(Duration::from_secs(3600)));
    assert_eq!(records(&mut reader), [1, 2, 3]);
    assert!(matches!(
        ContextBuffer::create(&place, &SMALL),
        Err(Error::Segment(segment::Error::Owned { .. }))
    ));
    assert!(!reader.is_closed());
    drop((one, two));
    drop(owner);
    assert!(reader.is_closed());
    assert!(matches!(ContextBuffer::open(&place), Err(Error::Segment(_))));
    // Where names last as long as their readers, these would keep it.
    drop((other, reading, reader));
    let again = ContextBuffer::create(&place, &SMALL).unwrap();
    assert!(records(&mut again.reader(Start::Oldest)).is_empty());
}

#[test]
fn sizes_that_are_not_those_of_the_memory_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let owner = Memory::create(&place, &SMALL).unwrap();
    let sizes = layout::header::CHUNKS;
    let right = owner.writable()[sizes].load(std::sync::atomic::Ordering::Relaxed);
    for wrong in [0, u64::MAX, right + (1 << 32), right + 4096, right - (1 << 32)] {
        owner.writable().store(sizes, wrong, Site::Plain);
        for opened in [ContextBuffer::open(&place), ContextBuffer::open_read_only(&place)] {
            assert!(matches!(opened, Err(Error::NotABuffer(..))), "{wrong:x}");
        }
    }
    owner.writable().store(sizes, right, Site::Plain);
    ContextBuffer::open(&place).unwrap();
}

/// A chunk whose owner's number was given to another process, which started at another time, is taken; and so
/// is its row. One whose owner lives is passed over for ever.
#[test]
fn a_number_that_was_given_again_is_not_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let memory = Memory::create(&place, &SMALL).unwrap();
    let words = memory.writable();
    let shape = memory.shape();
    let own = Process::own();
    let before = Process { start: own.start.wrapping_add(1), ..own };
    let dead = Row::at(words, &shape, 0).take(words, before.to_word(), false).unwrap();
    let mut of_the_dead = Appender::new(shape, dead);
    of_the_dead.append(words, &memory, Kind::Opaque(0), &[1; 8], 1).unwrap();

    let buffer = ContextBuffer::open(&place).unwrap();
    // The first row is free again, since nobody has its lock.
    let mut living = buffer.writer().unwrap();
    assert_eq!((living.id().row(), living.id().epoch()), (dead.row(), dead.epoch() + 1));
    // Who has no lock is known by number and start alone.
    let unlocked = Row::at(words, &shape, 1).take(words, own.to_word(), false).unwrap();
    let mut of_the_unlocked = Appender::new(shape, unlocked);
    of_the_unlocked.append(words, &memory, Kind::Opaque(0), &2u64.to_le_bytes(), 1).unwrap();
    // And one whose number means nothing here has his lock alone.
    let elsewhere = Row::at(words, &shape, 2).take(words, before.to_word(), false).unwrap();
    let lock = Lock::of_row(&place, What::Ring, 2).take().unwrap();
    let mut of_the_elsewhere = Appender::new(shape, elsewhere);
    of_the_elsewhere.append(words, &memory, Kind::Opaque(0), &3u64.to_le_bytes(), 1).unwrap();

    let lap = |living: &mut Writer, from: u64| {
        for number in from..from + 1000 {
            living.append(Kind::Opaque(0), &number.to_le_bytes()).unwrap();
        }
        (0..shape.chunk_count)
            .map(|slot| Taken::of(words.load(shape.slot(slot), Site::Plain)).owner)
            .collect::<Vec<_>>()
    };
    let owners = lap(&mut living, 1000);
    let mut reader = buffer.reader(Start::Oldest);
    let found = records(&mut reader);
    assert!(!owners.contains(&dead) && owners.contains(&unlocked) && owners.contains(&elsewhere));
    assert!(found.starts_with(&[2, 3]) && found.ends_with(&[1998, 1999]), "{found:?}");
    // It goes on where it was.
    of_the_elsewhere
        .append(words, &memory, Kind::Opaque(0), &4u64.to_le_bytes(), u64::MAX)
        .unwrap();
    assert_eq!(records(&mut reader), [4]);
    // Without its lock it is dead: the next lap takes its chunk, and the row is free.
    drop(lock);
    let owners = lap(&mut living, 2000);
    assert!(!owners.contains(&elsewhere) && owners.contains(&unlocked));
    let owner = words.load(shape.row(2) + row::OWNER, Site::Plain);
    assert_eq!(owner, u64::from(elsewhere.epoch()) << 1);
}
