//! What differs between two states of an environment, in the words of its user: distributions, files,
//! findings, facts.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::{CONDA, DISTRIBUTIONS, FACTS, FILES, FINDINGS, INSTANCE};
use super::state::{Found, Installed, State, finding};
use crate::index::fractal::{self, Change as Difference, Error, Item};

/// More than anybody reads: of a whole environment that changed at once.
const MOST: usize = 200_000;

/// Distributions that are asked for the owner of a file: more change when everything does.
const MOST_OWNERS: usize = 200;

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A fact is another (`version`, `base-prefix`).
    Fact {
        /// Which.
        field: String,
        /// What it was.
        before: Option<String>,
        /// What it is.
        after: Option<String>,
    },
    /// A distribution is there that was not.
    Added(Installed),
    /// A distribution that was there is not.
    Removed(Installed),
    /// A distribution is of another version.
    Version {
        /// Which.
        name: String,
        /// What it was.
        before: String,
        /// What it is.
        after: String,
    },
    /// A distribution of the same version has other files.
    Files {
        /// What it is.
        installed: Installed,
        /// So many of its files are others.
        files: usize,
    },
    /// A package of conda is there that was not, or the other way round.
    Conda {
        /// Name, version and build.
        name: String,
        /// Whether it is there.
        is_there: bool,
    },
    /// A file or link that belongs to no distribution was added (`Some(true)`), removed (`Some(false)`), or
    /// is another.
    File {
        /// From the prefix.
        path: String,
        /// What became of it.
        is_new: Option<bool>,
    },
    /// Something is wrong that was not.
    Appeared(Found),
    /// Something is not wrong any more.
    Gone(Found),
}

/// What it takes to make `after` of `before`, the gravest first; nothing is the empty state.
pub fn between(before: Option<&State>, after: Option<&State>) -> Result<Vec<Change>, Error> {
    let mut raw = Raw::default();
    match (before, after) {
        (Some(before), Some(after)) => {
            after.tree().diff(before.tree(), &mut |one| raw.add(&one))?;
        }
        (None, None) => {}
        (Some(state), None) | (None, Some(state)) => {
            let is_new = after.is_some();
            for entry in state.tree().scan(b"")? {
                let entry = entry?;
                raw.add_whole(&[entry.key()], &entry.item, is_new);
            }
        }
    }
    raw.changes(before, after)
}

/// By part, what differs.
#[derive(Default)]
struct Raw {
    facts: BTreeMap<String, (Option<String>, Option<String>)>,
    /// Folders of metadata, with the number of files that differ.
    distributions: BTreeMap<String, usize>,
    conda: BTreeMap<String, bool>,
    files: BTreeMap<String, Option<bool>>,
    findings: Vec<(Found, bool)>,
    count: usize,
}

impl Raw {
    fn add(&mut self, one: &fractal::Difference<'_>) {
        match &one.change {
            Difference::Added(item) => self.add_whole(&one.path, item, true),
            Difference::Removed(item) => self.add_whole(&one.path, item, false),
            Difference::Changed(before, after) => {
                let part = one.path.first().map(Vec::as_slice);
                if part == Some(FILES) {
                    self.files.insert(text(one.path.get(1)), None);
                } else {
                    self.add_whole(&one.path, before, false);
                    self.add_whole(&one.path, after, true);
                }
            }
        }
    }

    /// A value, or each of a tree: of distributions no more than their names are of interest.
    fn add_whole(&mut self, path: &[Vec<u8>], item: &Item<'_>, is_new: bool) {
        self.count += 1;
        if self.count > MOST {
            return;
        }
        let part = path.first().map_or(&[][..], Vec::as_slice);
        let is_of_distribution = part == DISTRIBUTIONS || part == INSTANCE;
        if let Item::Tree(tree) = item
            && !(is_of_distribution && path.len() > 1)
        {
            for entry in tree.scan(b"").into_iter().flatten().flatten() {
                let path: Vec<Vec<u8>> = path.iter().cloned().chain([entry.key()]).collect();
                self.add_whole(&path, &entry.item, is_new);
            }
            return;
        }
        let name = text(path.get(1));
        match item {
            _ if is_of_distribution => {
                *self.distributions.entry(name).or_default() +=
                    usize::from(matches!(item, Item::Value(_)));
            }
            Item::Tree(_) => {}
            Item::Value(_) if part == CONDA => drop(self.conda.insert(name, is_new)),
            Item::Value(_) if part == FILES => drop(self.files.insert(name, Some(is_new))),
            Item::Value(value) if part == FACTS => {
                let text = String::from_utf8_lossy(value.bytes).into_owned();
                let (before, after) = self.facts.entry(name).or_default();
                *if is_new { after } else { before } = Some(text);
            }
            Item::Value(value) if part == FINDINGS => {
                let key = path.get(1).map_or(&[][..], Vec::as_slice);
                self.findings.push((finding(key, value.severity, value.bytes), is_new));
            }
            Item::Value(_) => {}
        }
    }

    fn changes(self, before: Option<&State>, after: Option<&State>) -> Result<Vec<Change>, Error> {
        let mut changes = Vec::new();
        let files = self.files_of_nobody(before, after)?;
        // What is said in other words now is neither new nor gone.
        let of = |is_new: bool| self.findings.iter().filter(move |one| one.1 == is_new);
        let stays = |found: &Found, is_new: bool| {
            of(!is_new).any(|(other, _)| other.code == found.code && other.paths == found.paths)
        };
        for (found, is_new) in &self.findings {
            if !stays(found, *is_new) {
                let found = found.clone();
                changes.push(if *is_new { Change::Appeared(found) } else { Change::Gone(found) });
            }
        }
        for (field, (before, after)) in self.facts {
            // What the findings say already.
            if field != "status" {
                changes.push(Change::Fact { field, before, after });
            }
        }
        changes.extend(distributions(&self.distributions, before, after)?);
        let conda = self.conda.into_iter();
        changes.extend(conda.map(|(name, is_there)| Change::Conda { name, is_there }));
        changes.extend(files.into_iter().map(|(path, is_new)| Change::File { path, is_new }));
        Ok(changes)
    }

    /// Files that were or are those of a distribution did not come or go: that did.
    fn files_of_nobody(
        &self,
        before: Option<&State>,
        after: Option<&State>,
    ) -> Result<Vec<(String, Option<bool>)>, Error> {
        let mut files = Vec::new();
        for (path, is_new) in &self.files {
            let other = match is_new {
                Some(true) => before,
                Some(false) => after,
                None => None,
            };
            let folders = self.distributions.keys().take(MOST_OWNERS);
            if !other.map(|state| owns(state, folders, path)).transpose()?.unwrap_or(false) {
                files.push((path.clone(), *is_new));
            }
        }
        Ok(files)
    }
}

/// Whether one of these distributions had a path from the prefix: a name in site-packages, or a script.
fn owns<'a>(
    state: &State,
    mut folders: impl Iterator<Item = &'a String>,
    path: &str,
) -> Result<bool, Error> {
    let name = path.rsplit('/').next().unwrap_or_default();
    folders.try_fold(false, |found, folder| {
        if found {
            return Ok(true);
        }
        let path_of = |part| state.tree().subtree(&[part, folder.as_bytes()]);
        if let Some(one) = path_of(DISTRIBUTIONS)? {
            if one.get(&[FILES, name.as_bytes()])?.is_some() {
                return Ok(true);
            }
            if let Some(files) = one.subtree(&[FILES])?
                && files.scan(format!("{name}/").as_bytes())?.next().transpose()?.is_some()
            {
                return Ok(true);
            }
        }
        let Some(instance) = path_of(INSTANCE)? else { return Ok(false) };
        let is_it = |key: &[u8]| {
            let key = String::from_utf8_lossy(key);
            key.trim_start_matches("../").eq_ignore_ascii_case(path)
        };
        for entry in instance.scan(b"../")? {
            if is_it(&entry?.key()) {
                return Ok(true);
            }
        }
        Ok(false)
    })
}

fn distributions(
    touched: &BTreeMap<String, usize>,
    before: Option<&State>,
    after: Option<&State>,
) -> Result<Vec<Change>, Error> {
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    let read = |state: Option<&State>| -> Result<Vec<Installed>, Error> {
        let all = state.map(State::distributions).transpose()?.unwrap_or_default();
        Ok(all.into_iter().filter(|one| touched.contains_key(&one.folder)).collect())
    };
    let (old, new) = (read(before)?, read(after)?);
    let names: BTreeSet<&String> = old.iter().chain(&new).map(|one| &one.name).collect();
    let mut changes = Vec::new();
    for name in names {
        let of = |all: &'_ [Installed]| -> Vec<Installed> {
            all.iter().filter(|one| one.name == *name).cloned().collect()
        };
        let (was, is) = (of(&old), of(&new));
        match (was.as_slice(), is.as_slice()) {
            ([one], [other]) if one.folder == other.folder => {
                let files = touched.get(&one.folder).copied().unwrap_or_default();
                changes.push(Change::Files { installed: other.clone(), files });
            }
            ([one], [other]) => changes.push(Change::Version {
                name: name.clone(),
                before: one.version.clone(),
                after: other.version.clone(),
            }),
            _ => {
                let both = |one: &&Installed| was.contains(one) && is.contains(one);
                changes.extend(was.iter().filter(|one| !both(one)).cloned().map(Change::Removed));
                changes.extend(is.iter().filter(|one| !both(one)).cloned().map(Change::Added));
            }
        }
    }
    Ok(changes)
}

fn text(key: Option<&Vec<u8>>) -> String {
    String::from_utf8_lossy(key.map_or(&[][..], Vec::as_slice)).into_owned()
}
