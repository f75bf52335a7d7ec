//! Where everything stands in the state and in the rows; all little-endian, after the preamble of a segment.
//!
//! ```text
//! state:
//!   64   slots      u32
//!   68   nothing    u32
//!   72   stride     u64: bytes from a slot to the next
//!   80   capacity   u64: bytes of a payload at most
//!   88   rows       u64: when the rows were made that belong to it
//!   96   fences     u64: 1 if its publisher can make a fence in all readers; else pins end by 0
//!   128  current    u64: version << 8 | slot; 0 before anything is published
//!   16384 + slot * stride:
//!     0   word      u64: what `current` is when the slot is
//!     8   length    u64: bytes of the payload
//!     16  time      u64: of publishing, nanoseconds since 1970
//!     24  nothing, to 64
//!     64  payload
//! rows:
//!   64   rows       u32
//!   68   pins       u32: of a row
//!   4096 + row * 64:
//!     0   owner     u64: number and start of the reader's process, 0 for nobody
//!     8   pins      7 u64: words of the state, 0 for none
//! ```

use std::sync::atomic::Ordering::Relaxed;

use super::slots::{self, CURRENT_AT, ROW_BYTES, ROW_WORDS, Rows, SLOTS_MAX};
use crate::segment::{Kind, Memory, What, Words};

pub(super) const STATE: Kind = Kind { what: What::State, magic: *b"AIOSSTAT", version: 1 };
pub(super) const READERS: Kind = Kind { what: What::Rows, magic: *b"AIOSROWS", version: 1 };

/// Readers at once.
pub const ROWS: usize = 128;
/// Views of one reader at once.
pub const PINS: usize = ROW_WORDS - 1;

const SLOTS_AT: usize = 64;
const STRIDE_AT: usize = 72;
const CAPACITY_AT: usize = 80;
const ROWS_MADE_AT: usize = 88;
const FENCES_AT: usize = 96;
const FIRST_SLOT_AT: usize = 16384;

/// In a slot.
pub(super) const WORD_AT: usize = 0;
pub(super) const LENGTH_AT: usize = 8;
pub(super) const TIME_AT: usize = 16;
pub(super) const PAYLOAD_AT: usize = 64;

const ROW_COUNT_AT: usize = 64;
const FIRST_ROW_AT: usize = 4096;

/// Slots begin at pages, so that a copy into one is as fast as any.
const PAGE: usize = 4096;

pub(super) const TABLE: Rows = Rows { at: FIRST_ROW_AT, rows: ROWS, pins: PINS };
pub(super) const ROWS_BYTES: usize = FIRST_ROW_AT + ROWS * ROW_BYTES;

/// How many slots, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// From 2 to 64: one is current, one is written, and readers may keep so many older ones as are left.
    pub slots: usize,
    /// Bytes of what is published at most.
    pub capacity: usize,
}

impl Default for Shape {
    /// Six older states may be kept by readers; a mebibyte is about 1,000 environments.
    fn default() -> Shape {
        Shape { slots: 8, capacity: 1 << 20 }
    }
}

impl Shape {
    /// `None` for a shape that no state has.
    pub(super) fn stride(self) -> Option<usize> {
        let is_one = (2..=SLOTS_MAX).contains(&self.slots) && self.capacity > 0;
        let stride = self.capacity.checked_add(PAYLOAD_AT)?.checked_next_multiple_of(PAGE)?;
        is_one.then_some(stride)
    }

    /// Bytes of the whole segment.
    pub(super) fn bytes(self) -> Option<usize> {
        self.stride()?.checked_mul(self.slots)?.checked_add(FIRST_SLOT_AT)
    }
}

/// The slots of a state whose shape was checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots {
    pub(super) shape: Shape,
    stride: usize,
}

impl Slots {
    /// Of a shape that fits; checked by [`Shape::stride`].
    pub(super) fn of(shape: Shape) -> Option<Slots> {
        Some(Slots { shape, stride: shape.stride()? })
    }

    /// As a state of so many bytes says of itself.
    pub(super) fn read(state: &Memory, bytes: usize) -> Option<Slots> {
        let slots = usize::try_from(state.load(SLOTS_AT, Relaxed)).ok()?;
        let capacity = usize::try_from(state.load(CAPACITY_AT, Relaxed)).ok()?;
        let shape = Shape { slots, capacity };
        let found = Slots::of(shape)?;
        let is_right = state.load(STRIDE_AT, Relaxed) == found.stride as u64
            && shape.bytes() == Some(bytes)
            && bytes <= state.length();
        is_right.then_some(found)
    }

    pub(super) fn write(self, state: &Memory, fences: bool) {
        state.store(SLOTS_AT, self.shape.slots as u64, Relaxed);
        state.store(STRIDE_AT, self.stride as u64, Relaxed);
        state.store(CAPACITY_AT, self.shape.capacity as u64, Relaxed);
        state.store(FENCES_AT, u64::from(fences), Relaxed);
    }

    pub(super) fn at(self, slot: usize) -> usize {
        FIRST_SLOT_AT + slot * self.stride
    }

    /// The length of a payload, of a slot that says so rightly.
    #[inline]
    pub(super) fn length(self, state: &Memory, word: u64) -> Option<usize> {
        let slot = slots::slot_of(word);
        if slot >= self.shape.slots {
            return None;
        }
        let at = self.at(slot);
        let length = usize::try_from(state.load(at + LENGTH_AT, Relaxed)).ok()?;
        let is_right = length <= self.shape.capacity && state.load(at + WORD_AT, Relaxed) == word;
        is_right.then_some(length)
    }
}

/// When the rows were made that a state belongs to.
pub(super) fn rows_made(state: &Memory) -> u64 {
    state.load(ROWS_MADE_AT, Relaxed)
}

pub(super) fn set_rows_made(state: &Memory, made: u64) {
    state.store(ROWS_MADE_AT, made, Relaxed);
}

/// Whether its publisher can make a fence in all readers.
pub(super) fn fences(state: &Memory) -> bool {
    state.load(FENCES_AT, Relaxed) == 1
}

pub(super) fn current(state: &Memory) -> u64 {
    // Nothing is read by it.
    state.load(CURRENT_AT, Relaxed)
}

pub(super) fn write_rows(rows: &Memory) {
    rows.store(ROW_COUNT_AT, ROWS as u64 | (PINS as u64) << 32, Relaxed);
}

pub(super) fn are_rows(rows: &Memory) -> bool {
    rows.load(ROW_COUNT_AT, Relaxed) == ROWS as u64 | (PINS as u64) << 32
}
