//! What is compared, each behind the same few operations, used as its documentation says is best.

use std::any::Any;
use std::path::Path;

use crate::Result;
use crate::records::{Content, Key, Value};

mod aios;
mod fjall;
mod lmdb;
mod memory;
mod redb;

pub use aios::Aios;
pub use fjall::Fjall;
pub use lmdb::{Lmdb, open as open_lmdb};
pub use memory::{Imbl, StdMap};
pub use redb::Redb;

/// A cache for those that have one of their own: the others use that of the system.
const CACHE_BYTES: usize = 512 << 20;

/// One of the stores.
pub trait Engine: Sized {
    const NAME: &'static str;
    /// Whether what it holds outlives the process.
    const DURABLE: bool;
    /// Whether records that are like others may take fewer bytes.
    const SHARES: bool;
    /// An unchanging state of it.
    type View;

    /// A new, empty one in an empty folder.
    fn create(folder: &Path) -> Result<Self>;
    /// Puts all records into an empty one. Durable when it returns.
    fn load(&mut self, records: u64, content: Content) -> Result<()>;
    /// Bytes that it takes where it keeps its records.
    fn stored_bytes(&self) -> Result<u64>;
    /// The state as it is now.
    fn view(&mut self) -> Result<Self::View>;
    /// The length of a value.
    fn get(view: &Self::View, key: &Key) -> Result<Option<usize>>;
    /// Passes over all records of an environment.
    fn scan(view: &Self::View, environment: u64) -> Result<Scanned>;
    /// How many records differ. `records` are in both.
    fn diff(before: &Self::View, after: &Self::View) -> Result<u64>;
    /// Replaces the values of keys. Durable when it returns.
    fn change(&mut self, changes: &[(Key, Value)]) -> Result<()>;
    /// Keeps the present state, as durably as it can; a copy goes into the empty folder. `None`: it has no
    /// way. What it returns is dropped when nobody looks at the clock.
    fn keep(&mut self, folder: &Path) -> Result<Option<Kept>>;
    /// Writes what it would write later because of past changes.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }
    /// Opens what a closed one left behind and gets a value.
    fn reopen(folder: &Path, key: &Key) -> Result<Option<usize>>;
    fn close(self) -> Result<()> {
        Ok(())
    }
}

/// Memory that keeps a state.
pub type Kept = Box<dyn Any>;

/// What was passed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scanned {
    pub records: u64,
    /// The sum of the last bytes of keys and the first of values, so that both are read.
    pub sum: u64,
}

impl Scanned {
    #[inline]
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.records += 1;
        self.sum += u64::from(value[0]) + key.last().map_or(0, |byte| u64::from(*byte));
    }
}

/// Walks over two sorted sequences with the same keys; how many values differ.
fn compare_all<K: PartialEq, V: PartialEq>(
    before: impl Iterator<Item = Result<(K, V)>>,
    after: impl Iterator<Item = Result<(K, V)>>,
) -> Result<u64> {
    let mut different = 0;
    for (before, after) in before.zip(after) {
        let (before, after) = (before?, after?);
        if before.0 != after.0 {
            return Err("the two have different keys".into());
        }
        different += u64::from(before.1 != after.1);
    }
    Ok(different)
}
