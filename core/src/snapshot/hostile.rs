//! Reads an image that others made in every way there is, and changes one so that its checksums are
//! right: for property tests, and for `fuzz/fuzz_targets/context_image.rs`, which includes this file.

use super::fractal::{ContextTree, Tree};
use super::{Image, Salt};

/// A tree of more records than this is not walked: sharing makes a small file say any number.
const MOST: u64 = 3000;
/// Bytes of both superblocks, and the least of a block.
const DATA_START: usize = 8192;
const SUPERBLOCK: usize = 512;
const ALIGNMENT: usize = 64;

/// Opens and reads bytes as an image. Whatever they are, this returns, and what it finds whole is whole.
pub(crate) fn read(bytes: Vec<u8>) {
    let Ok(image) = Image::of(bytes) else { return };
    let _ = image.check();
    let tree = image.tree();
    let is_whole = tree.verify().damage.is_empty();
    let mut own = ContextTree::in_memory(tree.salt());
    let adopted = own.adopt(&tree);
    assert_eq!(adopted.is_ok(), is_whole);
    if let Ok(adopted) = adopted {
        assert_eq!((adopted.hash(), adopted.totals()), (tree.hash(), tree.totals()));
        assert!(adopted.verify().damage.is_empty());
    }
    let healed = own.heal(&tree, &[]);
    assert_eq!(healed.tree.hash(), tree.hash());
    let nothing: &[&[u8]] = &[b"no such key", b"nor this"];
    let _ = tree.get(nothing);
    if let Ok(proof) = tree.prove(nothing) {
        let verified = proof.verify(tree.hash(), nothing);
        assert!(!is_whole || verified == Ok(None));
    }
    if tree.totals().records <= MOST {
        walk(&tree, is_whole);
    }
}

fn walk(tree: &Tree, is_whole: bool) {
    let records = tree.totals().records;
    let mut seen = 0;
    let walked = tree.walk(&mut |path, value| {
        seen += 1;
        if is_whole {
            let found = tree.get(path)?.expect("what is walked over can be looked up");
            assert_eq!(found.bytes, value.bytes);
            let proof = tree.prove(path)?;
            assert!(proof.verify(tree.hash(), path).is_ok_and(|proved| proved.is_some()));
        }
        Ok(())
    });
    assert!(seen <= records);
    assert!(!is_whole || walked.is_ok() && seen == records);
    let mut other = ContextTree::in_memory(Salt([7; 16]));
    let rebuilt = other.adopt(tree);
    assert!(!is_whole || rebuilt.is_ok());
    let Ok(rebuilt) = rebuilt else { return };
    let mut differences = 0;
    let compared = rebuilt.diff(tree, &mut |_| differences += 1);
    assert!(!is_whole || compared.is_ok() && differences == 0);
    let empty =
        ContextTree::in_memory(tree.salt()).seal().expect("there is nothing to make nodes of");
    assert!(!is_whole || tree.diff(&empty, &mut |_| ()).is_ok());
}

/// Changes bytes at places of the image (each taken modulo its length), then makes the checksums and, if
/// so said, the names of its blocks right: what is left to refuse it is what it says.
pub(crate) fn changed(image: &[u8], changes: &[(u32, u8)], rename: bool) -> Vec<u8> {
    let mut bytes = image.to_vec();
    for (at, byte) in changes {
        let at = *at as usize % bytes.len();
        bytes[at] = *byte;
    }
    for page in bytes[..DATA_START].chunks_exact_mut(DATA_START / 2) {
        let (body, sum) = page[..SUPERBLOCK].split_at_mut(SUPERBLOCK - 4);
        sum.copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
    }
    let mut at = DATA_START;
    while let Some(header) = bytes.get(at..at + 16) {
        let word = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
                as usize
        };
        let (length, content, counts) = (word(4), word(8), word(12));
        let (links, hints) = (counts & 0xffff, counts >> 16);
        let start = (32 + hints).next_multiple_of(8) + 8 * links;
        let whole = (ALIGNMENT..=bytes.len() - at).contains(&length) && start + content <= length;
        if !whole {
            at += ALIGNMENT;
            continue;
        }
        let block = &mut bytes[at..at + length];
        if rename {
            let hash = super::Hash::of(&block[start..start + content]);
            block[16..32].copy_from_slice(&hash.0[..16]);
        }
        let sum = crc32c::crc32c(&block[4..]);
        block[..4].copy_from_slice(&sum.to_le_bytes());
        at += length;
    }
    bytes
}
