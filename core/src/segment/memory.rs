//! A run of bytes that other processes may read and write: words by atomic accesses, bytes by copies.
//!
//! No reference to plain bytes is made here but by [`Memory::bytes`] and [`Memory::bytes_mut`], whose callers
//! say why nobody else is there. Offsets are checked; a wrong one is a programmer's error and panics.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use memmap2::MmapMut;

use super::words::Words;
use crate::system::named::Named;

/// Shared or private memory, mapped.
#[derive(Debug)]
pub struct Memory {
    start: NonNull<u8>,
    length: usize,
    is_writable: bool,
    /// Unmaps when it is dropped.
    _mapping: Mapping,
}

#[derive(Debug)]
#[expect(dead_code, reason = "what is mapped is kept, and reached by its address")]
enum Mapping {
    Named(Named),
    Private(MmapMut),
}

// SAFETY: the mapping is of the process, not of a thread, and lives as long as this. All accesses are
// atomic, or copies and references whose callers answer for what others do meanwhile.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Zeroes that no other process sees.
    pub fn private(length: usize) -> std::io::Result<Memory> {
        let mut mapping = MmapMut::map_anon(length)?;
        let start = NonNull::from(&mut mapping[..]).cast();
        Ok(Memory { start, length, is_writable: true, _mapping: Mapping::Private(mapping) })
    }

    /// The whole of a named segment; one that was opened for reading is not writable: a write would end the process,
    /// so it panics instead. `None` when the system gave no address.
    pub(super) fn named(named: Named) -> Option<Memory> {
        let (start, length) = (NonNull::new(named.start())?, named.length());
        let is_writable = named.is_writable();
        Some(Memory { start, length, is_writable, _mapping: Mapping::Named(named) })
    }

    /// Bytes that are mapped.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Whether stores are allowed.
    pub fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// The address of some bytes, for system calls and prefetches. Whoever writes there must know that the memory is
    /// writable, and what others do there.
    #[inline]
    pub fn pointer(&self, at: usize, length: usize) -> *mut u8 {
        assert!(at <= self.length && length <= self.length - at, "bytes within the memory");
        // SAFETY: the assertion keeps the address within the mapping, or at its end.
        unsafe { self.start.as_ptr().add(at) }
    }

    /// A word of 64 bits. Only loads are allowed where the memory is not writable.
    #[inline]
    fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8), "words are aligned");
        let word = self.pointer(at, 8);
        // SAFETY: the word is within the mapping, which is aligned to pages, and at a multiple of eight;
        // everybody else's accesses to it are atomic as well, or those of another process.
        unsafe { AtomicU64::from_ptr(word.cast()) }
    }

    /// Stores `new` if `current` stands there. Gives what stood there, as an error if it was something else.
    #[inline]
    pub fn compare_exchange(
        &self,
        at: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        assert!(self.is_writable, "memory that is only read");
        self.word(at).compare_exchange(current, new, success, failure)
    }

    /// All words of 64 bits, for algorithms that check their places themselves. Only loads are allowed where the memory
    /// is not writable.
    #[inline]
    pub(crate) fn words(&self) -> &[AtomicU64] {
        let start = self.start.as_ptr().cast::<AtomicU64>();
        // SAFETY: the mapping is aligned to pages, has as many words, and lives as long as the borrow of `self`; whoever has
        // its words makes no references to its bytes, and other processes access them as they like.
        unsafe { std::slice::from_raw_parts(start, self.length / 8) }
    }

    /// A word of 32 bits, as a futex is. Panics where the memory is not writable.
    #[inline]
    pub fn half_word(&self, at: usize) -> &AtomicU32 {
        assert!(at.is_multiple_of(4) && self.is_writable, "an aligned word of writable memory");
        let word = self.pointer(at, 4);
        // SAFETY: as for words of 64 bits.
        unsafe { AtomicU32::from_ptr(word.cast()) }
    }

    /// Copies bytes in. Others may see a part of them until the caller says that they are whole.
    #[inline]
    pub fn copy_in(&self, at: usize, bytes: &[u8]) {
        assert!(self.is_writable, "memory that is only read");
        let to = self.pointer(at, bytes.len());
        // SAFETY: the bytes at `to` are within the mapping and writable; what is copied from is a slice of this
        // process, not a part of the mapping, since no reference into it is given to be copied.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) }
    }

    /// Copies bytes out. They may be torn: the caller checks afterwards, by a word, that nobody wrote.
    #[inline]
    pub fn copy_out(&self, at: usize, bytes: &mut [u8]) {
        let from = self.pointer(at, bytes.len());
        // SAFETY: the bytes at `from` are within the mapping, and those to copy to are the caller's alone.
        unsafe { std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) }
    }

    /// The bytes themselves.
    ///
    /// # Safety
    ///
    /// Nobody may write there while the slice lives.
    #[inline]
    pub(crate) unsafe fn bytes(&self, at: usize, length: usize) -> &[u8] {
        let start = self.pointer(at, length);
        // SAFETY: the bytes are within the mapping, which lives as long as the borrow of `self`; that nobody
        // writes is the caller's promise.
        unsafe { std::slice::from_raw_parts(start, length) }
    }

    /// The bytes themselves, to be written in place.
    ///
    /// # Safety
    ///
    /// Nobody else may read or write there while the slice lives, and there is no other slice of it.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the caller promises that it is the only one")]
    pub(crate) unsafe fn bytes_mut(&self, at: usize, length: usize) -> &mut [u8] {
        assert!(self.is_writable, "memory that is only read");
        let start = self.pointer(at, length);
        // SAFETY: the bytes are within the mapping, which lives as long as the borrow of `self`, and writable;
        // that nobody else uses them is the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(start, length) }
    }
}

impl Words for Memory {
    #[inline]
    fn load(&self, at: usize, ordering: Ordering) -> u64 {
        self.word(at).load(ordering)
    }

    #[inline]
    fn store(&self, at: usize, value: u64, ordering: Ordering) {
        assert!(self.is_writable, "memory that is only read");
        self.word(at).store(value, ordering);
    }

    #[inline]
    fn fence(&self, _name: &'static str, ordering: Ordering) {
        fence(ordering);
    }
}

/// Asks for the cache line of a word that is used soon, and may be none of these. A hint: nothing follows from it, and
/// processors that are not asked here do without.
#[inline(always)]
pub(crate) fn prefetch(words: &[AtomicU64], at: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every processor of this architecture knows the instruction, which reads and writes nothing, and does
        // nothing where no memory is.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(words.as_ptr().wrapping_add(at).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (words, at);
}

/// Copies as many words as the bytes have, in no order, while others may write there: what is copied may be torn.
#[inline]
pub(crate) fn copy_words(words: &[AtomicU64], bytes: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() >= SHORT {
        let count = (bytes.len() / 8).min(words.len());
        // SAFETY: so many words are in both. The processor reads them, not a load of the language, for which it would be
        // a race; each byte is one that stood there.
        unsafe {
            std::arch::asm!(
                "rep movsq",
                inout("rcx") count => _,
                inout("rsi") words.as_ptr() => _,
                inout("rdi") bytes.as_mut_ptr() => _,
                options(nostack, preserves_flags),
            );
        }
        return;
    }
    for (word, bytes) in words.iter().zip(bytes.chunks_exact_mut(8)) {
        bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
    }
}

/// Of so many bytes on the instruction for many words is the faster one.
#[cfg(target_arch = "x86_64")]
const SHORT: usize = 512;
