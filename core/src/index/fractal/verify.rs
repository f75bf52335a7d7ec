//! Reads everything below a root and compares it with its hashes.

use std::collections::HashSet;

use super::node::{BLOB, Entry, Kind, NODE, Node, PRELUDE, head, is_sound};
use super::tree::{Root, Tree};
use super::{Totals, hint};
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
    /// Compares the content of every block with its hash, what nodes say lies below with what does, and
    /// hints with keys. Goes on after damage.
    pub fn verify(&self) -> Verified {
        let mut walk = Walk { tree: self, seen: HashSet::new(), found: Verified::default() };
        if let Some(root) = self.root() {
            walk.root(&root, &mut Vec::new());
        }
        walk.found
    }
}

struct Walk<'a> {
    tree: &'a Tree,
    seen: HashSet<Address>,
    found: Verified,
}

impl<'a> Walk<'a> {
    fn root(&mut self, root: &Root, path: &mut Vec<Vec<u8>>) {
        self.node(root.address, root.hash, root.totals, None, path);
    }

    fn node(
        &mut self,
        address: Address,
        hash: Hash,
        totals: Totals,
        level: Option<u8>,
        path: &mut Vec<Vec<u8>>,
    ) {
        if !self.seen.insert(address) {
            return;
        }
        let Some(block) = self.block(address, hash) else { return self.damaged(hash, path) };
        if block.content()[0] != NODE {
            return self.damaged(hash, path);
        }
        let node = Node::of(block);
        let right = level.is_none_or(|level| level == node.level()) && node.totals() == totals;
        if !right || !self.has_right_hints(&node) {
            return self.damaged(hash, path);
        }
        for entry in node.entries() {
            if entry.kind == Kind::Value {
                continue;
            }
            path.push([entry.prefix, entry.suffix].concat());
            self.entry(&entry, node.level(), path);
            path.pop();
        }
    }

    fn entry(&mut self, entry: &Entry<'_>, level: u8, path: &mut Vec<Vec<u8>>) {
        match entry.kind {
            Kind::Value => {}
            Kind::Tree => self.root(&Root::of(entry), path),
            Kind::Node => {
                let below = level.checked_sub(1);
                self.node(entry.link, entry.hash(), entry.totals(), below, path);
            }
            Kind::Blob => {
                if !self.seen.insert(entry.link) {
                    return;
                }
                let block = self.block(entry.link, entry.hash());
                let right = block.is_some_and(|block| {
                    let content = block.content();
                    content[0] == BLOB && (content.len() - PRELUDE) as u64 == entry.size()
                });
                if !right {
                    self.damaged(entry.hash(), path);
                }
            }
        }
    }

    fn block(&mut self, address: Address, hash: Hash) -> Option<Block<'a>> {
        let block = self.tree.space().block_afresh(address).ok()?;
        self.found.blocks += 1;
        self.found.bytes += block.len() as u64;
        (is_sound(&block, address) && Hash::of(block.content()) == hash).then_some(block)
    }

    fn has_right_hints(&self, node: &Node<'_>) -> bool {
        let hints = node.block().hints();
        let mut key = Vec::new();
        if node.level() == 0 {
            return node.len() <= hints.len()
                && node.entries().zip(hints).all(|(entry, there)| {
                    entry.copy_key(&mut key);
                    hint(&key) == *there
                });
        }
        4 * node.len() <= hints.len()
            && node
                .entries()
                .zip(hints.chunks_exact(4))
                .all(|(entry, there)| head(entry.suffix).to_le_bytes() == there)
    }

    fn damaged(&mut self, hash: Hash, path: &[Vec<u8>]) {
        self.found.damage.push(Damage { path: path.to_vec(), hash });
    }
}
