//! Reads a file that others made in every way there is, and changes one so that its checksums are right: for
//! property tests, and for `fuzz/fuzz_targets/recall_index.rs`, which includes this file.

use std::path::Path;

use super::{Index, Reading, StateId, Token};

/// The name of a file of an index.
pub(crate) const NAME: &str = "recall-0000000000000001.aios";

/// Opens a folder with one file, asks it, changes it and saves. Whatever the file is, this returns, and what
/// was put is found.
pub(crate) fn read(folder: &Path, bytes: &[u8]) {
    std::fs::write(folder.join(NAME), bytes).expect("the folder can be written to");
    let Ok(mut index) = Index::open_as(folder, Reading::Copied) else { return };
    let tokens: Vec<Token> = (0..24u8).map(|number| Token::of("few", &[number])).collect();
    let ask = |index: &Index| {
        for cue in [&tokens[..], &tokens[..3], &tokens[20..]] {
            for found in index.query(cue, 10) {
                assert!(found.similarity > 0.0 && found.similarity <= 1.0);
                assert!(found.shared > 0 && found.shared <= cue.len());
            }
        }
    };
    ask(&index);
    let health = index.health();
    assert!(health.postings.damaged <= health.postings.total);
    let named = index.states().len();
    assert!(named <= bytes.len());
    let state = StateId(u64::MAX);
    index.insert(state, &tokens);
    index.save().expect("a file that was read can be added to");
    ask(&index);
    let index = Index::open_as(folder, Reading::Copied).expect("what was saved is read");
    assert!(index.query(&tokens, named + 1).iter().any(|found| found.state == state));
}

/// Changes bytes at places (each taken modulo the length), then makes all checksums right: what is left to
/// refuse it is what it says.
pub(crate) fn changed(file: &[u8], changes: &[(u32, u8)]) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for (at, byte) in changes {
        let at = *at as usize % bytes.len();
        bytes[at] = *byte;
    }
    for at in [0, 4096] {
        set_sum(&mut bytes, at..at + 60, at + 60);
    }
    let mut at = 8192;
    while at + 64 <= bytes.len() {
        let length =
            bytes[at + 4..at + 8].iter().rev().fold(0, |sum, byte| sum << 8 | *byte as usize);
        if &bytes[at + 8..at + 12] != b"PAGE" || length < 64 || length > bytes.len() - at {
            at += 64;
            continue;
        }
        set_sum(&mut bytes, at + 4..at + 28, at + 28);
        set_sum(&mut bytes, at + 4..at + length, at);
        at += length.next_multiple_of(64);
    }
    bytes
}

fn set_sum(bytes: &mut [u8], of: std::ops::Range<usize>, at: usize) {
    let Some(covered) = bytes.get(of) else { return };
    let sum = crc32c::crc32c(covered).to_le_bytes();
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&sum);
    }
}
