//! `aios repair --network allow`, with the pip of a real Python, and a folder in the place of an index.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::python::{Python, succeeds};
use crate::support::{Answer, Home};

const MODULE: &str = "def main():\n    print('it works')\n";

/// An environment with two distributions, and the folder that they came from.
struct Installed {
    home: Home,
    python: Python,
    prefix: PathBuf,
    index: PathBuf,
}

impl Installed {
    /// `None` where there is no such Python.
    fn new() -> Option<Installed> {
        let python = Python::find("3.12")?;
        let home = Home::new();
        let prefix = python.venv(&home, "project/.venv", &[]);
        let index = home.join("index");
        for name in ["first", "second"] {
            python.wheel(&home, &index, name, "1.0", MODULE);
        }
        python.install(&home, &prefix, &index, &["first", "second"]);
        Some(Installed { home, python, prefix, index })
    }

    fn site(&self, name: &str) -> PathBuf {
        self.python.site(&self.prefix).join(name)
    }

    /// `aios repair --yes` with a pip that knows the folder alone.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.command();
        fs::create_dir_all(self.home.join("tmp")).unwrap();
        command
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", &self.index)
            .env("TMPDIR", self.home.join("tmp"))
            .args(["repair", "--yes", "--format", "json", "project/.venv"])
            .args(args);
        command
    }

    fn repair(&self, args: &[&str]) -> Answer {
        let answer = Answer::of(self.command(args).output().unwrap());
        assert!(is_empty(&self.home.join("tmp")), "what was fetched is removed");
        assert!(!self.home.join(".cache").exists(), "nothing outside is written");
        answer
    }

    /// What a command of the environment prints.
    fn prints(&self, command: &str) -> String {
        succeeds(&self.prefix.join("bin").join(command), &self.home, [""; 0])
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

fn hint(answer: &Answer) -> String {
    answer.json()["repairs"][0]["hint"].as_str().unwrap().to_owned()
}

#[test]
fn files_that_nothing_here_has_are_fetched() {
    let Some(installed) = Installed::new() else { return };
    let whole = fs::read(installed.site("first/__init__.py")).unwrap();
    fs::remove_file(installed.site("first/__init__.py")).unwrap();
    fs::write(installed.site("second/data.bin"), "").unwrap();

    let refused = installed.repair(&[]).exits_with(1);
    let command = format!("aios repair --network allow {}", installed.prefix.display());
    assert!(hint(&refused).contains(&command), "{refused:?}");

    let planned = installed.repair(&["--network", "allow", "--dry-run"]).exits_with(1);
    assert_eq!(planned.json()["repairs"][0]["outcome"], "planned");
    assert!(!installed.site("first/__init__.py").exists());
    assert!(!installed.prefix.join(".aios-repair").exists());

    let done = installed.repair(&["--network", "allow"]).exits_with(0);
    assert_eq!(done.json()["repairs"][0]["outcome"], "repaired", "{done:?}");
    assert_eq!(fs::read(installed.site("first/__init__.py")).unwrap(), whole);
    assert_eq!(fs::read(installed.site("second/data.bin")).unwrap(), b"data of second\0");
    assert_eq!(installed.prints("first-tool"), "it works\n");

    installed.repair(&["--undo"]).exits_with(0);
    assert!(!installed.site("first/__init__.py").exists());
    assert_eq!(fs::read(installed.site("second/data.bin")).unwrap(), b"");
}

#[test]
fn one_that_is_not_there_does_not_keep_the_others_from_coming() {
    let Some(installed) = Installed::new() else { return };
    for name in ["first", "second"] {
        fs::remove_file(installed.site(name).join("__init__.py")).unwrap();
    }
    fs::remove_file(installed.index.join("first-1.0-py3-none-any.whl")).unwrap();
    let partly = installed.repair(&["--network", "allow"]).exits_with(1);
    assert_eq!(partly.json()["repairs"][0]["outcome"], "partly");
    assert!(installed.site("second/__init__.py").exists());
    let hint = hint(&partly);
    for words in ["first==1.0", "finds no wheel", "pip wheel first==1.0", "--wheelhouse DIR"] {
        assert!(hint.contains(words), "{words}: {hint}");
    }
}

#[test]
fn nothing_of_the_environment_runs() {
    let Some(installed) = Installed::new() else { return };
    fs::remove_file(installed.site("first/__init__.py")).unwrap();
    let proof = installed.home.join("it-ran");
    let code = format!("open({:?}, 'w')\n", proof.to_str().unwrap());
    fs::write(installed.site("sitecustomize.py"), &code).unwrap();
    let planted = installed.home.join("planted");
    for module in ["pip", "encodings", "shutil"] {
        fs::create_dir_all(planted.join(module)).unwrap();
        fs::write(planted.join(module).join("__init__.py"), &code).unwrap();
    }
    fs::create_dir_all(installed.site("pip")).unwrap();
    fs::write(installed.site("pip/__main__.py"), &code).unwrap();
    // As it is while the environment is active.
    let scripts = installed.prefix.join("bin");
    let mut command = installed.command(&["--network", "allow"]);
    command.env("PATH", &scripts).env("VIRTUAL_ENV", &installed.prefix);
    command.env("PYTHONPATH", &planted).env("PIP_PYTHON", scripts.join("python"));
    let answer = Answer::of(command.output().unwrap());
    assert!(installed.site("first/__init__.py").exists(), "{answer:?}");
    assert!(!proof.exists(), "code of the environment ran");
}
