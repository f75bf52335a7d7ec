//! The story of one environment: when it changed, what changed, when it broke.

use super::changes::{Change, between};
use super::state::State;
use super::{Error, Kept};
use crate::environments::EnvironmentId;
use crate::snapshot::Snapshot;

/// A snapshot in which the environment is another than in the one before.
#[derive(Debug, Clone)]
pub struct Moment {
    /// When it was seen so, and why somebody looked.
    pub snapshot: Snapshot,
    /// The last snapshot in which it was still so.
    pub last: Snapshot,
    /// What it was then. `None`: it was gone.
    pub state: Option<State>,
    /// What differs from the moment before; when it was gone then, from the last one in which it was there.
    pub changes: Vec<Change>,
}

impl Moment {
    /// Whether it was there, and nothing was broken.
    pub fn is_whole(&self) -> bool {
        self.state.as_ref().is_some_and(State::is_whole)
    }
}

/// All moments of an environment that are remembered, the oldest first.
#[derive(Debug, Clone)]
pub struct History {
    /// Which environment.
    pub id: EnvironmentId,
    /// The first one is that in which it was first seen.
    pub moments: Vec<Moment>,
}

impl History {
    /// The last moment in which nothing was broken.
    pub fn last_whole(&self) -> Option<&Moment> {
        self.moments.iter().rev().find(|moment| moment.is_whole())
    }

    /// The moment since which nothing is broken. `None` when it is broken or gone now.
    pub fn whole_since(&self) -> Option<&Moment> {
        let other = self.moments.iter().rposition(|moment| !moment.is_whole());
        self.moments.get(other.map_or(0, |other| other + 1))
    }

    /// The moment in which it broke, when it is broken or gone now.
    pub fn broke(&self) -> Option<&Moment> {
        let whole = self.moments.iter().rposition(Moment::is_whole);
        self.moments.get(whole.map_or(0, |whole| whole + 1))
    }

    /// What changed last before it broke: of that moment itself when more than findings changed in it, else
    /// of the one before.
    pub fn before_it_broke(&self) -> Option<&Moment> {
        let broke = self.broke()?;
        let is_cause = |moment: &&Moment| {
            let finding = |one: &Change| matches!(one, Change::Appeared(_) | Change::Gone(_));
            !moment.changes.iter().all(finding)
        };
        let at = self.moments.iter().position(|one| one.snapshot.id == broke.snapshot.id)?;
        self.moments[..=at].iter().rev().take(2).find(is_cause)
    }
}

/// The story of an environment in these snapshots, the oldest first. Without moments when none has it.
pub fn of(kept: &[Kept], id: &EnvironmentId) -> Result<History, Error> {
    let mut moments: Vec<Moment> = Vec::new();
    let mut before: Option<State> = None;
    for one in kept {
        let state = one.environment(id)?;
        let now = moments
            .last_mut()
            .filter(|last| last.state.as_ref().map(State::hash) == state.as_ref().map(State::hash));
        let snapshot = one.snapshot.clone();
        if let Some(now) = now {
            now.last = snapshot;
        } else if state.is_some() || !moments.is_empty() {
            let changes = between(before.as_ref(), state.as_ref())?;
            before = state.clone().or(before);
            moments.push(Moment { last: snapshot.clone(), snapshot, state, changes });
        }
    }
    Ok(History { id: id.clone(), moments })
}
