//! Puts whole copies in the place of damaged blocks: found by their hash in the same store, or in others.

use std::collections::HashMap;

use super::MAX_DEPTH;
use super::context::ContextTree;
use super::node::{Kind, Node, is_sound};
use super::tree::{Root, Tree};
use super::verify::{Damage, has_name};
use crate::store::arena::Arena;
use crate::store::block::{Address, Block, Hash, Id};
use crate::store::space::Space;

/// What became of a damaged tree.
#[derive(Debug)]
pub struct Healed {
    /// The tree with the same hash, whose damaged blocks are whole where a copy was found.
    pub tree: Tree,
    /// Blocks that were put in the place of damaged ones.
    pub healed: u64,
    /// What no source has.
    pub left: Vec<Damage>,
}

impl ContextTree {
    /// The tree with whole copies in the place of its damaged blocks. What it returns is a tree of this
    /// store: [`ContextTree::restore`] makes it the present one.
    pub fn heal(&mut self, tree: &Tree, sources: &[&Tree]) -> Healed {
        let space = self.arena.seal();
        let sources = sources.iter().map(|tree| Source::new(tree.space())).collect();
        let mut healing = Healing {
            own: &space,
            arena: &mut self.arena,
            sources,
            done: HashMap::new(),
            healed: 0,
            left: Vec::new(),
        };
        let root = tree.root().map(|root| {
            let address = healing.whole(&root.hash, Some(root.address), &mut Vec::new());
            Root { address: address.unwrap_or(root.address), ..root }
        });
        let (healed, left) = (healing.healed, healing.left);
        Healed { tree: Tree::of(self.arena.seal(), tree.salt(), root), healed, left }
    }
}

struct Healing<'a> {
    own: &'a Space,
    arena: &'a mut Arena,
    sources: Vec<Source<'a>>,
    done: HashMap<Hash, Option<Address>>,
    healed: u64,
    left: Vec<Damage>,
}

/// Blocks of another store, by content.
struct Source<'a> {
    space: &'a Space,
    known: HashMap<Id, Address>,
}

impl<'a> Source<'a> {
    fn new(space: &'a Space) -> Source<'a> {
        Source {
            space,
            known: space.blocks().map(|(address, block)| (block.id(), address)).collect(),
        }
    }

    fn find(&self, hash: &Hash) -> Option<Block<'a>> {
        let address = *self.known.get(&hash.id())?;
        sound(self.space, address, hash)
    }
}

/// The block at an address, if it is the one with this hash.
fn sound<'a>(space: &'a Space, address: Address, hash: &Hash) -> Option<Block<'a>> {
    let block = space.block_afresh(address).ok()?;
    (is_sound(&block, address) && has_name(&block, hash)).then_some(block)
}

impl Healing<'_> {
    /// Where the block with this hash is whole, with all that it leads to as far as that can be.
    fn whole(
        &mut self,
        hash: &Hash,
        there: Option<Address>,
        path: &mut Vec<Vec<u8>>,
    ) -> Option<Address> {
        if let Some(done) = self.done.get(hash) {
            return *done;
        }
        if path.len() > MAX_DEPTH {
            return None;
        }
        let own = there.and_then(|address| Some((address, sound(self.own, address, hash)?)));
        let address = match own {
            Some((address, block)) => self.below(&block, Some(address), path),
            None => self.copy(hash, path),
        };
        if address.is_none() {
            self.left.push(Damage { path: path.clone(), hash: *hash });
        }
        self.done.insert(*hash, address);
        address
    }

    fn copy(&mut self, hash: &Hash, path: &mut Vec<Vec<u8>>) -> Option<Address> {
        if let Some(address) = self.arena.find(hash) {
            self.healed += 1;
            return match sound(self.own, address, hash) {
                Some(block) => self.below(&block, Some(address), path),
                None => Some(address),
            };
        }
        let block = self.sources.iter().find_map(|source| source.find(hash))?;
        self.healed += 1;
        self.below(&block, None, path)
    }

    /// The block with links to whole blocks: at its own address where nothing had to change. `None` for
    /// one that is not there yet and leads to what no source has.
    fn below(
        &mut self,
        block: &Block<'_>,
        own: Option<Address>,
        path: &mut Vec<Vec<u8>>,
    ) -> Option<Address> {
        let mut links = Vec::with_capacity(block.link_count());
        if let Some(node) = Node::of(*block) {
            for (number, entry) in node.entries().enumerate().take(block.link_count()) {
                if entry.kind == Kind::Value {
                    links.push(Address::NONE);
                    continue;
                }
                path.push([entry.prefix, entry.suffix].concat());
                let there = own.map(|_| block.link(number));
                let whole = self.whole(&entry.hash(), there, path);
                path.pop();
                links.push(whole.or(there)?);
            }
        }
        let same = links.iter().enumerate().all(|(number, link)| block.link(number) == *link);
        Some(match own {
            Some(address) if same => address,
            _ => self.arena.append_anew(block.hints(), &links, block.content()),
        })
    }
}
