#![no_main]

use aios_core::index::fractal;
use aios_core::snapshot::Image;
use aios_core::store::{Hash, Salt};

#[path = "../../core/src/snapshot/hostile.rs"]
mod hostile;

// The first byte says how: as it is, or with checksums (and names of blocks) made right.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else { return };
    if how % 3 == 0 || bytes.len() < 8192 {
        hostile::read(bytes.to_vec());
    } else {
        hostile::read(hostile::changed(bytes, &[], how % 3 == 2));
    }
});
