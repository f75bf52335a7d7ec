//! The entries of one map in order.

use super::node::{Entry, Kind, Node};
use super::tree::{Root, Tree, Unread};
use super::{Error, Value};

/// Entries whose keys begin with a prefix.
#[derive(Debug)]
pub struct Scan<'a> {
    tree: &'a Tree,
    prefix: Vec<u8>,
    /// From the root down to the open leaf: a node, and the entry that comes next.
    open: Vec<(Node<'a>, usize)>,
}

/// An entry of a map.
#[derive(Debug)]
pub struct Scanned<'a> {
    /// The first part of the key: many entries share it.
    pub prefix: &'a [u8],
    /// The rest of the key.
    pub suffix: &'a [u8],
    /// What it is.
    pub item: Item<'a>,
}

/// What an entry holds.
#[derive(Debug)]
pub enum Item<'a> {
    /// A value.
    Value(Value<'a>),
    /// A tree.
    Tree(Tree),
}

impl Scanned<'_> {
    /// The whole key.
    pub fn key(&self) -> Vec<u8> {
        [self.prefix, self.suffix].concat()
    }
}

impl<'a> Scan<'a> {
    pub(super) fn new(tree: &'a Tree, prefix: &[u8]) -> Result<Scan<'a>, Error> {
        let mut scan = Scan { tree, prefix: prefix.to_vec(), open: Vec::new() };
        if let Some(root) = tree.root() {
            scan.seek(&root).map_err(|unread| unread.at(&[prefix.to_vec()]))?;
        }
        Ok(scan)
    }

    fn seek(&mut self, root: &Root) -> Result<(), Unread> {
        let mut node = self.tree.first(root)?;
        loop {
            let at = node.lower_bound(&self.prefix);
            if node.level() == 0 || at == node.len() {
                self.open.push((node, at));
                return Ok(());
            }
            self.open.push((node, at + 1));
            node = self.tree.below(&node, &node.entry(at))?;
        }
    }

    /// The next entry as it stands.
    #[inline]
    pub(super) fn entry(&mut self) -> Result<Option<Entry<'a>>, Unread> {
        loop {
            let Some((node, next)) = self.open.last_mut() else { return Ok(None) };
            if *next == node.len() {
                self.open.pop();
                continue;
            }
            let entry = node.entry(*next);
            *next += 1;
            if node.level() > 0 {
                let below = self.tree.below(node, &entry)?;
                self.open.push((below, 0));
                continue;
            }
            if self.is_within(&entry) {
                return Ok(Some(entry));
            }
            self.open.clear();
        }
    }

    #[inline]
    fn is_within(&self, entry: &Entry<'_>) -> bool {
        let (wanted, have) = (self.prefix.as_slice(), entry.prefix);
        match wanted.strip_prefix(have) {
            Some(rest) => entry.suffix.starts_with(rest),
            None => have.starts_with(wanted),
        }
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Result<Scanned<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let entry = match self.entry() {
            Ok(entry) => entry?,
            Err(unread) => {
                self.open.clear();
                return Some(Err(unread.at(&[])));
            }
        };
        let item = match entry.kind {
            Kind::Tree => Ok(Item::Tree(self.tree.at(Some(Root::of(&entry))))),
            _ => self.tree.value_of(&entry).map(Item::Value),
        };
        let key = || [entry.prefix, entry.suffix].concat();
        Some(match item {
            Ok(item) => Ok(Scanned { prefix: entry.prefix, suffix: entry.suffix, item }),
            Err(unread) => Err(unread.at(&[key()])),
        })
    }
}
