//! `aios_snapshot`: a state of everything that is remembered, read in place.

use std::mem::MaybeUninit;

use aios_core::engine::environments;
use aios_core::index::fractal::Tree;
use aios_core::snapshot::{self, Image, Snapshot as About, SnapshotId};

use crate::blob::{Blob, aios_blob};
use crate::boundary::{guard, needed};
use crate::engine::{Engine, aios_engine};
use crate::entries::{Entries, aios_entries, aios_value, keys_of, value_of};
use crate::environments::{Environments, aios_environments};
use crate::handle::{self, Kind, Object};
use crate::rows::{Row, sorted};
use crate::sized::{fill, sized};
use crate::status::{Error, aios_status, at};
use crate::view::{aios_bytes, aios_str};

/// A state of the context: what was recorded of environments, below the key `environments`, and entries of
/// other programs, below `context`. It outlives the engine, and never changes.
pub struct aios_snapshot {
    _opaque: [u8; 0],
}

/// The snapshots that were there when it was asked for them, the oldest first.
pub struct aios_snapshots {
    _opaque: [u8; 0],
}

/// What is known of a snapshot.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_snapshot_info {
    pub struct_size: usize,
    /// Its number: later ones have larger ones. 0 for the present state, and for an image.
    pub id: u64,
    /// The snapshot that it came from; 0 for none.
    pub parent: u64,
    /// When it was taken, in milliseconds since 1970.
    pub time_ms: u64,
    /// How many entries it has.
    pub records: u64,
    /// The sum of the sizes of what they stand for.
    pub bytes: u64,
    /// What its user calls it.
    pub name: aios_str,
    /// Why it was taken.
    pub reason: aios_str,
    /// Of its content: the same for equal states of one store.
    pub hash: [u8; 32],
}

sized!(aios_snapshot_info: 112 {
    id: 8, parent: 16, time_ms: 24, records: 32, bytes: 40, name: 48, reason: 64, hash: 80,
});

/// What is behind a snapshot.
pub(crate) struct Snapshot {
    pub(crate) tree: Tree,
    /// `None` for the present state, and for an image.
    about: Option<About>,
}

impl Object for Snapshot {
    type C = aios_snapshot;
    const KIND: Kind = Kind::Snapshot;
}

struct Snapshots(Vec<About>);

impl Object for Snapshots {
    type C = aios_snapshots;
    const KIND: Kind = Kind::Snapshots;
}

fn info_of(about: &About) -> aios_snapshot_info {
    aios_snapshot_info {
        struct_size: size_of::<aios_snapshot_info>(),
        id: about.id.0,
        parent: about.about.parent.map_or(0, |parent| parent.0),
        time_ms: about.about.time_ms,
        records: about.totals.records,
        bytes: about.totals.bytes,
        name: aios_str::maybe(about.about.name.as_deref()),
        reason: aios_str::of(&about.about.reason),
        hash: about.hash.0,
    }
}

/// Keeps what was recorded and committed as a snapshot, durable when it returns. `name` may be absent; those
/// that have one are kept until they are removed by hand. `reason` says why it is taken.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshot_take(
    engine: *mut aios_engine,
    name: aios_str,
    reason: aios_str,
    id: Option<&mut MaybeUninit<u64>>,
) -> aios_status {
    guard("aios_snapshot_take", || {
        let out = needed(id, "`id`")?;
        let engine = handle::get::<Engine>(engine)?;
        let (name, reason) = (name.some_text("`name`")?, reason.text("`reason`")?);
        out.write(engine.writer()?.take(name, reason)?.0);
        Ok(())
    })
}

/// Brings the entries of other programs back to what they were in a snapshot, exactly. What is recorded of
/// environments stays: it says what stands on disk, and `aios_repair_plan` with the snapshot's number brings
/// that back. The state of before is kept as a snapshot first; `saved` is its number, or 0 when nothing differs.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshot_restore(
    engine: *mut aios_engine,
    id: u64,
    saved: Option<&mut MaybeUninit<u64>>,
) -> aios_status {
    guard("aios_snapshot_restore", || {
        let out = needed(saved, "`saved`")?;
        let engine = handle::get::<Engine>(engine)?;
        let saved = engine.writer()?.restore(SnapshotId(id))?;
        out.write(saved.map_or(0, |saved| saved.0));
        Ok(())
    })
}

/// Opens the snapshot with a number, or the present state: 0. `AIOS_STATUS_NOT_FOUND` when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshot_open(
    engine: *const aios_engine,
    id: u64,
    snapshot: Option<&mut MaybeUninit<*mut aios_snapshot>>,
) -> aios_status {
    guard("aios_snapshot_open", || {
        let out = needed(snapshot, "`snapshot`")?;
        let engine = handle::get::<Engine>(engine)?;
        let memory = engine.memory()?.ok_or_else(|| {
            let hint = "`aios_check` remembers what it sees";
            Error::new(aios_status::NotFound, "nothing is remembered yet", hint)
        })?;
        let opened = if id == 0 {
            Snapshot { tree: memory.present()?, about: None }
        } else {
            let all = memory.reader().list()?;
            let about = all.into_iter().find(|about| about.id.0 == id);
            let missing = snapshot::Error::NoSnapshot(SnapshotId(id));
            let about = about.ok_or(missing)?;
            Snapshot { tree: memory.reader().snapshot(about.id)?, about: Some(about) }
        };
        out.write(handle::open(opened));
        Ok(())
    })
}

/// What is known of a snapshot.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshot_about(
    snapshot: *const aios_snapshot,
    info: *mut aios_snapshot_info,
) -> aios_status {
    guard("aios_snapshot_about", || {
        let snapshot = handle::get::<Snapshot>(snapshot)?;
        if let Some(about) = &snapshot.about {
            return fill(info, &info_of(about));
        }
        let totals = snapshot.tree.totals();
        fill(
            info,
            &aios_snapshot_info {
                struct_size: size_of::<aios_snapshot_info>(),
                id: 0,
                parent: 0,
                time_ms: 0,
                records: totals.records,
                bytes: totals.bytes,
                name: aios_str::NONE,
                reason: aios_str::NONE,
                hash: snapshot.tree.hash().0,
            },
        )
    })
}

/// The value that keys lead to, in place. `AIOS_STATUS_NOT_FOUND` when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshot_get(
    snapshot: *const aios_snapshot,
    keys: *const aios_bytes,
    key_count: usize,
    value: *mut aios_value,
) -> aios_status {
    guard("aios_snapshot_get", || {
        let snapshot = handle::get::<Snapshot>(snapshot)?;
        let found = snapshot.tree.get(&keys_of(keys, key_count)?)?;
        fill(value, &value_of(&found.ok_or_else(|| Error::not_found("there is no such value"))?))
    })
}

/// The entries of one level: of that which keys lead to, or with no keys of the first.
/// `AIOS_STATUS_NOT_FOUND` when there is no such level.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshot_entries(
    snapshot: *const aios_snapshot,
    keys: *const aios_bytes,
    key_count: usize,
    entries: Option<&mut MaybeUninit<*mut aios_entries>>,
) -> aios_status {
    guard("aios_snapshot_entries", || {
        let out = needed(entries, "`entries`")?;
        let snapshot = handle::get::<Snapshot>(snapshot)?;
        let level = snapshot.tree.subtree(&keys_of(keys, key_count)?)?;
        let level = level.ok_or_else(|| Error::not_found("there is no such level"))?;
        out.write(handle::open(Entries::of(level)?));
        Ok(())
    })
}

/// The environments as they were then, with their findings.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshot_environments(
    snapshot: *const aios_snapshot,
    environments: Option<&mut MaybeUninit<*mut aios_environments>>,
) -> aios_status {
    guard("aios_snapshot_environments", || {
        let out = needed(environments, "`environments`")?;
        let snapshot = handle::get::<Snapshot>(snapshot)?;
        let mut rows = Vec::new();
        for (id, state) in self::environments(&snapshot.tree)? {
            rows.push(Row::remembered(&id, &state)?);
        }
        out.write(handle::open(Environments::Rows(sorted(rows), Vec::new())));
        Ok(())
    })
}

/// A snapshot as one run of bytes without pointers, to be kept or sent anywhere.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshot_export(
    snapshot: *const aios_snapshot,
    image: Option<&mut MaybeUninit<*mut aios_blob>>,
) -> aios_status {
    guard("aios_snapshot_export", || {
        let out = needed(image, "`image`")?;
        let snapshot = handle::get::<Snapshot>(snapshot)?;
        let bytes = snapshot::export(&snapshot.tree)?;
        out.write(handle::open(Blob { bytes, tag: 0 }));
        Ok(())
    })
}

/// Opens what `aios_snapshot_export` made. The bytes are copied, and checked as they are read.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshot_of_image(
    image: aios_bytes,
    snapshot: Option<&mut MaybeUninit<*mut aios_snapshot>>,
) -> aios_status {
    guard("aios_snapshot_of_image", || {
        let out = needed(snapshot, "`snapshot`")?;
        let image = Image::of(image.read("`image`")?.to_vec())?;
        out.write(handle::open(Snapshot { tree: image.tree(), about: None }));
        Ok(())
    })
}

/// Closes a snapshot; its views end.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshot_close(snapshot: *mut aios_snapshot) -> aios_status {
    guard("aios_snapshot_close", || handle::close::<Snapshot>(snapshot))
}

/// The snapshots that there are; none when nothing was ever remembered.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshots_list(
    engine: *const aios_engine,
    snapshots: Option<&mut MaybeUninit<*mut aios_snapshots>>,
) -> aios_status {
    guard("aios_snapshots_list", || {
        let out = needed(snapshots, "`snapshots`")?;
        let memory = handle::get::<Engine>(engine)?.memory()?;
        let all = memory.map(|memory| memory.reader().list()).transpose()?;
        out.write(handle::open(Snapshots(all.unwrap_or_default())));
        Ok(())
    })
}

/// How many there are.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshots_count(
    snapshots: *const aios_snapshots,
    count: Option<&mut MaybeUninit<usize>>,
) -> aios_status {
    guard("aios_snapshots_count", || {
        let count = needed(count, "`count`")?;
        count.write(handle::get::<Snapshots>(snapshots)?.0.len());
        Ok(())
    })
}

/// What is known of the snapshot at an index from 0.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshots_get(
    snapshots: *const aios_snapshots,
    index: usize,
    info: *mut aios_snapshot_info,
) -> aios_status {
    guard("aios_snapshots_get", || {
        fill(info, &info_of(at(&handle::get::<Snapshots>(snapshots)?.0, index)?))
    })
}

/// Closes the list; its views end.
#[unsafe(no_mangle)]
pub extern "C" fn aios_snapshots_close(snapshots: *mut aios_snapshots) -> aios_status {
    guard("aios_snapshots_close", || handle::close::<Snapshots>(snapshots))
}
