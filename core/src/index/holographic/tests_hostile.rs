//! Files that others made: no panic, no endless loop, no memory beyond what the file holds.

use proptest::prelude::*;

use super::hostile::{NAME, changed, read};
use super::tests::{Model, built};
use super::*;

/// A file with all kinds of pages, whose tokens the hostile reader asks for.
fn valid() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let token = |number: u64| match number {
        0..24 => Token::of("few", &[number as u8]),
        other => Token::of("other", &other.to_le_bytes()),
    };
    let set = |state: u64| (0..12).map(move |at| token((state * 7 + at * at) % 60)).collect();
    let mut index = Index::open(folder.path()).unwrap();
    index.rebuild((0..150).map(|state| (StateId(state), set(state))));
    index.save().unwrap();
    for state in 140..160 {
        let tokens: Vec<Token> = set(state + 1);
        index.insert(StateId(state), &tokens);
        index.remove(StateId(state - 50));
    }
    index.save().unwrap();
    std::fs::read(folder.path().join(NAME)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_an_index(bytes in proptest::collection::vec(any::<u8>(), 0..9000)) {
        let folder = tempfile::tempdir().unwrap();
        read(folder.path(), &bytes);
    }

    #[test]
    fn a_changed_file_with_right_checksums_is_an_index(
        changes in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..12),
        near in 0..3u8,
    ) {
        let whole = valid();
        let starts: Vec<u32> = (0..whole.len() as u32)
            .step_by(64)
            .filter(|at| whole[*at as usize + 8..].starts_with(b"PAGE"))
            .collect();
        let changes: Vec<(u32, u8)> = changes
            .into_iter()
            // Fields are small numbers, and the first bytes of a page and of the file say the most.
            .map(|(at, byte)| match near {
                0 => (at, byte),
                1 => (starts[at as usize / 32 % starts.len()] + at % 32, byte % 8),
                _ => (at % 2 * 4096 + at / 2 % 60, byte % 8),
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        read(folder.path(), &changed(&whole, &changes));
    }
}

#[test]
fn the_changes_reach_what_is_checked_last() {
    let whole = valid();
    assert_eq!(changed(&whole, &[]), whole);
    let folder = tempfile::tempdir().unwrap();
    read(folder.path(), &whole);
    // A change with the last number there is: the next one has none.
    let at =
        (0..).map(|unit| unit * 64).find(|at| whole[at + 8..].starts_with(b"PAGE\x04")).unwrap();
    let number: Vec<(u32, u8)> = (16..20).map(|byte| (at as u32 + byte, 255)).collect();
    read(folder.path(), &changed(&whole, &number));
    // A group that says it has more states than there is room for.
    let at =
        (0..).map(|unit| unit * 64).find(|at| whole[at + 8..].starts_with(b"PAGE\x01")).unwrap();
    let bytes = changed(&whole, &[(at as u32 + 15, 200)]);
    std::fs::write(folder.path().join(NAME), bytes).unwrap();
    let index = Index::open(folder.path()).unwrap();
    assert_eq!(index.health().stripes[0].damaged, 1);
}

#[test]
fn a_small_file_that_promises_much_takes_no_memory() {
    let model: Model =
        (0..3).map(|state| (StateId(state), vec![Token(state), Token(99)])).collect();
    let whole = built(&model).base.bytes().to_vec();
    // Counts of groups and buckets in both fronts, then in every page, of four thousand millions.
    let fronts: Vec<(u32, u8)> = [32, 36, 4128, 4132]
        .iter()
        .flat_map(|at| (0..4).map(move |byte| (at + byte, 0xEE)))
        .collect();
    let pages = (8192..whole.len() as u32 - 63)
        .step_by(64)
        .filter(|at| whole[*at as usize + 8..].starts_with(b"PAGE"))
        .flat_map(|at| (16..24).map(move |byte| (at + byte, 0xEE)));
    let all: Vec<(u32, u8)> = fronts.iter().copied().chain(pages).collect();
    for changes in [fronts, all] {
        let folder = tempfile::tempdir().unwrap();
        read(folder.path(), &changed(&whole, &changes));
    }
}
