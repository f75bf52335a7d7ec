//! Bad neighbours: whatever stands on a disk beside a healthy environment ends in a problem or a
//! finding, never in a hang, a crash, memory without bounds, or a lost result.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Answer, Home, Venv, system};

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
/// Links, special files and rights.
#[cfg(unix)]
mod unix;
/// Files that are held.
#[cfg(windows)]
mod windows;

/// Longer than any of these runs takes on a slow machine; a hang would last for ever.
const PATIENCE: Duration = Duration::from_secs(300);

/// No neighbour may cost more.
const MAX_RESIDENT_KIB: u64 = 100 * 1024;

/// Runs the program, ends it when it hangs, and measures its memory.
fn run(home: &Home, args: &[&str]) -> Answer {
    run_in(home, home.path(), args)
}

fn run_in(home: &Home, folder: &Path, args: &[&str]) -> Answer {
    let mut command = home.command();
    command.current_dir(folder).args(args);
    answer_of(command)
}

/// Starts it, ends it when it hangs, and measures its memory.
fn answer_of(mut command: Command) -> Answer {
    // Pipes would have to be emptied meanwhile.
    let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
    let status = watched(&mut command);
    Answer::of(Output { status, stdout: content(out), stderr: content(err) })
}

fn watched(command: &mut Command) -> ExitStatus {
    let mut child = command.spawn().unwrap();
    let (start, mut peak) = (Instant::now(), 0);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.code().is_some(), "{command:?} was ended by {status}");
            assert!(peak < MAX_RESIDENT_KIB, "{command:?} took {peak} KiB");
            return status;
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{command:?} hangs");
        }
        peak = peak.max(system::resident_kib(child.id()));
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn content(mut file: File) -> Vec<u8> {
    use std::io::{Read, Seek};
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

/// `check --format json` of everything in the home folder.
fn checked(home: &Home) -> Answer {
    run(home, &["check", "--format", "json", "."])
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
    // As JSON has it, without the quotes.
    let text = Value::from(path.to_str().unwrap()).to_string();
    let mentions = |value: &Value| value.to_string().contains(text.trim_matches('"'));
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

fn remove(path: &Path) {
    let Ok(metadata) = path.symlink_metadata() else { return };
    if metadata.is_dir() {
        fs::remove_dir_all(path).unwrap()
    } else {
        fs::remove_file(path).unwrap()
    }
}
