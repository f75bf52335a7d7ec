//! Which snapshots are kept, and what each of them costs.

use std::collections::{BTreeSet, HashMap};

use super::{CONTEXT, Context, Error, LIVE, Reader, SNAPSHOTS, Snapshot, SnapshotId, list, now_ms};
use crate::index::fractal::{Tree, is_sound};
use crate::store;
use crate::store::block::Address;
use crate::store::space::Space;

/// What is kept. Snapshots with a name are kept always, until they are removed by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// So many of the newest.
    pub newest: usize,
    /// The last one of each day, for so many days.
    pub days: u64,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { newest: 20, days: 30 }
    }
}

/// What pruning removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The snapshots that are gone.
    pub removed: Vec<SnapshotId>,
    /// Bytes that the file is shorter.
    pub freed_bytes: u64,
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// The file is written anew when so many of its bytes are of no use: one in four.
const WASTE: u64 = 4;

impl Retention {
    /// Those that are not kept, at a time in milliseconds since 1970.
    pub fn surplus(&self, all: &[Snapshot], now_ms: u64) -> Vec<SnapshotId> {
        let mut kept: BTreeSet<SnapshotId> =
            all.iter().rev().take(self.newest).map(|snapshot| snapshot.id).collect();
        let mut days = BTreeSet::new();
        for Snapshot { id, about, .. } in all.iter().rev() {
            let day = about.time_ms / DAY_MS;
            let is_young = (now_ms / DAY_MS).saturating_sub(day) < self.days;
            if about.name.is_some() || is_young && days.insert(day) {
                kept.insert(*id);
            }
        }
        all.iter().map(|snapshot| snapshot.id).filter(|id| !kept.contains(id)).collect()
    }
}

impl Context {
    /// Removes the snapshots that retention does not keep, and gives their bytes back.
    pub fn prune(&mut self, retention: &Retention) -> Result<Pruned, Error> {
        let surplus = retention.surplus(&self.list()?, now_ms());
        self.remove_snapshots(&surplus)
    }

    /// Removes snapshots, and gives their bytes back where that is worth writing the file anew.
    pub fn remove_snapshots(&mut self, ids: &[SnapshotId]) -> Result<Pruned, Error> {
        self.all_or_nothing(|context| {
            for id in ids {
                context.snapshot(*id)?;
                context.tree.remove(&[SNAPSHOTS, &id.key()])?;
            }
            Ok(())
        })?;
        let mut pruned = Pruned { removed: ids.to_vec(), freed_bytes: 0 };
        let used = self.used_bytes()?;
        let file = self.file_bytes();
        if !ids.is_empty() && file.saturating_sub(used) > file / WASTE {
            pruned.freed_bytes = self.compact()?;
        }
        Ok(pruned)
    }

    /// Bytes that each snapshot alone keeps: what removing it would give back. The oldest first.
    pub fn costs(&mut self) -> Result<Vec<(SnapshotId, u64)>, Error> {
        costs(&self.tree.seal()?)
    }

    /// Bytes of the blocks that something leads to.
    fn used_bytes(&mut self) -> Result<u64, Error> {
        let all = self.tree.seal()?;
        let mut owners = Owners { space: all.space(), of: HashMap::new() };
        owners.mark(&all, None)?;
        Ok(owners.of.values().map(|(_, bytes)| bytes).sum())
    }
}

impl Reader {
    /// Bytes that each snapshot alone keeps: what removing it would give back. The oldest first.
    pub fn costs(&self) -> Result<Vec<(SnapshotId, u64)>, Error> {
        costs(&self.all())
    }

    /// Bytes that these snapshots keep together, and nothing else does.
    pub fn cost_of(&self, ids: &[SnapshotId]) -> Result<u64, Error> {
        let together = |id| if ids.contains(&id) { ids.first().copied() } else { None };
        let owners = owners(&self.all(), together)?;
        Ok(owners.values().filter(|(owner, _)| owner.is_some()).map(|(_, bytes)| bytes).sum())
    }
}

fn costs(all: &Tree) -> Result<Vec<(SnapshotId, u64)>, Error> {
    let mut costs: HashMap<SnapshotId, u64> = HashMap::new();
    for (owner, bytes) in owners(all, Some)?.into_values() {
        if let Some(id) = owner {
            *costs.entry(id).or_default() += bytes;
        }
    }
    let cost = |id| costs.get(&id).copied().unwrap_or_default();
    Ok(list(all)?.iter().map(|snapshot| (snapshot.id, cost(snapshot.id))).collect())
}

/// Who leads to each block, snapshots by the name that `owner` gives them.
fn owners(
    all: &Tree,
    owner: impl Fn(SnapshotId) -> Option<SnapshotId>,
) -> Result<HashMap<Address, (Option<SnapshotId>, u64)>, Error> {
    let mut owners = Owners { space: all.space(), of: HashMap::new() };
    // The present context owns what it shares with a snapshot.
    owners.mark(&all.subtree_or_empty(&[LIVE])?, None)?;
    for snapshot in list(all)? {
        let context = all.subtree_or_empty(&[SNAPSHOTS, &snapshot.id.key(), CONTEXT])?;
        owners.mark(&context, owner(snapshot.id))?;
    }
    Ok(owners.of)
}

/// Who leads to a block: one snapshot, or several and the present context (`None`).
struct Owners<'a> {
    space: &'a Space,
    of: HashMap<Address, (Option<SnapshotId>, u64)>,
}

impl Owners<'_> {
    /// A block is looked at twice at most: by its first owner, and by its second, who shares it and all
    /// that it leads to.
    fn mark(&mut self, tree: &Tree, owner: Option<SnapshotId>) -> Result<(), Error> {
        let mut open: Vec<Address> = tree.root().map(|root| root.address).into_iter().collect();
        while let Some(address) = open.pop() {
            let block = self.space.block(address, is_sound).map_err(store::Error::from)?;
            let bytes = block.len() as u64;
            match self.of.get_mut(&address) {
                Some((None, _)) => continue,
                Some((Some(first), _)) if Some(*first) == owner => continue,
                Some((first, _)) => *first = None,
                None => {
                    self.of.insert(address, (owner, bytes));
                }
            }
            let links = (0..block.link_count()).map(|number| block.link(number));
            open.extend(links.filter(|link| *link != Address::NONE));
        }
        Ok(())
    }
}
