//! Places of Windows, and what stands in them that is no environment.

use std::fs::{self, OpenOptions};
use std::os::windows::fs::OpenOptionsExt;
use std::process::Command;

use super::pythons::{Pythons, check};
use crate::support::{Answer, Home, write};

/// Whether a junction could be made: not under every Wine.
fn junction(link: &std::path::Path, target: &std::path::Path) -> bool {
    let mut command = Command::new("cmd");
    command.args(["/c", "mklink", "/J"]).arg(link).arg(target);
    let made = command.output().is_ok_and(|output| output.status.success());
    made && fs::symlink_metadata(link).is_ok_and(|metadata| metadata.is_symlink())
}

/// Zero-byte aliases of the Store in `PATH`, which open the Store when they are run.
#[test]
fn aliases_of_the_store_are_no_interpreters() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    let aliases = home.join("AppData/Local/Microsoft/WindowsApps");
    for name in ["python.exe", "python3.exe", "python3.12.exe"] {
        write(&aliases.join(name), "");
    }
    let mut command = home.command();
    command.args(["check", "--format", "json"]);
    // `Path` is how Windows writes it.
    let search = [aliases.clone(), pythons.venv("redirect313").join("Scripts")];
    command.env("Path", std::env::join_paths(search).unwrap());
    command.env("LocalAppData", home.join("AppData/Local"));
    let answer = Answer::of(command.output().unwrap());
    assert!(!answer.stdout.contains("WindowsApps"), "{answer:?}");
    let environment = answer.environment(&pythons.venv("redirect313"));
    assert_eq!(environment["found_by"][0]["source"], "path", "{environment}");
}

/// Where python.org's installer puts a Python for one user.
#[test]
fn an_installation_for_one_user() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    let place = home.join("AppData/Local/Programs/Python/Python313");
    for name in ["python.exe", "pythonw.exe", "python3.dll", "python313.dll", "python313.zip"] {
        let content = fs::read(pythons.base("python313").join(name)).unwrap();
        write(&place.join(name), content);
    }
    fs::create_dir_all(place.join("Lib/site-packages")).unwrap();
    let mut command = home.command();
    command.args(["find", "--format", "json"]).env("LOCALAPPDATA", home.join("AppData/Local"));
    let environment = Answer::of(command.output().unwrap()).environment(&place);
    assert_eq!(environment["version"], "3.13.2");
    assert_eq!(environment["status"], "healthy");
}

/// A folder that points above itself: a walk ends, and an environment behind it is found once.
#[test]
fn junctions() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    let project = home.join("project");
    fs::create_dir_all(&project).unwrap();
    if !junction(&project.join("up"), home.path()) {
        eprintln!("skipped: this Windows makes no junctions");
        return;
    }
    let environment = pythons.venv("redirect311");
    assert!(junction(&project.join(".venv"), &environment));
    let answer = home.aios(["find", "--format", "json", project.to_str().unwrap()]).exits_with(0);
    let found = answer.environment(&environment);
    assert_eq!(found["aliases"][0], project.join(".venv").to_str().unwrap(), "{found}");
    assert_eq!(answer.json()["environments"].as_array().unwrap().len(), 1);
}

/// A file that a running program keeps to itself is a problem, and no finding.
#[test]
fn a_file_that_is_in_use() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    let twin = pythons.twin("redirect313");
    let alone = |path| OpenOptions::new().read(true).write(true).share_mode(0).open(path).unwrap();
    let held = [alone(twin.cfg())];
    let answer = check(&home, &twin.prefix);
    let found = answer.findings(&twin.prefix);
    assert!(found.iter().all(|(_, severity)| severity == "info"), "{found:?}");
    let problems = answer.json()["problems"].to_string();
    assert!(problems.contains("pyvenv.cfg"), "{problems}");
    drop(held);
    for path in [twin.extension(), twin.site(r"wheel\metadata.py")] {
        let _held = alone(path.clone());
        let answer = check(&home, &twin.prefix);
        assert_eq!(answer.findings(&twin.prefix), []);
        assert_eq!(answer.json()["problems"][0]["path"], path.to_str().unwrap(), "{answer:?}");
    }
    // Whether it may be read is no matter: it may be run.
    let _held = alone(twin.scripts("python.exe"));
    assert_eq!(check(&home, &twin.prefix).findings(&twin.prefix), []);
}

/// Settings of the `py` launcher are no environments, and do not disturb.
#[test]
fn settings_of_the_launcher() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    let local = home.join("AppData/Local");
    write(&local.join("py.ini"), "[defaults]\r\npython=3.11\r\n");
    let mut command = home.command();
    command.env("LOCALAPPDATA", &local).env("PY_PYTHON", "3.99").args(["find", "--format", "json"]);
    let answer = Answer::of(command.output().unwrap()).exits_with(0);
    assert_eq!(answer.environment(&pythons.base("python311"))["status"], "healthy");
}
