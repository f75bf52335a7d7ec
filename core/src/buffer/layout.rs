//! Where everything stands in the memory of a buffer; `docs/format.md` has the same in a table.

use super::{Error, Options};

/// Words of the header, after the preamble that every segment has.
pub(super) mod header {
    /// `chunk_bytes:32` low, `chunk_count:32` high.
    pub(crate) const CHUNKS: usize = 8;
    pub(crate) const ROWS: usize = 9;
    /// In bytes.
    pub(crate) const DATA: usize = 10;
}

/// Words of a row of the writer table.
pub(super) mod row {
    pub(crate) const WORDS: usize = 8;
    /// `epoch` shifted by one, and 1 while it has an owner.
    pub(crate) const OWNER: usize = 0;
    /// Number and start of its process.
    pub(crate) const PROCESS: usize = 1;
    /// Records that were appended, said when a chunk is full.
    pub(crate) const APPENDED: usize = 2;
    /// Records for which there was no chunk.
    pub(crate) const DROPPED: usize = 3;
    /// 1 when the writer has no fence of its own after a commit: who waits must make it have one.
    pub(crate) const UNFENCED: usize = 4;
}

/// The bell, a memory of its own: the only one that a reader changes.
pub(super) mod bell {
    /// Its one word, after the preamble: the rings, above the flag.
    pub(crate) const WORD: usize = 8;
    /// Set while somebody waits.
    pub(crate) const WAITING: u64 = 1;
    pub(crate) const BYTES: usize = 128;
}

pub(super) const ROWS: usize = 64;
pub(super) const CHUNK_HEADER_BYTES: usize = 64;
pub(super) const RECORD_HEADER_BYTES: usize = 24;

/// Flags of a record: a record in one piece has both.
pub(super) const FIRST: u8 = 1;
pub(super) const LAST: u8 = 2;
/// Before the bytes of each fragment of a record in several pieces: where they belong, and how many there are.
pub(super) const FRAGMENT_HEADER_BYTES: usize = 8;

/// Sizes and places, in words. Checked once; indices made from it are inside of the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(super) chunk_bytes: usize,
    pub(super) chunk_count: usize,
    pub(super) rows: usize,
    pub(super) head: usize,
    pub(super) table: usize,
    pub(super) directory: usize,
    pub(super) data: usize,
}

impl Shape {
    pub(super) fn of(options: &Options) -> Result<Shape, Error> {
        let (chunk_bytes, chunk_count) =
            (options.chunk_bytes as usize, options.chunk_count as usize);
        let possible = chunk_bytes.is_power_of_two()
            && (4 << 10..=16 << 20).contains(&chunk_bytes)
            && (4..=1 << 16).contains(&chunk_count);
        if !possible {
            return Err(Error::Options(*options));
        }
        let data = (8192 + 8 * chunk_count).next_multiple_of(64 << 10);
        Ok(Shape {
            chunk_bytes,
            chunk_count,
            rows: ROWS,
            head: 128 / 8,
            table: 4096 / 8,
            directory: 8192 / 8,
            data: data / 8,
        })
    }

    /// Of all of it.
    pub(super) fn bytes(&self) -> usize {
        8 * self.data + self.chunk_count * self.chunk_bytes
    }

    /// The longest record: a tenth of the buffer, so that it does not push out what it belongs to.
    pub(super) fn longest(&self) -> usize {
        (self.chunk_count * self.chunk_bytes / 10).min(u32::MAX as usize)
    }

    pub(super) fn row(&self, number: usize) -> usize {
        self.table + number * row::WORDS
    }

    pub(super) fn slot(&self, slot: usize) -> usize {
        self.directory + slot
    }

    /// The first word of a chunk: `lap:32` high, `bytes:32` low, that count.
    pub(super) fn chunk(&self, slot: usize) -> usize {
        self.data + slot * (self.chunk_bytes / 8)
    }

    /// Slot and lap of the number that a writer took from the head. `None` when there are no more laps.
    pub(super) fn place(&self, number: u64) -> Option<(usize, u32)> {
        let count = self.chunk_count as u64;
        let lap = u32::try_from(number / count + 1).ok()?;
        Some(((number % count) as usize, lap))
    }

    /// The number of a chunk; `None` for lap 0, which is no lap.
    pub(super) fn number(&self, slot: usize, lap: u32) -> Option<u64> {
        Some(u64::from(lap.checked_sub(1)?) * self.chunk_count as u64 + slot as u64)
    }
}

/// A writer: the row of the table that is or was its own, and how many had it before, modulo 2^25.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriterId(pub(super) u32);

impl WriterId {
    pub(super) const EPOCHS: u32 = 1 << 25;

    pub(super) fn new(row: usize, epoch: u32) -> WriterId {
        WriterId((epoch % Self::EPOCHS) << 6 | row as u32)
    }

    /// Row of the writer table.
    pub fn row(self) -> usize {
        (self.0 & 63) as usize
    }

    /// How many writers had the row before.
    pub fn epoch(self) -> u32 {
        self.0 >> 6
    }
}

/// A word of the directory: who took a chunk, in which lap, and whether it may still write there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) lap: u32,
    pub(super) owner: WriterId,
    pub(super) open: bool,
}

impl Taken {
    pub(super) fn word(self) -> u64 {
        u64::from(self.lap) << 32 | u64::from(self.owner.0) << 1 | u64::from(self.open)
    }

    pub(super) fn of(word: u64) -> Taken {
        Taken { lap: (word >> 32) as u32, owner: WriterId(word as u32 >> 1), open: word & 1 == 1 }
    }
}

/// The first word of a chunk.
pub(super) fn committed(lap: u32, bytes: usize) -> u64 {
    u64::from(lap) << 32 | bytes as u64
}

/// Lap and bytes of the first word of a chunk.
pub(super) fn lap_and_bytes(word: u64) -> (u32, usize) {
    ((word >> 32) as u32, word as u32 as usize)
}

/// Bytes of as many words as hold so many, which are those of a slice.
#[inline(always)]
pub(super) fn whole_words(bytes: usize) -> usize {
    (bytes + 7) & !7
}
