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

use super::{How, Program, succeeded};
#[cfg(unix)]
use super::{blocks, libraries, of_the_project};
use crate::support::{Home, system};

/// An instance of the service as this process plays it, with a broken environment and a healthy one.
pub(crate) struct Live {
    pub(crate) home: Home,
    pub(crate) broken: PathBuf,
    publisher: Publisher,
    buffer: ContextBuffer,
    writer: Writer,
}

impl Live {
    pub(crate) fn begin() -> Live {
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
        let writer = buffer.writer().unwrap();
        let mut live = Live { home, broken: broken.prefix, publisher, buffer, writer };
        live.append_event();
        live.writer.append(Kind::Opaque(7), b"from Rust").unwrap();
        live
    }

    /// That the broken environment was healthy.
    pub(crate) fn append_event(&mut self) {
        let event = Event {
            environment: Some(EnvironmentId::of(&self.broken, None)),
            before: Some(Status::Healthy),
            after: Some(Status::Broken),
            codes: vec!["pyvenv-cfg-missing".to_owned()],
            text: "why".to_owned(),
            ..Event::new(What::Changed, &self.broken)
        };
        self.writer.append_event(&event).unwrap();
    }

    /// Ends the instance; what is on disk stays.
    pub(crate) fn end(self) -> Home {
        self.home
    }

    /// What the example says in every language.
    pub(crate) fn what_monitors_say(&self) -> String {
        let broken = self.broken.display();
        format!("broken: {broken} (pyvenv-cfg-missing)\nhealthy, then broken: {broken}\n")
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
    for example in ["examples/c/monitor.c", "examples/cpp/monitor.cpp"] {
        let program = Program::of_source(&of_the_project(example), How::Usual);
        let said = live.run(&program, OsStr::new("1"));
        assert_eq!(said, live.what_monitors_say());
    }
    let monitor = libraries().with_file_name("examples").join("monitor");
    if !monitor.exists() {
        assert!(std::env::var_os("CI").is_none(), "the example in Rust is not compiled");
        println!(
            "skipped: the example in Rust is not compiled; `cargo test` without `--test` does"
        );
        return;
    }
    let mut command = live.home.command_of(&monitor);
    command.arg("1").env("AIOS_HOME", live.home.join("data"));
    assert_eq!(succeeded(&command.output().unwrap()), live.what_monitors_say());
}

// Not on Windows: its lines end otherwise.
#[cfg(unix)]
#[test]
fn what_the_page_for_rust_shows_is_in_the_example() {
    let example = fs::read_to_string(of_the_project("examples/rust/monitor.rs")).unwrap();
    let [shown] = &blocks("docs/rust.md", "rust")[..] else { panic!("one block of Rust") };
    assert!(example.contains(shown.as_str()), "{shown}");
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
