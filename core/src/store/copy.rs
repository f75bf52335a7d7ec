//! Copies what is reachable from a block to another arena: for compaction, images, and for what comes
//! from another store.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::arena::Arena;
use super::block::{Address, Block};
use super::space::{Fault, Space};

/// A copy while it is made: no block is copied twice.
#[derive(Debug)]
pub(crate) struct Copied<'a> {
    from: &'a Space,
    to: &'a mut Arena,
    done: HashMap<Address, Address>,
}

impl<'a> Copied<'a> {
    pub(crate) fn new(from: &'a Space, to: &'a mut Arena) -> Copied<'a> {
        Copied { from, to, done: HashMap::new() }
    }

    /// Where the copy of a block is, with everything that it leads to. Each block is checked.
    pub(crate) fn copy(
        &mut self,
        root: Address,
        is_sound: fn(&Block<'_>, Address) -> bool,
    ) -> Result<Address, Fault> {
        // Links lead to lower addresses, so this ends; a stack of its own bears any depth.
        let mut open: Vec<(Address, Block<'_>, usize)> = Vec::new();
        let mut enter = Some(root);
        let mut links = Vec::new();
        loop {
            if let Some(address) = enter.take().filter(|address| !self.done.contains_key(address)) {
                open.push((address, self.from.block(address, is_sound)?, 0));
            }
            let Some((address, block, next)) = open.last_mut() else { break };
            if *next < block.link_count() {
                let link = block.link(*next);
                *next += 1;
                if link != Address::NONE {
                    enter = Some(link);
                }
                continue;
            }
            links.clear();
            links.extend((0..block.link_count()).map(|number| {
                self.done.get(&block.link(number)).copied().unwrap_or(Address::NONE)
            }));
            let (address, block) = (*address, *block);
            if let Entry::Vacant(entry) = self.done.entry(address) {
                entry.insert(self.to.append_copy(&block, &links));
            }
            open.pop();
        }
        self.done.get(&root).copied().ok_or(Fault::Nowhere(root))
    }
}
