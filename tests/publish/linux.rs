//! What Linux alone shows: other users, and memory that is full.
//!
//! Not on Windows: names are of a session there, and what is mapped is of a file in the user's folder.

use std::os::unix::process::CommandExt;
use std::process::Command;

use aios_core::publish::Error;
use aios_core::segment;

use super::*;

const NOBODY: u32 = 65534;

/// Runs a command of the shell as another user. `None` where this user may not become another.
fn as_nobody(script: &str, path: &Path) -> Option<bool> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return None;
    }
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, "sh"]).arg(path).uid(NOBODY).gid(NOBODY).current_dir("/");
    Some(command.stderr(std::process::Stdio::null()).status().unwrap().success())
}

#[test]
fn another_user_neither_reads_nor_writes_nor_takes_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let mut publisher = Publisher::create(&place, Shape::default()).unwrap();
    publisher.publish(b"state").unwrap();
    let reader = Reader::open(&place).unwrap();
    // Where it would matter least: in a folder that others may enter.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let segment = |what| Path::new("/dev/shm").join(place.name(what));
    let paths = [
        segment(What::State),
        segment(What::Rows),
        place.run_folder(),
        place.run_folder().join("state.lock"),
        place.run_folder().join("rows.0.lock"),
    ];
    for path in &paths {
        assert!(path.exists(), "{}", path.display());
        for script in ["cat \"$1\" || ls \"$1/\"", "echo >>\"$1\"", "rm -rf \"$1\""] {
            let Some(done) = as_nobody(script, path) else { return };
            assert!(!done && path.exists(), "{script} {}", path.display());
        }
    }
    assert_eq!(reader.pin().unwrap().unwrap().bytes(), b"state");
    drop((reader, publisher));

    // Whoever comes first with a name gets nothing from it.
    for what in [What::State, What::Rows] {
        let path = segment(what);
        let made = as_nobody("head -c 100000 /dev/zero >\"$1\" && chmod 666 \"$1\"", &path);
        assert_eq!(made, Some(true));
        let error = Publisher::create(&place, Shape::default()).unwrap_err();
        assert!(matches!(error, Error::Segment(segment::Error::Foreign { .. })), "{error}");
        let error = Reader::open(&place).unwrap_err();
        let is_refused = match &error {
            Error::Segment(segment::Error::Foreign { .. }) => true,
            // Of the rows nobody comes to ask.
            Error::Segment(segment::Error::Missing { .. }) => what == What::Rows,
            _ => false,
        };
        assert!(is_refused, "{error}");
        std::fs::remove_file(path).unwrap();
    }
    Publisher::create(&place, Shape::default()).unwrap();
}

/// In a name space where all shared memory is two mebibytes.
const SMALL: &str = "mount -t tmpfs -o size=2m tmpfs /dev/shm && exec \"$0\" \"$@\"";

#[test]
fn full_memory_is_an_error_and_no_signal() {
    if let Some((_, folder)) = Peer::role() {
        return fill(&place(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("/usr/bin/unshare");
    command.args(["--map-root-user", "--mount", "/bin/sh", "-c", SMALL]);
    command.arg(std::env::current_exe().unwrap());
    let test = "publish::linux::full_memory_is_an_error_and_no_signal";
    command.args(["--exact", test, "--nocapture"]);
    let output = command.envs(Peer::variables("filler", folder.path())).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}\n{said}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("filled 1"), "{said}");
}

fn fill(place: &Place) {
    let error = Publisher::create(place, Shape::default()).unwrap_err();
    assert!(matches!(error, Error::Segment(segment::Error::Full { .. })), "{error}");
    let said = error.to_string();
    assert!(said.contains("no 8437760 bytes of shared memory left for `aios-"), "{said}");
    // Nothing is left of it, and less fits: every byte of it can be written.
    assert_eq!(std::fs::read_dir("/dev/shm").unwrap().count(), 0);
    let shape = Shape { slots: 4, capacity: 400 << 10 };
    let mut publisher = Publisher::create(place, shape).unwrap();
    let reader = Reader::open(place).unwrap();
    let mut views = Vec::new();
    for byte in 1..=4u8 {
        publisher.publish(&vec![byte; shape.capacity]).unwrap();
        views.push(reader.pin().unwrap().unwrap());
    }
    assert!(
        views
            .iter()
            .enumerate()
            .all(|(at, view)| view.bytes().iter().all(|byte| usize::from(*byte) == at + 1))
    );
    // What comes after has no room, and takes none from it.
    std::fs::write("/dev/shm/other", vec![1; 4 << 20]).unwrap_err();
    assert_eq!(publisher.publish(&[9; 10]).unwrap(), Published::NoSlot);
    views.remove(0);
    assert_eq!(publisher.publish(&[9; 10]).unwrap(), Published::Version(5));
    println!("filled 1");
}
