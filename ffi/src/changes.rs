//! `aios_changes`: what differs between two snapshots.

use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};

use aios_core::engine::changes::Change;
use aios_core::engine::compare::{Entry, Pair, entries, pairs};
use aios_core::engine::{Found, Installed};

use crate::boundary::{guard, needed};
use crate::handle::{self, Kind, Object};
use crate::sized::{fill, sized};
use crate::snapshot::{Snapshot, aios_snapshot};
use crate::status::{Error, aios_status, at};
use crate::view::{aios_bytes, aios_str};

/// What differs between two snapshots: of environments, by prefix, then entries of other programs, by keys.
pub struct aios_changes {
    _opaque: [u8; 0],
}

/// What a change is.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum aios_change_kind {
    /// The environment is there that was not. What it holds is not listed.
    EnvironmentAppeared = 1,
    /// The environment is gone.
    EnvironmentGone = 2,
    /// A fact (`name`) is another.
    Fact = 3,
    /// A distribution (`name`) is there that was not.
    DistributionAdded = 4,
    /// A distribution is gone.
    DistributionRemoved = 5,
    /// A distribution is of another version.
    DistributionVersion = 6,
    /// A distribution of the same version has `count` other files.
    DistributionFiles = 7,
    /// A package of conda is there that was not.
    CondaAdded = 8,
    /// A package of conda is gone.
    CondaRemoved = 9,
    /// A file or link of no distribution (`name`, from the prefix) is there that was not.
    FileAdded = 10,
    /// Such a file is gone.
    FileRemoved = 11,
    /// Such a file is another.
    FileChanged = 12,
    /// Something is wrong that was not: `name` is the code, `after` the message.
    FindingAppeared = 13,
    /// Something is not wrong any more: `name` is the code, `before` the message.
    FindingGone = 14,
    /// An entry of another program is there that was not.
    EntryAdded = 15,
    /// Such an entry is gone.
    EntryRemoved = 16,
    /// Such an entry is another.
    EntryChanged = 17,
}

/// One thing that differs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_change {
    pub struct_size: usize,
    /// The environment; absent for entries of other programs.
    pub environment: aios_str,
    /// Its prefix: a path.
    pub prefix: aios_str,
    /// Of what it is: see the kind.
    pub name: aios_str,
    /// What it was; absent when it was not there.
    pub before: aios_str,
    /// What it is; absent when it is gone.
    pub after: aios_str,
    /// The keys of an entry, below `context`.
    pub keys: *const aios_bytes,
    pub key_count: usize,
    /// Of files: how many.
    pub count: u64,
    /// An `aios_change_kind`.
    pub kind: u32,
    pub reserved: u32,
}

sized!(aios_change: 120 {
    environment: 8, prefix: 24, name: 40, before: 56, after: 72, keys: 88, key_count: 96, count: 104,
    kind: 112, reserved: 116,
});

struct Changes(Vec<Row>);

impl Object for Changes {
    type C = aios_changes;
    const KIND: Kind = Kind::Changes;
}

struct Row {
    kind: aios_change_kind,
    environment: Option<String>,
    prefix: Option<PathBuf>,
    name: Option<String>,
    before: Option<String>,
    after: Option<String>,
    count: u64,
    keys: Box<[aios_bytes]>,
    /// What the keys lead to.
    _path: Vec<Vec<u8>>,
}

impl Row {
    fn of(kind: aios_change_kind, pair: &Pair, prefix: &Path) -> Row {
        Row {
            kind,
            environment: Some(pair.id.0.clone()),
            prefix: Some(prefix.to_path_buf()),
            name: None,
            before: None,
            after: None,
            count: 0,
            keys: Box::default(),
            _path: Vec::new(),
        }
    }

    fn of_entry(entry: Entry) -> Row {
        let kind = match entry.is_new {
            Some(true) => aios_change_kind::EntryAdded,
            Some(false) => aios_change_kind::EntryRemoved,
            None => aios_change_kind::EntryChanged,
        };
        Row {
            kind,
            environment: None,
            prefix: None,
            name: None,
            before: None,
            after: None,
            count: 0,
            // The bytes of a key stay where they are when the list of keys is moved.
            keys: entry.path.iter().map(|key| aios_bytes::of(key)).collect(),
            _path: entry.path,
        }
    }

    fn view(&self) -> aios_change {
        let text = |text: &Option<String>| aios_str::maybe(text.as_deref());
        aios_change {
            struct_size: size_of::<aios_change>(),
            environment: text(&self.environment),
            prefix: aios_str::maybe_path(self.prefix.as_deref()),
            name: text(&self.name),
            before: text(&self.before),
            after: text(&self.after),
            keys: self.keys.as_ptr(),
            key_count: self.keys.len(),
            count: self.count,
            kind: self.kind as u32,
            reserved: 0,
        }
    }
}

/// Kind, name, what it was, what it is, and how many.
type Told = (aios_change_kind, String, Option<String>, Option<String>, u64);

fn told(change: Change) -> Told {
    use aios_change_kind as Is;
    let version = |one: &Installed| Some(one.version.clone());
    match change {
        Change::Fact { field, before, after } => (Is::Fact, field, before, after, 0),
        Change::Added(one) => (Is::DistributionAdded, one.name.clone(), None, version(&one), 0),
        Change::Removed(one) => (Is::DistributionRemoved, one.name.clone(), version(&one), None, 0),
        Change::Version { name, before, after } => {
            (Is::DistributionVersion, name, Some(before), Some(after), 0)
        }
        Change::Files { installed, files } => {
            let (is, version) = (Is::DistributionFiles, version(&installed));
            (is, installed.name, version.clone(), version, files as u64)
        }
        Change::Conda { name, is_there: true } => (Is::CondaAdded, name, None, None, 0),
        Change::Conda { name, is_there: false } => (Is::CondaRemoved, name, None, None, 0),
        Change::File { path, is_new: Some(true) } => (Is::FileAdded, path, None, None, 0),
        Change::File { path, is_new: Some(false) } => (Is::FileRemoved, path, None, None, 0),
        Change::File { path, is_new: None } => (Is::FileChanged, path, None, None, 0),
        Change::Appeared(Found { code, message, .. }) => {
            (Is::FindingAppeared, code, None, Some(message), 0)
        }
        Change::Gone(Found { code, message, .. }) => {
            (Is::FindingGone, code, Some(message), None, 0)
        }
    }
}

fn changes(before: &Snapshot, after: &Snapshot) -> Result<Vec<Row>, Error> {
    let mut pairs_by_prefix = Vec::new();
    for pair in pairs(Some(&before.tree), &after.tree)? {
        let prefix = pair.latest().map(|state| state.prefix()).transpose()?.unwrap_or_default();
        pairs_by_prefix.push((prefix, pair));
    }
    pairs_by_prefix.sort_by(|a, b| a.0.cmp(&b.0));
    let mut rows = Vec::new();
    for (prefix, pair) in &pairs_by_prefix {
        match (&pair.before, &pair.after) {
            (None, _) => rows.push(Row::of(aios_change_kind::EnvironmentAppeared, pair, prefix)),
            (_, None) => rows.push(Row::of(aios_change_kind::EnvironmentGone, pair, prefix)),
            (Some(_), Some(_)) => {
                for change in pair.changes()? {
                    let (kind, name, before, after, count) = told(change);
                    let name = Some(name);
                    rows.push(Row { name, before, after, count, ..Row::of(kind, pair, prefix) });
                }
            }
        }
    }
    rows.extend(entries(Some(&before.tree), &after.tree)?.into_iter().map(Row::of_entry));
    Ok(rows)
}

/// What it takes to make the second of the first. Both are of one store.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshot_diff(
    before: *const aios_snapshot,
    after: *const aios_snapshot,
    changes: Option<&mut MaybeUninit<*mut aios_changes>>,
) -> aios_status {
    guard("aios_snapshot_diff", || {
        let out = needed(changes, "`changes`")?;
        let before = handle::get::<Snapshot>(before)?;
        let after = handle::get::<Snapshot>(after)?;
        out.write(handle::open(Changes(self::changes(&before, &after)?)));
        Ok(())
    })
}

/// How many changes there are.
#[unsafe(no_mangle)]
pub extern "C" fn aios_changes_count(
    changes: *const aios_changes,
    count: Option<&mut MaybeUninit<usize>>,
) -> aios_status {
    guard("aios_changes_count", || {
        let count = needed(count, "`count`")?;
        count.write(handle::get::<Changes>(changes)?.0.len());
        Ok(())
    })
}

/// The change at an index from 0.
#[unsafe(no_mangle)]
pub extern "C" fn aios_changes_get(
    changes: *const aios_changes,
    index: usize,
    change: *mut aios_change,
) -> aios_status {
    guard("aios_changes_get", || {
        fill(change, &at(&handle::get::<Changes>(changes)?.0, index)?.view())
    })
}

/// Closes the list; its views end.
#[unsafe(no_mangle)]
pub extern "C" fn aios_changes_close(changes: *mut aios_changes) -> aios_status {
    guard("aios_changes_close", || handle::close::<Changes>(changes))
}
