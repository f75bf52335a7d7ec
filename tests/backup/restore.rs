//! `aios backup restore`, with a real Python: all comes back, or it is said what did not.

use std::fs;
use std::path::{Path, PathBuf};

use aios_core::environments::repair::{Disk, RealDisk};
use serde_json::Value;
use zip::ZipArchive;

use super::wheels::write_tool;
use crate::support::python::{Python, succeeds};
use crate::support::{Answer, Home, tree, write};

const MODULE: &str = "def main():\n    print('it works')\n";

/// A home folder with environments, and a backup of them.
pub(super) struct Machine {
    home: Home,
    python: Python,
    /// Of the whole.
    index: PathBuf,
}

impl Machine {
    /// One environment. `None` where this Python is not.
    pub(super) fn of_one() -> Option<Machine> {
        let python = Python::find("3.12")?;
        let home = Home::forgetful();
        let index = home.join("index");
        for name in ["first", "second"] {
            python.wheel(&home, &index, name, "1.0", MODULE);
        }
        write_tool(&index);
        let machine = Machine { home, python, index };
        machine.environment("work/api/.venv", &[], &["first", "tool"]);
        Some(machine)
    }

    /// Three of them.
    fn new() -> Option<Machine> {
        let machine = Machine::of_one()?;
        let options = ["--copies", "--system-site-packages", "--prompt", "mine"];
        machine.environment("work/odd name/.venv", &options, &["second"]);
        let edited = machine.environment("work/lib/.venv", &[], &["first"]);
        machine.editable(&edited);
        Some(machine)
    }

    fn environment(&self, name: &str, options: &[&str], installed: &[&str]) -> PathBuf {
        let prefix = self.python.venv(&self.home, name, options);
        self.python.install(&self.home, &prefix, &self.index, installed);
        prefix
    }

    /// As `pip install -e` leaves it.
    fn editable(&self, prefix: &Path) {
        let project = self.home.join("work/lib");
        write(&project.join("src/edited.py"), MODULE);
        let site = self.python.site(prefix);
        let info = site.join("edited-0.1.dist-info");
        write(&site.join("__editable__.edited-0.1.pth"), format!("{}/src\n", project.display()));
        write(&info.join("METADATA"), "Metadata-Version: 2.1\nName: edited\nVersion: 0.1\n");
        write(
            &info.join("WHEEL"),
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        );
        write(&info.join("INSTALLER"), "pip\n");
        let url = format!("file://{}", project.display());
        write(
            &info.join("direct_url.json"),
            format!("{{\"dir_info\": {{\"editable\": true}}, \"url\": \"{url}\"}}"),
        );
        let files = ["METADATA", "WHEEL", "INSTALLER", "direct_url.json", "RECORD"];
        let lines = files.map(|name| format!("edited-0.1.dist-info/{name},,\n")).concat();
        write(&info.join("RECORD"), format!("__editable__.edited-0.1.pth,,\n{lines}"));
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    pub(super) fn back_up(&self) {
        self.home.aios(["backup", "create", "before.aiosb", "work", "--wheels"]).exits_with(0);
    }

    /// Another home folder, with the backup and the projects in it, and Pythons where pyenv has them.
    pub(super) fn later(&self, with_python: bool) -> Home {
        let later = Home::forgetful();
        fs::copy(self.home.join("before.aiosb"), later.join("before.aiosb")).unwrap();
        write(&later.join("work/lib/src/edited.py"), MODULE);
        if with_python {
            let version = self.python.executable.ancestors().nth(2).unwrap();
            let versions = later.join(".pyenv/versions");
            fs::create_dir_all(&versions).unwrap();
            RealDisk.symlink(version, &versions.join(version.file_name().unwrap())).unwrap();
        }
        later
    }

    fn restore(&self, later: &Home, args: &[&str]) -> Answer {
        let map = format!("{}={}", self.home.path().display(), later.path().display());
        let fixed = ["backup", "restore", "before.aiosb", "--map", &map, "--format", "json"];
        later.aios(fixed.iter().chain(args))
    }

    /// What pip says is installed, with the old home folder in it.
    fn frozen(&self, home: &Home, name: &str) -> String {
        let program = home.join(name).join("bin/python");
        let pip = ["-I", "-m", "pip", "--python", program.to_str().unwrap(), "freeze", "--all"];
        let said = succeeds(&self.python.executable, home, pip);
        said.replace(home.path().to_str().unwrap(), "HOME")
    }
}

const NAMES: [&str; 3] = ["work/api/.venv", "work/lib/.venv", "work/odd name/.venv"];

fn outcomes(answer: &Answer) -> Vec<String> {
    let document = answer.json();
    assert_eq!(document["schema"], "aios.backup-restore/1");
    let all = document["environments"].as_array().unwrap();
    all.iter().map(|one| one["outcome"].as_str().unwrap().to_owned()).collect()
}

fn row(answer: &Answer, at: usize) -> Value {
    answer.json()["environments"][at].clone()
}

#[test]
fn all_of_it_under_another_name_without_network() {
    let Some(machine) = Machine::new() else { return };
    machine.back_up();
    let later = machine.later(true);
    let planned = machine.restore(&later, &["--dry-run"]).exits_with(0);
    assert_eq!(outcomes(&planned), ["planned"; 3]);
    assert!(!later.join("work/api").exists());

    let restored = machine.restore(&later, &[]).exits_with(0);
    assert_eq!(outcomes(&restored), ["exact"; 3], "{restored:?}");
    for name in NAMES {
        assert_eq!(machine.frozen(&machine.home, name), machine.frozen(&later, name));
        let checked = later.aios(["check", "--deep", "--format", "json", name]).exits_with(0);
        let findings = checked.findings(&later.join(name));
        assert!(findings.iter().all(|(_, severity)| severity == "info"), "{findings:?}");
    }
    let run = |program: &str, args: &[&str]| succeeds(&later.join(program), &later, args);
    assert_eq!(run("work/api/.venv/bin/run-tool", &[]), "the command works\n");
    let code = "import edited; edited.main(); print(edited.__file__)";
    let said = run("work/lib/.venv/bin/python", &["-I", "-c", code]);
    assert_eq!(said, format!("it works\n{}\n", later.join("work/lib/src/edited.py").display()));
    let odd = later.join("work/odd name/.venv");
    let cfg = fs::read_to_string(odd.join("pyvenv.cfg")).unwrap();
    assert!(cfg.contains("include-system-site-packages = true") && cfg.contains("mine"), "{cfg}");
    assert!(!odd.join("bin/python").is_symlink());

    // Once more: what is there already is exact, and stays as it is.
    let before = tree(&later.join("work/api/.venv"));
    let again = machine.restore(&later, &[]).exits_with(0);
    assert_eq!(outcomes(&again), ["exact"; 3]);
    assert!(tree(&later.join("work/api/.venv")) == before);
}

#[test]
fn the_active_one_is_active_again() {
    let Some(machine) = Machine::of_one() else { return };
    machine.environment("work/model/.venv", &[], &["first"]);
    let said = |home: &Home, args: &[&str]| {
        let output = home.command().env("AIOS_HOME", home.join("aios")).args(args).output();
        Answer::of(output.unwrap())
    };
    said(&machine.home, &["active", "set", "work/model/.venv"]).exits_with(0);
    said(&machine.home, &["backup", "create", "before.aiosb", "work", "--wheels"]).exits_with(0);
    let later = machine.later(true);
    let map = format!("{}={}", machine.home.path().display(), later.path().display());
    let restore = ["backup", "restore", "before.aiosb", "--map", &map];
    let restored = said(&later, &restore).exits_with(0);
    assert!(
        restored.stderr.contains("~/work/model/.venv is the active environment"),
        "{restored:?}"
    );
    let active = || said(&later, &["active", "--format", "json"]).json();
    assert_eq!(active()["active"]["prefix"], later.join("work/model/.venv").to_str().unwrap());
    // What was chosen since stays.
    let other = machine.python.venv(&later, "work/other", &[]);
    said(&later, &["active", "set", "work/other"]).exits_with(0);
    let restored = said(&later, &restore).exits_with(0);
    assert!(!restored.stderr.contains("active"), "{restored:?}");
    assert_eq!(active()["active"]["prefix"], other.to_str().unwrap());
}

#[test]
fn what_belongs_to_no_distribution_comes_back_or_is_named() {
    let Some(machine) = Machine::of_one() else { return };
    let site = machine.python.site(&machine.home.join("work/api/.venv"));
    let project = machine.home.join("work/lib/src");
    write(&site.join("dev.pth"), format!("{}\n", project.display()));
    write(&site.join("mine.py"), "name = 'mine'\n");
    machine.back_up();
    let later = machine.later(true);
    let restored = machine.restore(&later, &[]).exits_with(0);
    assert_eq!(outcomes(&restored), ["exact"], "{restored:?}");
    let site_of_later = machine.python.site(&later.join("work/api/.venv"));
    let path = fs::read_to_string(site_of_later.join("dev.pth")).unwrap();
    assert_eq!(path, format!("{}\n", later.join("work/lib/src").display()));
    let code = "import edited, mine, first; print(mine.name)";
    let python = later.join("work/api/.venv/bin/python");
    assert_eq!(succeeds(&python, &later, ["-I", "-c", code]), "mine\n");

    // What is too much for a manifest is said twice: here, and there.
    write(&site.join("own/__init__.py"), "name = 'own'\n");
    fs::remove_file(machine.home.join("before.aiosb")).unwrap();
    let create = ["backup", "create", "before.aiosb", "work", "--wheels"];
    let made = machine.home.aios(create).exits_with(0);
    assert!(made.shown().contains("not in the backup: `own`"), "{made:?}");
    let later = machine.later(true);
    let restored = machine.restore(&later, &[]).exits_with(1);
    let said = row(&restored, 0)["differences"].to_string();
    assert_eq!(said, "[\"`own` is missing: it is not in the backup\"]");
    fs::remove_file(machine.python.site(&later.join("work/api/.venv")).join("mine.py")).unwrap();
    let restored = machine.restore(&later, &[]).exits_with(1);
    assert_eq!(row(&restored, 0)["outcome"], "not-restored", "it is not as it was");
}

#[test]
fn what_stands_there_stays_and_what_was_begun_is_made_again() {
    let Some(machine) = Machine::new() else { return };
    machine.back_up();
    let later = machine.later(true);
    write(&later.join("work/api/.venv/mine.txt"), "mine");
    let restored = machine.restore(&later, &[]).exits_with(1);
    assert_eq!(outcomes(&restored), ["not-restored", "exact", "exact"]);
    assert!(row(&restored, 0)["hint"].as_str().unwrap().contains("--replace"), "{restored:?}");
    assert_eq!(fs::read_to_string(later.join("work/api/.venv/mine.txt")).unwrap(), "mine");

    let restored = machine.restore(&later, &["--replace"]).exits_with(0);
    assert_eq!(outcomes(&restored), ["exact"; 3]);
    let aside = later.join("work/api/.venv.aios-old-1/mine.txt");
    assert_eq!(fs::read_to_string(aside).unwrap(), "mine");
    assert!(!later.join("work/lib/.venv.aios-old-1").exists());

    // A kill leaves the mark: made again, and nothing is kept of it.
    let backup = later.aios(["backup", "show", "before.aiosb", "--format", "json"]).json();
    let api = &backup["environments"][0];
    let text = format!("{} {}\n", backup["created"].as_str().unwrap(), api["id"].as_str().unwrap());
    write(&later.join("work/api/.venv/.aios-repair/restoring"), text);
    write(&later.join("work/api/.venv/half.txt"), "half");
    let restored = machine.restore(&later, &[]).exits_with(0);
    assert_eq!(row(&restored, 0)["stands"], "begun");
    assert_eq!(outcomes(&restored), ["exact"; 3]);
    assert!(!later.join("work/api/.venv/half.txt").exists());
    let mut names =
        fs::read_dir(later.join("work/api")).unwrap().map(|one| one.unwrap().file_name());
    assert!(!names.any(|name| name.to_string_lossy().contains("new")));
}

/// Where each of its files is as its RECORD says, only the backup tells that it is another one.
#[test]
fn a_wheel_that_is_not_as_listed_is_not_installed() {
    let Some(machine) = Machine::of_one() else { return };
    machine.back_up();
    let later = machine.later(true);
    let file = later.join("before.aiosb");
    let whole = fs::read(&file).unwrap();
    let mut archive = ZipArchive::new(std::io::Cursor::new(&whole)).unwrap();
    let wheel = archive.file_names().map(|name| name.unwrap().into_owned());
    let wheel = wheel.into_iter().find(|name| name.ends_with("/first-1.0-py3-none-any.whl"));
    let member = archive.by_name(&wheel.unwrap()).unwrap();
    let start = member.data_start().unwrap() as usize;
    let end = start + member.size() as usize;
    drop(member);
    assert_eq!(whole[start..start + 4], *b"PK\x03\x04");
    assert_eq!(whole[end - 22..end - 18], *b"PK\x05\x06");
    // When its first file was changed; how many files it has.
    for at in [start + 10, end - 12] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&file, &damaged).unwrap();
        let restored = machine.restore(&later, &[]).exits_with(1);
        assert_eq!(outcomes(&restored), ["not-restored"]);
        let one = row(&restored, 0);
        assert!(one["why"].as_str().unwrap().contains("does not match its checksum"), "{one}");
        assert!(one["hint"].as_str().unwrap().contains("aios backup verify"), "{one}");
        assert!(!later.join("work/api/.venv").exists());
    }

    fs::write(&file, &whole).unwrap();
    assert_eq!(outcomes(&machine.restore(&later, &[]).exits_with(0)), ["exact"]);
}

#[test]
fn what_cannot_be_is_said() {
    let Some(machine) = Machine::new() else { return };
    let site = machine.python.site(&machine.home.join("work/api/.venv"));
    fs::write(site.join("first/__init__.py"), "# edited\n").unwrap();
    machine.back_up();

    let later = machine.later(false);
    let restored = machine.restore(&later, &[]).exits_with(1);
    assert_eq!(outcomes(&restored), ["not-restored"; 3]);
    let one = row(&restored, 0);
    assert!(one["why"].as_str().unwrap().contains("no Python 3.12"), "{one}");
    assert!(one["hint"].as_str().unwrap().contains("install"), "{one}");
    assert!(!later.join("work/api").exists());

    // No wheel is made of what was edited.
    let later = machine.later(true);
    let restored = machine.restore(&later, &["--to", "x"]);
    assert_eq!(restored.code, Some(2), "--to and --map contradict each other");
    let to = later.join("all");
    let to = to.to_str().unwrap();
    let restored =
        later.aios(["backup", "restore", "before.aiosb", "--to", to, "--format", "json"]);
    let restored = restored.exits_with(1);
    let one = row(&restored, 0);
    assert_eq!(one["outcome"], "differs", "{one}");
    let said: Vec<&str> =
        one["differences"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(said[0], "first 1.0 is missing", "{said:?}");
    assert!(said.len() > 1, "{said:?}");
    assert_eq!(Path::new(one["prefix"].as_str().unwrap()), later.join("all/work/api/.venv"));
}
