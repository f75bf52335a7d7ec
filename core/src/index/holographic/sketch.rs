//! Sketches: what a set of tokens looks like in 8192 bits, so that two sets can be compared by counting bits.
//!
//! Each token stands for a random vector of 8192 signs, made from its hash. The sketch of a set is the sign
//! of their sum, place by place ("majority"): all vectors lie over each other, and every run of bits looks like
//! the whole set. Of two sets with `n` and `m` tokens that share `k`, the bits at one place differ
//! with probability `acos(k / sqrt(n m)) / pi`, in each place independently: more bits are more digits of `k`,
//! and any of them will do.
//!
//! A sketch has 16 stripes of 512 bits, which are stored apart from each other.

use std::f64::consts::PI;

use super::Token;

/// Parts of a sketch that are stored apart.
pub const STRIPES: usize = 16;
/// Bits of a stripe.
pub const STRIPE_BITS: usize = 512;
/// Bytes of a stripe.
pub(super) const STRIPE_BYTES: usize = STRIPE_BITS / 8;
const WORDS: usize = STRIPE_BITS / 64;

/// 512 bits.
pub(super) type Stripe = [u64; WORDS];

/// All bits of a set of tokens: its vectors over each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch([Stripe; STRIPES]);

impl Sketch {
    /// The sketch of different tokens, at most [`super::MAX_TOKENS`].
    pub fn of(tokens: &[Token]) -> Sketch {
        // An even number of signs may cancel out. The vector that decides then is one of the set's own: one
        // that were the same for all would make them alike.
        let tie = tokens.iter().fold(0x7469_6573, |sum: u64, token| sum.rotate_left(7) ^ token.0);
        let tie = tokens.len().is_multiple_of(2).then_some(tie);
        Sketch(std::array::from_fn(|stripe| {
            let signs = &SIGNS[stripe];
            let mut votes = Votes::default();
            let fours = tokens.chunks_exact(4);
            let rest = fours.remainder().iter().map(|token| token.0).chain(tie);
            fours.for_each(|four| votes.add_four(four.iter().map(|token| vector(signs, token.0))));
            rest.for_each(|token| votes.add(vector(signs, token), 0));
            votes.majority(tokens.len() + tie.iter().len())
        }))
    }

    /// 512 bits of each stripe.
    pub fn stripes(&self) -> &[[u64; WORDS]; STRIPES] {
        &self.0
    }
}

/// How many bits of a stored stripe differ from this one.
pub(super) fn distance(stripe: &Stripe, stored: &[u8]) -> u32 {
    let words = stored.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("8")));
    stripe.iter().zip(words).map(|(one, other)| (one ^ other).count_ones()).sum()
}

/// The probability that a bit of two sketches differs, of sets of `n` and `m` tokens that share `k`.
#[cfg(test)]
pub(super) fn difference(n: usize, m: usize, k: f64) -> f64 {
    (k / (weight(n) * weight(m)).sqrt()).clamp(-1.0, 1.0).acos() / PI
}

/// How many tokens two sets share, and the variance of that, where so many of so many bits differ.
pub(super) fn shared(n: usize, m: usize, differing: u32, bits: u32) -> (f64, f64) {
    let size = weight(n) * weight(m);
    // Half a bit keeps the variance of equal sketches from being nothing.
    let p = (f64::from(differing) + 0.5) / (f64::from(bits) + 1.0);
    let slope = PI * (PI * p).sin();
    ((PI * p).cos() * size.sqrt(), size * slope * slope * p * (1.0 - p) / f64::from(bits))
}

/// Signs that were added up: the deciding one of an even number counts.
fn weight(tokens: usize) -> f64 {
    (tokens | 1) as f64
}

/// Sums of 512 places as bits: `sums[l]` has the bit of value `2^l` of each. What is carried to a level waits
/// there for another one, so that one of two goes on to the next.
#[derive(Default)]
struct Votes {
    sums: [Stripe; LEVELS],
    waiting: [Stripe; LEVELS],
    /// A bit for each level that has one that waits.
    waits: u32,
}

/// Enough to count [`super::MAX_TOKENS`] and one more.
const LEVELS: usize = 18;
const _: () = assert!(super::MAX_TOKENS < 1 << (LEVELS - 1));

impl Votes {
    /// Adds a vector in which each place counts `2^level`.
    fn add(&mut self, mut carry: Stripe, mut level: usize) {
        while self.waits >> level & 1 == 1 {
            self.waits ^= 1 << level;
            carry = added(&mut self.sums[level], &self.waiting[level], &carry);
            level += 1;
        }
        self.waiting[level] = carry;
        self.waits |= 1 << level;
    }

    /// Adds four vectors, with no detour over those that wait.
    fn add_four(&mut self, four: impl Iterator<Item = Stripe>) {
        let mut four = four;
        let mut next = || four.next().expect("there are four");
        let [one, two, ..] = &mut self.sums;
        let first = added(one, &next(), &next());
        let second = added(one, &next(), &next());
        let carry = added(two, &first, &second);
        self.add(carry, 2);
    }

    /// The sign of most of so many vectors.
    fn majority(&self, count: usize) -> Stripe {
        let most = count / 2 + 1;
        let mut below = Stripe::default();
        let mut carry = Stripe::default();
        for level in 0..LEVELS {
            let waits = if self.waits >> level & 1 == 1 { !0 } else { 0 };
            let wanted = if most >> level & 1 == 1 { !0 } else { 0 };
            for at in 0..WORDS {
                let (a, b, c) = (self.sums[level][at], self.waiting[level][at] & waits, carry[at]);
                let sum = a ^ b ^ c;
                carry[at] = a & b | (a ^ b) & c;
                below[at] = !sum & wanted | !(sum ^ wanted) & below[at];
            }
            if count >> level == 0 && most >> level == 0 {
                break;
            }
        }
        below.map(|word| !word)
    }
}

/// Adds three bits at each place: the sums stay, the carries are returned.
fn added(sums: &mut Stripe, one: &Stripe, other: &Stripe) -> Stripe {
    let mut carry = Stripe::default();
    for at in 0..WORDS {
        let (a, b, c) = (sums[at], one[at], other[at]);
        sums[at] = a ^ b ^ c;
        carry[at] = a & b | (a ^ b) & c;
    }
    carry
}

/// The signs of a token in one stripe.
fn vector(signs: &[(u64, u64); WORDS], token: u64) -> Stripe {
    signs.map(|signs| mixed(token, signs))
}

/// 64 signs of a token: both halves of a product of 128 bits.
fn mixed(token: u64, (flip, factor): (u64, u64)) -> u64 {
    let product = u128::from(token ^ flip) * u128::from(factor);
    product as u64 ^ (product >> 64) as u64
}

/// What makes each word of a vector another function of the token: outputs of SplitMix64 from 0 on, the
/// factors odd.
const SIGNS: [[(u64, u64); WORDS]; STRIPES] = {
    let mut signs = [[(0, 0); WORDS]; STRIPES];
    let mut state = 0;
    let mut at = 0;
    while at < STRIPES * WORDS {
        let (flip, next) = split_mix(state);
        let (factor, next) = split_mix(next);
        signs[at / WORDS][at % WORDS] = (flip, factor | 1);
        state = next;
        at += 1;
    }
    signs
};

const fn split_mix(state: u64) -> (u64, u64) {
    let next = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = next;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(range: std::ops::Range<u64>) -> Vec<Token> {
        range.map(|number| Token::of("test", &number.to_le_bytes())).collect()
    }

    fn differing(one: &Sketch, other: &Sketch) -> u32 {
        let stripes = one.0.iter().flatten().zip(other.0.iter().flatten());
        stripes.map(|(one, other)| (one ^ other).count_ones()).sum()
    }

    #[test]
    fn a_place_has_the_sign_of_most() {
        for count in [1, 2, 3, 4, 7, 8, 60, 61, 255, 256] {
            let set = tokens(0..count);
            let sketch = Sketch::of(&set);
            for place in (0..STRIPES * STRIPE_BITS).step_by(37) {
                let (stripe, bit) = (place / STRIPE_BITS, place % STRIPE_BITS);
                let sign = |word: u64| word >> (bit % 64) & 1;
                let signs = SIGNS[stripe][bit / 64];
                let ones: u64 = set.iter().map(|token| sign(mixed(token.0, signs))).sum();
                if 2 * ones != count {
                    let found = sign(sketch.0[stripe][bit / 64]);
                    assert_eq!(found == 1, 2 * ones > count, "{count} tokens, place {place}");
                }
            }
        }
    }

    #[test]
    fn bits_differ_as_often_as_the_formula_says() {
        let bits = (STRIPES * STRIPE_BITS) as f64;
        for (n, m, k) in [(80, 45, 41), (80, 80, 40), (81, 81, 0), (40, 22, 20), (121, 60, 5)] {
            let mut sum = 0.0;
            let rounds = 20;
            for round in 0..rounds {
                let from = round * 10_000;
                let one = Sketch::of(&tokens(from..from + n));
                let other = Sketch::of(&tokens(from + n - k..from + n - k + m));
                sum += f64::from(differing(&one, &other));
            }
            let p = difference(n as usize, m as usize, k as f64);
            let places = bits * rounds as f64;
            let sigma = (places * p * (1.0 - p)).sqrt();
            // The formula holds for many tokens; so few give up to 1 of 200 more.
            let off = (sum - places * p).abs();
            assert!(off < 3.0 * sigma + places * 0.005, "{n}, {m}, {k}: {off} off, {sigma}");
            let (shared, variance) = shared(n as usize, m as usize, (bits * p) as u32, bits as u32);
            assert!((shared - k as f64).abs() < 0.2 && variance > 0.0, "{shared}");
        }
    }

    #[test]
    fn words_of_one_token_have_nothing_to_do_with_each_other() {
        let set = tokens(0..400);
        let words: Vec<(u64, u64)> = SIGNS.iter().flatten().step_by(5).copied().collect();
        let mut furthest = 0.0f64;
        for one in 0..words.len() {
            for other in 0..one {
                let mut both = [0u32; 64];
                for token in &set {
                    let alike = !(mixed(token.0, words[one]) ^ mixed(token.0, words[other]));
                    both.iter_mut()
                        .enumerate()
                        .for_each(|(at, sum)| *sum += (alike >> at & 1) as u32);
                }
                for sum in both {
                    furthest = furthest.max((f64::from(sum) - 200.0).abs() / 10.0);
                }
            }
        }
        // Of 20,000 comparisons the furthest is at about 4 standard deviations.
        assert!(furthest < 6.0, "{furthest}");
    }
}
