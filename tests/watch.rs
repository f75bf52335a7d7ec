//! `aios watch` beside a service that this test plays: lines in a pipe, a screen on a terminal.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime};

use aios_core::buffer::event::{Event, What};
use aios_core::buffer::{ContextBuffer, Kind, Options, Writer};
use aios_core::publish::environments::{About, encode};
use aios_core::publish::{Published, Publisher, Shape};
use aios_core::segment::Place;
use aios_core::{Depth, Status};
use serde_json::Value;

use crate::support::Machine;

#[cfg(unix)]
mod terminal;

impl Machine {
    fn watch(&self, args: &[&str]) -> Command {
        let mut command = self.home.command();
        command.env("AIOS_HOME", self.memory()).arg("watch").args(args);
        command
    }

    /// Begins to publish; ends when it is dropped.
    fn serve(&self) -> Service<'_> {
        self.serve_after(|_| {})
    }

    /// The same, after something was appended that nobody can have read yet.
    fn serve_after(&self, append: impl FnOnce(&mut Writer)) -> Service<'_> {
        fs::create_dir_all(self.memory()).unwrap();
        let place = Place::make(&self.host, &self.memory()).unwrap();
        let options = Options { chunk_count: 16, ..Options::default() };
        let buffer = ContextBuffer::create(&place, &options).unwrap();
        let mut writer = buffer.writer().unwrap();
        append(&mut writer);
        let publisher = Publisher::create(&place, Shape::default()).unwrap();
        Service { machine: self, publisher, writer, _buffer: buffer }
    }
}

struct Service<'a> {
    machine: &'a Machine,
    publisher: Publisher,
    writer: Writer,
    _buffer: ContextBuffer,
}

impl Service<'_> {
    /// Publishes what stands on disk.
    fn publish(&mut self) {
        let work = self.machine.home.join("work");
        let seen = self.machine.look(&[&work], &[], Depth::Usual);
        let about = About { time: SystemTime::now(), snapshot: Some(7), engine: "0.1.0" };
        let bytes = encode(about, &seen.environments, &seen.problems);
        assert!(matches!(self.publisher.publish(&bytes).unwrap(), Published::Version(_)));
    }

    fn tell(&mut self, what: What, path: &Path, after: Status) {
        let event = Event {
            before: Some(Status::Healthy),
            after: Some(after),
            codes: vec!["pyvenv-cfg-missing".to_owned()],
            ..Event::new(what, path)
        };
        self.writer.append_event(&event).unwrap();
    }
}

/// Far longer than anything takes: a test fails on what is said, not on when.
const LONG: Duration = Duration::from_secs(60);

/// The program with a pipe.
struct Lines {
    child: Child,
    /// Without it nobody reads the pipe any more, from the next line on.
    said: Option<Receiver<String>>,
}

impl Lines {
    fn of(mut command: Command) -> Lines {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (line, said) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|text| line.send(text))
        });
        Lines { child, said: Some(said) }
    }

    #[track_caller]
    fn next(&mut self) -> String {
        self.said.as_ref().unwrap().recv_timeout(LONG).expect("it says something")
    }

    #[track_caller]
    fn next_json(&mut self, what: &str) -> Value {
        let line = self.next();
        let value: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert_eq!(
            (&value["schema"], &value["what"]),
            (&"aios.watch/1".into(), &what.into()),
            "{line}"
        );
        value
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn each_change_is_a_line() {
    let machine = Machine::new();
    let (one, two) = (machine.home.venv("work/one/.venv"), machine.home.venv("work/two/.venv"));
    let mut lines = Lines::of(machine.watch(&["--format", "json"]));
    let waiting = lines.next_json("waiting");
    assert!(waiting["reason"].as_str().unwrap().contains("start `aios serve`"), "{waiting}");

    let mut service = machine.serve();
    service.publish();
    // It may be attached before anything is published.
    let mut line = lines.next();
    if line.contains("for the first time") {
        line = lines.next();
    }
    let live: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&live["what"], &live["snapshot"]), (&"live".into(), &7.into()), "{line}");
    let statuses = |live: &Value| -> Vec<(String, String)> {
        let all = live["environments"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        all.iter().map(|one| (text(&one["prefix"]), text(&one["status"]))).collect()
    };
    let of = |venv: &crate::support::Venv, status: &str| {
        (venv.prefix.to_str().unwrap().to_owned(), status.to_owned())
    };
    assert_eq!(statuses(&live), [of(&one, "healthy"), of(&two, "healthy")]);

    fs::remove_file(one.cfg()).unwrap();
    service.publish();
    service.tell(What::Changed, &one.prefix, Status::Broken);
    let changed = lines.next_json("changed");
    assert_eq!(changed["path"], one.prefix.to_str().unwrap());
    assert_eq!((&changed["before"], &changed["after"]), (&"healthy".into(), &"broken".into()));
    assert_eq!(changed["codes"][0], "pyvenv-cfg-missing");

    // The service is started anew: nothing is told twice, and nothing is left out.
    drop(service);
    let waiting = lines.next_json("waiting");
    assert!(waiting["reason"].as_str().unwrap().contains("ended"), "{waiting}");
    let mut service = machine.serve();
    service.tell(What::Gone, &two.prefix, Status::Healthy);
    service.publish();
    let live = loop {
        let line = lines.next();
        if !line.contains("\"waiting\"") {
            break serde_json::from_str::<Value>(&line).unwrap();
        }
    };
    assert_eq!(statuses(&live), [of(&one, "broken"), of(&two, "healthy")]);
    assert_eq!(lines.next_json("gone")["path"], two.prefix.to_str().unwrap());
    service.tell(What::Repaired, &one.prefix, Status::Healthy);
    lines.next_json("repaired");
}

#[test]
fn lines_for_people() {
    let machine = Machine::new();
    let venv = machine.home.venv("work/.venv");
    fs::remove_file(venv.cfg()).unwrap();
    let mut service = machine.serve();
    service.publish();
    // What happened before it began is no change.
    service.tell(What::Appeared, &venv.prefix, Status::Broken);
    let mut lines = Lines::of(machine.watch(&[]));
    let (summary, broken) = (lines.next(), lines.next());
    assert!(summary.ends_with("1 environment: 1 broken"), "{summary}");
    let path = machine.home.join("work/.venv");
    let path = format!(
        "~{}",
        path.to_str().unwrap().strip_prefix(machine.home.path().to_str().unwrap()).unwrap()
    );
    assert!(broken.ends_with(&format!("  broken  {path}  pyvenv-cfg-missing")), "{broken}");
    service.tell(What::Changed, &venv.prefix, Status::Warning);
    let changed = lines.next();
    let expected = format!("  changed  healthy > warning  {path}  pyvenv-cfg-missing");
    assert!(changed.ends_with(&expected), "{changed}");
    // Who reads it has seen enough.
    lines.said = None;
    let begun = Instant::now();
    let ended = loop {
        if let Some(status) = lines.child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < LONG, "it writes to nobody");
        service.tell(What::Changed, &venv.prefix, Status::Warning);
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn what_was_overwritten_is_counted() {
    let machine = Machine::new();
    let venv = machine.home.venv("work/.venv");
    let mut service = machine.serve();
    service.publish();
    let mut lines = Lines::of(machine.watch(&["--format", "json"]));
    lines.next_json("live");
    service.tell(What::Changed, &venv.prefix, Status::Warning);
    lines.next_json("changed");
    drop(service);
    lines.next_json("waiting");
    // Four times what the ring holds.
    let mut service = machine.serve_after(|writer| {
        for _ in 0..128 {
            writer.append(Kind::Opaque(1), &[0; 32 << 10]).unwrap();
        }
    });
    service.publish();
    service.tell(What::Gone, &venv.prefix, Status::Healthy);
    let mut missed = 0;
    loop {
        let line: Value = serde_json::from_str(&lines.next()).unwrap();
        match line["what"].as_str().unwrap() {
            "missed" => missed += line["records"].as_u64().unwrap(),
            "gone" => break,
            what => assert!(["waiting", "live"].contains(&what), "{line}"),
        }
    }
    assert!((90..128).contains(&missed), "{missed}");
}
