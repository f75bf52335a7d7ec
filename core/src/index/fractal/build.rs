//! Makes nodes of entries in the order of their keys.
//!
//! One open node a level. It is closed after an entry whose key says so, or that makes it full: what is
//! in a node depends on nothing before it, so that a tree that was changed in one place is the same
//! everywhere else.

use super::node::{BLOB, ENTRY_BYTES, Entry, Kind, NODE, PRELUDE, REFERENCE_BYTES, write_hints};
use super::tree::{Root, Tree};
use super::{
    Error, FACTOR, Keyed, MAX_INLINE_BYTES, MAX_KEY_BYTES, MAX_PATH_KEYS, MAX_VALUE_BYTES, Path,
    Severity, Totals, Value, fold, owned,
};
use crate::store::Salt;
use crate::store::arena::Arena;
use crate::store::block::{self, Address, Hash};

/// Bytes of keys, payloads and fixed parts after which a node is full; with one more entry of the largest
/// size it stays below 16 KiB.
const FULL: usize = 12_000;

/// The bytes that a node has before a key may end it; as many follow on average. A change writes each node that
/// leads to it, and most of those are of trees, which are smaller for that.
fn least(kind: Kind) -> usize {
    if kind == Kind::Tree { 512 } else { 2048 }
}

/// One entry to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) key: &'a [u8],
    pub(super) kind: Kind,
    pub(super) tag: u16,
    pub(super) severity: Severity,
    pub(super) weight: u64,
    pub(super) payload: &'a [u8],
    pub(super) link: Address,
}

/// Makes nodes of one map, and of another when that is finished: its buffers serve again.
#[derive(Debug)]
pub(super) struct Nodes {
    keyed: Keyed,
    levels: Vec<Level>,
    hints: Vec<u8>,
    links: Vec<Address>,
}

/// The open node of a level.
#[derive(Debug, Default)]
struct Level {
    bytes: Vec<u8>,
    items: Vec<Open>,
    charge: usize,
}

/// An entry of an open node; its key and payload are in the bytes of the level.
#[derive(Debug, Clone, Copy)]
struct Open {
    start: u32,
    key: u16,
    payload: u16,
    hash: u64,
    kind: Kind,
    tag: u16,
    severity: Severity,
    weight: u64,
    link: Address,
    records: u64,
}

impl Level {
    fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
        self.charge = 0;
    }

    fn key(&self, item: &Open) -> &[u8] {
        &self.bytes[item.start as usize..][..usize::from(item.key)]
    }

    fn payload(&self, item: &Open) -> &[u8] {
        &self.bytes[item.start as usize + usize::from(item.key)..][..usize::from(item.payload)]
    }
}

impl Nodes {
    pub(super) fn new(keyed: Keyed) -> Nodes {
        Nodes { keyed, levels: vec![Level::default()], hints: Vec::new(), links: Vec::new() }
    }

    /// Appends an entry of the lowest level. Keys must increase.
    pub(super) fn push(&mut self, arena: &mut Arena, part: &Part<'_>) {
        let records = match part.kind {
            Kind::Value | Kind::Blob => 1,
            Kind::Tree | Kind::Node => block::u64_at(part.payload, 32),
        };
        let hash = self.keyed.hash(part.key);
        self.push_at(arena, 0, part, hash, records);
    }

    /// Appends a whole node of the level below, as it is. Only when [`Self::is_between`] up to there.
    pub(super) fn push_node(
        &mut self,
        arena: &mut Arena,
        level: usize,
        key: &[u8],
        entry: &Entry<'_>,
    ) {
        debug_assert!(self.is_between(level - 1), "a node is taken over in the middle of another");
        while self.levels.len() <= level {
            self.levels.push(Level::default());
        }
        let part = Part { key, ..Part::from(entry) };
        let hash = self.keyed.hash(key);
        self.push_at(arena, level, &part, hash, entry.size());
    }

    fn has_entries(&self) -> bool {
        self.levels.iter().any(|level| !level.items.is_empty())
    }

    /// Whether no node is open up to this level.
    pub(super) fn is_between(&self, level: usize) -> bool {
        self.levels.iter().take(level + 1).all(|level| level.items.is_empty())
    }

    fn push_at(
        &mut self,
        arena: &mut Arena,
        number: usize,
        part: &Part<'_>,
        hash: u64,
        records: u64,
    ) {
        let level = &mut self.levels[number];
        let start = level.bytes.len() as u32;
        level.bytes.extend_from_slice(part.key);
        level.bytes.extend_from_slice(part.payload);
        let charge = ENTRY_BYTES + 2 + part.key.len() + part.payload.len();
        level.charge += charge;
        level.items.push(Open {
            start,
            key: part.key.len() as u16,
            payload: part.payload.len() as u16,
            hash,
            kind: part.kind,
            tag: part.tag,
            severity: part.severity,
            weight: part.weight,
            link: part.link,
            records,
        });
        // Above the lowest level a node has two entries at least: each level is at most half of the one below.
        let enough = number == 0 || level.items.len() > 1;
        let least = least(part.kind);
        let ends = level.charge >= least && ends(hash, number, charge, least);
        if level.charge >= FULL || enough && ends {
            self.close(arena, number);
        }
    }

    /// Writes the open node of a level, and an entry for it one level above.
    fn close(&mut self, arena: &mut Arena, number: usize) {
        let mut level = std::mem::take(&mut self.levels[number]);
        let (Some(first), Some(last)) = (level.items.first(), level.items.last()) else { return };
        let prefix = common_prefix(level.key(first), level.key(last));
        self.links.clear();
        if level.items.iter().any(|item| item.link != Address::NONE) {
            self.links.extend(level.items.iter().map(|item| item.link));
        }
        let keys = level.items.iter().map(|item| level.key(item));
        write_hints(&mut self.hints, number as u8, prefix, keys);
        let content = |content: &mut Vec<u8>| write(content, number, prefix, &level);
        let (hash, address) = arena.append(&self.hints, &self.links, content);
        let totals = level.items.iter().fold(Totals::default(), |totals, item| {
            totals.and(Totals { records: item.records, bytes: item.weight, worst: item.severity })
        });
        if self.levels.len() == number + 1 {
            self.levels.push(Level::default());
        }
        let payload = reference(&hash, totals.records);
        let part = Part {
            key: level.key(last),
            kind: Kind::Node,
            tag: 0,
            severity: totals.worst,
            weight: totals.bytes,
            payload: &payload,
            link: address,
        };
        self.push_at(arena, number + 1, &part, last.hash, totals.records);
        level.clear();
        self.levels[number] = level;
    }

    /// Closes what is open. `None` when there was no entry. What is pushed next is of another map.
    pub(super) fn finish(&mut self, arena: &mut Arena) -> Option<Root> {
        let mut number = 0;
        loop {
            let level = self.levels.get(number)?;
            let is_top = self.levels[number + 1..].iter().all(|level| level.items.is_empty());
            match level.items.as_slice() {
                [] => {}
                [only] if is_top && number > 0 => {
                    let mut hash = [0; 32];
                    hash.copy_from_slice(&level.payload(only)[..32]);
                    let totals =
                        Totals { records: only.records, bytes: only.weight, worst: only.severity };
                    let address = only.link;
                    self.levels[number].clear();
                    return Some(Root { hash: Hash(hash), address, totals });
                }
                _ => self.close(arena, number),
            }
            number += 1;
        }
    }
}

pub(super) fn write_blob(arena: &mut Arena, bytes: &[u8]) -> (Hash, Address) {
    let content = |content: &mut Vec<u8>| {
        content.extend_from_slice(&[BLOB, 0, 0, 0, 0, 0, 0, 0]);
        content.extend_from_slice(bytes);
    };
    arena.append(&[], &[], content)
}

/// Whether the key with this hash ends a node of this level: the more likely, the larger its entry is.
fn ends(hash: u64, level: usize, charge: usize, least: usize) -> bool {
    // A key that ended a node of one level is no more likely than another to end one of the next.
    let at_level = fold(hash ^ level as u64, FACTOR) >> 32;
    at_level * (least as u64) < (charge as u64) << 32
}

/// The payload of an entry that leads to a block.
pub(super) fn reference(hash: &Hash, records: u64) -> [u8; REFERENCE_BYTES] {
    let mut payload = [0; REFERENCE_BYTES];
    payload[..32].copy_from_slice(&hash.0);
    payload[32..].copy_from_slice(&records.to_le_bytes());
    payload
}

fn common_prefix(first: &[u8], last: &[u8]) -> usize {
    first.iter().zip(last).take_while(|(one, other)| one == other).count()
}

fn write(content: &mut Vec<u8>, number: usize, prefix: usize, level: &Level) {
    let base = content.len();
    let count = level.items.len();
    content.extend_from_slice(&[NODE, number as u8]);
    content.extend_from_slice(&(count as u16).to_le_bytes());
    content.extend_from_slice(&(prefix as u16).to_le_bytes());
    content.extend_from_slice(&[0, 0]);
    content.resize(base + PRELUDE + 2 * count, 0);
    content.extend_from_slice(&level.key(&level.items[0])[..prefix]);
    for (entry, item) in level.items.iter().enumerate() {
        let start = (content.len() - base) as u16;
        let place = base + PRELUDE + 2 * entry;
        content[place..place + 2].copy_from_slice(&start.to_le_bytes());
        let mut head = [0; ENTRY_BYTES];
        head[..2].copy_from_slice(&(item.key - prefix as u16).to_le_bytes());
        head[2..4].copy_from_slice(&item.tag.to_le_bytes());
        head[4] = item.kind as u8;
        head[5] = item.severity as u8;
        head[6..8].copy_from_slice(&item.payload.to_le_bytes());
        head[8..].copy_from_slice(&item.weight.to_le_bytes());
        content.extend_from_slice(&head);
        // Key and payload stand one after the other.
        let suffix_and_payload = item.start as usize + prefix
            ..item.start as usize + usize::from(item.key) + usize::from(item.payload);
        content.extend_from_slice(&level.bytes[suffix_and_payload]);
    }
}

impl<'a> From<&Entry<'a>> for Part<'a> {
    /// All but the key, which the entry has in two pieces.
    fn from(entry: &Entry<'a>) -> Part<'a> {
        Part {
            key: &[],
            kind: entry.kind,
            tag: entry.tag,
            severity: entry.severity,
            weight: entry.weight,
            payload: entry.payload,
            link: entry.link,
        }
    }
}

/// Makes a tree of values that come in the order of their paths, as fast as they come.
#[derive(Debug)]
pub struct Builder<'a> {
    arena: &'a mut Arena,
    keyed: Keyed,
    /// The maps that are open, from the root down: the key of each in the one above, and its nodes.
    open: Vec<(Vec<u8>, Nodes)>,
    last: Vec<u8>,
    /// Of maps that are finished.
    spare: Vec<Nodes>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(arena: &'a mut Arena, salt: Salt) -> Builder<'a> {
        let keyed = Keyed::new(salt);
        let open = vec![(Vec::new(), Nodes::new(keyed))];
        Builder { arena, keyed, open, last: Vec::new(), spare: Vec::new() }
    }

    /// Appends a value. Its path must come after the one before.
    pub fn push(&mut self, path: Path<'_>, value: &Value<'_>) -> Result<(), Error> {
        check(path, value)?;
        let key = self.enter(path)?;
        let (_, nodes) = self.open.last_mut().expect("the root is open until the end");
        push_value(self.arena, nodes, key, value);
        Ok(())
    }

    /// Opens and closes maps until the one that the path ends in is open.
    fn enter<'p>(&mut self, path: Path<'p>) -> Result<&'p [u8], Error> {
        let Some((key, maps)) = path.split_last() else {
            return Err(Error::Key { path: Vec::new(), bytes: 0 });
        };
        let same =
            self.open[1..].iter().zip(maps).take_while(|((open, _), key)| open == *key).count();
        // What comes after in the map where both part.
        let next = *maps.get(same).unwrap_or(key);
        let closes = self.open.len() - 1 > same;
        let before: Option<&[u8]> = if closes {
            Some(&self.open[same + 1].0)
        } else {
            (self.open[same].1.has_entries()).then_some(self.last.as_slice())
        };
        if before.is_some_and(|before| before >= next) {
            return Err(Error::Order { path: owned(path) });
        }
        while self.open.len() - 1 > same {
            self.leave();
        }
        for key in &maps[same..] {
            let nodes = self.spare.pop().unwrap_or_else(|| Nodes::new(self.keyed));
            self.open.push((key.to_vec(), nodes));
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        Ok(key)
    }

    /// Closes the innermost map and puts it into the one above.
    fn leave(&mut self) {
        let Some((key, mut nodes)) = self.open.pop() else { return };
        if let (Some(root), Some((_, above))) = (nodes.finish(self.arena), self.open.last_mut()) {
            push_tree(self.arena, above, &key, &root);
        }
        self.spare.push(nodes);
        self.last = key;
    }

    /// Closes what is open. The tree can be read, and put into the tree of its store.
    pub fn finish(mut self) -> Tree {
        while self.open.len() > 1 {
            self.leave();
        }
        let root = self.open.pop().and_then(|(_, mut nodes)| nodes.finish(self.arena));
        Tree::of(self.arena.seal(), self.keyed.salt, root)
    }
}

/// Whether a value can be put at a path.
pub(super) fn check(path: Path<'_>, value: &Value<'_>) -> Result<(), Error> {
    let wrong =
        path.iter().map(|key| key.len()).find(|bytes| *bytes == 0 || *bytes > MAX_KEY_BYTES);
    if let Some(bytes) = wrong.or(path.is_empty().then_some(0)) {
        return Err(Error::Key { path: owned(path), bytes });
    }
    if path.len() > MAX_PATH_KEYS {
        return Err(Error::Long { path: owned(path) });
    }
    let bytes = value.bytes.len();
    if bytes > MAX_VALUE_BYTES {
        return Err(Error::Value { path: owned(path), bytes });
    }
    Ok(())
}

pub(super) fn push_value(arena: &mut Arena, nodes: &mut Nodes, key: &[u8], value: &Value<'_>) {
    let Value { tag, severity, weight, bytes } = *value;
    let part =
        Part { key, kind: Kind::Value, tag, severity, weight, payload: bytes, link: Address::NONE };
    if bytes.len() <= MAX_INLINE_BYTES {
        return nodes.push(arena, &part);
    }
    let (hash, link) = write_blob(arena, bytes);
    let payload = reference(&hash, bytes.len() as u64);
    nodes.push(arena, &Part { kind: Kind::Blob, payload: &payload, link, ..part });
}

pub(super) fn push_tree(arena: &mut Arena, nodes: &mut Nodes, key: &[u8], root: &Root) {
    let payload = reference(&root.hash, root.totals.records);
    let part = Part {
        key,
        kind: Kind::Tree,
        tag: 0,
        severity: root.totals.worst,
        weight: root.totals.bytes,
        payload: &payload,
        link: root.address,
    };
    nodes.push(arena, &part);
}
