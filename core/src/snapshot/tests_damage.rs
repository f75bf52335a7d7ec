//! Damage of every kind to a small store: what is read is right, or an error; it is found by its path,
//! and healed from a copy.

use super::tests_crash::{OPTIONS, hash, open, put};
use super::*;
use crate::store::block::Block;
use crate::store::failing::{Failing, Files};
use crate::store::superblock::{BYTES, DATA_START, PAGE, Superblock};

const NAME: &str = "context-0000000000000001.aios";

/// Values that fill some nodes, and one in a block of its own.
fn fill(context: &mut Context, count: usize) {
    for number in 0..count {
        put(context, &format!("entry-{number:04}"), format!("value {number}").as_bytes()).unwrap();
    }
    put(context, "blob", &[5; 3000]).unwrap();
}

/// A store of two commits, and the hash of each.
fn small() -> (Failing, Vec<Hash>) {
    let storage = Failing::default();
    let mut context = open(&storage).unwrap();
    let mut states = vec![hash(&mut context)];
    for count in [4, 12] {
        fill(&mut context, count);
        context.commit().unwrap();
        states.push(hash(&mut context));
    }
    (storage, states)
}

/// A store whose newest commit names no block of before in its tail.
fn settled(count: usize) -> (Failing, Tree) {
    let storage = Failing::default();
    let mut context = open(&storage).unwrap();
    fill(&mut context, count);
    context.commit().unwrap();
    for last in [b"1", b"2"] {
        context.put(&[b"last"], &Value::of(0, last)).unwrap();
        context.commit().unwrap();
    }
    let live = context.live().unwrap();
    (storage, live)
}

/// What counts of the file.
fn bytes_of(storage: &Failing) -> Vec<u8> {
    let mut bytes = storage.files().last().1.to_vec();
    let pages = [0, PAGE].map(|at| Superblock::decode(&bytes[at..]).unwrap());
    bytes.truncate(pages[0].committed.max(pages[1].committed) as usize);
    bytes
}

fn with(bytes: Vec<u8>) -> Failing {
    Failing::with(Files::of(NAME, bytes))
}

/// A path and what is there.
type Entry = (Vec<Vec<u8>>, Vec<u8>);

/// Every value of the present context, or the error of reading it.
fn all(context: &mut Context) -> Result<Vec<Entry>, Error> {
    let mut values = Vec::new();
    context.live()?.walk(&mut |path, value| {
        let path = path.iter().map(|key| key.to_vec()).collect();
        values.push((path, value.bytes.to_vec()));
        Ok(())
    })?;
    Ok(values)
}

/// Where blocks begin in a file, and their lengths.
fn blocks(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut at = DATA_START as usize;
    std::iter::from_fn(|| {
        let block = Block::at_start(bytes.get(at..)?)?;
        at += block.len();
        Some((at - block.len(), block.len()))
    })
    .collect()
}

#[test]
fn a_store_that_is_cut_anywhere_is_an_older_commit_or_an_error() {
    let (storage, states) = small();
    let whole = bytes_of(&storage);
    let mut seen = [0; 4];
    for length in 0..=whole.len() {
        let found = match open(&with(whole[..length].to_vec())) {
            Ok(mut context) => {
                assert_eq!(context.verify().unwrap().damage, []);
                let hash = hash(&mut context);
                states.iter().position(|state| *state == hash).expect("a commit")
            }
            Err(Error::Store(store::Error::Truncated { have, need, .. })) => {
                assert!(have < need && have == length as u64);
                3
            }
            Err(Error::Store(store::Error::NotFormat { .. } | store::Error::Damaged { .. })) => 3,
            Err(error) => panic!("{length}: {error}"),
        };
        seen[found] += 1;
        let image = Image::of(whole[..length].to_vec());
        assert_eq!(image.is_ok(), found != 3, "{length}");
    }
    assert!(seen[1] > 500 && seen[2] == 1 && seen[3] > 4000, "{seen:?}");
}

#[test]
fn any_flipped_bit_gives_a_commit_or_an_error() {
    let (storage, states) = small();
    let whole = bytes_of(&storage);
    let right: Vec<_> = [4, 12]
        .map(|count| {
            let storage = Failing::default();
            let mut context = open(&storage).unwrap();
            fill(&mut context, count);
            all(&mut context).unwrap()
        })
        .into();
    let used = |at: usize| at >= DATA_START as usize || at % PAGE < BYTES;
    let (mut older, mut newest, mut damaged) = (0, 0, 0);
    for at in 0..whole.len() {
        for bit in 0..if used(at) { 8 } else { 1 } {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let what = format!("bit {bit} of byte {at}");
            let mut context = open(&with(bytes)).unwrap_or_else(|error| panic!("{what}: {error}"));
            let hash = hash(&mut context);
            let state = states.iter().position(|state| *state == hash).expect(&what);
            let verified = context.verify().unwrap();
            match all(&mut context) {
                Ok(values) => assert_eq!(values, right[state - 1], "{what}"),
                Err(error) => {
                    assert!(matches!(error, Error::Tree(fractal::Error::NodeCorrupt { .. })));
                    assert_ne!(verified.damage, [], "{what}");
                    damaged += 1;
                }
            }
            *(if state == 1 { &mut older } else { &mut newest }) += 1;
        }
    }
    assert!(older > 10_000 && newest > 5000 && damaged > 10_000, "{older} {newest} {damaged}");
}

#[test]
fn lost_and_misdirected_writes_are_found() {
    let (storage, live) = settled(400);
    let whole = bytes_of(&storage);
    let blocks = blocks(&whole);
    assert!(blocks.len() > 8, "{blocks:?}");
    let mut found = 0;
    for (number, (at, length)) in blocks.iter().enumerate().take(blocks.len() - 4) {
        let mut lost = whole.clone();
        lost[*at..at + length].fill(0);
        let mut misdirected = whole.clone();
        let (other, other_length) = blocks[(number + 1) % blocks.len()];
        let length = *length.min(&other_length);
        misdirected.copy_within(other..other + length, *at);
        // What a disk had there before: a whole block that is another one.
        let stale = Failing::default();
        let mut context = open(&stale).unwrap();
        for number in 0..400 {
            put(&mut context, &format!("entry-{number:04}"), b"of before").unwrap();
        }
        context.commit().unwrap();
        let mut old = whole.clone();
        let before = bytes_of(&stale);
        if let Some(there) = before.get(*at..at + length) {
            old[*at..at + length].copy_from_slice(there);
        }
        for bytes in [lost, misdirected, old] {
            if bytes == whole {
                continue;
            }
            let mut context = open(&with(bytes)).unwrap();
            let verified = context.verify().unwrap();
            let mut errors = 0;
            live.walk(&mut |path, value| {
                match context.get(path) {
                    Ok(Some(there)) => assert_eq!(there.bytes, value.bytes),
                    Ok(None) => panic!("{path:?} is gone without an error"),
                    Err(error) => {
                        assert!(error.to_string().contains("is damaged"), "{error}");
                        errors += 1;
                    }
                }
                Ok(())
            })
            .unwrap();
            assert_eq!(errors > 0, !verified.damage.is_empty());
            found += usize::from(errors > 0);
        }
    }
    assert!(found > 8, "{found}");
}

/// Writes a superblock into both pages, changed at these places, with a right checksum.
fn with_superblocks(whole: &[u8], changes: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for page in bytes[..DATA_START as usize].chunks_exact_mut(PAGE) {
        for (at, change) in changes {
            page[*at..at + change.len()].copy_from_slice(change);
        }
        let checksum = crc32c::crc32c(&page[..BYTES - 4]);
        page[BYTES - 4..BYTES].copy_from_slice(&checksum.to_le_bytes());
    }
    bytes
}

#[test]
fn a_store_of_another_kind_is_refused_and_left_alone() {
    let (storage, _) = small();
    let whole = bytes_of(&storage);
    let refused = |bytes: Vec<u8>| {
        let storage = with(bytes.clone());
        let error = open(&storage).unwrap_err();
        assert_eq!(storage.files().last().1, bytes);
        assert!(storage.events().is_empty());
        assert!(Image::of(bytes).is_err());
        error
    };
    let later = refused(with_superblocks(&whole, &[(12, &[2, 0, 0, 0])]));
    assert!(matches!(later, Error::Store(store::Error::TooNew { version: 2, .. })));
    assert!(later.to_string().contains("has version 2 of the format"), "{later}");
    // Only one of both pages is of the later version: it was the last to be written.
    let mut half = with_superblocks(&whole, &[(12, &[2, 0, 0, 0])]);
    half[..PAGE].copy_from_slice(&whole[..PAGE]);
    assert!(matches!(refused(half), Error::Store(store::Error::TooNew { .. })));
    let other: &[&[(usize, &[u8])]] = &[
        &[(8, &[0x0A, 0x0B, 0x0C, 0x0D]), (12, &[0, 0, 0, 1])],
        &[(12, &[0, 0, 0, 0])],
        &[(16, &[2, 0, 0, 0])],
        &[(20, &[0, 0x20, 0, 0])],
        &[(0, b"AIOSXXX\n")],
    ];
    for changes in other {
        let error = refused(with_superblocks(&whole, changes));
        assert!(matches!(error, Error::Store(store::Error::NotFormat { .. })), "{error}");
    }
    // A writer would go on where blocks cannot be.
    let askew = (u64::try_from(whole.len()).unwrap() - 8).to_le_bytes();
    let error = refused(with_superblocks(&whole, &[(48, &askew), (56, &askew)]));
    assert!(matches!(error, Error::Store(store::Error::Damaged { .. })), "{error}");
}

#[test]
fn an_older_file_does_not_take_the_place_of_a_damaged_one() {
    let (storage, _) = small();
    let mut files = storage.files();
    files.names.insert("context-0000000000000002.aios".to_owned(), 1);
    files.bytes.insert(1, vec![0; 10_000]);
    let storage = Failing::with(files);
    assert!(matches!(open(&storage).unwrap_err(), Error::Store(store::Error::NotFormat { .. })));
    assert_eq!(storage.files().names.len(), 2);
}

/// Flips a bit in the content of the block that holds these bytes.
fn damage(whole: &[u8], value: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let at = bytes.windows(value.len()).position(|window| window == value).expect("it is there");
    bytes[at] ^= 4;
    bytes
}

#[test]
fn damage_is_found_by_its_path_and_the_rest_is_readable() {
    let (storage, _) = settled(400);
    let mut context = open(&with(damage(&bytes_of(&storage), b"value 77"))).unwrap();
    let verified = context.verify().unwrap();
    let [found] = verified.damage.as_slice() else { panic!("{verified:?}") };
    assert_eq!(found.path[..2], [b"live".to_vec(), b"environments".to_vec()]);
    let error = context.get(&[b"environments", b"entry-0077"]).unwrap_err().to_string();
    assert!(error.contains("`live/environments/entry-0077`"), "{error}");
    assert_eq!(
        context.get(&[b"environments", b"entry-0399"]).unwrap().unwrap().bytes,
        b"value 399"
    );
    assert_eq!(context.get(&[b"last"]).unwrap().unwrap().bytes, b"2");
    // There is no other copy.
    let healed = context.heal(&[]).unwrap();
    assert_eq!((healed.healed, healed.left.as_slice()), (0, [found.clone()].as_slice()));
    // What is whole can still be changed; what would lose the damaged part for good is refused.
    put(&mut context, "entry-0399", b"changed").unwrap();
    context.commit().unwrap();
    assert!(context.compact().is_err());
    assert_eq!(context.get(&[b"last"]).unwrap().unwrap().bytes, b"2");
}

/// Heals a store, opens it again, and finds what was there before.
fn assert_heals(damaged: Vec<u8>, expected: Hash, source: &Tree) {
    let storage = with(damaged);
    let mut context = open(&storage).unwrap();
    assert_ne!(context.verify().unwrap().damage, []);
    let healed = context.heal(&[source]).unwrap();
    assert_eq!(healed.left, []);
    assert!(healed.healed > 0);
    assert_eq!((hash(&mut context), context.verify().unwrap().damage), (expected, Vec::new()));
    drop(context);
    let mut context = open(&storage).unwrap();
    assert_eq!((hash(&mut context), context.verify().unwrap().damage), (expected, Vec::new()));
    assert_eq!(context.get(&[b"environments", b"entry-0077"]).unwrap().unwrap().bytes, b"value 77");
    context.compact().unwrap();
    assert_eq!((hash(&mut context), context.verify().unwrap().damage), (expected, Vec::new()));
}

#[test]
fn damage_is_healed_from_an_image_another_store_or_an_older_file() {
    let (storage, live) = settled(400);
    let whole = bytes_of(&storage);
    let expected = hash(&mut open(&storage).unwrap());
    let node = damage(&whole, b"value 77");
    let blob = damage(&whole, &[5; 2000]);
    let both = damage(&node, &[5; 2000]);
    let image = Image::of(image::export(&live).unwrap()).unwrap();
    let mut other = Context::on(Box::new(Failing::default()), &OPTIONS).unwrap();
    let adopted = other.tree.adopt(&live).unwrap();
    let older = Image::of(whole.clone()).unwrap();
    for source in [&image.tree(), &adopted, &older.tree()] {
        for damaged in [&node, &blob, &both] {
            assert_heals(damaged.clone(), expected, source);
        }
    }
    // A length that is damaged in a source hides no whole block behind it.
    let (first, _) = blocks(&whole)[0];
    let mut source = whole.clone();
    source[first + 5] ^= 0x80;
    assert_heals(node, expected, &Image::of(source).unwrap().tree());
}

#[test]
fn a_restore_over_damage_is_whole() {
    let (storage, live) = settled(400);
    let image = Image::of(image::export(&live).unwrap()).unwrap();
    let storage = with(damage(&bytes_of(&storage), b"value 77"));
    let mut context = open(&storage).unwrap();
    context.restore(&image.tree()).unwrap();
    context.commit().unwrap();
    drop(context);
    let mut context = open(&storage).unwrap();
    assert_eq!(
        (hash_of_live(&mut context), context.verify().unwrap().damage),
        (live.hash(), vec![])
    );
}

fn hash_of_live(context: &mut Context) -> Hash {
    context.live().unwrap().hash()
}

#[test]
fn a_tree_deeper_than_a_stack_is_refused() {
    let mut context = open(&Failing::default()).unwrap();
    let mut tree = ContextTree::in_memory(context.store.salt());
    tree.put(&[b"end"], &Value::of(0, b"v")).unwrap();
    for _ in 0..3000 {
        let whole = tree.seal().unwrap();
        tree.put_tree(&[b"k"], &whole).unwrap();
        tree.remove(&[b"end"]).unwrap();
    }
    let deep = tree.seal().unwrap();
    let corrupt = |error: fractal::Error| matches!(error, fractal::Error::NodeCorrupt { .. });
    assert!(corrupt(deep.walk(&mut |_, _| Ok(())).unwrap_err()));
    assert_eq!(deep.verify().damage.len(), 1);
    assert!(matches!(context.restore(&deep), Err(Error::Tree(fractal::Error::NodeCorrupt { .. }))));
    let other = ContextTree::in_memory(Salt([1; 16])).adopt(&deep);
    assert!(corrupt(other.unwrap_err()));
    tree.put(&[b"another"], &Value::of(0, b"v")).unwrap();
    let (mut one, mut two) = (tree, ContextTree::in_memory(context.store.salt()));
    let bytes = image::export(&deep).unwrap();
    let image = Image::of(bytes).unwrap();
    assert!(!two.heal(&image.tree(), &[]).left.is_empty());
    let after = one.seal().unwrap();
    assert!(after.diff(&image.tree(), &mut |_| ()).is_ok());
    let long = vec![b"k".as_slice(); 65];
    assert!(matches!(
        context.put(&long, &Value::of(0, b"v")),
        Err(Error::Tree(fractal::Error::Long { .. }))
    ));
}
