use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::message::{self, Event, MOST_LINE_BYTES, Reply, Request, Status};
use super::*;
use crate::system;
use crate::system::local::Stream;

/// A server whose service answers each snapshot with the next number, and keeps quiet about the rest.
struct Served {
    server: Option<Server>,
    address: PathBuf,
    subscribers: Arc<Subscribers>,
    _folder: tempfile::TempDir,
}

impl Served {
    fn new(limits: Limits) -> Served {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().file_name().unwrap().to_str().unwrap().to_owned();
        let address = address(folder.path(), &name);
        let (asked, requests) = crossbeam_channel::bounded(8);
        std::thread::spawn(move || serve(&requests));
        let status = Status { pid: 7, ..Status::default() };
        let subscribers = Arc::new(Subscribers::default());
        let server = Server::start(
            &address,
            system::user(),
            limits,
            Arc::new(Mutex::new(status)),
            asked,
            Arc::clone(&subscribers),
            Arc::default(),
        );
        Served { server: Some(server.unwrap()), address, subscribers, _folder: folder }
    }

    fn client(&self) -> Client {
        Client::connect(&self.address, &system::user()).unwrap()
    }

    fn stream(&self) -> Stream {
        Stream::connect(&self.address, LONG).unwrap()
    }

    /// What is answered to bytes that no client sends.
    #[track_caller]
    fn refused(&self, bytes: &[u8]) -> String {
        let stream = self.stream();
        let _ = stream.write(bytes, LONG);
        code_of(&stream)
    }
}

fn serve(requests: &Receiver<Asked>) {
    let numbers = AtomicUsize::new(1);
    let mut unanswered = Vec::new();
    while let Ok(asked) = requests.recv() {
        match asked.request {
            Request::Snapshot { .. } => {
                let id = numbers.fetch_add(1, Ordering::Relaxed) as u64;
                let _ = asked.reply.send(Reply::Snapshot { id });
            }
            _ => unanswered.push(asked.reply),
        }
    }
}

#[track_caller]
fn code_of(stream: &Stream) -> String {
    let line = line::Lines::default().next(stream, LONG, LONG).unwrap();
    let line::Line::Whole(line) = line else { panic!("{line:?}") };
    match message::reply(&line) {
        Ok(Reply::Error(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

/// Much longer than anything takes.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn requests_are_answered_one_after_the_other() {
    let served = Served::new(Limits { answer: Duration::from_millis(50), ..Limits::default() });
    let mut client = served.client();
    for id in 1..=3 {
        let reply = client.ask(&Request::Snapshot { name: None }, LONG).unwrap();
        assert_eq!(reply, Reply::Snapshot { id });
    }
    let Reply::Status(status) = client.ask(&Request::Status, LONG).unwrap() else { panic!() };
    assert_eq!(status.pid, 7);
    // The service does not answer this one.
    let refused = client.ask(&Request::Refresh, LONG).unwrap_err();
    assert!(
        matches!(&refused, Error::Refused { refusal } if refusal.code == "busy"),
        "{refused:?}"
    );
    // Nor is this one answered; the stream stays good.
    let not_absolute = Request::Check { path: PathBuf::from("a").as_path().into() };
    let refused = client.ask(&not_absolute, LONG).unwrap_err();
    assert!(
        matches!(&refused, Error::Refused { refusal } if refusal.code == "not-absolute"),
        "{refused:?}"
    );
    assert!(client.ask(&Request::Status, LONG).is_ok());
}

#[test]
fn without_a_server_nobody_listens() {
    let mut served = Served::new(Limits::default());
    assert!(served.client().ask(&Request::Status, LONG).is_ok());
    drop(served.server.take());
    let nobody = Client::connect(&served.address, &system::user());
    assert!(matches!(nobody, Err(Error::NotRunning)), "{nobody:?}");
    let nobody = Client::connect(&served.address.with_file_name("none"), &system::user());
    assert!(matches!(nobody, Err(Error::NotRunning)), "{nobody:?}");
}

#[test]
fn hostile_clients_hold_nobody_up() {
    let short = Duration::from_millis(150);
    let limits = Limits { connections: 6, line: short, idle: short, ..Limits::default() };
    let served = Served::new(limits);
    assert_eq!(served.refused(b"GET / HTTP/1.1\r\n"), "bad-request");
    assert_eq!(served.refused(b"\xff\xfe\0\n"), "bad-request");
    assert_eq!(served.refused(&vec![b'['; MOST_LINE_BYTES * 2]), "too-long");
    // A byte now and then, and nothing at all.
    let slow = served.stream();
    let begun = Instant::now();
    while slow.write(b"{", LONG).is_ok() && begun.elapsed() < LONG {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(code_of(&slow), "timed-out");
    assert_eq!(code_of(&served.stream()), "timed-out");

    // More than there may be: each is told so, and those that are there stay.
    let limits = Limits { connections: 6, ..Limits::default() };
    let served = Served::new(limits);
    let mut first = served.client();
    assert!(first.ask(&Request::Status, LONG).is_ok());
    let many: Vec<Stream> = (0..40).map(|_| served.stream()).collect();
    assert_eq!(code_of(&many[39]), "too-many-connections");
    assert!(first.ask(&Request::Status, LONG).is_ok());
    drop(many);
    let begun = Instant::now();
    while served.client().ask(&Request::Status, LONG).is_err() {
        assert!(begun.elapsed() < LONG, "the places of those who went are not given on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn requests_have_a_pace() {
    let begun = Instant::now();
    let mut pace = server::Pace::new(5, begun);
    let taken = |pace: &mut server::Pace, after_ms, tries| {
        let now = begun + Duration::from_millis(after_ms);
        (0..tries).filter(|_| pace.take(now).is_ok()).count()
    };
    assert_eq!(taken(&mut pace, 0, 20), 5);
    assert_eq!(taken(&mut pace, 1000, 20), 5);
    assert_eq!(taken(&mut pace, 1400, 20), 2);
    // Nobody saves up.
    assert_eq!(taken(&mut pace, 100_000, 20), 5);

    // A pace of almost none: the second request comes too early on any machine.
    let served = Served::new(Limits { requests: 1, ..Limits::default() });
    let mut line = message::line(&Request::Status);
    line.extend(line.clone());
    let stream = served.stream();
    stream.write(&line, LONG).unwrap();
    let mut lines = line::Lines::default();
    let line::Line::Whole(first) = lines.next(&stream, LONG, LONG).unwrap() else { panic!() };
    assert!(message::reply(&first).is_ok());
    let line::Line::Whole(second) = lines.next(&stream, LONG, LONG).unwrap() else { panic!() };
    let Ok(Reply::Error(refusal)) = message::reply(&second) else { panic!("{second:?}") };
    assert_eq!(refusal.code, "too-many-requests");
    // Of each connection by itself.
    assert!(served.client().ask(&Request::Status, LONG).is_ok());
}

#[test]
fn subscribers_are_told_events_and_how_many_they_lost() {
    let limits = Limits { subscribers: 1, quiet: Duration::from_millis(20), ..Limits::default() };
    let mut served = Served::new(limits);
    let mut client = served.client();
    assert_eq!(client.ask(&Request::Subscribe, LONG).unwrap(), Reply::Subscribed);
    let refused = served.client().ask(&Request::Subscribe, LONG).unwrap_err();
    assert!(
        matches!(&refused, Error::Refused { refusal } if refusal.code == "too-many-connections"),
        "{refused:?}"
    );
    assert_eq!(client.next(LONG).unwrap(), Some(Reply::Quiet));
    let event = |at_ms| Event {
        what: "changed".to_owned(),
        at_ms,
        id: "0123".to_owned(),
        prefix: PathBuf::from("/a").as_path().into(),
        before: "healthy".to_owned(),
        after: "broken".to_owned(),
        codes: vec!["pyvenv-cfg-missing".to_owned()],
        ..Event::default()
    };
    // Far more than fit into its queue and into what the system keeps of the stream.
    let told = 20_000;
    for at_ms in 0..told {
        served.subscribers.tell(&event(at_ms));
    }
    let (mut heard, mut lost) = (0, 0);
    while heard + lost < told {
        match client.next(LONG).unwrap() {
            Some(Reply::Event(said)) => {
                assert_eq!(said, event(said.at_ms));
                heard += 1;
            }
            Some(Reply::Lost { events }) => lost += events,
            Some(Reply::Quiet) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(heard + lost, told);
    assert!(heard > 200 && lost > 0, "{heard} heard, {lost} lost");
    // The end of the server ends the stream.
    drop(served.server.take());
    let begun = Instant::now();
    while client.next(LONG).is_ok() {
        assert!(begun.elapsed() < LONG);
    }
}
