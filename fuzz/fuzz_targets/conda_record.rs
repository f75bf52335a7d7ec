#![no_main]

use aios_core::environments::conda::CondaRecord;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = CondaRecord::parse(bytes) {
        assert!(!record.name.is_empty());
    }
});
