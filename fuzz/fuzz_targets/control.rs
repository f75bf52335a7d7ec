#![no_main]

use aios_core::control::message;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = message::request(bytes) {
        // What is understood can be said again.
        assert_eq!(message::request(&message::line(&request)), Ok(request));
    }
    let _ = message::reply(bytes);
});
