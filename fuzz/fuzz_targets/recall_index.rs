#![no_main]

use aios_core::index::holographic::{Index, StateId, Token};
use aios_core::store::Reading;

#[path = "../../core/src/index/holographic/hostile.rs"]
mod hostile;

// The first byte says how: as it is, or with checksums made right.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    if how % 2 == 0 || bytes.len() < 8192 {
        hostile::read(folder.path(), bytes);
    } else {
        hostile::read(folder.path(), &hostile::changed(bytes, &[]));
    }
});
