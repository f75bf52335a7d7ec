//! Environments of a seeded model: families of snapshots of one environment, popular packages, versions.

use std::collections::BTreeSet;

use aios_core::index::holographic::Token;

use crate::records::Random;

/// Snapshots of one environment, each a little different from the one before.
pub const FAMILY: u64 = 20;
const PACKAGES: u64 = 30_000;
const VERSIONS: u64 = 16;
const SEED: u64 = 2026;

/// A version of a package, as a number.
pub type Distribution = u32;

/// Sets of distributions, all in one run of memory.
pub struct Environments {
    starts: Vec<usize>,
    distributions: Vec<Distribution>,
    tokens: Vec<Token>,
    popularity: Popularity,
}

/// What is left of an environment, and what it was.
pub struct Cue {
    pub distributions: Vec<Distribution>,
    pub tokens: Vec<Token>,
    /// `None` where nobody can say which one was meant.
    pub of: Option<u64>,
}

/// The sum of the shares of the first packages: the share of each falls as its rank rises (Zipf's law).
struct Popularity {
    sums: Vec<f64>,
}

impl Popularity {
    fn new() -> Popularity {
        let mut sum = 0.0;
        let mut sums: Vec<f64> = (1..=PACKAGES)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        sums.iter_mut().for_each(|share| *share /= sum);
        Popularity { sums }
    }

    fn package(&self, random: &mut Random) -> u64 {
        let share = uniform(random);
        self.sums.partition_point(|sum| *sum < share) as u64
    }

    /// Of a package, the newest version is the most frequent one, and each older one is half as frequent.
    fn distribution(&self, random: &mut Random) -> Distribution {
        let package = self.package(random);
        let age = u64::from(random.next().trailing_zeros()).min(VERSIONS - 1);
        (package * VERSIONS + age) as Distribution
    }
}

fn uniform(random: &mut Random) -> f64 {
    (random.next() >> 11) as f64 / (1u64 << 53) as f64
}

impl Environments {
    /// So many of them. The snapshots of a family are not beside each other: all environments have a first
    /// one before any has a second.
    pub fn new(count: u64) -> Environments {
        let popularity = Popularity::new();
        let families: Vec<Vec<Vec<Distribution>>> =
            (0..count / FAMILY).map(|number| family(&popularity, number)).collect();
        let (mut starts, mut distributions) = (vec![0], Vec::new());
        for snapshot in 0..FAMILY as usize {
            for family in &families {
                distributions.extend_from_slice(&family[snapshot]);
                starts.push(distributions.len());
            }
        }
        let names = (0..PACKAGES * VERSIONS)
            .map(|number| format!("package-{} {}.0", number / VERSIONS, number % VERSIONS));
        let tokens = names.map(|name| Token::of("distribution", name.as_bytes())).collect();
        Environments { starts, distributions, tokens, popularity }
    }

    pub fn count(&self) -> u64 {
        self.starts.len() as u64 - 1
    }

    /// Increasing.
    pub fn set(&self, number: u64) -> &[Distribution] {
        let number = number as usize;
        &self.distributions[self.starts[number]..self.starts[number + 1]]
    }

    /// All sets, one after the other.
    pub fn all(&self) -> &[Distribution] {
        &self.distributions
    }

    pub fn tokens(&self, set: &[Distribution]) -> Vec<Token> {
        set.iter().map(|distribution| self.tokens[*distribution as usize]).collect()
    }

    pub fn family(&self, number: u64) -> u64 {
        number % (self.count() / FAMILY)
    }

    /// How many distributions there may be.
    pub fn distributions() -> usize {
        (PACKAGES * VERSIONS) as usize
    }

    /// Environments that lost half of what they had, with as much as a tenth of the rest of something else.
    pub fn damaged(&self, count: usize) -> Vec<Cue> {
        let mut random = Random(SEED ^ 1);
        let mut damaged = || {
            let number = random.below(self.count());
            let mut left = self.set(number).to_vec();
            let keep = left.len().div_ceil(2);
            while left.len() > keep {
                left.swap_remove(random.below(left.len() as u64) as usize);
            }
            let noise = keep.div_ceil(10);
            left.extend((0..noise).map(|_| self.popularity.distribution(&mut random)));
            self.cue(left, Some(number))
        };
        (0..count).map(|_| damaged()).collect()
    }

    /// The most frequent distributions alone: 1 to so many of them.
    pub fn popular(&self, count: usize) -> Vec<Cue> {
        let mut counts = vec![(0u32, 0); Environments::distributions()];
        for distribution in &self.distributions {
            let entry = &mut counts[*distribution as usize];
            *entry = (entry.0 + 1, *distribution);
        }
        counts.sort_unstable_by_key(|count| std::cmp::Reverse(*count));
        let first = |count: usize| counts[..count].iter().map(|(_, one)| *one).collect();
        (1..=count).map(|count| self.cue(first(count), None)).collect()
    }

    fn cue(&self, mut distributions: Vec<Distribution>, of: Option<u64>) -> Cue {
        distributions.sort_unstable();
        distributions.dedup();
        let tokens = self.tokens(&distributions);
        Cue { distributions, tokens, of }
    }
}

/// Each snapshot differs from the one before by one to three packages: most are another version, some come
/// and some go.
fn family(popularity: &Popularity, number: u64) -> Vec<Vec<Distribution>> {
    let mut random = Random(SEED ^ number << 8);
    // 15 to 150 packages, as many environments below 47 as above.
    let packages = (15.0 * 10f64.powf(uniform(&mut random))) as usize;
    let mut set = BTreeSet::new();
    let package = |distribution: Distribution| u64::from(distribution) / VERSIONS;
    let put = |set: &mut BTreeSet<Distribution>, distribution: Distribution| {
        set.retain(|other| package(*other) != package(distribution));
        set.insert(distribution);
    };
    while set.len() < packages {
        put(&mut set, popularity.distribution(&mut random));
    }
    (0..FAMILY)
        .map(|_| {
            for _ in 0..=random.below(3) {
                let at = random.below(set.len() as u64) as usize;
                let one = *set.iter().nth(at).expect("the set has as many");
                match random.below(8) {
                    0 => put(&mut set, popularity.distribution(&mut random)),
                    1 if set.len() > 10 => {
                        set.remove(&one);
                    }
                    _ => {
                        let version = random.below(VERSIONS);
                        put(&mut set, (package(one) * VERSIONS + version) as Distribution);
                    }
                }
            }
            set.iter().copied().collect()
        })
        .collect()
}
