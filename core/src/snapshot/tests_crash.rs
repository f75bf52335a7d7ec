//! A crash after every call: what is opened next is the last acknowledged commit or the one that was
//! under way, whole, whatever part of the calls that were not synced has reached the disk.
//!
//! Bugs that were planted to see whether these tests and their neighbours see them, and that are not there
//! now. `cut` is `after_a_power_cut_..`, `kill` `a_power_cut_after_a_kill_..`, `recovery`
//! `a_power_cut_during_recovery_..` here, `failure` and `damage` are the modules with these names:
//!
//! | bug | found by |
//! |---|---|
//! | the checksum of the tail is not compared | `cut`, `kill`, `recovery`, `damage` |
//! | no sync between the blocks of a large commit and its superblock | `cut`, `failure` |
//! | all commits write the same superblock | `cut`, `kill`, `recovery`, `damage` |
//! | a new file gets its name before it is synced | `cut`, `kill`, `recovery`, `failure` |
//! | the old file is removed before the name of the new one is synced | `cut`, `kill`, `recovery`, `failure` |
//! | what a killed writer left is built on without a sync | `kill`, `failure` |
//! | it is synced, but not written once more after a failed sync | `failure` |
//! | other files are removed at opening before names are synced | `kill` |
//! | after a failed sync the store goes on | `failure` |
//! | a file whose renaming failed half-way is not the one gone on with | `failure` |
//! | a failed `take` or prune is left in the tree | `failure` |
//! | an older file takes the place of a damaged one | `damage`, `failure` |
//! | a parent is used again though its link leads to damage | `damage` |
//! | the checksum, or the name, of a block is not compared when it is read | `damage` |
//! | a version is believed before its checksum; a later one is not refused | `damage` |
//! | trees of other stores are adopted unverified | `damage`, `tests_hostile` |

use std::collections::HashMap;

use super::*;
use crate::store::failing::{Disk, Event, Failing, Files, Random};

pub(super) const OPTIONS: Options =
    Options { reading: Reading::Mapped, salt: Some(Salt(*b"salt of the test")) };

pub(super) fn open(storage: &Failing) -> Result<Context, Error> {
    Context::on(Box::new(storage.clone()), &OPTIONS)
}

/// Of everything that a store holds: present context, snapshots, and what is known of them.
pub(super) fn hash(context: &mut Context) -> Hash {
    context.tree.seal().unwrap().hash()
}

pub(super) fn put(context: &mut Context, name: &str, bytes: &[u8]) -> Result<(), Error> {
    context.put(&[b"environments", name.as_bytes()], &Value::of(1, bytes))
}

fn put_many(context: &mut Context, name: &str, count: usize) -> Result<(), Error> {
    (0..count).try_for_each(|n| put(context, &format!("{name}-{n}"), format!("{n}").as_bytes()))
}

type Step = fn(&mut Context) -> Result<(), Error>;

/// Before this one the store is closed and opened again.
pub(super) const REOPENED: usize = 5;

/// Each makes one commit. Done twice, as after an error, it is as if done once.
pub(super) const STEPS: &[Step] = &[
    |context| {
        put_many(context, "a", 5)?;
        context.commit().map(drop)
    },
    |context| context.take_at(Some("first"), "a test", 1).map(drop),
    |context| {
        put_many(context, "a", 90)?;
        put(context, "blob", &[7; 5000])?;
        context.commit().map(drop)
    },
    // Too large for a single sync.
    |context| {
        put(context, "large", &[8; 300_000])?;
        put(context, "a-1", b"changed")?;
        context.commit().map(drop)
    },
    |context| context.take_at(None, "a test", 2).map(drop),
    |context| {
        context.remove(&[b"environments", b"large"])?;
        put(context, "blob", &[9; 4000])?;
        context.commit().map(drop)
    },
    |context| context.restore_snapshot(SnapshotId(1)),
    // The large value goes with its snapshot: the file is written anew.
    |context| {
        if context.list()?.iter().any(|snapshot| snapshot.id == SnapshotId(2)) {
            let pruned = context.remove_snapshots(&[SnapshotId(2)])?;
            assert!(pruned.freed_bytes > 300_000, "{pruned:?}");
        }
        Ok(())
    },
    |context| {
        put(context, "after", b"compaction")?;
        context.commit().map(drop)
    },
    |context| context.take_at(Some("last"), "a test", 3).map(drop),
];

/// Every state that is committed, and every call. The note N says that state N is acknowledged.
pub(super) fn lived() -> (Vec<Hash>, Vec<Event>) {
    let storage = Failing::default();
    let mut context = open(&storage).unwrap();
    let mut states = vec![hash(&mut context)];
    for (number, step) in STEPS.iter().enumerate() {
        if number == REOPENED {
            drop(context);
            context = open(&storage).unwrap();
        }
        step(&mut context).unwrap();
        states.push(hash(&mut context));
        storage.note(number + 1);
    }
    (states, storage.events())
}

/// What a store that is left with these files is, when it is opened: checked in every respect.
#[derive(Default)]
struct Opening {
    /// By files: many crashes leave the same.
    known: HashMap<Hash, Hash>,
}

impl Opening {
    fn hash_of(&mut self, files: &Files, what: &str) -> Hash {
        *self.known.entry(files.hash()).or_insert_with(|| {
            let storage = Failing::with(files.clone());
            let context = open(&storage);
            let mut context = context.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(context.verify().unwrap().damage, [], "{what}");
            let list = context.list().unwrap();
            for snapshot in list {
                assert_eq!(context.snapshot(snapshot.id).unwrap().hash(), snapshot.hash, "{what}");
            }
            hash(&mut context)
        })
    }

    fn expect(&mut self, files: &Files, allowed: &[Hash], what: &str) {
        let hash = self.hash_of(files, what);
        assert!(allowed.contains(&hash), "{what}: {hash} is none of {allowed:?}");
    }
}

/// The disk after each call, with the state that was acknowledged until then.
fn moments(events: &[Event]) -> Vec<(Disk, usize)> {
    let (mut disk, mut acknowledged) = (Disk::default(), 0);
    let mut moments = vec![(disk.clone(), 0)];
    for event in events {
        if let Event::Note(state) = event {
            acknowledged = *state;
        }
        disk.step(event);
        moments.push((disk.clone(), acknowledged));
    }
    moments
}

/// The last acknowledged state, and the one under way.
fn allowed(states: &[Hash], acknowledged: usize) -> &[Hash] {
    &states[acknowledged..states.len().min(acknowledged + 2)]
}

#[test]
fn after_a_power_cut_a_store_is_what_was_committed() {
    let (states, events) = lived();
    let (mut opening, mut random) = (Opening::default(), Random(1));
    for (number, (disk, acknowledged)) in moments(&events).iter().enumerate() {
        let allowed = allowed(&states, *acknowledged);
        for files in disk.after_power_cut(&mut random) {
            opening.expect(&files, allowed, &format!("power cut after call {number}"));
        }
        opening.expect(&disk.seen(), allowed, &format!("kill after call {number}"));
    }
    assert!(opening.known.len() > 100, "{} states", opening.known.len());
}

/// Opens what a crash left and commits twice. Returns the states and the calls.
fn go_on(files: Files) -> (Vec<Hash>, Vec<Event>) {
    let storage = Failing::with(files);
    let mut context = open(&storage).unwrap();
    let mut states = vec![hash(&mut context)];
    for name in ["recovered", "again"] {
        put(&mut context, name, b"a value").unwrap();
        context.commit().unwrap();
        states.push(hash(&mut context));
        storage.note(states.len() - 1);
    }
    (states, storage.events())
}

/// Crashes once more, at every call of what comes after a crash that left `disk`.
fn crash_again(disk: &Disk, found: &[Hash], opening: &mut Opening, random: &mut Random) {
    let (states, events) = go_on(disk.seen());
    assert!(found.contains(&states[0]));
    let (mut disk, mut acknowledged) = (disk.clone(), 0);
    for (number, event) in events.iter().enumerate() {
        if let Event::Note(state) = event {
            acknowledged = *state;
        }
        disk.step(event);
        let mut allowed = states[acknowledged..states.len().min(acknowledged + 2)].to_vec();
        if acknowledged == 0 {
            allowed.extend_from_slice(found);
        }
        for files in disk.after_power_cut(random) {
            opening.expect(&files, &allowed, &format!("call {number} after the crash"));
        }
    }
}

#[test]
fn a_power_cut_after_a_kill_loses_nothing_that_was_acknowledged() {
    let (states, events) = lived();
    let (mut opening, mut random) = (Opening::default(), Random(2));
    // What the killed process did not sync is seen, and not durable.
    for (disk, acknowledged) in moments(&events).iter().step_by(2) {
        crash_again(disk, allowed(&states, *acknowledged), &mut opening, &mut random);
    }
    assert!(opening.known.len() > 300, "{} states", opening.known.len());
}

#[test]
fn a_power_cut_during_recovery_loses_nothing() {
    let (states, events) = lived();
    let (mut opening, mut random) = (Opening::default(), Random(3));
    for (disk, acknowledged) in moments(&events).iter().step_by(6) {
        let left = disk.after_power_cut(&mut random);
        for files in left.into_iter().step_by(2) {
            let found = opening.hash_of(&files, "first crash");
            assert!(allowed(&states, *acknowledged).contains(&found));
            crash_again(&Disk::durable(files), &[found], &mut opening, &mut random);
        }
    }
    assert!(opening.known.len() > 300, "{} states", opening.known.len());
}
