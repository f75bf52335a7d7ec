//! What is known about a snapshot.
//!
//! ```text
//! 0   version  u8   1
//! 1   named    u8   1 when it has a name
//! 2   time     u64  milliseconds since 1970
//! 10  parent   u64  number of the snapshot that the context came from, 0 for none
//! 18  name     u16  bytes, then the name, UTF-8
//! ..  reason   u16  bytes, then the reason, UTF-8
//! ```

use std::fmt;

use crate::index::fractal::Totals;
use crate::store::Hash;
use crate::store::block::{u16_at, u64_at};

/// The number of a snapshot; later ones have larger numbers, and none is given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId(pub u64);

impl SnapshotId {
    /// Sorts as the number does.
    pub(super) fn key(self) -> [u8; 8] {
        let mut key = self.0.to_le_bytes();
        key.reverse();
        key
    }

    pub(super) fn of(key: &[u8]) -> Option<SnapshotId> {
        let mut key: [u8; 8] = key.try_into().ok()?;
        key.reverse();
        Some(SnapshotId(u64::from_le_bytes(key)))
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// When and why a snapshot was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What its user calls it. Retention keeps those that have a name.
    pub name: Option<String>,
    /// Why it was taken.
    pub reason: String,
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// The snapshot that the context came from.
    pub parent: Option<SnapshotId>,
}

/// A snapshot in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its number.
    pub id: SnapshotId,
    /// When and why.
    pub about: About,
    /// Of its content.
    pub hash: Hash,
    /// What lies in it.
    pub totals: Totals,
}

const VERSION: u8 = 1;
/// The longest name or reason, in bytes; more is cut.
const MOST_TEXT_BYTES: usize = 512;

impl About {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, u8::from(self.name.is_some())];
        bytes.extend_from_slice(&self.time_ms.to_le_bytes());
        bytes.extend_from_slice(&self.parent.map_or(0, |parent| parent.0).to_le_bytes());
        for text in [self.name.as_deref().unwrap_or_default(), &self.reason] {
            let text = cut(text);
            bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<About> {
        let (fixed, rest) = bytes.split_at_checked(18)?;
        (fixed[0] == VERSION).then_some(())?;
        let (name, rest) = text(rest)?;
        let (reason, _) = text(rest)?;
        let parent = u64_at(fixed, 10);
        Some(About {
            name: (fixed[1] == 1).then_some(name),
            reason,
            time_ms: u64_at(fixed, 2),
            parent: (parent != 0).then_some(SnapshotId(parent)),
        })
    }
}

/// As many whole characters as there is room for.
fn cut(text: &str) -> &str {
    let end = (0..=text.len().min(MOST_TEXT_BYTES)).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let length = usize::from(u16_at(bytes.get(..2)?, 0));
    let (text, rest) = bytes[2..].split_at_checked(length)?;
    Some((String::from_utf8(text.to_vec()).ok()?, rest))
}
