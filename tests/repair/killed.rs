//! The process is killed at a call that changes the disk, before it or half-way: every kind of step, then
//! taken back or gone on with.
//!
//! Not on Windows: a test sees the calls of another process only where there is `ptrace`.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::fs;

use aios_core::environments::repair::FOLDER;

use super::Broken;
use crate::support::traced::{Moment, Traced};
use crate::support::{Tree, breakages, differences};

/// Moments of each repair at which it is killed.
const SAMPLED: usize = 4;

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

/// A repair that is killed, again and again.
struct Killed {
    broken: Broken,
    before: Tree,
    after: Tree,
    moments: Vec<Moment>,
}

impl Killed {
    fn of(broken: Broken) -> Killed {
        let before = broken.tree();
        let calls = Self::start(&broken).rest();
        let after = broken.tree();
        assert_ne!(differences(&before, &after), "", "{}", broken.breakage.story);
        let mut moments: Vec<Moment> = (0..calls.len()).map(Moment::Before).collect();
        let divisible = calls.iter().enumerate().filter(|(_, call)| call.is_divisible);
        moments.extend(divisible.map(|(number, _)| Moment::Within(number)));
        let killed = Killed { broken, before, after, moments };
        killed.taken_back("the whole repair");
        killed
    }

    fn start(broken: &Broken) -> Traced {
        let wheels = broken.home.join("wheels");
        let args = broken.arguments(&["--yes", "--wheelhouse", wheels.to_str().unwrap()]);
        Traced::start(&broken.home, &[&["repair"], &*args].concat())
    }

    fn at(&self, moment: Moment, go_on: bool) {
        let Killed { broken, before, after, .. } = self;
        let what = format!("{} ({moment:?})", broken.breakage.story);
        assert!(Self::start(broken).kill_at(moment), "{what}: it ended before");
        let now = broken.tree();
        let findings = broken.check().findings(&broken.venv.prefix);
        let said = findings.iter().any(|(code, _)| code == "repair-interrupted");
        assert!(said || now == *before || now == *after, "{what}: nothing is said: {findings:?}");
        if go_on {
            let wheels = broken.home.join("wheels");
            broken.repair(&["--resume", "--wheelhouse", wheels.to_str().unwrap()]).exits_with(0);
            let now = broken.tree();
            let lost = differences(after, &now);
            assert!(lost.is_empty() || now == *before && !said, "{what}: not gone on with: {lost}");
            let findings = broken.check().findings(&broken.venv.prefix);
            assert!(!findings.iter().any(|(code, _)| code == "repair-interrupted"), "{what}");
        }
        self.taken_back(&what);
    }

    fn taken_back(&self, what: &str) {
        self.broken.repair(&["--undo"]).exits_with(0);
        let lost = differences(&self.before, &self.broken.tree());
        assert!(lost.is_empty(), "{what}: not taken back: {lost}");
        fs::remove_dir_all(self.broken.venv.prefix.join(FOLDER)).unwrap();
    }
}
