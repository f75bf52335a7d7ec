//! Ways to keep a context and to come back to it. Each does the same few things, as far as it can.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::Result;
use crate::records::{self, Key, Random};

mod aios;
mod imbl;
mod lmdb;
mod plain;
mod redb;
mod serialized;

const RECORDS_IN_64_MIB: usize = 50_000;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Snapshot,
    Restore,
    Take,
    RestoreDurably,
    Open,
    Verify,
    Export,
}

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Memcpy,
    MemcpyFresh,
    Aios,
    AiosUnchanged,
    AiosImage,
    AiosImageFile,
    Private,
    Bincode,
    BincodeSerde,
    Rkyv,
    RkyvOwned,
    Imbl,
    Redb,
    Lmdb,
    Checksum,
    File,
}

impl Who {
    pub fn name(self) -> &'static str {
        match self {
            Who::Memcpy => "memcpy, memory in use",
            Who::MemcpyFresh => "memcpy, fresh mapping",
            Who::Aios => "**aios**",
            Who::AiosUnchanged => "**aios**, nothing changed since",
            Who::AiosImage => "**aios**, an image in memory",
            Who::AiosImageFile => "**aios**, an image in a file",
            Who::Private => "MAP_PRIVATE",
            Who::Bincode => "bincode 2",
            Who::BincodeSerde => "bincode 2 through serde",
            Who::Rkyv => "rkyv",
            Who::RkyvOwned => "rkyv, deserialized",
            Who::Imbl => "imbl",
            Who::Redb => "redb",
            Who::Lmdb => "LMDB",
            Who::Checksum => "CRC-32C of a mapped file",
            Who::File => "a plain file",
        }
    }
}

/// One thing that takes its turn. What it returns is the time that counts.
pub struct Case {
    pub what: What,
    pub who: Who,
    pub run: Box<dyn FnMut() -> Result<Duration>>,
}

fn case(what: What, who: Who, run: impl FnMut() -> Result<Duration> + 'static) -> Case {
    Case { what, who, run: Box::new(run) }
}

/// A record as programs hold it.
#[derive(
    Debug,
    Clone,
    PartialEq,
    bincode::Encode,
    bincode::Decode,
    serde::Serialize,
    serde::Deserialize,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
)]
pub struct Record {
    key: Vec<u8>,
    tag: u16,
    severity: u8,
    weight: u64,
    bytes: Vec<u8>,
}

/// The context that all of them keep.
pub struct Content {
    pub folder: PathBuf,
    /// As many bytes as its keys and values are.
    pub bytes: usize,
    keys: Vec<Key>,
    records: Vec<Record>,
}

impl Content {
    pub fn new(folder: &Path, mib: usize) -> Rc<Content> {
        let bytes = mib << 20;
        let count = (mib * RECORDS_IN_64_MIB / 64).max(1);
        let keys: Vec<Key> = records::places(count as u64).map(Key::of).collect();
        let mut random = Random(mib as u64);
        // The rest of a record is its numbers.
        let length = bytes / count - keys[0].flat().len() - 11;
        let record = |key: &Key| {
            let mut bytes = vec![0; length];
            bytes.chunks_mut(8).for_each(|word| {
                word.copy_from_slice(&random.next().to_le_bytes()[..word.len()]);
            });
            Record { key: key.flat().to_vec(), tag: 1, severity: 0, weight: length as u64, bytes }
        };
        let records = keys.iter().map(record).collect();
        Rc::new(Content { folder: folder.to_path_buf(), bytes, keys, records })
    }

    /// An empty folder.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        std::fs::create_dir(&folder)?;
        Ok(folder)
    }

    pub fn count(&self) -> usize {
        self.records.len()
    }

    /// An error unless this is what a record holds.
    fn expect(&self, found: Option<&[u8]>, number: usize) -> Result<()> {
        match found {
            Some(bytes) if bytes == self.records[number].bytes => Ok(()),
            _ => Err(format!("record {number} is not what was kept").into()),
        }
    }
}

/// A record in the middle, whose value is changed between a snapshot and the return to it.
fn changed(content: &Content) -> usize {
    content.records.len() / 2
}

/// Everything.
pub fn all(content: &Rc<Content>) -> Result<Vec<Case>> {
    let mut cases = plain::cases(content)?;
    cases.extend(aios::cases(content)?);
    cases.extend(imbl::cases(content));
    cases.extend(serialized::cases(content)?);
    cases.extend(redb::cases(content)?);
    cases.extend(lmdb::cases(content)?);
    // Those that are the same thing stand together.
    cases.sort_by_key(|case| case.what);
    Ok(cases)
}

/// What grows differently.
pub fn growing(content: &Rc<Content>) -> Result<Vec<Case>> {
    let mut cases = plain::memory(content)?;
    cases.extend(aios::growing(content)?);
    cases.extend(serialized::in_memory(content)?);
    Ok(cases)
}
