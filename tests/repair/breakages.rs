//! Every way to break an environment: it is repaired and nothing else is touched, or what is missing is
//! said and nothing is touched at all.

use std::collections::BTreeSet;

use aios_core::environments::repair::{Action, FOLDER};

use super::{Broken, outcome};
use crate::support::{Breakage, breakages, differences, tree, write};

#[test]
fn every_breakage_is_repaired_and_taken_back() {
    let (mut failures, mut actions) = (Vec::new(), BTreeSet::new());
    for breakage in breakages() {
        match repair(breakage) {
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
    let excused = |action: &String| cfg!(windows) && of_unix.contains(&action.as_str());
    assert!(lacking.iter().all(excused), "no breakage takes {lacking:?}");
}

/// Gives the actions that it took.
fn repair(breakage: &'static Breakage) -> Result<Vec<String>, String> {
    let broken = Broken::of(breakage);
    write(&broken.venv.prefix.join("notes of mine.txt"), "not yours");
    let (before, outside) = (broken.tree(), outside(&broken));
    let kept = broken.venv.prefix.join(FOLDER).exists();
    let wheels = broken.home.join("wheels");
    let answer = broken.repair(&["--yes", "--wheelhouse", wheels.to_str().unwrap()]);
    let one = &answer.json()["repairs"][0];
    let after = broken.tree();
    let elsewhere = differences(&outside, &self::outside(&broken));
    if !elsewhere.is_empty() {
        return Err(format!("changed outside of it: {elsewhere}"));
    }
    if let Some(words) = breakage.stays {
        let hint = one["hint"].as_str().unwrap_or_default();
        let stays = matches!(&*outcome(&answer), "refused" | "nothing-to-do");
        return match differences(&before, &after) {
            touched if !touched.is_empty() => Err(format!("touched {touched}")),
            _ if broken.venv.prefix.join(FOLDER).exists() != kept => {
                Err("left a journal".to_owned())
            }
            _ if stays && hint.contains(words) => Ok(Vec::new()),
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
