//! Makes the tree that a tree becomes by changes: only what changed is made anew.
//!
//! The nodes of the old tree go by in order. One that no change falls into is taken over as it is, where
//! the new nodes begin as the old ones did; the entries of others are put into new nodes. As where a node
//! ends depends on its own entries alone, the two fall into step again soon after a change.

use bumpalo::Bump;

use super::build::{Nodes, Part, push_tree, push_value};
use super::node::{Entry, Kind, Node};
use super::tree::{Root, Tree, Unread};
use super::{Error, Keyed, Value};
use crate::store::arena::Arena;

/// A change of what is at a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Edit<'a> {
    Value(Value<'a>),
    Tree(Root),
    Remove,
}

/// The change of one key of a map.
struct Slot<'a> {
    key: &'a [u8],
    edit: Edit<'a>,
}

/// One application of changes.
pub(super) struct Apply<'a> {
    pub(super) arena: &'a mut Arena,
    pub(super) keyed: Keyed,
    pub(super) base: &'a Tree,
    /// For what lives as long as the application: keys, and the changes of each map.
    pub(super) scratch: &'a Bump,
    /// Of maps that are finished.
    pub(super) spare: Vec<Nodes>,
}

impl<'a> Apply<'a> {
    /// The map with these changes, sorted by their paths, which are coded by [`super::context::encode`].
    pub(super) fn map(
        &mut self,
        old: Option<Root>,
        edits: &[(&'a [u8], Edit<'a>)],
        path: &mut Vec<Vec<u8>>,
    ) -> Result<Option<Root>, Error> {
        let mut slots = bumpalo::collections::Vec::new_in(self.scratch);
        let mut rest = edits;
        while let Some((first, _)) = rest.first() {
            let (coded, _) = super::context::split(first);
            let many = rest.partition_point(|(path, _)| path.starts_with(coded));
            let (group, after) = rest.split_at(many);
            rest = after;
            let key = super::context::decode(coded, self.scratch);
            path.push(key.to_vec());
            let edit = self.slot(old, key, coded.len(), group, path)?;
            path.pop();
            slots.push(Slot { key, edit });
        }
        self.merge_root(old, &slots).map_err(|unread| unread.at(path))
    }

    /// What a key becomes by the changes of it and of what lies below it.
    fn slot(
        &mut self,
        old: Option<Root>,
        key: &'a [u8],
        coded: usize,
        group: &[(&'a [u8], Edit<'a>)],
        path: &mut Vec<Vec<u8>>,
    ) -> Result<Edit<'a>, Error> {
        let (own, below) = match group.split_first() {
            Some(((first, edit), below)) if first.len() == coded => (Some(*edit), below),
            _ => (None, group),
        };
        if below.is_empty() {
            return Ok(own.unwrap_or(Edit::Remove));
        }
        let start = match own {
            Some(Edit::Remove) => None,
            Some(Edit::Tree(root)) => Some(root),
            Some(Edit::Value(_)) => return Err(Error::Conflict { path: path.clone() }),
            None => match self.base.find_from(old, &[key])? {
                super::tree::Found::Nothing => None,
                super::tree::Found::Tree(root) => Some(root),
                super::tree::Found::Value(..) => {
                    return Err(Error::Conflict { path: path.clone() });
                }
            },
        };
        let mut shorter = bumpalo::collections::Vec::new_in(self.scratch);
        shorter.extend(below.iter().map(|(path, edit)| (&path[coded..], *edit)));
        Ok(self.map(start, &shorter, path)?.map_or(Edit::Remove, Edit::Tree))
    }

    fn merge_root(
        &mut self,
        old: Option<Root>,
        slots: &[Slot<'_>],
    ) -> Result<Option<Root>, Unread> {
        let mut nodes = self.spare.pop().unwrap_or_else(|| Nodes::new(self.keyed));
        match old {
            Some(old) => {
                let base = self.base;
                let node = base.first(&old)?;
                self.merge(&mut nodes, &node, slots, true)?;
            }
            None => slots.iter().for_each(|slot| self.push(&mut nodes, slot)),
        }
        let root = nodes.finish(self.arena);
        self.spare.push(nodes);
        let Some(mut root) = root else { return Ok(None) };
        // A node that was the last of a larger tree may have one entry; as a root it has none above it.
        while root.address.0 < self.base.space().end() {
            let node = self.base.first(&root)?;
            if node.level() == 0 || node.len() > 1 {
                break;
            }
            root = Root::of(&node.entry(0));
        }
        Ok(Some(root))
    }

    /// Puts what a node of the old map becomes into the nodes of the new one.
    fn merge(
        &mut self,
        nodes: &mut Nodes,
        node: &Node<'_>,
        mut slots: &[Slot<'_>],
        is_last: bool,
    ) -> Result<(), Unread> {
        if node.level() == 0 {
            self.merge_leaf(nodes, node, slots);
            return Ok(());
        }
        let base = self.base;
        let level = usize::from(node.level());
        let mut key = Vec::new();
        for (number, entry) in node.entries().enumerate() {
            entry.copy_key(&mut key);
            let takes_rest = is_last && number + 1 == node.len();
            let many = match takes_rest {
                true => slots.len(),
                false => slots.partition_point(|slot| slot.key <= key.as_slice()),
            };
            let (own, rest) = slots.split_at(many);
            slots = rest;
            if own.is_empty() && nodes.is_between(level - 1) {
                nodes.push_node(self.arena, level, &key, &entry);
            } else {
                let below = base.below(node, &entry)?;
                self.merge(nodes, &below, own, takes_rest)?;
            }
        }
        Ok(())
    }

    fn merge_leaf(&mut self, nodes: &mut Nodes, node: &Node<'_>, slots: &[Slot<'_>]) {
        let mut slots = slots.iter().peekable();
        let mut key = Vec::new();
        for entry in node.entries() {
            entry.copy_key(&mut key);
            while let Some(slot) = slots.next_if(|slot| slot.key < key.as_slice()) {
                self.push(nodes, slot);
            }
            match slots.next_if(|slot| slot.key == key.as_slice()) {
                Some(slot) => self.push(nodes, slot),
                None => self.keep(nodes, &key, &entry),
            }
        }
        slots.for_each(|slot| self.push(nodes, slot));
    }

    fn keep(&mut self, nodes: &mut Nodes, key: &[u8], entry: &Entry<'_>) {
        debug_assert!(entry.kind != Kind::Node, "a leaf has no nodes");
        nodes.push(self.arena, &Part { key, ..Part::from(entry) });
    }

    fn push(&mut self, nodes: &mut Nodes, slot: &Slot<'_>) {
        match &slot.edit {
            Edit::Value(value) => push_value(self.arena, nodes, slot.key, value),
            Edit::Tree(root) => push_tree(self.arena, nodes, slot.key, root),
            Edit::Remove => {}
        }
    }
}
