//! Writers and readers that are killed again and again, beside others that check every record.
//!
//! `AIOS_TEST_KILLS=10000` kills so many of each instead of a few.

use std::io::Read;
use std::time::Duration;

use aios_core::buffer::{Options, Start, Writer};

use super::*;

const KILLS: &str = "AIOS_TEST_KILLS";
const TEST: &str = "buffer::kill::the_killed_leave_whole_records_and_free_chunks";
/// Small, so that every chunk is taken again soon after its writer's death.
const OPTIONS: Options = Options { chunk_bytes: 4 << 10, chunk_count: 64 };
const WRITERS: usize = 3;
/// Writers may be faster than who checks what they wrote.
const AT_ONCE: usize = 500;

#[test]
fn the_killed_leave_whole_records_and_free_chunks() {
    match role() {
        None => parent(),
        Some((role, place)) => match role.as_str() {
            "owner" => own_for_ever(&place),
            "writer" => write_for_ever(&place),
            "waiter" => wait_for_ever(&place),
            _ => check_until_told(&place),
        },
    }
}

fn write_for_ever(place: &Place) -> ! {
    let mut writer = open(place).writer().unwrap();
    for sequence in 0.. {
        append(&mut writer, sequence);
        if sequence.is_power_of_two() || sequence.is_multiple_of(512) {
            println!("appended {sequence}");
        }
    }
    unreachable!("numbers do not end")
}

fn own_for_ever(place: &Place) -> ! {
    let buffer = ContextBuffer::create(place, &OPTIONS).unwrap();
    let mut writer = buffer.writer().unwrap();
    (0..10).for_each(|sequence| append(&mut writer, sequence));
    println!("appended 10");
    loop {
        std::thread::park();
    }
}

/// Sleeps on the bell most of its time, which is where it is killed.
fn wait_for_ever(place: &Place) -> ! {
    let buffer = ContextBuffer::open_read_only(place).unwrap();
    let (mut reader, mut seen) = (buffer.reader(Start::Oldest), Seen::default());
    loop {
        if reader.wait(Duration::from_secs(3600)) {
            seen.read(&mut reader, AT_ONCE);
            println!("read {}", seen.records);
        }
    }
}

fn check_until_told(place: &Place) {
    let told = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let tell = std::sync::Arc::clone(&told);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        // Ordering: nothing but the flag is published.
        tell.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let buffer = ContextBuffer::open_read_only(place).unwrap();
    let (mut reader, mut seen) = (buffer.reader(Start::Oldest), Seen::default());
    // Ordering: as above.
    while !told.load(std::sync::atomic::Ordering::Relaxed) {
        reader.wait(Duration::from_millis(10));
        seen.read(&mut reader, AT_ONCE);
    }
    println!("checked {}", seen.records);
    println!("missing {}", seen.missing);
}

fn parent() {
    let kills: u64 = std::env::var(KILLS).map_or(40, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let start = |role: &str| Peer::start(TEST, role, folder.path());
    // An owner that is killed leaves its name, and what was appended.
    let mut owner = start("owner");
    assert_eq!(owner.hear("appended "), Some(10));
    assert!(ContextBuffer::create(&place, &OPTIONS).is_err(), "it has an owner");
    owner.kill();
    let buffer = ContextBuffer::create(&place, &OPTIONS).unwrap();
    let mut left = Seen::default();
    left.read(&mut buffer.reader(Start::Oldest), AT_ONCE);
    // Windows may keep no memory that nobody has mapped.
    assert!(left.records == 10 || cfg!(windows) && left.records == 0, "{left:?}");
    assert_eq!(left.missing, 0);
    let mut checkers = [start("checker"), start("checker")];
    let mut writers: Vec<Peer> = (0..WRITERS).map(|_| start("writer")).collect();
    for kill in 0..kills {
        let mut waiter = start("waiter");
        let (index, lines) = (kill as usize % WRITERS, kill * 7 % 13);
        let writer = &mut writers[index];
        // Some are killed before their first chunk is full, some after laps.
        for _ in 0..=lines {
            writer.hear("appended ").expect("it writes until it is killed");
        }
        std::mem::replace(writer, start("writer")).kill();
        waiter.hear("read ").expect("it reads until it is killed");
        waiter.kill();
    }
    for writer in writers {
        writer.kill();
    }
    let (mut checked, mut missing) = (0, 0);
    for checker in &mut checkers {
        drop(checker.input.take());
        checked += checker.hear("checked ").expect("a checker found nothing wrong");
        missing += checker.hear("missing ").unwrap();
    }
    assert!(checkers.into_iter().all(Peer::end), "a checker saw what must not be");
    println!(
        "{kills} writers and as many readers killed, {checked} records checked, {missing} missing"
    );
    assert!(checked > kills, "{checked}");
    every_chunk_and_row_is_free(&buffer);
}

/// Nobody lives, so one writer gets every chunk, and so many as there are rows every row.
fn every_chunk_and_row_is_free(buffer: &ContextBuffer) {
    let mut writer = buffer.writer().unwrap();
    // A chunk has room for fourteen of these: three laps.
    for sequence in 0..3 * 64 * 14u64 {
        writer.append(Kind::Opaque(2), &[sequence as u8; 260]).unwrap();
    }
    let mut reader = buffer.reader(Start::Oldest);
    let mut records = 0;
    while let Some(item) = reader.next() {
        if let Item::Record(record) = item {
            assert_eq!(record.writer, writer.id(), "a chunk of the dead was not taken");
            records += 1;
        }
    }
    assert_eq!(records, 64 * 14);
    let rows: Vec<Writer> = std::iter::from_fn(|| buffer.writer().ok()).collect();
    assert_eq!(rows.len(), 63, "a row of the dead was not taken");
}
