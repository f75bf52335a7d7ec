//! Words of memory that other processes change, and every place where the order of their changes matters.
//!
//! The ring is written once over [`Words`] and [`SharedWords`]. In production they are the words of a
//! segment or of private memory; in the models of `tests_loom.rs` they are loom's, where one [`Site`] at a
//! time is weakened, and the model must then fail.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::segment;

/// Where the order of memory matters. What each pairs with stands here, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site {
    /// Nothing is told by this access but the word itself; or an ordering beside it tells the rest.
    Plain,
    /// Taking a number from the head: a reader that sees it ([`Site::SeeHead`]) sees every chunk that this
    /// writer took before, and all that it wrote there.
    TakeNumber,
    /// See [`Site::TakeNumber`].
    SeeHead,
    /// Taking a chunk: who sees that it is taken ([`Site::SeeChunk`]) sees the row of who took it.
    TakeChunk,
    /// Closing a chunk: who takes it ([`Site::SeeChunk`]) comes after all that was done with it.
    CloseChunk,
    /// See [`Site::TakeChunk`] and [`Site::CloseChunk`].
    SeeChunk,
    /// A fence after the lap of a chunk and before its records: a reader that copied a word of the new lap
    /// sees that lap ([`Site::Copied`]).
    NewLap,
    /// A fence after a copy and before the second look at the lap; see [`Site::NewLap`].
    Copied,
    /// The record stands before its end is said ([`Site::SeeCommit`]).
    Commit,
    /// See [`Site::Commit`].
    SeeCommit,
    /// How many records a writer has appended, said after the last of them ([`Site::SeeCount`]).
    Count,
    /// See [`Site::Count`].
    SeeCount,
    /// A fence after a commit and before the look at who waits ([`Site::Waiting`]): either the writer sees
    /// that somebody waits, or who waits sees the record.
    Committed,
    /// A fence after saying that one waits and before the last look for records; see [`Site::Committed`].
    Waiting,
    /// The words of a row, before the word that says whose they are; and all that was done with it before it is
    /// free again.
    Register,
    /// See [`Site::Register`].
    SeeRegistered,
}

impl Site {
    /// The order of an access here in production.
    #[inline(always)]
    pub(crate) const fn ordering(self) -> Ordering {
        match self {
            Site::Plain => Ordering::Relaxed,
            Site::TakeNumber
            | Site::TakeChunk
            | Site::CloseChunk
            | Site::Commit
            | Site::Count
            | Site::Register
            | Site::NewLap => Ordering::Release,
            Site::SeeHead
            | Site::SeeChunk
            | Site::SeeCommit
            | Site::SeeCount
            | Site::SeeRegistered
            | Site::Copied => Ordering::Acquire,
            Site::Committed | Site::Waiting => Ordering::SeqCst,
        }
    }
}

/// Words that can be read.
pub(crate) trait Words {
    fn load(&self, at: usize, site: Site) -> u64;
    fn fence(&self, site: Site);
    /// Copies words from `at` on, as many as the bytes have; in no order.
    fn copy(&self, at: usize, bytes: &mut [u8]);
    /// The words around `at` are used soon. Nothing follows from it.
    fn prefetch(&self, _at: usize) {}
}

/// Words that can be written as well.
pub(crate) trait SharedWords: Words {
    fn store(&self, at: usize, value: u64, site: Site);
    /// The old word, as `Err` where it was not the expected one.
    fn exchange(&self, at: usize, expected: u64, new: u64, site: Site) -> Result<u64, u64>;
    fn fetch_add(&self, at: usize, value: u64, site: Site) -> u64;
    /// Writes bytes from the word at `at` on, with zeros to the end of the last one; in no order.
    fn fill(&self, at: usize, bytes: &[u8]);
}

impl Words for [AtomicU64] {
    #[inline(always)]
    fn load(&self, at: usize, site: Site) -> u64 {
        self[at].load(site.ordering())
    }

    #[inline(always)]
    fn fence(&self, site: Site) {
        fence(site.ordering());
    }

    #[inline]
    fn copy(&self, at: usize, bytes: &mut [u8]) {
        segment::copy_words(&self[at..at + bytes.len() / 8], bytes);
    }

    #[inline(always)]
    fn prefetch(&self, at: usize) {
        segment::prefetch(self, at);
    }
}

impl SharedWords for [AtomicU64] {
    #[inline(always)]
    fn store(&self, at: usize, value: u64, site: Site) {
        self[at].store(value, site.ordering());
    }

    #[inline(always)]
    fn exchange(&self, at: usize, expected: u64, new: u64, site: Site) -> Result<u64, u64> {
        self[at].compare_exchange(expected, new, site.ordering(), Ordering::Relaxed)
    }

    #[inline(always)]
    fn fetch_add(&self, at: usize, value: u64, site: Site) -> u64 {
        self[at].fetch_add(value, site.ordering())
    }

    #[inline(always)]
    fn fill(&self, at: usize, bytes: &[u8]) {
        let words = &self[at..at + bytes.len().div_ceil(8)];
        let (whole, rest) = bytes.as_chunks::<8>();
        for (word, bytes) in words.iter().zip(whole) {
            word.store(u64::from_le_bytes(*bytes), Ordering::Relaxed);
        }
        if let (Some(last), false) = (words.last(), rest.is_empty()) {
            // Not copied: that would be a call, for which all that is at hand were put aside, in every append.
            let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            last.store(word, Ordering::Relaxed);
        }
    }
}
