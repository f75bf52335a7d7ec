//! `--verify`: what was repaired is started, and only when that is asked for.
//!
//! Not on Windows: the interpreters are shell scripts; real ones are started in `tests/windows/repair.rs`.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};

use super::{outcome, venv};
use crate::support::python::Python;
use crate::support::{Answer, Home, Venv, system, tree, write};

const NOBODY: u32 = 65534;

/// An environment without `pyvenv.cfg`, whose interpreter is a script that leaves a trace of its start.
struct Planted {
    home: Home,
    venv: Venv,
}

impl Planted {
    fn new(then: &str) -> Planted {
        let home = Home::new();
        let venv = venv(&home);
        let script = format!("#!/bin/sh\necho \"$@\" >> '{}'\n{then}\n", trace(&home).display());
        system::write_program(&venv.base.executable(), script);
        fs::remove_file(venv.cfg()).unwrap();
        Planted { home, venv }
    }

    fn repair(&self, args: &[&str]) -> Answer {
        let always = ["repair", "--yes", "--format", "json", "project/.venv"];
        self.home.aios(always.iter().chain(args))
    }

    /// The arguments of each start.
    fn starts(&self) -> Vec<String> {
        let text = fs::read_to_string(trace(&self.home)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

fn trace(home: &Home) -> PathBuf {
    home.join("started")
}

fn hint(answer: &Answer) -> String {
    answer.json()["repairs"][0]["hint"].as_str().unwrap().to_owned()
}

#[test]
fn nothing_is_started_unasked() {
    let planted = Planted::new("exit 0");
    let verify = |args: &[&str]| planted.home.aios([&["repair", "--verify"], args].concat());
    verify(&["--dry-run", "project/.venv"]).exits_with(2);
    verify(&["--undo", "project/.venv"]).exits_with(2);
    verify(&["--all"]).exits_with(2);
    // What a walk finds was named by nobody.
    let walk = verify(&["--yes", "project"]).exits_with(2);
    assert!(walk.stderr.contains("`project` is none"), "{walk:?}");
    assert!(!planted.venv.cfg().exists(), "nothing was done");
    assert_eq!(outcome(&planted.repair(&["--dry-run"])), "planned");
    let done = planted.repair(&[]).exits_with(0);
    assert_eq!(outcome(&done), "repaired", "{done:?}");
    assert_eq!(done.json()["repairs"][0]["started"], serde_json::Value::Null);
    assert_eq!(outcome(&planted.repair(&[])), "nothing-to-do");
    planted.repair(&["--undo"]).exits_with(0);
    assert_eq!(planted.starts(), [""; 0]);
}

#[test]
fn what_starts_is_kept() {
    let planted = Planted::new("exit 0");
    let done = planted.repair(&["--verify"]).exits_with(0);
    assert_eq!(outcome(&done), "repaired", "{done:?}");
    assert_eq!(done.json()["repairs"][0]["started"], true);
    assert_eq!(planted.starts(), ["-I -B -c pass"]);
    // It is healthy now.
    let healthy = planted.home.aios(["repair", "--verify", "project/.venv"]).exits_with(0);
    assert!(healthy.stdout.contains("its interpreter starts"), "{healthy:?}");
    assert_eq!(planted.starts().len(), 2);
}

#[test]
fn what_does_not_start_is_taken_back_whole() {
    let planted = Planted::new("printf 'first\\n\\033[2Jsecond\\n' >&2; exit 3");
    // The copy of the library comes to light once the marker is back: a second round.
    fs::write(planted.venv.site("idna/core.py"), "").unwrap();
    planted.venv.write_wheels(&planted.home.join("wheels"));
    let wheels = planted.home.join("wheels");
    let args = ["--verify", "--wheelhouse", wheels.to_str().unwrap()];
    let before = tree(&planted.venv.prefix);
    let answer = planted.repair(&args).exits_with(2);
    let one = &answer.json()["repairs"][0];
    assert_eq!(one["outcome"], "failed", "{answer:?}");
    for step in one["steps"].as_array().unwrap() {
        assert_eq!(step["state"], "undone", "{answer:?}");
    }
    assert_eq!(one["started"], false);
    assert_eq!(one["printed"], serde_json::json!(["first", "\u{1b}[2Jsecond"]));
    assert!(one["remaining"].to_string().contains("pyvenv-cfg-missing"), "{answer:?}");
    let hint = hint(&answer);
    assert!(hint.contains("failed (exit status: 3)"), "{hint}");
    assert!(hint.contains("aios repair --recreate"), "{hint}");
    assert_eq!(tree(&planted.venv.prefix), before);
    let human = planted.home.aios([&["repair", "--yes", "project/.venv"], &args[..]].concat());
    assert!(human.stdout.contains("    printed  first\n"), "{human:?}");
    assert!(human.stdout.contains("\\u{1b}[2Jsecond\n"), "{human:?}");
    assert!(!human.stdout.contains('\u{1b}'), "{human:?}");
    planted.repair(&["--undo"]).exits_with(0);
    assert_eq!(tree(&planted.venv.prefix), before, "there was nothing left to undo");

    // Without `--verify` it is kept, and then it is healthy and does not start.
    planted.repair(&args[1..]).exits_with(0);
    let after = tree(&planted.venv.prefix);
    let answer = planted.repair(&["--verify"]).exits_with(1);
    assert_eq!(outcome(&answer), "refused", "{answer:?}");
    assert!(
        self::hint(&answer).contains("its files are whole, but it does not start"),
        "{answer:?}"
    );
    assert_eq!(tree(&planted.venv.prefix), after);
}

#[test]
fn an_interpreter_of_another_user_is_not_started() {
    let planted = Planted::new("exit 0");
    if fs::metadata(&planted.venv.prefix).unwrap().uid() != 0 {
        eprintln!("skipped: only root can give files away");
        return;
    }
    let prefix = &planted.venv.prefix;
    for path in tree(prefix).into_keys().chain([prefix.clone()]) {
        lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let before = tree(prefix);
    let answer = planted.repair(&["--verify"]).exits_with(1);
    assert_eq!(outcome(&answer), "refused", "{answer:?}");
    assert!(hint(&answer).contains("belongs to another user"), "{answer:?}");
    assert_eq!(tree(prefix), before);
    planted.repair(&[]).exits_with(0);
    let healthy = planted.repair(&["--verify"]).exits_with(1);
    assert!(hint(&healthy).contains("belongs to another user"), "{healthy:?}");
    assert_eq!(planted.starts(), [""; 0]);
}

#[test]
fn a_real_interpreter_starts_and_leaves_nothing() {
    let Some(python) = Python::find("3.12") else { return };
    let home = Home::new();
    let prefix = python.venv(&home, "project/.venv", &[]);
    write(&python.site(&prefix).join("imported.py"), "");
    write(&python.site(&prefix).join("imported.pth"), "import imported\n");
    let whole = tree(&prefix);
    let lose = || fs::remove_file(prefix.join("pyvenv.cfg")).unwrap();
    let repair = || home.aios(["repair", "--yes", "--verify", "--format", "json", "project/.venv"]);
    lose();
    let answer = repair().exits_with(0);
    assert_eq!(answer.json()["repairs"][0]["started"], true, "{answer:?}");
    let paths = |tree: &crate::support::Tree| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&tree(&prefix)), paths(&whole), "no bytecode is left");

    lose();
    let ends = "import os; os.write(2, b'no licence'); os._exit(7)\n";
    write(&python.site(&prefix).join("licence.pth"), ends);
    let answer = repair().exits_with(2);
    assert_eq!(answer.json()["repairs"][0]["printed"], serde_json::json!(["no licence"]));
    assert!(!Path::new(&prefix).join("pyvenv.cfg").exists(), "it is taken back");
}
