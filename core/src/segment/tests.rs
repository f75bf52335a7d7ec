use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Duration;

use super::alive::{Lock, Process};
use super::*;
use crate::system::named::NAMES_FOLLOW_MEMORY;
use crate::{Host, Platform};

const KIND: Kind = Kind { what: What::State, magic: *b"AIOSTEST", version: 3 };
const BYTES: usize = 1 << 16;

fn place(folder: &Path) -> Place {
    Place::make(&Host::empty(Platform::CURRENT, folder), folder).unwrap()
}

fn create(place: &Place, fits: bool) -> Result<(Segment, Made), Error> {
    Segment::create(place, KIND, BYTES, |_| fits)
}

#[test]
fn names_are_short_and_of_one_instance() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let names = [place(one.path()), place(other.path())].map(|place| place.name(What::State));
    assert_ne!(names[0], names[1]);
    assert_eq!(names[0], place(&one.path().join(".")).name(What::State));
    assert!(names[0].starts_with("aios-") && names[0].ends_with("-state"), "{}", names[0]);

    // macOS allows 31 characters, with the slash before it.
    let mut host = Host::empty(Platform::CURRENT, one.path());
    host.user.uid = host.user.uid.map(|_| u32::MAX);
    let longest = format!("aios-{}-01234567-state", u32::MAX);
    assert!(longest.len() <= 30);
    // Which is the folder of somebody else, where users have numbers.
    match Place::of(&host, one.path()) {
        Err(Error::Foreign { .. }) => assert!(host.user.uid.is_some()),
        named => assert!(named.unwrap().name(What::State).len() <= longest.len()),
    }
}

#[test]
fn what_is_written_is_seen_and_a_name_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let missing = |opened: Result<Segment, Error>| match opened {
        Err(Error::Missing { name }) => assert_eq!(name, place.name(What::State)),
        other => panic!("{other:?}"),
    };
    missing(Segment::open(&place, KIND));
    missing(Segment::open_read_only(&place, KIND));

    let (owner, made) = create(&place, true).unwrap();
    assert_eq!((made, owner.length(), owner.state()), (Made::Fresh, BYTES, State::Making));
    assert!(matches!(Segment::open(&place, KIND), Err(Error::NotReady { .. })));
    owner.memory().store(128, 7, Release);
    owner.set_ready();

    let writer = Segment::open(&place, KIND).unwrap();
    let reader = Segment::open_read_only(&place, KIND).unwrap();
    assert_eq!((writer.length(), reader.length()), (BYTES, BYTES));
    writer.memory().copy_in(200, b"bytes");
    let mut bytes = [0; 5];
    reader.memory().copy_out(200, &mut bytes);
    assert_eq!((reader.memory().load(128, Acquire), &bytes), (7, b"bytes"));
    assert!(!reader.memory().is_writable());
    let store = || reader.memory().store(128, 8, Release);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(store)).is_err());
    assert_eq!(reader.owner(), Some(Process::own()));
    assert!(reader.is_owned(&place).unwrap());

    match create(&place, true) {
        Err(Error::Owned { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    drop(owner);
    assert_eq!((reader.state(), writer.state()), (State::Closed, State::Closed));
    assert!(!reader.is_owned(&place).unwrap());
    drop(writer);
    // What is mapped stays, and there is nothing of that name for others.
    assert_eq!(reader.memory().load(128, Acquire), 7);
    missing(Segment::open(&place, KIND));
    missing(Segment::open_read_only(&place, KIND));
    let (next, made) = create(&place, true).unwrap();
    // Where names last as long as their readers, it is the same memory, and goes on.
    let expected = if NAMES_FOLLOW_MEMORY { (Made::TakenOver, 7) } else { (Made::Fresh, 0) };
    assert_eq!((made, next.memory().load(128, Acquire)), expected);
    assert_eq!(reader.memory().load(128, Acquire), 7);
    next.set_ready();
    assert_eq!(Segment::open(&place, KIND).unwrap().state(), State::Ready);
    drop((next, reader));
    missing(Segment::open(&place, KIND));
    assert_eq!(create(&place, true).unwrap().1, Made::Fresh);
}

#[test]
fn an_opener_waits_for_the_maker() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let (owner, _) = create(&place, true).unwrap();
    std::thread::scope(|scope| {
        let opener = scope.spawn(|| Segment::open_read_only(&place, KIND).unwrap());
        std::thread::sleep(Duration::from_millis(30));
        owner.memory().store(128, 1, Release);
        owner.set_ready();
        assert_eq!(opener.join().unwrap().memory().load(128, Acquire), 1);
    });
}

#[test]
fn what_holds_something_else_is_refused() {
    let check = |kind: Kind, word: Option<(usize, u64)>, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let (owner, _) = create(&place, true).unwrap();
        owner.set_ready();
        if let Some((at, value)) = word {
            owner.memory().store(at, value, Release);
        }
        for opened in [Segment::open(&place, kind), Segment::open_read_only(&place, kind)] {
            let error = opened.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    };
    check(Kind { magic: *b"AIOSELSE", ..KIND }, None, "holds something else");
    check(Kind { version: 4, ..KIND }, None, "has layout 3, and this program reads 4");
    check(KIND, Some((16, BYTES as u64 + 1)), "says that it has 65537 bytes");
    check(KIND, Some((16, 63)), "says that it has 63 bytes");
    check(KIND, Some((16, u64::MAX)), "says that it has 18446744073709551615 bytes");
}

#[test]
fn no_memory_left_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    // Wine keeps what is mapped in a file, and its disk may have the room.
    if cfg!(target_os = "linux") {
        let error = Segment::create(&place, KIND, 1 << 44, |_| true).unwrap_err();
        assert!(matches!(error, Error::Full { .. }), "{error}");
        assert!(matches!(Segment::open(&place, KIND), Err(Error::Missing { .. })));
    }
    assert!(matches!(Segment::private(KIND, usize::MAX >> 1), Err(Error::Full { .. })));
    assert_eq!(Segment::private(KIND, BYTES).unwrap().state(), State::Ready);
    create(&place, true).unwrap();
}

const CHILD: &str = "AIOS_TEST_SEGMENT";

/// Runs this test in another process, which owns a segment and the row 5 until it is killed.
fn start_owner(folder: &Path) -> Child {
    let name = "segment::tests::what_the_dead_owned_is_taken_over";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.next().expect("the child says that it owns").unwrap().contains("owns") {}
    child
}

fn own(folder: &Path) -> ! {
    let place = place(folder);
    let (owner, _) = create(&place, true).unwrap();
    owner.memory().store(128, 77, Release);
    owner.set_ready();
    let _row = Lock::of_row(&place, What::Rows, 5).take().unwrap().unwrap();
    println!("owns");
    // Until it is killed, or the test has ended.
    let _ = std::io::stdin().read_line(&mut String::new());
    std::process::exit(0)
}

#[test]
fn what_the_dead_owned_is_taken_over() {
    if let Some(folder) = std::env::var_os(CHILD) {
        own(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    for (fits, expected) in [(true, (Made::TakenOver, 77)), (false, (Made::Fresh, 0))] {
        let mut child = start_owner(folder.path());
        let seen = Segment::open_read_only(&place, KIND).unwrap();
        let owner = seen.owner().unwrap();
        assert_eq!(owner.pid, child.id());
        let row = Lock::of_row(&place, What::Rows, 5);
        let lives = || {
            assert!(matches!(create(&place, true), Err(Error::Owned { .. })));
            assert!(seen.is_owned(&place).unwrap());
            assert!(row.take_from(owner).unwrap().is_none());
            // Of a process whose number says nothing, the lock does.
            assert!(row.take_from(Process { pid: owner.pid, start: 1 }).unwrap().is_none());
            assert!(row.take_from(Process { pid: u32::MAX, start: 1 }).unwrap().is_none());
        };
        lives();
        #[cfg(unix)]
        {
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
            lives();
        }
        child.kill().unwrap();
        if cfg!(unix) {
            // A zombie, until it is waited for.
            while owner.runs() {
                std::thread::yield_now();
            }
        } else {
            child.wait().unwrap();
        }
        assert!(row.take_from(owner).unwrap().is_some());
        assert!(!seen.is_owned(&place).unwrap());
        let mut taken = create(&place, fits);
        assert_eq!(seen.state(), if fits { State::Ready } else { State::Closed });
        if NAMES_FOLLOW_MEMORY && !fits {
            // Another one cannot have the name while somebody has this one.
            let error = taken.unwrap_err().to_string();
            assert!(error.contains("is still held by its readers"), "{error}");
            drop(seen);
            taken = create(&place, fits);
        }
        let (segment, made) = taken.unwrap();
        assert_eq!((made, segment.memory().load(128, Acquire)), expected);
        child.wait().unwrap();
    }
}

#[test]
fn a_number_that_was_given_again_is_not_its_first_owner() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let own = Process::own();
    assert!(own.runs());
    assert_eq!(Process::of_word(own.to_word()), Some(own));
    assert_eq!(Process::of_word(own.to_word() & !0xffff_ffff), None);
    let before = Process { start: own.start.wrapping_sub(1), ..own };
    let row = Lock::of_row(&place, What::Rows, 0);
    // Nobody holds the lock: the number decides.
    assert!(row.take_from(own).unwrap().is_none());
    let proof = row.take_from(before).unwrap().expect("nobody holds the lock");
    assert!(row.is_held(Some(before)).unwrap());
    drop(proof);
    assert!(!row.is_held(Some(before)).unwrap());
}
