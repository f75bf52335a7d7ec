//! The other process of a test in C#: it publishes and appends what it is told, a line each, and answers.

use std::fs;
use std::io::BufRead;
use std::time::SystemTime;

use aios_core::buffer::event::{Event, What};
use aios_core::buffer::{ContextBuffer, Kind, MetricFrame, Options, Writer};
use aios_core::environments::inspection::{Inspected, Limits, Progress, Request, inspect};
use aios_core::publish::environments::{About, encode};
use aios_core::publish::{Published, Publisher, Shape};
use aios_core::segment::Place;
use aios_core::{Depth, EnvironmentId, Host, Status};

use crate::support::{Home, Peer, Venv};

/// Ten thousand environments fit, and each reader of a test finds a slot.
const SHAPE: Shape = Shape { slots: 6, capacity: 4 << 20 };
const RING: Options = Options { chunk_bytes: 4096, chunk_count: 64 };

#[test]
fn does_what_it_is_told() {
    if Peer::role().is_none() {
        // Each test in C# starts it so; by itself it shows that it knows the commands.
        let mut told = Told::begin();
        for (command, answer) in [("publish 3", "1"), ("event", ""), ("rows", "0"), ("stop", "")] {
            assert_eq!(told.answer(command), answer, "{command}");
        }
        return;
    }
    let mut told = Told::begin();
    println!("\n= {}", told.home.path().display());
    for line in std::io::stdin().lock().lines() {
        println!("\n= {}", told.answer(&line.unwrap()));
    }
}

pub(super) struct Told {
    pub(super) home: Home,
    broken: Venv,
    place: Place,
    /// What an inspection of `work` finds: one that is broken, one that is healthy.
    seen: Vec<Inspected>,
    publisher: Option<Publisher>,
    buffer: Option<ContextBuffer>,
    writers: Vec<Writer>,
}

impl Told {
    pub(super) fn begin() -> Told {
        let home = Home::new();
        let broken = home.venv("work/broken/.venv");
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
        let seen = inspect(&host, &request).environments;
        let (publisher, buffer, writers) = (None, None, Vec::new());
        let mut told = Told { home, broken, place, seen, publisher, buffer, writers };
        told.start();
        told
    }

    fn start(&mut self) {
        let buffer = ContextBuffer::create(&self.place, &RING).unwrap();
        self.writers = (0..3).map(|_| buffer.writer().unwrap()).collect();
        self.buffer = Some(buffer);
    }

    pub(super) fn answer(&mut self, command: &str) -> String {
        let mut words = command.splitn(3, ' ');
        let (what, number) = (words.next().unwrap(), words.next());
        let number: usize = number.map_or(0, |number| number.parse().unwrap());
        match what {
            "create" => {
                self.publisher();
            }
            "inspect" => return self.publish(self.seen.clone()),
            "publish" => return self.publish(self.many(number)),
            "event" => {
                let event = self.event();
                self.writers[0].append_event(&event).unwrap();
            }
            "metrics" => {
                let frame = MetricFrame {
                    values: [1.5, 2., 3., 4., 5., 6., -0.25],
                    flag: true,
                    ..MetricFrame::default()
                };
                self.writers[0].append(MetricFrame::KIND, &frame.encode()).unwrap();
            }
            "opaque" => {
                let writer = if number < 3 { number } else { 0 };
                let bytes = words.next().unwrap().as_bytes();
                self.writers[writer].append(Kind::Opaque(number as u16), bytes).unwrap();
            }
            "fill" => {
                for record in 0..number as u64 {
                    // A record that others have no room for is a gap.
                    let _ = self.writers[0].append(Kind::Opaque(1), &record.to_le_bytes());
                }
            }
            "long" => {
                let bytes: Vec<u8> = (0..number).map(|at| (at % 251) as u8).collect();
                self.writers[0].append(Kind::Opaque(2), &bytes).unwrap();
            }
            "rows" => return self.rows().to_string(),
            "repair" => drop(fs::write(self.broken.cfg(), "")),
            "start" => self.start(),
            "stop" => {
                self.writers.clear();
                (self.buffer, self.publisher) = (None, None);
            }
            other => panic!("`{other}` is not known"),
        }
        String::new()
    }

    fn publisher(&mut self) -> &mut Publisher {
        self.publisher.get_or_insert_with(|| Publisher::create(&self.place, SHAPE).unwrap())
    }

    fn publish(&mut self, environments: Vec<Inspected>) -> String {
        let about = About { time: SystemTime::now(), snapshot: Some(7), engine: "0.0.1" };
        let bytes = encode(about, &environments, &[]);
        match self.publisher().publish(&bytes).unwrap() {
            Published::Version(version) => version.to_string(),
            other => format!("{other:?}"),
        }
    }

    /// So many, of which every third one is broken.
    fn many(&self, count: usize) -> Vec<Inspected> {
        let is_broken = |one: &&Inspected| one.status() == Status::Broken;
        let broken = self.seen.iter().find(is_broken).unwrap();
        let healthy = self.seen.iter().find(|one| !is_broken(one)).unwrap();
        (0..count)
            .map(|number| {
                let mut one = if number % 3 == 0 { broken.clone() } else { healthy.clone() };
                one.environment.prefix = format!("/environments/{number}").into();
                one.environment.id = EnvironmentId::of(&one.environment.prefix, None);
                one
            })
            .collect()
    }

    fn event(&self) -> Event {
        Event {
            environment: Some(EnvironmentId::of(&self.broken.prefix, None)),
            before: Some(Status::Healthy),
            after: Some(Status::Broken),
            codes: vec!["pyvenv-cfg-missing".to_owned()],
            text: "why".to_owned(),
            ..Event::new(What::Changed, &self.broken.prefix)
        }
    }

    /// How many rows of readers have an owner, by the bytes that `docs/format.md` has.
    fn rows(&self) -> usize {
        if self.publisher.is_none() || cfg!(not(target_os = "linux")) {
            return 0;
        }
        let name = self.place.name(aios_core::segment::What::Rows);
        let rows = fs::read(format!("/dev/shm/{name}")).unwrap();
        rows[4096..].chunks(64).filter(|row| row[..8] != [0; 8]).count()
    }
}
