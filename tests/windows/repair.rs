//! Real environments of Windows, broken and repaired: they start again, and a repair that is taken back
//! leaves every byte as it was.

use std::fs;
use std::path::Path;

use super::pythons::{ENVIRONMENTS, Pythons, Twin, check, run};
use crate::support::{Answer, Home, tree};

/// What an environment that works says: its own prefix, and a package with native code.
const WORKS: &str =
    "import sys, markupsafe._speedups; assert sys.prefix != sys.base_prefix; print(sys.prefix)";

fn repair(home: &Home, prefix: &Path, args: &[&str]) -> Answer {
    let mut command = home.command();
    command.args(["repair", "--yes", "--format", "json"]).args(args).arg(prefix);
    Answer::of(command.output().unwrap())
}

/// Breaks a copy of a real environment, repairs it, and starts it; then takes the repair back.
fn repaired(of: &str, break_it: impl FnOnce(&Pythons, &mut Twin), look: impl FnOnce(&Twin)) {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    let mut twin = pythons.twin(of);
    break_it(&pythons, &mut twin);
    let broken = tree(&twin.prefix);
    check(&home, &twin.prefix).exits_with(1);

    let answer = repair(&home, &twin.prefix, &["--verify"]).exits_with(0);
    assert_eq!(answer.json()["repairs"][0]["outcome"], "repaired", "{of}: {answer:?}");
    assert_eq!(answer.json()["repairs"][0]["started"], true, "{of}: {answer:?}");
    assert_eq!(check(&home, &twin.prefix).findings(&twin.prefix), [], "{of}");
    let here = twin.prefix.to_str().unwrap();
    let works = run(&twin.scripts("python.exe"), &["-c", WORKS]).exits_with(0);
    assert_eq!(works.stdout.trim(), here, "{of}");
    let pip = run(&twin.scripts("pip.exe"), &["--version"]).exits_with(0);
    assert!(pip.stdout.contains(here), "{of}: {pip:?}");
    look(&twin);

    repair(&home, &twin.prefix, &["--undo"]).exits_with(0);
    assert_eq!(tree(&twin.prefix), broken, "{of}: it is taken back");
}

#[test]
fn without_its_marker_it_starts_again() {
    let Some(pythons) = Pythons::here() else { return };
    for (name, base) in ENVIRONMENTS {
        repaired(
            name,
            |_, twin| fs::remove_file(twin.cfg()).unwrap(),
            |twin| {
                let cfg = fs::read_to_string(twin.cfg()).unwrap();
                let home = pythons.base(base).display().to_string();
                assert!(cfg.starts_with(&format!("home = {home}\r\n")), "{name}: {cfg:?}");
                let version = if base == "python311" { "3.11.9" } else { "3.13.2" };
                assert!(cfg.contains(version), "{name}: {cfg:?}");
                assert_eq!(cfg.matches('\n').count(), cfg.matches("\r\n").count(), "{cfg:?}");
            },
        );
    }
}

#[test]
fn its_base_was_moved() {
    for (name, base) in ENVIRONMENTS {
        repaired(
            name,
            |_, twin| twin.edit_cfg(|text| text.replace(base, "Python-of-yesterday")),
            |twin| {
                let cfg = fs::read_to_string(twin.cfg()).unwrap();
                assert!(!cfg.contains("Python-of-yesterday"), "{name}: {cfg}");
            },
        );
    }
}

/// Launchers hold the path of their interpreter between a program and an archive.
#[test]
fn its_launchers_name_another_place() {
    for (name, _) in ENVIRONMENTS {
        let mut old = String::new();
        repaired(
            name,
            |_, twin| {
                old = twin.prefix.file_name().unwrap().to_str().unwrap().to_owned();
                twin.rename(&format!("renamed-{name}"));
            },
            |twin| {
                let wheel = run(&twin.scripts("wheel.exe"), &["version"]).exits_with(0);
                assert!(wheel.stdout.contains("wheel 0.45.1"), "{wheel:?}");
                let activate = fs::read_to_string(twin.scripts("activate.bat")).unwrap();
                assert!(activate.contains(twin.prefix.to_str().unwrap()), "{name}: {activate}");
            },
        );
    }
}

/// Without windows of its own; programs with windows start `pythonw.exe`.
#[test]
fn its_programs_were_taken() {
    let both = ["python.exe", "pythonw.exe"].as_slice();
    let taken = [("redirect311", both), ("redirect313", both)];
    let without_console = ENVIRONMENTS.map(|(name, _)| (name, &both[1..]));
    for (name, programs) in taken.into_iter().chain(without_console) {
        repaired(
            name,
            |_, twin| {
                for program in programs {
                    fs::remove_file(twin.scripts(program)).unwrap();
                }
            },
            |twin| {
                run(&twin.scripts("pythonw.exe"), &["-c", WORKS]).exits_with(0);
            },
        );
    }
}

#[test]
fn one_that_does_not_start_is_left_as_it_was() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    for (name, _) in ENVIRONMENTS {
        let twin = pythons.twin(name);
        let ends = "import os; os.write(2, b'no licence\\r\\n'); os._exit(7)\n";
        fs::write(twin.site("ends.pth"), ends).unwrap();
        fs::remove_file(twin.cfg()).unwrap();
        let broken = tree(&twin.prefix);
        let answer = repair(&home, &twin.prefix, &["--verify"]).exits_with(2);
        assert_eq!(answer.json()["repairs"][0]["outcome"], "failed", "{name}: {answer:?}");
        let printed = serde_json::json!(["no licence"]);
        assert_eq!(answer.json()["repairs"][0]["printed"], printed, "{name}: {answer:?}");
        assert_eq!(tree(&twin.prefix), broken, "{name}");
    }
}

#[test]
fn a_healthy_one_is_not_touched() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    for (name, _) in ENVIRONMENTS {
        let twin = pythons.twin(name);
        let before = tree(&twin.prefix);
        let answer = repair(&home, &twin.prefix, &[]).exits_with(0);
        assert_eq!(answer.json()["repairs"][0]["outcome"], "nothing-to-do", "{name}: {answer:?}");
        assert_eq!(tree(&twin.prefix), before, "{name}");
        assert!(!twin.prefix.join(".aios-repair").exists(), "{name}");
    }
}
