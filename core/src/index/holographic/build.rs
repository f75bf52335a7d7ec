//! Makes a file of states: which of them form a group, then its pages.

use std::collections::BTreeMap;

use super::base::{Base, Places};
use super::page::{ALIGNMENT, GROUP, StripeParts, postings, table};
use super::sketch::{STRIPE_BYTES, STRIPES, Sketch};
use super::{StateId, Token};
use crate::store::Bytes;
use crate::store::block::{u32_at, u64_at};

/// The newest version that this program reads, and the one that it writes.
pub(super) const VERSION: u32 = 1;
/// Where pages begin.
pub(super) const DATA_START: usize = 8192;
/// What stands at the start of a file, and once more half-way to its pages.
pub(super) const FRONT_BYTES: usize = 64;
const FRONTS: [usize; 2] = [0, 4096];
const MAGIC: [u8; 8] = *b"AIOSRCL\n";
const ENDIAN: u32 = 0x0A0B_0C0D;
/// What a page of postings should have.
const BUCKET_BYTES: usize = 4096;

/// What a file says of itself. Without it the file can be read too, page by page.
///
/// ```text
/// 0   magic     8    "AIOSRCL\n"
/// 8   endian    u32  0x0A0B0C0D
/// 12  version   u32  1
/// 16  length    u64  bytes before the changes that were appended since
/// 24  states    u64
/// 32  groups    u32
/// 36  buckets   u32  pages of postings
/// 40  table     u64  where the table is, which ends where the length says
/// 48  zeros     12
/// 60  checksum  u32  CRC-32C of bytes 0 to 59
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Front {
    pub(super) length: u64,
    pub(super) states: u64,
    pub(super) groups: u32,
    pub(super) buckets: u32,
    pub(super) table: u64,
}

/// Why there is no front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoFront {
    /// A later program wrote it.
    TooNew(u32),
    Damaged,
}

impl Front {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&ENDIAN.to_le_bytes());
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&self.states.to_le_bytes());
        bytes.extend_from_slice(&self.groups.to_le_bytes());
        bytes.extend_from_slice(&self.buckets.to_le_bytes());
        bytes.extend_from_slice(&self.table.to_le_bytes());
        bytes.extend_from_slice(&[0; 12]);
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    /// The front of a file that starts with these bytes.
    pub(super) fn of(bytes: &[u8]) -> Result<Front, NoFront> {
        let mut reason = NoFront::Damaged;
        for at in FRONTS {
            match bytes.get(at..at + FRONT_BYTES).map(Front::decode) {
                Some(Ok(front)) => return Ok(front),
                Some(Err(too_new @ NoFront::TooNew(_))) => reason = too_new,
                _ => {}
            }
        }
        Err(reason)
    }

    fn decode(bytes: &[u8]) -> Result<Front, NoFront> {
        let is_whole = bytes[..8] == MAGIC
            && u32_at(bytes, 8) == ENDIAN
            && u32_at(bytes, 60) == crc32c::crc32c(&bytes[..60]);
        if !is_whole {
            return Err(NoFront::Damaged);
        }
        let version = u32_at(bytes, 12);
        if version > VERSION {
            return Err(NoFront::TooNew(version));
        }
        let front = Front {
            length: u64_at(bytes, 16),
            states: u64_at(bytes, 24),
            groups: u32_at(bytes, 32),
            buckets: u32_at(bytes, 36),
            table: u64_at(bytes, 40),
        };
        let is_sound = front.length.is_multiple_of(ALIGNMENT as u64) && front.table < front.length;
        if is_sound { Ok(front) } else { Err(NoFront::Damaged) }
    }
}

/// A base that holds these states, each with different, increasing tokens.
pub(super) fn build(states: Vec<(StateId, Vec<Token>)>) -> Base {
    let bytes = pieces(states).concat();
    let front = Front::of(&bytes).expect("the file was just made");
    let places = Places::of(&bytes[front.table as usize..], &front).expect("so was its table");
    Base::described(Bytes::Owned(bytes), &front, places)
}

/// The same as a file, in pieces, one after the other.
pub(super) fn pieces(mut states: Vec<(StateId, Vec<Token>)>) -> Vec<Vec<u8>> {
    // Alike states form a group, in whatever order they came: then a group has few different tokens.
    states.sort_by_cached_key(|(id, tokens)| (least(tokens, 1), least(tokens, 2), *id));
    let groups = states.len().div_ceil(GROUP);
    let mut stripes: Vec<Vec<u8>> = vec![Vec::new(); STRIPES];
    let mut starts: Vec<Vec<usize>> = vec![Vec::new(); STRIPES];
    let mut fewest = Vec::with_capacity(groups);
    let mut found: Vec<(Token, u32)> = Vec::new();
    for (group, states) in states.chunks(GROUP).enumerate() {
        let pages = group_pages(states, group as u32, groups as u32, &mut found);
        for ((page, stripe), starts) in pages.iter().zip(&mut stripes).zip(&mut starts) {
            starts.push(stripe.len());
            stripe.extend_from_slice(page);
        }
        let least = states.iter().map(|(_, tokens)| tokens.len() as u32).min();
        fewest.push(least.unwrap_or_default());
    }
    let count = states.len() as u64;
    drop(states);
    found.sort_unstable();
    let buckets = posting_pages(&found, groups);
    drop(found);
    joined(count, buckets, stripes, &starts, &fewest)
}

/// The least of the tokens' hashes under one of several orders: equal for sets that are alike, mostly.
fn least(tokens: &[Token], order: u64) -> u64 {
    let hash = |token: &Token| {
        let mixed = (token.0 ^ order).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
    };
    tokens.iter().map(hash).min().unwrap_or_default()
}

/// The page of each stripe. Adds the group's tokens to what is found.
fn group_pages(
    states: &[(StateId, Vec<Token>)],
    group: u32,
    groups: u32,
    found: &mut Vec<(Token, u32)>,
) -> Vec<Vec<u8>> {
    let ids: Vec<StateId> = states.iter().map(|(id, _)| *id).collect();
    let totals: Vec<u32> = states.iter().map(|(_, tokens)| tokens.len() as u32).collect();
    let mut parts: Vec<StripeParts<'_>> = (0..STRIPES)
        .map(|_| StripeParts { ids: &ids, totals: &totals, ..StripeParts::default() })
        .collect();
    let mut tokens: BTreeMap<Token, u64> = BTreeMap::new();
    for (at, (_, own)) in states.iter().enumerate() {
        let sketch = Sketch::of(own);
        for (part, stripe) in parts.iter_mut().zip(sketch.stripes()) {
            part.sketches.reserve(GROUP * STRIPE_BYTES);
            stripe.iter().for_each(|word| part.sketches.extend_from_slice(&word.to_le_bytes()));
        }
        own.iter().for_each(|token| *tokens.entry(*token).or_default() |= 1 << at);
    }
    for (token, states) in tokens {
        parts[token.stripe()].tokens.push((token, states));
        found.push((token, group));
    }
    parts.iter().enumerate().map(|(stripe, part)| part.page(group, groups, stripe)).collect()
}

/// Pages of what was found, in the order of tokens.
fn posting_pages(found: &[(Token, u32)], groups: usize) -> Vec<Vec<u8>> {
    let lists: Vec<(Token, &[(Token, u32)])> =
        found.chunk_by(|one, other| one.0 == other.0).map(|list| (list[0].0, list)).collect();
    let set_words = groups.div_ceil(32);
    let bytes: usize = lists.iter().map(|(_, list)| 16 + 4 * list.len().min(set_words)).sum();
    let count = bytes.div_ceil(BUCKET_BYTES) as u32;
    let mut rest = lists.as_slice();
    (0..count)
        .map(|bucket| {
            let end =
                rest.partition_point(|(token, _)| token.bucket(count as usize) <= bucket as usize);
            let (own, after) = rest.split_at(end);
            rest = after;
            postings(bucket, count, groups, own)
        })
        .collect()
}

/// Fronts, postings, stripes, table.
fn joined(
    states: u64,
    buckets: Vec<Vec<u8>>,
    stripes: Vec<Vec<u8>>,
    starts: &[Vec<usize>],
    fewest: &[u32],
) -> Vec<Vec<u8>> {
    let groups = fewest.len();
    let mut at = DATA_START;
    let unit = |at: usize| u32::try_from(at / ALIGNMENT).expect("a file has less than 256 GiB");
    let mut bucket_starts = Vec::with_capacity(buckets.len());
    for bucket in &buckets {
        bucket_starts.push(unit(at));
        at += bucket.len();
    }
    let mut places = Vec::with_capacity(STRIPES * groups + buckets.len());
    for (stripe, starts) in stripes.iter().zip(starts) {
        places.extend(starts.iter().map(|start| unit(at + start)));
        at += stripe.len();
    }
    places.extend(bucket_starts);
    let table = table(&places, fewest);
    let front = Front {
        length: (at + table.len()) as u64,
        states,
        groups: groups as u32,
        buckets: buckets.len() as u32,
        table: at as u64,
    };
    let mut start = vec![0; DATA_START];
    for at in FRONTS {
        start[at..at + FRONT_BYTES].copy_from_slice(&front.encode());
    }
    let mut pieces = vec![start];
    pieces.extend(buckets);
    pieces.extend(stripes);
    pieces.push(table);
    pieces
}
