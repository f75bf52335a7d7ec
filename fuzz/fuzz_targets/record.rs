#![no_main]

use aios_core::environments::distributions::record;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = record::parse(bytes);
});
