//! What names the environments that are most like a cue.

use std::collections::HashMap;
use std::path::Path;

use aios_core::index::holographic::{Index, Sketch, StateId};
use roaring::RoaringBitmap;
use usearch::{IndexOptions, MetricKind, ScalarKind, b1x8};

use super::model::{Cue, Distribution, Environments};
use crate::Result;

/// How many are asked for.
pub const ASKED: usize = 10;
/// Bits of a sketch that usearch compares.
const SEARCHED_BITS: usize = 1024;
/// What usearch names, for all tokens to be compared.
const CANDIDATES: usize = 64;

pub trait Entrant {
    fn name(&self) -> String;
    /// The most similar environments, best first.
    fn ask(&mut self, cue: &Cue) -> Result<Vec<u64>>;
    /// What it takes in memory or on disk.
    fn bytes(&self) -> u64;
}

/// The best of what is offered.
#[derive(Default)]
struct Best {
    found: Vec<(f64, u64)>,
}

impl Best {
    fn offer(&mut self, shared: usize, environment: u64, of: &Environments, cue: &Cue) {
        let all = of.set(environment).len() + cue.distributions.len() - shared;
        let similarity = shared as f64 / all as f64;
        if self.found.len() == ASKED && self.found[ASKED - 1].0 >= similarity {
            return;
        }
        let at = self.found.partition_point(|(other, _)| *other >= similarity);
        self.found.insert(at, (similarity, environment));
        self.found.truncate(ASKED);
    }

    fn environments(self) -> Vec<u64> {
        self.found.into_iter().map(|(_, environment)| environment).collect()
    }
}

/// The index of aios, or what is left of it.
pub struct Aios {
    pub index: Index,
    pub what: String,
    pub bytes: u64,
}

impl Entrant for Aios {
    fn name(&self) -> String {
        self.what.clone()
    }

    fn ask(&mut self, cue: &Cue) -> Result<Vec<u64>> {
        let found = self.index.query(&cue.tokens, ASKED);
        Ok(found.iter().map(|found| found.state.0).collect())
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Puts all environments into an index, and saves it.
pub fn build_aios(folder: &Path, environments: &Environments) -> Result<()> {
    let mut index = Index::open(folder)?;
    let state = |number| (StateId(number), environments.tokens(environments.set(number)));
    index.rebuild((0..environments.count()).map(state));
    Ok(index.save()?)
}

/// Compares everything.
pub struct All<'a> {
    environments: &'a Environments,
    wanted: Vec<bool>,
}

impl<'a> All<'a> {
    pub fn new(environments: &'a Environments) -> All<'a> {
        All { environments, wanted: vec![false; Environments::distributions()] }
    }
}

impl Entrant for All<'_> {
    fn name(&self) -> String {
        "compare all".into()
    }

    fn ask(&mut self, cue: &Cue) -> Result<Vec<u64>> {
        cue.distributions.iter().for_each(|one| self.wanted[*one as usize] = true);
        let mut best = Best::default();
        for environment in 0..self.environments.count() {
            let set = self.environments.set(environment).iter();
            let shared = set.filter(|one| self.wanted[**one as usize]).count();
            if shared > 0 {
                best.offer(shared, environment, self.environments, cue);
            }
        }
        cue.distributions.iter().for_each(|one| self.wanted[*one as usize] = false);
        Ok(best.environments())
    }

    fn bytes(&self) -> u64 {
        4 * self.environments.all().len() as u64
    }
}

/// Counts, of each environment, how many distributions of the cue it has.
pub struct Counted<'a, L> {
    name: &'static str,
    environments: &'a Environments,
    lists: HashMap<Distribution, L>,
    counts: Vec<u16>,
    touched: Vec<u32>,
}

/// The environments that have a distribution.
pub trait List: Default {
    fn push(&mut self, environment: u32);
    fn each(&self, visit: impl FnMut(u32));
    fn bytes(&self) -> u64;
}

impl List for Vec<u32> {
    fn push(&mut self, environment: u32) {
        Vec::push(self, environment);
    }

    fn each(&self, visit: impl FnMut(u32)) {
        self.iter().copied().for_each(visit);
    }

    fn bytes(&self) -> u64 {
        4 * self.len() as u64
    }
}

impl List for RoaringBitmap {
    fn push(&mut self, environment: u32) {
        self.insert(environment);
    }

    fn each(&self, visit: impl FnMut(u32)) {
        self.iter().for_each(visit);
    }

    fn bytes(&self) -> u64 {
        self.serialized_size() as u64
    }
}

impl<'a, L: List> Counted<'a, L> {
    pub fn new(name: &'static str, environments: &'a Environments) -> Counted<'a, L> {
        let mut lists: HashMap<Distribution, L> = HashMap::new();
        for environment in 0..environments.count() {
            for distribution in environments.set(environment) {
                lists.entry(*distribution).or_default().push(environment as u32);
            }
        }
        let counts = vec![0; environments.count() as usize];
        Counted { name, environments, lists, counts, touched: Vec::new() }
    }
}

impl<L: List> Entrant for Counted<'_, L> {
    fn name(&self) -> String {
        self.name.into()
    }

    fn ask(&mut self, cue: &Cue) -> Result<Vec<u64>> {
        let (counts, touched) = (&mut self.counts, &mut self.touched);
        for list in cue.distributions.iter().filter_map(|one| self.lists.get(one)) {
            list.each(|environment| {
                let count = &mut counts[environment as usize];
                if *count == 0 {
                    touched.push(environment);
                }
                *count += 1;
            });
        }
        let mut best = Best::default();
        for environment in touched.drain(..) {
            let shared = std::mem::take(&mut counts[environment as usize]);
            best.offer(shared.into(), environment.into(), self.environments, cue);
        }
        Ok(best.environments())
    }

    fn bytes(&self) -> u64 {
        let lists: u64 = self.lists.values().map(|list| 4 + list.bytes()).sum();
        // The number of distributions of each environment.
        lists + 4 * self.environments.count()
    }
}

/// A graph of neighbours (HNSW) over the first bits of the same sketches; what it names is compared.
pub struct Usearch<'a> {
    environments: &'a Environments,
    index: usearch::Index,
}

impl<'a> Usearch<'a> {
    pub fn new(environments: &'a Environments) -> Result<Usearch<'a>> {
        let options = IndexOptions {
            dimensions: SEARCHED_BITS,
            metric: MetricKind::Hamming,
            quantization: ScalarKind::B1,
            ..IndexOptions::default()
        };
        let index = usearch::Index::new(&options)?;
        index.reserve(environments.count() as usize)?;
        for environment in 0..environments.count() {
            let tokens = environments.tokens(environments.set(environment));
            index.add(environment, b1x8::from_u8s(&bits(&Sketch::of(&tokens))))?;
        }
        Ok(Usearch { environments, index })
    }
}

fn bits(sketch: &Sketch) -> Vec<u8> {
    let words = sketch.stripes().iter().flatten().take(SEARCHED_BITS / 64);
    words.flat_map(|word| word.to_le_bytes()).collect()
}

impl Entrant for Usearch<'_> {
    fn name(&self) -> String {
        "usearch".into()
    }

    fn ask(&mut self, cue: &Cue) -> Result<Vec<u64>> {
        let mut tokens = cue.tokens.clone();
        tokens.sort_unstable();
        let near = self.index.search(b1x8::from_u8s(&bits(&Sketch::of(&tokens))), CANDIDATES)?;
        let mut best = Best::default();
        for environment in near.keys {
            let set = self.environments.set(environment).iter();
            let shared = set.filter(|one| cue.distributions.binary_search(one).is_ok()).count();
            best.offer(shared, environment, self.environments, cue);
        }
        Ok(best.environments())
    }

    fn bytes(&self) -> u64 {
        // The graph, and the distributions that are compared.
        self.index.memory_usage() as u64 + 4 * self.environments.all().len() as u64
    }
}
