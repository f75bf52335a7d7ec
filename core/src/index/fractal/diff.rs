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
}

impl<'a> Cursor<'a> {
    fn new(tree: &'a Tree, root: &Root) -> Result<Cursor<'a>, Unread> {
        Ok(Cursor { tree, open: vec![(tree.first(root)?, 0)] })
    }

    /// The level and the entry that is looked at. `None` at the end.
    fn peek(&mut self) -> Option<(u8, Entry<'a>)> {
        loop {
            let (node, at) = self.open.last()?;
            if *at < node.len() {
                return Some((node.level(), node.entry(*at)));
            }
            self.open.pop();
            self.advance();
        }
    }

    fn advance(&mut self) {
        if let Some((_, at)) = self.open.last_mut() {
            *at += 1;
        }
    }

    fn descend(&mut self) -> Result<(), Unread> {
        if let Some((node, at)) = self.open.last() {
            let below = self.tree.below(node, &node.entry(*at))?;
            self.open.push((below, 0));
        }
        Ok(())
    }

    /// The entry before: all that is still to come is greater.
    fn before(&self) -> Option<Entry<'a>> {
        let (node, at) = self.open.iter().rev().find(|(_, at)| *at > 0)?;
        Some(node.entry(*at - 1))
    }

    /// Passes over what both have at the same places: values and trees by the bytes of their entries, nodes
    /// by their addresses, which is quicker than looking at each hash.
    fn skip_equal(&mut self, other: &mut Cursor<'a>, same_space: bool) {
        let (Some((one, at)), Some((two, other_at))) =
            (self.open.last_mut(), other.open.last_mut())
        else {
            return;
        };
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
        diff((before, self), roots, &mut Vec::new(), &mut found)
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

/// The spaces are those of the trees, which are left as they are: a clone for each map would cost more
/// than looking into it.
fn diff(
    (before, after): (&Tree, &Tree),
    roots: (Option<Root>, Option<Root>),
    path: &mut Vec<Vec<u8>>,
    found: &mut Found<'_>,
) -> Result<(), Error> {
    let (old, new) = match roots {
        (Some(old), Some(new)) if old.hash == new.hash => return Ok(()),
        (Some(old), Some(new)) => (old, new),
        (Some(_), None) => return all_of_one(before, Change::Removed, path, found),
        (None, Some(_)) => return all_of_one(after, Change::Added, path, found),
        (None, None) => return Ok(()),
    };
    if path.len() > MAX_DEPTH {
        return Err(Unread(new.hash).at(path));
    }
    let same_space = before.space().lineage == after.space().lineage;
    let at = |unread: Unread| unread.at(path);
    let mut old = Cursor::new(before, &old).map_err(at)?;
    let mut new = Cursor::new(after, &new).map_err(at)?;
    if old.peek().map(|(level, _)| level) == new.peek().map(|(level, _)| level) {
        old.skip_equal(&mut new, same_space);
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
                    old.skip_equal(&mut new, same_space);
                }
                Ordering::Equal => {
                    both((before, after), (&a, &b), path, found)?;
                    old.advance();
                    new.advance();
                    old.skip_equal(&mut new, same_space);
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
                old.skip_equal(&mut new, same_space);
            }
            // An entry before all that the other side still has needs nothing of it to be read.
            (Some((_, _)), Some((0, b))) if is_before(&b, &old) => {
                one(after, &b, path, found, Change::Added)?;
                new.advance();
            }
            (Some((0, a)), Some((_, _))) if is_before(&a, &new) => {
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

fn both(
    (before, after): (&Tree, &Tree),
    (a, b): (&Entry<'_>, &Entry<'_>),
    path: &mut Vec<Vec<u8>>,
    found: &mut Found<'_>,
) -> Result<(), Error> {
    if a.kind == Kind::Tree && b.kind == Kind::Tree {
        path.push([a.prefix, a.suffix].concat());
        diff((before, after), (Some(Root::of(a)), Some(Root::of(b))), path, found)?;
        path.pop();
        return Ok(());
    }
    let path = with_key(path, a);
    let old = item(before, a).map_err(|unread| unread.at(&path))?;
    let new = item(after, b).map_err(|unread| unread.at(&path))?;
    found.add(Difference { path, change: Change::Changed(old, new) })
}

fn item<'a>(tree: &'a Tree, entry: &Entry<'a>) -> Result<Item<'a>, Unread> {
    match entry.kind {
        Kind::Tree => Ok(Item::Tree(tree.at(Some(Root::of(entry))))),
        _ => tree.value_of(entry).map(|value: Value<'_>| Item::Value(value)),
    }
}

fn with_key(path: &[Vec<u8>], entry: &Entry<'_>) -> Vec<Vec<u8>> {
    let mut path = path.to_vec();
    path.push([entry.prefix, entry.suffix].concat());
    path
}

/// Compares keys that stand in two pieces each.
fn compare(a: &Entry<'_>, b: &Entry<'_>) -> Ordering {
    if a.prefix == b.prefix {
        return a.suffix.cmp(b.suffix);
    }
    let bytes = |entry: &Entry<'_>| [entry.prefix, entry.suffix].concat();
    bytes(a).cmp(&bytes(b))
}
