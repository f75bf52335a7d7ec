//! Each way to break an environment is found, by its code, and nothing else is.

use std::collections::BTreeSet;
use std::fs;

use aios_core::Code;

use crate::support::{Answer, Breakage, Home, Look, Venv, breakages, not_built, system};

#[test]
fn every_code_has_a_builder_or_a_reason() {
    let built: BTreeSet<Code> = breakages().map(|breakage| breakage.code).collect();
    let excused: BTreeSet<Code> = not_built().map(|(code, _)| *code).collect();
    assert!(built.is_disjoint(&excused));
    let all: BTreeSet<Code> = Code::ALL.iter().copied().collect();
    assert_eq!(all, built.union(&excused).copied().collect());
}

#[test]
fn an_untouched_environment_is_healthy() {
    let home = Home::new();
    let venv = home.venv("project/.venv");
    for deep in [false, true] {
        let args = ["check", "--format", "json", "project/.venv", "--deep"];
        let answer = home.aios(&args[..if deep { 5 } else { 4 }]);
        assert_eq!(answer.findings(&venv.prefix), [], "deep: {deep}");
        answer.exits_with(0);
    }
}

#[test]
fn every_breakage_is_found() {
    let failures: Vec<String> = breakages().filter_map(|one| failure(one).err()).collect();
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        breakages().count(),
        failures.join("\n")
    );
}

#[test]
fn a_check_that_remembers_misses_nothing() {
    let made = |breakage| {
        let home = Home::new();
        let venv = home.venv("project/.venv");
        (breakage, home, venv)
    };
    let all: Vec<(&Breakage, Home, Venv)> = breakages().map(made).collect();
    // What is younger than two seconds is not remembered.
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    for (breakage, home, venv) in all {
        let healthy = check(&home, &venv, &[], Look::Usual).exits_with(0).stdout;
        let file = home.join(system::CACHES).join("aios/checks.cache");
        let kept = fs::read(&file).unwrap_or_default();
        let prefix = venv.prefix.to_str().expect("UTF-8").as_bytes();
        // Not on Windows: a time of change that programs cannot set is what it trusts.
        let holds = kept.windows(prefix.len()).any(|part| part == prefix);
        assert!(holds || cfg!(windows), "nothing was kept of {}", venv.prefix.display());
        assert_eq!(check(&home, &venv, &[], Look::Usual).stdout, healthy);
        let broken = (breakage.apply)(&home, &venv).unwrap_or(venv);
        let remembering = check(&home, &broken, &[], breakage.look);
        let anew = check(&home, &broken, &["--no-cache"], breakage.look);
        assert_eq!(remembering.stdout, anew.stdout, "{}", breakage.story);
        // What is broken is remembered no better.
        assert_eq!(check(&home, &broken, &[], breakage.look).stdout, anew.stdout);
    }
}

/// Breaks a fresh environment and says what `check` got wrong.
fn failure(breakage: &Breakage) -> Result<(), String> {
    let home = Home::new();
    let venv = home.venv("project/.venv");
    let broken = (breakage.apply)(&home, &venv).unwrap_or(venv);
    let answer = check(&home, &broken, &[], breakage.look);
    let name = format!("{} ({})", breakage.code, breakage.story);

    let document: serde_json::Value = serde_json::from_str(&answer.stdout)
        .map_err(|error| format!("{name}: no JSON: {error}: {}", answer.stderr))?;
    let prefix = broken.prefix.to_str().expect("UTF-8");
    let environments = document["environments"].as_array().expect("an array");
    if !environments.iter().any(|environment| environment["prefix"] == prefix) {
        return Err(format!("{name}: the environment is not reported at all"));
    }
    let found = answer.findings(&broken.prefix);
    if !found.iter().any(|(code, _)| code == breakage.code.as_str()) {
        return Err(format!("{name}: found {found:?}"));
    }
    let accepted = |code: &str| {
        code == breakage.code.as_str() || breakage.also.iter().any(|also| also.as_str() == code)
    };
    let wrong: Vec<&String> = found
        .iter()
        .filter(|(code, severity)| severity != "info" && !accepted(code))
        .map(|(code, _)| code)
        .collect();
    if !wrong.is_empty() {
        return Err(format!("{name}: also reports {wrong:?}"));
    }
    let bad = found.iter().any(|(_, severity)| severity != "info");
    if answer.code != Some(i32::from(bad)) {
        return Err(format!("{name}: exits with {:?}, found {found:?}", answer.code));
    }
    Ok(())
}

fn check(home: &Home, venv: &Venv, flags: &[&str], look: Look) -> Answer {
    let mut command = home.command();
    command.args(["check", "--format", "json"]).args(flags).arg(&venv.prefix);
    match look {
        Look::Usual => {}
        Look::Deep => {
            command.arg("--deep");
        }
        Look::Variable(name) => {
            command.env(name, home.join("elsewhere"));
        }
    }
    Answer::of(command.output().unwrap())
}
