use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use super::*;
use crate::segment::alive::Process;
use crate::segment::{Place, Segment, Words};
use crate::{Host, Platform};

const SHAPE: Shape = Shape { slots: 4, capacity: 5000 };

fn place(folder: &Path) -> Place {
    Place::make(&Host::empty(Platform::CURRENT, folder), folder).unwrap()
}

fn published(publisher: &mut Publisher, byte: u8) -> Option<u64> {
    match publisher.publish(&[byte; 5000]).unwrap() {
        Published::Version(version) => Some(version),
        Published::NoSlot => None,
    }
}

#[test]
fn a_view_stays_as_it_is_and_the_newest_is_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    assert!(matches!(Reader::open(&place), Err(Error::Segment(segment::Error::Missing { .. }))));
    let mut publisher = Publisher::create(&place, SHAPE).unwrap();
    assert!(matches!(
        Publisher::create(&place, SHAPE),
        Err(Error::Segment(segment::Error::Owned { .. }))
    ));
    let reader = Reader::open(&place).unwrap();
    assert!(reader.pin().unwrap().is_none());
    assert_eq!((reader.version(), reader.is_published().unwrap()), (0, true));

    assert_eq!(published(&mut publisher, 1), Some(1));
    let first = reader.pin().unwrap().unwrap();
    assert_eq!(published(&mut publisher, 2), Some(2));
    assert!(!first.is_current() && first.time() > std::time::UNIX_EPOCH);
    let second = reader.pin().unwrap().unwrap();
    // So many that each slot would have been written.
    for byte in 3..60 {
        assert_eq!(published(&mut publisher, byte), Some(byte.into()));
    }
    assert_eq!((first.bytes(), first.version()), ([1; 5000].as_slice(), 1));
    assert_eq!((second.bytes(), second.version()), ([2; 5000].as_slice(), 2));
    drop(second);
    let in_place = publisher.publish_in_place(3, |bytes| bytes.copy_from_slice(b"abc")).unwrap();
    assert_eq!(in_place, Published::Version(60));
    assert_eq!(reader.pin().unwrap().unwrap().bytes(), b"abc");

    let error = publisher.publish(&[0; 5001]).unwrap_err();
    assert!(matches!(error, Error::TooLarge { capacity: 5000, need: 5001 }), "{error}");
    for shape in
        [Shape { slots: 1, ..SHAPE }, Shape { slots: 65, ..SHAPE }, Shape { capacity: 0, ..SHAPE }]
    {
        assert!(matches!(Publisher::create(&place, shape), Err(Error::Shape { .. })));
    }
    // What is mapped outlives its publisher.
    drop(publisher);
    assert!(reader.is_closed() && !reader.is_published().unwrap());
    assert_eq!(first.bytes(), [1; 5000]);
    assert!(Reader::open(&place).is_err());
}

/// A view that ended keeps its slot for its reader, who pins the same again, until the slot is needed.
#[test]
fn what_was_read_once_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let mut publisher = Publisher::create(&place, SHAPE).unwrap();
    let readers: Vec<Reader> = (0..10).map(|_| Reader::open(&place).unwrap()).collect();
    for (byte, reader) in (1..=100).zip(readers.iter().cycle()) {
        assert_eq!(published(&mut publisher, byte), Some(byte.into()));
        let (first, second) = (reader.pin().unwrap().unwrap(), reader.pin().unwrap().unwrap());
        assert_eq!((first.bytes()[0], second.bytes()[4999]), (byte, byte));
        drop(first);
        assert_eq!(reader.pin().unwrap().unwrap().bytes(), second.bytes());
    }
    // Pinned once more, it is pinned as it was the first time.
    drop(readers[0].pin().unwrap());
    let again = readers[0].pin().unwrap().unwrap();
    for byte in 101..=200 {
        assert_eq!(published(&mut publisher, byte), Some(byte.into()));
        assert_eq!(readers[1].pin().unwrap().unwrap().bytes(), [byte; 5000]);
    }
    assert_eq!((again.bytes(), again.version()), ([100; 5000].as_slice(), 100));
}

#[test]
fn with_all_slots_pinned_nothing_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let mut publisher = Publisher::create(&place, SHAPE).unwrap();
    let reader = Reader::open(&place).unwrap();
    let mut views = Vec::new();
    for byte in 1..=4 {
        assert_eq!(published(&mut publisher, byte), Some(byte.into()));
        views.push(reader.pin().unwrap().unwrap());
    }
    // The last one is current, and could be pinned as well.
    assert_eq!(published(&mut publisher, 5), None);
    assert_eq!((publisher.version(), reader.version()), (4, 4));
    drop(views.remove(1));
    assert_eq!(published(&mut publisher, 6), Some(5));
    assert_eq!(views.iter().map(|view| view.bytes()[0]).collect::<Vec<_>>(), [1, 3, 4]);

    for _ in views.len()..PINS {
        views.push(reader.pin().unwrap().unwrap());
    }
    assert!(matches!(reader.pin(), Err(Error::TooManyViews)));
    let other = Reader::open(&place).unwrap();
    assert_eq!(other.pin().unwrap().unwrap().bytes()[0], 6);
}

#[test]
fn there_are_so_many_readers_and_a_row_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let _publisher = Publisher::create(&place, SHAPE).unwrap();
    let mut readers: Vec<Reader> = (0..ROWS).map(|_| Reader::open(&place).unwrap()).collect();
    let error = Reader::open(&place).unwrap_err().to_string();
    assert!(error.starts_with("all 128 places for readers are taken"), "{error}");
    readers.remove(77);
    Reader::open(&place).unwrap();
}

/// Whatever stands in the rows, publishing goes on, and views that are pinned stay.
#[test]
fn nonsense_in_the_rows_costs_a_slot_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let mut publisher = Publisher::create(&place, SHAPE).unwrap();
    let rows = Segment::open(&place, layout::READERS).unwrap();
    let reader = Reader::open(&place).unwrap();
    published(&mut publisher, 1);
    let view = reader.pin().unwrap().unwrap();
    let own = Process::own().to_word();
    let owners = [1, own, u64::MAX, 0xffff_ffff_0000_0000, 7 << 32 | 1];
    let mut number = 0x9e37_79b9_7f4a_7c15u64;
    for round in 0..2000u64 {
        for row in 1..ROWS {
            number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(round | 1);
            let owner = owners[number as usize % owners.len()];
            rows.memory().store(layout::TABLE.owner_at(row), owner, Relaxed);
            for pin in 0..PINS {
                // Words that were once published, in part.
                let word = if number & 64 == 0 { number >> pin } else { slots::word(round, pin) };
                rows.memory().store(layout::TABLE.pin_at(row, pin), word, Relaxed);
            }
        }
        published(&mut publisher, (round % 200) as u8 + 2);
        assert_eq!(view.bytes(), [1; 5000]);
        let newest = Reader::pin(&reader).unwrap().unwrap();
        assert_eq!(newest.bytes(), [newest.bytes()[0]; 5000]);
    }
    assert!(publisher.version() > 1000, "{}", publisher.version());
    // Rows of nobody that lives are freed.
    publisher.free_rows_of_the_dead().unwrap();
    Reader::open(&place).unwrap();
}

#[test]
fn a_damaged_state_is_not_read_out_of_bounds() {
    let check = |at: usize, word: u64, opens: bool| {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let mut publisher = Publisher::create(&place, SHAPE).unwrap();
        published(&mut publisher, 1);
        let open = opens.then(|| Reader::open(&place).unwrap());
        Segment::open(&place, layout::STATE).unwrap().memory().store(at, word, Relaxed);
        match open {
            Some(reader) => {
                assert!(matches!(reader.pin(), Err(Error::Damaged { .. })), "{at}");
                // No pin is left.
                let rows = Segment::open(&place, layout::READERS).unwrap();
                assert_eq!(rows.memory().load(layout::TABLE.pin_at(0, 0), Relaxed), 0);
            }
            None => assert!(matches!(Reader::open(&place), Err(Error::Damaged { .. })), "{at}"),
        }
    };
    for word in [0, 1, 5, 65, u64::MAX, 4 | 1 << 32] {
        check(64, word, false);
    }
    check(72, 8191, false);
    check(80, 9000, false);
    check(80, u64::MAX, false);
    // The current word, and what its slot says.
    check(128, 1 << 8 | 4, true);
    check(128, 9 << 8, true);
    check(16384, 9 << 8, true);
    check(16384 + 8, 5001, true);
    check(16384 + 8, u64::MAX, true);
}
