//! Environments that were moved, and what a repair writes into them.

use super::super::fabricated::Broken;
use super::*;
use crate::environments::scripts;

const SH: &str =
    "# user's\r\nVIRTUAL_ENV=\"/old/env\"\nexport VIRTUAL_ENV\nPS1=\"(env) ${PS1:-}\"\n";

fn entry_point(program: &str) -> String {
    format!(
        "#!{program}\nimport sys\nfrom a import b\nif __name__ == '__main__':\n    sys.exit(b())\n"
    )
}

/// Was `/old/env`; one script by pip, one by its user, and others that are none of a repair's business.
fn moved(prefix: &str) -> Broken {
    let broken = Broken::at(prefix);
    broken.write_mode("bin/activate", SH, 0o644);
    broken.write("bin/activate.fish", "set -gx VIRTUAL_ENV '/old/env'\n");
    broken.write_mode("bin/mine", "#!/old/env/bin/python -I\nprint('\u{e9}')\r\n", 0o750);
    broken.write("bin/deploy.sh", "#!/bin/sh\n# of /old/env\n");
    broken.write("bin/other", "#!/usr/bin/python3\n# of /old/env\n");
    broken.write("etc/app.ini", "root = /old/env\n");
    let script = entry_point("/old/env/bin/python");
    broken.install("a", &[("a.py", b"b = 1\n"), ("../../../bin/a", script.as_bytes())]);
    broken
}

#[cfg(unix)]
#[test]
fn scripts_name_the_present_place() {
    let broken = moved("home/alice/proj/.venv");
    assert!(broken.has(Code::EnvMoved));
    let untouched = ["bin/deploy.sh", "bin/other", "etc/app.ini", "pyvenv.cfg"];
    let before = untouched.map(|name| broken.read(name));
    let plan = broken.repair(plan);
    let prefix = broken.prefix.to_str().unwrap();
    let actions: Vec<Action> = plan.steps.iter().map(|step| step.action).collect();
    assert_eq!(actions, [Action::RewriteActivate, Action::RewriteShebangs]);
    assert_eq!(plan.unsolved, []);
    assert_eq!(
        broken.read("bin/activate"),
        SH.replace("/old/env", prefix).replace("(env)", "(.venv)")
    );
    assert_eq!(broken.read("bin/activate.fish"), format!("set -gx VIRTUAL_ENV '{prefix}'\n"));
    let python = format!("{prefix}/bin/python");
    assert_eq!(broken.read("bin/a"), entry_point(&python));
    assert_eq!(broken.read("bin/mine"), format!("#!{python} -I\nprint('\u{e9}')\r\n"));
    assert_eq!(untouched.map(|name| broken.read(name)), before);
    let mode =
        |name: &str| crate::system::mode(&broken.prefix.join(name).symlink_metadata().unwrap());
    assert_eq!((mode("bin/activate"), mode("bin/mine")), (0o644, 0o750));
    assert!(!broken.has(Code::EnvMoved) && !broken.has(Code::PackageFileModified));
    assert_eq!(broken.plan(super::plan), Plan::default());
}

#[cfg(unix)]
#[test]
fn strange_places() {
    for name in
        ["it's", "a b", "$HOME x", "caf\u{e9} \u{1f40d}", "a\"b", "100%", "a!b", "`x`", "-x"]
    {
        let broken = moved(&format!("home/alice/{name}/env"));
        let plan = broken.repair(plan);
        assert_eq!(plan.unsolved, [], "{name}");
        for code in CODES {
            assert!(!broken.has(code), "{name}");
        }
        let head = broken.read("bin/a");
        let program = scripts::shebang(head.as_bytes()).unwrap().program;
        assert_eq!(program, broken.prefix.join("bin/python"), "{head}");
        let activate = broken.read("bin/activate");
        assert_eq!(scripts::virtual_env(activate.as_bytes()), Some(broken.prefix.clone()));
    }
}

#[cfg(unix)]
#[test]
fn a_prompt_of_the_user_stays() {
    let broken = moved("home/alice/proj/.venv");
    broken.write("pyvenv.cfg", "home = /usr/bin\nprompt = 'env'\n");
    broken.repair(plan);
    assert!(broken.read("bin/activate").contains("PS1=\"(env) "));
}

#[cfg(unix)]
#[test]
fn a_copy_leaves_the_original_alone() {
    let broken = Broken::new();
    let original = broken.root().join("original");
    std::fs::create_dir_all(&original).unwrap();
    std::fs::write(original.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
    broken.write("bin/activate", format!("VIRTUAL_ENV=\"{}\"\n", original.display()));
    assert!(broken.has(Code::EnvMoved));
    broken.repair(plan);
    assert_eq!(
        broken.read("bin/activate"),
        format!("VIRTUAL_ENV=\"{}\"\n", broken.prefix.display())
    );
}

#[cfg(unix)]
#[test]
fn only_first_lines_are_stale() {
    let broken = moved("home/alice/proj/.venv");
    let own = format!("VIRTUAL_ENV=\"{}\"\n", broken.prefix.display());
    broken.write("bin/activate", &own);
    broken.write("bin/activate.fish", "");
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
    broken.write("bin/activate", format!("VIRTUAL_ENV='{place}'\nX=/old/env\n"));
    assert_eq!(broken.plan(plan), Plan::default());
}
