//! Publishers and readers that are killed again and again, beside readers that check every view.
//!
//! `AIOS_TEST_KILLS=10000` kills so many of each instead of a few.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aios_core::publish::{ROWS, View};

use super::*;
use crate::support::stopped;

const KILLS: &str = "AIOS_TEST_KILLS";
const TEST: &str = "publish::kill::the_killed_leave_whole_views_and_free_slots";
/// Few slots, so that what the dead have pinned is needed soon.
const SHAPE: Shape = Shape { slots: 5, capacity: 16 << 10 };

#[test]
fn the_killed_leave_whole_views_and_free_slots() {
    match Peer::role() {
        None => parent(),
        Some((role, folder)) => match role.as_str() {
            "publisher" => publish_for_ever(&place(&folder)),
            "victim" => read(&place(&folder), &AtomicBool::new(false)),
            _ => check_until_told(&place(&folder)),
        },
    }
}

/// The state of a number: of any length, each word says which it is of.
fn state_of(number: u64) -> Vec<u8> {
    let words = number % 97 * 21 + 1;
    (0..words).flat_map(|index| (number ^ index << 32).to_le_bytes()).collect()
}

fn check(view: &View<'_>) {
    let number = u64::from_le_bytes(view.bytes()[..8].try_into().unwrap());
    assert!(view.bytes() == state_of(number), "a torn view of version {}", view.version());
}

fn publish_for_ever(place: &Place) -> ! {
    let mut publisher = Publisher::create(place, SHAPE).unwrap();
    for number in publisher.version() + 1.. {
        if let Published::Version(version) = publisher.publish(&state_of(number)).unwrap()
            && (version.is_power_of_two() || version.is_multiple_of(64))
        {
            println!("published {version}");
        }
    }
    unreachable!("numbers do not end")
}

fn open(place: &Place) -> Reader {
    loop {
        // Between one publisher and the next there is none.
        if let Ok(reader) = Reader::open(place) {
            return reader;
        }
        std::thread::yield_now();
    }
}

/// Reads until it is killed or told, with two views most of the time, each checked when it is pinned and before it is
/// dropped.
fn read(place: &Place, told: &AtomicBool) {
    let reader = open(place);
    let (mut last, mut views, mut older) = (0, 0u64, None);
    // Ordering: nothing but the flag is published.
    while !told.load(Ordering::Relaxed) {
        assert!(!reader.is_closed(), "what the killed left was not gone on with");
        let Some(view) = reader.pin().unwrap() else { continue };
        assert!(view.version() >= last, "{last}, then {}", view.version());
        last = view.version();
        check(&view);
        if let Some(older) = older.replace(view) {
            check(&older);
        }
        views += 1;
        if views.is_power_of_two() || views.is_multiple_of(64) {
            println!("viewed {views}");
        }
    }
    println!("checked {views}");
}

fn check_until_told(place: &Place) {
    let told = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&told);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        // Ordering: as above.
        tell.store(true, Ordering::Relaxed);
    });
    read(place, &told);
}

fn parent() {
    let kills: u64 = std::env::var(KILLS).map_or(12, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let start = |role: &str| Peer::start(TEST, role, folder.path());
    let place = place(folder.path());
    let mut publisher = start("publisher");
    publisher.hear("published ").expect("it publishes until it is killed");
    let checker = start("checker");
    for kill in 0..kills {
        let mut victim = start("victim");
        for _ in 0..=kill * 5 % 7 {
            victim.hear("viewed ").expect("it reads until it is killed");
        }
        victim.kill();
        for _ in 0..=kill * 7 % 11 {
            publisher.hear("published ").expect("it publishes until it is killed");
        }
        publisher.kill();
        publisher = start("publisher");
        publisher.hear("published ").expect("the name of a killed publisher is free");
    }
    publisher.kill();
    let checked = a_stopped_reader_keeps_its_views(checker, &place);
    println!("{kills} publishers and as many readers killed, {checked} views checked");
    assert!(checked > kills, "{checked}");

    // Nobody else lives: every slot and every row is free.
    let mut publisher = Publisher::create(&place, SHAPE).unwrap();
    let readers: Vec<Reader> = (0..ROWS).map(|_| Reader::open(&place).unwrap()).collect();
    let views = readers[..SHAPE.slots - 1].iter().map(|reader| {
        let published = publisher.publish(&state_of(1)).unwrap();
        assert!(matches!(published, Published::Version(_)), "a slot of the dead is not free");
        reader.pin().unwrap().unwrap()
    });
    assert_eq!(views.map(|view| check(&view)).count(), SHAPE.slots - 1);
}

/// A stopped process is not dead: what it has pinned is neither freed nor written, however much is published.
fn a_stopped_reader_keeps_its_views(mut checker: Peer, place: &Place) -> u64 {
    let mut publisher = Publisher::create(place, SHAPE).unwrap();
    let go_on = stopped(checker.child.id());
    let freed = publisher.free_rows_of_the_dead().unwrap();
    assert!(freed <= 1, "the last victim, and nobody else: {freed}");
    for number in 0..1000 {
        publisher.publish(&state_of(number)).unwrap();
    }
    assert_eq!(publisher.free_rows_of_the_dead().unwrap(), 0);
    go_on();
    drop(checker.input.take());
    let checked = checker.hear("checked ").expect("a checker found nothing wrong");
    assert!(checker.end(), "a checker saw what must not be");
    checked
}
