//! One who publishes and appends, and readers in several languages at once, each killed again and again: no view and no
//! record is torn, and all go on.
//!
//! `AIOS_TEST_SECONDS=30` does it for so long instead of for a moment.

use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use aios_core::buffer::{ContextBuffer, Item, MetricFrame, Options, Reader as RingReader, Start};
use aios_core::environments::inspection::{Inspected, Limits, Progress, Request, inspect};
use aios_core::publish::environments::{About, Environments, encode};
use aios_core::publish::{Publisher, Reader, Shape};
use aios_core::segment::Place;
use aios_core::{Depth, Host};

use super::{How, Program};
use crate::support::{Home, Peer};

const TEST: &str = "c_abi::together::readers_in_all_languages_go_on_where_others_are_killed";
const SECONDS: &str = "AIOS_TEST_SECONDS";

#[test]
fn readers_in_all_languages_go_on_where_others_are_killed() {
    match Peer::role() {
        None => parent(),
        Some((role, folder)) => {
            let place = Place::make(&Host::current().unwrap(), &folder).unwrap();
            if role == "publisher" { publish_for_ever(&place) } else { read_for_ever(&place) }
        }
    }
}

fn one_environment() -> Inspected {
    let home = Home::new();
    home.venv(".venv");
    let request = Request {
        paths: vec![home.join(".venv")],
        workspaces: Vec::new(),
        depth: Depth::Outline,
        limits: Limits::default(),
        cache: None,
        progress: Progress::default().into(),
    };
    inspect(&Host::current().unwrap(), &request).environments.remove(0)
}

fn prefix_of(number: u64) -> String {
    format!("/together/{number}")
}

fn create(place: &Place) -> (ContextBuffer, Publisher) {
    let options = Options { chunk_bytes: 4096, chunk_count: 16 };
    let buffer = ContextBuffer::create(place, &options).unwrap();
    let publisher = Publisher::create(place, Shape { slots: 8, capacity: 64 << 10 }).unwrap();
    (buffer, publisher)
}

fn publish_for_ever(place: &Place) -> ! {
    let mut one = one_environment();
    let (buffer, mut publisher) = create(place);
    let mut writer = buffer.writer().unwrap();
    for number in 1.. {
        one.environment.prefix = prefix_of(number).into();
        let about = About { time: SystemTime::now(), snapshot: Some(number), engine: "0.0.1" };
        let all = std::iter::repeat_n(&one, number as usize % 40 + 1);
        publisher.publish(&encode(about, all, &[])).unwrap();
        let frame = MetricFrame { values: [number as f64; 7], flag: false, padding: [0; 7] };
        writer.append_metrics(&frame).unwrap();
        tell(number);
    }
    unreachable!("numbers do not end")
}

/// Seldom enough that nobody has to listen.
fn tell(seen: u64) {
    if seen.is_power_of_two() || seen.is_multiple_of(1 << 16) {
        println!("viewed {seen}");
    }
}

fn read_for_ever(place: &Place) -> ! {
    let mut seen = 0;
    loop {
        // Between one publisher and the next there is nothing to open.
        let (Ok(state), Ok(buffer)) = (Reader::open(place), ContextBuffer::open(place)) else {
            continue;
        };
        let mut records = buffer.reader(Start::Oldest);
        while !state.is_closed() {
            if let Some(view) = state.pin().unwrap() {
                check(view.bytes());
                seen += 1;
                tell(seen);
            }
            check_records(&mut records);
        }
    }
}

fn check(bytes: &[u8]) {
    let all = Environments::of(bytes).expect("a view is whole");
    let number = all.snapshot().unwrap();
    assert_eq!(all.len() as u64, number % 40 + 1);
    let prefix = prefix_of(number);
    assert!(all.iter().all(|one| one.prefix().bytes() == prefix.as_bytes()), "a torn view");
}

fn check_records(records: &mut RingReader) {
    for _ in 0..64 {
        match records.next() {
            Some(Item::Record(record)) => {
                let frame = MetricFrame::decode(record.bytes).expect("nothing else is appended");
                assert!(
                    frame.values.iter().all(|value| *value == frame.values[0]),
                    "a torn record"
                );
            }
            Some(Item::Gap(_)) => {}
            None => return,
        }
    }
}

/// One of the processes, and how it is started again.
struct Member {
    name: &'static str,
    start: Box<dyn Fn() -> Peer>,
    peer: Peer,
}

impl Member {
    fn new(name: &'static str, start: impl Fn() -> Peer + 'static) -> Member {
        let peer = start();
        Member { name, start: Box::new(start), peer }
    }

    fn goes_on(&mut self) {
        assert!(self.peer.hear("viewed ").is_some(), "the one in {} ended", self.name);
    }
}

fn parent() {
    let home = Home::new();
    let folder = home.join("data");
    std::fs::create_dir(&folder).unwrap();
    let own = |role: &'static str| {
        let folder = folder.clone();
        move || Peer::start(TEST, role, &folder)
    };
    let mut members =
        vec![Member::new("Rust", own("publisher")), Member::new("Rust", own("reader"))];
    for (name, source) in [("C", "together.c"), ("C++", "together.cpp")] {
        let Some(program) = Program::of(source, How::Usual) else { continue };
        let started = folder.clone();
        members.push(Member::new(name, move || {
            let mut command = Command::new(&program.path);
            command.arg(&started).env("PATH", super::libraries());
            Peer::of(&mut command)
        }));
    }
    let seconds = std::env::var(SECONDS).map_or(2, |seconds| seconds.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut kills = 0_usize;
    // At least once each, however slow the machine is.
    while kills < members.len() || Instant::now() < end {
        // Neither in turn, nor after equal times.
        let number = (kills * 7 + kills / members.len()) % members.len();
        let member = &mut members[number];
        for _ in 0..=kills * 5 % 6 {
            member.goes_on();
        }
        // Its end is waited for: the next publisher is refused as long as this one lives.
        member.peer.child.kill().unwrap();
        member.peer.child.wait().unwrap();
        member.peer = (member.start)();
        kills += 1;
    }
    for member in &mut members {
        member.goes_on();
    }
    println!("{kills} processes of {} killed in {seconds} s", members.len());
    drop(members);
    // Takes over from the last one who was killed, and ends in order: no name stays.
    drop(create(&Place::make(&Host::current().unwrap(), &folder).unwrap()));
}
