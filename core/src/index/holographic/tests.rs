//! What an index answers, beside a list of sets that are all compared.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::store::failing::{Failing, Random};

/// States with their tokens: what an index is compared with.
pub(super) type Model = BTreeMap<StateId, Vec<Token>>;

pub(super) fn token(kind: &str, number: u64) -> Token {
    Token::of(kind, &number.to_le_bytes())
}

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Few small numbers are frequent, and most numbers are rare.
    fn popular(&mut self, limit: u64) -> u64 {
        let uniform = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        ((limit as f64).powf(uniform) - 1.0) as u64
    }
}

/// A version of a package of those that many states have.
fn package(random: &mut Random) -> Token {
    let (package, version) = (random.popular(2000), random.popular(12));
    token("package", package * 100 + version)
}

/// Families of 20 states, each of which differs from the one before by up to three tokens.
pub(super) fn families(count: u64, seed: u64) -> Model {
    let mut random = Random(seed);
    let mut model = Model::new();
    let mut tokens = BTreeSet::new();
    for id in 0..count {
        if id.is_multiple_of(20) {
            let packages = 20 + random.below(60);
            tokens = (0..packages).map(|_| package(&mut random)).collect();
        }
        for _ in 0..random.below(4) {
            let gone = tokens.iter().nth(random.below(tokens.len() as u64) as usize).copied();
            tokens.remove(&gone.unwrap());
            tokens.insert(package(&mut random));
        }
        model.insert(StateId(id), tokens.iter().copied().collect());
    }
    model
}

/// Half of what a state has, and a tenth of that of something else.
pub(super) fn cue(tokens: &[Token], random: &mut Random) -> Vec<Token> {
    let mut kept = tokens.to_vec();
    while kept.len() > tokens.len().div_ceil(2) {
        kept.swap_remove(random.below(kept.len() as u64) as usize);
    }
    kept.extend((0..kept.len().div_ceil(10)).map(|_| package(random)));
    kept
}

/// Every state that shares a token, best first.
pub(super) fn compare_all(model: &Model, cue: &[Token]) -> Vec<Match> {
    let cue: BTreeSet<Token> = cue.iter().copied().collect();
    let compared = model.iter().map(|(state, tokens)| {
        let shared = tokens.iter().filter(|token| cue.contains(token)).count();
        let either = tokens.len() + cue.len() - shared;
        let similarity = shared as f64 / either.max(1) as f64;
        Match { state: *state, shared, state_tokens: tokens.len(), similarity, exact: true }
    });
    let mut found: Vec<Match> = compared.filter(|found| found.shared > 0).collect();
    found.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(b.state.cmp(&a.state)));
    found
}

/// An index that was built of the model as a whole.
pub(super) fn built(model: &Model) -> Index {
    let mut index = Index::on(Box::new(Failing::default()), Reading::Mapped).unwrap();
    index.rebuild(model.iter().map(|(state, tokens)| (*state, tokens.clone())));
    index
}

/// What is found is what comparing everything finds; of equally good ones any.
fn assert_same(index: &Index, model: &Model, cue: &[Token], limit: usize) {
    let (found, mut expected) = (index.query(cue, limit), compare_all(model, cue));
    let by_state: BTreeMap<StateId, Match> =
        expected.iter().map(|found| (found.state, *found)).collect();
    expected.truncate(limit);
    let similarities =
        |matches: &[Match]| -> Vec<f64> { matches.iter().map(|found| found.similarity).collect() };
    assert_eq!(similarities(&found), similarities(&expected));
    for one in &found {
        assert_eq!(Some(one), by_state.get(&one.state));
    }
    let different: BTreeSet<StateId> = found.iter().map(|found| found.state).collect();
    assert_eq!(different.len(), found.len());
}

fn assert_same_for_many(index: &Index, model: &Model, seed: u64) {
    let mut random = Random(seed);
    for (state, tokens) in model.iter().step_by(37) {
        let cue = cue(tokens, &mut random);
        assert_same(index, model, &cue, 10);
        assert_same(index, model, &cue[..3.min(cue.len())], 4);
        let one = &index.query(tokens, 1)[0];
        assert_eq!(one.similarity, 1.0, "{state:?}");
    }
    // Popular tokens alone, and nothing known.
    let popular: Vec<Token> = (0..12).map(|number| token("package", number * 100)).collect();
    for limit in [0, 1, 10, 500] {
        assert_same(index, model, &popular, limit);
    }
    assert_eq!(index.query(&[token("unknown", 1)], 10), []);
    assert_eq!(index.query(&[], 10), []);
}

#[test]
fn a_token_is_the_same_for_ever() {
    let token = Token::of("distribution", b"numpy 2.1.0");
    assert_eq!(token.0, 0x4dd8_e6d5_5e11_6465, "{:#x}", token.0);
    assert_ne!(Token::of("a", b"bc"), Token::of("ab", b"c"));
}

#[test]
fn a_built_index_finds_what_comparing_everything_finds() {
    for (count, seed) in [(1, 1), (5, 2), (64, 3), (65, 4), (400, 5), (1200, 6)] {
        let model = families(count, seed);
        let index = built(&model);
        assert_same_for_many(&index, &model, seed);
        assert_eq!(
            index.states().into_iter().collect::<BTreeSet<_>>(),
            model.keys().copied().collect()
        );
        assert!(!index.health().is_damaged());
    }
}

/// So many groups that rare tokens have lists, and common ones sets.
#[test]
fn rare_and_common_tokens_are_counted_alike() {
    let mut random = Random(14);
    let mut set = |state: u64| {
        let common = (0..4).map(|_| token("common", random.popular(9)));
        let rare = (0..4).map(|at| token("rare", state / 3 * 2 + at));
        let mut tokens: Vec<Token> = common.collect::<Vec<_>>().into_iter().chain(rare).collect();
        tokens.sort();
        tokens.dedup();
        tokens
    };
    let model: Model = (0..6000).map(|state| (StateId(state), set(state))).collect();
    let index = built(&model);
    let common: Vec<Token> = (0..9).map(|number| token("common", number)).collect();
    for (state, tokens) in model.iter().step_by(331) {
        assert_same(&index, &model, tokens, 10);
        let more: Vec<Token> = tokens.iter().chain(&common).copied().collect();
        assert_same(&index, &model, &more, 10);
        let rare: Vec<Token> = (0..3).map(|at| token("rare", state.0 / 3 * 2 + at)).collect();
        assert_same(&index, &model, &rare, 10);
    }
    for count in 1..9 {
        assert_same(&index, &model, &common[..count], 3);
    }
}

#[test]
fn changes_give_what_a_rebuild_gives() {
    let storage = Failing::default();
    let open = || Index::on(Box::new(storage.clone()), Reading::Mapped).unwrap();
    let mut index = open();
    let mut model = Model::new();
    let pool = families(900, 7);
    let mut random = Random(8);
    for round in 0..60 {
        for _ in 0..random.below(30) {
            let state = StateId(random.below(400));
            if random.below(4) == 0 {
                index.remove(state);
                model.remove(&state);
            } else {
                let tokens = pool[&StateId(random.below(900))].clone();
                index.insert(state, &tokens);
                model.insert(state, tokens);
            }
        }
        if round % 3 == 0 {
            index.save().unwrap();
        }
        if round % 7 == 0 {
            index.save().unwrap();
            index = open();
        }
        if round % 10 == 9 {
            assert_same_for_many(&index, &model, round);
            let named: BTreeSet<StateId> = index.states().into_iter().collect();
            assert_eq!(named, model.keys().copied().collect());
            assert!(!index.health().is_damaged());
        }
    }
    index.save().unwrap();
    let files = storage.files().names.len();
    assert_eq!(files, 1, "what was replaced is removed");
    index.rebuild(model.iter().map(|(state, tokens)| (*state, tokens.clone())));
    assert_same_for_many(&index, &model, 99);
    index.save().unwrap();
    assert_same_for_many(&open(), &model, 100);
}

#[test]
fn a_save_of_nothing_writes_nothing() {
    let storage = Failing::default();
    let mut index = Index::on(Box::new(storage.clone()), Reading::Mapped).unwrap();
    index.save().unwrap();
    assert_eq!(storage.events(), []);
    index.insert(StateId(1), &[token("package", 1)]);
    index.save().unwrap();
    let before = storage.events().len();
    index.save().unwrap();
    assert_eq!(storage.events().len(), before);
}

#[test]
fn each_of_two_writers_adds_to_what_the_other_saved() {
    let storage = Failing::default();
    let open = || Index::on(Box::new(storage.clone()), Reading::Mapped).unwrap();
    let pool = families(600, 9);
    let (mut one, mut other) = (open(), open());
    let mut model = Model::new();
    for (state, tokens) in &pool {
        let writer = if state.0.is_multiple_of(3) { &mut one } else { &mut other };
        writer.insert(*state, tokens);
        model.insert(*state, tokens.clone());
        if state.0 % 10 == 4 {
            other.remove(StateId(state.0 - 4));
            model.remove(&StateId(state.0 - 4));
            // It saves last, so its removal counts.
            one.save().unwrap();
            other.save().unwrap();
        }
        if state.0 % 50 == 7 {
            other.save().unwrap();
            one.save().unwrap();
        }
    }
    one.save().unwrap();
    other.save().unwrap();
    assert_same_for_many(&open(), &model, 10);
    assert_same_for_many(&other, &model, 11);
}

#[test]
fn an_index_in_a_folder_is_there_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not there").join("yet");
    let model = families(300, 12);
    let mut index = Index::open(&path).unwrap();
    assert_eq!(index.query(&[token("package", 1)], 3), []);
    assert!(!path.exists(), "opening writes nothing");
    for (state, tokens) in &model {
        index.insert(*state, tokens);
        if state.0 % 40 == 0 {
            index.save().unwrap();
        }
    }
    index.save().unwrap();
    for reading in [Reading::Mapped, Reading::Copied] {
        assert_same_for_many(&Index::open_as(&path, reading).unwrap(), &model, 13);
    }
    let lock = Folder::create(&path).unwrap().lock().unwrap();
    index.insert(StateId(1), &[]);
    let error = index.save().unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    assert_eq!(error.to_string(), format!("another process writes to `{}`", path.display()));
    drop(lock);
    index.save().unwrap();
    assert!(
        !Index::open(&path)
            .unwrap()
            .query(&model[&StateId(1)], 20)
            .iter()
            .any(|found| found.state == StateId(1))
    );
}
