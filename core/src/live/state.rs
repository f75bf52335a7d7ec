//! What is known of the environments now, and how it differs from before.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use crate::environments::health::Code;
use crate::environments::inspection::{Inspected, Inspection};
use crate::environments::{EnvironmentId, Problem, Status};

/// The environments by identity.
#[derive(Debug, Default)]
pub struct State {
    environments: BTreeMap<EnvironmentId, Inspected>,
    problems: Vec<Problem>,
}

/// What became of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It was not there before.
    Appeared,
    /// Its record, its findings or its packages are others.
    Changed,
    /// It is not there any more.
    Gone,
}

/// What became of one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In a word.
    pub what: What,
    /// Of the environment.
    pub id: EnvironmentId,
    /// Its prefix.
    pub prefix: PathBuf,
    /// Its status before, if it was there.
    pub before: Option<Status>,
    /// Its status now, if it is there.
    pub after: Option<Status>,
    /// The codes of its findings now, worst first.
    pub codes: Vec<Code>,
}

impl State {
    /// All of them.
    pub fn environments(&self) -> impl Iterator<Item = &Inspected> {
        self.environments.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.environments.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.environments.is_empty()
    }

    /// One of them.
    pub fn get(&self, id: &EnvironmentId) -> Option<&Inspected> {
        self.environments.get(id)
    }

    /// What could not be looked at.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Those with this status.
    pub fn count(&self, status: Status) -> usize {
        self.environments().filter(|one| one.status() == status).count()
    }

    /// Those whose prefix lies at or below a path, or which the path lies in.
    pub fn around<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Inspected> {
        let is_around = move |prefix: &Path| prefix.starts_with(path) || path.starts_with(prefix);
        self.environments().filter(move |one| is_around(&one.environment.prefix))
    }

    /// As one inspection, sorted by prefix.
    pub fn sorted(&self) -> Vec<&Inspected> {
        let mut all: Vec<&Inspected> = self.environments().collect();
        all.sort_by(|a, b| {
            let key = |one: &Inspected| one.environment.prefix.as_os_str().to_owned();
            key(a).cmp(&key(b)).then_with(|| a.environment.id.cmp(&b.environment.id))
        });
        all
    }

    /// Takes what a look at everything found in the place of what was known.
    pub(super) fn replace_all(&mut self, found: Inspection) -> Vec<Change> {
        let there: HashSet<EnvironmentId> =
            found.environments.iter().map(|one| one.environment.id.clone()).collect();
        let gone: Vec<EnvironmentId> =
            self.environments.keys().filter(|id| !there.contains(id)).cloned().collect();
        let mut changes: Vec<Change> = gone.iter().filter_map(|id| self.remove(id)).collect();
        changes.extend(found.environments.into_iter().filter_map(|one| self.put(one)));
        self.problems = found.problems;
        changes
    }

    /// Takes what was found; how it differs, if it does.
    pub(super) fn put(&mut self, now: Inspected) -> Option<Change> {
        let id = now.environment.id.clone();
        let before = self.environments.get(&id);
        if before.is_some_and(|before| is_same(before, &now)) {
            // Why it was found may have changed.
            self.environments.insert(id, now);
            return None;
        }
        let change = Change {
            what: if before.is_some() { What::Changed } else { What::Appeared },
            id: id.clone(),
            prefix: now.environment.prefix.clone(),
            before: before.map(Inspected::status),
            after: Some(now.status()),
            codes: codes(&now),
        };
        self.environments.insert(id, now);
        Some(change)
    }

    /// Forgets one.
    pub(super) fn remove(&mut self, id: &EnvironmentId) -> Option<Change> {
        let before = self.environments.remove(id)?;
        Some(Change {
            what: What::Gone,
            id: id.clone(),
            prefix: before.environment.prefix.clone(),
            before: Some(before.status()),
            after: None,
            codes: Vec::new(),
        })
    }

    /// That packages of the environments with this prefix are others than before, which their records and
    /// findings do not say.
    pub(super) fn changed_inside(&self, prefix: &Path) -> Vec<Change> {
        let there = self.environments().filter(|one| one.environment.prefix == prefix);
        let change = |one: &Inspected| Change {
            what: What::Changed,
            id: one.environment.id.clone(),
            prefix: prefix.to_path_buf(),
            before: Some(one.status()),
            after: Some(one.status()),
            codes: codes(one),
        };
        there.map(change).collect()
    }
}

fn codes(inspected: &Inspected) -> Vec<Code> {
    inspected.findings.iter().map(|finding| finding.code).collect()
}

/// Whether nothing differs but by which ways it was found.
fn is_same(before: &Inspected, now: &Inspected) -> bool {
    if before.findings != now.findings {
        return false;
    }
    let mut environment = now.environment.clone();
    environment.found_by.clone_from(&before.environment.found_by);
    environment.aliases.clone_from(&before.environment.aliases);
    environment == before.environment
}
