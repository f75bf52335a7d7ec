//! Which states of a base are most like a cue.
//!
//! 1. Postings say how many tokens of the cue each group has, which bounds how alike its states can be. Rare
//!    tokens are counted, tokens of very many groups only looked up where they matter.
//! 2. The groups with the highest bound are compared token by token, 64 states at a time, until no other
//!    group can have a better state.
//! 3. Where postings are damaged, sketches name candidates: 1024 bits of all states, then all bits of
//!    the best. They are compared token by token as well.
//! 4. Where stripes of a group are damaged, what its states share with the cue is estimated, from
//!    the tokens of the other stripes and from their sketches, each with the weight of its certainty.

use std::cell::OnceCell;
use std::ops::Range;

use super::base::{Base, Found};
use super::best::Best;
use super::page::{GROUP, Groups, StripePage};
use super::sketch::{STRIPE_BITS, STRIPE_BYTES, STRIPES, Sketch, distance, shared};
use super::{Match, StateId, Token};
use crate::store::block::{u32_at, u64_at};

/// The most groups that one query compares: what bounds its time where very many are equally good.
const MOST_GROUPS: usize = 256;
/// An estimate reads sketches too, and takes as long as so many comparisons.
const ESTIMATE: usize = 4;
/// Where postings are damaged, sketches say more: so many groups are compared that the rest of postings names.
const BY_DAMAGED_POSTINGS: usize = 32;
/// Stripes that the first stage of the cascade reads.
const FIRST_STRIPES: usize = 2;
/// States that the first stage leaves to the second, at least.
const SECOND_STAGE: usize = 512;
/// States whose groups are compared after the second stage, at least.
const THIRD_STAGE: usize = 64;

/// What is looked for.
pub(super) struct Cue<'a> {
    /// Increasing and different.
    tokens: &'a [Token],
    stripes: [Range<usize>; STRIPES],
    sketch: OnceCell<Box<Sketch>>,
}

impl<'a> Cue<'a> {
    pub(super) fn of(tokens: &'a [Token]) -> Cue<'a> {
        let start = |stripe: usize| tokens.partition_point(|token| token.stripe() < stripe);
        let stripes = std::array::from_fn(|stripe| start(stripe)..start(stripe + 1));
        Cue { tokens, stripes, sketch: OnceCell::new() }
    }

    pub(super) fn tokens(&self) -> &[Token] {
        self.tokens
    }

    fn in_stripe(&self, stripe: usize) -> &[Token] {
        &self.tokens[self.stripes[stripe].clone()]
    }

    fn sketch(&self) -> &Sketch {
        self.sketch.get_or_init(|| Box::new(Sketch::of(self.tokens)))
    }
}

/// Adds the states of a base that are most like the cue. Hidden ones count for nothing.
pub(super) fn recall(
    base: &Base,
    cue: &Cue<'_>,
    hidden: &dyn Fn(StateId) -> bool,
    best: &mut Best,
) {
    if base.groups() == 0 || cue.tokens.is_empty() {
        return;
    }
    let mut search = Search {
        base,
        cue,
        hidden,
        best,
        compared: vec![0; base.groups().div_ceil(64)],
        left: MOST_GROUPS,
    };
    let found: Vec<Found<'_>> = cue.tokens.iter().map(|token| base.find(*token)).collect();
    let lost = found.iter().filter(|found| matches!(found, Found::Lost)).count();
    if lost > 0 {
        search.by_sketches();
        search.left = search.left.min(BY_DAMAGED_POSTINGS);
    }
    search.by_postings(&found, lost);
}

struct Search<'a> {
    base: &'a Base,
    cue: &'a Cue<'a>,
    hidden: &'a dyn Fn(StateId) -> bool,
    best: &'a mut Best,
    /// A bit for each group.
    compared: Vec<u64>,
    /// How many groups may still be compared.
    left: usize,
}

impl Search<'_> {
    fn by_postings(&mut self, found: &[Found<'_>], lost: usize) {
        let mut counts = vec![0u16; self.base.groups()];
        let mut touched = Vec::new();
        let mut common = Vec::new();
        for found in found {
            match found {
                Found::In(Groups::List(list)) => {
                    for word in list.chunks_exact(4) {
                        let group = u32_at(word, 0);
                        let Some(count) = counts.get_mut(group as usize) else { continue };
                        if *count == 0 {
                            touched.push(group);
                        }
                        *count = count.saturating_add(1);
                    }
                }
                Found::In(Groups::Set(set)) => common.push(*set),
                Found::Nowhere | Found::Lost => {}
            }
        }
        self.compare_best(&counts, &touched, &common, lost);
        // A group that has none of the counted tokens may have many of the others.
        let others = self.with_common(&counts, &common, lost);
        self.compare_best(&others.counts, &others.groups, &[], lost);
    }

    /// Groups that have none of the counted tokens, and so many of the common ones that they may have better
    /// states. 64 groups are counted at once.
    fn with_common(&self, counts: &[u16], common: &[&[u8]], lost: usize) -> Counted {
        let mut found = Counted::default();
        let could = |count: &usize| self.could_have_better(count + lost, 0);
        let Some(least) = (1..=common.len()).find(could) else { return found };
        found.counts = vec![0; counts.len()];
        for (word, counts) in counts.chunks(64).enumerate() {
            let mut having = Counts::default();
            common.iter().for_each(|set| having.add(word_of(set, word)));
            let mut enough = having.at_least(least);
            while enough != 0 {
                let at = enough.trailing_zeros() as usize;
                enough &= enough - 1;
                let group = 64 * word + at;
                let count = having.of(at);
                let is_new = counts.get(at) == Some(&0);
                if is_new && self.could_have_better(count + lost, self.base.fewest(group)) {
                    found.counts[group] = count as u16;
                    found.groups.push(group as u32);
                }
            }
        }
        found
    }

    /// Compares groups, those with the highest counts first, as long as they may have better states.
    fn compare_best(&mut self, counts: &[u16], touched: &[u32], common: &[&[u8]], lost: usize) {
        let most = touched.iter().map(|group| counts[*group as usize]).max().unwrap_or(0);
        let mut starts = vec![0usize; most as usize + 2];
        touched.iter().for_each(|group| starts[counts[*group as usize] as usize + 1] += 1);
        (1..starts.len()).for_each(|count| starts[count] += starts[count - 1]);
        let ends = starts.clone();
        let mut ordered = vec![0u32; touched.len()];
        for group in touched {
            let place = &mut starts[counts[*group as usize] as usize];
            ordered[*place] = *group;
            *place += 1;
        }
        for count in (1..=most as usize).rev() {
            if !self.could_have_better(count + common.len() + lost, 0) {
                return;
            }
            let own = &ordered[ends[count]..ends[count + 1]];
            let mut better: Vec<(u32, u32)> = own
                .iter()
                .map(|group| (self.base.fewest(*group as usize) as u32, *group))
                .filter(|(fewest, _)| {
                    self.could_have_better(count + common.len() + lost, *fewest as usize)
                })
                .collect();
            // Of as many tokens the shorter list is more alike.
            better.sort_unstable();
            for (fewest, group) in better {
                let (fewest, group) = (fewest as usize, group as usize);
                if self.could_have_better(count + common.len() + lost, fewest)
                    && self.could_have_better(count + having(common, group) + lost, fewest)
                {
                    self.compare(group);
                }
            }
        }
    }

    /// Whether a state that has at most so many tokens of the cue, and at least so many in all, is better
    /// than the worst of the best.
    fn could_have_better(&self, tokens: usize, fewest: usize) -> bool {
        let shared = tokens.min(self.cue.tokens.len());
        self.left > 0
            && self.best.would_take(jaccard(shared, fewest.max(shared), self.cue.tokens.len()))
    }

    /// Compares each state of a group with the cue.
    fn compare(&mut self, group: usize) {
        let bit = 1 << (group % 64);
        if self.compared[group / 64] & bit != 0 || self.left == 0 {
            return;
        }
        self.compared[group / 64] |= bit;
        self.left -= 1;
        let mut counts = Counts::default();
        let mut named = None;
        let mut seen = 0;
        for stripe in 0..STRIPES {
            let wanted = self.cue.in_stripe(stripe);
            if wanted.is_empty() {
                continue;
            }
            let Some(page) = self.base.stripe(group, stripe) else { continue };
            named.get_or_insert(page);
            seen += wanted.len();
            wanted.iter().for_each(|token| counts.add(page.with(*token)));
        }
        if seen < self.cue.tokens.len() {
            self.left = self.left.saturating_sub(ESTIMATE - 1);
            self.estimate(group, &counts, seen);
        } else if let Some(page) = named {
            self.take(&page, &counts);
        }
    }

    /// Every stripe that has tokens of the cue is there.
    fn take(&mut self, page: &StripePage<'_>, counts: &Counts) {
        let cue = self.cue.tokens.len();
        let mut any = counts.any();
        while any != 0 {
            let state = any.trailing_zeros() as usize;
            any &= any - 1;
            if state >= page.states() {
                return;
            }
            let (shared, total) = (counts.of(state), page.total(state));
            let shared = shared.min(total);
            let similarity = jaccard(shared, total, cue);
            if shared > 0 && self.best.would_take(similarity) {
                let id = page.id(state);
                self.offer(Match {
                    state: id,
                    shared,
                    state_tokens: total,
                    similarity,
                    exact: true,
                });
            }
        }
    }

    /// Some stripes of the group are damaged.
    fn estimate(&mut self, group: usize, counts: &Counts, seen: usize) {
        let pages: [Option<StripePage<'_>>; STRIPES] =
            std::array::from_fn(|stripe| self.base.stripe(group, stripe));
        let Some(named) = pages.iter().flatten().next() else { return };
        let cue = self.cue.tokens.len();
        for state in 0..named.states() {
            let total = named.total(state);
            let (differing, bits) = differing(&pages, self.cue.sketch(), state);
            let (by_sketch, variance) = shared(total, cue, differing, bits);
            let (by_tokens, token_variance) = sampled(counts.of(state), seen, cue);
            let weights = (1.0 / variance, 1.0 / token_variance);
            let most = total.min(cue) as f64;
            let estimate =
                (by_sketch * weights.0 + by_tokens * weights.1) / (weights.0 + weights.1);
            let estimate = estimate.clamp(0.0, most);
            let similarity = estimate / ((total + cue) as f64 - estimate).max(1.0);
            let shared = estimate.round() as usize;
            if shared > 0 && self.best.would_take(similarity) {
                let state = named.id(state);
                self.offer(Match { state, shared, state_tokens: total, similarity, exact: false });
            }
        }
    }

    fn offer(&mut self, found: Match) {
        if !(self.hidden)(found.state) {
            self.best.offer(found);
        }
    }

    /// Compares the groups of the states whose sketches are most like that of the cue.
    fn by_sketches(&mut self) {
        let mut candidates = self.first_stage();
        let sketch = self.cue.sketch();
        for (differing_of_all, state) in &mut candidates {
            let (group, at) = (*state as usize / GROUP, *state as usize % GROUP);
            let pages: [Option<StripePage<'_>>; STRIPES] =
                std::array::from_fn(|stripe| self.base.stripe(group, stripe));
            let (differing, bits) = differing(&pages, sketch, at);
            *differing_of_all = renormalised(differing, bits, STRIPES);
        }
        candidates.sort_unstable();
        candidates.truncate(THIRD_STAGE.max(4 * self.best.limit()));
        for (_, state) in candidates {
            self.compare(state as usize / GROUP);
        }
    }

    /// The states that differ least in the first two stripes that are left of their group, and in how
    /// many bits.
    fn first_stage(&self) -> Vec<(u32, u32)> {
        let sketch = self.cue.sketch();
        let bits = FIRST_STRIPES * STRIPE_BITS;
        let mut distances = vec![u16::MAX; self.base.capacity()];
        let mut of_distance = vec![0usize; bits + 1];
        for (group, distances) in distances.chunks_exact_mut(GROUP).enumerate() {
            let whole = (0..STRIPES).filter_map(|at| Some((at, self.base.stripe(group, at)?)));
            let mut sums = [0u32; GROUP];
            let (mut read, mut states) = (0, GROUP);
            for (stripe, page) in whole.take(FIRST_STRIPES) {
                read += 1;
                states = states.min(page.states());
                let stored = page.sketches().chunks_exact(STRIPE_BYTES);
                for (sum, stored) in sums.iter_mut().zip(stored) {
                    *sum += distance(&sketch.stripes()[stripe], stored);
                }
            }
            if read == 0 {
                continue;
            }
            for (distance, sum) in distances.iter_mut().zip(&sums[..states]) {
                let of_all = renormalised(*sum, (read * STRIPE_BITS) as u32, FIRST_STRIPES);
                *distance = of_all as u16;
                of_distance[of_all as usize] += 1;
            }
        }
        let wanted = SECOND_STAGE.max(16 * self.best.limit());
        let mut sum = 0;
        let furthest = of_distance.iter().position(|count| {
            sum += count;
            sum >= wanted
        });
        let furthest = furthest.unwrap_or(bits) as u16;
        let near = distances.iter().enumerate().filter(|(_, distance)| **distance <= furthest);
        // Very many may be at the same distance.
        near.map(|(state, distance)| (u32::from(*distance), state as u32))
            .take(4 * wanted)
            .collect()
    }
}

/// What would differ in so many stripes.
fn renormalised(differing: u32, bits: u32, stripes: usize) -> u32 {
    let all = (stripes * STRIPE_BITS) as u64;
    (u64::from(differing) * all).checked_div(u64::from(bits)).unwrap_or(all) as u32
}

/// How many bits differ from those that are left of a state's sketch, and how many are left.
pub(super) fn differing(
    pages: &[Option<StripePage<'_>>],
    sketch: &Sketch,
    state: usize,
) -> (u32, u32) {
    let mut sums = (0, 0);
    for (page, stripe) in pages.iter().zip(sketch.stripes()) {
        let Some(stored) = page.and_then(|page| page.sketch(state)) else { continue };
        sums = (sums.0 + distance(stripe, stored), sums.1 + STRIPE_BITS as u32);
    }
    sums
}

/// How many tokens of a cue a state has that has so many of those that were looked for, and the variance.
/// Which were looked for is chance: that of the tokens' hashes.
fn sampled(shared: usize, seen: usize, cue: usize) -> (f64, f64) {
    let part = seen as f64 / cue as f64;
    if seen == 0 {
        return (0.0, f64::INFINITY);
    }
    let share = (shared as f64 + 0.5) / (seen as f64 + 1.0);
    let variance = seen as f64 * share * (1.0 - share) * (1.0 - part) / (part * part);
    (shared as f64 / part, variance)
}

/// How many of these sets have the group.
fn having(sets: &[&[u8]], group: usize) -> usize {
    sets.iter().filter(|set| set[group / 8] >> (group % 8) & 1 == 1).count()
}

/// The bits of 64 groups.
fn word_of(set: &[u8], word: usize) -> u64 {
    if let Some(bytes) = set.get(8 * word..8 * word + 8) {
        return u64_at(bytes, 0);
    }
    let bytes = &set[8 * word..];
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Groups, and how many tokens each has.
#[derive(Default)]
struct Counted {
    counts: Vec<u16>,
    groups: Vec<u32>,
}

/// What is common to both, of what either has.
pub(super) fn jaccard(shared: usize, state: usize, cue: usize) -> f64 {
    let all = state + cue - shared;
    if all == 0 { 0.0 } else { shared as f64 / all as f64 }
}

/// A count for each of 64 states or groups: `bits[l]` has the bit of value `2^l` of each.
#[derive(Default)]
struct Counts {
    bits: [u64; 17],
}

impl Counts {
    fn add(&mut self, states: u64) {
        let mut carry = states;
        for bits in &mut self.bits {
            (*bits, carry) = (*bits ^ carry, *bits & carry);
            if carry == 0 {
                break;
            }
        }
    }

    /// Those that have at least so many.
    fn at_least(&self, least: usize) -> u64 {
        let bits = self.bits.iter().enumerate();
        let below = bits.fold(0, |below, (level, bits)| {
            let wanted = if least >> level & 1 == 1 { !0 } else { 0 };
            !bits & wanted | !(bits ^ wanted) & below
        });
        !below
    }

    /// The states that have a count.
    fn any(&self) -> u64 {
        self.bits.iter().fold(0, |any, bits| any | bits)
    }

    fn of(&self, state: usize) -> usize {
        let bits = self.bits.iter().enumerate();
        bits.map(|(level, bits)| ((bits >> state & 1) as usize) << level).sum()
    }
}
