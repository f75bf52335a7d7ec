//! The commands of README.md do what it shows.
//!
//! Every line of a `console` block that starts with `$ ` is a command, what follows it is its output.
//! `aios` runs in the home folder of [`home_of_the_readme`]; where output is shown it must be the
//! program's, but for line breaks and the name of the home folder. A `shell-session` is one of a shell,
//! with a real Python: its version and place may be others than those that are shown.

use std::path::Path;
#[cfg(unix)]
use std::{path::PathBuf, process::Command};

use crate::support::{Home, write};

const README: &str = include_str!("../README.md");

/// The only commands that a newcomer needs to type before the program runs.
const SET_UP: [&str; 2] = ["cargo run --release -- check", "cargo test"];

#[test]
fn set_up_is_two_commands() {
    let cargo: Vec<String> = shown("console")
        .into_iter()
        .map(|(command, _)| command)
        .filter(|command| command.starts_with("cargo "))
        .collect();
    assert_eq!(cargo, SET_UP);
}

#[test]
fn every_command_does_what_is_shown() {
    let home = home_of_the_readme();
    let mut compared = 0;
    for (command, expected) in shown("console") {
        let Some(args) = command.strip_prefix("aios ") else {
            assert!(SET_UP.contains(&command.as_str()), "a command that no test runs: {command}");
            continue;
        };
        let here = home.path().to_str().unwrap();
        let args = args.split_whitespace().map(|arg| match arg.strip_prefix('~') {
            Some(rest) => format!("{here}{rest}"),
            None => arg.to_owned(),
        });
        let answer = home.aios(args);
        assert!(matches!(answer.code, Some(0 | 1)), "{command}: {answer:?}");
        // What is shown is the output on Linux: other systems have other places and separators.
        if !expected.trim().is_empty() && cfg!(target_os = "linux") {
            let actual = answer.stdout.replace(here, "/home/you");
            assert_eq!(
                flat(&expected),
                flat(&actual),
                "`{command}` prints something else now:\n{actual}"
            );
            compared += 1;
        }
    }
    assert!(compared >= 3 || !cfg!(target_os = "linux"), "only {compared} outputs were compared");
}

/// Line breaks depend on the length of the home folder's name.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Commands and their output, in the blocks of a language.
fn shown(language: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in README.lines() {
        match line.strip_prefix("$ ") {
            _ if line.starts_with("```") => inside = line.strip_prefix("```") == Some(language),
            Some(command) if inside => found.push((command.to_owned(), String::new())),
            None if inside => {
                let (_, output) = found.last_mut().expect("a block starts with a command");
                output.push_str(line);
                output.push('\n');
            }
            _ => {}
        }
    }
    found
}

// Not on Windows: it has no such shell; what is repaired there is started in `tests/windows/repair.rs`.
#[cfg(unix)]
#[test]
fn a_session_with_a_real_python() {
    let Some(python) = real_python() else { return };
    let home = Home::new();
    let here = home.path().to_str().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_aios")).parent().unwrap();
    let folders = [program, &python.folder, Path::new("/usr/bin"), Path::new("/bin")];
    let session = shown("shell-session");
    assert!(session.len() >= 6, "{session:?}");
    for (command, expected) in session {
        let output = Command::new("/bin/sh")
            .args(["-c", &format!("{command} 2>&1")])
            .env_clear()
            .env("HOME", here)
            .env("PATH", std::env::join_paths(folders).unwrap())
            .current_dir(here)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let place = python.prefix.trim_end_matches('/');
        let said = said.replace(here, "/home/you").replace(place, "/usr");
        let said = said.replace(&python.version, "3.11.2");
        let minor = python.version.rsplit_once('.').unwrap().0;
        let said = said.replace(&format!("python{minor}/"), "python3.11/");
        assert_eq!(flat(&expected), flat(&said), "`{command}` with {python:?}");
    }
}

/// A Python of this machine, which environments can be made from.
#[cfg(unix)]
#[derive(Debug)]
struct RealPython {
    folder: PathBuf,
    prefix: String,
    version: String,
}

/// `None`, with a word to whoever reads the output, where there is none.
#[cfg(unix)]
fn real_python() -> Option<RealPython> {
    const ASK: &str =
        "import sys, venv; print(sys.version.split()[0], sys.prefix, sys.base_prefix)";
    let search = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&search).chain(["/usr/bin".into(), "/usr/local/bin".into()]);
    // A shim asks its tool which Python to start, and that looks into another home folder.
    for folder in folders.filter(|folder| folder.is_absolute() && !folder.ends_with("shims")) {
        let answer = Command::new(folder.join("python3")).args(["-I", "-c", ASK]).output();
        let Ok(answer) = answer else { continue };
        let said = String::from_utf8(answer.stdout).unwrap();
        if let [version, prefix, base] = *said.split_whitespace().collect::<Vec<_>>()
            && prefix == base
        {
            return Some(RealPython { folder, prefix: base.into(), version: version.into() });
        }
    }
    let how = "no `python3` is in PATH: `apt-get install python3`";
    assert!(std::env::var_os("CI").is_none(), "{how}");
    eprintln!("skipped: {how}");
    None
}

/// `~/work` with three environments: one that is healthy, one without `pyvenv.cfg`, one with a
/// package that is damaged.
fn home_of_the_readme() -> Home {
    let home = Home::new();
    home.venv("work/api/.venv");
    let lost = home.venv("work/model/.venv");
    std::fs::remove_file(lost.cfg()).unwrap();
    let damaged = home.venv("work/site/.venv");
    write(&damaged.site("idna/core.py"), "");
    home
}

#[test]
fn words_that_do_not_appear() {
    const WORDS: [&str; 10] = [
        "seamless",
        "robust",
        "comprehensive",
        "enterprise-grade",
        "cutting-edge",
        "blazing",
        "revolutionary",
        "consciousness",
        "self-healing",
        "ai-powered",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/benchmarks.md"] {
        let text = std::fs::read_to_string(root.join(name)).unwrap().to_lowercase();
        for word in WORDS {
            assert!(!text.contains(word), "{name} says \"{word}\"");
        }
    }
}

#[test]
fn architecture_stays_short_and_names_what_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    assert!(text.lines().count() <= 200);
    for word in text.split(['`', '\n', ' ', '(', ')']) {
        let is_path = word.contains('/') && (word.ends_with(".rs") || word.ends_with('/'));
        if is_path && !word.contains(['*', '<']) {
            assert!(root.join(word).exists(), "ARCHITECTURE.md names `{word}`, which is not there");
        }
    }
}
