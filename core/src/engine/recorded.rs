//! What stood on disk when it was recorded, so that what did not change is not read again.
//!
//! A frame (`wire`) around a bincode payload. It may be deleted; whatever does not decode is none.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::outline::Outline;
use super::record;
use crate::environments::health::Depth;
use crate::environments::inspection::{Inspected, Seal};
use crate::store::Hash;
use crate::{fs, wire};

const MAGIC: [u8; 8] = *b"AIOSSEEN";
/// Increased with the payload, and with what is recorded.
const VERSION: u32 = 2;
const MAX_BYTES: u64 = 64 << 20;
const FILE: &str = "recorded";

/// By identity.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    known: HashMap<String, Known>,
    is_changed: bool,
}

/// The tree of an environment, and what it was told from.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    tree: [u8; 32],
    from: Seen,
    /// Of the check that saw the same: it stamps all that an [`Outline`] looks at, and more.
    checked: Option<Seal>,
}

/// What one environment was recorded from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Of the names and stamps on disk. `None` when something had changed just before.
    seal: Option<[u8; 32]>,
    facts: [u8; 32],
    findings: Vec<u64>,
    is_deep: bool,
}

impl Seen {
    pub(super) fn of(inspected: &Inspected, outline: &Outline, depth: Depth) -> Seen {
        let mut facts = blake3::Hasher::new();
        for (field, bytes) in record::facts(inspected) {
            // What the findings say.
            if field != "status" {
                facts.update(field.as_bytes()).update(&(bytes.len() as u64).to_le_bytes());
                facts.update(&bytes);
            }
        }
        let mut findings: Vec<u64> = record::lasting(&inspected.findings)
            .map(|finding| {
                let text = format!("{} {} {:?}", finding.code, finding.message, finding.paths);
                let hash = *blake3::hash(text.as_bytes()).as_bytes();
                hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
            })
            .collect();
        findings.sort_unstable();
        Seen {
            seal: outline.seal,
            facts: *facts.finalize().as_bytes(),
            findings,
            is_deep: depth == Depth::Deep,
        }
    }

    /// Whether a record of `now` would say nothing new.
    fn covers(&self, now: &Seen) -> bool {
        let same = self.seal.is_some() && self.seal == now.seal && self.facts == now.facts;
        // A deep look sees what a usual one does not, and that is not gone by looking less.
        let looks_less = self.is_deep && !now.is_deep;
        let said = |one: &u64| self.findings.binary_search(one).is_ok();
        same && (self.findings == now.findings || looks_less && now.findings.iter().all(said))
    }
}

impl Recorded {
    pub(super) fn read(folder: &Path) -> Recorded {
        let framed = fs::read(&folder.join(FILE), MAX_BYTES).unwrap_or_default();
        let config = bincode::config::standard().with_limit::<{ MAX_BYTES as usize }>();
        let known = wire::payload(MAGIC, VERSION, &framed)
            .and_then(|payload| bincode::serde::decode_from_slice(payload, config).ok())
            .map_or_else(HashMap::new, |(known, _)| known);
        Recorded { known, is_changed: false }
    }

    /// Writes it when it is another than was read.
    pub(super) fn write(&mut self, folder: &Path) -> io::Result<()> {
        if !self.is_changed {
            return Ok(());
        }
        let payload = bincode::serde::encode_to_vec(&self.known, bincode::config::standard())
            .map_err(io::Error::other)?;
        fs::replace(&folder.join(FILE), &wire::frame(MAGIC, VERSION, &payload))?;
        self.is_changed = false;
        Ok(())
    }

    /// Whether this tree of an environment says what a check with this seal saw: then nothing needs to be
    /// looked at.
    pub(super) fn has_checked(&self, id: &str, tree: Hash, seal: Option<Seal>) -> bool {
        let known = self.known.get(id).filter(|known| known.tree == tree.0);
        seal.is_some() && known.is_some_and(|known| known.checked == seal)
    }

    /// Whether this tree of an environment says what is seen of it now. Where two checks can be compared,
    /// they have to be the same: they stamp more.
    pub(super) fn has(&self, id: &str, tree: Hash, seen: &Seen, seal: Option<Seal>) -> bool {
        let known = self.known.get(id).filter(|known| known.tree == tree.0);
        known.is_some_and(|known| {
            let differs = seal.is_some() && known.checked.is_some() && known.checked != seal;
            known.from.covers(seen) && !differs
        })
    }

    /// Keeps the seal of a check that saw nothing new.
    pub(super) fn check(&mut self, id: &str, seal: Option<Seal>) {
        let Some(known) = self.known.get_mut(id) else { return };
        if seal.is_some() && known.checked != seal {
            known.checked = seal;
            self.is_changed = true;
        }
    }

    pub(super) fn put(&mut self, id: &str, tree: Hash, from: Seen, checked: Option<Seal>) {
        let known = Known { tree: tree.0, from, checked };
        if self.known.get(id) != Some(&known) {
            self.known.insert(id.to_owned(), known);
            self.is_changed = true;
        }
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.is_changed |= self.known.remove(id).is_some();
    }
}
