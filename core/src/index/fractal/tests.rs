//! Trees against a `BTreeMap`, and the properties that hold for all of them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::Salt;

const SALT: Salt = Salt(*b"salt of the test");

type Model = BTreeMap<Vec<Vec<u8>>, (u16, Severity, u64, Vec<u8>)>;

fn keys(path: &[Vec<u8>]) -> Vec<&[u8]> {
    path.iter().map(Vec::as_slice).collect()
}

fn content(tree: &Tree) -> Model {
    let mut all = Model::new();
    tree.walk(&mut |path, value| {
        let Value { tag, severity, weight, bytes } = *value;
        all.insert(owned(path), (tag, severity, weight, bytes.to_vec()));
        Ok(())
    })
    .unwrap();
    all
}

/// The same content, built at once.
fn bulk(model: &Model) -> Tree {
    let mut context = ContextTree::in_memory(SALT);
    let mut builder = context.builder();
    for (path, (tag, severity, weight, bytes)) in model {
        let value = Value { tag: *tag, severity: *severity, weight: *weight, bytes };
        builder.push(&keys(path), &value).unwrap();
    }
    builder.finish()
}

fn totals(model: &Model) -> Totals {
    model.values().fold(Totals::default(), |totals, (_, severity, weight, _)| {
        totals.and(Totals { records: 1, bytes: *weight, worst: *severity })
    })
}

/// A tree is what the model says, in every respect, and is the same as one that is built at once.
fn assert_is(tree: &Tree, model: &Model) {
    assert_eq!(content(tree), *model);
    assert_eq!(tree.totals(), totals(model));
    assert_eq!(tree.hash(), bulk(model).hash(), "equal content, equal root");
    let verified = tree.verify();
    assert_eq!(verified.damage, []);
    assert_structure(tree);
    for path in model.keys() {
        let got = tree.get(&keys(path)).unwrap().expect("it is in the model");
        assert_eq!(got.bytes, model[path].3);
    }
}

#[derive(Debug, Clone)]
enum Op {
    Put(Vec<Vec<u8>>, u16, Severity, Vec<u8>),
    Remove(Vec<Vec<u8>>),
    Seal,
}

fn path() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let key = prop_oneof![
        4 => (0u16..600).prop_map(|number| format!("key-{number:05}").into_bytes()),
        1 => proptest::collection::vec(0u8..3, 1..4),
        1 => Just(vec![b'x'; 300]),
    ];
    proptest::collection::vec(key, 1..4)
}

fn op() -> impl Strategy<Value = Op> {
    let bytes = prop_oneof![
        8 => proptest::collection::vec(any::<u8>(), 0..60),
        1 => proptest::collection::vec(any::<u8>(), 1000..3000),
    ];
    prop_oneof![
        12 => (path(), any::<u16>(), 0u8..4, bytes)
            .prop_map(|(path, tag, severity, bytes)| Op::Put(path, tag, Severity::of(severity), bytes)),
        4 => path().prop_map(Op::Remove),
        1 => Just(Op::Seal),
    ]
}

fn starts_with(path: &[Vec<u8>], prefix: &[Vec<u8>]) -> bool {
    path.len() >= prefix.len() && path[..prefix.len()] == *prefix
}

/// What a put or a removal does to the model; `None` when it is refused.
fn apply_to_model(model: &mut Model, op: &Op) -> Option<()> {
    let (path, value) = match op {
        Op::Put(path, tag, severity, bytes) => {
            (path, Some((*tag, *severity, bytes.len() as u64 * 3, bytes.clone())))
        }
        Op::Remove(path) => (path, None),
        Op::Seal => return Some(()),
    };
    let through = model.keys().any(|there| there.len() < path.len() && starts_with(path, there));
    let to_tree = value.is_some()
        && model.keys().any(|there| there.len() > path.len() && starts_with(there, path));
    if through || to_tree {
        return None;
    }
    match value {
        Some(value) => {
            model.insert(path.clone(), value);
        }
        None => model.retain(|there, _| !starts_with(there, path)),
    }
    Some(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_is_what_a_map_says(ops in proptest::collection::vec(op(), 1..400)) {
        let mut context = ContextTree::in_memory(SALT);
        let mut model = Model::new();
        let mut kept: Vec<(Tree, Model)> = Vec::new();
        for op in &ops {
            let done = match op {
                Op::Put(path, tag, severity, bytes) => {
                    let weight = bytes.len() as u64 * 3;
                    let value = Value { tag: *tag, severity: *severity, weight, bytes };
                    context.put(&keys(path), &value)
                }
                Op::Remove(path) => context.remove(&keys(path)),
                Op::Seal => {
                    kept.push((context.seal().unwrap(), model.clone()));
                    Ok(())
                }
            };
            prop_assert_eq!(done.is_ok(), apply_to_model(&mut model, op).is_some(), "{:?}", op);
            if let Op::Put(path, ..) | Op::Remove(path) = op {
                let have = context.get(&keys(path)).unwrap().map(|value| value.bytes.to_vec());
                prop_assert_eq!(have, model.get(path).map(|value| value.3.clone()));
            }
        }
        assert_is(&context.seal().unwrap(), &model);
        // Readers of before keep their view.
        for (tree, model) in &kept {
            assert_is(tree, model);
        }
        // Any difference, both ways, is what the maps say.
        for pair in kept.windows(2) {
            assert_differs(&pair[0], &pair[1]);
            assert_differs(&pair[1], &pair[0]);
        }
    }
}

/// The difference, applied to the one map, gives the other.
fn assert_differs((before, old): &(Tree, Model), (after, new): &(Tree, Model)) {
    let mut patched = old.clone();
    let mut last: Option<Vec<Vec<u8>>> = None;
    after
        .diff(before, &mut |Difference { path, change }| {
            assert!(last.as_ref().is_none_or(|last| *last < path), "in the order of paths");
            last = Some(path.clone());
            let (remove, add) = match change {
                Change::Added(item) => (None, Some(item)),
                Change::Removed(item) => (Some(item), None),
                Change::Changed(old, new) => (Some(old), Some(new)),
            };
            if let Some(item) = remove {
                let expected = below(&path, &item);
                for path in expected.keys() {
                    assert_eq!(patched.remove(path), expected.get(path).cloned(), "{path:?}");
                }
            }
            if let Some(item) = add {
                patched.extend(below(&path, &item));
            }
        })
        .unwrap();
    assert_eq!(patched, *new);
}

fn below(path: &[Vec<u8>], item: &Item<'_>) -> Model {
    match item {
        Item::Value(Value { tag, severity, weight, bytes }) => {
            [(path.to_vec(), (*tag, *severity, *weight, bytes.to_vec()))].into()
        }
        Item::Tree(tree) => {
            let all = content(tree).into_iter();
            all.map(|(rest, value)| ([path.to_vec(), rest].concat(), value)).collect()
        }
    }
}

/// A tree of so many records: environments, distributions, files.
fn machine(environments: u32, distributions: u32, files: u32) -> Model {
    let mut model = Model::new();
    for environment in 0..environments {
        for distribution in 0..distributions {
            for file in 0..files {
                let path = vec![
                    b"environments".to_vec(),
                    format!("/home/me/project-{environment}/.venv").into_bytes(),
                    format!("package-{distribution}").into_bytes(),
                    format!("package/module_{file}.py").into_bytes(),
                ];
                let bytes = format!("{distribution} {file}").repeat(4).into_bytes();
                model.insert(path, (7, Severity::None, 1000, bytes));
            }
        }
    }
    model
}

#[test]
fn any_order_of_changes_gives_the_same_root() {
    let model = machine(3, 5, 200);
    let expected = bulk(&model).hash();
    let paths: Vec<_> = model.keys().collect();
    // Steps that have no factor in common with the number of records visit each once.
    for (step, seal_every) in [(1usize, 10_000usize), (7, 100), (1999, 37)] {
        let mut context = ContextTree::in_memory(SALT);
        for number in 0..paths.len() {
            let path = paths[(number * step) % paths.len()];
            let (tag, severity, weight, bytes) = &model[path];
            let value = Value { tag: *tag, severity: *severity, weight: *weight, bytes };
            context.put(&keys(path), &value).unwrap();
            // What is put and removed again leaves no trace.
            let extra: &[&[u8]] = &[b"environments", b"/tmp/gone", b"x"];
            context.put(extra, &value).unwrap();
            context.remove(&[b"environments", b"/tmp/gone"]).unwrap();
            if number % seal_every == 0 {
                context.seal().unwrap();
            }
        }
        assert_eq!(context.seal().unwrap().hash(), expected, "step {step}");
    }
}

#[test]
fn another_salt_ends_nodes_elsewhere() {
    let model = machine(1, 3, 200);
    let mut other = ContextTree::in_memory(Salt([9; 16]));
    let adopted = other.adopt(&bulk(&model)).unwrap();
    assert_ne!(adopted.hash(), bulk(&model).hash());
    assert_eq!(content(&adopted), model);
    assert_eq!(adopted.verify().damage, []);
}

#[test]
fn equal_distributions_are_stored_once() {
    let one = bulk(&machine(1, 20, 100)).verify().bytes;
    let many = bulk(&machine(50, 20, 100)).verify().bytes;
    assert!(many < one * 2, "{many} bytes for 50 environments, {one} for one");
}

#[test]
fn a_change_writes_few_nodes() {
    let model = machine(40, 30, 40);
    let mut context = ContextTree::in_memory(SALT);
    let tree = context.adopt(&bulk(&model)).unwrap();
    context.restore(&tree).unwrap();
    let before = context.arena.end();
    let path: Vec<&[u8]> =
        vec![b"environments", b"/home/me/project-7/.venv", b"package-3", b"package/module_9.py"];
    context.put(&path, &Value::of(1, b"changed")).unwrap();
    let after = context.seal().unwrap();
    let written = context.arena.end() - before;
    assert!(written < 40_000, "{written} bytes for one value");
    let mut seen = Vec::new();
    after.diff(&tree, &mut |difference| seen.push(difference.path)).unwrap();
    assert_eq!(seen, [owned(&path)]);
}

#[test]
fn a_scan_gives_what_begins_with_its_prefix() {
    let model: Model = (0..3000)
        .map(|n| (vec![format!("{n:04}").into_bytes()], (0, Severity::None, 1, vec![])))
        .collect();
    let tree = bulk(&model);
    for prefix in ["", "1", "12", "129", "1299", "12990", "3", "9", "29"] {
        let have: Vec<Vec<u8>> =
            tree.scan(prefix.as_bytes()).unwrap().map(|entry| entry.unwrap().key()).collect();
        let expected: Vec<Vec<u8>> = model
            .keys()
            .map(|path| path[0].clone())
            .filter(|key| key.starts_with(prefix.as_bytes()))
            .collect();
        assert_eq!(have, expected, "{prefix}");
    }
}

#[test]
fn a_proof_holds_for_its_value_alone() {
    let mut model = machine(3, 10, 100);
    let long = vec![b"context".to_vec(), b"state of the core".to_vec()];
    model.insert(long.clone(), (3, Severity::Info, 9000, vec![5; 9000]));
    let tree = bulk(&model);
    let there: Vec<Vec<Vec<u8>>> = model.keys().step_by(301).cloned().chain([long]).collect();
    for path in &there {
        let proof = tree.prove(&keys(path)).unwrap();
        let proved = proof.verify(tree.hash(), &keys(path)).unwrap().expect("it is there");
        assert_eq!(proved.bytes, model[path].3);
        // The same proof shows nothing of another tree, and no changed byte goes unnoticed.
        assert_eq!(proof.verify(Hash::of(b"another"), &keys(path)), Err(Forged));
        for content in 0..proof.contents.len() {
            for byte in (0..proof.contents[content].len()).step_by(97) {
                let mut forged = proof.clone();
                forged.contents[content][byte] ^= 1;
                assert_eq!(forged.verify(tree.hash(), &keys(path)), Err(Forged));
            }
            let mut shorter = proof.clone();
            shorter.contents.remove(content);
            assert!(shorter.verify(tree.hash(), &keys(path)).is_err());
        }
    }
    for path in [
        vec![b"environments".to_vec(), b"/nowhere".to_vec()],
        vec![b"zzz".to_vec()],
        vec![b"context".to_vec(), b"state of the core".to_vec(), b"below a value".to_vec()],
    ] {
        let proof = tree.prove(&keys(&path)).unwrap();
        assert_eq!(proof.verify(tree.hash(), &keys(&path)), Ok(None));
    }
    let empty = bulk(&Model::new());
    assert_eq!(empty.prove(&[b"x"]).unwrap().verify(empty.hash(), &[b"x"]), Ok(None));
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let mut context = ContextTree::in_memory(SALT);
    let value = Value::of(0, b"v");
    assert!(matches!(context.put(&[], &value), Err(Error::Key { .. })));
    assert!(matches!(context.put(&[b"a", b""], &value), Err(Error::Key { .. })));
    assert!(matches!(context.put(&[&[b'k'; MAX_KEY_BYTES + 1]], &value), Err(Error::Key { .. })));
    let long = vec![0; MAX_VALUE_BYTES + 1];
    assert!(matches!(context.put(&[b"a"], &Value::of(0, &long)), Err(Error::Value { .. })));
    context.put(&[b"a", b"b"], &value).unwrap();
    let through = context.put(&[b"a", b"b", b"c"], &value);
    assert_eq!(through, Err(Error::Conflict { path: vec![b"a".to_vec(), b"b".to_vec()] }));
    assert!(matches!(context.put(&[b"a"], &value), Err(Error::Conflict { .. })));
    // What stood in the way is gone.
    context.remove(&[b"a", b"b"]).unwrap();
    context.put(&[b"a"], &value).unwrap();
    let mut builder = context.builder();
    builder.push(&[b"b"], &value).unwrap();
    assert!(matches!(builder.push(&[b"a"], &value), Err(Error::Order { .. })));
    assert!(matches!(builder.push(&[b"b"], &value), Err(Error::Order { .. })));
}

#[test]
fn the_largest_keys_and_values_fit_into_nodes() {
    let mut model = Model::new();
    for number in 0..200u32 {
        let mut key = vec![b'k'; MAX_KEY_BYTES];
        key[..4].copy_from_slice(&number.to_le_bytes());
        model.insert(vec![key], (0, Severity::None, 1, vec![7; MAX_INLINE_BYTES]));
    }
    assert_is(&bulk(&model), &model);
}
