//! A hierarchical index: an ordered Merkle map whose values may be such maps again, so that a machine
//! holds environments, those distributions, and those files, each level of the same structure.
//!
//! - A lookup takes O(log n), a scan O(log n + k), a difference of two trees O(d log n), a snapshot nothing:
//!   it is a root. A node knows how many values, how many bytes and what severity lie below it.
//! - Equal content has an equal root, in whatever order it came to be: where a node ends is decided by a
//!   keyed hash of the key alone (and by a limit on its size).
//! - What is equal is stored once: two environments with the same distribution share its nodes.
//!
//! [`node`] has the layout, [`build`] makes nodes of increasing keys, `apply` makes a changed tree of an
//! old one, [`ContextTree`] collects changes until they are worth nodes.

use std::fmt;
use std::sync::Arc;

mod apply;
mod build;
mod context;
mod diff;
mod heal;
mod node;
mod proof;
mod scan;
#[cfg(test)]
mod structure;
#[cfg(test)]
mod tests;
mod tree;
mod verify;

pub use build::Builder;
pub use context::ContextTree;
pub use diff::{Change, Difference};
pub use heal::Healed;
pub(crate) use node::is_sound;
pub use proof::{Forged, Proof, Proved};
pub use scan::{Item, Scan, Scanned};
#[cfg(test)]
pub(crate) use structure::assert_structure;
pub use tree::{Root, Tree, Visit};
pub use verify::{Damage, Verified};

use crate::store::block::u64_at;
use crate::store::{Hash, Salt};

/// The longest key of one level, in bytes.
pub const MAX_KEY_BYTES: usize = 2048;
/// The most keys that a path can have.
pub const MAX_PATH_KEYS: usize = 64;
/// The most nodes, one below the other, that are followed: a small file could say more than a stack bears.
/// Paths of [`MAX_PATH_KEYS`], and whole trees put at such, stay far below.
const MAX_DEPTH: usize = 400;
/// A longer value is a block of its own.
pub const MAX_INLINE_BYTES: usize = 2048;
/// The longest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 32 << 20;

/// How bad what a value says is. A node knows the worst below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing to report.
    #[default]
    None,
    /// To know.
    Info,
    /// To look at.
    Warning,
    /// Broken.
    Error,
}

impl Severity {
    #[inline]
    pub(crate) fn of(byte: u8) -> Severity {
        match byte {
            0 => Severity::None,
            1 => Severity::Info,
            2 => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

/// What lies below a node or a tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Values.
    pub records: u64,
    /// The sum of the weights of values.
    pub bytes: u64,
    /// The worst severity of a value.
    pub worst: Severity,
}

impl Totals {
    fn and(self, other: Totals) -> Totals {
        Totals {
            records: self.records.saturating_add(other.records),
            bytes: self.bytes.saturating_add(other.bytes),
            worst: self.worst.max(other.worst),
        }
    }
}

/// A value, with its bytes in place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Value<'a> {
    /// What it is, for whoever put it there.
    pub tag: u16,
    /// How bad what it says is.
    pub severity: Severity,
    /// The bytes that it stands for: of a file, the length of the file.
    pub weight: u64,
    /// What was put.
    pub bytes: &'a [u8],
}

impl<'a> Value<'a> {
    /// Bytes that stand for themselves.
    pub fn of(tag: u16, bytes: &'a [u8]) -> Value<'a> {
        Value { tag, severity: Severity::None, weight: bytes.len() as u64, bytes }
    }
}

/// A path of keys, one for each level.
pub type Path<'a> = &'a [&'a [u8]];

/// Why a tree could not be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A node is damaged or is another one than the tree says.
    #[error("the node of {} with hash {hash} is damaged", Shown(path))]
    NodeCorrupt {
        /// The keys that lead to its map; within the map, the last one is the first or last key of
        /// what the node holds, where that is known.
        path: Vec<Vec<u8>>,
        /// What its content should hash to.
        hash: Hash,
    },
    /// A key is empty, or longer than [`MAX_KEY_BYTES`]; or a path has no key.
    #[error("a key of {} has {bytes} bytes, and 1 to {MAX_KEY_BYTES} are possible", Shown(path))]
    Key {
        /// The path.
        path: Vec<Vec<u8>>,
        /// The bytes of the key.
        bytes: usize,
    },
    /// A path has too many keys.
    #[error("{} has {} keys, and {MAX_PATH_KEYS} are possible", Shown(path), path.len())]
    Long {
        /// The path.
        path: Vec<Vec<u8>>,
    },
    /// A value is longer than [`MAX_VALUE_BYTES`].
    #[error("the value of {} has {bytes} bytes, and {MAX_VALUE_BYTES} are possible", Shown(path))]
    Value {
        /// The path.
        path: Vec<Vec<u8>>,
        /// The bytes of the value.
        bytes: usize,
    },
    /// The path leads through a value, or a value would take the place of a tree.
    #[error("{} is both a value and the start of other paths", Shown(path))]
    Conflict {
        /// The path of the value.
        path: Vec<Vec<u8>>,
    },
    /// Keys for a [`Builder`] must increase.
    #[error("{} does not come after the key before it", Shown(path))]
    Order {
        /// The path.
        path: Vec<Vec<u8>>,
    },
    /// A tree of another store cannot be a part of this one; copy it first.
    #[error("the tree is one of another store")]
    Foreign,
}

/// A path of keys as people read it.
struct Shown<'a>(&'a [Vec<u8>]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the root");
        }
        f.write_str("`")?;
        for (number, key) in self.0.iter().enumerate() {
            let separator = if number > 0 { "/" } else { "" };
            write!(f, "{separator}{}", key.escape_ascii())?;
        }
        f.write_str("`")
    }
}

fn owned(path: &[&[u8]]) -> Vec<Vec<u8>> {
    path.iter().map(|key| key.to_vec()).collect()
}

/// The hash that decides where nodes end: folded multiplications as in wyhash, keyed with the salt. Who cannot
/// foresee it cannot make up keys whose nodes all end, or never do. Its values are never shown, and what it
/// decides is bounded by the least and the most bytes of a node. So it need not be a cipher, and is a few
/// multiplications for each entry.
#[derive(Debug, Clone, Copy)]
struct Keyed {
    salt: Salt,
    key: [u64; 2],
}

impl Keyed {
    fn new(salt: Salt) -> Keyed {
        Keyed { salt, key: [u64_at(&salt.0, 0), u64_at(&salt.0, 8)] }
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        let [first, second] = self.key;
        let step =
            |hash: u64, pair: &[u8; 16]| fold(u64_at(pair, 0) ^ first, u64_at(pair, 8) ^ hash);
        let (pairs, rest) = key.as_chunks::<16>();
        let mut hash = pairs.iter().fold(second, step);
        if !rest.is_empty() {
            // Some of these bytes were taken before, which is quicker than counting.
            hash = match key.last_chunk::<16>() {
                Some(last) => step(hash, last),
                None => step(hash, &padded(key)),
            };
        }
        fold(hash ^ key.len() as u64, first ^ FACTOR)
    }
}

/// A short key with zeros after its end.
#[inline]
fn padded<const BYTES: usize>(key: &[u8]) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    for (to, from) in bytes.iter_mut().zip(key) {
        *to = *from;
    }
    bytes
}

/// Both halves of a product: each bit of it depends on all bits of both.
#[inline]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

/// The golden ratio: odd, and its bits without a pattern.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// The byte of a key that a lookup looks for: few instructions, and nothing depends on it but time.
#[inline]
fn hint(key: &[u8]) -> u8 {
    let length = key.len();
    if length < 8 {
        return (((u64_at(&padded::<8>(key), 0) ^ length as u64).wrapping_mul(FACTOR)) >> 56) as u8;
    }
    // The first, the middle and the last eight bytes, and how many there are.
    let mut hash = (u64_at(key, 0) ^ length as u64).wrapping_mul(FACTOR);
    if length > 8 {
        hash = (hash ^ u64_at(key, length / 2 - 4)).wrapping_mul(FACTOR);
        hash = (hash ^ u64_at(key, length - 8)).wrapping_mul(FACTOR);
    }
    (hash >> 56) as u8
}

type Spaces = Arc<crate::store::space::Space>;
