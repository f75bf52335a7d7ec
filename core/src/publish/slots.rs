//! How one writer and many readers agree about slots, without waiting for each other.
//!
//! The state holds one word that says what is *current*: `version << 8 | slot`, 0 before there is any. Rows hold
//! *pins*: copies of such words, each written by one reader. A slot is free when it is not current, and no pin is
//! equal to the word that was published in it. A pin that says anything else is not one: a reader that gave up, or
//! nonsense.
//!
//! A reader pins: it loads the current word, stores it in its row, fences, and loads the current word again. If that
//! is the same, the pin holds. The writer publishes: it writes a free slot, stores the current word, fences, and
//! then looks for the slot to write next. Of the two fences, one comes first: either the writer sees the pin, or
//! the reader sees that the word is no longer current.
//!
//! A view that ends leaves its pin, marked as *ended*: the slot is kept until the writer has no other. While it is kept, the
//! reader pins the same again without a fence: it takes the mark away, and looks whether the word is current still.
//! Before the writer takes such slots it asks the system for a fence in all readers ([`Writer::reclaim`]), which stands
//! for the one that they left out. Where the system has none, pins end by a 0.
//!
//! It is written over [`Words`], for shared memory and for a model checker.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

use crate::segment::Words;

/// Where the current word stands in the state, alone on its cache line.
pub(super) const CURRENT_AT: usize = 128;

/// Slots at most: the writer knows the free ones by the bits of a word.
pub(super) const SLOTS_MAX: usize = 64;

/// Words of a row: its owner, and its pins.
pub(super) const ROW_WORDS: usize = 8;
pub(super) const ROW_BYTES: usize = ROW_WORDS * 8;

/// The mark of a pin whose view ended. No slot has such a number.
const ENDED: u64 = 0x80;

/// The rows of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    /// Where the first one stands.
    pub(super) at: usize,
    pub(super) rows: usize,
    /// How many of a row's words are pins; those after the owner's.
    pub(super) pins: usize,
}

impl Rows {
    pub(super) fn owner_at(self, row: usize) -> usize {
        self.at + row * ROW_BYTES
    }

    pub(super) fn pin_at(self, row: usize, pin: usize) -> usize {
        self.owner_at(row) + 8 + pin * 8
    }
}

/// The word of a version in a slot.
pub(super) fn word(version: u64, slot: usize) -> u64 {
    version << 8 | slot as u64
}

pub(super) fn version_of(word: u64) -> u64 {
    word >> 8
}

pub(super) fn slot_of(word: u64) -> usize {
    (word & 0xff) as usize
}

/// Pins what is current, by a pin of the caller's own row that holds nothing. `None` when nothing was published.
#[inline]
pub(super) fn pin(state: &impl Words, rows: &impl Words, pin_at: usize) -> Option<u64> {
    // Relaxed: only a guess, which is looked at again below.
    let mut current = state.load(CURRENT_AT, Relaxed);
    loop {
        if current == 0 {
            rows.store(pin_at, 0, Release);
            return None;
        }
        // Release: reads of what this pin held before are done; pairs with the Acquire of `Writer::look`.
        rows.store(pin_at, current, Release);
        rows.fence("pin", SeqCst);
        // Relaxed: of an equal word the store was seen before the fence, which pairs with its Release
        // (`Writer::publish`): what the slot holds is seen.
        let again = state.load(CURRENT_AT, Relaxed);
        if again == current {
            return Some(current);
        }
        // The writer published meanwhile, which takes it longer than this took.
        current = again;
    }
}

/// Pins once more what this pin was ended with by [`end`]. Whether that is current. `fence` keeps the compiler from changing
/// the order; the processor's is asked for by [`Writer::reclaim`].
#[inline]
pub(super) fn pin_again(
    state: &impl Words,
    rows: &impl Words,
    pin_at: usize,
    word: u64,
    fence: impl FnOnce(),
) -> bool {
    // Release: as in `pin`. What the slot holds was seen when it was pinned first.
    rows.store(pin_at, word, Release);
    fence();
    // Relaxed: as the second one in `pin`.
    state.load(CURRENT_AT, Relaxed) == word
}

/// Ends a pin, and leaves its slot to the writer for when that has no other.
#[inline]
pub(super) fn end(rows: &impl Words, pin_at: usize, word: u64) {
    // Release: as in `unpin`.
    rows.store(pin_at, word | ENDED, Release);
}

/// Ends a pin: the reader is done with the slot.
#[inline]
pub(super) fn unpin(rows: &impl Words, pin_at: usize) {
    // Release: reads of the slot are done; pairs with the Acquire of `Writer::look`.
    rows.store(pin_at, 0, Release);
}

/// What the one writer knows by itself; of the rows it believes nothing.
#[derive(Debug)]
pub(super) struct Writer {
    rows: Rows,
    slots: usize,
    current: u64,
    /// The word that was published last in each slot.
    words: [u64; SLOTS_MAX],
    /// A slot that nobody can read, nor come to read.
    free: Option<usize>,
}

impl Writer {
    /// Of a state that was published to by somebody else, or by nobody yet. `words` are those that slots say of themselves.
    pub(super) fn of(rows: Rows, slots: usize, current: u64, words: [u64; SLOTS_MAX]) -> Writer {
        assert!(slots > 1 && slots <= SLOTS_MAX, "between 2 and 64 slots");
        Writer { rows, slots, current, words, free: None }
    }

    pub(super) fn current(&self) -> u64 {
        self.current
    }

    /// The slot to write next, and the word to publish it by. `None` when readers have pinned all others.
    pub(super) fn next(&mut self, rows: &impl Words) -> Option<(usize, u64)> {
        if self.free.is_none() {
            self.look(rows, ENDED);
        }
        let slot = self.free?;
        Some((slot, word(version_of(self.current) + 1, slot)))
    }

    /// Takes what only views that ended have pinned. `everywhere` makes a fence in all readers, or says that it cannot.
    pub(super) fn reclaim(&mut self, rows: &impl Words, everywhere: impl FnOnce() -> bool) {
        // A reader that comes after the fence sees that the word is no longer current; of one that came before it is seen
        // that the pin has no mark.
        if everywhere() {
            self.look(rows, 0);
        }
    }

    /// Shows what was written into the slot of [`Writer::next`].
    pub(super) fn publish(&mut self, state: &impl Words, rows: &impl Words, word: u64) {
        let slot = slot_of(word);
        debug_assert_eq!(self.free, Some(slot), "only a free slot is written");
        self.words[slot] = word;
        self.current = word;
        // Release: pairs with the Acquire of `pin`; what the slot holds is seen before the word.
        state.store(CURRENT_AT, word, Release);
        self.look(rows, ENDED);
    }

    /// Looks for a free slot. What is free stays so until it is published: no reader can pin what is not current. A pin with a
    /// mark that is not among those `held` is none.
    fn look(&mut self, rows: &impl Words, held: u64) {
        rows.fence("look", SeqCst);
        let mut busy = 1u64 << slot_of(self.current);
        if self.current == 0 {
            busy = 0;
        }
        for row in 0..self.rows.rows {
            // A row gets its owner before its first pin, so that the fence holds for both. Acquire: pairs with the
            // Release of a reader that leaves its row; its reads are done.
            if rows.load(self.rows.owner_at(row), Acquire) == 0 {
                continue;
            }
            for pin in 0..self.rows.pins {
                // Acquire: pairs with the Release of `unpin` and `pin`; the reader's reads are done.
                let pin = rows.load(self.rows.pin_at(row, pin), Acquire);
                let word = pin & !held;
                let slot = slot_of(word);
                if word != 0 && slot < self.slots && self.words[slot] == word {
                    busy |= 1 << slot;
                }
            }
        }
        // The first one: what was written lately is in the cache.
        let free = (!busy).trailing_zeros() as usize;
        self.free = (free < self.slots).then_some(free);
    }

    /// A bug for the model to find: takes the slot after the current one for free without looking.
    #[cfg(all(test, unix))]
    pub(super) fn believe_free(&mut self) {
        self.free = Some((slot_of(self.current) + 1) % self.slots);
    }
}
