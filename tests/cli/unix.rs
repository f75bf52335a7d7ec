use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::support::system::{set_mode, symlink};
use crate::support::{Answer, Home, Venv, write};

// Not on Windows: rights are not modes, and are not judged.
#[test]
fn unreadable_folder() {
    let home = Home::new();
    let venv = home.venv("work/good/.venv");
    let secret = home.join("work/secret");
    fs::create_dir(&secret).unwrap();
    set_mode(&secret, 0o000);
    if fs::read_dir(&secret).is_ok() {
        return eprintln!("skipped: this user may read everything");
    }
    let answer = home.aios(["find", "--format", "json", "work"]).exits_with(0);
    answer.environment(&venv.prefix);
    assert_eq!(answer.json()["problems"][0]["path"], secret.to_str().unwrap());
    set_mode(&secret, 0o700);
}

// Not on Windows: a link takes a right that users lack, and Wine makes none.
#[test]
fn a_link_to_an_environment_is_the_same_environment() {
    let home = Home::new();
    let venv = home.venv("real/.venv");
    symlink(&venv.prefix, home.join("alias")).unwrap();
    let answer = home.aios(["find", "--format", "json", "alias", "real"]).exits_with(0);
    assert_eq!(answer.json()["environments"].as_array().unwrap().len(), 1, "{}", answer.stdout);
    let aliases = &answer.environment(&venv.prefix)["aliases"];
    assert_eq!(aliases[0], home.join("alias").to_str().unwrap());
}

// Not on Windows: a link takes a right that users lack, and Wine makes none.
#[test]
fn a_file_that_environments_share_changes_in_all() {
    let home = Home::new();
    let venvs = ["a", "b"].map(|name| home.venv(format!("work/{name}/.venv")));
    let pool = home.join("pool.py");
    write(&pool, "VALUE = 1\n");
    for venv in &venvs {
        write(&venv.site("shared-1.0.dist-info/METADATA"), "Name: shared\nVersion: 1.0\n");
        let record = "shared/__init__.py,,10\nshared-1.0.dist-info/RECORD,,\n";
        write(&venv.site("shared-1.0.dist-info/RECORD"), record);
        fs::create_dir(venv.site("shared")).unwrap();
        fs::hard_link(&pool, venv.site("shared/__init__.py")).unwrap();
    }
    std::thread::sleep(Duration::from_millis(2_500));
    let check = || home.aios(["check", "--format", "json", "work"]);
    check().exits_with(0);
    check().exits_with(0);
    // In place, by a name outside of both; no folder of theirs changes.
    write(&pool, [0; 10]);
    let answer = check().exits_with(1);
    for venv in &venvs {
        let found = answer.findings(&venv.prefix);
        assert_eq!(found, [("package-file-corrupt".to_owned(), "error".to_owned())]);
    }
}

/// A script that answers as an interpreter would, and leaves a mark.
fn answers_as(venv: &Venv, version: &str, mark: &Path) {
    fs::remove_file(venv.bin("python")).unwrap();
    let script = format!(
        "#!/bin/sh\n: > '{}'\necho '{{\"version\": [{version}], \"release_level\": \"final\", \
         \"serial\": 0, \"base_prefix\": \"{}\", \"implementation\": \"cpython\", \
         \"abi_flags\": \"\", \"platform\": \"linux\", \"machine\": \"x86_64\", \"bits\": 64}}'\n",
        mark.display(),
        venv.base.prefix.display()
    );
    write(&venv.bin("python"), script);
    set_mode(&venv.bin("python"), 0o755);
}

// Not on Windows: what plays the interpreter is a shell script.
#[test]
fn probing_starts_what_is_named_and_nothing_else() {
    let home = Home::new();
    let (named, other) = (home.venv("work/a/.venv"), home.venv("work/b/.venv"));
    let (mark, other_mark) = (home.join("mark"), home.join("other-mark"));
    answers_as(&named, "3, 11, 2", &mark);
    answers_as(&other, "3, 12, 3", &other_mark);

    let answer = home.aios(["find", "--probe", "work"]).exits_with(2);
    assert!(answer.stderr.contains("nothing to start"), "{answer:?}");
    assert!(answer.stdout.contains("~/work/a/.venv") && !mark.exists());

    home.aios(["find", "work/a/.venv"]).exits_with(0);
    assert!(!mark.exists());

    let answer = home.aios(["check", "--format", "json", "--probe", "work/a/.venv"]);
    assert!(mark.exists() && !other_mark.exists());
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let probe = &answer.environment(&named.prefix)["probe"];
    assert_eq!(probe["error"], serde_json::Value::Null);
    assert_eq!(probe["version"], "3.11.2");
    assert_eq!(probe["differs"], serde_json::json!(["version"]));

    let answer = home.aios(["find", "--probe", "work/b/.venv/bin/python"]).exits_with(0);
    assert!(answer.stdout.contains("starts, and says what the files say"), "{answer:?}");

    write(&named.bin("python"), "#!/bin/sh\necho hello\n");
    let answer = home.aios(["find", "--probe", "work/a/.venv"]).exits_with(0);
    assert!(answer.stdout.contains("does not answer: "), "{answer:?}");
}

/// Ctrl-C in the middle of a walk: no half document, exit code 130.
// Not on Windows: there are no signals to send.
#[test]
fn an_interrupt_leaves_no_half_document() {
    let home = Home::new();
    let base = home.base();
    for number in 0..20_000 {
        fs::create_dir_all(home.join(format!("big/{}/{number}", number % 100))).unwrap();
    }
    for number in 0..100 {
        Venv::make(&home.join(format!("big/{number}/venv")), &base);
    }
    // How long a walk takes differs from machine to machine: press at several moments.
    let mut interrupted = 0;
    for wait_ms in (5..200).step_by(5) {
        let child = home
            .command()
            .args(["check", "--format", "json", "--no-cache", "big"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait_ms));
        let pid = rustix::process::Pid::from_child(&child);
        // Gone already: too late, which is one of the cases.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        let answer = Answer::of(child.wait_with_output().unwrap());
        match answer.code {
            // Before the handler was set, the signal ends the program at once.
            None => assert_eq!(answer.stdout, ""),
            Some(130) if answer.stderr.is_empty() => {} // While printing.
            Some(130) => {
                assert_eq!(answer.stdout, "");
                assert!(answer.stderr.starts_with("note: interrupted"), "{answer:?}");
                assert_eq!(answer.stderr.lines().count(), 1, "{answer:?}");
                interrupted += 1;
            }
            Some(0) => {
                answer.json();
                break;
            }
            other => panic!("{other:?}: {answer:?}"),
        }
    }
    assert!(interrupted > 0, "no press came in the middle of the walk");
}
