//! The context buffer beside queues of one process and a pipe: what a record costs its writer, whether two
//! writers are in each other's way, and how fast a late reader has all of it.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aios_core::buffer::{ContextBuffer, Item, Kind, MetricFrame, Options, Start};
use aios_core::segment::Place;
use aios_core::{Host, Platform};
use crossbeam_queue::ArrayQueue;

use crate::Result;
use crate::measure::{median, nanoseconds, quantile};
use crate::table::{Goal, figure, print, time};

type Record = [u8; 64];

/// Records in one measurement.
const RECORDS: u64 = 8_000_000;
/// Slots of the queues: as many bytes as the buffer has.
const SLOTS: usize = (64 << 20) / 64;
/// How long writers in processes of their own append.
const TOGETHER: Duration = Duration::from_millis(700);

fn place(folder: &Path) -> Result<Place> {
    Ok(Place::make(&Host::empty(Platform::CURRENT, folder), folder)?)
}

fn each(records: u64, run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    nanoseconds(start.elapsed()) / records as f64
}

/// A writer in a process of its own: says how many records it appended between two lines.
pub fn append_for(folder: &Path) -> Result<()> {
    let mut writer = ContextBuffer::open(&place(folder)?)?.writer()?;
    let record: Record = [7; 64];
    let stop = Arc::new(AtomicBool::new(false));
    println!("ready");
    let mut input = BufReader::new(std::io::stdin());
    input.read_line(&mut String::new())?;
    let told = Arc::clone(&stop);
    std::thread::spawn(move || {
        let _ = input.read_line(&mut String::new());
        told.store(true, Ordering::Relaxed);
    });
    let (start, mut count) = (Instant::now(), 0u64);
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..1000 {
            writer.append_at(Kind::Opaque(0), black_box(&record), count)?;
        }
        count += 1000;
    }
    println!("each {}", nanoseconds(start.elapsed()) / count as f64);
    Ok(())
}

/// Nanoseconds for each record of so many writers at the same time.
fn together(folder: &Path, writers: usize) -> Result<Vec<f64>> {
    let mut children: Vec<Child> = (0..writers)
        .map(|_| {
            Command::new(std::env::current_exe()?)
                .args(["append-for", "--folder"])
                .arg(folder)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
        })
        .collect::<std::io::Result<_>>()?;
    let mut outputs: Vec<_> =
        children.iter_mut().filter_map(|child| child.stdout.take().map(BufReader::new)).collect();
    let said = |outputs: &mut Vec<BufReader<std::process::ChildStdout>>| -> Result<Vec<String>> {
        outputs
            .iter_mut()
            .map(|output| {
                let mut line = String::new();
                output.read_line(&mut line)?;
                Ok(line)
            })
            .collect()
    };
    let tell = |children: &mut Vec<Child>| {
        for child in children.iter_mut() {
            if let Some(input) = &mut child.stdin {
                let _ = input.write_all(b"\n");
            }
        }
    };
    said(&mut outputs)?;
    tell(&mut children);
    std::thread::sleep(TOGETHER);
    tell(&mut children);
    let lines = said(&mut outputs)?;
    for child in &mut children {
        child.wait()?;
    }
    lines
        .iter()
        .map(|line| {
            Ok(line.trim().strip_prefix("each ").ok_or("a writer said nothing")?.parse()?)
        })
        .collect()
}

/// Through a pipe to a thread that reads it.
fn through_a_pipe(records: u64) -> Result<f64> {
    let (mut reader, mut writer) = std::io::pipe()?;
    let reading = std::thread::spawn(move || {
        let mut bytes = vec![0; 64 << 10];
        while reader.read(&mut bytes).is_ok_and(|count| count > 0) {}
    });
    let record: Record = [7; 64];
    let cost = each(records, || {
        for _ in 0..records {
            writer.write_all(black_box(&record)).expect("the pipe has a reader");
        }
    });
    drop(writer);
    let _ = reading.join();
    Ok(cost)
}

/// Into a full queue of one process, where each record pushes out the oldest.
fn force_push() -> f64 {
    let queue = ArrayQueue::<Record>::new(SLOTS);
    let record: Record = [7; 64];
    for _ in 0..SLOTS {
        queue.force_push(record);
    }
    each(RECORDS, || {
        for _ in 0..RECORDS {
            black_box(queue.force_push(*black_box(&record)));
        }
    })
}

/// Into a queue of one writer and one reader, and out of it in the same thread: it does not overwrite. A batch
/// that fits into the caches at a time.
fn rtrb() -> f64 {
    let (mut producer, mut consumer) = rtrb::RingBuffer::<Record>::new(SLOTS);
    let record: Record = [7; 64];
    let mut spent = Duration::ZERO;
    let mut done = 0;
    while done < RECORDS {
        let start = Instant::now();
        for _ in 0..SLOTS {
            let _ = producer.push(*black_box(&record));
        }
        spent += start.elapsed();
        done += SLOTS as u64;
        while let Ok(record) = consumer.pop() {
            black_box(record);
        }
    }
    nanoseconds(spent) / done as f64
}

/// From an append to a reader that slept, at a hundred a second as a core's metrics come.
fn woken(folder: &Path, writer: &mut aios_core::buffer::Writer) -> Result<Vec<f64>> {
    const FRAMES: usize = 100;
    let buffer = ContextBuffer::open_read_only(&place(folder)?)?;
    let mut reader = buffer.reader(Start::Now);
    let reading = std::thread::spawn(move || {
        let mut took = Vec::new();
        while took.len() < FRAMES && reader.wait(Duration::from_secs(5)) {
            while let Some(item) = reader.next() {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                if let Item::Record(record) = item {
                    took.push(now.as_nanos() as f64 - record.time_ns as f64);
                }
            }
        }
        took
    });
    for _ in 0..FRAMES {
        std::thread::sleep(Duration::from_millis(10));
        writer.append_metrics(&MetricFrame::default())?;
    }
    Ok(reading.join().map_err(|_| "the reader panicked")?)
}

/// 1 for a record as they are all: it looks at its length and its first byte. What is given to `black_box` would be stored as
/// two words and loaded as one, which costs more than to read the record.
fn first_of_64(item: &Item<'_>) -> u64 {
    match item {
        Item::Record(record) if record.bytes.len() == 64 && record.bytes[0] == 7 => 1,
        _ => 0,
    }
}

#[derive(Default)]
struct Figures {
    woken: Vec<f64>,
    append: Vec<f64>,
    append_with_clock: Vec<f64>,
    clock: Vec<f64>,
    alone: Vec<f64>,
    two: Vec<f64>,
    array_queue: Vec<f64>,
    rtrb: Vec<f64>,
    pipe: Vec<f64>,
    late: Vec<f64>,
    late_fresh: Vec<f64>,
    late_next: Vec<f64>,
    memcpy: Vec<f64>,
}

/// Measures and prints the tables.
pub fn run(folder: &Path, rounds: usize) -> Result<()> {
    let buffer = ContextBuffer::create(&place(folder)?, &Options::default())?;
    let mut writer = buffer.writer()?;
    let record: Record = [7; 64];
    let mut figures = Figures::default();
    let source = vec![1u8; 64 << 20];
    let mut target = vec![2u8; 64 << 20];
    // The memory is there, and every chunk was used.
    for time in 0..2_000_000 {
        writer.append_at(Kind::Opaque(0), &record, time)?;
    }
    let mut records = 0u64;
    for round in 0..rounds {
        eprintln!("round {round}");
        figures.append.push(each(RECORDS, || {
            for time in 0..RECORDS {
                writer.append_at(Kind::Opaque(0), black_box(&record), time).expect("there is room");
            }
        }));
        figures.append_with_clock.push(each(RECORDS, || {
            for _ in 0..RECORDS {
                writer.append(Kind::Opaque(0), black_box(&record)).expect("there is room");
            }
        }));
        figures.clock.push(each(RECORDS, || {
            for _ in 0..RECORDS {
                black_box(std::time::SystemTime::now());
            }
        }));
        figures.array_queue.push(force_push());
        figures.rtrb.push(rtrb());
        figures.pipe.push(through_a_pipe(RECORDS / 8)?);
        // All chunks are this writer's again: those of other processes were full of their records.
        for time in 0..1_000_000 {
            writer.append_at(Kind::Opaque(0), &record, time)?;
        }
        let attached = ContextBuffer::open_read_only(&place(folder)?)?;
        // The first look at memory that was just mapped is mostly the system's work for its pages.
        for times in [&mut figures.late_fresh, &mut figures.late] {
            let mut reader = attached.reader(Start::Oldest);
            records = 0;
            let start = Instant::now();
            reader.each(|item| records += first_of_64(&item));
            times.push(nanoseconds(start.elapsed()));
        }
        let mut reader = attached.reader(Start::Oldest);
        let mut again = 0;
        let start = Instant::now();
        while let Some(item) = reader.next() {
            again += first_of_64(&item);
        }
        figures.late_next.push(nanoseconds(start.elapsed()));
        if again != records || records < 700_000 {
            return Err("the late reader missed records".into());
        }
        let start = Instant::now();
        target.copy_from_slice(black_box(&source));
        black_box(&mut target);
        figures.memcpy.push(nanoseconds(start.elapsed()));
        figures.woken.extend(woken(folder, &mut writer)?);
        let alone = together(folder, 1)?;
        let two = together(folder, 2)?;
        figures.alone.extend(alone);
        figures.two.push(two.iter().sum::<f64>() / two.len() as f64);
    }
    tables(&figures, records);
    Ok(())
}

fn tables(figures: &Figures, records: u64) {
    println!("What a record of 64 bytes costs who appends it, ns.\n");
    let append = median(&figures.append);
    let row = |name: &str, value: f64, goal: Option<Goal>| {
        let (wanted, verdict) = goal.map(|goal| goal.cells(value)).unwrap_or_default();
        vec![name.to_owned(), figure(value), wanted, verdict]
    };
    print(
        &["who", "ns", "goal", ""],
        &[
            row("**aios**, any number of processes", append, Some(Goal::most(10.0))),
            row("**aios**, with the clock", median(&figures.append_with_clock), None),
            row("the clock alone", median(&figures.clock), None),
            row(
                "crossbeam `ArrayQueue::force_push`, one process",
                median(&figures.array_queue),
                None,
            ),
            row("rtrb, one process, one writer, no overwriting", median(&figures.rtrb), None),
            row("a pipe with a thread that reads it", median(&figures.pipe), None),
        ],
    );
    let (alone, two) = (median(&figures.alone), median(&figures.two));
    println!("Writers in processes of their own, each appending without a pause.\n");
    print(
        &["writers", "ns each", "of linear", "goal", ""],
        &[vec!["1".into(), figure(alone), String::new(), String::new(), String::new()], {
            let (wanted, verdict) = Goal::least(0.95).cells(alone / two);
            vec!["2".into(), figure(two), figure(alone / two), wanted, verdict]
        }],
    );
    println!("From an append to a reader that sleeps, 64-byte metric frames at 100 Hz.\n");
    let (wanted, verdict) = Goal::most(1e6).cells(quantile(&figures.woken, 0.99));
    print(
        &["median", "99 %", "goal", ""],
        &[vec![
            time(median(&figures.woken)),
            time(quantile(&figures.woken, 0.99)),
            wanted.replace("1000000", "1 ms"),
            verdict,
        ]],
    );
    let (late, memcpy) = (median(&figures.late), median(&figures.memcpy));
    println!("A late reader reads the whole buffer, {records} records of 64 bytes in 64 MiB.\n");
    let (wanted, verdict) = Goal::times(0.7, "memcpy", memcpy).cells(late);
    let beside = |name: &str, value: f64| {
        vec![name.into(), time(value), figure(value / memcpy), String::new(), String::new()]
    };
    print(
        &["what", "time", "of memcpy", "goal", ""],
        &[
            vec!["late reader".into(), time(late), figure(late / memcpy), wanted, verdict],
            beside("the same, asked for one by one", median(&figures.late_next)),
            beside("the same, in a mapping that was just made", median(&figures.late_fresh)),
            vec!["memcpy of 64 MiB".into(), time(memcpy), "1".into(), String::new(), String::new()],
        ],
    );
}
