//! Full disks, and writes, syncs and other calls that fail, at every position.

use super::tests_crash::{REOPENED, STEPS, hash, lived, open, put};
use super::*;
use crate::store::failing::{Disk, Failing, Failure, Random};

/// A life until its first error.
struct Broken {
    context: Option<Context>,
    /// The step that failed.
    step: usize,
    error: Error,
}

fn live_until_it_fails(storage: &Failing) -> Option<Broken> {
    let mut context = match open(storage) {
        Ok(context) => context,
        Err(error) => return Some(Broken { context: None, step: 0, error }),
    };
    for (step, run) in STEPS.iter().enumerate() {
        if step == REOPENED {
            drop(context);
            context = match open(storage) {
                Ok(context) => context,
                Err(error) => return Some(Broken { context: None, step, error }),
            };
        }
        if let Err(error) = run(&mut context) {
            return Some(Broken { context: Some(context), step, error });
        }
    }
    None
}

/// A failed sync of what is published: what is durable is not known.
fn is_failed_sync(error: &Error) -> bool {
    matches!(error, Error::Store(store::Error::Io { what: "sync", path, .. })
        if path.extension().is_some_and(|extension| extension == "aios"))
}

fn is_full(error: &Error) -> bool {
    matches!(error, Error::Store(store::Error::Io { what: "write" | "create", source, .. })
        if source.kind() == std::io::ErrorKind::StorageFull)
}

/// Returns how many calls failed.
fn check(failure: Failure, for_ever: bool) -> usize {
    let (states, _) = lived();
    let mut random = Random(4);
    for call in 0.. {
        let storage = Failing::default();
        storage.fail(call, failure, for_ever);
        let Some(Broken { context, step, error }) = live_until_it_fails(&storage) else {
            if storage.calls() <= call {
                return call;
            }
            // Not every failure is one for the caller: a replaced file is removed the next time.
            continue;
        };
        let what = format!("call {call}, {failure:?}, step {step}: {error}");
        assert!(matches!(error, Error::Store(_)), "{what}");
        storage.works_again();
        let mut known = states[step..step + 2].to_vec();
        if let Some(mut context) = context {
            match STEPS[step](&mut context) {
                // What failed left no trace: done again, it is as if it was done once.
                Ok(()) => {
                    assert_eq!(hash(&mut context), states[step + 1], "{what}");
                    assert!(!is_failed_sync(&error), "{what}");
                    known.remove(0);
                    // What is acknowledged is what is opened next.
                    put(&mut context, "more", b"a value").unwrap();
                    if context.commit().is_ok() {
                        known = vec![hash(&mut context)];
                    }
                }
                Err(Error::Store(store::Error::Poisoned { .. })) => {
                    assert!(!is_full(&error), "{what}");
                }
                Err(again) => panic!("{what}, then {again}"),
            }
        }
        let mut context = open(&storage).unwrap_or_else(|error| panic!("{what}, then {error}"));
        assert!(known.contains(&hash(&mut context)), "{what}");
        assert_eq!(context.verify().unwrap().damage, [], "{what}");
        put(&mut context, "went", b"on").unwrap();
        context.commit().unwrap();
        let expected = hash(&mut context);
        // What is acknowledged then is durable, though the system may have dropped what it failed to sync.
        let mut disk = Disk::default();
        storage.events().iter().for_each(|event| disk.step(event));
        for files in disk.after_power_cut(&mut random) {
            let mut context = open(&Failing::with(files)).expect(&what);
            assert_eq!(hash(&mut context), expected, "{what}");
            assert_eq!(context.verify().unwrap().damage, [], "{what}");
        }
    }
    unreachable!("a life has an end")
}

#[test]
fn a_full_disk_leaves_the_last_commit_and_can_be_gone_on_with() {
    assert!(check(Failure::Full, false) > 50);
    assert!(check(Failure::Full, true) > 50);
}

#[test]
fn a_short_write_leaves_the_last_commit_and_can_be_gone_on_with() {
    assert!(check(Failure::Short, true) > 50);
}

#[test]
fn after_an_error_of_what_was_done_nothing_is_lost() {
    assert!(check(Failure::Late, false) > 50);
}

#[test]
fn after_a_failed_sync_nothing_is_written_until_reopened() {
    let storage = Failing::default();
    let mut context = open(&storage).unwrap();
    put(&mut context, "a", b"first").unwrap();
    context.commit().unwrap();
    put(&mut context, "a", b"second").unwrap();
    // Blocks, superblock, sync.
    storage.fail(2, Failure::Late, false);
    assert!(is_failed_sync(&context.commit().unwrap_err()));
    let events = storage.events().len();
    for result in [context.commit().map(drop), context.take(None, "a test").map(drop)] {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Store(store::Error::Poisoned { .. })), "{error}");
        assert!(error.to_string().contains("until it is opened again"), "{error}");
    }
    assert!(context.compact().is_err());
    assert_eq!(storage.events().len(), events);
    // It can still be read.
    assert_eq!(context.get(&[b"environments", b"a"]).unwrap().unwrap().bytes, b"second");
    drop(context);
    let mut context = open(&storage).unwrap();
    put(&mut context, "a", b"third").unwrap();
    context.commit().unwrap();
}

#[test]
fn a_full_disk_is_named() {
    let storage = Failing::default();
    let mut context = open(&storage).unwrap();
    put(&mut context, "a", b"first").unwrap();
    storage.fail(0, Failure::Full, true);
    let error = context.commit().unwrap_err().to_string();
    assert!(error.starts_with("cannot write `memory"), "{error}");
    assert!(error.contains("context-0000000000000001.aios"), "{error}");
}

#[test]
fn a_commit_that_readers_may_have_seen_is_not_another_one_later() {
    let storage = Failing::default();
    let mut context = open(&storage).unwrap();
    put(&mut context, "a", b"first").unwrap();
    context.commit().unwrap();
    put(&mut context, "a", b"second").unwrap();
    // Blocks, superblock: all of it is there, and an error is what the writer hears.
    storage.fail(1, Failure::Late, false);
    context.commit().unwrap_err();
    let files = storage.files();
    let seen = files.last().1.to_vec();
    let mut other = open(&Failing::with(files)).unwrap();
    assert_eq!(hash(&mut context), hash(&mut other));
    let (number, bytes) = (other.commit().unwrap(), other.file_bytes() as usize);
    put(&mut context, "b", b"third").unwrap();
    let later = context.commit();
    assert!(later.is_err() || later.is_ok_and(|later| later > number));
    let files = storage.files();
    assert_eq!(files.last().1[8192..bytes], seen[8192..bytes]);
}
