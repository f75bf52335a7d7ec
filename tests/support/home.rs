//! A fabricated home folder, and the program run in it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{Base, Venv, system};

/// A home folder that goes away with the test.
pub(crate) struct Home {
    path: PathBuf,
    /// Whether the program remembers what it sees.
    remembers: bool,
    _folder: tempfile::TempDir,
}

impl Home {
    /// An empty one.
    pub(crate) fn new() -> Home {
        // In memory where that can be: a disk that others use takes a minute for 20,000 folders.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        // Prefixes are reported canonical, and temporary folders may stand behind a link (macOS).
        Home { path: canonical(folder.path()), remembers: true, _folder: folder }
    }

    /// One in which nothing is remembered: for what looks at every file that is written.
    pub(crate) fn forgetful() -> Home {
        Home { remembers: false, ..Home::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        native(&self.path.join(name))
    }

    /// A Python 3.12.3 where uv installs it.
    pub(crate) fn base(&self) -> Base {
        Base::make(&self.join(system::UV_PYTHON), "3.12.3")
    }

    /// A virtual environment of that Python, with a few distributions.
    pub(crate) fn venv(&self, name: impl AsRef<Path>) -> Venv {
        let venv = Venv::make(&self.join(name), &self.base());
        venv.install_usual();
        venv
    }

    /// The program, with nothing of this process's environment.
    pub(crate) fn command(&self) -> Command {
        self.command_after(&[])
    }

    /// The same, started by another program that takes it as its last arguments.
    pub(crate) fn command_after(&self, starter: &[&str]) -> Command {
        let mut words = starter.iter().chain([&env!("CARGO_BIN_EXE_aios")]);
        let mut command = self.command_of(words.next().unwrap().as_ref());
        command.args(words);
        command
    }

    /// Another program, in the same way.
    pub(crate) fn command_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env(system::HOME_VARIABLE, &self.path)
            .current_dir(&self.path)
            .stdin(Stdio::null());
        if !self.remembers {
            command.env("AIOS_HOME", "");
        }
        command
    }

    /// Runs the program.
    pub(crate) fn aios<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Answer {
        Answer::of(self.command().args(args).output().unwrap())
    }
}

/// The path with the separators of this system, as the program prints it.
pub(crate) fn native(path: &Path) -> PathBuf {
    path.components().collect()
}

/// The path without links, as the program prints it.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    aios_core::fs::canonical(path).unwrap()
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    pub(crate) fn of(output: Output) -> Answer {
        let answer = Answer {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        };
        assert!(!answer.stderr.contains("panicked"), "{answer:?}");
        answer
    }

    /// The same, after the exit code was compared.
    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Answer {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Stdout with the separators of paths that the README has.
    pub(crate) fn shown(&self) -> String {
        self.stdout.replace(std::path::MAIN_SEPARATOR, "/")
    }

    /// Stdout as a JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The environment with this prefix.
    #[track_caller]
    pub(crate) fn environment(&self, prefix: &Path) -> serde_json::Value {
        let document = self.json();
        let environments = document["environments"].as_array().expect("an array");
        let prefix = prefix.to_str().expect("UTF-8");
        environments
            .iter()
            .find(|environment| environment["prefix"] == prefix)
            .unwrap_or_else(|| panic!("`{prefix}` is not in {self:?}"))
            .clone()
    }

    /// The codes of the findings of the environment with this prefix, and their severities.
    #[track_caller]
    pub(crate) fn findings(&self, prefix: &Path) -> Vec<(String, String)> {
        let text = |value: &serde_json::Value| value.as_str().expect("a string").to_owned();
        self.environment(prefix)["findings"]
            .as_array()
            .expect("an array")
            .iter()
            .map(|finding| (text(&finding["code"]), text(&finding["severity"])))
            .collect()
    }
}
