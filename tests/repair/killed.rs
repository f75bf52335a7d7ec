//! The process is killed at a call that changes the disk, before it or half-way: every kind of step, then
//! taken back or gone on with.
//!
//! Not on Windows: a test sees the calls of another process only where there is `ptrace`.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::fs;

use aios_core::environments::repair::FOLDER;

use super::{Broken, broken_by};
use crate::support::traced::{Moment, Traced};
use crate::support::{Tree, breakages, differences, timeless};

/// Moments of each repair at which it is killed.
const SAMPLED: usize = 2;

#[test]
fn every_kind_of_repair() {
    // The same moments in each run, other ones in each repair.
    let mut seed = 1_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for breakage in breakages().filter(|breakage| breakage.stays.is_none()) {
        let killed = Killed::of(Broken::of(breakage));
        for turn in 0..SAMPLED {
            let moments = killed.moments.len();
            killed.at(killed.moments[random(moments)], turn % 2 == 0);
        }
    }
}

/// Of every family at once, in one round.
#[test]
fn a_repair_of_many_steps() {
    let killed = Killed::of(broken_by(&[
        "pyvenv.cfg was deleted",
        "a virus scanner took the interpreter",
        "activate names the place of the build",
        "an editable project moved",
        "pip/_internal is gone",
        "an interrupted pip left `~dna`",
        "idna/core.py is NULs after a power cut",
        "one script names an interpreter that is gone",
        "a zip stored the link lib64 as a text",
    ]));
    killed.everywhere(24);
}

/// Commands are looked for where the folder of scripts is: what is repaired brings more to light.
#[test]
fn a_repair_of_many_rounds() {
    let killed = Killed::of(broken_by(&[
        "home names a folder that is gone",
        "the folder of scripts was deleted",
        "an interrupted pip left `~dna`",
    ]));
    assert!(killed.rounds > 1, "{}", killed.rounds);
    killed.everywhere(24);

    // And while all of them are taken back.
    let undo = || Traced::start(&killed.broken.home, &killed.undo());
    let whole = || drop(Killed::start(&killed.broken).rest());
    whole();
    let calls = undo().rest().len();
    for number in (0..calls).step_by(calls.div_ceil(8)) {
        whole();
        assert!(undo().kill_at(Moment::Before(number)));
        if number % 2 == 0 {
            killed.broken.repair(&["--resume"]).exits_with(0);
        }
        killed.taken_back(&format!("--undo, killed before call {number}"));
    }
}

/// What the oldest repairs keep is removed when there are many; a kill meanwhile leaves none of them as
/// one that was interrupted.
#[test]
fn the_past_is_removed() {
    let broken = broken_by(&["pyvenv.cfg was deleted"]);
    let break_it = || fs::write(broken.venv.cfg(), "").unwrap();
    for _ in 0..10 {
        break_it();
        broken.repair(&["--yes"]).exits_with(0);
    }
    let mut removals = 0;
    for number in 0..12 {
        break_it();
        let mut repair = Killed::start(&broken);
        let mut seen = 0;
        while let Some(call) = repair.next() {
            if matches!(call.name, "unlink" | "rmdir") {
                seen += 1;
            }
            if seen > number {
                removals += 1;
                break;
            }
        }
        drop(repair);
        assert_eq!(broken.check().findings(&broken.venv.prefix), [], "removal {number}");
        let list = broken.home.aios(["repair", "--list", broken.venv.prefix.to_str().unwrap()]);
        assert!(!list.exits_with(0).stdout.contains("interrupted"), "removal {number}");
    }
    assert!(removals > 8, "it was killed at {removals} removals only");
}

/// A repair that is killed, again and again.
struct Killed {
    broken: Broken,
    before: Tree,
    after: Tree,
    moments: Vec<Moment>,
    rounds: usize,
}

impl Killed {
    fn of(broken: Broken) -> Killed {
        let before = broken.tree();
        let calls = Self::start(&broken).rest();
        let after = timeless(&broken.tree());
        assert_ne!(differences(&timeless(&before), &after), "", "{}", broken.story);
        let mut moments: Vec<Moment> = (0..calls.len()).map(Moment::Before).collect();
        let divisible = calls.iter().enumerate().filter(|(_, call)| call.is_divisible);
        moments.extend(divisible.map(|(number, _)| Moment::Within(number)));
        let kept = fs::read_dir(broken.venv.prefix.join(FOLDER)).unwrap();
        let rounds = kept.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count();
        let killed = Killed { broken, before, after, moments, rounds };
        killed.taken_back("the whole repair");
        killed
    }

    fn start(broken: &Broken) -> Traced {
        let wheels = broken.home.join("wheels");
        let args = broken.arguments(&["--yes", "--wheelhouse", wheels.to_str().unwrap()]);
        Traced::start(&broken.home, &[&["repair"], &*args].concat())
    }

    /// At this many moments, from the first one to the last.
    fn everywhere(&self, most: usize) {
        let sampled = self.moments.iter().step_by(self.moments.len().div_ceil(most));
        for (turn, moment) in sampled.enumerate() {
            self.at(*moment, turn % 2 == 0);
        }
    }

    fn at(&self, moment: Moment, go_on: bool) {
        let Killed { broken, before, after, .. } = self;
        let what = format!("{} ({moment:?})", broken.story);
        assert!(Self::start(broken).kill_at(moment), "{what}: it ended before");
        let now = broken.tree();
        let findings = broken.check().findings(&broken.venv.prefix);
        let said = findings.iter().any(|(code, _)| code == "repair-interrupted");
        assert!(
            said || now == *before || timeless(&now) == *after,
            "{what}: nothing is said: {findings:?}"
        );
        if go_on {
            let wheels = broken.home.join("wheels");
            broken.repair(&["--resume", "--wheelhouse", wheels.to_str().unwrap()]).exits_with(0);
            let now = broken.tree();
            let lost = differences(after, &timeless(&now));
            assert!(lost.is_empty() || now == *before && !said, "{what}: not gone on with: {lost}");
            let findings = broken.check().findings(&broken.venv.prefix);
            assert!(!findings.iter().any(|(code, _)| code == "repair-interrupted"), "{what}");
        }
        self.taken_back(&what);
    }

    fn undo(&self) -> [&str; 3] {
        ["repair", "--undo", self.broken.venv.prefix.to_str().unwrap()]
    }

    fn taken_back(&self, what: &str) {
        self.broken.home.aios(self.undo()).exits_with(0);
        let lost = differences(&self.before, &self.broken.tree());
        assert!(lost.is_empty(), "{what}: not taken back: {lost}");
        // It may have been killed before its first change.
        let _ = fs::remove_dir_all(self.broken.venv.prefix.join(FOLDER));
    }
}

/// Stopped at a call that changes the disk, it still works: nobody else may.
#[test]
fn the_second_of_two_is_refused() {
    let killed = Killed::of(broken_by(&["pyvenv.cfg was deleted"]));
    let Killed { broken, before, after, .. } = &killed;
    // When it has the lock, while it writes its journal, and when that is written.
    for number in [3, 10, 20] {
        let mut first = Killed::start(broken);
        assert!((0..number).all(|_| first.next().is_some()));
        let meanwhile = broken.tree();
        for args in [&["--yes"][..], &["--undo"], &["--resume"]] {
            let second = broken.repair(args).exits_with(2).json();
            let hint = second["repairs"][0]["hint"].as_str().unwrap();
            assert!(hint.starts_with("another repair of `"), "{args:?}: {hint}");
            assert!(hint.ends_with("is under way; wait for it to end"), "{args:?}: {hint}");
        }
        let findings = broken.check().findings(&broken.venv.prefix);
        assert!(findings.iter().all(|(code, _)| code != "repair-interrupted"), "{findings:?}");
        assert_eq!(differences(&meanwhile, &broken.tree()), "");
        first.rest();
        assert_eq!(differences(after, &timeless(&broken.tree())), "");
        killed.taken_back("the first of two");
        assert_eq!(differences(before, &broken.tree()), "");
    }
}
