//! What went wrong in this thread last, copied into memory of the caller.

use std::cell::RefCell;
use std::ffi::c_char;

use crate::boundary::guard_or;
use crate::status::{Error, aios_status};

thread_local! {
    static LAST: RefCell<Option<Error>> = const { RefCell::new(None) };
}

/// Remembers an error for this thread, and says what its status is.
pub(crate) fn set(error: Error) -> aios_status {
    let status = error.status;
    // A thread that ends has no memory for it any more, and nobody to ask.
    let _ = LAST.try_with(|last| *last.borrow_mut() = Some(error));
    status
}

/// The status of the last call of this thread that failed; `AIOS_STATUS_OK` when none did.
#[unsafe(no_mangle)]
pub extern "C" fn aios_last_error_status() -> aios_status {
    guard_or(aios_status::Panic, || {
        LAST.with_borrow(|last| last.as_ref().map_or(aios_status::Ok, |error| error.status))
    })
}

/// Copies what the last call of this thread that failed said, in one sentence without a full stop, as far as
/// there is room for whole characters, and a zero. Returns the bytes of all of it, without the zero. `buffer` may
/// be NULL when `size` is 0.
#[unsafe(no_mangle)]
pub extern "C" fn aios_last_error_message(buffer: *mut c_char, size: usize) -> usize {
    guard_or(0, || {
        LAST.with_borrow(|last| {
            copy(last.as_ref().map_or("", |error| &error.message), buffer, size)
        })
    })
}

/// The same of what to do about it; empty when there is no advice.
#[unsafe(no_mangle)]
pub extern "C" fn aios_last_error_hint(buffer: *mut c_char, size: usize) -> usize {
    guard_or(0, || {
        LAST.with_borrow(|last| copy(last.as_ref().map_or("", |error| error.hint), buffer, size))
    })
}

fn copy(text: &str, buffer: *mut c_char, size: usize) -> usize {
    if buffer.is_null() || size == 0 {
        return text.len();
    }
    let fits = text.len().min(size - 1);
    let end = (0..=fits).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    // SAFETY: the caller says that `size` bytes can be written at `buffer`, which is not NULL; `end` is less
    // than `size`, and what is copied is a string of ours, which does not overlap it.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast::<u8>(), end);
        buffer.add(end).write(0);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        let check = |size: usize, expected: &[u8]| {
            let mut buffer = [b'#' as c_char; 8];
            assert_eq!(copy("aé€", buffer.as_mut_ptr(), size), 6);
            let bytes: Vec<u8> = buffer.iter().map(|byte| *byte as u8).collect();
            assert_eq!(&bytes[..expected.len()], expected, "{size}");
            assert!(bytes[expected.len()..].iter().all(|byte| *byte == b'#'), "{size}");
        };
        check(0, b"");
        check(1, b"\0");
        check(2, b"a\0");
        check(3, b"a\0");
        check(4, "aé\0".as_bytes());
        check(6, "aé\0".as_bytes());
        check(7, "aé€\0".as_bytes());
        assert_eq!(copy("a", std::ptr::null_mut(), 9), 1);
    }

    #[test]
    fn each_thread_has_its_own() {
        set(Error::argument("of one thread"));
        std::thread::spawn(|| assert_eq!(aios_last_error_status(), aios_status::Ok))
            .join()
            .unwrap();
        assert_eq!(aios_last_error_status(), aios_status::Argument);
    }
}
