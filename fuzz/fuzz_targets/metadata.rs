#![no_main]

use aios_core::environments::distributions::metadata;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = metadata::parse(bytes);
});
