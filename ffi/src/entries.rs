//! `aios_entries`: one level of a snapshot.

use std::mem::MaybeUninit;

use aios_core::index::fractal::{Item, Tree, Value};

use crate::boundary::{guard, needed};
use crate::handle::{self, Kind, Object};
use crate::sized::{fill, sized};
use crate::status::{Error, aios_status, at};
use crate::view::{aios_bytes, list};

/// The entries of one level of a snapshot, in the order of their keys.
pub struct aios_entries {
    _opaque: [u8; 0],
}

/// A value, in place.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_value {
    pub struct_size: usize,
    /// What was put, until the snapshot or the list that it came from is closed.
    pub bytes: aios_bytes,
    /// The size of what it stands for: of a file, that of the file.
    pub weight: u64,
    /// An `aios_severity`, or 0: how bad what it says is.
    pub severity: u32,
    /// What it is, for whoever put it.
    pub tag: u16,
    pub reserved: u16,
}

sized!(aios_value: 40 { bytes: 8, weight: 24, severity: 32, tag: 36, reserved: 38 });

/// An entry: a value, or another level.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_entry {
    pub struct_size: usize,
    pub key: aios_bytes,
    /// What it holds; absent for a level.
    pub bytes: aios_bytes,
    /// The size of what it stands for; of a level, the sum.
    pub weight: u64,
    /// How many values there are: 1, or those below.
    pub records: u64,
    /// An `aios_severity`, or 0: how bad what it says is; of a level, the worst.
    pub severity: u32,
    /// What the value is, for whoever put it.
    pub tag: u16,
    /// 1 for another level, whose entries `aios_snapshot_entries` lists; 0 for a value.
    pub is_level: u16,
}

sized!(aios_entry: 64 {
    key: 8, bytes: 24, weight: 40, records: 48, severity: 56, tag: 60, is_level: 62,
});

/// What is behind a list.
pub(crate) struct Entries {
    rows: Vec<Row>,
    /// Keeps the memory that the values lie in.
    _level: Tree,
}

struct Row {
    key: Vec<u8>,
    bytes: aios_bytes,
    weight: u64,
    records: u64,
    severity: u32,
    tag: u16,
    is_level: bool,
}

impl Object for Entries {
    type C = aios_entries;
    const KIND: Kind = Kind::Entries;
}

impl Entries {
    pub(crate) fn of(level: Tree) -> Result<Entries, Error> {
        let mut rows = Vec::new();
        for entry in level.scan(b"")? {
            let entry = entry?;
            let key = entry.key();
            rows.push(match &entry.item {
                Item::Value(value) => Row {
                    key,
                    // It lies in the store's memory, which the tree keeps, wherever the tree itself is.
                    bytes: aios_bytes::of(value.bytes),
                    weight: value.weight,
                    records: 1,
                    severity: value.severity as u32,
                    tag: value.tag,
                    is_level: false,
                },
                Item::Tree(tree) => Row {
                    key,
                    bytes: aios_bytes::NONE,
                    weight: tree.totals().bytes,
                    records: tree.totals().records,
                    severity: tree.totals().worst as u32,
                    tag: 0,
                    is_level: true,
                },
            });
        }
        Ok(Entries { rows, _level: level })
    }
}

/// A value of a tree that a handle keeps.
pub(crate) fn value_of(value: &Value<'_>) -> aios_value {
    aios_value {
        struct_size: size_of::<aios_value>(),
        bytes: aios_bytes::of(value.bytes),
        weight: value.weight,
        severity: value.severity as u32,
        tag: value.tag,
        reserved: 0,
    }
}

/// The keys that a caller gives.
pub(crate) fn keys_of<'a>(
    keys: *const aios_bytes,
    key_count: usize,
) -> Result<Vec<&'a [u8]>, Error> {
    list(keys, key_count, "`keys`")?.iter().map(|key| key.read("a key")).collect()
}

/// How many entries there are.
#[unsafe(no_mangle)]
pub extern "C" fn aios_entries_count(
    entries: *const aios_entries,
    count: Option<&mut MaybeUninit<usize>>,
) -> aios_status {
    guard("aios_entries_count", || {
        let count = needed(count, "`count`")?;
        count.write(handle::get::<Entries>(entries)?.rows.len());
        Ok(())
    })
}

/// The entry at an index from 0.
#[unsafe(no_mangle)]
pub extern "C" fn aios_entries_get(
    entries: *const aios_entries,
    index: usize,
    entry: *mut aios_entry,
) -> aios_status {
    guard("aios_entries_get", || {
        let all = handle::get::<Entries>(entries)?;
        let row = at(&all.rows, index)?;
        fill(
            entry,
            &aios_entry {
                struct_size: size_of::<aios_entry>(),
                key: aios_bytes::of(&row.key),
                bytes: row.bytes,
                weight: row.weight,
                records: row.records,
                severity: row.severity,
                tag: row.tag,
                is_level: u16::from(row.is_level),
            },
        )
    })
}

/// Closes the list; its views end.
#[unsafe(no_mangle)]
pub extern "C" fn aios_entries_close(entries: *mut aios_entries) -> aios_status {
    guard("aios_entries_close", || handle::close::<Entries>(entries))
}
