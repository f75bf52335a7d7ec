//! Damaged pages: what is left answers, as well as there is reason to expect, and never claims too much.

use std::f64::consts::PI;

use super::base::Item;
use super::base::pages;
use super::build::DATA_START;
use super::files::file_name;
use super::page::{Kind, StripePage};
use super::recall::differing;
use super::sketch::{Sketch, difference};
use super::tests::{Model, built, compare_all, cue, families, token};
use super::*;
use crate::store::failing::{Failing, Files, Random};

/// The bytes of a file with these states.
pub(super) fn file_of(model: &Model) -> Vec<u8> {
    built(model).base.bytes().to_vec()
}

/// An index that reads these bytes.
pub(super) fn index_of(bytes: Vec<u8>) -> Index {
    let storage = Failing::with(Files::of(&file_name(1), bytes));
    Index::on(Box::new(storage), Reading::Mapped).unwrap()
}

/// Flips a bit in each page that is to be damaged: of this kind, stripe and number.
fn damaged(whole: &[u8], mut is_damaged: impl FnMut(Kind, usize, u32) -> bool) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for item in pages(whole, DATA_START) {
        let Item::Page { at, header, page } = item else { panic!("the file is whole") };
        if is_damaged(header.kind, header.stripe as usize, header.number) {
            bytes[at + page.len() - 1] ^= 4;
        }
    }
    bytes
}

/// How often the state that a cue was made of is found first, and among the first ten.
fn recall_of(index: &Index, model: &Model, step: usize) -> (f64, f64) {
    let mut random = Random(17);
    let (mut first, mut ten, mut all) = (0.0, 0.0, 0.0);
    for (state, tokens) in model.iter().step_by(step) {
        let found = index.query(&cue(tokens, &mut random), 10);
        first += f64::from(found.first().is_some_and(|found| found.state == *state));
        ten += f64::from(found.iter().any(|found| found.state == *state));
        all += 1.0;
    }
    (first / all, ten / all)
}

#[test]
fn half_of_the_stripes_are_enough() {
    let model = families(1000, 21);
    let whole = file_of(&model);
    let (first, ten) = recall_of(&index_of(whole.clone()), &model, 7);
    assert!(ten >= 0.99, "{first} {ten} with all of it");
    for postings_too in [false, true] {
        let bytes = damaged(&whole, |kind, stripe, _| match kind {
            Kind::Stripe => stripe % 2 == 0,
            _ => postings_too && kind == Kind::Postings,
        });
        let index = index_of(bytes);
        let health = index.health();
        assert!(health.is_damaged());
        let lost = health.stripes.iter().filter(|pages| pages.damaged == pages.total).count();
        assert_eq!((lost, health.stripes[1].damaged), (8, 0));
        assert_eq!(health.postings.damaged > 0, postings_too);
        let (half_first, half_ten) = recall_of(&index, &model, 7);
        assert!(half_ten >= 0.99, "{half_first} {half_ten}, postings gone: {postings_too}");
        assert!(half_first < first, "half of the tokens cannot tell as much");
    }
}

#[test]
fn without_postings_it_still_answers_exactly() {
    let model = families(1000, 22);
    let bytes = damaged(&file_of(&model), |kind, _, _| kind == Kind::Postings);
    let index = index_of(bytes);
    let health = index.health();
    assert_eq!(health.postings.damaged, health.postings.total);
    let mut random = Random(23);
    for tokens in model.values().step_by(17) {
        let cue = cue(tokens, &mut random);
        let (found, expected) = (index.query(&cue, 5), compare_all(&model, &cue));
        assert_eq!(found[0].similarity, expected[0].similarity);
        assert!(found.iter().all(|one| one.exact && expected.contains(one)));
    }
}

#[test]
fn one_stripe_alone_names_the_family() {
    let model = families(1000, 24);
    let bytes = damaged(&file_of(&model), |_, stripe, _| stripe != 11);
    let index = index_of(bytes);
    let mut random = Random(25);
    let (mut right, mut all) = (0, 0);
    for (state, tokens) in model.iter().step_by(11) {
        let found = index.query(&cue(tokens, &mut random), 1);
        right += usize::from(found.first().is_some_and(|found| found.state.0 / 20 == state.0 / 20));
        all += 1;
    }
    assert!(right * 100 >= all * 95, "{right} of {all}");
}

/// What is called exact is exact, whatever is damaged, and estimates are near.
#[test]
fn no_claim_is_wrong_at_any_share_of_lost_pages() {
    let model = families(400, 26);
    let whole = file_of(&model);
    let mut random = Random(27);
    let mut exact = Vec::new();
    for lost in [5, 25, 50, 75, 90, 99] {
        let index = index_of(damaged(&whole, |_, _, _| random.next() % 100 < lost));
        let (mut off, mut estimated, mut counted) = (0.0, 0.0, 0);
        for tokens in model.values().step_by(17) {
            let cue = cue(tokens, &mut random);
            let truth = compare_all(&model, &cue);
            for found in index.query(&cue, 10) {
                assert!((0.0..=1.0).contains(&found.similarity), "{found:?}");
                let right = truth.iter().find(|right| right.state == found.state);
                if found.exact {
                    assert_eq!(Some(&found), right);
                    counted += 1;
                } else {
                    off += (found.similarity - right.map_or(0.0, |right| right.similarity)).abs();
                    estimated += 1.0;
                }
            }
        }
        exact.push(counted);
        assert!(
            lost > 75 || estimated == 0.0 || off / estimated < 0.05,
            "{lost}: {off} {estimated}"
        );
    }
    assert!(exact[0] > 50 && exact[5] == 0, "{exact:?}");
}

/// Sketches alone, of sets that have nothing in common, and cues that share a few tokens with one of them: how
/// often that one is nearer than any other follows from the number of bits that are left.
#[test]
fn recall_falls_with_lost_pages_as_the_formula_says() {
    const SETS: u64 = 960;
    const CUES: u64 = 120;
    let (n, m, k) = (41, 23, 4);
    let tokens = |set: u64| (0..n).map(move |at| token("one", set * 1000 + at));
    let model: Model = (0..SETS).map(|set| (StateId(set), tokens(set).collect())).collect();
    let whole = file_of(&model);
    let sketch = |cue: u64| {
        let noise = (k..m).map(|at| token("noise", cue * 1000 + at));
        let kept = tokens(cue * (SETS / CUES)).step_by(9).take(k as usize);
        Sketch::of(&kept.chain(noise).collect::<Vec<Token>>())
    };
    let cues: Vec<Sketch> = (0..CUES).map(sketch).collect();
    let p1 = difference(n as usize, m as usize, k as f64);
    let mut seen = Vec::new();
    for left in [16, 8, 4, 2, 1] {
        let bits = f64::from(left) * STRIPE_BITS as f64;
        let index = index_of(damaged(&whole, |_, stripe, group| !keeps(stripe, group, left)));
        let recall = measure(&index, &cues, (SETS / CUES) as usize, bits);
        let expected = expect(p1, bits, SETS as f64 - 1.0);
        for (found, expected) in recall.into_iter().zip(expected) {
            let sigma = (expected * (1.0 - expected) / CUES as f64).sqrt();
            // One cue more or less.
            let bound = 3.0 * sigma + 1.0 / CUES as f64;
            let off = (found - expected).abs();
            assert!(off <= bound, "{left} of 16 left: {found} found, {expected} expected, {bound}");
        }
        seen.push(recall[0]);
    }
    assert!(seen[0] > 0.95 && seen[4] < 0.3, "the curve falls: {seen:?}");
}

/// Whether a page is among those that are left of its group: as many of each, others in each.
fn keeps(stripe: usize, group: u32, left: u32) -> bool {
    let turned = (stripe as u32 + group * 5) % 16;
    turned * left % 16 < left
}

/// How many cues find their set first, among ten, and nearer than the nearest of all others is likely to be.
fn measure(index: &Index, cues: &[Sketch], step: usize, bits: f64) -> [f64; 3] {
    let groups = index.base.groups();
    let pages: Vec<[Option<StripePage<'_>>; STRIPES]> = (0..groups)
        .map(|group| std::array::from_fn(|stripe| index.base.stripe(group, stripe)))
        .collect();
    let others = (groups * 64 - 1) as f64;
    let likely = 0.5 + quantile(1.0 / others) * (0.25 / bits).sqrt();
    let mut found = [0.0; 3];
    for (number, sketch) in cues.iter().enumerate() {
        let mut own = f64::NAN;
        let mut all = Vec::new();
        for group in &pages {
            let named = group.iter().flatten().next().unwrap();
            for state in 0..named.states() {
                let (differing, read) = differing(group, sketch, state);
                assert_eq!(f64::from(read), bits);
                let distance = f64::from(differing) / bits;
                all.push(distance);
                if named.id(state).0 as usize == number * step {
                    own = distance;
                }
            }
        }
        let nearer = all.iter().filter(|distance| **distance < own).count();
        found[0] += f64::from(nearer == 0);
        found[1] += f64::from(nearer < 10);
        found[2] += f64::from(own < likely);
    }
    found.map(|found| found / cues.len() as f64)
}

/// What to expect where the own set differs in a share `p1` of bits and the others in half: of as many
/// others, Poisson many are nearer. The third is where this stands in closed form: with `N` others,
/// `bits = ((z(1 - 1/N) sqrt(p2 q2) + z(r) sqrt(p1 q1)) / (p2 - p1))^2` are needed for a recall of `r`.
fn expect(p1: f64, bits: f64, others: f64) -> [f64; 3] {
    let own = (p1 * (1.0 - p1) / bits).sqrt();
    let other = (0.25 / bits).sqrt();
    let steps = 600;
    let mut expected = [0.0; 3];
    for step in 0..steps {
        let z = (f64::from(step) + 0.5) / f64::from(steps) * 12.0 - 6.0;
        let weight = (-z * z / 2.0).exp() / (2.0 * PI).sqrt() * 12.0 / f64::from(steps);
        let nearer = others * normal((p1 + z * own - 0.5) / other);
        let mut term = (-nearer).exp();
        expected[0] += weight * term;
        for count in 1..=10 {
            expected[1] += weight * term;
            term *= nearer / f64::from(count);
        }
    }
    expected[2] = normal(((0.5 - p1) + quantile(1.0 / others) * other) / own);
    expected
}

/// The share of a normal distribution below `z`.
fn normal(z: f64) -> f64 {
    // Simpson's rule over the density.
    let (from, steps) = (-9.0, 400);
    if z <= from {
        return 0.0;
    }
    let width = (z - from) / f64::from(steps);
    let density = |at: f64| (-at * at / 2.0).exp() / (2.0 * PI).sqrt();
    let inner: f64 = (1..steps)
        .map(|at| density(from + f64::from(at) * width) * if at % 2 == 1 { 4.0 } else { 2.0 })
        .sum();
    (density(from) + inner + density(z)) * width / 3.0
}

/// Where a normal distribution has this share below it.
fn quantile(share: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if normal(middle) < share { low = middle } else { high = middle }
    }
    low
}
