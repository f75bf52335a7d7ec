//! Failure signatures: which findings an environment had, and what became of them, so that the same pattern
//! is recognised in another one.
//!
//! ```text
//! repairs/CODE,CODE,.../TIME    outcome, prefix, actions with commas, with a zero between
//! ```
//!
//! TIME is eight bytes, milliseconds since 1970, the most significant first.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::layout::{REPAIRS, Tag};
use super::{Engine, Error};
use crate::environments::health::{Finding, Severity};
use crate::index::fractal::{Item, MAX_KEY_BYTES, Tree, Value};
use crate::system;

/// Of one signature; older ones say nothing new.
const MOST_OF_ONE: usize = 16;
/// More signatures than codes make on one machine.
const MOST: usize = 10_000;

/// A repair that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The codes of the findings that were there.
    pub codes: BTreeSet<String>,
    /// The environment.
    pub prefix: PathBuf,
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// What became of it (`repaired`, `partly`, `failed`).
    pub outcome: String,
    /// What was done.
    pub actions: Vec<String>,
}

/// A repair of something alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Alike {
    /// Which.
    pub repaired: Repaired,
    /// Codes in common, of all codes of both: 1 for the same.
    pub similarity: f64,
}

/// The codes that make the signature of these findings.
pub fn signature(findings: &[Finding]) -> BTreeSet<String> {
    let grave = findings.iter().filter(|finding| finding.severity > Severity::Info);
    grave.map(|finding| finding.code.as_str().to_owned()).collect()
}

impl Engine {
    /// Remembers a repair. It is durable with the next snapshot.
    pub fn note_repair(&mut self, repaired: &Repaired) -> Result<(), Error> {
        let codes: Vec<&str> = repaired.codes.iter().map(String::as_str).collect();
        let signature = codes.join(",");
        if signature.is_empty() || signature.len() > MAX_KEY_BYTES {
            return Ok(());
        }
        let path: [&[u8]; 2] = [REPAIRS, signature.as_bytes()];
        if let Some(tree) = self.context.live()?.subtree(&path)? {
            let times: Result<Vec<Vec<u8>>, _> =
                tree.scan(b"")?.map(|entry| entry.map(|entry| entry.key())).collect();
            let times = times?;
            for old in times.iter().take((times.len() + 1).saturating_sub(MOST_OF_ONE)) {
                self.context.remove(&[path[0], path[1], old])?;
            }
        }
        let bytes = [
            repaired.outcome.as_bytes(),
            repaired.prefix.as_os_str().as_encoded_bytes(),
            repaired.actions.join(",").as_bytes(),
        ]
        .join(&0);
        let mut time = repaired.time_ms.to_le_bytes();
        time.reverse();
        Ok(self.context.put(&[path[0], path[1], &time], &Value::of(Tag::Repair as u16, &bytes))?)
    }
}

/// Repairs of environments that had at least half of these codes, and at least half of whose codes these are:
/// the most alike first, of those the latest.
pub fn alike(context: &Tree, codes: &BTreeSet<String>) -> Result<Vec<Alike>, Error> {
    let mut found = Vec::new();
    let Some(all) = context.subtree(&[REPAIRS])? else { return Ok(found) };
    for entry in all.scan(b"")?.take(MOST) {
        let entry = entry?;
        let Item::Tree(tree) = &entry.item else { continue };
        let signature = String::from_utf8_lossy(&entry.key()).into_owned();
        let had: BTreeSet<String> = signature.split(',').map(str::to_owned).collect();
        let shared = had.intersection(codes).count();
        let similarity = shared as f64 / (had.len() + codes.len() - shared).max(1) as f64;
        if similarity < 0.5 {
            continue;
        }
        for entry in tree.scan(b"")?.take(2 * MOST_OF_ONE) {
            let entry = entry?;
            let Item::Value(value) = &entry.item else { continue };
            let key = entry.key();
            let time_ms = key.iter().take(8).fold(0, |time, byte| time << 8 | u64::from(*byte));
            let mut parts = value.bytes.split(|byte| *byte == 0);
            let mut next = || parts.next().unwrap_or_default();
            let outcome = String::from_utf8_lossy(next()).into_owned();
            let prefix = system::path_of(next()).unwrap_or_default();
            let actions = String::from_utf8_lossy(next());
            let actions = actions.split(',').filter(|one| !one.is_empty()).map(str::to_owned);
            let codes = had.clone();
            let repaired = Repaired { codes, prefix, time_ms, outcome, actions: actions.collect() };
            found.push(Alike { repaired, similarity });
        }
    }
    found.sort_by(|a, b| {
        b.similarity.total_cmp(&a.similarity).then(b.repaired.time_ms.cmp(&a.repaired.time_ms))
    });
    Ok(found)
}
