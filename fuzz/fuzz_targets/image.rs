#![no_main]

use std::io::Cursor;

use aios_core::environments::image;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(reason) = image::read_from(Cursor::new(bytes)) {
        assert!(!reason.is_empty());
    }
});
