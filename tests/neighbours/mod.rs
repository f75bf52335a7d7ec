//! Bad neighbours: whatever stands on a disk beside a healthy environment ends in a problem or a
//! finding, never in a hang, a crash, memory without bounds, or a lost result.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::system::set_mode;
use crate::support::{Answer, Home, Venv};

/// What a user may type for a PATH.
mod arguments;
/// What is not a regular file where one belongs.
mod files;
/// Walks: cycles, crowds, depth, folders that vanish or may not be read.
mod folders;
/// `home` of `pyvenv.cfg`, and interpreters that are none.
mod markers;
/// Names with newlines, escape sequences and bytes that are no text.
mod names;
/// METADATA, RECORD and their like, of any size and content.
mod packages;

/// Longer than any of these runs takes on a slow machine; a hang would last for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// No neighbour may cost more.
const MAX_RESIDENT_KIB: u64 = 100 * 1024;

/// Who runs the program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    /// Whoever runs the tests.
    Us,
    /// Nobody, where the tests run as root: root may read everything.
    Nobody,
}

/// Runs the program, ends it when it hangs, and measures its memory.
fn run(home: &Home, who: As, args: &[&str]) -> Answer {
    run_in(home, home.path(), who, args)
}

fn run_in(home: &Home, folder: &Path, who: As, args: &[&str]) -> Answer {
    // Pipes would have to be emptied meanwhile.
    let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let mut command = home.command();
    if who == As::Nobody && is_root() {
        let program = command.get_program().to_owned();
        command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
        command.env_clear().env("HOME", home.path()).stdin(Stdio::null());
    }
    command.current_dir(folder).args(args);
    command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
    let status = watched(&mut command.spawn().unwrap(), args);
    Answer::of(Output { status, stdout: content(out), stderr: content(err) })
}

fn watched(child: &mut Child, args: &[&str]) -> ExitStatus {
    let (start, mut peak) = (Instant::now(), 0);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.code().is_some(), "{args:?} was ended by {status}");
            assert!(peak < MAX_RESIDENT_KIB, "{args:?} took {peak} KiB");
            return status;
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{args:?} hangs");
        }
        peak = peak.max(resident_kib(child.id()));
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The most memory that the process had so far; nothing where there is no `/proc`.
fn resident_kib(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

fn content(mut file: File) -> Vec<u8> {
    use std::io::{Read, Seek};
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Whether rights can be tested: as root it takes `setpriv`, and a program that others may reach.
fn can_lack_rights() -> bool {
    if !is_root() {
        return true;
    }
    let home = Home::new();
    open_to_all(&home);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    command.arg(env!("CARGO_BIN_EXE_aios")).arg("--version").current_dir(home.path());
    let can = command.output().is_ok_and(|output| output.status.success());
    if !can {
        eprintln!("skipped: root may read everything, and cannot become another user here");
    }
    can
}

/// Lets another user into the temporary folder.
fn open_to_all(home: &Home) {
    set_mode(home.path(), 0o755);
}

/// `check --format json` of everything in the home folder.
fn checked(home: &Home) -> Answer {
    run(home, As::Us, &["check", "--format", "json", "."])
}

/// The one that stands beside, and is fine.
fn healthy(home: &Home) -> Venv {
    home.venv("healthy/.venv")
}

#[track_caller]
fn assert_healthy(answer: &Answer, venv: &Venv) {
    assert_eq!(answer.environment(&venv.prefix)["status"], "healthy", "{answer:?}");
}

/// Whether the path stands in a problem or in a finding, as text of either.
fn is_reported(answer: &Answer, path: &Path) -> bool {
    let text = path.to_str().unwrap();
    let mentions = |value: &Value| value.to_string().contains(text);
    let document = answer.json();
    let environments = document["environments"].as_array().unwrap();
    document["problems"].as_array().unwrap().iter().any(mentions)
        || environments.iter().filter_map(|one| one["findings"].as_array()).flatten().any(mentions)
}

/// The message of the first finding with this code.
#[track_caller]
fn message(answer: &Answer, prefix: &Path, code: &str) -> String {
    let environment = answer.environment(prefix);
    let findings = environment["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["code"] == code);
    finding.unwrap_or_else(|| panic!("no {code} in {environment}"))["message"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A file of this size that takes no room.
fn sparse(path: &Path, bytes: u64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(path).unwrap().set_len(bytes).unwrap();
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn remove(path: &Path) {
    let Ok(metadata) = path.symlink_metadata() else { return };
    if metadata.is_dir() {
        fs::remove_dir_all(path).unwrap()
    } else {
        fs::remove_file(path).unwrap()
    }
}
