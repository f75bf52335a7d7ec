//! Everything that stands below a folder, to compare before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::system;

/// Everything that stands below a folder.
pub(crate) type Tree = BTreeMap<PathBuf, Node>;

/// What stands at a path.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Node {
    File { bytes: Vec<u8>, rights: (u32, u32, u32), modified: SystemTime },
    Link(PathBuf),
    Folder { rights: (u32, u32, u32) },
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Node::File { bytes, rights, modified } => {
                let text = String::from_utf8_lossy(&bytes[..bytes.len().min(100)]);
                write!(f, "{} bytes, {rights:?}, {modified:?}: {text:?}", bytes.len())
            }
            Node::Link(target) => write!(f, "link to {target:?}"),
            Node::Folder { rights } => write!(f, "folder, {rights:?}"),
        }
    }
}

/// What differs, one path a line; empty where nothing does.
pub(crate) fn differences(before: &Tree, after: &Tree) -> String {
    let paths: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    let differ = |path: &&&PathBuf| before.get(**path) != after.get(**path);
    let line = |path: &&PathBuf| {
        format!("{}:\n  {:?}\n  {:?}\n", path.display(), before.get(*path), after.get(*path))
    };
    paths.iter().filter(differ).map(line).collect()
}

/// The same, whenever its files were modified.
#[cfg(unix)]
pub(crate) fn timeless(tree: &Tree) -> Tree {
    let mut timeless = tree.clone();
    for node in timeless.values_mut() {
        if let Node::File { modified, .. } = node {
            *modified = SystemTime::UNIX_EPOCH;
        }
    }
    timeless
}

/// Every file, link and folder below the folder, but what repairs keep: bytes, mode, owner and group,
/// and when each file was modified.
pub(crate) fn tree(folder: &Path) -> Tree {
    let mut all = BTreeMap::new();
    add(folder, &mut all);
    all
}

fn add(folder: &Path, all: &mut Tree) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        let metadata = entry.metadata().unwrap();
        let rights = system::rights(&metadata);
        let node = if metadata.is_symlink() {
            Node::Link(fs::read_link(&path).unwrap())
        } else if metadata.is_dir() {
            if entry.file_name() == ".aios-repair" {
                continue;
            }
            add(&path, all);
            Node::Folder { rights }
        } else {
            let modified = metadata.modified().unwrap();
            Node::File { bytes: fs::read(&path).unwrap(), rights, modified }
        };
        all.insert(path, node);
    }
}
