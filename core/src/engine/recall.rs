//! Which remembered state is this one: by what is left of an environment, or by packages that somebody
//! remembers.
//!
//! The index is told of every state in which nothing was broken. It is made anew from the snapshots whenever
//! it is gone or damaged.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::layout::{DISTRIBUTIONS, FILES};
use super::state::State;
use super::{Error, Kept};
use crate::environments::EnvironmentId;
use crate::environments::distributions::normalize;
use crate::index::fractal::{self, Item};
use crate::index::holographic::{Index, Match, StateId, Token};
use crate::snapshot::Snapshot;
use crate::store::Hash;

/// A place says as much as so many names: siblings of one project have most of these in common.
const PARTS_OF_PLACE: usize = 8;

/// A remembered state that is like what was asked for.
#[derive(Debug, Clone)]
pub struct Recalled {
    /// The last snapshot in which it was so.
    pub snapshot: Snapshot,
    /// Which environment.
    pub id: EnvironmentId,
    /// What it was.
    pub state: State,
    /// How alike they are.
    pub found: Match,
}

/// What is asked for: tokens.
#[derive(Debug, Clone, Default)]
pub struct Cue(Vec<Token>);

impl Cue {
    /// All that a state tells: its distributions, the names in its site-packages, its Python.
    pub fn of(state: &State) -> Result<Cue, fractal::Error> {
        let mut tokens = HashSet::new();
        let mut add = |kind: &str, text: &str| {
            tokens.insert(Token::of(kind, text.as_bytes()));
        };
        for installed in state.distributions()? {
            add("distribution", &format!("{} {}", installed.name, installed.version));
            add("name", &installed.name);
        }
        for top in tops(state)? {
            add("top", &top);
        }
        for path in state.rest()? {
            add("top", path.rsplit('/').next().unwrap_or_default());
        }
        for package in state.conda()? {
            add("conda", &package);
        }
        for field in ["version", "kind", "base-prefix"] {
            if let Some(fact) = state.fact(field)? {
                add(field, &fact);
            }
        }
        // One that was moved says where it was made.
        for place in [state.fact("prefix")?, state.fact("made-as")?].into_iter().flatten() {
            for part in 0..PARTS_OF_PLACE {
                add("place", &format!("{part} {place}"));
            }
        }
        Ok(Cue(tokens.into_iter().collect()))
    }

    /// These distributions, each a name or `name==version`.
    pub fn of_packages<'a>(packages: impl IntoIterator<Item = &'a str>) -> Cue {
        let tokens = packages.into_iter().flat_map(|package| {
            let (name, version) = match package.split_once("==") {
                Some((name, version)) => (normalize(name), Some(version)),
                None => (normalize(package), None),
            };
            let exact = version
                .map(|version| Token::of("distribution", format!("{name} {version}").as_bytes()));
            [Some(Token::of("name", name.as_bytes())), exact].into_iter().flatten()
        });
        Cue(tokens.collect())
    }

    /// How much is asked for.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The names in site-packages that belong to a distribution.
fn tops(state: &State) -> Result<HashSet<String>, fractal::Error> {
    let mut tops = HashSet::new();
    let Some(all) = state.tree().subtree(&[DISTRIBUTIONS])? else { return Ok(tops) };
    for entry in all.scan(b"")? {
        let entry = entry?;
        let Item::Tree(one) = &entry.item else { continue };
        tops.insert(String::from_utf8_lossy(&entry.key()).into_owned());
        let Some(files) = one.subtree(&[FILES])? else { continue };
        let mut last: Vec<u8> = Vec::new();
        files.for_each(|prefix, suffix, _| {
            let path = [prefix, suffix].concat();
            let top = path.split(|byte| *byte == b'/').next().unwrap_or_default();
            if top != last {
                last = top.to_vec();
                tops.insert(String::from_utf8_lossy(top).into_owned());
            }
            Ok(())
        })?;
    }
    Ok(tops)
}

/// What the index calls a state.
fn name(hash: &Hash) -> StateId {
    StateId(hash.0.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Tells the index of a state in which nothing was broken.
pub(super) fn tell(index: &mut Index, state: &State) -> Result<(), fractal::Error> {
    if state.is_whole() {
        index.insert(name(&state.hash()), &Cue::of(state)?.0);
    }
    Ok(())
}

/// Makes the index of these snapshots anew.
pub(super) fn rebuild(index: &mut Index, kept: &[Kept]) -> Result<(), Error> {
    let mut states = Vec::new();
    for (state, _, _) in whole(kept)?.into_values() {
        states.push((name(&state.hash()), Cue::of(&state)?.0));
    }
    index.rebuild(states);
    Ok(())
}

/// By what the index calls them, the states in which nothing was broken, each as it was seen last.
fn whole(kept: &[Kept]) -> Result<HashMap<StateId, (State, EnvironmentId, usize)>, Error> {
    let mut states = HashMap::new();
    let mut before = None;
    for (at, one) in kept.iter().enumerate() {
        // What is the same in both is looked at once.
        if before == Some(one.snapshot.hash) {
            continue;
        }
        before = Some(one.snapshot.hash);
        for (id, state) in one.environments()? {
            if state.is_whole() {
                states.insert(name(&state.hash()), (state, id, at));
            }
        }
    }
    Ok(states)
}

/// The index of a folder, or one in memory that is made of the snapshots when there is none that is whole.
pub fn index(folder: &Path, kept: &[Kept]) -> Result<Index, Error> {
    let mut index = Index::open(&index_of(folder))?;
    if index.states().is_empty() || index.health().is_damaged() {
        rebuild(&mut index, kept)?;
    }
    Ok(index)
}

pub(super) fn index_of(folder: &Path) -> std::path::PathBuf {
    folder.join("recall")
}

/// So many states of one environment may be more like the cue than any of another one.
const STATES_OF_ONE: usize = 16;

/// The environments that were most like the cue, best first; of each the state that has most of the cue, of
/// such ones the last. What is left of a state is part of the states before it too, which were smaller: these
/// are more alike, and not what it was.
pub fn like(kept: &[Kept], index: &Index, cue: &Cue, limit: usize) -> Result<Vec<Recalled>, Error> {
    let mut states = whole(kept)?;
    // Some may be of snapshots that were pruned.
    let pruned = index.states().len().saturating_sub(states.len());
    let matches = index.query(&cue.0, limit.saturating_mul(STATES_OF_ONE).saturating_add(pruned));
    let mut best: Vec<Recalled> = Vec::new();
    for found in matches {
        let Some((state, id, at)) = states.remove(&found.state) else { continue };
        let one = Recalled { snapshot: kept[at].snapshot.clone(), id, state, found };
        let rank = |one: &Recalled| (one.found.shared, one.snapshot.id);
        match best.iter_mut().find(|other| other.id == one.id) {
            Some(other) if rank(other) < rank(&one) => *other = one,
            Some(_) => {}
            None => best.push(one),
        }
    }
    best.truncate(limit);
    Ok(best)
}
