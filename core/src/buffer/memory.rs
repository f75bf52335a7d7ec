//! The memory that a buffer stands in, its bell, and the table of its writers.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::append::Liveness;
use super::layout::{self, Shape, WriterId, bell, header, row, state};
use super::words::{SharedWords, Site, Words};
use super::{Error, Options};
use crate::system;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Memory {
    shape: Shape,
    words: Box<[AtomicU64]>,
    bell: Box<[AtomicU64]>,
}

/// Words that are only read.
pub(super) struct Readable<'a>(&'a [AtomicU64]);

impl Words for Readable<'_> {
    #[inline(always)]
    fn load(&self, at: usize, site: Site) -> u64 {
        self.0.load(at, site)
    }

    #[inline(always)]
    fn fence(&self, site: Site) {
        self.0.fence(site);
    }

    #[inline]
    fn copy(&self, at: usize, bytes: &mut [u8]) {
        self.0.copy(at, bytes);
    }
}

impl Memory {
    pub(super) fn private(options: &Options) -> Result<Memory, Error> {
        let shape = Shape::of(options)?;
        let memory = Memory { shape, words: zeros(shape.bytes()), bell: zeros(bell::BYTES) };
        memory.initialize(options);
        Ok(memory)
    }

    fn initialize(&self, options: &Options) {
        let words = self.writable();
        let two = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let sizes = two(layout::ABI, options.chunk_bytes);
        words.store(header::ABI_AND_CHUNK_BYTES, sizes, Site::Plain);
        let counts = two(options.chunk_count, layout::ROWS as u32);
        words.store(header::CHUNK_COUNT_AND_ROWS, counts, Site::Plain);
        words.store(header::DATA, 8 * self.shape.data as u64, Site::Plain);
        words.store(header::MAGIC, layout::MAGIC, Site::Plain);
        words.store(header::STATE, state::READY, Site::Register);
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    #[inline(always)]
    pub(super) fn writable(&self) -> &[AtomicU64] {
        &self.words
    }

    #[inline(always)]
    pub(super) fn readable(&self) -> Readable<'_> {
        Readable(&self.words)
    }

    #[inline(always)]
    pub(super) fn bell(&self) -> &[AtomicU64] {
        &self.bell
    }

    pub(super) fn wake(&self) {
        system::wake_all(&self.bell[bell::WORD]);
    }

    pub(super) fn sleep(&self, seen: u64, limit: Duration) {
        system::sleep_on(&self.bell[bell::WORD], seen, limit);
    }

    /// A fence here, and in every process whose writers have none of their own.
    pub(super) fn fence_everywhere(&self) {
        self.readable().fence(Site::Waiting);
        system::fence_everywhere();
    }

    /// Takes a row of the table. Whether the writer needs no fence of its own.
    pub(super) fn register(&self) -> Result<(WriterId, bool), Error> {
        let words = self.writable();
        for number in 0..self.shape.rows {
            let at = self.shape.row(number);
            let old = words.load(at + row::OWNER, Site::SeeRegistered);
            if old & 1 == 1 {
                continue;
            }
            // Taken, but nobody's yet: a reader must not take the count of who had it for the next one's.
            if words.exchange(at + row::OWNER, old, old | 1, Site::SeeRegistered).is_err() {
                continue;
            }
            let unfenced = system::join_fences();
            words.store(at + row::APPENDED, 0, Site::Plain);
            words.store(at + row::DROPPED, 0, Site::Plain);
            words.store(at + row::UNFENCED, u64::from(unfenced), Site::Plain);
            let epoch = ((old >> 1) as u32 + 1) % WriterId::EPOCHS;
            words.store(at + row::OWNER, u64::from(epoch) << 1 | 1, Site::Register);
            return Ok((WriterId::new(number, epoch), unfenced));
        }
        Err(Error::NoRow)
    }

    /// Gives a row back; its count stays for readers.
    pub(super) fn deregister(&self, id: WriterId) {
        let at = self.shape.row(id.row());
        let free = u64::from(id.epoch()) << 1;
        self.writable().store(at + row::OWNER, free, Site::Register);
    }
}

impl Liveness for Memory {
    /// A writer of this process closes its chunk when it ends.
    fn is_dead(&self, _: WriterId) -> bool {
        false
    }
}

fn zeros(bytes: usize) -> Box<[AtomicU64]> {
    (0..bytes / 8).map(|_| AtomicU64::new(0)).collect()
}
