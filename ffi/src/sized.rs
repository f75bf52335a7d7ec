//! Structs that begin with their size, so that old programs work with later libraries, which append fields.

use crate::status::{Error, aios_status};

/// A struct of the interface.
///
/// # Safety
///
/// It is `repr(C)`, its first field is `struct_size: usize`, all zeros are a value of it, and
/// [`Versioned::FIRST_SIZE`] is the size that its first published version had.
pub(crate) unsafe trait Versioned: Copy {
    const FIRST_SIZE: usize;
    const NAME: &'static str;
}

/// Larger ones are not to be expected: whoever has one did not set `struct_size`.
const MOST_BYTES: usize = 4096;

/// Fills a struct of the caller: what both know, and zeros in what only the caller knows. `struct_size` stays.
pub(crate) fn fill<T: Versioned>(out: *mut T, value: &T) -> Result<(), Error> {
    let size = size_of_given(out)?;
    let known = size.min(size_of::<T>());
    let (to, from) = (out.cast::<u8>(), (&raw const *value).cast::<u8>());
    let head = size_of::<usize>();
    // SAFETY: the caller says by `struct_size` that `size` bytes at `out` are its to be written; `known` is
    // neither more than that nor than the size of `value`, and at least FIRST_SIZE, which is more than `head`.
    // `value` is ours, so the two do not overlap.
    unsafe {
        std::ptr::copy_nonoverlapping(from.add(head), to.add(head), known - head);
        to.add(known).write_bytes(0, size - known);
    }
    Ok(())
}

/// Whether a struct of the caller can be filled: looked at before something is done that is to be told.
pub(crate) fn check<T: Versioned>(out: *mut T) -> Result<(), Error> {
    size_of_given(out).map(|_| ())
}

/// The struct that a caller gives: zeros in what it does not know. What it knows and this library does not
/// must be zero, or it asks for something that would not be done.
pub(crate) fn read<T: Versioned>(given: *const T) -> Result<T, Error> {
    let size = size_of_given(given)?;
    let known = size.min(size_of::<T>());
    let from = given.cast::<u8>();
    // SAFETY: zeros are a value of it, by the contract of the trait.
    let mut value: T = unsafe { std::mem::zeroed() };
    // SAFETY: the caller says by `struct_size` that `size` bytes can be read at `given`; `known` is neither more
    // than that nor than the size of `value`.
    unsafe {
        std::ptr::copy_nonoverlapping(from, (&raw mut value).cast::<u8>(), known);
    }
    for at in known..size {
        // SAFETY: `at` is less than `size`, as above.
        if unsafe { from.add(at).read() } != 0 {
            return Err(Error::argument(format_args!(
                "`{}` says something that this version of the library does not know",
                T::NAME
            )));
        }
    }
    Ok(value)
}

/// The same of a struct that may be NULL.
pub(crate) fn read_maybe<T: Versioned>(given: *const T) -> Result<Option<T>, Error> {
    if given.is_null() { Ok(None) } else { read(given).map(Some) }
}

/// `struct_size`, which must be one that a version of the library has or will have.
fn size_of_given<T: Versioned>(given: *const T) -> Result<usize, Error> {
    if given.is_null() {
        return Err(Error::null(T::NAME));
    }
    if !given.is_aligned() {
        return Err(Error::argument(format_args!("`{}` is not aligned", T::NAME)));
    }
    // SAFETY: it is not NULL and aligned, and begins with a `usize` by the contract of the trait; that it can be
    // read is what the caller says by giving it.
    let size = unsafe { given.cast::<usize>().read() };
    if !(T::FIRST_SIZE..=MOST_BYTES).contains(&size) {
        let message = format!("`{}.struct_size` is {size}", T::NAME);
        let hint = "set `struct_size` to `sizeof` of the struct before each call";
        return Err(Error::new(aios_status::StructSize, message, hint));
    }
    Ok(size)
}

/// Says of a struct that it is [`Versioned`], with the size that its first version had; asserts the offset of each
/// field, so that none moves.
macro_rules! sized {
    ($name:ident: $first:literal { $($field:ident: $offset:literal),+ $(,)? }) => {
        // SAFETY: it is `repr(C)`, as the offsets below show; its fields are numbers, pointers and views, of
        // which all zeros are a value.
        unsafe impl $crate::sized::Versioned for $name {
            const FIRST_SIZE: usize = $first;
            const NAME: &'static str = stringify!($name);
        }

        const _: () = {
            assert!(std::mem::offset_of!($name, struct_size) == 0);
            $(assert!(std::mem::offset_of!($name, $field) == $offset);)+
            assert!(size_of::<$name>() >= $first && align_of::<$name>() == 8);
        };
    };
}
pub(crate) use sized;

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct aios_one {
        struct_size: usize,
        first: u64,
        second: u64,
    }

    sized!(aios_one: 16 { first: 8, second: 16 });

    #[repr(C, align(8))]
    struct Memory([u8; 5000]);

    fn memory(size: usize) -> Memory {
        let mut memory = Memory([0xEE; 5000]);
        memory.0[..8].copy_from_slice(&size.to_le_bytes());
        memory
    }

    #[test]
    fn an_older_and_a_newer_caller() {
        let value = aios_one { struct_size: 0, first: 1, second: 2 };
        for size in [16, 24, 40, 4096] {
            let mut out = memory(size);
            fill((&raw mut out).cast::<aios_one>(), &value).ok().unwrap();
            assert_eq!(out.0[..8], size.to_le_bytes(), "its size stays");
            assert_eq!(out.0[8..16], 1_u64.to_le_bytes());
            if size >= 24 {
                assert_eq!(out.0[16..24], 2_u64.to_le_bytes());
                assert!(out.0[24..size].iter().all(|byte| *byte == 0));
            }
            assert!(out.0[size..].iter().all(|byte| *byte == 0xEE), "{size}: beyond its end");
        }
    }

    #[test]
    fn what_is_asked_for_and_not_known_is_an_error() {
        let read_it = |memory: &Memory| {
            read((&raw const *memory).cast::<aios_one>()).map_err(|error| error.status)
        };
        let mut given = memory(16);
        given.0[8] = 7;
        let known = read_it(&given).unwrap();
        assert_eq!((known.first & 0xFF, known.second), (7, 0));
        let mut given = memory(32);
        assert_eq!(read_it(&given).err(), Some(aios_status::Argument));
        given.0[24..32].fill(0);
        assert!(read_it(&given).is_ok());
        for size in [0, 8, 15, 4097, usize::MAX] {
            assert_eq!(read_it(&memory(size)).err(), Some(aios_status::StructSize), "{size}");
        }
        assert_eq!(read(std::ptr::null::<aios_one>()).err().unwrap().status, aios_status::Null);
        let odd = std::ptr::without_provenance::<aios_one>(1);
        assert_eq!(read(odd).err().unwrap().status, aios_status::Argument);
    }
}
