#![no_main]

use aios_core::environments::distributions::entry_points;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = entry_points::parse(bytes);
});
