//! Everything that stands below a folder, to compare before and after.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::system;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    File { bytes: Vec<u8>, rights: (u32, u32, u32), modified: SystemTime },
    Link(PathBuf),
    Folder { rights: (u32, u32, u32) },
}

/// Every file, link and folder below the folder, but what repairs keep: bytes, mode, owner and group,
/// and when each file was modified.
pub(crate) fn tree(folder: &Path) -> BTreeMap<PathBuf, Node> {
    let mut all = BTreeMap::new();
    add(folder, &mut all);
    all
}

fn add(folder: &Path, all: &mut BTreeMap<PathBuf, Node>) {
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
