//! Programs that misbehave.
//! Not on Windows: they are shell scripts.

use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use super::*;

fn probe_script(content: &str, limits: &ProbeLimits) -> Result<Probed, ProbeError> {
    with_script(content, |path| probe(path, limits))
}

fn start_script(content: &str, limits: &ProbeLimits) -> Result<(), ProbeError> {
    with_script(content, |path| start(path, limits, &AtomicBool::new(false)))
}

fn with_script<T>(content: &str, run: impl FnOnce(&Path) -> T) -> T {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("python3");
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    run(&path)
}

const ANSWER: &str = r#"{"version":[3,12,1],"release_level":"final","serial":0,"base_prefix":"/b","implementation":"cpython","abi_flags":"","platform":"linux","machine":"x86_64","bits":64}"#;

#[test]
fn an_interpreter_that_hangs_is_killed_in_time() {
    let started = Instant::now();
    let script = "#!/bin/sh\nsleep 60\n";
    for error in [
        probe_script(script, &limits(300)).unwrap_err(),
        start_script(script, &limits(300)).unwrap_err(),
    ] {
        assert!(matches!(error, ProbeError::Run(process::Error::TimedOut { .. })), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_interpreter_that_closes_its_pipes_and_hangs_is_killed_in_time() {
    let script = "#!/bin/sh\nexec >/dev/null 2>&1\nsleep 60\n";
    let error = probe_script(script, &limits(300)).unwrap_err();
    assert!(matches!(error, ProbeError::Run(process::Error::TimedOut { .. })), "{error}");
}

#[test]
fn a_flood_of_output_ends_at_the_limit() {
    for stream in ["1", "2"] {
        let script = format!("#!/bin/sh\nwhile :; do echo xxxxxxxxxxxxxxxx >&{stream}; done\n");
        let started = Instant::now();
        let error = probe_script(&script, &limits(30_000)).unwrap_err();
        assert!(matches!(error, ProbeError::Run(process::Error::TooMuchOutput { .. })), "{error}");
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
fn variables_and_input_do_not_reach_it() {
    let script = format!(
        "#!/bin/sh\n[ -z \"$HOME$PYTHONPATH$PYTHONHOME$LD_PRELOAD\" ] || exit 4\nread x && exit 5\n\
         [ \"$(pwd)\" = / ] || exit 6\n[ \"$1 $2 $3\" = '-I -S -c' ] || exit 7\necho '{ANSWER}'\n"
    );
    let probed = probe_script(&script, &limits(10_000)).unwrap();
    assert_eq!(probed.base_prefix, Path::new("/b"));
    assert_eq!(probed.prefix, Path::new("/b"));
}

#[test]
fn a_start_is_asked_for_nothing_else() {
    let script = "#!/bin/sh\n[ -z \"$HOME$PYTHONPATH$LD_PRELOAD\" ] || exit 4\nread x && exit 5\n\
                  [ \"$(pwd)\" = / ] || exit 6\n[ \"$*\" = '-I -B -c pass' ] || exit 7\necho fine\n";
    start_script(script, &limits(10_000)).unwrap();
    // As Python 2.7 says it.
    let old = "#!/bin/sh\n[ \"$1\" = -I ] && echo 'Unknown option: -I' >&2 && exit 2\n\
               [ \"$*\" = '-E -s -B -c pass' ]\n";
    start_script(old, &limits(10_000)).unwrap();
}

#[test]
fn the_end_of_what_is_printed_is_kept_within_bounds() {
    let printed = |script: &str| match start_script(script, &limits(10_000)) {
        Err(ProbeError::Failed { printed, .. }) => printed,
        other => panic!("{other:?}"),
    };
    assert_eq!(printed("#!/bin/sh\necho one\necho\necho two\nexit 1\n"), ["one", "two"]);
    assert_eq!(printed("#!/bin/sh\necho output\necho error >&2\nexit 1\n"), ["error"]);
    assert_eq!(printed("#!/bin/sh\nkill -9 $$\n"), [""; 0]);
    let long = "#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8 9 10 11; do printf \"$i%01000d\\n\" 0; done >&2\nexit 1\n";
    let long = printed(long);
    assert_eq!(long.len(), 10);
    assert!(long[0].starts_with("20") && long.iter().all(|line| line.len() == 300), "{long:?}");
}

#[test]
fn a_start_is_ended_from_outside() {
    let stop = AtomicBool::new(true);
    let error = with_script("#!/bin/sh\nsleep 60\n", |path| start(path, &limits(60_000), &stop));
    let error = error.unwrap_err();
    assert!(matches!(error, ProbeError::Run(process::Error::Stopped { .. })), "{error}");
}

#[test]
fn scripts_that_are_no_python() {
    let check = |script: &str, expected: &str| {
        let error = probe_script(script, &limits(10_000)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("#!/bin/sh\necho hello\n", "no usable answer");
    check("#!/bin/sh\necho oops >&2\nexit 3\n", "oops");
    check("#!/nowhere/sh\n", "cannot start");
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
