//! `aios active` and `aios run`: one environment that is chosen, and commands in it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Home, Venv, write};

const AIOS: &str = env!("CARGO_BIN_EXE_aios");

/// `work/api/.venv` and `work/model/.venv`, which are healthy.
fn home() -> Home {
    with_environments().0
}

fn with_environments() -> (Home, Venv, Venv) {
    let home = Home::new();
    let (api, model) = (home.venv("work/api/.venv"), home.venv("work/model/.venv"));
    (home, api, model)
}

fn told(home: &Home, code: i32) -> Value {
    let told = home.aios(["active", "--format", "json"]).exits_with(code).json();
    assert_eq!(told["schema"], "aios.active/1");
    told
}

fn is_path(value: &Value, path: &Path) -> bool {
    value.as_str().is_some_and(|text| Path::new(text) == path)
}

#[test]
fn chosen_told_and_cleared() {
    let (home, _, model) = with_environments();
    assert_eq!(told(&home, 1)["status"], "none");
    let answer = home.aios(["active"]).exits_with(1);
    assert!(answer.stdout.contains("`aios active set PATH`"), "{answer:?}");
    let answer = home.aios(["active", "set", "work/api/.venv"]).exits_with(0);
    assert!(
        answer.shown().starts_with("~/work/api/.venv  venv, Python 3.12.3, healthy"),
        "{answer:?}"
    );
    let now = told(&home, 0);
    assert!(is_path(&now["active"]["prefix"], &home.join("work/api/.venv")), "{now}");
    assert_eq!((&now["status"], &now["repair"]), (&"healthy".into(), &Value::Null));
    assert_eq!(now["environment"]["findings"].as_array().unwrap().len(), 0);

    // By its interpreter, which is a link to another installation.
    home.aios(["active", "set", model.python().to_str().unwrap()]).exits_with(0);
    assert!(is_path(&told(&home, 0)["active"]["prefix"], &home.join("work/model/.venv")));
    home.aios(["active", "clear"]).exits_with(0);
    home.aios(["active", "clear"]).exits_with(0);
    assert_eq!(told(&home, 1)["status"], "none");
}

#[test]
fn what_cannot_be_chosen() {
    let home = home();
    let lost = home.venv("work/lost/.venv");
    fs::remove_file(lost.cfg()).unwrap();
    write(&home.join("empty/x"), "");
    let check = |path: &str, expected: &str| {
        let answer = home.aios(["active", "set", path]).exits_with(2);
        assert!(answer.stderr.contains(expected), "{answer:?}");
        assert_eq!(told(&home, 1)["status"], "none");
    };
    check("work/lost/.venv", "aios repair ");
    check("work", "holds 3 environments");
    check("empty", "holds no environment");
    check("nowhere", "does not exist");
}

#[test]
fn one_that_broke_is_repaired_or_replaced_when_somebody_says_so() {
    let (home, api, _) = with_environments();
    home.aios(["active", "set", "work/api/.venv"]).exits_with(0);
    home.aios(["active"]).exits_with(0);
    home.aios(["check", "work"]).exits_with(0);
    fs::remove_file(api.cfg()).unwrap();
    let broken = told(&home, 1);
    assert_eq!((&broken["status"], &broken["candidate"]), (&"broken".into(), &Value::Null));
    let repair = broken["repair"].as_str().unwrap();
    assert_eq!(repair, format!("aios repair {}", api.prefix.display()));
    let answer = home.aios(["run", "--", AIOS, "status"]).exits_with(2);
    assert!(answer.stderr.contains(repair), "{answer:?}");
    // The command as it was said.
    let words: Vec<&str> = repair.split(' ').skip(1).collect();
    home.aios(words.iter().chain(&["--yes"])).exits_with(0);
    assert_eq!(told(&home, 0)["status"], "healthy");

    // Gone: a healthy one that a user works in, not the installation, and it is only offered.
    fs::remove_dir_all(&api.prefix).unwrap();
    let gone = told(&home, 1);
    assert_eq!(gone["status"], "gone");
    assert_eq!(gone["repair"], Value::Null);
    assert!(is_path(&gone["candidate"]["prefix"], &home.join("work/model/.venv")), "{gone}");
    assert_eq!(gone["candidate"]["status"], "healthy");
    assert!(is_path(&told(&home, 1)["active"]["prefix"], &api.prefix), "nothing changes unasked");
}

#[test]
fn a_choice_that_cannot_be_read_is_none() {
    let home = home();
    home.aios(["active", "set", "work/api/.venv"]).exits_with(0);
    let file = crate::support::tree(home.path())
        .into_keys()
        .find(|path| path.ends_with("aios/active"))
        .unwrap();
    write(&home.join(file), "{");
    let answer = home.aios(["active"]).exits_with(1);
    assert!(answer.stderr.contains("does not say which environment"), "{answer:?}");
    home.aios(["active", "set", "work/api/.venv"]).exits_with(0);
    assert_eq!(told(&home, 0)["status"], "healthy");
}

#[test]
fn a_command_gives_its_own_exit_code() {
    let home = home();
    let lost = home.venv("work/lost/.venv");
    fs::remove_file(lost.cfg()).unwrap();
    let env = ["run", "--env", "work/api/.venv", "--", AIOS];
    home.aios(env.iter().chain(&["find", "work/api"])).exits_with(0);
    home.aios(env.iter().chain(&["check", "work/lost"])).exits_with(1);
    home.aios(env.iter().chain(&["check", "nowhere"])).exits_with(2);
    let active = home.aios(["run", "--", AIOS, "status"]).exits_with(2);
    assert!(active.stderr.contains("no environment is active"), "{active:?}");
    let broken = home.aios(["run", "--env", "work/lost/.venv", "--", AIOS, "status"]).exits_with(2);
    assert!(broken.stderr.contains("aios repair "), "{broken:?}");
    let none = home.aios(["run", "--env", "work/api/.venv", "no-such-program"]).exits_with(2);
    assert!(none.stderr.contains("`no-such-program` is neither in"), "{none:?}");
}

// Not on Windows: it has no `env`; its variables are tested in `core/src/environments/activated.rs`.
#[cfg(unix)]
#[test]
fn a_command_sees_the_environment_alone() {
    let home = home();
    home.aios(["active", "set", "work/api/.venv"]).exits_with(0);
    let prefix = home.join("work/api/.venv");
    write(&prefix.join("bin/tool"), "#!/bin/sh\necho \"tool of $VIRTUAL_ENV\"\n");
    fs::set_permissions(
        prefix.join("bin/tool"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let run = |args: &[&str]| {
        let old = home.join("old");
        let mut command = home.command();
        command.env("PATH", format!("{}/bin:/usr/bin:/bin", old.display()));
        command.env("VIRTUAL_ENV", &old).env("PYTHONHOME", "/x").env("PYTHONPATH", "/y");
        command.env("CONDA_PREFIX", "/conda").env("MINE", "kept");
        crate::support::Answer::of(command.arg("run").arg("--").args(args).output().unwrap())
    };
    let said = run(&["env"]).exits_with(0).stdout;
    let expected = format!("PATH={}/bin:/usr/bin:/bin", prefix.display());
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.contains(&expected.as_str()) && lines.contains(&"MINE=kept"), "{said}");
    assert!(lines.contains(&format!("VIRTUAL_ENV={}", prefix.display()).as_str()), "{said}");
    for name in ["PYTHONHOME", "PYTHONPATH", "CONDA_PREFIX"] {
        assert!(!lines.iter().any(|line| line.starts_with(name)), "{said}");
    }
    assert_eq!(run(&["tool"]).stdout, format!("tool of {}\n", prefix.display()));
    // It is the process itself: a signal that ends it ends it as what it is.
    let killed = run(&["sh", "-c", "kill -TERM $$"]);
    assert_eq!(killed.code, None, "{killed:?}");
    assert_eq!(run(&["sh", "-c", "exit 77"]).code, Some(77));
}
