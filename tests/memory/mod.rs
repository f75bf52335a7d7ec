//! The commands on what is remembered: `aios snapshot` and `aios history`, in fabricated homes.

use std::fs;
use std::path::{Path, PathBuf};

use aios_core::engine::Engine;
use aios_core::{Host, Platform};
use serde_json::{Value, json};

use crate::support::{Answer, Distribution, Home, Venv};

mod damage;
mod errors;
// Not on Windows: the documents have paths and versions of Unix.
#[cfg(unix)]
mod golden;
mod restore;
mod story;
mod upkeep;

/// A home folder, and one environment in it that nobody else changes.
struct Machine {
    home: Home,
    venv: Venv,
}

impl Machine {
    fn new() -> Machine {
        let home = Home::new();
        let venv = home.venv("work/.venv");
        Machine { home, venv }
    }

    /// Where everything is remembered.
    fn memory(&self) -> PathBuf {
        self.home.join("memory")
    }

    /// The program. `args` are separated by blanks.
    fn aios(&self, args: &str) -> Answer {
        let output = self
            .home
            .command()
            .env("AIOS_HOME", self.memory())
            .args(args.split(' '))
            .output()
            .unwrap();
        Answer::of(output)
    }

    /// The document of a command that ends well.
    #[track_caller]
    fn json(&self, args: &str) -> Value {
        self.aios(&format!("{args} --format json")).exits_with(0).json()
    }

    /// What it says to people, with `/` and without line breaks, which depend on the length of names.
    #[track_caller]
    fn text(&self, args: &str) -> String {
        flat(&self.aios(args).exits_with(0).shown())
    }

    /// What other programs write to.
    fn engine(&self) -> Engine {
        let mut host = Host::empty(Platform::CURRENT, self.home.path());
        host.user = Host::current().unwrap().user;
        Engine::open(&host, &self.memory()).unwrap()
    }

    /// The file of the store.
    fn store(&self) -> PathBuf {
        let mut files = fs::read_dir(self.memory().join("context")).unwrap();
        let is_store = |path: &PathBuf| path.extension().is_some_and(|one| one == "aios");
        files.find_map(|entry| Some(entry.unwrap().path()).filter(is_store)).unwrap()
    }

    /// Looks at the environment and keeps what it is.
    #[track_caller]
    fn take(&self) -> Value {
        self.json("snapshot take work")
    }
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const IDNA_4: Distribution<'static> = Distribution {
    name: "idna",
    version: "4.0",
    requires: &[],
    files: &[("idna/__init__.py", b"# another one\n")],
    scripts: &[],
};

fn upgrade_idna(venv: &Venv) {
    for folder in ["idna", "idna-3.7.dist-info"] {
        fs::remove_dir_all(venv.site(folder)).unwrap();
    }
    venv.install(&IDNA_4);
}

/// With its script.
fn remove_webtool(venv: &Venv) {
    for folder in ["webtool", "webtool-1.2.0.dist-info"] {
        fs::remove_dir_all(venv.site(folder)).unwrap();
    }
    fs::remove_file(venv.script("webtool")).unwrap();
}

/// `fact`s follow from the rest; what is left is what happened, as `what how name before after`.
fn happened(changes: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |change: &Value| {
        ["what", "how", "name", "before", "after"].map(|field| text(&change[field])).join(" ")
    };
    let all = changes.as_array().unwrap().iter();
    all.filter(|change| change["what"] != "fact").map(line).collect()
}

fn path_of(value: &Value) -> &Path {
    Path::new(value.as_str().unwrap())
}

fn ids(snapshots: &Value) -> Vec<u64> {
    snapshots.as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect()
}

/// Something that is there, in a list of arrays or objects.
fn has(all: &Value, wanted: &Value) -> bool {
    all.as_array().unwrap().contains(wanted)
}

#[test]
fn a_machine_without_environments_is_remembered_too() {
    let home = Home::new();
    fs::create_dir(home.join("empty")).unwrap();
    let answer = home.aios(["snapshot", "take", "empty", "--format", "json"]).exits_with(0);
    assert_eq!(answer.json()["environments"], json!([]));
    let answer = home.aios(["snapshot", "list"]).exits_with(0);
    assert!(answer.stdout.contains("nothing changed"), "{answer:?}");
}
