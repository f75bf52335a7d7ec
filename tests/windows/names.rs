//! Names of one environment: case, separators, prefixes, length, what is reserved.

use std::fs;
use std::path::{Path, PathBuf};

use super::pythons::{Pythons, check};
use crate::support::{Answer, Home};

/// The environments that `find` reports for these paths.
fn found(home: &Home, paths: &[PathBuf]) -> Vec<serde_json::Value> {
    let mut command = home.command();
    let answer =
        Answer::of(command.args(["find", "--format", "json"]).args(paths).output().unwrap());
    answer.json()["environments"].as_array().expect("an array").clone()
}

#[test]
fn one_environment_by_many_names_is_one() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    let prefix = pythons.venv("redirect311");
    let text = prefix.to_str().unwrap();
    let (drive, rest) = text.split_at(1);
    let names = [
        text.to_owned(),
        format!("{}{rest}", drive.to_lowercase()),
        text.to_uppercase(),
        text.replace('\\', "/"),
        format!(r"\\?\{text}"),
        format!(r"{text}\"),
        format!(r"{text}\Scripts\..\."),
        format!(r"{text}\Scripts\python.exe"),
        format!(r"{text}\scripts\PYTHON.EXE"),
        format!(r"{text}\Lib\site-packages\pip\__init__.py"),
        // A dot or blank at the end of a name is dropped by the system.
        format!("{text}."),
    ]
    .map(PathBuf::from);
    for name in &names {
        let environments = found(&home, std::slice::from_ref(name));
        assert_eq!(environments.len(), 1, "{}: {environments:#?}", name.display());
        assert_eq!(environments[0]["prefix"], text, "{}", name.display());
        assert_eq!(environments[0]["status"], "healthy", "{}", name.display());
    }
    let environments = found(&home, &names);
    assert_eq!(environments.len(), 1, "{environments:#?}");
    assert_eq!(environments[0]["prefix"], text);
    let shown = environments[0].to_string();
    assert!(!shown.contains(r"\\\\?\\"), "{shown}");
}

/// `home` written by a tool in another case, or with the separators of Unix, is the same base.
#[test]
fn home_in_any_spelling() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    for spelling in [str::to_uppercase as fn(&str) -> String, |text| text.replace('\\', "/")] {
        let twin = pythons.twin("redirect311");
        let base = pythons.base("python311");
        twin.edit_cfg(|text| {
            let line = text.lines().next().unwrap();
            let value = line.strip_prefix("home = ").unwrap();
            text.replacen(value, &spelling(value), 1)
        });
        let answer = check(&home, &twin.prefix).exits_with(0);
        assert_eq!(answer.findings(&twin.prefix), []);
        assert_eq!(answer.environment(&twin.prefix)["base_prefix"], base.to_str().unwrap());
    }
}

/// Deeper than the 260 characters that many programs stop at.
#[test]
fn a_path_of_more_than_260_characters() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    let mut twin = pythons.twin("copied-313");
    let mut place = home.path().to_path_buf();
    while place.as_os_str().len() < 400 {
        place.push("a-folder-with-a-rather-long-name");
    }
    let verbatim = |path: &Path| PathBuf::from(format!(r"\\?\{}", path.display()));
    fs::create_dir_all(verbatim(&place)).unwrap();
    let moved = place.join(".venv");
    copy_all(&twin.prefix, &verbatim(&moved));
    twin.rename("gone-far");

    let answer = check(&home, home.path());
    let environment = answer.environment(&moved);
    assert_eq!(environment["version"], "3.13.2", "{environment}");
    let codes: Vec<String> = answer.findings(&moved).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["env-moved"], "{answer:?}");
    assert!(!answer.stdout.contains(r"\\?\"), "{answer:?}");
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_all(&entry.path(), &to),
            false => fs::copy(entry.path(), &to).map(drop).unwrap(),
        }
    }
}

/// `nul` is a device in every folder; asking for it must not hang, nor say that it is an environment.
#[test]
fn reserved_names() {
    let home = Home::new();
    for name in ["nul", "con", "aux.txt", "com1", r"nul\pyvenv.cfg"] {
        let answer = home.aios(["find", "--format", "json", name]);
        assert!(matches!(answer.code, Some(0 | 2)), "{name}: {answer:?}");
        assert!(!answer.stdout.contains("\"prefix\""), "{name}: {answer:?}");
    }
}
