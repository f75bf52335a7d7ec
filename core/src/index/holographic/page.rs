//! Pages: what a file of the index consists of. Each says what it is, so that a file can be read without any
//! table, and has a checksum of its own, so that what is damaged is left out and the rest counts.
//!
//! ```text
//! 0   checksum   u32  CRC-32C of bytes 4 to the end of the page
//! 4   length     u32  bytes of the page, a multiple of 64
//! 8   magic      u32  0x45474150, "PAGE"
//! 12  kind       u8   1 stripe, 2 postings, 3 table, 4 put, 5 remove
//! 13  stripe     u8   0 to 15
//! 14  states     u16  states of the group, 1 to 64
//! 16  number     u32  of the group, of the bucket, or of the change
//! 20  of         u32  how many groups or buckets there are; of a table 1, of a change 0
//! 24  tokens     u32  different tokens
//! 28  header sum u32  CRC-32C of bytes 4 to 27
//! 32  body            then zeros
//! ```
//!
//! A stripe page is all that one stripe knows of a group of up to 64 states:
//!
//! ```text
//! ids        u64 x states    what the caller calls each state
//! totals     u32 x states    its tokens, in all stripes together
//!            zeros to the next multiple of 64 in the page
//! sketches   64 x states     512 bits of the sketch of each
//! tokens     u64 x tokens    different tokens of all of them that belong to the stripe, increasing
//! states     u64 x tokens    which states have it, the first one the lowest bit
//! ```
//!
//! A token belongs to the stripe that its four highest bits say. Postings say in which groups a token is:
//!
//! ```text
//! tokens     u64 x tokens    increasing; those with `token * buckets >> 64 == number`
//! lists      (u32, u32) x tokens   first word, and groups; the highest bit of the latter says that it is a set
//! words      u32             of a list its groups, increasing; of a set one bit for each group, the lowest first
//! ```

use crate::store::block::{u32_at, u64_at};

use super::sketch::STRIPE_BYTES;
use super::{StateId, Token};

/// States of a group.
pub(super) const GROUP: usize = 64;
pub(super) const ALIGNMENT: usize = 64;
const HEADER: usize = 32;
const MAGIC: u32 = u32::from_le_bytes(*b"PAGE");

/// What a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Stripe = 1,
    Postings = 2,
    Table = 3,
    Put = 4,
    Remove = 5,
}

/// The first bytes of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) stripe: u8,
    pub(super) states: u16,
    pub(super) number: u32,
    pub(super) of: u32,
    pub(super) tokens: u32,
}

impl Header {
    /// A header that is whole, and the length of the page. What follows it may not be.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Header, usize)> {
        let header = bytes.get(..HEADER)?;
        let is_whole =
            u32_at(header, 8) == MAGIC && u32_at(header, 28) == crc32c::crc32c(&header[4..28]);
        if !is_whole {
            return None;
        }
        let length = u32_at(header, 4) as usize;
        let kinds = [Kind::Stripe, Kind::Postings, Kind::Table, Kind::Put, Kind::Remove];
        let kind = kinds.into_iter().find(|kind| *kind as u8 == header[12])?;
        let stripe = header[13];
        let states = u16::from_le_bytes([header[14], header[15]]);
        let [number, of, tokens] = [16, 20, 24].map(|at| u32_at(header, at));
        let fits = length >= ALIGNMENT && length.is_multiple_of(ALIGNMENT) && length <= bytes.len();
        fits.then_some((Header { kind, stripe, states, number, of, tokens }, length))
    }

    /// A page with this header.
    pub(super) fn page(&self, body: &[u8]) -> Vec<u8> {
        let length = (HEADER + body.len()).next_multiple_of(ALIGNMENT);
        let mut page = vec![0; 4];
        page.reserve(length);
        page.extend_from_slice(&u32::try_from(length).expect("pages are small").to_le_bytes());
        page.extend_from_slice(&MAGIC.to_le_bytes());
        page.extend_from_slice(&[self.kind as u8, self.stripe]);
        page.extend_from_slice(&self.states.to_le_bytes());
        for word in [self.number, self.of, self.tokens] {
            page.extend_from_slice(&word.to_le_bytes());
        }
        page.extend_from_slice(&crc32c::crc32c(&page[4..]).to_le_bytes());
        page.extend_from_slice(body);
        page.resize(length, 0);
        let checksum = crc32c::crc32c(&page[4..]);
        page[..4].copy_from_slice(&checksum.to_le_bytes());
        page
    }
}

/// The page at the start of these bytes. `None` when it is not whole.
pub(super) fn whole(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let (header, length) = Header::decode(bytes)?;
    let page = &bytes[..length];
    (u32_at(page, 0) == crc32c::crc32c(&page[4..])).then_some((header, page))
}

/// What one stripe knows of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct StripePage<'a> {
    page: &'a [u8],
    states: usize,
    tokens: usize,
}

/// What a stripe page is made of.
#[derive(Debug, Default)]
pub(super) struct StripeParts<'a> {
    pub(super) ids: &'a [StateId],
    pub(super) totals: &'a [u32],
    pub(super) sketches: Vec<u8>,
    /// Increasing, each with the states that have it.
    pub(super) tokens: Vec<(Token, u64)>,
}

impl<'a> StripePage<'a> {
    /// The lengths are compared here; what else a page says cannot do harm.
    pub(super) fn of(header: &Header, page: &'a [u8]) -> Option<StripePage<'a>> {
        let (states, tokens) = (header.states as usize, header.tokens as usize);
        let fits = (1..=GROUP).contains(&states)
            && sketches_at(states) + states * STRIPE_BYTES <= page.len()
            && tokens <= (page.len() - sketches_at(states) - states * STRIPE_BYTES) / 16;
        fits.then_some(StripePage { page, states, tokens })
    }

    /// The same of a page that was looked at before.
    #[inline]
    pub(super) fn again(page: &'a [u8]) -> StripePage<'a> {
        let states = u16::from_le_bytes([page[14], page[15]]) as usize;
        StripePage { page, states, tokens: u32_at(page, 24) as usize }
    }

    #[inline]
    pub(super) fn states(&self) -> usize {
        self.states
    }

    pub(super) fn id(&self, state: usize) -> StateId {
        StateId(u64_at(self.page, HEADER + 8 * state))
    }

    pub(super) fn total(&self, state: usize) -> usize {
        u32_at(self.page, HEADER + 8 * self.states + 4 * state) as usize
    }

    /// The sketches, one after the other.
    #[inline]
    pub(super) fn sketches(&self) -> &'a [u8] {
        let start = sketches_at(self.states);
        &self.page[start..start + self.states * STRIPE_BYTES]
    }

    /// The sketch of one state, in a page that has as many.
    pub(super) fn sketch(&self, state: usize) -> Option<&'a [u8]> {
        self.sketches().get(state * STRIPE_BYTES..(state + 1) * STRIPE_BYTES)
    }

    fn tokens_at(&self) -> usize {
        sketches_at(self.states) + self.states * STRIPE_BYTES
    }

    /// The states that have a token, as bits.
    pub(super) fn with(&self, token: Token) -> u64 {
        let start = self.tokens_at();
        let (tokens, sets) = self.page[start..start + 16 * self.tokens].split_at(8 * self.tokens);
        search(tokens, self.tokens, token).map_or(0, |at| u64_at(sets, 8 * at))
    }

    /// All tokens, each with the states that have it.
    pub(super) fn tokens(&self) -> impl Iterator<Item = (Token, u64)> + 'a {
        let (page, start, count) = (self.page, self.tokens_at(), self.tokens);
        (0..count).map(move |at| {
            (Token(u64_at(page, start + 8 * at)), u64_at(page, start + 8 * (count + at)))
        })
    }
}

impl StripeParts<'_> {
    pub(super) fn page(&self, group: u32, groups: u32, stripe: usize) -> Vec<u8> {
        let states = self.ids.len();
        let mut body = Vec::with_capacity(states * 76 + 64 + 16 * self.tokens.len());
        self.ids.iter().for_each(|id| body.extend_from_slice(&id.0.to_le_bytes()));
        self.totals.iter().for_each(|total| body.extend_from_slice(&total.to_le_bytes()));
        body.resize(sketches_at(states) - HEADER, 0);
        body.extend_from_slice(&self.sketches);
        self.tokens.iter().for_each(|(token, _)| body.extend_from_slice(&token.0.to_le_bytes()));
        self.tokens.iter().for_each(|(_, states)| body.extend_from_slice(&states.to_le_bytes()));
        let header = Header {
            kind: Kind::Stripe,
            stripe: stripe as u8,
            states: states as u16,
            number: group,
            of: groups,
            tokens: self.tokens.len() as u32,
        };
        header.page(&body)
    }
}

fn sketches_at(states: usize) -> usize {
    (HEADER + 12 * states).next_multiple_of(ALIGNMENT)
}

/// Where a token stands among increasing ones.
fn search(tokens: &[u8], count: usize, token: Token) -> Option<usize> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = (low + high) / 2;
        let found = u64_at(tokens, 8 * middle);
        if found < token.0 {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    (low < count && u64_at(tokens, 8 * low) == token.0).then_some(low)
}

/// In which groups the tokens of one bucket are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Postings<'a> {
    tokens: usize,
    body: &'a [u8],
}

/// The groups that a token is in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Groups<'a> {
    /// Their numbers, four bytes each.
    List(&'a [u8]),
    /// A bit for each.
    Set(&'a [u8]),
}

const IS_SET: u32 = 1 << 31;

impl<'a> Postings<'a> {
    pub(super) fn of(header: &Header, page: &'a [u8]) -> Option<Postings<'a>> {
        let (tokens, body) = (header.tokens as usize, &page[HEADER..]);
        (tokens <= body.len() / 16).then_some(Postings { tokens, body })
    }

    /// The same of a page that was looked at before.
    pub(super) fn again(page: &'a [u8]) -> Postings<'a> {
        Postings { tokens: u32_at(page, 24) as usize, body: &page[HEADER..] }
    }

    /// `None` when no state has the token.
    pub(super) fn groups(&self, token: Token, groups: usize) -> Option<Groups<'a>> {
        let at = search(&self.body[..8 * self.tokens], self.tokens, token)?;
        let list = 8 * self.tokens + 8 * at;
        let (start, count) = (u32_at(self.body, list) as usize, u32_at(self.body, list + 4));
        let words = self.body[16 * self.tokens..].get(4 * start..)?;
        if count & IS_SET == 0 {
            return words.get(..4 * count as usize).map(Groups::List);
        }
        words.get(..4 * groups.div_ceil(32)).map(Groups::Set)
    }
}

/// A page of postings: tokens that increase, each with the groups that it is in, which increase too.
pub(super) fn postings(
    bucket: u32,
    buckets: u32,
    groups: usize,
    tokens: &[(Token, &[(Token, u32)])],
) -> Vec<u8> {
    let mut body = Vec::new();
    tokens.iter().for_each(|(token, _)| body.extend_from_slice(&token.0.to_le_bytes()));
    let mut words: Vec<u32> = Vec::new();
    for (_, list) in tokens {
        let start = words.len() as u32;
        let set_words = groups.div_ceil(32);
        let count = if list.len() < set_words {
            words.extend(list.iter().map(|(_, group)| group));
            list.len() as u32
        } else {
            let mut set = vec![0; set_words];
            list.iter().for_each(|(_, group)| set[*group as usize / 32] |= 1 << (group % 32));
            words.extend(set);
            list.len() as u32 | IS_SET
        };
        body.extend_from_slice(&start.to_le_bytes());
        body.extend_from_slice(&count.to_le_bytes());
    }
    words.iter().for_each(|word| body.extend_from_slice(&word.to_le_bytes()));
    let header = Header {
        kind: Kind::Postings,
        stripe: 0,
        states: 0,
        number: bucket,
        of: buckets,
        tokens: tokens.len() as u32,
    };
    header.page(&body)
}

/// A change that was made since: the state, and the tokens that it has now, or `None` when it was removed.
pub(super) fn change(number: u32, state: StateId, tokens: Option<&[Token]>) -> Vec<u8> {
    let count = tokens.map_or(0, <[Token]>::len);
    let mut body = Vec::with_capacity(8 + 8 * count);
    body.extend_from_slice(&state.0.to_le_bytes());
    tokens
        .iter()
        .copied()
        .flatten()
        .for_each(|token| body.extend_from_slice(&token.0.to_le_bytes()));
    let kind = if tokens.is_some() { Kind::Put } else { Kind::Remove };
    let header = Header { kind, stripe: 0, states: 1, number, of: 0, tokens: count as u32 };
    header.page(&body)
}

/// Reads a change.
pub(super) fn changed(header: &Header, page: &[u8]) -> Option<(StateId, Option<Vec<Token>>)> {
    let body = page.get(HEADER..)?;
    let state = StateId(u64_at(body.get(..8)?, 0));
    if header.kind == Kind::Remove {
        return Some((state, None));
    }
    let tokens = body[8..].get(..8 * header.tokens as usize)?;
    let tokens = tokens.chunks_exact(8).map(|token| Token(u64_at(token, 0))).collect();
    Some((state, Some(tokens)))
}

/// Where each page starts, in units of 64 bytes, then the fewest tokens that a state of each group has.
pub(super) fn table(starts: &[u32], fewest: &[u32]) -> Vec<u8> {
    let words = starts.iter().chain(fewest);
    let body: Vec<u8> = words.flat_map(|word| word.to_le_bytes()).collect();
    let header = Header { kind: Kind::Table, stripe: 0, states: 0, number: 0, of: 1, tokens: 0 };
    header.page(&body)
}

/// The words of a page that is a table with as many, and nothing else.
pub(super) fn table_words(bytes: &[u8], count: usize) -> Option<Vec<u32>> {
    let (header, page) = whole(bytes)?;
    let is_table = header.kind == Kind::Table && page.len() == bytes.len();
    let words = page[HEADER..].get(..count.checked_mul(4)?)?;
    is_table.then(|| words.chunks_exact(4).map(|word| u32_at(word, 0)).collect())
}
