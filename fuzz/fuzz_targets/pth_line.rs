#![no_main]

use aios_core::environments::pth;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = pth::parse(bytes);
    let _ = pth::parse(&[b"import ", bytes].concat());
});
