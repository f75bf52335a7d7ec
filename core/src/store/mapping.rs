//! Bytes that stay where they are: a read-only mapping of a file, or a buffer.
//!
//! The one place that maps. A mapping is sound while nobody changes or truncates the mapped part of the
//! file: stores only append, and hold a lock against a second writer. Files that others may change (a
//! network, an untrusted folder) are copied instead ([`crate::store::Reading::Copied`]).

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::{Mmap, MmapOptions};

/// Bytes that do not change and do not move.
#[derive(Debug)]
pub enum Bytes {
    /// A part of a file.
    Mapped(Mmap),
    /// A buffer of the process.
    Owned(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}

/// Maps the first `length` bytes of a file, which must have as many.
#[expect(unsafe_code, reason = "mapping a file is unsafe because others may change it")]
pub(super) fn map(file: &File, length: u64) -> io::Result<Bytes> {
    let have = file.metadata()?.len();
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    if have < length as u64 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if length == 0 {
        return Ok(Bytes::Owned(Vec::new()));
    }
    // SAFETY: the mapping is read-only and covers bytes that exist, checked above. The bytes are those
    // before the committed length of a store file: writers of aios never truncate them, and write there
    // at most the same bytes once more (`Store::settle`); there is one writer at a time, by lock. That no
    // other program does is what the store assumes of its folder, which is the user's own; callers that
    // cannot assume it read copies.
    let map = unsafe { MmapOptions::new().len(length).map(file)? };
    Ok(Bytes::Mapped(map))
}
