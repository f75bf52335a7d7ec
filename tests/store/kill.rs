//! A writer that is killed again and again while other processes read.
//!
//! The test runs itself in other processes; a variable says what each does there.
//! `AIOS_TEST_KILLS=5000` kills so many writers instead of a few.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aios_core::index::fractal::{Tree, Value};
use aios_core::snapshot::{Context, Options, Reader};
use aios_core::store::Reading;

const ROLE: &str = "AIOS_TEST_KILL_ROLE";
const FOLDER: &str = "AIOS_TEST_KILL_FOLDER";
const KILLS: &str = "AIOS_TEST_KILLS";
const ENTRIES: u64 = 60;

#[test]
fn a_killed_writer_leaves_whole_states_to_all_readers() {
    match std::env::var(ROLE) {
        Err(_) => parent(),
        Ok(role) => {
            let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
            match role.as_str() {
                "writer" => write_for_ever(&folder),
                "mapped" => read_until_told(&folder, Reading::Mapped),
                _ => read_until_told(&folder, Reading::Copied),
            }
        }
    }
}

fn start(role: &str, folder: &Path) -> Child {
    let name = "store::kill::a_killed_writer_leaves_whole_states_to_all_readers";
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Every entry is the number of the state; some states are kept, and few of those for long.
fn write_for_ever(folder: &Path) -> ! {
    // A killed writer holds no lock.
    let mut context = Context::open(folder, &Options::default()).unwrap();
    let mut number = state_of(&context.live().unwrap()).unwrap_or_default();
    loop {
        number += 1;
        put_state(&mut context, number);
        if number.is_multiple_of(5) {
            context.take(None, &number.to_string()).unwrap();
        } else {
            context.commit().unwrap();
        }
        println!("acknowledged {number}");
        if number.is_multiple_of(20) {
            let list = context.list().unwrap();
            let old: Vec<_> = list.iter().rev().skip(2).map(|snapshot| snapshot.id).collect();
            context.remove_snapshots(&old).unwrap();
        }
    }
}

fn put_state(context: &mut Context, number: u64) {
    let bytes = number.to_le_bytes().repeat(8);
    for entry in 0..ENTRIES {
        let key = entry.to_le_bytes();
        context.put(&[b"entries", &key], &Value::of(1, &bytes)).unwrap();
    }
}

/// The number of a whole state; panics where it is none.
fn state_of(tree: &Tree) -> Option<u64> {
    let mut numbers = Vec::new();
    tree.walk(&mut |_, value| {
        assert_eq!(value.bytes.len(), 64);
        numbers.push(u64::from_le_bytes(value.bytes[..8].try_into().unwrap()));
        Ok(())
    })
    .unwrap();
    let first = *numbers.first()?;
    assert_eq!(numbers, vec![first; ENTRIES as usize], "a state that is not whole");
    Some(first)
}

fn read_until_told(folder: &Path, reading: Reading) {
    let told = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let tell = std::sync::Arc::clone(&told);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        // Ordering: nothing but the flag is published.
        tell.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let mut reader = Reader::open(folder, reading).unwrap();
    let (mut last, mut views, mut sequence) = (0, 0u64, 0);
    // Ordering: as above.
    while !told.load(std::sync::atomic::Ordering::Relaxed) {
        if !reader.refresh().unwrap() && views > 0 {
            std::thread::yield_now();
            continue;
        }
        let number = state_of(&reader.live().unwrap()).unwrap_or_default();
        assert!(number >= last, "{last}, then {number}");
        assert!(reader.sequence() > sequence, "{sequence}, then {}", reader.sequence());
        (last, sequence) = (number, reader.sequence());
        for snapshot in reader.list().unwrap() {
            let kept = state_of(&reader.snapshot(snapshot.id).unwrap()).unwrap();
            assert_eq!(kept.to_string(), snapshot.about.reason);
        }
        views += 1;
    }
    println!("views {views}");
}

fn numbers(child: &mut Child, word: &'static str) -> impl Iterator<Item = u64> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The harness of the tests writes to the same stream, and in the same line before the first.
    lines.map_while(Result::ok).filter_map(move |line| {
        let (_, number) = line.split_once(word)?;
        number.trim().parse().ok()
    })
}

fn parent() {
    let kills: u64 = std::env::var(KILLS).map_or(15, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    // There is something to read from the start.
    drop(Context::open(&store, &Options::default()).unwrap());
    let mut readers = ["mapped", "copied", "mapped"].map(|role| start(role, &store));
    let mut acknowledged = 0;
    for kill in 0..kills {
        let mut writer = start("writer", &store);
        let mut lines = numbers(&mut writer, "acknowledged ");
        // Some are killed at once, some after having removed snapshots.
        for _ in 0..=kill * 7 % 31 {
            let number = lines.next().expect("the writer ends when it is killed, and not before");
            assert!(number > acknowledged, "{acknowledged} was acknowledged, then {number}");
            acknowledged = number;
        }
        writer.kill().unwrap();
        // What it said before it was killed.
        acknowledged = lines.last().unwrap_or(acknowledged);
        writer.wait().unwrap();
    }
    let mut context = Context::open(&store, &Options::default()).unwrap();
    assert_eq!(context.verify().unwrap().damage, []);
    assert!(state_of(&context.live().unwrap()).unwrap() >= acknowledged);
    for reader in &mut readers {
        drop(reader.stdin.take());
        let views: Vec<u64> = numbers(reader, "views ").collect();
        assert!(reader.wait().unwrap().success(), "a reader saw what must not be");
        assert!(views.first().is_some_and(|views| *views > 1), "{views:?}");
    }
}
