//! Which snapshots may go: never the last one in which something was whole.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Engine, Error, Kept, State};
use crate::environments::EnvironmentId;
use crate::snapshot::{Pruned, Retention, SnapshotId, now_ms};
use crate::store::Hash;

/// Which snapshots retention does not keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surplus {
    /// Those that go, the oldest first.
    pub ids: Vec<SnapshotId>,
    /// Those that stay nevertheless: with the environments whose newest state without anything broken
    /// they alone have.
    pub held: BTreeMap<SnapshotId, Vec<EnvironmentId>>,
}

/// What retention does not keep of these snapshots, the oldest first. The newest one stays, and what repair
/// and recall go by: of each environment the newest state in which nothing was broken.
pub fn surplus(kept: &[Kept], retention: &Retention) -> Result<Surplus, Error> {
    let all: Vec<_> = kept.iter().map(|one| one.snapshot.clone()).collect();
    let mut gone: BTreeSet<SnapshotId> = retention.surplus(&all, now_ms()).into_iter().collect();
    gone.retain(|id| all.last().is_none_or(|last| last.id != *id));
    let mut newest: HashMap<EnvironmentId, (Hash, SnapshotId)> = HashMap::new();
    for one in kept.iter().rev() {
        for (id, state) in one.environments()?.into_iter().filter(|(_, state)| state.is_whole()) {
            newest.entry(id).or_insert((state.hash(), one.snapshot.id));
        }
    }
    // An earlier snapshot with the same state serves as well.
    let mut safe: HashSet<EnvironmentId> = HashSet::new();
    for one in kept.iter().filter(|one| !gone.contains(&one.snapshot.id)) {
        for (id, state) in one.environments()? {
            if newest.get(&id).is_some_and(|(hash, _)| *hash == State::hash(&state)) {
                safe.insert(id);
            }
        }
    }
    let mut held: BTreeMap<SnapshotId, Vec<EnvironmentId>> = BTreeMap::new();
    for (id, (_, snapshot)) in newest.into_iter().filter(|(id, _)| !safe.contains(id)) {
        gone.remove(&snapshot);
        held.entry(snapshot).or_default().push(id);
    }
    for ids in held.values_mut() {
        ids.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    }
    Ok(Surplus { ids: gone.into_iter().collect(), held })
}

impl Engine {
    /// Removes what retention does not keep.
    pub fn prune(&mut self, retention: &Retention) -> Result<(Surplus, Pruned), Error> {
        let surplus = surplus(&self.kept()?, retention)?;
        let pruned = self.context.remove_snapshots(&surplus.ids)?;
        Ok((surplus, pruned))
    }
}
