//! The context buffer: a ring of chunks in memory that processes share, with many writers, and readers that
//! may come late and read what was.
//!
//! Each chunk has one owner at a time, who alone writes there and says after each record how much counts.
//! So a record costs no exchange with other writers, a writer that is killed leaves what it committed, and
//! one that is stopped holds up nobody. What is overwritten before a reader came to it is a gap of so many
//! records. `docs/format.md` has every byte.
//!
//! ```
//! use aios_core::buffer::{ContextBuffer, Item, Kind, Options, Start};
//!
//! let buffer = ContextBuffer::private(&Options { chunk_count: 16, ..Options::default() })?;
//! let mut writer = buffer.writer()?;
//! writer.append(Kind::Opaque(7), b"first")?;
//! writer.append(Kind::Opaque(7), b"second")?;
//!
//! let mut reader = buffer.reader(Start::Oldest);
//! let mut seen = Vec::new();
//! while let Some(item) = reader.next() {
//!     match item {
//!         Item::Record(record) => seen.push(record.bytes.to_vec()),
//!         Item::Gap(gap) => println!("{} records were overwritten", gap.records),
//!     }
//! }
//! assert_eq!(seen, [b"first".to_vec(), b"second".to_vec()]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

mod append;
mod bell;
pub mod event;
#[cfg(test)]
mod hostile;
mod layout;
mod memory;
mod metrics;
mod read;
mod stream;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_hostile;
#[cfg(test)]
mod tests_loom;
#[cfg(test)]
mod tests_named;
mod words;

use append::Appender;
use memory::{Memory, Registered};
use read::Follower;
use words::{Site, Words};

use crate::segment::Place;
use crate::system;

pub use layout::WriterId;
pub use metrics::MetricFrame;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Something happened to an environment; `event` has its bytes.
    Event,
    /// A [`MetricFrame`].
    Metrics,
    /// Bytes of a type that writer and reader agree on.
    Opaque(u16),
    /// A kind that this version does not know.
    Other(u8, u16),
}

impl Kind {
    /// Number and tag, as a record has them.
    fn numbers(self) -> (u8, u16) {
        match self {
            Kind::Event => (1, 0),
            Kind::Metrics => (2, 0),
            Kind::Opaque(tag) => (3, tag),
            Kind::Other(number, tag) => (number, tag),
        }
    }

    fn of(number: u8, tag: u16) -> Kind {
        match (number, tag) {
            (1, 0) => Kind::Event,
            (2, 0) => Kind::Metrics,
            (3, tag) => Kind::Opaque(tag),
            (number, tag) => Kind::Other(number, tag),
        }
    }
}

/// How large a buffer is. Readers and later writers take what they find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// A power of two from 4 KiB to 16 MiB. Each writer has at most one chunk open.
    pub chunk_bytes: u32,
    /// From 4 to 65,536.
    pub chunk_count: u32,
}

impl Default for Options {
    /// 64 MiB.
    fn default() -> Options {
        Options { chunk_bytes: 64 << 10, chunk_count: 1024 }
    }
}

/// Where a reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record that is still there; what is no longer there is a gap.
    Oldest,
    /// With what is appended from now on.
    Now,
}

/// What a reader gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A record.
    Record(Record<'a>),
    /// Records that are missing here.
    Gap(Gap),
}

/// A record as it was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Who appended it.
    pub writer: WriterId,
    /// What it is.
    pub kind: Kind,
    /// When: nanoseconds since 1970, never less than in the record before of the same writer.
    pub time_ns: u64,
    /// Its number among the records of its writer, from 0.
    pub sequence: u64,
    /// What was appended.
    pub bytes: &'a [u8],
}

/// Records of one writer that no reader gets any more: overwritten, or dropped for want of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Whose they were.
    pub writer: WriterId,
    /// How many.
    pub records: u64,
}

/// Why a buffer cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Sizes that cannot be.
    #[error(
        "no buffer has {} chunks of {} bytes: chunks are a power of two from 4 KiB to 16 MiB, and from 4 to 65,536",
        .0.chunk_count, .0.chunk_bytes
    )]
    Options(Options),
    /// There are as many writers as there can be.
    #[error("the buffer has {} writers already, which is the most; end one of them", layout::ROWS)]
    NoRow,
    /// What stands in the memory is no buffer.
    #[error(
        "the shared memory `{0}` is no buffer: {1}; end the programs that use it, and start `aios serve` again"
    )]
    NotABuffer(String, &'static str),
    /// It was opened for reading alone.
    #[error("a buffer that was opened for reading has no writers")]
    ForReading,
    /// There is no such memory.
    #[error(transparent)]
    Segment(#[from] crate::segment::Error),
}

/// Why a record was not appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// It is longer than a tenth of the buffer.
    #[error("a record of this buffer has {most} bytes at most")]
    TooLong {
        /// The longest one.
        most: usize,
    },
    /// Other writers have every chunk open. The record is counted as dropped, and is a gap for readers.
    #[error("every chunk of the buffer is open for another writer; the record was dropped")]
    NoChunk,
}

/// The memory of a buffer; the same for all clones.
#[derive(Debug, Clone)]
pub struct ContextBuffer {
    memory: Arc<Memory>,
}

impl ContextBuffer {
    /// A buffer that no other process sees.
    pub fn private(options: &Options) -> Result<ContextBuffer, Error> {
        Ok(ContextBuffer { memory: Arc::new(Memory::private(options)?) })
    }

    /// Becomes the owner of the buffer of an instance; there is one at a time. What a dead owner left is gone on
    /// with where it has these sizes.
    pub fn create(place: &Place, options: &Options) -> Result<ContextBuffer, Error> {
        Ok(ContextBuffer { memory: Arc::new(Memory::create(place, options)?) })
    }

    /// Opens the buffer of an instance for writers and readers.
    pub fn open(place: &Place) -> Result<ContextBuffer, Error> {
        Ok(ContextBuffer { memory: Arc::new(Memory::open(place)?) })
    }

    /// Opens the buffer of an instance for readers: on Unix nothing but its bell can be written to.
    pub fn open_read_only(place: &Place) -> Result<ContextBuffer, Error> {
        Ok(ContextBuffer { memory: Arc::new(Memory::open_read_only(place)?) })
    }

    /// A private buffer of the bytes of another one, such as a file of shared memory that was kept. The bytes are
    /// untrusted.
    pub fn from_image(bytes: &[u8]) -> Result<ContextBuffer, Error> {
        Ok(ContextBuffer { memory: Arc::new(Memory::of_image(bytes)?) })
    }

    /// The bytes of the buffer as they are now, for [`ContextBuffer::from_image`].
    pub fn image(&self) -> Vec<u8> {
        self.memory.image()
    }

    /// Whether its owner ended, or made another one: what is appended here is not read by who comes later.
    pub fn is_closed(&self) -> bool {
        self.memory.is_closed()
    }

    /// Another writer.
    pub fn writer(&self) -> Result<Writer, Error> {
        let registered = self.memory.register()?;
        let appender = Appender::new(self.memory.shape(), registered.id);
        let memory = Arc::clone(&self.memory);
        Ok(Writer { memory, appender, registered, last_ns: 0, process: system::pid() })
    }

    /// Another reader.
    pub fn reader(&self, start: Start) -> Reader {
        let follower = Follower::new(&self.memory.readable(), self.memory.shape(), start);
        Reader { memory: Arc::clone(&self.memory), follower }
    }
}

/// Appends records. What it appended stays when it is dropped.
#[derive(Debug)]
pub struct Writer {
    memory: Arc<Memory>,
    appender: Appender,
    registered: Registered,
    last_ns: u64,
    /// A forked child has a copy of the writer, and is not the writer.
    process: u32,
}

impl Writer {
    /// Who it is for readers.
    pub fn id(&self) -> WriterId {
        self.appender.id()
    }

    /// Records for which there was no chunk.
    pub fn dropped(&self) -> u64 {
        self.appender.dropped()
    }

    /// Appends a record with the time that it is now. Its number among those of this writer.
    #[inline]
    pub fn append(&mut self, kind: Kind, bytes: &[u8]) -> Result<u64, AppendError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.append_at(kind, bytes, now.as_nanos() as u64)
    }

    /// Appends a record with a time in nanoseconds since 1970. A time before that of the last record is taken
    /// for that one's.
    #[inline(always)]
    pub fn append_at(
        &mut self,
        kind: Kind,
        bytes: &[u8],
        time_ns: u64,
    ) -> Result<u64, AppendError> {
        self.last_ns = self.last_ns.max(time_ns);
        let words = self.memory.writable();
        let done = self.appender.append(words, &*self.memory, kind, bytes, self.last_ns);
        if self.registered.unfenced {
            // Ordering: partner of the barrier in all processes that who waits asks the system for.
            std::sync::atomic::compiler_fence(Site::Committed.ordering());
        } else {
            words.fence(Site::Committed);
        }
        bell::ring(self.memory.bell(), || self.memory.wake());
        done
    }

    /// Appends a frame with the time that it is now.
    pub fn append_metrics(&mut self, frame: &MetricFrame) -> Result<u64, AppendError> {
        self.append(MetricFrame::KIND, &frame.encode())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.process == system::pid() {
            self.appender.close(self.memory.writable());
            self.memory.deregister(&self.registered);
        }
    }
}

/// Reads the records of all writers, in the order of their times as far as they are there when it looks.
#[derive(Debug)]
pub struct Reader {
    memory: Arc<Memory>,
    follower: Follower,
}

impl Reader {
    /// The next record or gap; `None` when there is nothing new.
    #[expect(clippy::should_implement_trait, reason = "an item lends its bytes from the reader")]
    #[inline(always)]
    pub fn next(&mut self) -> Option<Item<'_>> {
        self.follower.next(&self.memory.readable())
    }

    /// Gives every record and gap until there is nothing new. Of many records it is the faster way.
    #[inline]
    pub fn each(&mut self, give: impl FnMut(Item<'_>)) {
        self.follower.each(&self.memory.readable(), give);
    }

    /// Sleeps until there may be something new, and not longer than `limit`. Whether there is.
    pub fn wait(&mut self, limit: Duration) -> bool {
        /// A writer that was not reached may not see that somebody waits.
        const UNSEEN: Duration = Duration::from_millis(1);
        let end = Instant::now().checked_add(limit);
        loop {
            let memory = &self.memory;
            let follower = &mut self.follower;
            let left = end.map_or(limit, |end| end.saturating_duration_since(Instant::now()));
            let reached = Cell::new(false);
            let found = bell::wait(
                memory.bell(),
                || reached.set(memory.fence_everywhere()),
                || follower.has_news(&memory.readable()),
                |seen| memory.sleep(seen, if reached.get() { left } else { left.min(UNSEEN) }),
            );
            if found || left.is_zero() {
                return found;
            }
        }
    }

    /// Whether the owner of the buffer ended, or made another one: what is here is all there will be.
    pub fn is_closed(&self) -> bool {
        self.memory.is_closed()
    }

    /// Records, or pieces of them, that no writer can have written: somebody else wrote to the memory.
    pub fn damaged(&self) -> u64 {
        self.follower.damaged()
    }
}
