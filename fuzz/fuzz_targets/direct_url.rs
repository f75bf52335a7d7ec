#![no_main]

use aios_core::environments::distributions::direct_url;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = direct_url::editable(bytes);
    let _ = direct_url::origin(bytes);
});
