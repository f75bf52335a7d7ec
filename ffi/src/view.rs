//! Text, paths and bytes that go over the boundary: a pointer and a length.

use std::ffi::c_char;
use std::path::{Path, PathBuf};

use crate::status::Error;

/// The most that a list which goes in can have.
const MOST: usize = 1 << 20;

/// Text, or the bytes of a path: `len` bytes at `ptr`, without a zero at the end. `ptr` is NULL when there is
/// none.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct aios_str {
    pub ptr: *const c_char,
    pub len: usize,
}

/// Bytes: `len` of them at `ptr`, which is NULL when there are none.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct aios_bytes {
    pub ptr: *const u8,
    pub len: usize,
}

// SAFETY: an address and a length; nothing is read through them here but in calls of the one who gave them, and
// those that go out lead to memory that no thread changes until its handle is closed.
unsafe impl Send for aios_str {}
// SAFETY: as above.
unsafe impl Sync for aios_str {}
// SAFETY: as above.
unsafe impl Send for aios_bytes {}
// SAFETY: as above.
unsafe impl Sync for aios_bytes {}

impl aios_str {
    pub(crate) const NONE: aios_str = aios_str { ptr: std::ptr::null(), len: 0 };

    pub(crate) fn of(text: &str) -> aios_str {
        aios_str { ptr: text.as_ptr().cast(), len: text.len() }
    }

    pub(crate) fn of_path(path: &Path) -> aios_str {
        aios_str::of_bytes(path.as_os_str().as_encoded_bytes())
    }

    /// Of the bytes of a path.
    pub(crate) fn of_bytes(bytes: &[u8]) -> aios_str {
        aios_str { ptr: bytes.as_ptr().cast(), len: bytes.len() }
    }

    pub(crate) fn maybe(text: Option<&str>) -> aios_str {
        text.map_or(aios_str::NONE, aios_str::of)
    }

    pub(crate) fn maybe_path(path: Option<&Path>) -> aios_str {
        path.map_or(aios_str::NONE, aios_str::of_path)
    }

    /// The text, for as long as the call lasts. `what` it is, for messages.
    pub(crate) fn text(&self, what: &str) -> Result<&str, Error> {
        let bytes = self.raw().read(what)?;
        std::str::from_utf8(bytes)
            .map_err(|_| Error::argument(format_args!("{what} is not valid UTF-8")))
    }

    /// The text, if there is any.
    pub(crate) fn some_text(&self, what: &str) -> Result<Option<&str>, Error> {
        if self.ptr.is_null() { Ok(None) } else { self.text(what).map(Some) }
    }

    /// The path, if there is one.
    pub(crate) fn path(&self, what: &str) -> Result<Option<PathBuf>, Error> {
        let bytes = self.raw().read(what)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let path = aios_core::fs::path_of(bytes).filter(|_| !bytes.contains(&0));
        let odd = || Error::argument(format_args!("{what} is no path of this system"));
        path.map(Some).ok_or_else(odd)
    }

    fn raw(&self) -> aios_bytes {
        aios_bytes { ptr: self.ptr.cast(), len: self.len }
    }
}

impl aios_bytes {
    pub(crate) const NONE: aios_bytes = aios_bytes { ptr: std::ptr::null(), len: 0 };

    pub(crate) fn of(bytes: &[u8]) -> aios_bytes {
        aios_bytes { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// The bytes, for as long as the call lasts.
    pub(crate) fn read<'a>(self, what: &str) -> Result<&'a [u8], Error> {
        slice(self.ptr, self.len, what)
    }
}

/// The elements that a pointer and a count lead to, for as long as the call lasts.
pub(crate) fn list<'a, T: Copy>(
    first: *const T,
    count: usize,
    what: &str,
) -> Result<&'a [T], Error> {
    if count > MOST {
        return Err(Error::argument(format_args!("{what}: {count} are too many")));
    }
    slice(first, count, what)
}

fn slice<'a, T: Copy>(first: *const T, count: usize, what: &str) -> Result<&'a [T], Error> {
    if count == 0 {
        return Ok(&[]);
    }
    if first.is_null() {
        return Err(Error::null(what));
    }
    let is_possible =
        count.checked_mul(size_of::<T>()).is_some_and(|size| size <= isize::MAX as usize);
    if !is_possible || !first.is_aligned() {
        return Err(Error::argument(format_args!("{what} is no possible pointer and length")));
    }
    // SAFETY: the pointer is aligned and not NULL, and the length is possible: both were checked above. That so
    // many elements can be read there, and that nobody changes them during the call, is what the caller says
    // by giving them (the head of the header). Every caller of this function uses them during its call only.
    Ok(unsafe { std::slice::from_raw_parts(first, count) })
}

/// The keys of an entry, or text of a list, for messages and comparisons.
pub(crate) fn texts<'a>(all: &'a [aios_str], what: &str) -> Result<Vec<&'a str>, Error> {
    all.iter().map(|one| one.text(what)).collect()
}

/// Paths of a list; an empty one is an error.
pub(crate) fn paths(all: &[aios_str], what: &str) -> Result<Vec<PathBuf>, Error> {
    let path = |one: &aios_str| {
        one.path(what)?.ok_or_else(|| Error::argument(format_args!("{what}: one is empty")))
    };
    all.iter().map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::aios_status;

    #[test]
    fn what_cannot_be_read_is_a_status() {
        let status = |view: aios_str| view.text("it").map(str::len).map_err(|error| error.status);
        assert_eq!(status(aios_str::NONE), Ok(0));
        assert_eq!(status(aios_str { ptr: std::ptr::null(), len: 3 }), Err(aios_status::Null));
        let odd = aios_bytes::of(b"a\xff");
        let odd = aios_str { ptr: odd.ptr.cast(), len: odd.len };
        assert_eq!(status(odd), Err(aios_status::Argument));
        assert_eq!(status(aios_str { len: usize::MAX, ..odd }), Err(aios_status::Argument));
        assert!(list::<u64>(std::ptr::without_provenance(1), 1, "it").is_err());
        assert!(list::<u64>(std::ptr::without_provenance(8), MOST + 1, "it").is_err());
    }

    #[test]
    fn a_path_that_is_no_text_comes_back_as_it_was() {
        // A lone surrogate on Windows, which is three bytes that are no UTF-8 on Unix too.
        let bytes = b"a/\xed\xa0\x80";
        let view = aios_str { ptr: bytes.as_ptr().cast(), len: bytes.len() };
        let path = view.path("it").ok().unwrap().unwrap();
        assert_eq!(path.as_os_str().as_encoded_bytes(), bytes);
        assert!(view.text("it").is_err());
        let zero = aios_str { ptr: b"a\0b".as_ptr().cast(), len: 3 };
        assert!(zero.path("it").is_err());
        assert!(aios_str::NONE.path("it").ok().unwrap().is_none());
    }
}
