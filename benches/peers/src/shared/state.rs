//! The published state beside iceoryx2: what a pin costs, how long from publishing in one thread to having it in
//! another, and what publishing a copy costs beside a plain copy.
//!
//! All of it in units of what the machine takes to hand one cache line from one core to the other, measured in the
//! same rounds: two threads that wait for each other's word.

use std::hint::{black_box, spin_loop};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use aios_core::publish::{Publisher, Reader, Shape};
use aios_core::segment::Place;
use aios_core::{Host, Platform};
use iceoryx2::prelude::*;

use crate::Result;
use crate::measure::{median, nanoseconds};
use crate::table::{Goal, figure, print, time};

const PINS: u64 = 20_000_000;
const SIZES: [(&str, usize); 4] =
    [("100 B", 100), ("4 KiB", 4 << 10), ("64 KiB", 64 << 10), ("1 MiB", 1 << 20)];
/// There and back, so often.
const TRIPS: u64 = 20_000;
/// Of sizes whose copies take long.
const COPIED_BYTES: usize = 1 << 30;

/// One side: says a number, and waits until the other has said the same.
trait Side {
    fn say(&mut self, number: u64);
    /// What the other one said, if that is new, read where it stands.
    fn heard(&mut self) -> Option<u64>;
}

/// Nanoseconds from one side to the other, half of there and back.
fn one_way<A: Side, B: Side>(
    trips: u64,
    here: impl FnOnce() -> Result<A>,
    there: impl FnOnce() -> Result<B> + Send,
) -> Result<f64> {
    let (is_ready, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let mut here = here()?;
        let other = std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(scope, || {
            let made = there().map_err(|error| error.to_string());
            is_ready.store(true, Ordering::Release);
            let mut there = made?;
            let mut number = 0;
            while !is_over.load(Ordering::Relaxed) {
                if let Some(heard) = there.heard() {
                    number += 1;
                    assert_eq!(heard, number, "what was said last");
                    there.say(number);
                }
                spin_loop();
            }
            Ok::<(), String>(())
        })?;
        while !is_ready.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        let mut number = 0;
        let mut trip = |_| {
            number += 1;
            here.say(number);
            while !other.is_finished() {
                if let Some(heard) = here.heard() {
                    return heard == number;
                }
                spin_loop();
            }
            false
        };
        let warm = (0..trips / 10).all(&mut trip);
        let start = Instant::now();
        let done = warm && (0..trips).all(&mut trip);
        let spent = start.elapsed();
        is_over.store(true, Ordering::Relaxed);
        other.join().map_err(|_| "the other side ended")??;
        if !done {
            return Err("the other side ended".into());
        }
        Ok(nanoseconds(spent) / (2 * trips) as f64)
    })
}

/// Two words on cache lines of their own.
#[repr(align(128))]
#[derive(Default)]
struct Line(AtomicU64);

struct Ping<'a> {
    own: &'a Line,
    other: &'a Line,
    last: u64,
}

impl Side for Ping<'_> {
    fn say(&mut self, number: u64) {
        self.own.0.store(number, Ordering::Release);
    }

    fn heard(&mut self) -> Option<u64> {
        let now = self.other.0.load(Ordering::Acquire);
        let before = std::mem::replace(&mut self.last, now);
        (now != before).then_some(now)
    }
}

fn line() -> Result<f64> {
    let lines = [Line::default(), Line::default()];
    let [a, b] = &lines;
    let side = |own, other| Ok(Ping { own, other, last: 0 });
    one_way(TRIPS * 10, || side(a, b), || side(b, a))
}

struct Aios {
    publisher: Publisher,
    reader: Reader,
    bytes: usize,
    last: u64,
}

fn place(folder: &Path) -> Result<Place> {
    Ok(Place::make(&Host::empty(Platform::CURRENT, folder), folder)?)
}

impl Side for Aios {
    fn say(&mut self, number: u64) {
        let write = |bytes: &mut [u8]| bytes[..8].copy_from_slice(&number.to_le_bytes());
        black_box(self.publisher.publish_in_place(self.bytes, write)).expect("it fits");
    }

    fn heard(&mut self) -> Option<u64> {
        if self.reader.version() == self.last {
            return None;
        }
        let view = self.reader.pin().expect("the state is whole").expect("there is a version");
        self.last = view.version();
        number_of(view.bytes())
    }
}

fn number_of(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

fn aios(folder: &Path, bytes: usize) -> Result<f64> {
    let places = [place(&made(folder, "here")?)?, place(&made(folder, "there")?)?];
    let shape = Shape { capacity: bytes, ..Shape::default() };
    let publishers = [Publisher::create(&places[0], shape)?, Publisher::create(&places[1], shape)?];
    let [mine, theirs] = publishers;
    let side = |publisher, other: &Place| {
        Ok(Aios { publisher, reader: Reader::open(other)?, bytes, last: 0 })
    };
    one_way(TRIPS, || side(mine, &places[1]), || side(theirs, &places[0]))
}

fn made(folder: &Path, name: &str) -> Result<std::path::PathBuf> {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

type Port<T> = iceoryx2::port::publisher::Publisher<ipc::Service, T, ()>;
type Inbox<T> = iceoryx2::port::subscriber::Subscriber<ipc::Service, T, ()>;

struct PublishSubscribe {
    publisher: Port<[u8]>,
    subscriber: Inbox<[u8]>,
    bytes: usize,
}

impl Side for PublishSubscribe {
    #[expect(
        unsafe_code,
        reason = "as its documentation has it, for bytes that are written in place"
    )]
    fn say(&mut self, number: u64) {
        let mut sample = self.publisher.loan_slice_uninit(self.bytes).expect("there is room");
        for (to, byte) in sample.payload_mut().iter_mut().zip(number.to_le_bytes()) {
            to.write(byte);
        }
        // SAFETY: bytes of shared memory, of which any value is one; the rest holds what it held.
        let sample = unsafe { sample.assume_init() };
        black_box(sample.send()).expect("it is sent");
    }

    fn heard(&mut self) -> Option<u64> {
        let sample = self.subscriber.receive().expect("it is received")?;
        number_of(sample.payload())
    }
}

fn publish_subscribe(names: &[String; 2], bytes: usize) -> Result<f64> {
    let side = |own: &str, other: &str| -> Result<PublishSubscribe> {
        let node = NodeBuilder::new().create::<ipc::Service>()?;
        let service = |name: &str| -> Result<_> {
            let builder = node.service_builder(&name.try_into()?);
            Ok(builder.publish_subscribe::<[u8]>().open_or_create()?)
        };
        let publisher = service(own)?.publisher_builder().initial_max_slice_len(bytes).create()?;
        let subscriber = service(other)?.subscriber_builder().create()?;
        Ok(PublishSubscribe { publisher, subscriber, bytes })
    };
    let [a, b] = names;
    one_way(TRIPS, || side(a, b), || side(b, a))
}

struct Blackboard<const N: usize> {
    writer: iceoryx2::port::writer::EntryHandleMut<ipc::Service, u64, [u8; N]>,
    reader: iceoryx2::port::reader::EntryHandle<ipc::Service, u64, [u8; N]>,
    value: Box<[u8; N]>,
    last: Option<iceoryx2::port::reader::BlackboardValue<[u8; N]>>,
}

impl<const N: usize> Side for Blackboard<N> {
    fn say(&mut self, number: u64) {
        self.value[..8].copy_from_slice(&number.to_le_bytes());
        self.writer.update_with_copy(*self.value);
    }

    fn heard(&mut self) -> Option<u64> {
        if self.last.as_ref().is_some_and(|last| self.reader.is_up_to_date(last)) {
            return None;
        }
        let value = self.last.insert(black_box(self.reader.get()));
        number_of(&value[..]).filter(|number| *number > 0)
    }
}

fn blackboard<const N: usize>(names: &[String; 2], trips: u64) -> Result<f64> {
    // The creator has to be there while others open it.
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let create = |name: &str| -> Result<_> {
        let builder = node.service_builder(&name.try_into()?);
        Ok(builder.blackboard_creator::<u64>().add::<[u8; N]>(0, [0; N]).create()?)
    };
    let _created = [create(&names[0])?, create(&names[1])?];
    let side = |own: &str, other: &str| -> Result<Blackboard<N>> {
        let node = NodeBuilder::new().create::<ipc::Service>()?;
        let open = |name: &str| -> Result<_> {
            let builder = node.service_builder(&name.try_into()?);
            Ok(builder.blackboard_opener::<u64>().open()?)
        };
        let writer = open(own)?.writer_builder().create()?.entry::<[u8; N]>(&0)?;
        let reader = open(other)?.reader_builder().create()?.entry::<[u8; N]>(&0)?;
        let mut side = Blackboard { writer, reader, value: Box::new([0; N]), last: None };
        side.heard();
        Ok(side)
    };
    let [a, b] = names;
    one_way(trips, || side(a, b), || side(b, a))
}

/// Nanoseconds of a pin, a look at what it holds, and its end; and of the same beside a view, which takes the fence that who
/// pins what it had before does without.
fn pin(folder: &Path) -> Result<[f64; 2]> {
    let place = place(&made(folder, "pin")?)?;
    let mut publisher = Publisher::create(&place, Shape::default())?;
    publisher.publish(&[7; 100])?;
    let reader = Reader::open(&place)?;
    let run = || -> Result<f64> {
        let mut sum = 0;
        let start = Instant::now();
        for _ in 0..PINS {
            let view = reader.pin()?.ok_or("nothing is published")?;
            sum += u64::from(view.bytes()[0]);
        }
        let spent = nanoseconds(start.elapsed());
        if sum == 7 * PINS { Ok(spent / PINS as f64) } else { Err("a view is torn".into()) }
    };
    let again = run()?;
    let _view = reader.pin()?;
    Ok([again, run()?])
}

/// Nanoseconds of a fence between two stores and a load: what a pin costs at least that needs one.
fn fence() -> f64 {
    let words = [Line::default(), Line::default()];
    let start = Instant::now();
    for number in 0..PINS {
        words[0].0.store(number, Ordering::Release);
        std::sync::atomic::fence(Ordering::SeqCst);
        black_box(words[1].0.load(Ordering::Relaxed));
        words[0].0.store(0, Ordering::Release);
    }
    nanoseconds(start.elapsed()) / PINS as f64
}

/// Nanoseconds of publishing a copy, and of a copy alone to as many places in turn.
fn copies(folder: &Path, bytes: usize) -> Result<[f64; 2]> {
    let place = place(&made(folder, "copy")?)?;
    let shape = Shape { capacity: bytes, ..Shape::default() };
    let mut publisher = Publisher::create(&place, shape)?;
    let source = vec![3u8; bytes];
    let mut targets = [vec![1u8; bytes], vec![2u8; bytes]];
    let times = (COPIED_BYTES / bytes).clamp(1000, 200_000);
    let mut spent = [0.0; 2];
    for measured in [false, true] {
        let start = Instant::now();
        for _ in 0..times {
            black_box(publisher.publish(black_box(&source))?);
        }
        let published = nanoseconds(start.elapsed());
        let start = Instant::now();
        for number in 0..times {
            let target = &mut targets[number % 2];
            target.copy_from_slice(black_box(&source));
            black_box(target);
        }
        if measured {
            spent = [published, nanoseconds(start.elapsed())];
        }
    }
    Ok(spent.map(|spent| spent / times as f64))
}

/// Of each size: aios, publish-subscribe, blackboard.
#[derive(Default)]
struct Figures {
    line: Vec<f64>,
    pin: [Vec<f64>; 2],
    fence: Vec<f64>,
    trips: [[Vec<f64>; 3]; 4],
    copies: [[Vec<f64>; 2]; 4],
}

/// Measures and prints the tables.
pub fn run(folder: &Path, rounds: usize) -> Result<()> {
    iceoryx2::prelude::set_log_level(LogLevel::Error);
    let mut figures = Figures::default();
    for round in 0..rounds {
        eprintln!("round {round}");
        figures.line.push(line()?);
        for (kept, one) in figures.pin.iter_mut().zip(pin(folder)?) {
            kept.push(one);
        }
        figures.fence.push(fence());
        for (number, (_, bytes)) in SIZES.into_iter().enumerate() {
            let names = ["here", "there"]
                .map(|side| format!("aios-peers/{}/{round}/{bytes}/{side}", std::process::id()));
            let boards = names.clone().map(|name| format!("{name}/board"));
            let [own, subscribe, board] = &mut figures.trips[number];
            own.push(aios(folder, bytes)?);
            subscribe.push(publish_subscribe(&names, bytes)?);
            let run = move || -> Result<f64, String> {
                let trip = match bytes {
                    100 => blackboard::<100>(&boards, TRIPS),
                    4096 => blackboard::<4096>(&boards, TRIPS),
                    65536 => blackboard::<65536>(&boards, TRIPS / 10),
                    _ => blackboard::<1_048_576>(&boards, TRIPS / 100),
                };
                trip.map_err(|error| error.to_string())
            };
            // Values of a mebibyte are passed on the stack.
            let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(run)?;
            board.push(thread.join().map_err(|_| "the blackboard ended")??);
            for (kept, one) in figures.copies[number].iter_mut().zip(copies(folder, bytes)?) {
                kept.push(one);
            }
        }
    }
    tables(&figures);
    Ok(())
}

fn tables(figures: &Figures) {
    let line = median(&figures.line);
    println!("A cache line from one core to the other: {}.\n", time(line));
    let [pin, anew] = figures.pin.each_ref().map(|times| median(times));
    let (wanted, verdict) = Goal::most(5.0).cells(pin);
    let beside =
        |what: &str, value: f64| vec![what.into(), figure(value), String::new(), String::new()];
    print(
        &["what", "ns", "goal", ""],
        &[
            vec![
                "**aios**, pin and unpin what was pinned before".into(),
                figure(pin),
                wanted,
                verdict,
            ],
            beside("**aios**, pin and unpin what was not", anew),
            beside("a fence of the processor", median(&figures.fence)),
        ],
    );
    println!("From publishing in one thread to having it in another, written in place.\n");
    let rows: Vec<Vec<String>> = SIZES
        .iter()
        .zip(&figures.trips)
        .map(|((size, bytes), trips)| {
            let [own, subscribe, board] = trips.each_ref().map(|trips| median(trips));
            let lines = if *bytes > 64 << 10 { 4.0 } else { 3.5 };
            let goal = Goal::times(lines, "a line", line)
                .and_times(0.6, "publish-subscribe", subscribe)
                .and_times(0.6, "blackboard", board);
            let (wanted, verdict) = goal.cells(own);
            let cell = |value: f64| format!("{} ({})", time(value), figure(value / line));
            vec![(*size).into(), cell(own), cell(subscribe), cell(board), wanted, verdict]
        })
        .collect();
    let header = [
        "size",
        "**aios** (lines)",
        "iceoryx2 publish-subscribe (lines)",
        "iceoryx2 blackboard, copied (lines)",
        "goal",
        "",
    ];
    print(&header, &rows);
    println!("Publishing a copy, and a copy alone.\n");
    let rows: Vec<Vec<String>> = SIZES
        .iter()
        .zip(&figures.copies)
        .map(|((size, bytes), copies)| {
            let [own, plain] = copies.each_ref().map(|times| median(times));
            let goal = Goal::times(1.05, "memcpy", plain);
            let (wanted, verdict) =
                if *bytes >= 64 << 10 { goal.cells(own) } else { Default::default() };
            vec![(*size).into(), time(own), time(plain), figure(own / plain), wanted, verdict]
        })
        .collect();
    print(&["size", "**aios**, publish", "memcpy", "ratio", "goal", ""], &rows);
}
