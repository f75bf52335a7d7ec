//! `aios repair` as a user meets it: what it shows, what it changes, and how it is taken back.

use std::fs;
use std::path::Path;

use crate::support::{
    Answer, Base, Breakage, Home, Look, Tree, Venv, breakages, differences, system, tree, write,
};

mod terminal;

/// Every way to break an environment: it is repaired, or what is missing is said.
mod breakages;
/// The disk is full, at every size that it can have.
mod full_disk;
/// Killed at any call that changes the disk.
mod killed;
/// What a repair writes in the layouts of Linux, macOS and Windows.
mod machines;
/// What is remembered of a healthy state is evidence for a plan.
mod remembered;
/// What was repaired is started.
mod verify;

/// An environment that was broken, and wheels of what is installed in it.
struct Broken {
    home: Home,
    venv: Venv,
    look: Look,
    story: String,
}

impl Broken {
    fn of(breakage: &Breakage) -> Broken {
        Broken::by(&[breakage])
    }

    /// In all these ways, one after the other.
    fn by(breakages: &[&Breakage]) -> Broken {
        let home = Home::forgetful();
        let mut venv = home.venv("project/.venv");
        system::tell_version(&venv);
        venv.write_wheels(&home.join("wheels"));
        for breakage in breakages {
            venv = (breakage.apply)(&home, &venv).unwrap_or(venv);
        }
        let stories: Vec<&str> = breakages.iter().map(|breakage| breakage.story).collect();
        let look = breakages.last().map_or(Look::Usual, |breakage| breakage.look);
        Broken { home, venv, look, story: stories.join(", ") }
    }

    fn tree(&self) -> Tree {
        tree(&self.venv.prefix)
    }

    fn repair(&self, more: &[&str]) -> Answer {
        self.run("repair", more)
    }

    fn check(&self) -> Answer {
        self.run("check", &[])
    }

    fn run(&self, command: &str, more: &[&str]) -> Answer {
        let mut process = self.home.command();
        if let Look::Variable(name) = self.look {
            process.env(name, self.home.join("elsewhere"));
        }
        Answer::of(process.arg(command).args(self.arguments(more)).output().unwrap())
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let prefix = self.venv.prefix.to_str().unwrap();
        [prefix, "--format", "json"].iter().chain(more).copied().collect()
    }
}

fn broken_by(stories: &[&str]) -> Broken {
    let of = |story: &&str| breakages().find(|one| one.story == *story).expect("a breakage");
    Broken::by(&stories.iter().map(of).collect::<Vec<_>>())
}

/// An environment that tells its version without `pyvenv.cfg`, as most do.
fn venv(home: &Home) -> Venv {
    let venv = home.venv("project/.venv");
    system::tell_version(&venv);
    venv
}

fn outcome(answer: &Answer) -> String {
    answer.json()["repairs"][0]["outcome"].as_str().unwrap().to_owned()
}

fn repair(home: &Home, args: &[&str]) -> Answer {
    let always = ["repair", "--yes", "--format", "json", "project/.venv"];
    home.aios(always.iter().chain(args).copied())
}

fn is_healthy(home: &Home, venv: &Venv) -> bool {
    let answer = home.aios(["check", "--format", "json", "project/.venv"]);
    answer.findings(&venv.prefix).iter().all(|(_, severity)| severity == "info")
}

#[test]
fn a_marker_is_written_again() {
    type Break = fn(&Venv);
    let broken: [(&str, Break); 6] = [
        ("missing", |venv| fs::remove_file(venv.cfg()).unwrap()),
        ("empty", |venv| fs::write(venv.cfg(), "").unwrap()),
        ("NULs", |venv| fs::write(venv.cfg(), [0; 120]).unwrap()),
        ("byte order mark", |venv| venv.edit_cfg(|text| format!("\u{feff}{text}"))),
        ("no home", |venv| {
            venv.edit_cfg(|text| {
                text.lines().filter(|l| !l.starts_with("home")).map(|l| format!("{l}\n")).collect()
            });
        }),
        ("home is gone", |venv| {
            venv.edit_cfg(|text| {
                let old = text.lines().find(|line| line.starts_with("home")).unwrap().to_owned();
                text.replace(&old, "home = /nowhere/bin") + "# mine\nmy-key = kept\n"
            });
        }),
    ];
    for (story, break_it) in broken {
        let home = Home::new();
        let venv = venv(&home);
        let whole = venv.base.clone();
        break_it(&venv);
        let before = tree(&venv.prefix);
        let answer = repair(&home, &[]).exits_with(0);
        assert_eq!(outcome(&answer), "repaired", "{story}: {}", answer.shown());
        assert!(is_healthy(&home, &venv), "{story}");
        let cfg = fs::read_to_string(venv.cfg()).unwrap();
        let folder = whole.executable().parent().unwrap().display().to_string();
        assert!(cfg.contains(&format!("home = {folder}")), "{story}: {cfg}");
        assert!(cfg.contains("3.12.3"), "{story}: {cfg}");
        if story == "home is gone" {
            assert!(cfg.ends_with("# mine\nmy-key = kept\n"), "{cfg}");
        }
        // Nothing but the marker changed.
        let mut after = tree(&venv.prefix);
        after.remove(&venv.cfg());
        let mut rest = before.clone();
        rest.remove(&venv.cfg());
        assert_eq!(after, rest, "{story}");

        repair(&home, &["--undo"]).exits_with(0);
        assert_eq!(tree(&venv.prefix), before, "{story}: it is taken back");
    }
}

#[test]
fn healthy_environments_are_not_touched() {
    let home = Home::new();
    let (usual, odd) = (venv(&home), home.venv("project/odd, and fine/env"));
    // Odd, and fine: an edited file, no pip, a note.
    fs::write(odd.site("idna/core.py"), "def encode(text):\n    return text\n").unwrap();
    for folder in ["pip", "pip-24.0.dist-info"] {
        fs::remove_dir_all(odd.site(folder)).unwrap();
    }
    for script in ["pip", "pip3"] {
        fs::remove_file(odd.script(script)).unwrap();
    }
    fs::write(odd.prefix.join("note.txt"), "mine").unwrap();
    let all = || {
        let everything = tree(&home.join("project"));
        let modified = |path| fs::symlink_metadata(path).unwrap().modified().unwrap();
        let times: Vec<_> = everything.keys().map(modified).collect();
        (everything, times)
    };
    let before = all();
    let own = [usual.prefix.to_str().unwrap(), odd.prefix.to_str().unwrap()];
    // Without `--yes`: all includes what else is on this machine.
    let of_machine = ["repair", "--all", "--format", "json"];
    let command = |words: &[&str]| home.aios(words);
    for answer in [
        command(&["repair", "--yes", "--format", "json", own[0], own[1]]),
        command(&["repair", "--dry-run", "--format", "json", own[0], own[1]]),
        command(&["repair", "--undo", "--format", "json", own[0], own[1]]),
        command(&["repair", "--resume", "--format", "json", own[0], own[1]]),
        command(&["repair", "--yes", "--format", "json", "project"]),
        command(&of_machine),
    ] {
        for repaired in answer.json()["repairs"].as_array().unwrap() {
            let is_own = own.iter().any(|own| repaired["prefix"] == *own);
            assert!(!is_own || repaired["outcome"] == "nothing-to-do", "{repaired}");
        }
    }
    command(&["repair", "--list", own[0], own[1]]).exits_with(0);
    assert_eq!(differences(&before.0, &all().0), "");
    assert_eq!(before.1, all().1, "when they were modified");
    for prefix in own {
        assert!(!Path::new(prefix).join(".aios-repair").exists());
    }
}

#[test]
fn nothing_is_done_without_leave() {
    let home = Home::new();
    let venv = venv(&home);
    fs::remove_file(venv.cfg()).unwrap();
    let before = tree(&venv.prefix);
    for args in [["--dry-run"].as_slice(), &[]] {
        let command = ["repair", "project/.venv"].iter().chain(args);
        let answer = home.aios(command).exits_with(1);
        assert!(answer.stdout.contains("write-pyvenv-cfg"), "{}", answer.shown());
        assert_eq!(tree(&venv.prefix), before);
        assert!(!venv.prefix.join(".aios-repair").exists());
    }
}

#[test]
fn a_choice_is_the_users() {
    let home = Home::new();
    let venv = venv(&home);
    let base = venv.base.clone();
    // Its base is gone, and two others fit equally well.
    let folder = base.prefix.parent().unwrap().to_path_buf();
    let others: Vec<Base> = ["3.12.4", "3.12.5"]
        .iter()
        .map(|version| {
            let name = base.prefix.file_name().unwrap().to_str().unwrap();
            Base::make(&folder.join(name.replace("3.12.3", version)), version)
        })
        .collect();
    fs::remove_dir_all(&base.prefix).unwrap();
    fs::remove_file(venv.cfg()).unwrap();
    let answer = repair(&home, &[]).exits_with(1);
    assert_eq!(outcome(&answer), "refused", "{}", answer.shown());
    let hint = answer.json()["repairs"][0]["hint"].as_str().unwrap().to_owned();
    for other in &others {
        assert!(hint.contains(&format!("--base {}", other.executable().display())), "{hint}");
    }
    let chosen = others[1].executable();
    let answer = repair(&home, &["--base", chosen.to_str().unwrap()]);
    assert!(is_healthy(&home, &venv), "{}", answer.shown());
    assert!(fs::read_to_string(venv.cfg()).unwrap().contains("3.12.5"));
}

#[test]
fn without_a_base_it_says_what_to_install() {
    let home = Home::new();
    let venv = venv(&home);
    fs::remove_dir_all(&venv.base.prefix).unwrap();
    fs::remove_file(venv.cfg()).unwrap();
    let before = tree(&venv.prefix);
    let answer = repair(&home, &[]).exits_with(1);
    assert_eq!(outcome(&answer), "refused", "{}", answer.shown());
    let hint = answer.json()["repairs"][0]["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("install Python 3.12"), "{hint}");
    assert_eq!(tree(&venv.prefix), before);
}

#[test]
fn the_document_is_as_promised() {
    let home = Home::new();
    let venv = venv(&home);
    fs::remove_file(venv.cfg()).unwrap();
    let document = repair(&home, &["--dry-run"]).exits_with(1).json();
    assert_eq!(document["schema"], "aios.repair/1");
    let one = &document["repairs"][0];
    assert_eq!(one["outcome"], "planned");
    assert_eq!(one["prefix"], venv.prefix.to_str().unwrap());
    assert_eq!(one["steps"][0]["action"], "write-pyvenv-cfg");
    assert_eq!(one["steps"][0]["state"], "planned");
    assert_eq!(one["steps"][0]["paths"][0], venv.cfg().to_str().unwrap());
    assert_eq!(one["remaining"][0]["code"], "pyvenv-cfg-missing");
    let home_of_base = venv.base.executable().parent().unwrap().display().to_string();
    let diff = one["steps"][0]["diff"].as_str().unwrap();
    let start = format!("--- /dev/null\n+++ pyvenv.cfg\n@@ -0,0 +1,5 @@\n+home = {home_of_base}");
    assert!(diff.starts_with(&start), "{diff}");
    assert_eq!(one["running"], serde_json::json!([]));
    let done = repair(&home, &[]).json();
    assert_eq!(done["repairs"][0]["steps"][0]["state"], "done");
    assert_eq!(done["repairs"][0]["steps"][0]["diff"], serde_json::Value::Null);
    assert_eq!(done["repairs"][0]["remaining"], serde_json::json!([]));
}

#[test]
fn repairs_are_listed() {
    let home = Home::new();
    let venv = venv(&home);
    fs::remove_file(venv.cfg()).unwrap();
    repair(&home, &[]).exits_with(0);
    let list = home.aios(["repair", "--list", "project/.venv"]).exits_with(0);
    assert!(list.stdout.contains("done") && list.stdout.contains("write-pyvenv-cfg"));
    let again = repair(&home, &["--resume"]).exits_with(0);
    assert_eq!(outcome(&again), "nothing-to-do");
}

#[test]
fn a_path_that_is_none_is_an_error() {
    let home = Home::new();
    fs::create_dir(home.join("empty")).unwrap();
    for path in ["gone", "empty"] {
        let answer = home.aios(["repair", "--yes", path]).exits_with(2);
        assert!(answer.stderr.contains("hint:"), "{}", answer.shown());
    }
}

/// `venv` of the base as far as activate scripts need it.
fn give_templates(base: &Base, module: &str, activate: &str) {
    let folder = base.library().join("venv");
    write(&folder.join("__init__.py"), module);
    write(&folder.join("scripts/common/activate"), activate);
    write(&folder.join("scripts/common/Activate.ps1"), "# __VENV_PROMPT__\n");
    write(&folder.join("scripts/posix/activate.csh"), "setenv VIRTUAL_ENV __VENV_DIR__\n");
    write(&folder.join("scripts/nt/activate.bat"), "set VIRTUAL_ENV=__VENV_DIR__\r\n");
    if cfg!(windows) {
        write(&folder.join("scripts/nt/venvlauncher.exe"), fs::read(base.executable()).unwrap());
    }
}

const QUOTING: &str = "def quote_ps1(s):\n    s = s.replace(\"'\", \"''\")\n";
const PLAIN: &str = "        context.prompt = '(%s) ' % prompt\n";

#[test]
fn scripts_to_activate_are_written_again() {
    let home = Home::new();
    let venv = venv(&home);
    give_templates(&venv.base, QUOTING, "VIRTUAL_ENV=__VENV_DIR__\nPS1=__VENV_PROMPT__\n");
    venv.edit_cfg(|text| text + "prompt = \"it's $(reboot)\"\n");
    fs::remove_dir_all(venv.bin("")).unwrap();
    let before = tree(&venv.prefix);
    let answer = repair(&home, &[]).exits_with(0);
    let steps = answer.json()["repairs"][0]["steps"].to_string();
    assert!(steps.contains("write-activate"), "{}", answer.shown());
    let text = fs::read_to_string(venv.bin("activate")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "PS1='it'\"'\"'s $(reboot)'");
    let prefix = venv.prefix.display().to_string();
    assert_eq!(lines[0].trim_start_matches("VIRTUAL_ENV=").trim_matches('\''), prefix);
    assert_eq!(fs::read_to_string(venv.bin("Activate.ps1")).unwrap(), "# 'it''s $(reboot)'\n");
    assert_eq!(venv.bin("activate.csh").exists(), !cfg!(windows));
    assert_eq!(venv.bin("activate.bat").exists(), cfg!(windows));
    repair(&home, &["--undo"]).exits_with(0);
    assert_eq!(tree(&venv.prefix), before);
}

#[test]
fn a_prompt_is_never_a_command() {
    let home = Home::new();
    let venv = venv(&home);
    give_templates(&venv.base, PLAIN, "PS1=\"__VENV_PROMPT__\"\n");
    venv.edit_cfg(|text| text + "prompt = '$(reboot)'\n");
    fs::remove_dir_all(venv.bin("")).unwrap();
    repair(&home, &[]).exits_with(0);
    assert_eq!(fs::read_to_string(venv.bin("activate")).unwrap(), "PS1=\"(.venv) \"\n");
}

#[test]
fn without_templates_there_are_no_scripts_to_activate() {
    let home = Home::new();
    let venv = venv(&home);
    give_templates(&venv.base, PLAIN, "");
    fs::remove_file(venv.base.library().join("venv/__init__.py")).unwrap();
    fs::remove_dir_all(venv.bin("")).unwrap();
    let answer = repair(&home, &[]);
    assert!(!answer.stdout.contains("write-activate"), "{}", answer.shown());
    repair(&home, &["--undo"]).exits_with(0);
    let plan = home.aios(["repair", "--dry-run", "project/.venv"]).exits_with(1).shown();
    assert!(plan.contains("activate scripts stay gone"), "{plan}");
    assert!(!venv.bin("activate").exists());
}

#[test]
fn a_plan_shows_what_it_changes() {
    let home = Home::new();
    let venv = venv(&home);
    venv.edit_cfg(|text| {
        let old = text.lines().find(|line| line.starts_with("home")).unwrap().to_owned();
        text.replace(&old, "home = /no\u{1b}[31mwhere/bin")
    });
    let answer = home.aios(["repair", "--dry-run", "project/.venv"]).exits_with(1);
    let shown = answer.shown();
    assert!(shown.contains("      --- pyvenv.cfg\n      +++ pyvenv.cfg\n      @@ -1,"), "{shown}");
    // What a file holds reaches no terminal raw.
    assert!(answer.stdout.contains("      -home = /no\\u{1b}[31mwhere/bin\n"), "{shown}");
    let new = venv.base.executable().parent().unwrap().display().to_string();
    assert!(answer.stdout.contains(&format!("      +home = {new}\n")), "{shown}");
    let colored = home.aios(["repair", "--dry-run", "--color", "always", "project/.venv"]);
    assert!(colored.stdout.contains("\u{1b}[31m-home"), "{}", colored.shown());
}

#[test]
fn all_are_those_of_the_machine() {
    let home = Home::new();
    let (broken, _healthy) = (venv(&home), home.venv("work/.venv"));
    fs::remove_file(broken.cfg()).unwrap();
    let answer = home.aios(["repair", "--all", "--dry-run", "--format", "json"]).exits_with(1);
    let document = answer.json();
    let below: Vec<&str> = document["repairs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["prefix"].as_str())
        .filter(|prefix| Path::new(prefix).starts_with(home.path()))
        .collect();
    assert_eq!(below, [broken.prefix.to_str().unwrap()]);
    assert!(!broken.cfg().exists());
}

#[test]
fn while_another_process_repairs_it() {
    let home = Home::new();
    let venv = venv(&home);
    fs::remove_file(venv.cfg()).unwrap();
    let before = tree(&venv.prefix);
    fs::create_dir(venv.prefix.join(".aios-repair")).unwrap();
    let lock = fs::File::create(venv.prefix.join(".aios-repair/lock")).unwrap();
    lock.lock().unwrap();
    let answer = repair(&home, &[]).exits_with(2);
    assert_eq!(outcome(&answer), "failed");
    assert!(answer.stdout.contains("another repair of"), "{answer:?}");
    assert_eq!(tree(&venv.prefix), before);
    drop(lock);
    repair(&home, &[]).exits_with(0);
}

#[test]
fn a_repair_that_was_interrupted_is_named_with_what_ends_it() {
    let broken = broken_by(&["power was cut while it was repaired"]);
    let said = broken.home.aios(["check", "project/.venv"]).exits_with(1);
    for command in ["aios repair --resume ~/project/.venv", "aios repair --undo ~/project/.venv"] {
        assert!(said.shown().contains(command), "{}", said.shown());
    }
    assert!(!said.shown().contains("with a plan to look at first"), "{}", said.shown());
    let answer = broken.repair(&["--yes"]).exits_with(1);
    assert_eq!(outcome(&answer), "refused");
    broken.repair(&["--resume"]).exits_with(0);
    broken.check().exits_with(0);
}
