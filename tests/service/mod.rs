//! The service: `aios serve` and `aios status` as programs, and a day of it as a library.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use aios_core::control::message::{Event, Reply, Request};
use aios_core::control::{Client, Error};
use aios_core::live::instance;
use aios_core::publish::Reader;
use aios_core::publish::environments::Environments;
use aios_core::segment::Place;
use aios_core::{Host, Status};

use crate::support::{Answer, Home, Venv};

mod day;
#[cfg(unix)]
mod unix;

/// Far longer than anything takes: a test fails on what is said, not on when.
const LONG: Duration = Duration::from_secs(60);

/// A service that runs.
struct Served<'a> {
    home: &'a Home,
    child: Child,
    said: Receiver<String>,
}

impl<'a> Served<'a> {
    /// Starts one for the workspace `work`, and waits until it has looked.
    fn start(home: &'a Home, args: &[&str]) -> Served<'a> {
        let served = Served::begin(home, args);
        served.wait_for("watches");
        served
    }

    fn begin(home: &'a Home, args: &[&str]) -> Served<'a> {
        fs::create_dir_all(home.join("work")).unwrap();
        let mut command = home.command();
        command.args(["serve", "work"]).args(args).env("AIOS_HOME", folder(home));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (line, said) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|text| line.send(text))
        });
        Served { home, child, said }
    }

    /// A line with these words.
    #[track_caller]
    fn wait_for(&self, words: &str) -> String {
        let mut before = Vec::new();
        while let Ok(line) = self.said.recv_timeout(LONG) {
            if line.contains(words) {
                return line;
            }
            before.push(line);
        }
        panic!("{words:?} was not said: {before:?}");
    }

    fn client(&self) -> Client {
        connect(self.home).unwrap()
    }

    fn subscribe(&self) -> Client {
        let mut client = self.client();
        assert_eq!(client.ask(&Request::Subscribe, LONG).unwrap(), Reply::Subscribed);
        client
    }

    #[track_caller]
    fn exits_with(mut self, code: i32) {
        let begun = Instant::now();
        while begun.elapsed() < LONG {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert_eq!(
                    status.code(),
                    Some(code),
                    "{:?}",
                    self.said.try_iter().collect::<Vec<_>>()
                );
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end");
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        // A killed one would leave its memory in the names that Linux keeps until somebody removes them.
        if matches!(self.child.try_wait(), Ok(None)) {
            let stop = connect(self.home).and_then(|mut client| client.ask(&Request::Stop, LONG));
            let begun = Instant::now();
            while stop.is_ok()
                && begun.elapsed() < LONG
                && matches!(self.child.try_wait(), Ok(None))
            {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder(home: &Home) -> PathBuf {
    home.join("memory")
}

fn address(home: &Home) -> PathBuf {
    instance::address(&Host::current().unwrap(), &folder(home)).unwrap().unwrap()
}

fn connect(home: &Home) -> Result<Client, Error> {
    Client::connect(&address(home), &Host::current().unwrap().user)
}

/// The program, with the memory of the service.
fn aios(home: &Home, args: &[&str]) -> Answer {
    Answer::of(home.command().env("AIOS_HOME", folder(home)).args(args).output().unwrap())
}

/// The first event for which this is so.
#[track_caller]
fn event(client: &mut Client, is: impl Fn(&Event) -> bool) -> Event {
    let begun = Instant::now();
    let mut others = Vec::new();
    while begun.elapsed() < LONG {
        match client.next(LONG).unwrap() {
            Some(Reply::Event(event)) if is(&event) => return event,
            other => others.push(other),
        }
    }
    panic!("no such event: {others:?}");
}

/// The next event of an environment that ends in this status.
#[track_caller]
fn becomes(client: &mut Client, prefix: &Path, after: &str) -> Event {
    event(client, |event| event.prefix.0 == prefix && event.after == after)
}

/// What the newest state in shared memory says of an environment: its status, and the codes of its findings.
fn pinned(reader: &Reader, prefix: &Path) -> Option<(Status, Vec<String>)> {
    let view = reader.pin().unwrap()?;
    let environments = Environments::of(view.bytes()).unwrap();
    let one =
        environments.iter().find(|one| one.prefix().to_path_buf().as_deref() == Some(prefix))?;
    Some((one.status(), one.findings().map(|finding| finding.code().to_owned()).collect()))
}

#[test]
fn what_changes_on_disk_is_told() {
    let home = Home::new();
    let venv = home.venv("work/api/.venv");
    // Wine does not tell what changes in folders that stood there before they were watched.
    let served = Served::start(&home, if cfg!(windows) { &["--poll"] } else { &[] });
    let mut events = served.subscribe();

    let place = Place::of(&Host::current().unwrap(), &folder(&home)).unwrap();
    let reader = Reader::open(&place).unwrap();
    assert_eq!(pinned(&reader, &venv.prefix), Some((Status::Healthy, Vec::new())));
    // What was made just before it began was looked at twice.
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    fs::remove_file(venv.cfg()).unwrap();
    let missing = (Status::Broken, vec!["pyvenv-cfg-missing".to_owned()]);
    while pinned(&reader, &venv.prefix).as_ref() != Some(&missing) {
        assert!(begun.elapsed() < LONG, "{:?}", pinned(&reader, &venv.prefix));
        std::thread::sleep(Duration::from_millis(1));
    }
    println!(
        "from `rm pyvenv.cfg` to the finding pinned in another process: {:?}",
        begun.elapsed()
    );
    let broken = becomes(&mut events, &venv.prefix, "broken");
    assert_eq!((broken.what.as_str(), broken.before.as_str()), ("changed", "healthy"));
    assert_eq!(broken.codes, ["pyvenv-cfg-missing"]);

    // Others write what is remembered meanwhile, and what the service saw is in there.
    aios(&home, &["repair", "--yes", "work/api/.venv"]).exits_with(0);
    becomes(&mut events, &venv.prefix, "healthy");
    aios(&home, &["check", "work"]).exits_with(0);
    let history = aios(&home, &["history", "work/api/.venv"]).exits_with(0);
    assert!(history.stdout.contains("first seen, healthy"), "{history:?}");

    if cfg!(windows) {
        println!("skipped: under Wine not every folder that comes or goes is told");
        aios(&home, &["status", "--stop"]).exits_with(0);
        served.wait_for("ended");
        served.exits_with(0);
        return;
    }
    // New ones, also deep in folders that are new, and one that is moved there as a whole.
    let base = home.base();
    let new = Venv::make(&home.join("work/new/deep/env"), &base);
    becomes(&mut events, &new.prefix, "healthy");
    let elsewhere = Venv::make(&home.join("elsewhere/one/.venv"), &base);
    fs::rename(home.join("elsewhere/one"), home.join("work/one")).unwrap();
    let moved = home.join("work/one").join(elsewhere.prefix.file_name().unwrap());
    event(&mut events, |event| event.prefix.0 == moved && event.what == "appeared");

    // Gone: by itself, and with the folder above it.
    fs::remove_dir_all(&new.prefix).unwrap();
    event(&mut events, |event| event.prefix.0 == new.prefix && event.what == "gone");
    fs::rename(home.join("work/one"), home.join("elsewhere/two")).unwrap();
    event(&mut events, |event| event.prefix.0 == moved && event.what == "gone");
    // What came back to its place is watched again.
    fs::rename(home.join("elsewhere/two"), home.join("work/one")).unwrap();
    event(&mut events, |event| event.prefix.0 == moved && event.what == "appeared");
    fs::remove_file(moved.join("pyvenv.cfg")).unwrap();
    event(&mut events, |event| {
        event.prefix.0 == moved && event.codes.contains(&"pyvenv-cfg-missing".to_owned())
    });

    // The base takes all that stand on it along.
    fs::remove_dir_all(&base.prefix).unwrap();
    becomes(&mut events, &venv.prefix, "broken");

    let status = aios(&home, &["status", "--format", "json"]).exits_with(0).json();
    assert_eq!(status["running"], true);
    assert_eq!(status["pid"], served.child.id());
    assert!(status["broken"].as_u64() >= Some(1), "{status}");
    assert!(status["watched"].as_u64() >= Some(5) || cfg!(windows), "{status}");
    let refreshed = aios(&home, &["status", "--refresh"]).exits_with(0);
    assert!(refreshed.stdout.contains("looked at"), "{refreshed:?}");
    aios(&home, &["status", "--stop"]).exits_with(0);
    served.wait_for("ended");
    served.exits_with(0);
    aios(&home, &["status"]).exits_with(1);
}

#[test]
fn packages_that_change_are_told_once_they_are_settled() {
    let home = Home::new();
    let venv = home.venv("work/.venv");
    // Without notifications too.
    for args in [&["--poll"][..], &[]] {
        let served = Served::start(&home, args);
        let mut events = served.subscribe();
        let name = format!("added{}", args.len());
        venv.install(&crate::support::Distribution {
            name: &name,
            version: "1.0",
            files: &[("added.py", b"# nothing\n")],
            ..Default::default()
        });
        let told = event(&mut events, |event| event.prefix.0 == venv.prefix);
        assert_eq!((told.before.as_str(), told.after.as_str()), ("healthy", "healthy"), "{told:?}");
        let kept = event(&mut events, |event| event.what == "snapshot-taken");
        let list = aios(&home, &["snapshot", "show", "last", "work/.venv"]).exits_with(0);
        assert!(list.stdout.contains(&name), "snapshot {kept:?}: {list:?}");
    }
}

#[test]
fn one_service_for_each_folder() {
    let home = Home::new();
    home.venv("work/.venv");
    let mut first = Served::start(&home, &[]);
    let pid = first.child.id();
    let second = aios(&home, &["serve", "work"]).exits_with(2);
    assert!(
        second.stderr.contains(&format!("runs already: process {pid}, since 20")),
        "{second:?}"
    );
    assert!(second.stderr.contains("aios status --stop"), "{second:?}");
    // Another folder is another service.
    let other = Home::new();
    other.venv("work/.venv");
    let beside = Served::start(&other, &["--sweep", "1"]);
    assert!(connect(&other).is_ok());
    drop(beside);

    // A killed one leaves its names; the next one takes them over.
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    aios(&home, &["status"]).exits_with(1);
    let third = Served::start(&home, &[]);
    let status = aios(&home, &["status", "--format", "json"]).exits_with(0).json();
    assert_eq!(status["pid"], third.child.id());
    aios(&home, &["status", "--stop"]).exits_with(0);
    third.exits_with(0);
    let left: Vec<_> = fs::read_dir(folder(&home).join("live"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".lock"))
        .collect();
    assert_eq!(left, Vec::<String>::new());

    // What cannot be served.
    let nowhere = aios(&home, &["serve", "no-such-folder"]).exits_with(2);
    assert!(nowhere.stderr.contains("does not exist"), "{nowhere:?}");
    let nothing = home.aios(["serve", "--sweep", "0"]).exits_with(2);
    assert!(nothing.stderr.contains("--sweep"), "{nothing:?}");
}

#[test]
fn requests_and_a_crowd() {
    let home = Home::new();
    let venv = home.venv("work/.venv");
    let elsewhere = home.venv("elsewhere/.venv");
    fs::remove_file(elsewhere.cfg()).unwrap();
    let served = Served::start(&home, &[]);
    let mut client = served.client();
    let check = |client: &mut Client, path: &Path| {
        let reply = client.ask(&Request::Check { path: path.into() }, LONG);
        match reply {
            Ok(Reply::Checked { environments, left_out: 0 }) => Ok(environments),
            Err(Error::Refused { refusal }) => Err(refusal.code),
            other => panic!("{other:?}"),
        }
    };
    let known = check(&mut client, &venv.bin("")).unwrap();
    assert_eq!((known.len(), known[0].status.as_str()), (1, "healthy"), "{known:?}");
    // What is not served is looked at, and not kept.
    let other = check(&mut client, &elsewhere.prefix).unwrap();
    assert_eq!(other[0].codes, ["pyvenv-cfg-missing"]);
    assert_eq!(check(&mut client, &home.join("none")), Err("no-environment".to_owned()));
    let Reply::Snapshot { id } =
        client.ask(&Request::Snapshot { name: Some("by-hand".to_owned()) }, LONG).unwrap()
    else {
        panic!("no snapshot")
    };
    let list = aios(&home, &["snapshot", "list"]).exits_with(0);
    assert!(list.stdout.contains("by-hand"), "{id}: {list:?}");
    let odd = client.ask(&Request::Snapshot { name: Some("../x".to_owned()) }, LONG);
    assert!(matches!(odd, Err(Error::Refused { .. })), "{odd:?}");

    // A thousand that stay: most are refused, and whoever was there before is answered.
    let crowd: Vec<Result<Client, Error>> = (0..1000).map(|_| connect(&home)).collect();
    assert!(client.ask(&Request::Status, LONG).is_ok());
    assert!(crowd.iter().filter(|one| one.is_ok()).count() >= 31);
    drop(crowd);
    let begun = Instant::now();
    while connect(&home).and_then(|mut one| one.ask(&Request::Status, LONG)).is_err() {
        assert!(begun.elapsed() < LONG, "the crowd has gone, and nobody is answered");
    }
}
