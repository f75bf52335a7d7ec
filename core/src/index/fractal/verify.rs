//! Reads everything below a root and compares it with its hashes.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;

use super::node::{BLOB, Entry, Kind, Node, PRELUDE, is_sound};
use super::tree::{Root, Tree};
use super::{MAX_DEPTH, Totals};
use crate::store::block::{Address, Block, Hash};

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Blocks that were read; those that several trees share are read once.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is not as it should be.
    pub damage: Vec<Damage>,
}

/// A block that is not what the tree says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The keys that lead to the map, tree or value; for a node within a map, then the last key that it
    /// holds.
    pub path: Vec<Vec<u8>>,
    /// What its content should hash to.
    pub hash: Hash,
}

impl Tree {
    /// Compares the content of every block with its hash, what nodes say lies below with what does, keys
    /// with those of the node above, and hints with keys. Goes on after damage.
    pub fn verify(&self) -> Verified {
        let mut walk = Walk { tree: self, seen: HashMap::new(), found: Verified::default() };
        if let Some(root) = self.root() {
            walk.root(&root, &mut Vec::new());
        }
        walk.found
    }
}

struct Walk<'a> {
    tree: &'a Tree,
    /// What was said of each block that was read: whoever says something else is wrong.
    seen: HashMap<Address, (Hash, Totals)>,
    found: Verified,
}

/// What a node must be to stand where it stands in its map.
#[derive(Clone, Copy)]
struct Within<'k> {
    level: u8,
    /// The last key before it, and its own last one.
    after: Option<&'k [u8]>,
    last: &'k [u8],
}

impl<'a> Walk<'a> {
    fn root(&mut self, root: &Root, path: &mut Vec<Vec<u8>>) {
        self.node(root, None, path);
    }

    fn node(&mut self, said: &Root, within: Option<Within<'_>>, path: &mut Vec<Vec<u8>>) {
        let Root { hash, address, totals } = *said;
        if path.len() > MAX_DEPTH {
            return self.damaged(hash, path);
        }
        match self.seen.entry(address) {
            Place::Occupied(seen) if *seen.get() != (hash, totals) => {
                return self.damaged(hash, path);
            }
            Place::Occupied(_) => {
                // What is below was looked at, or was reported.
                let node = self.tree.first(said).ok();
                let right = node.is_none_or(|node| stands_within(&node, within));
                if !right {
                    self.damaged(hash, path);
                }
                return;
            }
            Place::Vacant(place) => place.insert((hash, totals)),
        };
        let Some(block) = self.block(address, hash) else { return self.damaged(hash, path) };
        let Some(node) = Node::of(block) else { return self.damaged(hash, path) };
        let right = stands_within(&node, within) && node.totals() == totals;
        if !right || node.right_hints() != node.block().hints() {
            return self.damaged(hash, path);
        }
        let mut before: Option<Vec<u8>> =
            within.and_then(|within| within.after.map(<[u8]>::to_vec));
        for entry in node.entries() {
            if entry.kind == Kind::Value {
                continue;
            }
            let key = [entry.prefix, entry.suffix].concat();
            path.push(key.clone());
            self.entry(&entry, node.level(), before.as_deref(), path);
            path.pop();
            before = Some(key);
        }
    }

    fn entry(
        &mut self,
        entry: &Entry<'_>,
        level: u8,
        after: Option<&[u8]>,
        path: &mut Vec<Vec<u8>>,
    ) {
        match entry.kind {
            Kind::Value => {}
            Kind::Tree => self.root(&Root::of(entry), path),
            Kind::Node => {
                let last = [entry.prefix, entry.suffix].concat();
                // A sound node of level 0 has no entries of this kind.
                let within = Within { level: level.saturating_sub(1), after, last: &last };
                self.node(&Root::of(entry), Some(within), path);
            }
            Kind::Blob => self.blob(entry, path),
        }
    }

    fn blob(&mut self, entry: &Entry<'_>, path: &[Vec<u8>]) {
        let size = Totals { records: entry.size(), ..Totals::default() };
        let said = (entry.hash(), size);
        let right = match self.seen.entry(entry.link) {
            Place::Occupied(seen) => *seen.get() == said,
            Place::Vacant(place) => {
                place.insert(said);
                self.block(entry.link, entry.hash()).is_some_and(|block| {
                    let content = block.content();
                    content[0] == BLOB && (content.len() - PRELUDE) as u64 == entry.size()
                })
            }
        };
        if !right {
            self.damaged(entry.hash(), path);
        }
    }

    fn block(&mut self, address: Address, hash: Hash) -> Option<Block<'a>> {
        let block = self.tree.space().block_afresh(address).ok()?;
        self.found.blocks += 1;
        self.found.bytes += block.len() as u64;
        let right = is_sound(&block, address) && has_name(&block, &hash);
        right.then_some(block)
    }

    fn damaged(&mut self, hash: Hash, path: &[Vec<u8>]) {
        self.found.damage.push(Damage { path: path.to_vec(), hash });
    }
}

/// Whether it is the block with this hash, and says so of itself.
pub(super) fn has_name(block: &Block<'_>, hash: &Hash) -> bool {
    block.id() == hash.id() && Hash::of(block.content()) == *hash
}

/// A sound node has an entry at least.
fn stands_within(node: &Node<'_>, within: Option<Within<'_>>) -> bool {
    let Some(Within { level, after, last }) = within else { return true };
    let mut key = Vec::new();
    node.entry(0).copy_key(&mut key);
    let begins = after.is_none_or(|after| after < key.as_slice());
    begins && node.level() == level && node.entry(node.len() - 1).key_is(last)
}
