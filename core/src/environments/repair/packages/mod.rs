//! Repairs of distributions: what an interrupted installer left, files that are gone or damaged,
//! metadata, scripts of commands, pip, and distributions that are missing.
//!
//! What is written comes from wheels that are on the machine ([`wheels`]); each file is compared with
//! the hash that RECORD names before it is planned. A file that its user edited stays as it is.
//!
//! Leftovers go first, then files, then scripts. A distribution with several findings is planned for
//! once, for the state that it ends in.

use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;

use super::change::{Change, Content};
use super::{Action, Case, Network, Plan, Step, Unsolved, typed};
use crate::environments::distributions::{Distribution, RecordedFile, Site, record as records};
use crate::environments::health::{Code, Finding, Severity};

mod changes;
mod conda;
mod fetch;
mod folders;
mod install;
mod launcher;
mod leftovers;
mod libc;
pub(super) mod original;
mod pip;
mod pth;
pub(super) mod record;
mod remembered;
mod requirements;
mod restore;
mod scripts;
mod tags;
mod transfer;
mod wanted;
mod way;
mod wheel;
mod wheels;

#[cfg(test)]
mod fabricated;
#[cfg(test)]
mod tests;

use changes::{Changes, Done};
pub use fetch::Fetched;
pub(super) use fetch::fetch;
pub(super) use remembered::added;
use scripts::Interpreter;
pub(super) use transfer::plan as transfer;
use wheels::Wheels;

/// Plans for the distributions of an environment.
pub(super) fn plan(case: &Case<'_>, plan: &mut Plan) {
    Draft::new(case, plan).fill();
}

/// What no wheel is found for, as an installer takes it (`idna==3.10`): who may fetch fetches these into
/// a wheelhouse, and plans again.
pub(super) fn missing_wheels(case: &Case<'_>) -> Vec<String> {
    let mut plan = Plan::default();
    let mut draft = Draft::new(case, &mut plan);
    draft.fill();
    let mut lacking = draft.lacking;
    lacking.sort();
    lacking.dedup();
    lacking
}

/// A plan while it is made.
struct Draft<'a> {
    case: &'a Case<'a>,
    plan: &'a mut Plan,
    wheels: Wheels<'a>,
    interpreter: Interpreter,
    /// What the plan does so far.
    done: Rc<Done>,
    /// Distributions that no wheel was found for, as an installer takes them.
    lacking: Vec<String>,
    /// The command that fetches them.
    again: String,
    /// Names of distributions whose final state is planned, or that were given up.
    settled: HashSet<String>,
}

impl<'a> Draft<'a> {
    fn new(case: &'a Case<'a>, plan: &'a mut Plan) -> Draft<'a> {
        let changes = || plan.steps.iter().flat_map(|step| &step.changes);
        let made = changes().filter_map(|change| match change {
            Change::Folder { path } => Some(path.clone()),
            _ => None,
        });
        let removed = changes().filter_map(|change| match change {
            Change::Remove { path } => Some(path.clone()),
            _ => None,
        });
        Draft {
            case,
            done: Rc::new(Done { made: made.collect(), removed: removed.collect() }),
            lacking: Vec::new(),
            again: format!("aios repair --network allow {}", typed(case.prefix())),
            wheels: Wheels::of(case),
            interpreter: Interpreter::of(case.subject.facts),
            settled: HashSet::new(),
            plan,
        }
    }

    fn fill(&mut self) {
        leftovers::plan(self);
        requirements::plan_site_packages(self);
        remembered::plan_return(self);
        pip::plan(self);
        restore::plan(self);
        requirements::plan_missing(self);
        pth::plan(self);
        scripts::plan(self);
        conda::plan(self);
    }

    /// Changes that may count on the folders that the plan makes before.
    fn changes(&self) -> Changes {
        Changes::new(self.case.prefix(), &self.done)
    }

    /// Adds a step, unless there is nothing to change.
    fn step(&mut self, action: Action, reasons: &[Code], what: String, changes: Changes) {
        let (changes, done) = changes.finish();
        Rc::make_mut(&mut self.done).add(done);
        if changes.is_empty() {
            return;
        }
        let mut reasons = reasons.to_vec();
        reasons.sort_unstable();
        reasons.dedup();
        self.plan.steps.push(Step { action, reasons, what, changes });
    }

    /// Whether a step writes the file already; then it is for this finding as well.
    fn is_written(&mut self, path: &Path, reason: Code) -> bool {
        let writes =
            |change: &Change| matches!(change, Change::Write { path: one, .. } if one == path);
        let Some(step) = self.plan.steps.iter_mut().find(|step| step.changes.iter().any(writes))
        else {
            return false;
        };
        if !step.reasons.contains(&reason) {
            step.reasons.push(reason);
        }
        true
    }

    /// The lines of RECORD: those that a step before writes, else those on disk.
    fn record_lines(&self, distribution: &Distribution) -> Vec<RecordedFile> {
        let record = distribution.info.join("RECORD");
        let changes = self.plan.steps.iter().flat_map(|step| &step.changes);
        let planned = changes.rev().find_map(|change| match change {
            Change::Write { path, content: Content::Bytes(bytes), .. } if *path == record => {
                records::parse(bytes).ok()
            }
            _ => None,
        });
        let files = planned.map(|record| record.files);
        files.or_else(|| Some(distribution.record.get()?.files.clone())).unwrap_or_default()
    }

    /// Leaves a finding as it is, and says what would solve it.
    fn unsolved(&mut self, code: Code, hint: String) {
        let unsolved = Unsolved { code, hint };
        if !self.plan.unsolved.contains(&unsolved) {
            self.plan.unsolved.push(unsolved);
        }
    }

    /// Leaves findings as they are for want of wheels.
    fn wanting(&mut self, codes: &[Code], pins: &[String]) {
        self.lacking.extend_from_slice(pins);
        let hints: Vec<String> = match &self.case.options.network {
            Network::Never => vec![self.absent(pins)],
            Network::Allowed(fetched) => pins
                .iter()
                .map(|pin| {
                    let tried = fetched.unavailable.iter().find(|(one, _)| one == pin);
                    let reason =
                        tried.map_or("what was fetched of it does not fit", |(_, why)| why);
                    let wanted = self.wheels.wanted(pin);
                    format!("{wanted} is not on this machine, and was not fetched: {reason}")
                })
                .collect(),
        };
        for (code, hint) in codes.iter().flat_map(|code| hints.iter().map(move |one| (code, one))) {
            self.unsolved(*code, hint.clone());
        }
    }

    fn absent(&self, pins: &[String]) -> String {
        let wanted: Vec<String> = pins.iter().map(|pin| self.wheels.wanted(pin)).collect();
        let (is, it) = if wanted.len() == 1 { ("is", "it") } else { ("are", "them") };
        format!(
            "{} {is} not on this machine: bring {it} with `--wheelhouse DIR`, or have {it} fetched: `{}`",
            wanted.join(", "),
            self.again,
        )
    }

    /// The findings of a code that something is done about.
    fn of(&self, code: Code) -> impl Iterator<Item = &'a Finding> + use<'a> {
        self.case.of(code).filter(|finding| finding.severity != Severity::Info)
    }

    /// The distribution of this name that counts, and the folder that it is installed into.
    fn current(&self, name: &str) -> Option<(&'a Site, &'a Distribution)> {
        let families = self.case.subject.families.iter();
        families.flat_map(|(site, families)| families.iter().map(move |one| (site, one))).find_map(
            |(site, family)| {
                let current = family.current.filter(|current| current.name == name)?;
                Some((site, current))
            },
        )
    }

    /// The folder that new distributions are installed into.
    fn site(&self) -> Option<&'a Path> {
        self.case.subject.installed.sites.first().map(|site| site.folder.as_path())
    }
}

/// `idna` and `3.10` of `idna==3.10`.
fn split_pin(pin: &str) -> (&str, Option<&str>) {
    match pin.split_once("==") {
        Some((name, version)) => (name, Some(version)),
        None => (pin, None),
    }
}
