//! Every order of the accesses of one writer and one reader, by loom, and the bugs that it must find.
//!
//! The model is small: two or three slots, one row, at most two preemptions. What a slot holds is a cell that loom
//! guards: an access that is not ordered after the one before ends the model.
//!
//! Not on Windows: the threads of a model cannot panic there, which the planted bugs make them do.
#![cfg(unix)]
#![expect(unsafe_code, reason = "cells of the model, which it guards")]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU64, fence};

use super::slots::{self, CURRENT_AT, ROW_BYTES, Rows, SLOTS_MAX, Writer};
use crate::segment::Words;

/// What is left out or weakened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    /// No fence of this name.
    Fence(&'static str),
    /// Loads of this word are relaxed. Those of the current word are: the fence of `pin` orders what follows.
    Load(usize),
    /// Stores of this word are.
    Store(usize),
    /// The writer looks at rows only once.
    Stale,
}

const ROWS: Rows = Rows { at: 0, rows: 1, pins: 1 };
const OWNER_AT: usize = 0;
const PIN_AT: usize = 8;

struct Model {
    /// The offset of the first word.
    at: usize,
    words: Vec<AtomicU64>,
    /// Loom changes threads before accesses to what both change, never before a fence: with this others come between.
    nothing: AtomicU64,
    bug: Bug,
}

impl Model {
    fn new(at: usize, words: usize, bug: Bug) -> Model {
        let words = (0..words).map(|_| AtomicU64::new(0)).collect();
        Model { at, words, nothing: AtomicU64::new(0), bug }
    }

    fn word(&self, at: usize) -> &AtomicU64 {
        &self.words[(at - self.at) / 8]
    }
}

impl Words for Model {
    fn load(&self, at: usize, ordering: Ordering) -> u64 {
        let weak = self.bug == Bug::Load(at);
        self.word(at).load(if weak { Ordering::Relaxed } else { ordering })
    }

    fn store(&self, at: usize, value: u64, ordering: Ordering) {
        let weak = self.bug == Bug::Store(at);
        self.word(at).store(value, if weak { Ordering::Relaxed } else { ordering });
    }

    fn fence(&self, name: &'static str, ordering: Ordering) {
        self.nothing.fetch_add(1, Ordering::Relaxed);
        if self.bug != Bug::Fence(name) {
            fence(ordering);
        }
    }
}

struct Shared {
    state: Model,
    rows: Model,
    /// The word that each slot says of itself, and the version that it holds.
    slots: Vec<(AtomicU64, UnsafeCell<u64>)>,
}

// SAFETY: loom ends the model at an access to a cell that is not ordered.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl Shared {
    fn publish(&self, writer: &mut Writer) {
        let next = writer.next(&self.rows).or_else(|| {
            // The fence that the system makes in the reader stands where the reader leaves its own out.
            writer.reclaim(&self.rows, || true);
            writer.next(&self.rows)
        });
        let Some((slot, word)) = next else { return };
        self.slots[slot].0.store(word, Ordering::Relaxed);
        // SAFETY: loom checks that nobody else has access.
        self.slots[slot].1.with_mut(|held| unsafe { *held = slots::version_of(word) });
        writer.publish(&self.state, &self.rows, word);
    }

    /// `ended` is what the pin held when the view before this one ended.
    fn read(&self, ended: &mut u64) {
        let again = |word| {
            let fence = || self.rows.fence("again", Ordering::SeqCst);
            slots::pin_again(&self.state, &self.rows, PIN_AT, word, fence)
        };
        let word = if *ended != 0 && again(*ended) {
            *ended
        } else {
            let Some(word) = slots::pin(&self.state, &self.rows, PIN_AT) else { return };
            word
        };
        let slot = &self.slots[slots::slot_of(word)];
        assert_eq!(slot.0.load(Ordering::Relaxed), word, "a slot says what was pinned");
        // SAFETY: as above.
        let held = slot.1.with(|held| unsafe { *held });
        assert_eq!(held, slots::version_of(word), "a view is of the version that it says");
        slots::end(&self.rows, PIN_AT, word);
        *ended = word;
    }
}

fn run(slots: usize, publications: usize, views: usize, bug: Bug) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(move || {
        let shared = Arc::new(Shared {
            state: Model::new(CURRENT_AT, 1, bug),
            rows: Model::new(0, ROW_BYTES / 8, bug),
            slots: (0..slots).map(|_| (AtomicU64::new(0), UnsafeCell::new(0))).collect(),
        });
        let mut writer = Writer::of(ROWS, slots, 0, [0; SLOTS_MAX]);
        shared.publish(&mut writer);
        let reader = Arc::clone(&shared);
        let reader = loom::thread::spawn(move || {
            // As a reader that takes a row, and leaves it.
            reader.rows.store(OWNER_AT, 1, Ordering::Release);
            let mut ended = 0;
            for _ in 0..views {
                reader.read(&mut ended);
            }
            slots::unpin(&reader.rows, PIN_AT);
            reader.rows.store(OWNER_AT, 0, Ordering::Release);
        });
        for _ in 0..publications {
            if bug == Bug::Stale {
                writer.believe_free();
            }
            shared.publish(&mut writer);
        }
        reader.join().unwrap();
    });
}

#[test]
fn no_order_of_accesses_tears_a_view() {
    run(2, 2, 1, Bug::None);
    run(3, 2, 1, Bug::None);
    run(2, 2, 2, Bug::None);
}

#[test]
fn each_bug_that_is_planted_is_found() {
    let bugs = [
        Bug::Fence("pin"),
        Bug::Fence("look"),
        Bug::Fence("again"),
        Bug::Store(CURRENT_AT),
        Bug::Load(PIN_AT),
        Bug::Store(PIN_AT),
        Bug::Load(OWNER_AT),
        Bug::Store(OWNER_AT),
        Bug::Stale,
    ];
    let unnoticed: Vec<Bug> = bugs
        .into_iter()
        // In a thread of its own, since the model ends by a panic.
        .filter(|bug| {
            let bug = *bug;
            let views = if bug == Bug::Fence("again") { 2 } else { 1 };
            std::thread::spawn(move || run(2, 3, views, bug)).join().is_ok()
        })
        .collect();
    assert_eq!(unnoticed, []);
}
