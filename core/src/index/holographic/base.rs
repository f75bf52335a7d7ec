//! The part of an index that was written as a whole: pages, where they are, and which of them are whole. What
//! is damaged is left out; nothing that a page says is taken further than its own bytes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};

use super::build::{DATA_START, Front};
use super::page::{
    ALIGNMENT, GROUP, Groups, Header, Kind, Postings, StripePage, table_words, whole,
};
use super::sketch::STRIPES;
use super::{Pages, StateId, Token};
use crate::store::Bytes;

/// A page that is nowhere.
const NOWHERE: u32 = u32::MAX;

/// What is known of a page.
const UNKNOWN: u8 = 0;
const WHOLE: u8 = 1;
const DAMAGED: u8 = 2;

/// What a table says.
#[derive(Debug)]
pub(super) struct Places {
    starts: Vec<u32>,
    fewest: Vec<u32>,
}

impl Places {
    /// The table of this front.
    pub(super) fn of(table: &[u8], front: &Front) -> Option<Places> {
        let groups = front.groups as usize;
        let count = groups.checked_mul(STRIPES)?.checked_add(front.buckets as usize)?;
        let mut starts = table_words(table, count.checked_add(groups)?)?;
        let fewest = starts.split_off(count);
        Some(Places { starts, fewest })
    }
}

/// States in groups.
#[derive(Debug)]
pub(super) struct Base {
    bytes: Bytes,
    groups: usize,
    buckets: usize,
    /// Where pages are, in units of 64 bytes: those of each stripe, then the postings.
    starts: Vec<u32>,
    /// The fewest tokens that a state of each group has.
    fewest: Vec<u32>,
    /// What is known of each page. Pages do not change, so it does not matter who looked first.
    looked: Vec<AtomicU8>,
    /// Whether a front and a table say what there is; else it is what was found.
    is_described: bool,
}

/// Where the tokens of a cue are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'a> {
    In(Groups<'a>),
    /// No state has the token.
    Nowhere,
    /// The page that would say so is damaged.
    Lost,
}

impl Base {
    /// Without any state.
    pub(super) fn empty() -> Base {
        Base::with(Bytes::Owned(Vec::new()), 0, 0, Vec::new(), Vec::new())
    }

    /// The part of a file that a front describes, and the page at its end.
    pub(super) fn described(bytes: Bytes, front: &Front, places: Places) -> Base {
        let Places { starts, fewest } = places;
        Base::with(bytes, front.groups as usize, front.buckets as usize, starts, fewest)
    }

    fn with(
        bytes: Bytes,
        groups: usize,
        buckets: usize,
        starts: Vec<u32>,
        fewest: Vec<u32>,
    ) -> Base {
        let looked = starts.iter().map(|_| AtomicU8::new(UNKNOWN)).collect();
        Base { bytes, groups, buckets, starts, fewest, looked, is_described: true }
    }

    /// Looks for pages from end to end: nothing says where they are, or nothing that is whole.
    pub(super) fn searched(bytes: Bytes) -> Base {
        let mut places: HashMap<(Kind, u8, u32), u32> = HashMap::new();
        let mut counts = [0u32; 2];
        let mut fewest: HashMap<u32, u32> = HashMap::new();
        // As many as there are need more bytes than that, each.
        let most = (bytes.len() / ALIGNMENT) as u32;
        for item in pages(&bytes, DATA_START) {
            let Item::Page { at, header, page } = item else { continue };
            let which = match header.kind {
                Kind::Stripe => 0,
                Kind::Postings => 1,
                _ => continue,
            };
            if counts[which] == 0 && header.of <= most {
                counts[which] = header.of;
            }
            if header.of != counts[which] || header.number >= header.of {
                continue;
            }
            places
                .entry((header.kind, header.stripe, header.number))
                .or_insert((at / ALIGNMENT) as u32);
            if let Some(page) = StripePage::of(&header, page).filter(|_| which == 0) {
                let least = (0..page.states()).map(|state| page.total(state) as u32).min();
                fewest.entry(header.number).or_insert(least.unwrap_or_default());
            }
        }
        let [groups, buckets] = counts;
        let place = |kind, stripe: usize, number| {
            places.get(&(kind, stripe as u8, number)).copied().unwrap_or(NOWHERE)
        };
        let stripes = (0..STRIPES)
            .flat_map(|stripe| (0..groups).map(move |group| (stripe, group)))
            .map(|(stripe, group)| place(Kind::Stripe, stripe, group));
        let postings = (0..buckets).map(|bucket| place(Kind::Postings, 0, bucket));
        let starts = stripes.chain(postings).collect();
        let fewest = (0..groups).map(|group| fewest.get(&group).copied().unwrap_or(0)).collect();
        let base = Base::with(bytes, groups as usize, buckets as usize, starts, fewest);
        Base { is_described: false, ..base }
    }

    pub(super) fn is_described(&self) -> bool {
        self.is_described
    }

    pub(super) fn groups(&self) -> usize {
        self.groups
    }

    /// The fewest tokens that a state of this group has.
    pub(super) fn fewest(&self, group: usize) -> usize {
        self.fewest[group] as usize
    }

    /// A page, unless it is damaged.
    #[inline]
    fn page(&self, index: usize) -> Option<&[u8]> {
        let known = self.looked[index].load(Ordering::Relaxed);
        let is_whole = known == WHOLE || known == UNKNOWN && self.look(index);
        if !is_whole {
            return None;
        }
        let at = self.starts[index] as usize * ALIGNMENT;
        let length = crate::store::block::u32_at(&self.bytes, at + 4) as usize;
        Some(&self.bytes[at..at + length])
    }

    #[cold]
    fn look(&self, index: usize) -> bool {
        let is_whole = self.is_whole(index);
        self.looked[index].store(if is_whole { WHOLE } else { DAMAGED }, Ordering::Relaxed);
        is_whole
    }

    /// Whether the page is the one that belongs there.
    fn is_whole(&self, index: usize) -> bool {
        let at = self.starts[index] as usize * ALIGNMENT;
        let Some((header, page)) = self.bytes.get(at..).and_then(whole) else { return false };
        let Header { kind, stripe, number, of, .. } = header;
        let place = (kind, stripe as usize, number as usize, of as usize);
        let in_stripes = STRIPES * self.groups;
        match index.checked_sub(in_stripes) {
            None => {
                let (stripe, group) = (index / self.groups, index % self.groups);
                place == (Kind::Stripe, stripe, group, self.groups)
                    && StripePage::of(&header, page).is_some()
            }
            Some(bucket) => {
                place == (Kind::Postings, 0, bucket, self.buckets)
                    && Postings::of(&header, page).is_some()
            }
        }
    }

    /// What a stripe knows of a group, unless that is damaged.
    #[inline]
    pub(super) fn stripe(&self, group: usize, stripe: usize) -> Option<StripePage<'_>> {
        self.page(stripe * self.groups + group).map(StripePage::again)
    }

    /// Where a token is.
    pub(super) fn find(&self, token: Token) -> Found<'_> {
        if self.buckets == 0 {
            // An index with states has postings.
            return if self.groups == 0 { Found::Nowhere } else { Found::Lost };
        }
        let bucket = token.bucket(self.buckets);
        let Some(page) = self.page(STRIPES * self.groups + bucket) else { return Found::Lost };
        Postings::again(page).groups(token, self.groups).map_or(Found::Nowhere, Found::In)
    }

    /// The states of a group with all of their tokens. `None` where some are lost.
    pub(super) fn states(&self, group: usize) -> Option<Vec<(StateId, Vec<Token>)>> {
        let pages: Vec<StripePage<'_>> =
            (0..STRIPES).map(|stripe| self.stripe(group, stripe)).collect::<Option<_>>()?;
        let mut states: Vec<(StateId, Vec<Token>)> =
            (0..pages[0].states()).map(|state| (pages[0].id(state), Vec::new())).collect();
        // Tokens of later stripes are larger.
        for (token, having) in pages.iter().flat_map(|page| page.tokens()) {
            for (state, (_, tokens)) in states.iter_mut().enumerate() {
                if having >> state & 1 == 1 {
                    tokens.push(token);
                }
            }
        }
        Some(states)
    }

    /// What the states of a group are called, in whichever stripe that is whole.
    pub(super) fn ids(&self, group: usize) -> Option<Vec<StateId>> {
        let page = (0..STRIPES).find_map(|stripe| self.stripe(group, stripe))?;
        Some((0..page.states()).map(|state| page.id(state)).collect())
    }

    /// Looks at each page.
    pub(super) fn check(&self) -> (Pages, [Pages; STRIPES]) {
        let count = |range: std::ops::Range<usize>| Pages {
            total: range.len(),
            damaged: range.filter(|index| self.page(*index).is_none()).count(),
        };
        let stripes =
            std::array::from_fn(|stripe| count(stripe * self.groups..(stripe + 1) * self.groups));
        (count(STRIPES * self.groups..self.starts.len()), stripes)
    }

    /// Whether nothing of the file can be read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.groups == 0 && self.buckets == 0 && !self.is_described
    }

    /// The most states there may be.
    pub(super) fn capacity(&self) -> usize {
        self.groups * GROUP
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What stands in a file, one after the other.
pub(super) enum Item<'a> {
    Page {
        at: usize,
        header: Header,
        page: &'a [u8],
    },
    /// Bytes that are no whole page.
    Stray,
}

/// All pages from an offset on. After damage it goes on with the next one, which may be within what a damaged
/// page says of its length: a file that was cut short is added to.
pub(super) fn pages(bytes: &[u8], from: usize) -> impl Iterator<Item = Item<'_>> {
    let mut at = from;
    // Headers that lie over each other could have the same bytes looked at again and again.
    let mut patience = 4 * bytes.len();
    std::iter::from_fn(move || {
        let start = at;
        while at < bytes.len() {
            let found = Header::decode(&bytes[at..]);
            let page = whole(&bytes[at..]).filter(|_| found.is_some());
            match (found, page) {
                (Some(_), Some(_)) if start < at => return Some(Item::Stray),
                (Some((header, length)), Some((_, page))) => {
                    let item = Item::Page { at, header, page };
                    at += length;
                    return Some(item);
                }
                (Some((_, length)), None) if patience >= length => patience -= length,
                (Some((_, length)), None) => at += length - ALIGNMENT,
                (None, _) => {}
            }
            at += ALIGNMENT;
        }
        (start < at).then_some(Item::Stray)
    })
}
