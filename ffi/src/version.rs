//! Which version of the interface and of the library this is.

use std::mem::MaybeUninit;

use crate::boundary::{guard, guard_or, needed};
use crate::status::{Error, aios_status};
use crate::view::aios_str;

/// Changes when programs must be changed. A library and a header of the same number work together.
pub const AIOS_ABI_MAJOR: u32 = 1;
/// Grows when something is added. A library with a larger number works with an older header.
pub const AIOS_ABI_MINOR: u32 = 0;

/// The version of the interface that the library has: `AIOS_ABI_MAJOR << 16 | AIOS_ABI_MINOR`.
#[unsafe(no_mangle)]
pub extern "C" fn aios_abi_version() -> u32 {
    guard_or(0, || AIOS_ABI_MAJOR << 16 | AIOS_ABI_MINOR)
}

/// The version of aios ("0.1.0"), valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn aios_version(version: Option<&mut MaybeUninit<aios_str>>) -> aios_status {
    guard("aios_version", || {
        needed(version, "`version`")?.write(aios_str::of(env!("CARGO_PKG_VERSION")));
        Ok(())
    })
}

/// The name of a status (`AIOS_STATUS_BUSY`), valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn aios_status_name(
    status: i32,
    name: Option<&mut MaybeUninit<aios_str>>,
) -> aios_status {
    guard("aios_status_name", || {
        let named = NAMES.iter().find(|(one, _)| *one as i32 == status);
        let unknown = || Error::not_found(format_args!("there is no status {status}"));
        let (_, text) = named.ok_or_else(unknown)?;
        needed(name, "`name`")?.write(aios_str::of(text));
        Ok(())
    })
}

const NAMES: [(aios_status, &str); 15] = [
    (aios_status::Ok, "AIOS_STATUS_OK"),
    (aios_status::Panic, "AIOS_STATUS_PANIC"),
    (aios_status::Null, "AIOS_STATUS_NULL"),
    (aios_status::Handle, "AIOS_STATUS_HANDLE"),
    (aios_status::StructSize, "AIOS_STATUS_STRUCT_SIZE"),
    (aios_status::Argument, "AIOS_STATUS_ARGUMENT"),
    (aios_status::NotFound, "AIOS_STATUS_NOT_FOUND"),
    (aios_status::Busy, "AIOS_STATUS_BUSY"),
    (aios_status::Io, "AIOS_STATUS_IO"),
    (aios_status::Damaged, "AIOS_STATUS_DAMAGED"),
    (aios_status::TooNew, "AIOS_STATUS_TOO_NEW"),
    (aios_status::Foreign, "AIOS_STATUS_FOREIGN"),
    (aios_status::NoPlace, "AIOS_STATUS_NO_PLACE"),
    (aios_status::Refused, "AIOS_STATUS_REFUSED"),
    (aios_status::Interrupted, "AIOS_STATUS_INTERRUPTED"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers are for ever: a line is added here, none is changed.
    #[test]
    fn statuses_keep_their_numbers() {
        for (number, (status, _)) in NAMES.iter().enumerate() {
            assert_eq!(*status as usize, number);
        }
    }
}
