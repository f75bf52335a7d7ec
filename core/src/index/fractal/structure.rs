//! Checks a tree against the rules of its structure, as `docs/format.md` has them and not as the code that
//! makes nodes follows them.

use super::node::{ENTRY_BYTES, Kind, Node};
use super::tree::{Root, Tree};
use super::{FACTOR, Keyed, fold};

/// Every node ends where its keys say, has the level and the keys that the node above says, and no level is
/// there for one node.
pub(crate) fn assert_structure(tree: &Tree) {
    if let Some(root) = tree.root() {
        assert_map(tree, &root);
    }
}

fn assert_map(tree: &Tree, root: &Root) {
    let top = tree.first(root).expect("the first node is readable");
    assert!(top.level() == 0 || top.len() > 1, "a level for one node");
    let mut nodes = vec![top];
    loop {
        assert_level(tree, &nodes);
        let mut below = Vec::new();
        for node in nodes.iter().filter(|node| node.level() > 0) {
            for entry in node.entries() {
                let lower = tree.below(node, &entry).expect("a node is readable");
                assert_eq!(key_of(&lower, lower.len() - 1), [entry.prefix, entry.suffix].concat());
                assert_eq!(lower.totals(), entry.totals());
                below.push(lower);
            }
        }
        if below.is_empty() {
            break;
        }
        nodes = below;
    }
    for entry in nodes.iter().flat_map(|node| node.entries()) {
        if entry.kind == Kind::Tree {
            assert_map(tree, &Root::of(&entry));
        }
    }
}

/// The nodes of one level of a map, in order.
fn assert_level(tree: &Tree, nodes: &[Node<'_>]) {
    let keyed = Keyed::new(tree.salt());
    let mut before: Option<Vec<u8>> = None;
    for (place, node) in nodes.iter().enumerate() {
        let level = node.level();
        assert!(node.block().content().len() <= 16 << 10);
        let mut bytes = 0;
        for (number, entry) in node.entries().enumerate() {
            let key = key_of(node, number);
            assert!(before.as_ref().is_none_or(|before| *before < key), "keys increase");
            let own = 2 + ENTRY_BYTES + key.len() + entry.payload.len();
            bytes += own;
            let least: usize = if entry.kind == Kind::Tree { 512 } else { 2048 };
            let chance = fold(keyed.hash(&key) ^ u64::from(level), FACTOR) >> 32;
            let by_key = bytes >= least && chance * (least as u64) < (own as u64) << 32;
            let ends = bytes >= 12_000 || by_key && (level == 0 || number > 0);
            let is_last = number + 1 == node.len();
            assert!(is_last || !ends, "a node goes on after a key that ends it");
            assert!(!is_last || ends || place + 1 == nodes.len(), "a node ends for no reason");
            before = Some(key);
        }
    }
}

fn key_of(node: &Node<'_>, number: usize) -> Vec<u8> {
    let entry = node.entry(number);
    [entry.prefix, entry.suffix].concat()
}
