//! The one process that publishes.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Error;
use super::layout::{
    self, PAYLOAD_AT, PINS, READERS, ROWS, ROWS_BYTES, STATE, Shape, Slots, TABLE,
};
use super::slots::{self, SLOTS_MAX, Writer};
use crate::segment::alive::{Lock, Process};
use crate::segment::{Made, Place, Segment, What, Words};
use crate::system;
use crate::system::named::NAMES_FOLLOW_MEMORY;

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It is current, as this version.
    Version(u64),
    /// Living readers have pinned all slots: nothing is new. Publish what is newest then, later.
    NoSlot,
}

/// Publishes states to readers of other processes.
#[derive(Debug)]
pub struct Publisher {
    // Closed first: readers look for the rows of a state that is open.
    state: Segment,
    rows: Segment,
    place: Place,
    slots: Slots,
    writer: Writer,
}

impl Publisher {
    /// Becomes the publisher of an instance. What a killed one left is gone on with, if it has this shape.
    pub fn create(place: &Place, shape: Shape) -> Result<Publisher, Error> {
        let Shape { slots, capacity } = shape;
        let refused = || Error::Shape { slots, capacity };
        let bytes = shape.bytes().ok_or_else(refused)?;
        let slots = Slots::of(shape).ok_or_else(refused)?;
        let (rows, made) = Segment::create(place, READERS, ROWS_BYTES, layout::are_rows)?;
        if made == Made::Fresh {
            layout::write_rows(rows.memory());
        }
        let fences = system::fence_everywhere();
        rows.set_ready();
        // Where names last as long as their readers, nobody has other rows.
        let none_else = made == Made::Fresh && NAMES_FOLLOW_MEMORY;
        let fits = |state: &_| {
            let current = layout::current(state);
            let is_whole = current == 0 || slots.length(state, current).is_some();
            // Pins in other rows would not be seen.
            (none_else || layout::rows_made(state) == rows.made())
                && layout::fences(state) == fences
                && is_whole
                && Slots::read(state, bytes).is_some_and(|found| found.shape == shape)
        };
        let (state, made) = Segment::create(place, STATE, bytes, fits)?;
        if made == Made::Fresh {
            slots.write(state.memory(), fences);
        }
        layout::set_rows_made(state.memory(), rows.made());
        state.set_ready();
        let mut words = [0; SLOTS_MAX];
        for (slot, word) in words.iter_mut().enumerate().take(shape.slots) {
            *word = state.memory().load(slots.at(slot) + layout::WORD_AT, Relaxed);
        }
        let current = layout::current(state.memory());
        let writer = Writer::of(TABLE, shape.slots, current, words);
        Ok(Publisher { state, rows, place: place.clone(), slots, writer })
    }

    /// Publishes a copy of these bytes.
    pub fn publish(&mut self, bytes: &[u8]) -> Result<Published, Error> {
        let Some((slot, word)) = self.slot_for(bytes.len())? else { return Ok(Published::NoSlot) };
        self.state.memory().copy_in(self.slots.at(slot) + PAYLOAD_AT, bytes);
        Ok(self.show(slot, word, bytes.len()))
    }

    /// Publishes so many bytes that are written in place. They hold what was published there before, or zeroes.
    pub fn publish_in_place(
        &mut self,
        length: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<Published, Error> {
        let Some((slot, word)) = self.slot_for(length)? else { return Ok(Published::NoSlot) };
        let at = self.slots.at(slot) + PAYLOAD_AT;
        // SAFETY: the slot is not current and not pinned, so that no reader reads there; this is the only
        // publisher, by its lock, and `self` is borrowed for as long as the slice.
        write(unsafe { self.state.memory().bytes_mut(at, length) });
        Ok(self.show(slot, word, length))
    }

    fn slot_for(&mut self, length: usize) -> Result<Option<(usize, u64)>, Error> {
        let capacity = self.slots.shape.capacity;
        if length > capacity {
            return Err(Error::TooLarge { capacity, need: length });
        }
        if let Some(next) = self.writer.next(self.rows.memory()) {
            return Ok(Some(next));
        }
        // What readers have no view of, and keep only since they may come back to it.
        self.writer.reclaim(self.rows.memory(), system::fence_everywhere);
        if let Some(next) = self.writer.next(self.rows.memory()) {
            return Ok(Some(next));
        }
        self.free_rows_of_the_dead()?;
        Ok(self.writer.next(self.rows.memory()))
    }

    fn show(&mut self, slot: usize, word: u64, length: usize) -> Published {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (state, at) = (self.state.memory(), self.slots.at(slot));
        state.store(at + layout::WORD_AT, word, Relaxed);
        state.store(at + layout::LENGTH_AT, length as u64, Relaxed);
        let time = u64::try_from(since.as_nanos()).unwrap_or_default();
        state.store(at + layout::TIME_AT, time, Relaxed);
        self.writer.publish(state, self.rows.memory(), word);
        Published::Version(slots::version_of(word))
    }

    /// Frees the rows of readers that are dead, by proof, and says how many. It asks the system; publishing does it
    /// when there is no slot left.
    pub fn free_rows_of_the_dead(&mut self) -> Result<usize, Error> {
        let rows = self.rows.memory();
        let mut freed = 0;
        for row in 0..ROWS {
            let owner = rows.load(TABLE.owner_at(row), Acquire);
            let Some(process) = Process::of_word(owner) else { continue };
            let lock = Lock::of_row(&self.place, What::Rows, row as u32);
            let Some(_proof) = lock.take_from(process)? else { continue };
            for pin in 0..PINS {
                rows.store(TABLE.pin_at(row, pin), 0, Release);
            }
            rows.store(TABLE.owner_at(row), 0, Release);
            freed += 1;
        }
        Ok(freed)
    }

    /// What is current; 0 before anything was published.
    pub fn version(&self) -> u64 {
        slots::version_of(self.writer.current())
    }

    /// How many slots, and how large.
    pub fn shape(&self) -> Shape {
        self.slots.shape
    }
}
