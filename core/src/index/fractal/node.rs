//! The layout of a node, and reading one in place.
//!
//! ```text
//! content of a block:
//! 0   kind     u8    1 node, 2 a value of its own block (`blob`)
//! 1   level    u8    0: entries are values; else: entries are nodes one level below
//! 2   count    u16   entries
//! 4   prefix   u16   bytes that all keys begin with
//! 6   zero     u16
//! 8   starts   u16 x count: where each entry begins in the content
//! ..  prefix
//! ..  entries
//!
//! entry:
//! 0   suffix   u16   bytes of the key after the prefix
//! 2   tag      u16   what a value is, for whoever put it there
//! 4   kind     u8    0 value, 1 tree, 2 value in a block of its own, 3 node one level below
//! 5   severity u8    0 none, 1 info, 2 warning, 3 error: the worst below
//! 6   length   u16   bytes of the payload
//! 8   weight   u64   bytes that it stands for: of a value as it was put, else their sum below
//! 16  suffix, payload
//!
//! payload of kinds 1, 2 and 3:
//! 0   hash     32    of the content of the block that the link with this number leads to
//! 32  records  u64   values below; for kind 2 the bytes of the value
//!
//! Keys increase. In a node above level 0 the key of an entry is the last one below it.
//!
//! hints of its block:
//! 0   level    u8    as in the content
//! 1   zero     u8
//! 2   count    u16   as in the content
//! 4   level 0: a byte for each key, a hash of it: a lookup reads one or two keys, not a path of six;
//!     above: the first four bytes of each suffix, the first byte the highest, zeros after its end: u32 each
//! ```
//!
//! A lookup finds the next block by what stands before the content; a blob has no hints.

use super::{MAX_INLINE_BYTES, MAX_KEY_BYTES, Severity, Totals, Value, hint, padded};
use crate::store::block::{self, Address, Block, Hash, u16_at, u64_at};

pub(super) const NODE: u8 = 1;
pub(super) const BLOB: u8 = 2;
/// Bytes of a content before its starts, or before the bytes of a blob.
pub(super) const PRELUDE: usize = 8;
pub(super) const ENTRY_BYTES: usize = 16;
/// Bytes of hints before those of each entry.
const HINTS_PRELUDE: usize = 4;
/// Heads that are counted where more are searched.
const COUNTED: usize = 48;
/// Hash and records.
pub(super) const REFERENCE_BYTES: usize = 40;
/// Levels that fan out at least twofold hold more than a file has bytes.
pub(super) const MAX_LEVEL: u8 = 48;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Value,
    Tree,
    Blob,
    Node,
}

impl Kind {
    #[inline]
    fn of(byte: u8) -> Option<Kind> {
        match byte {
            0 => Some(Kind::Value),
            1 => Some(Kind::Tree),
            2 => Some(Kind::Blob),
            3 => Some(Kind::Node),
            _ => None,
        }
    }
}

/// A node whose structure was checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    content: &'a [u8],
    block: Block<'a>,
    prefix: &'a [u8],
    /// One byte or four for each entry.
    hints: &'a [u8],
    level: u8,
    count: usize,
}

/// One entry of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) prefix: &'a [u8],
    pub(super) suffix: &'a [u8],
    pub(super) kind: Kind,
    pub(super) tag: u16,
    pub(super) severity: Severity,
    pub(super) weight: u64,
    pub(super) payload: &'a [u8],
    pub(super) link: Address,
}

impl<'a> Node<'a> {
    /// The node in a block that [`is_sound`], `None` when it is a blob.
    #[inline]
    pub(super) fn of(block: Block<'a>) -> Option<Node<'a>> {
        let (fixed, hints) = block.hints().split_first_chunk::<HINTS_PRELUDE>()?;
        let (level, count) = (fixed[0], usize::from(u16_at(fixed, 2)));
        let content = block.content();
        let prefix_start = PRELUDE + 2 * count;
        let prefix = &content[prefix_start..prefix_start + usize::from(u16_at(content, 4))];
        Some(Node { content, block, prefix, hints, level, count })
    }

    #[inline]
    pub(super) fn level(&self) -> u8 {
        self.level
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn block(&self) -> Block<'a> {
        self.block
    }

    #[inline]
    fn raw(&self, number: usize) -> &'a [u8] {
        let start = usize::from(u16_at(self.content, PRELUDE + 2 * number));
        &self.content[start..]
    }

    #[inline]
    fn suffix(&self, number: usize) -> &'a [u8] {
        let raw = self.raw(number);
        &raw[ENTRY_BYTES..ENTRY_BYTES + usize::from(u16_at(raw, 0))]
    }

    #[inline]
    pub(super) fn entry(&self, number: usize) -> Entry<'a> {
        let raw = self.raw(number);
        let suffix_end = ENTRY_BYTES + usize::from(u16_at(raw, 0));
        Entry {
            prefix: self.prefix,
            suffix: &raw[ENTRY_BYTES..suffix_end],
            // A sound node has no other kinds.
            kind: Kind::of(raw[4]).unwrap_or(Kind::Value),
            tag: u16_at(raw, 2),
            severity: Severity::of(raw[5]),
            weight: u64_at(raw, 8),
            payload: &raw[suffix_end..suffix_end + usize::from(u16_at(raw, 6))],
            link: self.block.link(number),
        }
    }

    /// The address and the hash of the block that an entry leads to. Only for those that lead to one.
    #[inline]
    pub(super) fn reference(&self, number: usize) -> (Address, &'a [u8; 32]) {
        const NOWHERE: &[u8; 32] = &[0; 32];
        let raw = self.raw(number);
        let payload = &raw[ENTRY_BYTES + usize::from(u16_at(raw, 0))..];
        (self.block.link(number), payload.first_chunk().unwrap_or(NOWHERE))
    }

    /// The first entry whose key is not less than this one; `len` when there is none.
    #[inline]
    pub(super) fn lower_bound(&self, key: &[u8]) -> usize {
        let common = self.prefix.len().min(key.len());
        match self.prefix[..common].cmp(&key[..common]) {
            std::cmp::Ordering::Less => return self.count,
            std::cmp::Ordering::Greater => return 0,
            std::cmp::Ordering::Equal if key.len() < self.prefix.len() => return 0,
            std::cmp::Ordering::Equal => {}
        }
        let rest = &key[common..];
        let (mut low, mut high) = self.with_head(rest);
        while low < high {
            let middle = low.midpoint(high);
            if self.suffix(middle) < rest {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Between which entries those are whose suffixes begin as this one does, by the hints; at level 0 all.
    #[inline]
    fn with_head(&self, suffix: &[u8]) -> (usize, usize) {
        if self.level == 0 {
            return (0, self.count);
        }
        let wanted = head(suffix);
        let (heads, _) = self.hints.as_chunks::<4>();
        // Few are counted, all of them: no branch depends on what they are.
        let mut low = 0;
        let mut few = heads;
        if heads.len() > COUNTED {
            low = heads.partition_point(|head| u32::from_le_bytes(*head) < wanted);
            few = &[];
        }
        low += few.iter().filter(|head| u32::from_le_bytes(**head) < wanted).count();
        let same = heads[low..].iter().take_while(|head| u32::from_le_bytes(**head) == wanted);
        (low, low + same.count())
    }

    /// The number of the entry with this key, of a node at level 0.
    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        let mut hints = self.hints;
        let mut start = 0;
        let hint = hint(key);
        while let Some(at) = memchr::memchr(hint, hints) {
            if self.key_is(start + at, key) {
                return Some(start + at);
            }
            start += at + 1;
            hints = &hints[at + 1..];
        }
        None
    }

    #[inline]
    fn key_is(&self, number: usize, key: &[u8]) -> bool {
        let suffix = self.suffix(number);
        key.split_at_checked(self.prefix.len())
            .is_some_and(|(prefix, rest)| is_same(rest, suffix) && is_same(prefix, self.prefix))
    }

    /// Whether an entry is a tree.
    #[inline]
    pub(super) fn is_tree(&self, number: usize) -> bool {
        self.raw(number)[4] == Kind::Tree as u8
    }

    pub(super) fn entries(self) -> impl ExactSizeIterator<Item = Entry<'a>> {
        (0..self.count).map(move |number| self.entry(number))
    }

    /// The entries of a node at level 0, quicker than one by one: each ends where the next one begins, and
    /// where that is does not depend on what the one before says.
    #[inline]
    pub(super) fn in_turn(self) -> impl Iterator<Item = Entry<'a>> {
        let (starts, _) = self.content[PRELUDE..PRELUDE + 2 * self.count].as_chunks::<2>();
        let ends = starts.iter().skip(1).map(|end| usize::from(u16::from_le_bytes(*end)));
        let ends = ends.chain(std::iter::once(self.content.len()));
        starts.iter().zip(ends).enumerate().map_while(move |(number, (start, end))| {
            let raw = self.content.get(usize::from(u16::from_le_bytes(*start))..end)?;
            let (head, rest) = raw.split_first_chunk::<ENTRY_BYTES>()?;
            let (suffix, payload) = rest.split_at_checked(usize::from(u16_at(head, 0)))?;
            let kind = Kind::of(head[4]).unwrap_or(Kind::Value);
            let link = if kind == Kind::Value { Address::NONE } else { self.block.link(number) };
            Some(Entry {
                prefix: self.prefix,
                suffix,
                kind,
                tag: u16_at(head, 2),
                severity: Severity::of(head[5]),
                weight: u64_at(head, 8),
                payload,
                link,
            })
        })
    }

    /// How many entries from one place on are those of another node from a place on, byte for byte.
    pub(super) fn equal_run(&self, at: usize, other: &Node<'_>, other_at: usize) -> usize {
        if self.prefix != other.prefix || at >= self.count || other_at >= other.count {
            return 0;
        }
        let same = common_length(self.raw(at), other.raw(other_at));
        let start = |number: usize| usize::from(u16_at(self.content, PRELUDE + 2 * number));
        let end =
            |number: usize| if number < self.count { start(number) } else { self.content.len() };
        let (mut low, mut high) = (at, self.count.min(at + other.count - other_at));
        while low < high {
            let middle = low.midpoint(high);
            if end(middle + 1) - start(at) <= same { low = middle + 1 } else { high = middle }
        }
        low - at
    }

    /// The hints that follow from its keys.
    pub(super) fn right_hints(&self) -> Vec<u8> {
        let keys: Vec<Vec<u8>> =
            self.entries().map(|entry| [entry.prefix, entry.suffix].concat()).collect();
        let mut hints = Vec::new();
        write_hints(&mut hints, self.level, self.prefix.len(), keys.iter().map(Vec::as_slice));
        hints
    }

    pub(super) fn prefix(&self) -> &'a [u8] {
        self.prefix
    }

    pub(super) fn totals(&self) -> Totals {
        self.entries().map(|entry| entry.totals()).fold(Totals::default(), Totals::and)
    }
}

impl<'a> Entry<'a> {
    /// What the key is compared with.
    pub(super) fn key_is(&self, key: &[u8]) -> bool {
        key.strip_prefix(self.prefix) == Some(self.suffix)
    }

    pub(super) fn copy_key(&self, key: &mut Vec<u8>) {
        key.clear();
        key.extend_from_slice(self.prefix);
        key.extend_from_slice(self.suffix);
    }

    /// The content hash of the block that it leads to. Only for those that lead to one.
    pub(super) fn hash(&self) -> Hash {
        let mut hash = [0; 32];
        hash.copy_from_slice(&self.payload[..32]);
        Hash(hash)
    }

    /// The value that these bytes are.
    #[inline]
    pub(super) fn value(&self, bytes: &'a [u8]) -> Value<'a> {
        Value { tag: self.tag, severity: self.severity, weight: self.weight, bytes }
    }

    /// Values below, or the bytes of a blob.
    pub(super) fn size(&self) -> u64 {
        u64_at(self.payload, 32)
    }

    pub(super) fn totals(&self) -> Totals {
        let records = match self.kind {
            Kind::Value | Kind::Blob => 1,
            Kind::Tree | Kind::Node => self.size(),
        };
        Totals { records, bytes: self.weight, worst: self.severity }
    }
}

/// Whether two keys are equal. They are short: a call to compare them would take longer.
#[inline]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let length = one.len();
    if length != other.len() {
        return false;
    }
    if length < 8 {
        return one.iter().zip(other).all(|(a, b)| a == b);
    }
    let same = |at: usize| u64_at(one, at) == u64_at(other, at);
    (0..length / 8).all(|word| same(8 * word)) && same(length - 8)
}

/// The bytes up to the first that differs, compared 64 at a time.
fn common_length(one: &[u8], other: &[u8]) -> usize {
    let (chunks, others) = (one.as_chunks::<64>().0, other.as_chunks::<64>().0);
    let whole = chunks.iter().zip(others).take_while(|(a, b)| a == b).count() * 64;
    let rest = one[whole..].iter().zip(&other[whole..]);
    whole + rest.take_while(|(a, b)| a == b).count()
}

/// The hint of an entry above level 0.
#[inline]
pub(super) fn head(suffix: &[u8]) -> u32 {
    match suffix.first_chunk::<4>() {
        Some(head) => u32::from_le_bytes(*head),
        None => u32::from_le_bytes(padded(suffix)),
    }
    .swap_bytes()
}

/// Whether a block is a node or a blob that can be read without looking at any bound again.
pub(crate) fn is_sound(block: &Block<'_>, _: Address) -> bool {
    match block.content().first() {
        Some(&BLOB) => {
            let bare = block.link_count() == 0 && block.hints().is_empty();
            bare && block.content().len() >= PRELUDE
        }
        Some(&NODE) => is_sound_node(block).is_some(),
        _ => false,
    }
}

fn is_sound_node(block: &Block<'_>) -> Option<()> {
    let content = block.content();
    let fixed = content.get(..PRELUDE)?;
    let (level, count) = (fixed[1], usize::from(u16_at(fixed, 2)));
    let prefix_start = PRELUDE + 2 * count;
    let mut end = prefix_start + usize::from(u16_at(fixed, 4));
    let links = block.link_count();
    let starts = content.get(PRELUDE..prefix_start)?;
    let shape = content.len() >= end
        && content.len() <= usize::from(u16::MAX)
        && level <= MAX_LEVEL
        && count > 0
        && u16_at(fixed, 6) == 0
        && (links == 0 || links == count)
        && has_shape(block.hints(), level, count);
    shape.then_some(())?;
    let mut last: Option<&[u8]> = None;
    for (number, start) in starts.chunks_exact(2).enumerate() {
        let start = usize::from(u16_at(start, 0));
        let raw = content.get(start..)?;
        let head = raw.get(..ENTRY_BYTES)?;
        let suffix_end = ENTRY_BYTES + usize::from(u16_at(head, 0));
        let suffix = raw.get(ENTRY_BYTES..suffix_end)?;
        let payload = raw.get(suffix_end..suffix_end + usize::from(u16_at(head, 6)))?;
        let kind = Kind::of(head[4])?;
        let leads = kind != Kind::Value;
        // What is merged into new nodes has to fit into them.
        let key = usize::from(u16_at(fixed, 4)) + suffix.len();
        let fits = (1..=MAX_KEY_BYTES).contains(&key) && payload.len() <= MAX_INLINE_BYTES;
        let right = start == end
            && fits
            && head[5] <= 3
            && (kind == Kind::Node) == (level > 0)
            && leads == (block.link(number) != Address::NONE)
            && (!leads || payload.len() == REFERENCE_BYTES)
            && last.is_none_or(|last| last < suffix);
        right.then_some(())?;
        last = Some(suffix);
        end = start + suffix_end + payload.len();
    }
    (end == content.len()).then_some(())
}

/// Whether hints are as many as a node of this level has entries, and say so. What else they say a lookup
/// relies on to find what is there, never to stay within bounds.
fn has_shape(hints: &[u8], level: u8, count: usize) -> bool {
    let each = if level == 0 { 1 } else { 4 };
    hints.len() == HINTS_PRELUDE + each * count
        && hints[..2] == [level, 0]
        && usize::from(u16_at(hints, 2)) == count
}

/// Writes the hints of a node of keys that share a prefix.
pub(super) fn write_hints<'k>(
    hints: &mut Vec<u8>,
    level: u8,
    prefix: usize,
    keys: impl ExactSizeIterator<Item = &'k [u8]>,
) {
    hints.clear();
    hints.extend_from_slice(&[level, 0]);
    hints.extend_from_slice(&(keys.len() as u16).to_le_bytes());
    match level {
        0 => hints.extend(keys.map(hint)),
        _ => keys.for_each(|key| hints.extend_from_slice(&head(&key[prefix..]).to_le_bytes())),
    }
}

/// A node in a content alone, as a proof has it: the same checks, but for the links.
pub(super) fn of_content(content: &[u8]) -> Option<ContentNode> {
    let fixed = content.get(..PRELUDE)?;
    let (level, count) = (fixed[1], usize::from(u16_at(fixed, 2)));
    (fixed[0] == NODE).then_some(())?;
    // Links are no part of what is proved: any that are not zero do for the check.
    let mut links = Vec::with_capacity(count);
    let starts = content.get(PRELUDE..PRELUDE + 2 * count)?;
    for start in starts.chunks_exact(2) {
        let kind = *content.get(usize::from(u16_at(start, 0)) + 4)?;
        links.push(if Kind::of(kind)? == Kind::Value { Address::NONE } else { Address(64) });
    }
    let mut hints = vec![0; HINTS_PRELUDE + if level == 0 { count } else { 4 * count }];
    hints[0] = level;
    hints[2..4].copy_from_slice(&fixed[2..4]);
    let bytes = as_block(content, &links, &hints);
    let block = Block::at_start(&bytes)?;
    is_sound_node(&block)?;
    // Nor are hints, which follow from keys.
    let hints = Node::of(block)?.right_hints();
    Some(ContentNode { bytes: as_block(content, &links, &hints) })
}

fn as_block(content: &[u8], links: &[Address], hints: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    block::begin(&mut bytes, hints, links.iter().copied());
    bytes.extend_from_slice(content);
    block::finish(&mut bytes, 0, &[0; 16]);
    bytes
}

/// A node that was rebuilt from its content.
#[derive(Debug)]
pub(super) struct ContentNode {
    bytes: Vec<u8>,
}

impl ContentNode {
    pub(super) fn node(&self) -> Option<Node<'_>> {
        Block::at_start(&self.bytes).and_then(Node::of)
    }
}
