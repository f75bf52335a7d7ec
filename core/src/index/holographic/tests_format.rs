//! Files of each version of the format are kept: they are read for ever, and today's program writes the
//! bytes of the newest. `just bless-format` writes them anew, after a change of the format that is meant.

use super::tests::{Model, families};
use super::tests_damage::index_of;
use super::*;
use crate::store::failing::Failing;

const NAME: &str = "recall-1.aios";

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden").join(NAME)
}

/// Two groups, and each kind of change.
fn live() -> (Vec<u8>, Model) {
    let storage = Failing::default();
    let mut index = Index::on(Box::new(storage.clone()), Reading::Mapped).unwrap();
    let mut model: Model = families(70, 3).into_iter().collect();
    index.rebuild(model.iter().map(|(state, tokens)| (*state, tokens.clone())));
    index.save().unwrap();
    let changed = families(2, 4).remove(&StateId(1)).unwrap();
    index.insert(StateId(5), &changed);
    index.remove(StateId(6));
    index.save().unwrap();
    model.insert(StateId(5), changed);
    model.remove(&StateId(6));
    (storage.files().last().1.to_vec(), model)
}

#[test]
fn golden_files_are_written_as_they_were() {
    let (bytes, _) = live();
    if std::env::var_os("AIOS_BLESS").is_some() {
        std::fs::write(golden(), &bytes).unwrap();
    }
    let kept = std::fs::read(golden()).unwrap();
    let first = kept.iter().zip(&bytes).position(|(kept, now)| kept != now);
    assert_eq!((first, kept.len()), (None, bytes.len()), "the first byte that differs");
}

#[test]
fn golden_files_are_read() {
    let (_, model) = live();
    let mut index = index_of(std::fs::read(golden()).unwrap());
    assert!(!index.health().is_damaged());
    assert_eq!(index.states().len(), model.len());
    for (state, tokens) in &model {
        let found = index.query(tokens, 3);
        assert!(found[0].similarity == 1.0 && found[0].exact, "{state:?}");
        assert_eq!(found[0].state_tokens, tokens.len());
    }
    // Today's program goes on with it.
    index.insert(StateId(1000), &[Token::of("new", b"")]);
    index.save().unwrap();
    assert_eq!(index.states().len(), model.len() + 1);
}
