//! Probes of real interpreters, when there are any, and of programs that misbehave.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::sync::{Mutex, PoisonError};

use super::*;

/// A program cannot be started while it is open for writing, and a child that another test forks at
/// that moment has it open.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn limits(time_ms: u64) -> ProbeLimits {
    ProbeLimits { time: Duration::from_millis(time_ms), ..ProbeLimits::default() }
}

fn probe_script(content: &str, limits: &ProbeLimits) -> Result<Probed, ProbeError> {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("python3");
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    probe(&path, limits)
}

const ANSWER: &str = r#"{"version":[3,12,1],"release_level":"final","serial":0,"base_prefix":"/b","implementation":"cpython","abi_flags":"","platform":"linux","machine":"x86_64","bits":64}"#;

#[test]
fn an_interpreter_that_hangs_is_killed_in_time() {
    let started = Instant::now();
    let error = probe_script("#!/bin/sh\nsleep 60\n", &limits(300)).unwrap_err();
    assert!(matches!(error, ProbeError::TimedOut { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_interpreter_that_closes_its_pipes_and_hangs_is_killed_in_time() {
    let script = "#!/bin/sh\nexec >/dev/null 2>&1\nsleep 60\n";
    let error = probe_script(script, &limits(300)).unwrap_err();
    assert!(matches!(error, ProbeError::TimedOut { .. }), "{error}");
}

#[test]
fn a_flood_of_output_ends_at_the_limit() {
    for stream in ["1", "2"] {
        let script = format!("#!/bin/sh\nwhile :; do echo xxxxxxxxxxxxxxxx >&{stream}; done\n");
        let started = Instant::now();
        let error = probe_script(&script, &limits(30_000)).unwrap_err();
        assert!(matches!(error, ProbeError::TooMuchOutput { .. }), "{error}");
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn what_it_leaves_behind_is_killed_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let script =
        format!("#!/bin/sh\nsleep 60 &\necho $! > '{}'\necho '{ANSWER}'\n", pid_file.display());
    let started = Instant::now();
    let probed = probe_script(&script, &limits(10_000)).unwrap();
    assert_eq!(probed.version, [3, 12, 1]);
    assert!(started.elapsed() < Duration::from_secs(8));
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    let status = format!("/proc/{}/stat", pid.trim());
    // The child of a dead parent is reaped by init, which may take a moment.
    let gone = || {
        std::fs::read_to_string(&status)
            .map_or(true, |stat| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")))
    };
    let deadline = Instant::now() + Duration::from_secs(5);
    while !gone() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(gone());
}

#[test]
fn what_is_no_python_is_an_error_that_says_so() {
    let check = |script: &str, expected: &str| {
        let error = probe_script(script, &limits(10_000)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("#!/bin/sh\necho hello\n", "no usable answer");
    check("#!/bin/sh\necho oops >&2\nexit 3\n", "oops");
    check("#!/nowhere/sh\n", "cannot start");
    // The system's `exec` family would give this to a shell.
    check("touch /tmp/should-not-run\n", "is not a program");
    check("", "is not a program");
    let error = probe(Path::new("/nowhere/python"), &limits(1000)).unwrap_err();
    assert!(matches!(error, ProbeError::Unreadable(ref error) if error.is_missing()), "{error}");
    let error = probe(Path::new("python"), &limits(1000)).unwrap_err();
    assert!(matches!(error, ProbeError::Relative(_)), "{error}");
}

#[test]
fn variables_and_input_do_not_reach_it() {
    let script = format!(
        "#!/bin/sh\n[ -z \"$HOME$PYTHONPATH$PYTHONHOME$LD_PRELOAD\" ] || exit 4\nread x && exit 5\n\
         [ \"$(pwd)\" = / ] || exit 6\n[ \"$1 $2 $3\" = '-I -S -c' ] || exit 7\necho '{ANSWER}'\n"
    );
    let probed = probe_script(&script, &limits(10_000)).unwrap();
    assert_eq!(probed.base_prefix, Path::new("/b"));
    assert_eq!(probed.prefix, Path::new("/b"));
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
    }
}

#[test]
fn the_prefix_of_a_virtual_environment_is_found_beside_what_it_says() {
    let Some(python) = pyenv_pythons().into_iter().next_back() else {
        eprintln!("skipped: no interpreters in ~/.pyenv/versions");
        return;
    };
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let home = python.parent().unwrap().display().to_string();
    std::fs::write(folder.path().join("pyvenv.cfg"), format!("home = {home}\n")).unwrap();
    std::os::unix::fs::symlink(&python, bin.join("python")).unwrap();
    let probed = probe(&bin.join("python"), &limits(60_000)).unwrap();
    assert_eq!(probed.prefix, folder.path());
    assert_eq!(probed.base_prefix, python.ancestors().nth(2).unwrap());
}

#[test]
fn probing_nothing_gives_nothing() {
    assert!(probe_all(&[], &ProbeLimits::default()).is_empty());
}
