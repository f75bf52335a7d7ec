//! The life of a store at random, beside maps that say what it holds. After every commit its structure is
//! checked, and what another process finds in it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tests_crash::open;
use super::*;
use crate::index::fractal::assert_structure;
use crate::store::failing::Failing;

type Records = BTreeMap<(u8, u16), Vec<u8>>;

#[derive(Debug, Clone)]
enum Op {
    Put(u8, u16, Vec<u8>),
    /// So many keys, one after the other.
    PutMany(u8, u16, u16),
    Remove(u8, u16),
    RemoveAll(u8),
    Commit,
    Take,
    /// One of the snapshots that there are.
    Restore(usize),
    RemoveSnapshot(usize),
    Compact,
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    let bytes = prop_oneof![
        8 => proptest::collection::vec(any::<u8>(), 0..80),
        1 => proptest::collection::vec(any::<u8>(), 1500..5000),
    ];
    prop_oneof![
        10 => (0u8..4, 0u16..900, bytes).prop_map(|(map, key, bytes)| Op::Put(map, key, bytes)),
        2 => (0u8..4, 0u16..900, 20u16..200).prop_map(|(map, key, many)| Op::PutMany(map, key, many)),
        4 => (0u8..4, 0u16..900).prop_map(|(map, key)| Op::Remove(map, key)),
        1 => (0u8..4).prop_map(Op::RemoveAll),
        4 => Just(Op::Commit),
        2 => Just(Op::Take),
        1 => any::<usize>().prop_map(Op::Restore),
        1 => any::<usize>().prop_map(Op::RemoveSnapshot),
        1 => Just(Op::Compact),
        1 => Just(Op::Reopen),
    ]
}

fn name(map: u8, key: u16) -> [Vec<u8>; 2] {
    [format!("environment-{map}").into_bytes(), format!("lib/module-{key:05}.py").into_bytes()]
}

/// What there should be.
#[derive(Debug, Clone, Default)]
struct Model {
    live: Records,
    snapshots: BTreeMap<u64, Records>,
    next: u64,
}

struct Life {
    storage: Failing,
    context: Context,
    model: Model,
    /// What a store that is opened again holds.
    durable: Model,
}

impl Life {
    fn new() -> Life {
        let storage = Failing::default();
        let context = open(&storage).unwrap();
        let model = Model { next: 1, ..Model::default() };
        Life { storage, context, durable: model.clone(), model }
    }

    fn put(&mut self, map: u8, key: u16, bytes: &[u8]) {
        let [first, second] = name(map, key);
        self.context.put(&[&first, &second], &Value::of(3, bytes)).unwrap();
        self.model.live.insert((map, key), bytes.to_vec());
    }

    fn chosen(&self, number: usize) -> Option<SnapshotId> {
        let ids: Vec<u64> = self.model.snapshots.keys().copied().collect();
        (!ids.is_empty()).then(|| SnapshotId(ids[number % ids.len()]))
    }

    /// Whether it made a commit.
    fn step(&mut self, op: &Op) -> bool {
        match op {
            Op::Put(map, key, bytes) => self.put(*map, *key, bytes),
            Op::PutMany(map, key, many) => {
                (0..*many).for_each(|n| self.put(*map, key + n, format!("{n}").as_bytes()));
            }
            Op::Remove(map, key) => {
                let [first, second] = name(*map, *key);
                self.context.remove(&[&first, &second]).unwrap();
                self.model.live.remove(&(*map, *key));
            }
            Op::RemoveAll(map) => {
                let [first, _] = name(*map, 0);
                self.context.remove(&[&first]).unwrap();
                self.model.live.retain(|(there, _), _| there != map);
            }
            Op::Commit => return self.context.commit().is_ok(),
            Op::Take => {
                let id = self.context.take(None, "a test").unwrap();
                assert_eq!(id, SnapshotId(self.model.next), "no number is given twice");
                self.model.next += 1;
                self.model.snapshots.insert(id.0, self.model.live.clone());
                return true;
            }
            Op::Restore(number) => {
                let Some(id) = self.chosen(*number) else { return false };
                self.context.restore_snapshot(id).unwrap();
                self.model.live = self.model.snapshots[&id.0].clone();
                return true;
            }
            Op::RemoveSnapshot(number) => {
                let Some(id) = self.chosen(*number) else { return false };
                self.context.remove_snapshots(&[id]).unwrap();
                self.model.snapshots.remove(&id.0);
                return true;
            }
            Op::Compact => return self.context.compact().is_ok(),
            Op::Reopen => {
                // The lock goes first.
                let life = Life::new();
                self.context = life.context;
                self.context = open(&self.storage).unwrap();
                self.model = self.durable.clone();
                return true;
            }
        }
        false
    }

    fn check(&mut self) {
        self.durable = self.model.clone();
        let all = self.context.tree.seal().unwrap();
        assert_eq!(all.verify().damage, []);
        assert_structure(&all);
        let live = self.context.live().unwrap();
        assert_eq!(records(&live), self.model.live);
        let list = self.context.list().unwrap();
        let ids: Vec<u64> = list.iter().map(|snapshot| snapshot.id.0).collect();
        assert_eq!(ids, self.model.snapshots.keys().copied().collect::<Vec<_>>());
        for id in ids {
            let tree = self.context.snapshot(SnapshotId(id)).unwrap();
            assert_eq!(records(&tree), self.model.snapshots[&id], "snapshot {id}");
        }
        let opened = Opened::newest(&self.storage, Reading::Copied).unwrap();
        let seen = Tree::of(opened.space, opened.salt, root_of(&opened.root));
        assert_eq!(seen.hash(), all.hash(), "what another process sees");
        assert_eq!(seen.verify().damage, []);
    }
}

fn records(tree: &Tree) -> Records {
    let mut found = Records::new();
    tree.walk(&mut |path, value| {
        let text = |key: &[u8]| String::from_utf8(key.to_vec()).unwrap();
        let (map, key) = (text(path[0]), text(path[1]));
        let map = map.strip_prefix("environment-").unwrap().parse().unwrap();
        let key = key.strip_prefix("lib/module-").unwrap().strip_suffix(".py").unwrap();
        found.insert((map, key.parse().unwrap()), value.bytes.to_vec());
        Ok(())
    })
    .unwrap();
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_store_is_what_maps_say(ops in proptest::collection::vec(op(), 1..120)) {
        let mut life = Life::new();
        for op in &ops {
            if life.step(op) {
                life.check();
            }
        }
        life.context.commit().unwrap();
        life.check();
    }
}
