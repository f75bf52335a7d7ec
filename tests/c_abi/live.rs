//! What this process publishes and appends, a program in C reads, and the other way round.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use aios_core::buffer::event::{Event, What};
use aios_core::buffer::{ContextBuffer, Item, Kind, MetricFrame, Options, Start, Writer};
use aios_core::environments::inspection::{Limits, Progress, Request, inspect};
use aios_core::publish::environments::{About, encode};
use aios_core::publish::{Published, Publisher, Shape};
use aios_core::segment::Place;
use aios_core::{Depth, EnvironmentId, Host, Status};

#[cfg(unix)]
use super::of_the_project;
use super::{How, Program, succeeded};
use crate::support::{Home, system};

/// An instance of the service as this process plays it, with a broken environment and a healthy one.
struct Live {
    home: Home,
    broken: PathBuf,
    publisher: Publisher,
    buffer: ContextBuffer,
    /// Ends with the instance: what it appended stays anyhow.
    _writer: Writer,
}

impl Live {
    fn begin() -> Live {
        let home = Home::new();
        let broken = home.venv("work/broken/.venv");
        system::tell_version(&broken);
        fs::remove_file(broken.cfg()).unwrap();
        home.venv("work/healthy/.venv");
        let data = home.join("data");
        fs::create_dir(&data).unwrap();
        let host = Host::current().unwrap();
        let place = Place::make(&host, &data).unwrap();
        let request = Request {
            paths: vec![home.join("work")],
            workspaces: Vec::new(),
            depth: Depth::Usual,
            limits: Limits::default(),
            cache: None,
            progress: Progress::default().into(),
        };
        let seen = inspect(&host, &request);
        let about = About { time: SystemTime::now(), snapshot: Some(7), engine: "0.0.1" };
        let bytes = encode(about, &seen.environments, &seen.problems);
        let shape = Shape { slots: 3, capacity: 1 << 16 };
        let mut publisher = Publisher::create(&place, shape).unwrap();
        assert_eq!(publisher.publish(&bytes).unwrap(), Published::Version(1));

        let options = Options { chunk_bytes: 4096, chunk_count: 64 };
        let buffer = ContextBuffer::create(&place, &options).unwrap();
        let mut writer = buffer.writer().unwrap();
        let event = Event {
            environment: Some(EnvironmentId::of(&broken.prefix, None)),
            before: Some(Status::Healthy),
            after: Some(Status::Broken),
            codes: vec!["pyvenv-cfg-missing".to_owned()],
            text: "why".to_owned(),
            ..Event::new(What::Changed, &broken.prefix)
        };
        writer.append(Event::KIND, &event.encode()).unwrap();
        writer.append(Kind::Opaque(7), b"from Rust").unwrap();
        Live { home, broken: broken.prefix, publisher, buffer, _writer: writer }
    }

    fn run(&self, program: &Program, argument: &OsStr) -> String {
        let mut command = program.command(&self.home);
        command.arg(argument).env("AIOS_HOME", self.home.join("data"));
        for name in ["USERDOMAIN", "USERNAME"] {
            // Windows makes the names of segments of them.
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        succeeded(&command.output().unwrap())
    }
}

fn live(name: &str, how: How) {
    let Some(program) = Program::of(name, how) else { return };
    let mut live = Live::begin();
    let said = live.run(&program, live.broken.as_os_str());
    assert!(said.ends_with("all of it\n"), "{said}");

    let mut reader = live.buffer.reader(Start::Oldest);
    let mut kinds = Vec::new();
    while let Some(item) = reader.next() {
        let Item::Record(record) = item else { panic!("{item:?}") };
        kinds.push((record.kind, record.bytes.to_vec()));
    }
    let [_, _, (metrics, figures), (opaque, bytes), ..] = &kinds[..] else { panic!("{kinds:?}") };
    assert_eq!(*metrics, Kind::Metrics);
    let frame = MetricFrame::decode(figures).unwrap();
    assert_eq!((frame.values[0], frame.values[6], frame.flag), (1.5, -0.25, true));
    assert_eq!((*opaque, bytes.as_slice()), (Kind::Opaque(8), b"from C".as_slice()));
    // Its pins are gone: every slot is free again.
    for version in 2..12 {
        let published = live.publisher.publish(b"other").unwrap();
        assert_eq!(published, Published::Version(version));
    }
}

// Not on Windows: a program under Wine starts no compiler of the machine.
#[cfg(unix)]
#[test]
fn the_examples_list_and_follow() {
    let live = Live::begin();
    let broken = live.broken.display();
    for example in ["examples/c/monitor.c", "examples/cpp/monitor.cpp"] {
        let program = Program::of_source(&of_the_project(example), How::Usual);
        let said = live.run(&program, OsStr::new("1"));
        let expected =
            format!("broken: {broken} (pyvenv-cfg-missing)\nhealthy, then broken: {broken}\n");
        assert_eq!(said, expected);
    }
}

#[test]
fn a_program_in_c_reads_what_is_published_and_appends() {
    live("live.c", How::Usual);
}

#[test]
fn so_does_one_in_cpp() {
    live("live.cpp", How::Usual);
}

// Not on Windows: AddressSanitizer is not there.
#[cfg(target_os = "linux")]
#[cfg(unix)]
#[test]
fn shared_memory_is_not_misused() {
    live("live.c", How::Sanitized);
    live("live.cpp", How::Sanitized);
    if std::env::var_os("CI").is_some() {
        live("live.c", How::Valgrind);
    }
}
