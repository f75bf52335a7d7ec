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
//! ```
//!
//! Keys increase. In a node above level 0 the key of an entry is the last one below it, and its hints are
//! the first four bytes of each suffix, the first byte the highest, zeros after its end: u32 each. Hints
//! of a node at level 0 are one byte for each key, a hash of it: a lookup reads one or two keys, not a path of six.

use super::{MAX_INLINE_BYTES, MAX_KEY_BYTES, Severity, Totals, hint};
use crate::store::block::{Address, Block, Hash, u16_at, u32_at, u64_at};

pub(super) const NODE: u8 = 1;
pub(super) const BLOB: u8 = 2;
/// Bytes of a content before its starts, or before the bytes of a blob.
pub(super) const PRELUDE: usize = 8;
pub(super) const ENTRY_BYTES: usize = 16;
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
    count: usize,
    /// Whether the block has hints.
    is_hinted: bool,
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
    /// The node in a block that [`is_sound`].
    #[inline]
    pub(super) fn of(block: Block<'a>) -> Node<'a> {
        let content = block.content();
        let count = usize::from(u16_at(content, 2));
        let prefix_start = PRELUDE + 2 * count;
        let prefix = &content[prefix_start..prefix_start + usize::from(u16_at(content, 4))];
        Node { content, block, prefix, count, is_hinted: true }
    }

    #[inline]
    pub(super) fn level(&self) -> u8 {
        self.content[1]
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

    /// The address and the hash of the block that an entry above level 0 leads to.
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

    /// Between which entries those are whose suffixes begin as this one does, by the hints; all where
    /// there are none.
    #[inline]
    fn with_head(&self, suffix: &[u8]) -> (usize, usize) {
        let hints = self.block.hints();
        if self.level() == 0 || !self.is_hinted || hints.len() < 4 * self.count {
            return (0, self.count);
        }
        let wanted = head(suffix);
        let at = |number: usize| u32_at(hints, 4 * number);
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            if at(middle) < wanted { low = middle + 1 } else { high = middle }
        }
        let mut end = low;
        while end < self.count && at(end) == wanted {
            end += 1;
        }
        (low, end)
    }

    /// The entry with this key.
    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<Entry<'a>> {
        let rest = key.strip_prefix(self.prefix)?;
        let Some(mut hints) = self.block.hints().get(..self.count) else {
            let at = self.lower_bound(key);
            return (at < self.count && self.suffix(at) == rest).then(|| self.entry(at));
        };
        let mut start = 0;
        let hint = hint(key);
        while let Some(at) = memchr::memchr(hint, hints) {
            if self.suffix(start + at) == rest {
                return Some(self.entry(start + at));
            }
            start += at + 1;
            hints = &hints[at + 1..];
        }
        None
    }

    pub(super) fn entries(self) -> impl ExactSizeIterator<Item = Entry<'a>> {
        (0..self.count).map(move |number| self.entry(number))
    }

    /// The entries of a node at level 0 one after the other, without looking up where each begins.
    #[inline]
    pub(super) fn in_turn(self) -> impl Iterator<Item = Entry<'a>> {
        let mut rest = if self.count == 0 { &[] } else { self.raw(0) };
        let mut number = 0;
        std::iter::from_fn(move || {
            let (head, after) = rest.split_first_chunk::<ENTRY_BYTES>()?;
            let (suffix, after) = after.split_at_checked(usize::from(u16_at(head, 0)))?;
            let (payload, after) = after.split_at_checked(usize::from(u16_at(head, 6)))?;
            rest = after;
            let kind = Kind::of(head[4]).unwrap_or(Kind::Value);
            let link = if kind == Kind::Value { Address::NONE } else { self.block.link(number) };
            number += 1;
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

    /// The content hash of the block that it leads to, in place. Only for those that lead to one.
    #[inline]
    pub(super) fn hash_bytes(&self) -> &'a [u8; 32] {
        self.payload.first_chunk().unwrap_or(&[0; 32])
    }

    /// The content hash of the block that it leads to. Only for those that lead to one.
    pub(super) fn hash(&self) -> Hash {
        let mut hash = [0; 32];
        hash.copy_from_slice(&self.payload[..32]);
        Hash(hash)
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

/// The bytes up to the first that differs, compared 64 at a time.
fn common_length(one: &[u8], other: &[u8]) -> usize {
    let whole =
        one.chunks_exact(64).zip(other.chunks_exact(64)).take_while(|(a, b)| a == b).count() * 64;
    let rest = one[whole..].iter().zip(&other[whole..]);
    whole + rest.take_while(|(a, b)| a == b).count()
}

/// The hint of an entry above level 0.
#[inline]
pub(super) fn head(suffix: &[u8]) -> u32 {
    let mut head = [0; 4];
    let length = suffix.len().min(4);
    head[..length].copy_from_slice(&suffix[..length]);
    head.reverse();
    u32::from_le_bytes(head)
}

/// Whether a block is a node or a blob that can be read without looking at any bound again.
pub(crate) fn is_sound(block: &Block<'_>, _: Address) -> bool {
    match block.content().first() {
        Some(&BLOB) => block.content().len() >= PRELUDE && block.link_count() == 0,
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
        && (links == 0 || links == count);
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

/// A node in a content alone, as a proof has it: the same checks, but for the links.
pub(super) fn of_content(content: &[u8]) -> Option<ContentNode> {
    let count = usize::from(u16_at(content.get(..PRELUDE)?, 2));
    (content[0] == NODE).then_some(())?;
    // Links are no part of what is proved: any that are not zero do for the check.
    let mut links = Vec::with_capacity(count);
    let starts = content.get(PRELUDE..PRELUDE + 2 * count)?;
    for start in starts.chunks_exact(2) {
        let kind = *content.get(usize::from(u16_at(start, 0)) + 4)?;
        links.push(if Kind::of(kind)? == Kind::Value { Address::NONE } else { Address(64) });
    }
    let mut bytes = vec![0; crate::store::block::HEADER_BYTES];
    bytes.extend_from_slice(content);
    crate::store::block::finish(&mut bytes, 0, &[0; 16], links.into_iter(), &[]);
    let block = Block::at_start(&bytes)?;
    is_sound_node(&block)?;
    Some(ContentNode { bytes })
}

/// A node that was rebuilt from its content.
#[derive(Debug)]
pub(super) struct ContentNode {
    bytes: Vec<u8>,
}

impl ContentNode {
    pub(super) fn node(&self) -> Option<Node<'_>> {
        let node = Block::at_start(&self.bytes).map(Node::of);
        node.map(|node| Node { is_hinted: false, ..node })
    }
}
