//! What differs between two whole contexts: environments by identity, and entries of other programs.

use super::layout::{CONTEXT, ENVIRONMENTS};
use super::{Error, State, changes, environments};
use crate::environments::EnvironmentId;
use crate::index::fractal::{self, Change as Difference, Item, Tree};

/// More than anybody reads.
const MOST: usize = 200_000;

/// An environment that is not in both contexts what it is in the other.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Which.
    pub id: EnvironmentId,
    /// What it was; `None` when it was not there.
    pub before: Option<State>,
    /// What it is; `None` when it is gone.
    pub after: Option<State>,
}

impl Pair {
    /// What it takes to make the second of the first.
    pub fn changes(&self) -> Result<Vec<changes::Change>, Error> {
        Ok(changes::between(self.before.as_ref(), self.after.as_ref())?)
    }

    /// The state that is later, if it is not gone.
    pub fn latest(&self) -> Option<&State> {
        self.after.as_ref().or(self.before.as_ref())
    }
}

/// The environments that differ, by identity. Without `before` all are new.
pub fn pairs(before: Option<&Tree>, after: &Tree) -> Result<Vec<Pair>, Error> {
    let part = |tree: &Tree| tree.subtree(&[ENVIRONMENTS]);
    let same = |before: &Tree| -> Result<bool, Error> {
        Ok(part(before)?.map(|tree| tree.hash()) == part(after)?.map(|tree| tree.hash()))
    };
    if before.map(same).transpose()? == Some(true) {
        return Ok(Vec::new());
    }
    let old = before.map(environments).transpose()?.unwrap_or_default();
    let new = environments(after)?;
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    let mut found = Vec::new();
    // Both are in the order of their identities.
    loop {
        let (id, before, after) = match (old.peek(), new.peek()) {
            (None, None) => return Ok(found),
            (Some((a, _)), Some((b, _))) if a == b => {
                let (Some((id, before)), Some((_, after))) = (old.next(), new.next()) else {
                    return Ok(found);
                };
                (id, Some(before), Some(after))
            }
            (Some((a, _)), other) if other.is_none_or(|(b, _)| a < b) => {
                let Some((id, before)) = old.next() else { return Ok(found) };
                (id, Some(before), None)
            }
            _ => {
                let Some((id, after)) = new.next() else { return Ok(found) };
                (id, None, Some(after))
            }
        };
        if before.as_ref().map(State::hash) != after.as_ref().map(State::hash) {
            found.push(Pair { id, before, after });
        }
    }
}

/// An entry of another program that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The keys that lead to it, below those of all entries of other programs.
    pub path: Vec<Vec<u8>>,
    /// Whether it is new (`Some(true)`), gone (`Some(false)`), or another.
    pub is_new: Option<bool>,
}

/// The entries of other programs that differ, in order. Without `before` all are new.
pub fn entries(before: Option<&Tree>, after: &Tree) -> Result<Vec<Entry>, Error> {
    let part = |tree: &Tree| tree.subtree(&[CONTEXT]);
    let (old, new) = (before.map(part).transpose()?.flatten(), part(after)?);
    let mut found = Entries { found: Vec::new(), failed: None };
    match (old, new) {
        (None, None) => {}
        (Some(old), Some(new)) => new.diff(&old, &mut |one| found.add(one))?,
        (Some(whole), None) => found.below(&[], &whole, false)?,
        (None, Some(whole)) => found.below(&[], &whole, true)?,
    }
    match found.failed {
        Some(error) => Err(error.into()),
        None => Ok(found.found),
    }
}

struct Entries {
    found: Vec<Entry>,
    failed: Option<fractal::Error>,
}

impl Entries {
    fn add(&mut self, one: fractal::Difference<'_>) {
        let path = one.path;
        let added = match one.change {
            Difference::Added(item) => self.item(&path, &item, true),
            Difference::Removed(item) => self.item(&path, &item, false),
            Difference::Changed(Item::Value(_), Item::Value(_)) => {
                self.push(&path, None);
                Ok(())
            }
            Difference::Changed(old, new) => {
                self.item(&path, &old, false).and_then(|()| self.item(&path, &new, true))
            }
        };
        self.failed = self.failed.take().or(added.err());
    }

    fn item(
        &mut self,
        path: &[Vec<u8>],
        item: &Item<'_>,
        is_new: bool,
    ) -> Result<(), fractal::Error> {
        match item {
            Item::Value(_) => self.push(path, Some(is_new)),
            Item::Tree(tree) => self.below(path, tree, is_new)?,
        }
        Ok(())
    }

    fn below(&mut self, path: &[Vec<u8>], tree: &Tree, is_new: bool) -> Result<(), fractal::Error> {
        tree.walk(&mut |below, _| {
            let below = below.iter().map(|key| key.to_vec());
            let path: Vec<Vec<u8>> = path.iter().cloned().chain(below).collect();
            self.push(&path, Some(is_new));
            Ok(())
        })
    }

    fn push(&mut self, path: &[Vec<u8>], is_new: Option<bool>) {
        if self.found.len() < MOST {
            self.found.push(Entry { path: path.to_vec(), is_new });
        }
    }
}
