#![no_main]

use aios_core::buffer::{ContextBuffer, Item, Kind, Options, Reader, Start};

#[path = "../../core/src/buffer/hostile.rs"]
mod hostile;

// Thirteen bytes for each word that is changed: the region, where in it, and the word.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (changes, _) = bytes.as_chunks::<13>();
    let changes: Vec<(u8, u32, u64)> = changes
        .iter()
        .map(|change| {
            let at = u32::from_le_bytes(change[1..5].try_into().expect("four bytes"));
            let word = u64::from_le_bytes(change[5..].try_into().expect("eight bytes"));
            (change[0], at, word)
        })
        .collect();
    hostile::read(&hostile::changed(&hostile::image(), &changes));
});
