//! The tree that changes: an unchanging one, and changes since, in an arena that is freed at once when
//! they become nodes.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bumpalo::Bump;
use self_cell::self_cell;

use super::apply::{Apply, Edit};
use super::build::{Builder, check};
use super::node::is_sound;
use super::tree::{Found, Root, Tree};
use super::verify::Damage;
use super::{Error, Keyed, Path, Value, owned};
use crate::store::arena::Arena;
use crate::store::{Copied, Salt};

/// Changes become nodes at the latest when they take as many bytes.
const MOST_PENDING_BYTES: usize = 8 << 20;

/// A tree that can be changed.
#[derive(Debug)]
pub struct ContextTree {
    pub(crate) arena: Arena,
    base: Tree,
    pending: Pending,
}

type Edits<'a> = BTreeMap<&'a [u8], Edit<'a>>;

self_cell!(
    /// Changes by coded path. Their bytes are in the arena.
    struct Pending {
        owner: Bump,
        #[covariant]
        dependent: Edits,
    }

    impl {Debug}
);

impl ContextTree {
    /// An empty tree in memory. Trees are equal byte by byte only under one salt.
    pub fn in_memory(salt: Salt) -> ContextTree {
        ContextTree::new(Arena::new(), salt, None)
    }

    pub(crate) fn new(arena: Arena, salt: Salt, root: Option<Root>) -> ContextTree {
        let base = Tree::of(Arc::clone(arena.space()), salt, root);
        ContextTree { arena, base, pending: nothing() }
    }

    /// The key of the hash that decides where nodes end.
    pub fn salt(&self) -> Salt {
        self.base.salt()
    }

    /// The value at a path.
    pub fn get(&self, path: Path<'_>) -> Result<Option<Value<'_>>, Error> {
        let edits = self.pending.borrow_dependent();
        if edits.is_empty() {
            return self.base.get(path);
        }
        let coded = encode(path);
        let mut end = coded.len();
        for depth in (1..=path.len()).rev() {
            match edits.get(&coded[..end]) {
                Some(Edit::Value(value)) if depth == path.len() => return Ok(Some(*value)),
                Some(Edit::Value(_) | Edit::Remove) => return Ok(None),
                Some(Edit::Tree(root)) => return self.get_in(*root, &path[depth..]),
                None => end -= coded_length(path[depth - 1]),
            }
        }
        self.base.get(path)
    }

    fn get_in(&self, root: Root, path: Path<'_>) -> Result<Option<Value<'_>>, Error> {
        self.base.get_from(Some(root), path)
    }

    /// Puts a value at a path, in the place of the one that is there.
    pub fn put(&mut self, path: Path<'_>, value: &Value<'_>) -> Result<(), Error> {
        check(path, value)?;
        if self.refuse_conflict(path).is_err() {
            // What stands in the way may be removed already.
            self.seal()?;
            self.refuse_conflict(path)?;
        }
        let coded = encode(path);
        self.pending.with_dependent_mut(|arena, edits| {
            let bytes: &[u8] = arena.alloc_slice_copy(value.bytes);
            let edit = Edit::Value(Value { bytes, ..*value });
            match edits.get_mut(coded.as_slice()) {
                Some(there) => *there = edit,
                None => {
                    edits.insert(arena.alloc_slice_copy(&coded), edit);
                }
            }
        });
        if self.pending.borrow_owner().allocated_bytes() > MOST_PENDING_BYTES {
            self.seal()?;
        }
        Ok(())
    }

    /// Puts a tree of this store at a path, in the place of what is there. Nothing is copied.
    pub fn put_tree(&mut self, path: Path<'_>, tree: &Tree) -> Result<(), Error> {
        check(path, &Value::default())?;
        if tree.space().lineage != self.base.space().lineage {
            return Err(Error::Foreign);
        }
        let edit = tree.root().map_or(Edit::Remove, Edit::Tree);
        self.replace(path, edit)?;
        // The tree may have been built after the base was sealed.
        self.base = Tree::of(self.arena.seal(), self.base.salt(), self.base.root());
        Ok(())
    }

    /// Removes what is at a path: a value, or a tree with all that is in it. Whether there was any is
    /// not said; `get` and `subtree` say it.
    pub fn remove(&mut self, path: Path<'_>) -> Result<(), Error> {
        check(path, &Value::default())?;
        self.replace(path, Edit::Remove)
    }

    fn replace(&mut self, path: Path<'_>, edit: Edit<'static>) -> Result<(), Error> {
        self.refuse_value_above(path)?;
        let coded = encode(path);
        self.pending.with_dependent_mut(|arena, edits| {
            let below: Vec<&[u8]> = edits
                .range::<[u8], _>((Bound::Included(coded.as_slice()), Bound::Unbounded))
                .map(|(path, _)| *path)
                .take_while(|path| path.starts_with(&coded))
                .collect();
            for path in below {
                edits.remove(path);
            }
            edits.insert(arena.alloc_slice_copy(&coded), edit);
        });
        Ok(())
    }

    /// The tree in this store: itself where it is of this store, else a copy of what was found whole. One
    /// of another salt is built anew, since its nodes end elsewhere; that takes time for each of its
    /// records, shared or not.
    pub fn adopt(&mut self, tree: &Tree) -> Result<Tree, Error> {
        if tree.space().lineage == self.base.space().lineage {
            return Ok(tree.clone());
        }
        if tree.salt() != self.base.salt() {
            let mut builder = self.builder();
            tree.walk(&mut |path, value| builder.push(path, value))?;
            return Ok(builder.finish());
        }
        // Blocks are taken as they are, so what they say of themselves has to be true.
        if let Some(Damage { path, hash }) = tree.verify().damage.into_iter().next() {
            return Err(Error::NodeCorrupt { path, hash });
        }
        let root = tree.root().map(|root| -> Result<Root, Error> {
            let mut copied = Copied::new(tree.space(), &mut self.arena);
            let corrupt = |_| Error::NodeCorrupt { path: Vec::new(), hash: root.hash };
            Ok(Root { address: copied.copy(root.address, is_sound).map_err(corrupt)?, ..root })
        });
        let root = root.transpose()?;
        Ok(Tree::of(self.arena.seal(), self.base.salt(), root))
    }

    /// A builder for a tree that is then put at a path.
    pub fn builder(&mut self) -> Builder<'_> {
        Builder::new(&mut self.arena, self.base.salt())
    }

    /// The tree as it is now: changes become nodes, O(changes). What it returns is a snapshot.
    pub fn seal(&mut self) -> Result<Tree, Error> {
        if !self.pending.borrow_dependent().is_empty() {
            let base = self.base.clone();
            let scratch = Bump::new();
            let edits: Vec<(&[u8], Edit<'_>)> =
                self.pending.borrow_dependent().iter().map(|(path, edit)| (*path, *edit)).collect();
            let mut apply = Apply {
                arena: &mut self.arena,
                keyed: Keyed::new(base.salt()),
                base: &base,
                scratch: &scratch,
                spare: Vec::new(),
            };
            let root = apply.map(base.root(), &edits, &mut Vec::new())?;
            drop(edits);
            self.base = Tree::of(self.arena.seal(), base.salt(), root);
            self.pending = nothing();
        }
        Ok(self.base.clone())
    }

    /// Reads from where the arena has its blocks now: the file in the place of memory, which is freed when
    /// no older tree needs it.
    pub(crate) fn move_to_arena(&mut self) {
        self.base = Tree::of(Arc::clone(self.arena.space()), self.base.salt(), self.base.root());
    }

    /// Makes the tree what a snapshot of it was, exactly. Changes since are dropped; whoever reads a
    /// tree of before keeps it.
    pub fn restore(&mut self, tree: &Tree) -> Result<(), Error> {
        if tree.space().lineage != self.base.space().lineage {
            return Err(Error::Foreign);
        }
        self.pending = nothing();
        self.base = Tree::of(self.arena.seal(), self.base.salt(), tree.root());
        Ok(())
    }

    /// An error where the path leads through a value, or to a tree.
    fn refuse_conflict(&self, path: Path<'_>) -> Result<(), Error> {
        self.refuse_value_above(path)?;
        let edits = self.pending.borrow_dependent();
        let coded = encode(path);
        let is_tree = match edits.get(coded.as_slice()) {
            Some(Edit::Value(_)) => false,
            Some(Edit::Tree(_)) => true,
            Some(Edit::Remove) | None => {
                let after = (Bound::Excluded(coded.as_slice()), Bound::Unbounded);
                let next = edits.range::<[u8], _>(after).next();
                let has_below = next.is_some_and(|(path, _)| path.starts_with(&coded));
                has_below || self.is_base_tree(path)?
            }
        };
        if is_tree { Err(Error::Conflict { path: owned(path) }) } else { Ok(()) }
    }

    fn is_base_tree(&self, path: Path<'_>) -> Result<bool, Error> {
        let (root, rest) = self.under(path);
        Ok(match rest {
            [] => root.is_some(),
            rest => matches!(self.base.find_from(root, rest)?, Found::Tree(_)),
        })
    }

    fn refuse_value_above(&self, path: Path<'_>) -> Result<(), Error> {
        let edits = self.pending.borrow_dependent();
        let coded = encode(path);
        let mut end = 0;
        for (depth, key) in path[..path.len() - 1].iter().enumerate() {
            end += coded_length(key);
            if let Some(Edit::Value(_)) = edits.get(&coded[..end]) {
                return Err(Error::Conflict { path: owned(&path[..=depth]) });
            }
        }
        let (root, rest) = self.under(&path[..path.len() - 1]);
        let above = path.len() - 1 - rest.len();
        match self.base.find_from(root, rest)? {
            Found::Value(_, depth) => Err(Error::Conflict { path: owned(&path[..above + depth]) }),
            _ => Ok(()),
        }
    }

    /// What a path is looked up in when changes are left out that are values: the root that the last
    /// tree or removal above it, or at it, says, and the rest of the path.
    fn under<'p>(&self, path: Path<'p>) -> (Option<Root>, Path<'p>) {
        let edits = self.pending.borrow_dependent();
        let coded = encode(path);
        let mut end = coded.len();
        for depth in (1..=path.len()).rev() {
            match edits.get(&coded[..end]) {
                Some(Edit::Tree(root)) => return (Some(*root), &path[depth..]),
                Some(Edit::Remove) => return (None, &path[depth..]),
                _ => end -= coded_length(path[depth - 1]),
            }
        }
        (self.base.root(), path)
    }
}

fn nothing() -> Pending {
    Pending::new(Bump::new(), |_| BTreeMap::new())
}

/// A path as bytes that sort as paths do: each key, with zeros as `0 1`, then `0 0`.
fn encode(path: Path<'_>) -> Vec<u8> {
    let mut coded = Vec::with_capacity(path.iter().map(|key| key.len() + 2).sum());
    for key in path {
        for byte in *key {
            coded.push(*byte);
            if *byte == 0 {
                coded.push(1);
            }
        }
        coded.extend_from_slice(&[0, 0]);
    }
    coded
}

fn coded_length(key: &[u8]) -> usize {
    key.len() + key.iter().filter(|byte| **byte == 0).count() + 2
}

/// The first key of a coded path, still coded, and the rest.
pub(super) fn split(coded: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some(zero) = memchr::memchr(0, &coded[at..]) {
        at += zero + 2;
        if coded[at - 1] == 0 {
            break;
        }
    }
    coded.split_at(at)
}

/// One coded key as it was.
pub(super) fn decode<'a>(coded: &[u8], arena: &'a Bump) -> &'a [u8] {
    let mut key = bumpalo::collections::Vec::with_capacity_in(coded.len(), arena);
    let mut bytes = coded[..coded.len() - 2].iter();
    while let Some(byte) = bytes.next() {
        key.push(*byte);
        if *byte == 0 {
            bytes.next();
        }
    }
    key.into_bump_slice()
}
