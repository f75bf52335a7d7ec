//! A tree as it is read: a root, and the space that its nodes are in. It never changes.

use std::sync::Arc;

use super::node::{BLOB, Entry, Kind, NODE, Node, PRELUDE, is_sound};
use super::scan::{Item, Scan};
use super::{Error, MAX_DEPTH, Path, Spaces, Totals, Value, owned};
use crate::store::Salt;
use crate::store::block::{Address, Block, Hash};

/// A tree by name: what it holds, where its first node is, and what lies below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    /// Of the content of its first node.
    pub hash: Hash,
    pub(crate) address: Address,
    /// What lies below.
    pub totals: Totals,
}

/// An unchanging tree. Cloning it is a snapshot: it keeps what it reads, and costs nothing else.
#[derive(Debug, Clone)]
pub struct Tree {
    pub(super) space: Spaces,
    salt: Salt,
    root: Option<Root>,
}

/// What a walk calls with each path and its value. An error ends the walk.
pub type Visit<'a> = dyn FnMut(Path<'_>, &Value<'_>) -> Result<(), Error> + 'a;

/// A node that could not be read: its hash is what a caller adds the path to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unread(pub(super) Hash);

/// What is at a path.
pub(super) enum Found<'a> {
    Nothing,
    /// A value, and how many keys of the path lead to it.
    Value(Entry<'a>, usize),
    Tree(Root),
}

impl Tree {
    pub(crate) fn of(space: Spaces, salt: Salt, root: Option<Root>) -> Tree {
        Tree { space, salt, root }
    }

    pub(crate) fn root(&self) -> Option<Root> {
        self.root
    }

    pub(crate) fn space(&self) -> &Spaces {
        &self.space
    }

    /// The key of the hash that decides where its nodes end.
    pub fn salt(&self) -> Salt {
        self.salt
    }

    /// The name of the content: equal for equal content under one salt, on every machine.
    pub fn hash(&self) -> Hash {
        self.root.map_or_else(empty, |root| root.hash)
    }

    /// What lies in it: one look at its root.
    pub fn totals(&self) -> Totals {
        self.root.map_or_else(Totals::default, |root| root.totals)
    }

    /// The value at a path.
    pub fn get(&self, path: Path<'_>) -> Result<Option<Value<'_>>, Error> {
        self.get_from(self.root, path)
    }

    pub(super) fn get_from(
        &self,
        root: Option<Root>,
        path: Path<'_>,
    ) -> Result<Option<Value<'_>>, Error> {
        match self.find_from(root, path)? {
            Found::Value(entry, depth) if depth == path.len() => {
                self.value_of(&entry).map(Some).map_err(|unread| unread.at(&owned(path)))
            }
            _ => Ok(None),
        }
    }

    /// The tree at a path: what all paths that begin with it lead to. The path without keys is the tree
    /// itself.
    pub fn subtree(&self, path: Path<'_>) -> Result<Option<Tree>, Error> {
        if path.is_empty() {
            return Ok(Some(self.clone()));
        }
        Ok(match self.find(path)? {
            Found::Tree(root) => Some(self.at(Some(root))),
            _ => None,
        })
    }

    /// The tree at a path, an empty one where there is none.
    pub(crate) fn subtree_or_empty(&self, path: Path<'_>) -> Result<Tree, Error> {
        Ok(self.subtree(path)?.unwrap_or_else(|| self.at(None)))
    }

    /// The same space, another root.
    pub(super) fn at(&self, root: Option<Root>) -> Tree {
        Tree { space: Arc::clone(&self.space), salt: self.salt, root }
    }

    /// The entries of this level whose keys begin with `prefix`, in order.
    pub fn scan(&self, prefix: &[u8]) -> Result<Scan<'_>, Error> {
        Scan::new(self, prefix)
    }

    /// Calls `visit` with the two parts of the key of each entry of this level and with what it holds, in
    /// order: the quickest way to read many.
    pub fn for_each<'a>(
        &'a self,
        mut visit: impl FnMut(&'a [u8], &'a [u8], Item<'a>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(root) = &self.root else { return Ok(()) };
        let mut open = vec![(self.first(root).map_err(|unread| unread.at(&[]))?, 0)];
        while let Some((node, next)) = open.last_mut() {
            if node.level() > 0 && *next < node.len() {
                let below = self.below(node, &node.entry(*next));
                *next += 1;
                open.push((below.map_err(|unread| unread.at(&[]))?, 0));
                continue;
            }
            if node.level() == 0 {
                let prefix = node.prefix();
                for entry in node.in_turn() {
                    let item = match entry.kind {
                        Kind::Value => Item::Value(entry.value(entry.payload)),
                        _ => self.item(&entry)?,
                    };
                    visit(prefix, entry.suffix, item)?;
                }
            }
            open.pop();
        }
        Ok(())
    }

    /// What an entry holds that leads to a block.
    #[inline(never)]
    fn item<'a>(&'a self, entry: &Entry<'a>) -> Result<Item<'a>, Error> {
        if entry.kind == Kind::Tree {
            return Ok(Item::Tree(self.at(Some(Root::of(entry)))));
        }
        let value = self.value_of(entry);
        let key = || [entry.prefix, entry.suffix].concat();
        value.map(Item::Value).map_err(|unread| unread.at(&[key()]))
    }

    /// Calls `visit` with each value and its whole path, in order: as often as [`Tree::totals`] says, and not
    /// more often. Sharing makes a small file hold a huge tree, so look at them first in a file of others.
    pub fn walk(&self, visit: &mut Visit<'_>) -> Result<(), Error> {
        let mut left = self.totals().records;
        self.walk_below(&mut Vec::new(), &mut left, visit)
    }

    fn walk_below(
        &self,
        path: &mut Vec<Vec<u8>>,
        left: &mut u64,
        visit: &mut Visit<'_>,
    ) -> Result<(), Error> {
        if path.len() > MAX_DEPTH {
            return Err(Unread(self.hash()).at(path));
        }
        for item in self.scan(b"")? {
            let item = item?;
            path.push(item.key());
            match item.item {
                Item::Tree(ref tree) => tree.walk_below(path, left, visit)?,
                Item::Value(value) => {
                    *left = left.checked_sub(1).ok_or_else(|| Unread(self.hash()).at(path))?;
                    let keys: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
                    visit(&keys, &value)?;
                }
            }
            path.pop();
        }
        Ok(())
    }

    pub(super) fn find(&self, path: Path<'_>) -> Result<Found<'_>, Error> {
        self.find_from(self.root, path)
    }

    pub(super) fn find_from(&self, root: Option<Root>, path: Path<'_>) -> Result<Found<'_>, Error> {
        let Some(root) = root else { return Ok(Found::Nothing) };
        // Only what leads on is carried from map to map: this is the way of every lookup.
        let (mut address, mut hash) = (root.address, &root.hash.0);
        for (depth, key) in path.iter().enumerate() {
            let found = self
                .find_key(address, hash, key)
                .map_err(|unread| unread.at(&owned(&path[..=depth])))?;
            let Some((node, number)) = found else { return Ok(Found::Nothing) };
            if !node.is_tree(number) {
                return Ok(Found::Value(node.entry(number), depth + 1));
            }
            if depth + 1 == path.len() {
                return Ok(Found::Tree(Root::of(&node.entry(number))));
            }
            (address, hash) = node.reference(number);
        }
        Ok(Found::Tree(root))
    }

    /// The node that has an entry with this key, and the number of the entry.
    #[inline]
    fn find_key<'a: 'h, 'h>(
        &'a self,
        mut address: Address,
        mut hash: &'h [u8; 32],
        key: &[u8],
    ) -> Result<Option<(Node<'a>, usize)>, Unread> {
        let mut above = None;
        loop {
            let block = self.space.block(address, is_sound).ok().filter(|block| block.has_id(hash));
            // A level that does not decrease would be a tree that was not made by this program.
            let falls = |node: &Node<'_>| above.is_none_or(|above: u8| node.level() + 1 == above);
            let Some(node) = block.and_then(Node::of).filter(falls) else {
                return Err(Unread(Hash(*hash)));
            };
            if node.level() == 0 {
                return Ok(node.find(key).map(|number| (node, number)));
            }
            let at = node.lower_bound(key);
            if at == node.len() {
                return Ok(None);
            }
            above = Some(node.level());
            (address, hash) = node.reference(at);
        }
    }

    /// The first node of a tree.
    #[inline]
    pub(super) fn first(&self, root: &Root) -> Result<Node<'_>, Unread> {
        let block = self.block(root.address, &root.hash)?;
        Node::of(block).ok_or(Unread(root.hash))
    }

    /// The node that an entry of a node leads to.
    #[inline]
    pub(super) fn below(&self, node: &Node<'_>, entry: &Entry<'_>) -> Result<Node<'_>, Unread> {
        let hash = entry.hash();
        let block = self.block(entry.link, &hash)?;
        // A level that does not decrease would be a tree that was not made by this program.
        Node::of(block).filter(|below| below.level() + 1 == node.level()).ok_or(Unread(hash))
    }

    /// A block that has the right name: one that was written to the wrong place has another.
    #[inline]
    pub(super) fn block(&self, address: Address, hash: &Hash) -> Result<Block<'_>, Unread> {
        let block = self.space.block(address, is_sound).map_err(|_| Unread(*hash))?;
        if block.has_id(&hash.0) { Ok(block) } else { Err(Unread(*hash)) }
    }

    /// The value of an entry that is no tree.
    pub(super) fn value_of<'a>(&'a self, entry: &Entry<'a>) -> Result<Value<'a>, Unread> {
        let bytes = match entry.kind {
            Kind::Blob => {
                let hash = entry.hash();
                let content = self.block(entry.link, &hash)?.content();
                let right =
                    content[0] == BLOB && content.len() as u64 - PRELUDE as u64 == entry.size();
                right.then(|| &content[PRELUDE..]).ok_or(Unread(hash))?
            }
            _ => entry.payload,
        };
        Ok(entry.value(bytes))
    }
}

impl Root {
    pub(super) fn of(entry: &Entry<'_>) -> Root {
        Root { hash: entry.hash(), address: entry.link, totals: entry.totals() }
    }
}

impl Unread {
    pub(super) fn at(self, path: &[Vec<u8>]) -> Error {
        Error::NodeCorrupt { path: path.to_vec(), hash: self.0 }
    }
}

/// The hash of a tree without entries.
pub(super) fn empty() -> Hash {
    Hash::of(&[NODE, 0, 0, 0, 0, 0, 0, 0])
}
