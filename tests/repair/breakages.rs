//! Every way to break an environment: it is repaired and nothing else is touched, or what is missing is
//! said and nothing is touched at all.

use std::collections::BTreeSet;

use aios_core::environments::repair::{Action, FOLDER};

use super::{Broken, broken_by, outcome};
use crate::support::{breakages, differences, tree, write};

#[test]
fn every_breakage_is_repaired_and_taken_back() {
    let (mut failures, mut actions) = (Vec::new(), BTreeSet::new());
    for breakage in breakages() {
        match repair(&Broken::of(breakage), breakage.stays) {
            Ok(done) => actions.extend(done),
            Err(failure) => {
                failures.push(format!("{} ({}): {failure}", breakage.code, breakage.story));
            }
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
    let all = Action::ALL.iter().map(|action| action.as_str().to_owned());
    let lacking: Vec<String> = all.filter(|action| !actions.contains(action)).collect();
    // Windows has no bits that an archive loses.
    let of_unix = ["make-executable", "give-rights"];
    // Steps of `--recreate`, which has tests of its own.
    let of_recreation = ["copy-distribution", "carry-files", "make-environment"];
    let excused = |action: &String| {
        cfg!(windows) && of_unix.contains(&action.as_str())
            || of_recreation.contains(&action.as_str())
    };
    assert!(lacking.iter().all(excused), "no breakage takes {lacking:?}");
}

#[test]
fn many_at_once() {
    let broken = broken_by(&[
        "home names a folder that is gone",
        "a virus scanner took the interpreter",
        "an editable project moved",
        "pip/_internal is gone",
        "an interrupted pip left `~dna`",
        "an extension is cut in half",
        "idna/core.py is NULs after a power cut",
        "a console script was deleted",
    ]);
    let done =
        repair(&broken, None).unwrap_or_else(|failure| panic!("{}: {failure}", broken.story));
    assert!(done.len() >= 6, "{done:?}");
}

/// Gives the actions that it took. `stays` is a part of what it says where it can do nothing.
fn repair(broken: &Broken, stays: Option<&str>) -> Result<Vec<String>, String> {
    write(&broken.venv.prefix.join("notes of mine.txt"), "not yours");
    let (before, outside) = (broken.tree(), outside(broken));
    let kept = broken.venv.prefix.join(FOLDER).exists();
    let wheels = broken.home.join("wheels");
    let answer = broken.repair(&["--yes", "--wheelhouse", wheels.to_str().unwrap()]);
    let one = &answer.json()["repairs"][0];
    let after = broken.tree();
    let elsewhere = differences(&outside, &self::outside(broken));
    if !elsewhere.is_empty() {
        return Err(format!("changed outside of it: {elsewhere}"));
    }
    if let Some(words) = stays {
        let hint = one["hint"].as_str().unwrap_or_default();
        let refused = matches!(&*outcome(&answer), "refused" | "nothing-to-do");
        return match differences(&before, &after) {
            touched if !touched.is_empty() => Err(format!("touched {touched}")),
            _ if broken.venv.prefix.join(FOLDER).exists() != kept => {
                Err("left a journal".to_owned())
            }
            _ if refused && hint.contains(words) => Ok(Vec::new()),
            _ => Err(format!("says {one}")),
        };
    }
    if outcome(&answer) != "repaired" {
        return Err(format!("{one}"));
    }
    let findings = broken.check().findings(&broken.venv.prefix);
    if let Some(left) = findings.iter().find(|(_, severity)| severity != "info") {
        return Err(format!("left {left:?}"));
    }
    broken.repair(&["--undo"]).exits_with(0);
    match differences(&before, &broken.tree()) {
        lost if lost.is_empty() => {
            let steps = one["steps"].as_array().unwrap().iter();
            Ok(steps.map(|step| step["action"].as_str().unwrap().to_owned()).collect())
        }
        lost => Err(format!("not taken back: {lost}")),
    }
}

/// The home folder without the environment, and without what the program remembers.
fn outside(broken: &Broken) -> crate::support::Tree {
    let mut all = tree(broken.home.path());
    let cache = broken.home.join(crate::support::system::CACHES);
    all.retain(|path, _| !path.starts_with(&broken.venv.prefix) && !path.starts_with(&cache));
    all
}
