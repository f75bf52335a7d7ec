//! A process that reads what is published, in place.

use std::cell::Cell;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::compiler_fence;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Error;
use super::layout::{self, PAYLOAD_AT, PINS, READERS, ROWS, STATE, Slots, TABLE};
use super::slots::{self, CURRENT_AT};
use crate::segment::alive::{Held, Lock, Process};
use crate::segment::{self, Place, Segment, State, What, Words};
use crate::system;

/// What a reader knows of a pin of its row.
#[derive(Debug, Default)]
struct Pin {
    /// A view has it.
    is_used: Cell<bool>,
    /// What it holds: the current word of when it was pinned, 0 for nothing. Without a view it was left by [`slots::end`].
    word: Cell<u64>,
    /// Of the payload.
    length: Cell<usize>,
}

/// How often a state is opened again that its owner makes anew meanwhile.
const TRIES: usize = 10;

/// Reads states that a process of this user publishes. For one thread at a time; others open their own.
#[derive(Debug)]
pub struct Reader {
    state: Segment,
    rows: Segment,
    place: Place,
    slots: Slots,
    row: usize,
    pins: [Pin; PINS],
    /// Fences of the publisher reach this process, so that views end by [`slots::end`].
    is_fenced: bool,
    /// Says that the owner of the row lives.
    _lock: Held,
}

impl Reader {
    /// Opens what is published in an instance; takes one of [`super::ROWS`] rows.
    pub fn open(place: &Place) -> Result<Reader, Error> {
        for _ in 0..TRIES {
            let state = Segment::open_read_only(place, STATE)?;
            let rows = Segment::open(place, READERS)?;
            let name = state.name().to_owned();
            let damaged = || Error::Damaged { name: name.clone() };
            let slots = Slots::read(state.memory(), state.length()).ok_or_else(damaged)?;
            if rows.length() != layout::ROWS_BYTES || !layout::are_rows(rows.memory()) {
                return Err(damaged());
            }
            // Otherwise one of them was made anew meanwhile.
            if layout::rows_made(state.memory()) == rows.made() && state.state() == State::Ready {
                let (row, lock) = take_row(place, &rows)?;
                let is_fenced = layout::fences(state.memory()) && system::join_fences();
                return Ok(Reader {
                    state,
                    rows,
                    place: place.clone(),
                    slots,
                    row,
                    pins: Default::default(),
                    is_fenced,
                    _lock: lock,
                });
            }
        }
        Err(segment::Error::NotReady { name: place.name(What::State) }.into())
    }

    /// Pins what is current. `None` before anything is published.
    #[inline(always)]
    pub fn pin(&self) -> Result<Option<View<'_>>, Error> {
        let pin = if self.pin_again() { Some(0) } else { self.pin_anew()? };
        Ok(pin.map(|pin| View { reader: self, pin }))
    }

    /// Pins by the first pin what it held before. Whether that is current.
    #[inline(always)]
    fn pin_again(&self) -> bool {
        let Pin { is_used, word, .. } = &self.pins[0];
        // Ordering: partner of the fence that the publisher has made in all readers before it reclaims.
        let fence = || compiler_fence(SeqCst);
        let (state, rows) = (self.state.memory(), self.rows.memory());
        let can = !is_used.get() && word.get() != 0;
        let done = can && slots::pin_again(state, rows, self.pin_at(0), word.get(), fence);
        if done {
            is_used.set(true);
        }
        done
    }

    /// Pins what is current, by a pin that no view has. Which one that is; `None` before anything is published.
    #[inline(never)]
    fn pin_anew(&self) -> Result<Option<usize>, Error> {
        let is_free = |pin: &Pin| !pin.is_used.get();
        let pin = self.pins.iter().position(is_free).ok_or(Error::TooManyViews)?;
        self.pins[pin].word.set(0);
        let (state, rows, pin_at) = (self.state.memory(), self.rows.memory(), self.pin_at(pin));
        // The lines that are read first come while the fence is waited for. A hint: nothing is believed of it.
        let slot = self.slots.at(slots::slot_of(layout::current(state))) / 8;
        segment::prefetch(state.words(), slot);
        segment::prefetch(state.words(), slot + PAYLOAD_AT / 8);
        let Some(word) = slots::pin(state, rows, pin_at) else { return Ok(None) };
        let Some(length) = self.slots.length(state, word) else {
            slots::unpin(rows, pin_at);
            return Err(Error::Damaged { name: self.state.name().to_owned() });
        };
        let held = &self.pins[pin];
        held.is_used.set(true);
        held.word.set(word);
        held.length.set(length);
        Ok(Some(pin))
    }

    #[inline(always)]
    fn pin_at(&self, pin: usize) -> usize {
        TABLE.pin_at(self.row, pin)
    }

    /// The version that is current, without pinning it; 0 before anything is published.
    #[inline]
    pub fn version(&self) -> u64 {
        slots::version_of(self.state.memory().load(CURRENT_AT, Acquire))
    }

    /// Whether its publisher ended, or made another state: open another reader then. Views stay as they are.
    pub fn is_closed(&self) -> bool {
        self.state.state() == State::Closed
    }

    /// Whether its publisher lives. When it was killed, what it published last stays.
    pub fn is_published(&self) -> Result<bool, Error> {
        Ok(!self.is_closed() && self.state.is_owned(&self.place)?)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let rows = self.rows.memory();
        // Views borrow the reader: none is left, unless one was forgotten.
        for pin in 0..PINS {
            rows.store(TABLE.pin_at(self.row, pin), 0, Release);
        }
        rows.store(TABLE.owner_at(self.row), 0, Release);
    }
}

/// A row whose lock is free, and whose owner is nobody, or dead.
fn take_row(place: &Place, rows: &Segment) -> Result<(usize, Held), Error> {
    let memory = rows.memory();
    for row in 0..ROWS {
        let at = TABLE.owner_at(row);
        let before = memory.load(at, Acquire);
        let lock = Lock::of_row(place, What::Rows, row as u32);
        let taken = match Process::of_word(before) {
            Some(owner) => lock.take_from(owner)?,
            None => lock.take()?,
        };
        let Some(lock) = taken else { continue };
        for pin in 0..PINS {
            memory.store(TABLE.pin_at(row, pin), 0, Release);
        }
        // A reader that cannot lock may come first.
        let own = Process::own().to_word();
        if memory.compare_exchange(at, before, own, Release, Relaxed).is_ok() {
            return Ok((row, lock));
        }
    }
    Err(segment::Error::NoRow { rows: ROWS as u32, what: "readers" }.into())
}

/// A state that was pinned: its bytes stay as they are until this is dropped.
#[derive(Debug)]
pub struct View<'a> {
    reader: &'a Reader,
    pin: usize,
}

impl View<'_> {
    /// What was published.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let at = self.at() + PAYLOAD_AT;
        // SAFETY: the slot is pinned until `self` is dropped, and no publisher writes to a pinned slot; other
        // programs do not write to the user's state, as the module says. The length was checked when it was pinned.
        unsafe { self.reader.state.memory().bytes(at, self.held().length.get()) }
    }

    /// Counts what was published.
    pub fn version(&self) -> u64 {
        slots::version_of(self.held().word.get())
    }

    /// When it was published.
    pub fn time(&self) -> SystemTime {
        let time = self.reader.state.memory().load(self.at() + layout::TIME_AT, Relaxed);
        UNIX_EPOCH + Duration::from_nanos(time)
    }

    /// Whether nothing newer is published.
    pub fn is_current(&self) -> bool {
        self.reader.version() == self.version()
    }

    #[inline]
    fn at(&self) -> usize {
        self.reader.slots.at(slots::slot_of(self.held().word.get()))
    }

    #[inline]
    fn held(&self) -> &Pin {
        &self.reader.pins[self.pin]
    }
}

impl Drop for View<'_> {
    #[inline]
    fn drop(&mut self) {
        let View { reader, pin } = *self;
        let (rows, pin_at, held) = (reader.rows.memory(), reader.pin_at(pin), self.held());
        if reader.is_fenced {
            slots::end(rows, pin_at, held.word.get());
        } else {
            slots::unpin(rows, pin_at);
            held.word.set(0);
        }
        held.is_used.set(false);
    }
}
