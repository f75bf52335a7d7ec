//! Proof that a value is, or is not, in the tree with a known hash: the contents of the nodes that lead
//! to it. Whoever knows the hash needs nothing else to believe it.

use super::node::{BLOB, Kind, PRELUDE, of_content};
use super::tree::{Tree, Unread};
use super::{Error, Path, Severity, owned};
use crate::store::block::Hash;

/// The contents of nodes from the root to a value, or to where it would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// In the order in which they are read.
    pub contents: Vec<Vec<u8>>,
}

/// A value that was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// What it is, for whoever put it there.
    pub tag: u16,
    /// How bad what it says is.
    pub severity: Severity,
    /// The bytes that it stands for.
    pub weight: u64,
    /// What was put.
    pub bytes: Vec<u8>,
}

/// The contents do not show what they should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not hold")]
pub struct Forged;

impl Tree {
    /// A proof of what is at a path, be it nothing.
    pub fn prove(&self, path: Path<'_>) -> Result<Proof, Error> {
        let mut contents = Vec::new();
        let Some(mut root) = self.root() else { return Ok(Proof { contents }) };
        for (depth, key) in path.iter().enumerate() {
            let at = |unread: Unread| unread.at(&owned(&path[..=depth]));
            let mut node = self.first(&root).map_err(at)?;
            contents.push(node.block().content().to_vec());
            while node.level() > 0 {
                let number = node.lower_bound(key);
                if number == node.len() {
                    return Ok(Proof { contents });
                }
                node = self.below(&node, &node.entry(number)).map_err(at)?;
                contents.push(node.block().content().to_vec());
            }
            let number = node.lower_bound(key);
            if number == node.len() || !node.entry(number).key_is(key) {
                return Ok(Proof { contents });
            }
            let entry = node.entry(number);
            match entry.kind {
                Kind::Tree => root = super::tree::Root::of(&entry),
                Kind::Blob => {
                    let block = self.block(entry.link, &entry.hash()).map_err(at)?;
                    contents.push(block.content().to_vec());
                    break;
                }
                _ => break,
            }
        }
        Ok(Proof { contents })
    }
}

impl Proof {
    /// The value at a path of the tree with this hash; `None` when it is proved that there is none.
    pub fn verify(&self, tree: Hash, path: Path<'_>) -> Result<Option<Proved>, Forged> {
        let mut contents = self.contents.iter();
        if self.contents.is_empty() {
            return if tree == super::tree::empty() { Ok(None) } else { Err(Forged) };
        }
        let mut expected = tree;
        for (depth, key) in path.iter().enumerate() {
            let mut level = None;
            loop {
                let content = contents.next().filter(|content| Hash::of(content) == expected);
                let rebuilt = of_content(content.ok_or(Forged)?).ok_or(Forged)?;
                let node = rebuilt.node().ok_or(Forged)?;
                if level.is_some_and(|level: u8| level != node.level() + 1) {
                    return Err(Forged);
                }
                level = Some(node.level());
                let number = node.lower_bound(key);
                if number == node.len() {
                    return Ok(None);
                }
                let entry = node.entry(number);
                if node.level() > 0 {
                    expected = entry.hash();
                    continue;
                }
                if !entry.key_is(key) {
                    return Ok(None);
                }
                let is_last = depth + 1 == path.len();
                let bytes = match entry.kind {
                    Kind::Tree if is_last => return Ok(None),
                    Kind::Tree => {
                        expected = entry.hash();
                        break;
                    }
                    // The path goes on below a value: there is nothing.
                    _ if !is_last => return Ok(None),
                    Kind::Blob => {
                        let content = contents.next().filter(|content| {
                            Hash::of(content) == entry.hash() && content.first() == Some(&BLOB)
                        });
                        content.and_then(|content| content.get(PRELUDE..)).ok_or(Forged)?.to_vec()
                    }
                    _ => entry.payload.to_vec(),
                };
                let (tag, severity, weight) = (entry.tag, entry.severity, entry.weight);
                return Ok(Some(Proved { tag, severity, weight, bytes }));
            }
        }
        Ok(None)
    }
}
