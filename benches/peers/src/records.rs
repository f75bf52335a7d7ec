//! Records like those of an engine: each file of each distribution of each environment.
//!
//! All names of one level have one length, so that the flat keys of the peers sort as paths do.

/// Records of one environment.
pub const IN_ENVIRONMENT: u64 = 10_000;
/// Files of 16 distributions: 1,250. An environment has 8 times these.
const FILES: [u64; 16] = [8, 12, 16, 20, 25, 30, 35, 40, 50, 50, 60, 74, 90, 120, 200, 420];
const DISTRIBUTIONS: u64 = 128;
/// The distribution that a package change replaces: one of 50 files.
pub const CHANGED_DISTRIBUTION: u64 = 8;
pub const VALUE_BYTES: usize = 48;

/// Which environments have equal distributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// None has.
    Distinct,
    /// Each distribution is one of three versions, equal wherever it is installed; 180 of the 10,000
    /// records are the environment's own.
    Shared,
}

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub environment: u64,
    pub distribution: u64,
    pub file: u64,
}

/// The keys of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Key {
    flat: Vec<u8>,
}

const ENVIRONMENT_BYTES: usize = "home/p000000/.venv".len();
const DISTRIBUTION_BYTES: usize = "package_000".len();

impl Key {
    pub fn of(place: Place) -> Key {
        let mut key = Key::default();
        key.set(place);
        key
    }

    fn set(&mut self, place: Place) {
        self.flat.clear();
        self.flat.extend_from_slice(b"home/p000000/.venv/package_000/package_000/module_000.py");
        digits(&mut self.flat[6..12], place.environment);
        digits(&mut self.flat[27..30], place.distribution);
        digits(&mut self.flat[39..42], place.distribution);
        digits(&mut self.flat[50..53], place.file);
    }

    /// As one key.
    pub fn flat(&self) -> &[u8] {
        &self.flat
    }

    /// As a path of the context.
    pub fn path(&self) -> [&[u8]; 4] {
        let (environment, rest) = self.flat.split_at(ENVIRONMENT_BYTES);
        let (distribution, file) = rest[1..].split_at(DISTRIBUTION_BYTES);
        [ENVIRONMENTS, environment, distribution, &file[1..]]
    }
}

pub const ENVIRONMENTS: &[u8] = b"environments";

/// What all keys of an environment begin with.
pub fn prefix(environment: u64) -> Vec<u8> {
    let key = Key::of(Place { environment, distribution: 0, file: 0 });
    key.flat[..=ENVIRONMENT_BYTES].to_vec()
}

fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// A record.
pub type Value = [u8; VALUE_BYTES];

/// What is known of a file: 32 bytes of its hash, its length, the time of its distribution.
pub fn value(place: Place, content: Content, edition: u64) -> Value {
    let Place { environment, distribution, file } = place;
    let own = match content {
        Content::Distinct => environment,
        Content::Shared if matches!(distribution, 12 | 28) => environment,
        Content::Shared => (1 << 40) + mix(environment << 8 | distribution) % 3,
    };
    let installed = mix(own << 20 ^ distribution << 1) ^ edition;
    let mut state = installed.wrapping_add(mix(file));
    let mut value = [0; VALUE_BYTES];
    for word in value[..32].chunks_exact_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        word.copy_from_slice(&mix(state).to_le_bytes());
    }
    value[32..40].copy_from_slice(&(mix(state) >> 48).to_le_bytes());
    value[40..].copy_from_slice(&(1_700_000_000 + (installed >> 40)).to_le_bytes());
    value
}

/// SplitMix64: every seed gives the same sequence everywhere.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// One of the first `records` records.
    pub fn place(&mut self, records: u64) -> Place {
        let environment = self.below(records / IN_ENVIRONMENT);
        let mut left = self.below(IN_ENVIRONMENT);
        for distribution in 0..DISTRIBUTIONS {
            let files = files(distribution);
            if left < files {
                return Place { environment, distribution, file: left };
            }
            left -= files;
        }
        unreachable!("the distributions have as many files as an environment has records")
    }
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

pub fn files(distribution: u64) -> u64 {
    FILES[(distribution % FILES.len() as u64) as usize]
}

/// All records, in the order of their keys.
pub fn each<E>(
    records: u64,
    content: Content,
    mut visit: impl FnMut(&Key, &Value) -> Result<(), E>,
) -> Result<(), E> {
    let mut key = Key::default();
    for place in places(records) {
        key.set(place);
        visit(&key, &value(place, content, 0))?;
    }
    Ok(())
}

/// The first places, in the order of their keys.
pub fn places(records: u64) -> impl Iterator<Item = Place> {
    let mut next = Place { environment: 0, distribution: 0, file: 0 };
    (0..records).map(move |_| {
        let place = next;
        next.file += 1;
        if next.file == files(next.distribution) {
            next.file = 0;
            next.distribution += 1;
        }
        if next.distribution == DISTRIBUTIONS {
            next.distribution = 0;
            next.environment += 1;
        }
        place
    })
}

/// What a package change writes: every file of one distribution of an environment.
pub fn package_change(environment: u64, edition: u64) -> Vec<(Key, Value)> {
    let distribution = CHANGED_DISTRIBUTION;
    (0..files(distribution))
        .map(|file| Place { environment, distribution, file })
        .map(|place| (Key::of(place), value(place, Content::Distinct, edition)))
        .collect()
}

/// Changes of records in random places, in the order of their keys, no place twice.
pub fn scattered(random: &mut Random, records: u64, count: usize) -> Vec<(Key, Value)> {
    let mut places = std::collections::BTreeSet::new();
    while places.len() < count {
        places.insert(random.place(records));
    }
    let edition = random.next();
    let changed = |place| (Key::of(place), value(place, Content::Distinct, edition));
    places.into_iter().map(changed).collect()
}
