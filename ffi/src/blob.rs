//! `aios_blob`: bytes that the library keeps for the caller.

use std::mem::MaybeUninit;

use crate::boundary::{guard, needed};
use crate::handle::{self, Kind, Object};
use crate::status::aios_status;
use crate::view::aios_bytes;

/// A run of bytes.
pub struct aios_blob {
    _opaque: [u8; 0],
}

/// What is behind it.
pub(crate) struct Blob {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tag: u16,
}

impl Object for Blob {
    type C = aios_blob;
    const KIND: Kind = Kind::Blob;
}

/// The bytes, until it is closed.
#[unsafe(no_mangle)]
pub extern "C" fn aios_blob_bytes(
    blob: *const aios_blob,
    bytes: Option<&mut MaybeUninit<aios_bytes>>,
) -> aios_status {
    guard("aios_blob_bytes", || {
        let bytes = needed(bytes, "`bytes`")?;
        bytes.write(aios_bytes::of(&handle::get::<Blob>(blob)?.bytes));
        Ok(())
    })
}

/// The tag that an entry was put with; 0 for other bytes.
#[unsafe(no_mangle)]
pub extern "C" fn aios_blob_tag(
    blob: *const aios_blob,
    tag: Option<&mut MaybeUninit<u16>>,
) -> aios_status {
    guard("aios_blob_tag", || {
        let tag = needed(tag, "`tag`")?;
        tag.write(handle::get::<Blob>(blob)?.tag);
        Ok(())
    })
}

/// Closes it; the bytes are gone.
#[unsafe(no_mangle)]
pub extern "C" fn aios_blob_close(blob: *mut aios_blob) -> aios_status {
    guard("aios_blob_close", || handle::close::<Blob>(blob))
}
