//! Environments that were moved, and what a repair writes into them.

use super::super::fabricated::{Broken, PYTHON, SCRIPTS};
use super::*;
use crate::environments::scripts;
use crate::host::Platform;
use crate::system::{self, rooted};

const WINDOWS: bool = matches!(Platform::CURRENT, Platform::Windows);

fn old() -> String {
    rooted("/old/env").replace('/', std::path::MAIN_SEPARATOR_STR)
}

fn sh(place: &str) -> String {
    format!("# mine\r\nVIRTUAL_ENV=\"{place}\"\nexport VIRTUAL_ENV\nPS1=\"(env) ${{PS1:-}}\"\n")
}

/// The interpreter of an environment.
fn python(place: &Path) -> String {
    place.join(SCRIPTS).join(PYTHON).to_str().unwrap().to_owned()
}

fn entry_point(program: &str) -> String {
    let code = "import sys\nfrom a import b\nif __name__ == '__main__':\n    sys.exit(b())\n";
    format!("#!{program}\n{code}")
}

/// The activate script of another shell: its name, and what it holds of a place.
fn other(place: &str) -> (String, String) {
    match WINDOWS {
        true => (script("activate.bat"), format!("set \"VIRTUAL_ENV={place}\"\r\n")),
        false => (script("activate.fish"), format!("set -gx VIRTUAL_ENV \"{place}\"\n")),
    }
}

fn script(name: &str) -> String {
    format!("{SCRIPTS}/{name}")
}

/// Was `/old/env`; one script by pip, one by its user, and others that are none of a repair's business.
fn moved(prefix: &str) -> Broken {
    let broken = Broken::at(prefix);
    let old = old();
    let program = python(Path::new(&old));
    broken.write_mode(&script("activate"), sh(&old), 0o644);
    let (name, text) = other(&old);
    broken.write(&name, text);
    let mine = format!("#!{program} -I\nprint('\u{e9}')\r\n");
    broken.write_mode(&script("mine"), mine, 0o750);
    broken.write(&script("deploy.sh"), format!("#!/bin/sh\n# of {old}\n"));
    broken.write(&script("other"), format!("#!/usr/bin/python3\n# of {old}\n"));
    broken.write("etc/app.ini", format!("root = {old}\n"));
    let above = if WINDOWS { "../.." } else { "../../.." };
    let recorded = format!("{above}/{}", script("a"));
    broken.install("a", &[("a.py", b"b = 1\n"), (&recorded, entry_point(&program).as_bytes())]);
    broken
}

#[test]
fn scripts_name_the_present_place() {
    let broken = moved("home/alice/proj/.venv");
    assert!(broken.has(Code::EnvMoved));
    let untouched =
        [script("deploy.sh"), script("other"), "etc/app.ini".into(), "pyvenv.cfg".into()];
    let before = untouched.each_ref().map(|name| broken.read(name));
    let plan = broken.repair(plan);
    let prefix = broken.prefix.to_str().unwrap();
    let actions: Vec<Action> = plan.steps.iter().map(|step| step.action).collect();
    assert_eq!(actions, [Action::RewriteActivate, Action::RewriteShebangs]);
    assert_eq!(plan.unsolved, []);
    assert_eq!(broken.read(&script("activate")), sh(prefix).replace("(env)", "(.venv)"));
    let (name, text) = other(prefix);
    assert_eq!(broken.read(&name), text);
    let program = python(&broken.prefix);
    assert_eq!(broken.read(&script("a")), entry_point(&program));
    assert_eq!(broken.read(&script("mine")), format!("#!{program} -I\nprint('\u{e9}')\r\n"));
    assert_eq!(untouched.each_ref().map(|name| broken.read(name)), before);
    let mode =
        |name: &str| system::mode(&broken.prefix.join(script(name)).symlink_metadata().unwrap());
    assert!(WINDOWS || (mode("activate"), mode("mine")) == (0o644, 0o750));
    assert!(!broken.has(Code::EnvMoved) && !broken.has(Code::PackageFileModified));
    assert_eq!(broken.plan(super::plan), Plan::default());
}

#[test]
fn strange_places() {
    // Windows has no `"` in names.
    let quoted = if WINDOWS { "a'b" } else { "a\"b" };
    let unicode = "caf\u{e9} \u{1f40d}";
    for name in ["it's", "a b", "$HOME x", unicode, quoted, "100%", "a!b", "`x`", "-x"] {
        let broken = moved(&format!("home/alice/{name}/env"));
        let plan = broken.repair(plan);
        assert_eq!(plan.unsolved, [], "{name}");
        for code in CODES {
            assert!(!broken.has(code), "{name}");
        }
        let head = broken.read(&script("a"));
        let program = scripts::shebang(head.as_bytes()).unwrap().program;
        assert_eq!(program, Path::new(&python(&broken.prefix)), "{head}");
        for activate in [script("activate"), other("").0] {
            let activate = broken.read(&activate);
            let place = scripts::virtual_env(activate.as_bytes());
            assert_eq!(place.as_deref(), Some(broken.prefix.as_path()), "{activate}");
        }
    }
}

#[test]
fn a_prompt_of_the_user_stays() {
    let broken = moved("home/alice/proj/.venv");
    broken.write("pyvenv.cfg", "home = /usr/bin\nprompt = 'env'\n");
    broken.repair(plan);
    assert!(broken.read(&script("activate")).contains("PS1=\"(env) "));
}

#[test]
fn a_copy_leaves_the_original_alone() {
    let broken = Broken::new();
    let original = broken.root().join("original");
    std::fs::create_dir_all(&original).unwrap();
    std::fs::write(original.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
    broken.write(&script("activate"), format!("VIRTUAL_ENV=\"{}\"\n", original.display()));
    assert!(broken.has(Code::EnvMoved));
    broken.repair(plan);
    let expected = format!("VIRTUAL_ENV=\"{}\"\n", broken.prefix.display());
    assert_eq!(broken.read(&script("activate")), expected);
}

#[test]
fn only_first_lines_are_stale() {
    let broken = moved("home/alice/proj/.venv");
    let own = format!("VIRTUAL_ENV=\"{}\"\n", broken.prefix.display());
    broken.write(&script("activate"), &own);
    broken.write(&other("").0, "");
    let plan = broken.repair(plan);
    assert_eq!(plan.steps.len(), 1, "{plan:#?}");
    assert_eq!(plan.steps[0].reasons, [Code::ScriptShebangStale]);
    assert_eq!(plan.steps[0].action, Action::RewriteShebangs);
    assert!(!broken.has(Code::ScriptShebangStale));
}

#[test]
fn nothing_is_planned_for_what_is_fine() {
    let broken = Broken::new();
    let place = broken.prefix.display();
    broken.write(&script("activate"), format!("VIRTUAL_ENV='{place}'\nX={}\n", old()));
    assert_eq!(broken.plan(plan), Plan::default());
}
