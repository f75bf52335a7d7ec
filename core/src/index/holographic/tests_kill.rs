//! A kill or a power cut at any moment, a failing call, a cut file, a flipped bit: what was saved is there, or
//! is known to be lost.

use super::files::file_name;
use super::tests::{Model, compare_all};
use super::tests_damage::index_of;
use super::*;
use crate::store::failing::{Disk, Event, Failing, Failure, Files, Random};

fn open(storage: &Failing) -> Index {
    Index::on(Box::new(storage.clone()), Reading::Mapped).unwrap()
}

/// A set that overlaps with others, of a size that says which edition it is.
fn few(state: u64, edition: u64) -> Vec<Token> {
    let token = |number: u64| Token::of("few", &number.to_le_bytes());
    let own = (0..2 + (state + edition) % 6).map(|at| token(1 + state % 3 + at * (1 + edition)));
    own.chain([token(0)]).collect()
}

type Step = fn(&mut Index, &mut Model);

fn put(index: &mut Index, model: &mut Model, state: u64, edition: u64) {
    let mut tokens = few(state, edition);
    index.insert(StateId(state), &tokens);
    tokens.sort_unstable();
    tokens.dedup();
    model.insert(StateId(state), tokens);
}

/// After each one the index is saved.
const STEPS: &[Step] = &[
    |index, model| (0..5).for_each(|state| put(index, model, state, 0)),
    |index, model| put(index, model, 5, 0),
    |index, model| (2..4).for_each(|state| put(index, model, state, 1)),
    |index, model| {
        index.remove(StateId(1));
        model.remove(&StateId(1));
    },
    |index, model| (1..8).for_each(|state| put(index, model, state, 2)),
    // So many that the file is written anew.
    |index, model| (20..100).for_each(|state| put(index, model, state, 0)),
    |index, model| {
        index.rebuild(model.iter().map(|(state, tokens)| (*state, tokens.clone())));
        put(index, model, 7, 3);
    },
    |index, model| put(index, model, 8, 3),
];

/// What an index holds: its states, and how many tokens they have.
fn content(index: &Index) -> Vec<(StateId, usize)> {
    let found = index.query(&few(0, 0)[2..], 200);
    let mut found: Vec<_> = found.iter().map(|found| (found.state, found.state_tokens)).collect();
    found.sort();
    assert_eq!(found.len(), index.states().len());
    found
}

/// Every content that the index may have after each number of steps, and the calls that led there.
fn history() -> (Vec<Vec<(StateId, usize)>>, Failing) {
    let storage = Failing::default();
    let mut index = open(&storage);
    let mut model = Model::new();
    let mut contents = vec![content(&index)];
    for (number, step) in STEPS.iter().enumerate() {
        step(&mut index, &mut model);
        index.save().unwrap();
        storage.note(number + 1);
        contents.push(content(&index));
        assert_eq!(contents[number + 1].len(), model.len());
    }
    (contents, storage)
}

#[test]
fn after_a_power_cut_what_was_saved_is_there() {
    let (contents, storage) = history();
    let mut disk = Disk::default();
    let mut random = Random(31);
    let (mut saved, mut cuts) = (0, 0);
    for event in storage.events() {
        disk.step(&event);
        if let Event::Note(number) = event {
            saved = number;
            continue;
        }
        for files in disk.after_power_cut(&mut random) {
            let index = open(&Failing::with(files.clone()));
            let found = content(&index);
            let whole = [saved, saved + 1].iter().any(|at| contents.get(*at) == Some(&found));
            // Several changes that are appended at once may be torn, and those that come after a lost one
            // show it.
            let first = contents[saved].iter().filter(|one| !found.contains(one)).count();
            assert!(whole || first <= 7, "after {saved}: {found:?}");
            // It goes on.
            let mut index = open(&Failing::with(files));
            index.insert(StateId(500), &few(500, 0));
            index.save().unwrap();
            assert!(index.states().contains(&StateId(500)));
            cuts += 1;
        }
    }
    assert!(saved == STEPS.len() && cuts > 100, "{cuts}");
}

#[test]
fn after_any_failing_call_saving_again_succeeds() {
    let (contents, storage) = history();
    let calls = storage.calls();
    for (first, failure) in [Failure::Full, Failure::Short, Failure::Late].into_iter().enumerate() {
        let mut failed = 0;
        for call in (first..calls).step_by(3) {
            let storage = Failing::default();
            let mut index = open(&storage);
            let mut model = Model::new();
            storage.fail(call, failure, false);
            for step in STEPS {
                step(&mut index, &mut model);
                if index.save().is_err() {
                    failed += 1;
                    storage.works_again();
                    index.save().unwrap();
                }
            }
            storage.works_again();
            assert_eq!(&content(&index), contents.last().unwrap(), "{failure:?} at {call}");
            assert_eq!(
                &content(&open(&storage)),
                contents.last().unwrap(),
                "{failure:?} at {call}"
            );
        }
        assert!(failed > 5, "{failed}");
    }
}

/// A file with a base, changes of each kind, and what it held after each change.
fn small() -> (Vec<u8>, Vec<Model>) {
    let storage = Failing::default();
    let mut index = open(&storage);
    let mut model = Model::new();
    let mut history = vec![model.clone()];
    let tokens = |seed| few(0, seed);
    for (state, seed) in [(0, Some(3)), (1, Some(2)), (0, Some(4)), (1, None), (2, Some(2))] {
        match seed.map(tokens) {
            Some(tokens) => {
                index.insert(StateId(state), &tokens);
                let mut tokens = tokens;
                tokens.sort_unstable();
                model.insert(StateId(state), tokens);
            }
            None => {
                index.remove(StateId(state));
                model.remove(&StateId(state));
            }
        }
        index.save().unwrap();
        history.push(model.clone());
    }
    (storage.files().last().1.to_vec(), history)
}

/// What is called exact was so at some time.
fn assert_claims(index: &Index, history: &[Model], cues: &[Vec<Token>], what: &str) {
    for cue in cues {
        for found in index.query(cue, 10) {
            let was_so = history.iter().any(|model| compare_all(model, cue).contains(&found));
            assert!(was_so || !found.exact, "{what}: {found:?}");
        }
    }
}

fn cues(history: &[Model]) -> Vec<Vec<Token>> {
    let all = history.iter().flat_map(Model::values);
    let mut cues: Vec<Vec<Token>> = all.map(|tokens| tokens[..tokens.len() / 2].to_vec()).collect();
    cues.sort();
    cues.dedup();
    cues
}

/// All of a file but most of the zeros between its fronts and its pages.
fn places(whole: &[u8]) -> impl Iterator<Item = usize> {
    (0..whole.len()).filter(|at| *at % 4096 < 64 || *at >= 8192 || at % 97 == 0)
}

#[test]
fn every_prefix_of_a_file_is_read() {
    let (whole, history) = small();
    let cues = cues(&history);
    let mut known = 0;
    for length in places(&whole) {
        let index = index_of(whole[..length].to_vec());
        assert_claims(&index, &history, &cues, &format!("cut at {length}"));
        let states = index.states().len();
        assert!(states >= 1 || known == 0, "cut at {length}");
        known = states;
    }
    assert_eq!(index_of(whole).states().len(), 2);
}

#[test]
fn every_flipped_byte_of_a_file_is_harmless() {
    let (whole, history) = small();
    let cues = cues(&history);
    let last = history.last().unwrap();
    for at in places(&whole) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x11;
        let index = index_of(bytes);
        assert_claims(&index, &history, &cues, &format!("flipped at {at}"));
        // One byte takes a sixteenth, or one change.
        let named = index.states();
        let missing = last.keys().filter(|state| !named.contains(state)).count();
        assert!(missing <= 1, "flipped at {at}");
    }
}

#[test]
fn a_change_in_the_middle_that_is_lost_is_missed() {
    let (whole, history) = small();
    let at = whole.len() - 64;
    assert_eq!(index_of(whole.clone()).health().lost_changes, 0);
    let changes: Vec<usize> = (0..at / 64)
        .map(|unit| unit * 64)
        .filter(|at| matches!(whole.get(at + 8..at + 13), Some(b"PAGE\x04" | b"PAGE\x05")))
        .collect();
    assert_eq!(changes.len(), 4);
    let mut bytes = whole;
    // The removal of state 1.
    bytes[changes[2] + 20] ^= 1;
    let mut index = index_of(bytes);
    assert_eq!(index.health().lost_changes, 1);
    assert!(index.health().is_damaged());
    let cue = &history[2][&StateId(1)];
    let found = index.query(cue, 10);
    assert!(found.iter().all(|found| !found.exact), "what was lost may be about any state");
    // Nothing brings it back but a rebuild: a file that is written anew would hide it.
    for state in 10..200 {
        index.insert(StateId(state), cue);
        index.save().unwrap();
    }
    assert_eq!(index.health().lost_changes, 1);
    index.rebuild([(StateId(7), cue.clone())]);
    index.save().unwrap();
    assert!(!index.health().is_damaged() && index.query(cue, 10)[0].exact);
}

#[test]
fn what_is_damaged_is_not_written_as_if_it_were_whole() {
    let (whole, _) = small();
    let mut bytes = whole.clone();
    // A page of a stripe: the file is appended to from then on.
    let at =
        (0..).map(|unit| unit * 64).find(|at| whole[at + 8..].starts_with(b"PAGE\x01")).unwrap();
    bytes[at + 40] ^= 1;
    let storage = Failing::with(Files::of(&file_name(1), bytes));
    let mut index = open(&storage);
    for state in 10..300 {
        index.insert(StateId(state), &few(state, 0));
        index.save().unwrap();
    }
    assert_eq!(index.health().stripes.iter().map(|pages| pages.damaged).sum::<usize>(), 1);
    assert_eq!(storage.files().last().0, file_name(1));
    let states = index.states().len();
    index = open(&storage);
    assert_eq!((index.states().len(), states), (292, 292));
}

#[test]
fn a_file_that_is_no_index_is_replaced_and_a_later_one_is_not() {
    for bytes in [vec![], vec![7; 100], vec![0; 20_000]] {
        let storage = Failing::with(Files::of(&file_name(4), bytes));
        let mut index = open(&storage);
        assert!(index.states().is_empty() && index.health().is_damaged());
        index.insert(StateId(1), &few(1, 0));
        index.save().unwrap();
        assert_eq!(storage.files().last().0, file_name(5));
        assert!(!open(&storage).health().is_damaged());
    }
    let (mut bytes, _) = small();
    for at in [0, 4096] {
        bytes[at + 12] = 2;
        let sum = crc32c::crc32c(&bytes[at..at + 60]);
        bytes[at + 60..at + 64].copy_from_slice(&sum.to_le_bytes());
    }
    let storage = Failing::with(Files::of(&file_name(1), bytes));
    let error = Index::on(Box::new(storage), Reading::Mapped).unwrap_err();
    assert!(matches!(error, Error::TooNew { version: 2, .. }), "{error}");
}
