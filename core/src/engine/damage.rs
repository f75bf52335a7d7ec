//! What of memory is damaged, by what it tells of; and which snapshots have that whole.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::layout::ENVIRONMENTS;
use super::outline::Outline;
use super::{Engine, Error, Kept, Memory, State, record};
use crate::environments::EnvironmentId;
use crate::environments::inspection::Inspection;
use crate::index::fractal::{Damage, Healed, Tree};
use crate::snapshot::{Context, Options, SnapshotId};

/// What a comparison of everything with its checksums found.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// Blocks that were read.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Damaged blocks.
    pub damage: Vec<Damage>,
    /// What they are parts of.
    pub parts: Vec<Part>,
}

/// Something that damaged blocks are part of.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its keys, from the context.
    pub path: Vec<Vec<u8>>,
    /// Where it is an environment that some snapshot has whole: its prefix.
    pub prefix: Option<PathBuf>,
    /// Whether it is damaged in the present context.
    pub is_present: bool,
    /// Snapshots in which it is damaged.
    pub damaged: Vec<SnapshotId>,
    /// Snapshots that have it whole, as it was then.
    pub whole: Vec<SnapshotId>,
}

impl Part {
    /// Which environment it is.
    pub fn id(&self) -> Option<EnvironmentId> {
        let id = self.path.get(1).filter(|_| is_environment(&self.path))?;
        Some(EnvironmentId(String::from_utf8_lossy(id).into_owned()))
    }
}

/// What became of something in one context.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Absent,
    Whole,
    Damaged,
}

impl Memory {
    /// Reads every block and compares it with its hash.
    pub fn check(&self) -> Checked {
        let verified = self.reader().verify();
        let damage = verified.damage;
        let kept = self.readable();
        let mut parts: BTreeMap<Vec<Vec<u8>>, Part> = BTreeMap::new();
        for path in damage.iter().filter_map(|damage| part_of(&damage.path)) {
            parts.entry(path).or_insert_with_key(|path| self.part(path, &kept));
        }
        let parts = parts.into_values().collect();
        Checked { blocks: verified.blocks, bytes: verified.bytes, damage, parts }
    }

    /// The snapshots whose roots can be read.
    fn readable(&self) -> Vec<Kept> {
        let all = self.reader().list().unwrap_or_default();
        let kept = all.into_iter().filter_map(|snapshot| {
            let tree = self.reader().snapshot(snapshot.id).ok()?;
            Some(Kept { snapshot, tree })
        });
        kept.collect()
    }

    fn part(&self, path: &[Vec<u8>], kept: &[Kept]) -> Part {
        let keys: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
        let mut part = Part {
            path: path.to_vec(),
            prefix: None,
            is_present: self.present().map_or(Look::Damaged, |tree| look(&tree, &keys).0)
                == Look::Damaged,
            damaged: Vec::new(),
            whole: Vec::new(),
        };
        // Most snapshots share it: what is the same is looked at once.
        let mut known: HashMap<crate::store::Hash, Look> = HashMap::new();
        for one in kept {
            let hash = one.tree.subtree(&keys).ok().flatten().map(|tree| tree.hash());
            let found = match hash.and_then(|hash| known.get(&hash).copied()) {
                Some(found) => found,
                None => {
                    let (found, tree) = look(&one.tree, &keys);
                    known.extend(hash.map(|hash| (hash, found)));
                    if let (Look::Whole, Some(tree), true) = (found, tree, is_environment(path)) {
                        part.prefix = State::of(tree).prefix().ok();
                    }
                    found
                }
            };
            match found {
                Look::Damaged => part.damaged.push(one.snapshot.id),
                Look::Whole => part.whole.push(one.snapshot.id),
                Look::Absent => {}
            }
        }
        part
    }
}

fn look(context: &Tree, keys: &[&[u8]]) -> (Look, Option<Tree>) {
    match context.subtree(keys) {
        Err(_) => (Look::Damaged, None),
        Ok(Some(tree)) if tree.verify().damage.is_empty() => (Look::Whole, Some(tree)),
        Ok(Some(_)) => (Look::Damaged, None),
        Ok(None) => match context.get(keys) {
            Err(_) => (Look::Damaged, None),
            Ok(Some(_)) => (Look::Whole, None),
            Ok(None) => (Look::Absent, None),
        },
    }
}

/// What a damaged block is part of: an environment, or an entry, below `live` or `snapshots/ID/context`.
fn part_of(path: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let below = match path {
        [live, below @ ..] if live == b"live" => below,
        [snapshots, _, context, below @ ..]
            if snapshots == b"snapshots" && context == b"context" =>
        {
            below
        }
        _ => return None,
    };
    let keys =
        if below.first().is_some_and(|first| first == ENVIRONMENTS) { 2 } else { below.len() };
    (!below.is_empty()).then(|| below.iter().take(keys).cloned().collect())
}

fn is_environment(path: &[Vec<u8>]) -> bool {
    path.len() == 2 && path[0] == ENVIRONMENTS
}

impl Engine {
    /// Puts whole copies in the place of damaged blocks: from the store itself, and from what stands on disk
    /// now, which is written to a scratch folder for that.
    pub fn heal(&mut self, seen: &Inspection, scratch: &Path) -> Result<Healed, Error> {
        let options = Options { salt: Some(self.context.salt()), ..Options::default() };
        let mut other = Context::open(scratch, &options)?;
        for inspected in &seen.environments {
            let outline = Outline::of(&inspected.environment);
            let tree =
                record::tree_of(&mut other, inspected, &outline, &mut record::Known::default())?;
            other.put_tree(&record::place(&inspected.environment.id.0), &tree)?;
        }
        let source = other.live()?;
        Ok(self.context.heal(&[&source])?)
    }
}
