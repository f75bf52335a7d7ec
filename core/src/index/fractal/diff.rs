//! What differs between two trees: both go by in order, and what has equal hashes is passed over whole.

use std::cmp::Ordering;

use super::node::{Entry, Kind, Node};
use super::scan::Item;
use super::tree::{Root, Tree, Unread};
use super::{Error, MAX_DEPTH, Value};
use crate::store::Hash;

/// What became of a path.
#[derive(Debug)]
pub enum Change<'a> {
    /// There is a value or a tree where there was none.
    Added(Item<'a>),
    /// There was one, and there is none.
    Removed(Item<'a>),
    /// A value or a tree took the place of another; two trees are looked into instead.
    Changed(Item<'a>, Item<'a>),
}

/// A path, and what became of it.
#[derive(Debug)]
pub struct Difference<'a> {
    /// The keys that lead to it.
    pub path: Vec<Vec<u8>>,
    /// What became of it.
    pub change: Change<'a>,
}

/// Where a tree is being read: from the root down, a node and the entry that is looked at.
struct Cursor<'a> {
    tree: &'a Tree,
    open: Vec<(Node<'a>, usize)>,
    /// Where the nodes of the present map begin in `open`; before it are those of the maps above.
    base: usize,
}

impl<'a> Cursor<'a> {
    fn new(tree: &'a Tree) -> Cursor<'a> {
        Cursor { tree, open: Vec::new(), base: 0 }
    }

    /// Goes into a map. Returns what [`Cursor::leave`] needs to come back.
    fn enter(&mut self, root: &Root) -> Result<usize, Unread> {
        let first = self.tree.first(root)?;
        let above = std::mem::replace(&mut self.base, self.open.len());
        self.open.push((first, 0));
        Ok(above)
    }

    fn leave(&mut self, above: usize) {
        self.open.truncate(self.base);
        self.base = above;
    }

    fn top(&mut self) -> Option<&mut (Node<'a>, usize)> {
        self.open[self.base..].last_mut()
    }

    /// The level and the entry that is looked at. `None` at the end.
    fn peek(&mut self) -> Option<(u8, Entry<'a>)> {
        loop {
            let (node, at) = self.top()?;
            if *at < node.len() {
                return Some((node.level(), node.entry(*at)));
            }
            self.open.pop();
            self.advance();
        }
    }

    fn advance(&mut self) {
        if let Some((_, at)) = self.top() {
            *at += 1;
        }
    }

    fn descend(&mut self) -> Result<(), Unread> {
        let tree = self.tree;
        if let Some((node, at)) = self.top() {
            let below = tree.below(node, &node.entry(*at))?;
            self.open.push((below, 0));
        }
        Ok(())
    }

    /// The entry before: all that is still to come is greater.
    fn before(&self) -> Option<Entry<'a>> {
        let (node, at) = self.open[self.base..].iter().rev().find(|(_, at)| *at > 0)?;
        Some(node.entry(*at - 1))
    }

    /// Passes over what both have at the same places: values and trees by the bytes of their entries, nodes
    /// by their addresses, which is quicker than looking at each hash.
    fn skip_equal(&mut self, other: &mut Cursor<'a>, same_space: bool) {
        let (Some((one, at)), Some((two, other_at))) = (self.top(), other.top()) else { return };
        let same = match one.level() {
            0 => one.equal_run(*at, two, *other_at),
            _ if same_space => {
                let rest = |node: &Node<'a>, at: usize| {
                    node.block().link_bytes().get(at * 8..).unwrap_or(&[]).chunks_exact(8)
                };
                rest(one, *at).zip(rest(two, *other_at)).take_while(|(a, b)| a == b).count()
            }
            _ => 0,
        };
        *at += same;
        *other_at += same;
    }
}

impl Tree {
    /// Calls `visit` with what it takes to make `self` of `before`, in the order of paths. A tree that was
    /// added or removed is one difference. It looks at no more entries than [`Tree::totals`] of both say,
    /// so that a small file with a huge tree keeps nobody waiting who looked at them first.
    pub fn diff(&self, before: &Tree, visit: &mut dyn FnMut(Difference<'_>)) -> Result<(), Error> {
        let left = before.totals().records.saturating_add(self.totals().records);
        let mut found = Found { left, hash: self.hash(), visit };
        let roots = (before.root(), self.root());
        let (mut old, mut new) = (Cursor::new(before), Cursor::new(self));
        diff((&mut old, &mut new), roots, &mut Vec::new(), &mut found)
    }
}

/// Where differences go, and how many entries there can still be.
struct Found<'v> {
    left: u64,
    hash: Hash,
    visit: &'v mut dyn FnMut(Difference<'_>),
}

impl Found<'_> {
    fn add(&mut self, difference: Difference<'_>) -> Result<(), Error> {
        self.count(&difference.path)?;
        (self.visit)(difference);
        Ok(())
    }

    fn count(&mut self, path: &[Vec<u8>]) -> Result<(), Error> {
        self.left = self.left.checked_sub(1).ok_or_else(|| Unread(self.hash).at(path))?;
        Ok(())
    }
}

/// Goes through two maps. The trees of the cursors are those that everything is read from.
fn diff<'a>(
    (old, new): (&mut Cursor<'a>, &mut Cursor<'a>),
    roots: (Option<Root>, Option<Root>),
    path: &mut Vec<Vec<u8>>,
    found: &mut Found<'_>,
) -> Result<(), Error> {
    let (before, after) = match roots {
        (Some(before), Some(after)) if before.hash == after.hash => return Ok(()),
        (Some(before), Some(after)) => (before, after),
        (Some(_), None) => return all_of_one(old.tree, Change::Removed, path, found),
        (None, Some(_)) => return all_of_one(new.tree, Change::Added, path, found),
        (None, None) => return Ok(()),
    };
    if path.len() > MAX_DEPTH {
        return Err(Unread(after.hash).at(path));
    }
    let at = |unread: Unread| unread.at(path);
    let above = (old.enter(&before).map_err(at)?, new.enter(&after).map_err(at)?);
    entries(old, new, path, found)?;
    old.leave(above.0);
    new.leave(above.1);
    Ok(())
}

fn entries<'a>(
    old: &mut Cursor<'a>,
    new: &mut Cursor<'a>,
    path: &mut Vec<Vec<u8>>,
    found: &mut Found<'_>,
) -> Result<(), Error> {
    let (before, after) = (old.tree, new.tree);
    let same_space = before.space().lineage == after.space().lineage;
    if old.peek().map(|(level, _)| level) == new.peek().map(|(level, _)| level) {
        old.skip_equal(new, same_space);
    }
    loop {
        match (old.peek(), new.peek()) {
            (None, None) => return Ok(()),
            (Some((0, entry)), None) => {
                one(before, &entry, path, found, Change::Removed)?;
                old.advance();
            }
            (None, Some((0, entry))) => {
                one(after, &entry, path, found, Change::Added)?;
                new.advance();
            }
            (Some((0, a)), Some((0, b))) => match compare(&a, &b) {
                Ordering::Less => {
                    one(before, &a, path, found, Change::Removed)?;
                    old.advance();
                }
                Ordering::Greater => {
                    one(after, &b, path, found, Change::Added)?;
                    new.advance();
                }
                Ordering::Equal if is_equal(&a, &b) => {
                    found.count(path)?;
                    old.advance();
                    new.advance();
                    old.skip_equal(new, same_space);
                }
                Ordering::Equal => {
                    both((old, new), (&a, &b), path, found)?;
                    old.advance();
                    new.advance();
                    old.skip_equal(new, same_space);
                }
            },
            (Some((level, a)), Some((other, b))) if level == other => {
                if a.hash() != b.hash() {
                    old.descend().map_err(|unread| unread.at(path))?;
                    new.descend().map_err(|unread| unread.at(path))?;
                    continue;
                }
                old.advance();
                new.advance();
                old.skip_equal(new, same_space);
            }
            // An entry before all that the other side still has needs nothing of it to be read.
            (Some((_, _)), Some((0, b))) if is_before(&b, old) => {
                one(after, &b, path, found, Change::Added)?;
                new.advance();
            }
            (Some((0, a)), Some((_, _))) if is_before(&a, new) => {
                one(before, &a, path, found, Change::Removed)?;
                old.advance();
            }
            (Some((level, _)), other) if other.is_none_or(|(other, _)| level > other) => {
                old.descend().map_err(|unread| unread.at(path))?;
            }
            _ => new.descend().map_err(|unread| unread.at(path))?,
        }
    }
}

fn is_before(entry: &Entry<'_>, other: &Cursor<'_>) -> bool {
    other.before().is_some_and(|before| compare(entry, &before) != Ordering::Greater)
}

/// One side is empty.
fn all_of_one<'a>(
    tree: &'a Tree,
    change: fn(Item<'a>) -> Change<'a>,
    path: &[Vec<u8>],
    found: &mut Found<'_>,
) -> Result<(), Error> {
    let mut scan = tree.scan(b"")?;
    while let Some(entry) = scan.entry().map_err(|unread| unread.at(path))? {
        one(tree, &entry, path, found, change)?;
    }
    Ok(())
}

fn one<'a>(
    tree: &'a Tree,
    entry: &Entry<'a>,
    path: &[Vec<u8>],
    found: &mut Found<'_>,
    change: impl FnOnce(Item<'a>) -> Change<'a>,
) -> Result<(), Error> {
    let path = with_key(path, entry);
    let item = item(tree, entry).map_err(|unread| unread.at(&path))?;
    found.add(Difference { path, change: change(item) })
}

fn is_equal(a: &Entry<'_>, b: &Entry<'_>) -> bool {
    (a.kind, a.tag, a.severity, a.weight, a.payload)
        == (b.kind, b.tag, b.severity, b.weight, b.payload)
}

fn both<'a>(
    (old, new): (&mut Cursor<'a>, &mut Cursor<'a>),
    (a, b): (&Entry<'_>, &Entry<'_>),
    path: &mut Vec<Vec<u8>>,
    found: &mut Found<'_>,
) -> Result<(), Error> {
    if a.kind == Kind::Tree && b.kind == Kind::Tree {
        path.push([a.prefix, a.suffix].concat());
        diff((old, new), (Some(Root::of(a)), Some(Root::of(b))), path, found)?;
        path.pop();
        return Ok(());
    }
    let path = with_key(path, a);
    let before = item(old.tree, a).map_err(|unread| unread.at(&path))?;
    let after = item(new.tree, b).map_err(|unread| unread.at(&path))?;
    found.add(Difference { path, change: Change::Changed(before, after) })
}

fn item<'a>(tree: &'a Tree, entry: &Entry<'a>) -> Result<Item<'a>, Unread> {
    match entry.kind {
        Kind::Tree => Ok(Item::Tree(tree.at(Some(Root::of(entry))))),
        _ => tree.value_of(entry).map(|value: Value<'_>| Item::Value(value)),
    }
}

fn with_key(path: &[Vec<u8>], entry: &Entry<'_>) -> Vec<Vec<u8>> {
    let mut whole = Vec::with_capacity(path.len() + 1);
    whole.extend_from_slice(path);
    whole.push([entry.prefix, entry.suffix].concat());
    whole
}

/// Compares keys that stand in two pieces each.
fn compare(a: &Entry<'_>, b: &Entry<'_>) -> Ordering {
    if a.prefix == b.prefix {
        return a.suffix.cmp(b.suffix);
    }
    let bytes = |entry: &Entry<'_>| [entry.prefix, entry.suffix].concat();
    bytes(a).cmp(&bytes(b))
}
