//! Probes of real interpreters, when there are any, and of programs that misbehave.

use std::sync::{Mutex, PoisonError};

use super::*;
use crate::system::rooted;

#[cfg(unix)]
mod unix;

/// A program cannot be started while it is open for writing, and a child that another test forks at
/// that moment has it open.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn limits(time_ms: u64) -> ProbeLimits {
    ProbeLimits { time: Duration::from_millis(time_ms), ..ProbeLimits::default() }
}

#[test]
fn what_is_no_python_is_an_error_that_says_so() {
    // The system's `exec` family would give this to a shell.
    for content in ["touch /tmp/should-not-run\n", ""] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("python3.exe");
        std::fs::write(&path, content).unwrap();
        let error = probe(&path, &limits(10_000)).unwrap_err().to_string();
        assert!(error.contains("is not a program"), "{error}");
    }
    let error = probe(Path::new(&rooted("/nowhere/python")), &limits(1000)).unwrap_err();
    assert!(matches!(error, ProbeError::Unreadable(ref error) if error.is_missing()), "{error}");
    let error = probe(Path::new("python"), &limits(1000)).unwrap_err();
    assert!(matches!(error, ProbeError::Relative(_)), "{error}");
}

/// Interpreters of pyenv, where there are any.
fn pyenv_pythons() -> Vec<PathBuf> {
    let Some(home) = std::env::home_dir() else { return Vec::new() };
    let versions = home.join(".pyenv/versions");
    let mut pythons: Vec<PathBuf> = fs::list(&versions)
        .unwrap_or_default()
        .iter()
        .map(|entry| versions.join(&entry.name).join("bin/python"))
        .filter(|python| fs::is_file(python))
        .collect();
    pythons.sort();
    pythons
}

#[test]
fn real_interpreters_answer() {
    let pythons = pyenv_pythons();
    if pythons.is_empty() {
        eprintln!("skipped: no interpreters in ~/.pyenv/versions");
        return;
    }
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let results = probe_all(&pythons, &limits(60_000));
    assert_eq!(results.len(), pythons.len());
    for (python, result) in pythons.iter().zip(results) {
        let probed = result.unwrap();
        let prefix = python.ancestors().nth(2).unwrap();
        let name = prefix.file_name().unwrap().to_str().unwrap();
        let [major, minor, micro] = probed.version;
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            assert!(name.starts_with(&format!("{major}.{minor}.{micro}")), "{name}");
            assert_eq!(probed.implementation, "cpython");
        }
        assert_eq!(probed.base_prefix, prefix);
        assert_eq!(probed.prefix, prefix);
        start(python, &limits(60_000), &AtomicBool::new(false)).unwrap();
    }
}

#[test]
fn probing_nothing_gives_nothing() {
    assert!(probe_all(&[], &ProbeLimits::default()).is_empty());
}
