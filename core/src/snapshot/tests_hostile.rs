//! Files that others made: no panic, no endless loop, no memory beyond what the file holds, and nothing
//! that is wrong is taken for whole.

use proptest::prelude::*;

use super::hostile::{changed, read};
use super::tests_crash::{OPTIONS, open};
use super::*;
use crate::index::fractal::MAX_KEY_BYTES;
use crate::store::arena::Arena;
use crate::store::failing::{Failing, Files};
use crate::store::image;

/// An image with every kind of entry: maps in maps, several levels, blobs, what is shared.
fn valid() -> Vec<u8> {
    let mut tree = ContextTree::in_memory(OPTIONS.salt.unwrap());
    for number in 0..300u32 {
        let group = [b'a' + (number % 3) as u8];
        let key = format!("key-{number:03}");
        let severity = Severity::of((number % 4) as u8);
        let value = Value { severity, ..Value::of(number as u16, key.as_bytes()) };
        tree.put(&[b"group", &group, key.as_bytes()], &value).unwrap();
        tree.put(&[key.as_bytes()], &value).unwrap();
    }
    tree.put(&[b"blob"], &Value::of(1, &[4; 2500])).unwrap();
    let shared = tree.seal().unwrap();
    tree.put_tree(&[b"shared"], &shared).unwrap();
    image::export(&tree.seal().unwrap()).unwrap()
}

fn read_as_store(bytes: Vec<u8>) {
    let storage = Failing::with(Files::of("context-0000000000000001.aios", bytes));
    let Ok(mut context) = open(&storage) else { return };
    let _ = context.list();
    let _ = context.costs();
    let _ = context.verify();
    let _ = context.put(&[b"a", b"b"], &Value::of(1, b"value"));
    let _ = context.take(None, "a test");
    let _ = context.compact();
    let _ = context.heal(&[]);
    let _ = context.commit();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_no_image_or_one(bytes in proptest::collection::vec(any::<u8>(), 0..9000)) {
        read(bytes.clone());
        read_as_store(bytes);
    }

    #[test]
    fn a_changed_image_with_right_checksums_is_read_or_refused(
        changes in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..12),
        near in any::<bool>(),
        rename in any::<bool>(),
    ) {
        let whole = valid();
        let start = 8192;
        let changes: Vec<(u32, u8)> = changes
            .into_iter()
            // Fields are small numbers, and the first bytes of a block say the most.
            .map(|(at, byte)| if near {
                (start + at % 40 + (at >> 8) % 200 * 64, byte % 8)
            } else {
                (start + at % (whole.len() as u32 - start), byte)
            })
            .collect();
        let bytes = changed(&whole, &changes, rename);
        read(bytes.clone());
        read_as_store(bytes);
    }
}

#[test]
fn the_changes_reach_what_is_checked_last() {
    let whole = valid();
    read(whole.clone());
    assert_eq!(changed(&whole, &[], true), whole);
    let image = Image::of(whole.clone()).unwrap();
    assert!(image.check().is_ok() && image.tree().verify().damage.is_empty());
    let at = whole.windows(7).position(|window| window == b"key-007").unwrap();
    let bytes = changed(&whole, &[(at as u32 + 6, b'8')], false);
    let image = Image::of(bytes).unwrap();
    assert!(!image.tree().verify().damage.is_empty(), "another content, the same name");
    let bytes = changed(&whole, &[(8192 + 16, whole[8192 + 16] ^ 1)], false);
    let image = Image::of(bytes).unwrap();
    assert!(!image.tree().verify().damage.is_empty(), "the same content, another name");
}

/// A chain of maps, each with two entries that lead to the same one below, and a lie about how many.
fn doubled(levels: usize, lie: Option<u64>) -> Image {
    let mut tree = ContextTree::in_memory(OPTIONS.salt.unwrap());
    tree.put(&[b"value"], &Value::of(0, b"v")).unwrap();
    for _ in 0..levels {
        let below = tree.seal().unwrap();
        let mut above = below.clone();
        for key in [b"a", b"b"] {
            tree.put_tree(&[key], &below).unwrap();
            above = tree.seal().unwrap();
        }
        tree.remove(&[b"value"]).unwrap();
        assert!(above.root().is_some());
    }
    let whole = tree.seal().unwrap();
    let mut arena = Arena::of_image(0);
    let root = whole.root().unwrap();
    let mut copied = store::Copied::new(whole.space(), &mut arena);
    let address = copied.copy(root.address, fractal::is_sound).unwrap();
    let records = lie.unwrap_or(root.totals.records);
    let totals = Totals { records, ..root.totals };
    let record = record_of(Some(Root { address, totals, ..root }));
    Image::of(image(arena, whole.salt(), 1, record)).unwrap()
}

#[test]
fn a_small_file_with_a_huge_tree_says_so() {
    let image = doubled(60, None);
    let tree = image.tree();
    assert!(tree.totals().records > 1 << 50);
    // What is shared is looked at once.
    let verified = tree.verify();
    assert_eq!(verified.damage, []);
    assert!(verified.blocks < 200);
    let mut own = ContextTree::in_memory(tree.salt());
    assert_eq!(own.adopt(&tree).unwrap().hash(), tree.hash());
}

#[test]
fn no_more_is_walked_than_a_tree_says_of_itself() {
    let image = doubled(60, Some(1000));
    let tree = image.tree();
    let mut seen = 0;
    let walked = tree.walk(&mut |_, _| {
        seen += 1;
        Ok(())
    });
    assert!(walked.is_err());
    assert_eq!(seen, 1000);
    assert_eq!(tree.verify().damage.len(), 1);
    let other = doubled(61, Some(1000));
    let mut found = 0;
    let _ = tree.diff(&other.tree(), &mut |_| found += 1);
    assert!(found <= 2000);
    assert!(ContextTree::in_memory(Salt([1; 16])).adopt(&tree).is_err());
}

#[test]
fn keys_that_are_too_long_for_a_node_are_refused() {
    // A node that this program would not write: its only key is longer than any may be.
    let key = vec![b'k'; MAX_KEY_BYTES + 1];
    let mut content = vec![1, 0, 1, 0, 0, 0, 0, 0, 10, 0];
    content.extend_from_slice(&(key.len() as u16).to_le_bytes());
    content.extend_from_slice(&[0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    content.extend_from_slice(&key);
    content.push(b'v');
    let mut arena = Arena::of_image(0);
    let (hash, address) = arena.append(&[0, 0, 1, 0, 0], &[], |to| to.extend_from_slice(&content));
    let totals = Totals { records: 1, bytes: 1, worst: Severity::None };
    let record = record_of(Some(Root { hash, address, totals }));
    let image = Image::of(image(arena, Salt([1; 16]), 1, record)).unwrap();
    assert!(image.check().is_err());
    assert!(image.tree().get(&[&key]).is_err());
}
