use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Served, address, aios, connect, folder};
use crate::support::Home;
use crate::support::system::set_mode;

// Not on Windows: signals, sockets in folders and modes are of Unix.
#[test]
fn signals_end_it_and_remove_its_names() {
    let home = Home::new();
    home.venv("work/.venv");
    // A job in the background of a script has SIGINT ignored, and leaves it so.
    for signal in [Signal::SIGTERM, Signal::SIGINT].into_iter().filter(|one| !is_ignored(*one)) {
        let served = Served::start(&home, &[]);
        let socket = address(&home);
        let found = fs::metadata(&socket).unwrap();
        assert_eq!(found.mode() & 0o777, 0o600);
        let run_folder = fs::metadata(socket.parent().unwrap()).unwrap();
        assert_eq!(run_folder.mode() & 0o777, 0o700);
        kill(Pid::from_raw(served.child.id() as i32), signal).unwrap();
        served.wait_for("ended");
        served.exits_with(0);
        assert!(!socket.exists(), "after {signal}");
    }
    // What says nothing that is to be understood is told so, and what never ends is cut off.
    let _served = Served::start(&home, &[]);
    for (bytes, code) in [(&b"\0\xffgarbage\n"[..], "bad-request"), (&[b'x'; 100_000], "too-long")]
    {
        let mut stream = UnixStream::connect(address(&home)).unwrap();
        // The rest is not taken once it is refused.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut said = String::new();
        let _ = stream.read_to_string(&mut said);
        assert!(said.contains(code) || bytes.len() > 1000 && said.is_empty(), "{said:?}");
    }
    assert!(connect(&home).is_ok());
}

fn is_ignored(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << (signal as i32 - 1)) != 0)
}

/// What another user gets, who can reach the socket because somebody opened the folders: said by this same
/// test in another process.
const ROLE: &str = "AIOS_TEST_STRANGER";

// Not on Windows: users are of Unix.
#[test]
fn another_user_is_refused() {
    if let Some(socket) = std::env::var_os(ROLE) {
        let mut said = String::new();
        match UnixStream::connect(socket) {
            Ok(mut stream) => {
                let _ = stream.write_all(b"{\"version\":1,\"request\":\"status\"}\n");
                let _ = stream.read_to_string(&mut said);
            }
            Err(error) => said = format!("{error:?}"),
        }
        println!("the stranger heard: {said}");
        return;
    }
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can start a process of another user");
        return;
    }
    let home = Home::new();
    home.venv("work/.venv");
    let _served = Served::start(&home, &[]);
    let socket = address(&home);
    let stranger = || {
        // A copy in a place that everybody may enter.
        let program = home.join("stranger");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        set_mode(&program, 0o755);
        let output = Command::new(program)
            .args(["--exact", "service::unix::another_user_is_refused", "--nocapture"])
            .env(ROLE, &socket)
            .uid(65534)
            .gid(65534)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        said.lines().find(|line| line.contains("heard:")).map(str::to_owned).unwrap_or(said)
    };
    set_mode(home.path(), 0o755);
    let said = stranger();
    assert!(said.contains("PermissionDenied"), "{said}");
    // Every door is open, and still only its user is answered.
    for folder in socket.ancestors().skip(1).take_while(|folder| *folder != home.path()) {
        set_mode(folder, 0o755);
    }
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    let said = stranger();
    assert!(said.contains("\"code\":\"not-allowed\""), "{said}");
    assert!(!said.contains("pid"), "{said}");
    assert!(connect(&home).is_ok());
}

// Not on Windows: pipes have short names.
#[test]
fn a_folder_with_a_long_name_has_a_socket() {
    let home = Home::new();
    let long = home.join("n".repeat(100)).join("m".repeat(100));
    let served = |args: &[&str]| {
        let mut command = home.command();
        command.args(args).env("AIOS_HOME", &long);
        command
    };
    let mut child = served(&["serve", "--quiet", "."]).spawn().unwrap();
    let begun = std::time::Instant::now();
    let status = loop {
        let status = served(&["status", "--format", "json"]).output().unwrap();
        if status.status.success() || begun.elapsed() > super::LONG {
            break String::from_utf8(status.stdout).unwrap();
        }
    };
    let stopped = served(&["status", "--stop"]).output().unwrap();
    let ended = child.wait().unwrap();
    if cfg!(target_os = "linux") {
        assert!(status.contains("\"running\":true"), "{status}");
        assert!(stopped.status.success() && ended.success(), "{stopped:?} {ended:?}");
    } else {
        assert_eq!(ended.code(), Some(2));
    }
    // It did not touch what is not its own.
    assert!(aios(&home, &["status"]).code == Some(1) || !folder(&home).exists());
}
