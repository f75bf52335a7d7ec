//! One tree as one run of bytes without pointers: it may be put anywhere, and is read in place.
//!
//! The layout is that of a store's file with one commit, whose root is that of the tree.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Error, record_of, root_of};
use crate::index::fractal::{Root, Tree, is_sound};
use crate::store::arena::Arena;
use crate::store::storage::{self, Stored};
use crate::store::{self, Bytes, Copied, Opened};

/// A tree that was exported.
#[derive(Debug)]
pub struct Image {
    opened: Opened,
}

/// One tree as one run of bytes: every block that it leads to, each once, children first.
pub fn export(tree: &Tree) -> Result<Vec<u8>, Error> {
    let mut arena = Arena::of_image(tree.space().end());
    let root = match tree.root() {
        Some(root) => {
            let mut copied = Copied::new(tree.space(), &mut arena);
            let copy = copied.copy(root.address, is_sound);
            Some(Root { address: copy.map_err(store::Error::from)?, ..root })
        }
        None => None,
    };
    Ok(store::image(arena, tree.salt(), 1, record_of(root)))
}

impl Image {
    /// The image of a tree: every block that it leads to, each once, children first.
    pub fn export(tree: &Tree) -> Result<Vec<u8>, Error> {
        export(tree)
    }

    /// The image in a buffer. Each block is checked when it is first read.
    pub fn of(bytes: Vec<u8>) -> Result<Image, Error> {
        Ok(Image { opened: Opened::image(Bytes::Owned(bytes), &PathBuf::from("an image"))? })
    }

    /// The image in a file, read in place. The file must not be changed meanwhile.
    pub fn open(path: &Path) -> Result<Image, Error> {
        let failed = |source| store::Error::Io { what: "open", path: path.to_path_buf(), source };
        let file = storage::open(path, OpenOptions::new().read(true)).map_err(failed)?;
        let length = Stored::length(&file).map_err(failed)?;
        let bytes = Stored::bytes(&file, length).map_err(failed)?;
        Ok(Image { opened: Opened::image(bytes, path)? })
    }

    /// The tree in it.
    pub fn tree(&self) -> Tree {
        let Opened { space, root, salt, .. } = &self.opened;
        Tree::of(Arc::clone(space), *salt, root_of(root))
    }

    /// Compares the checksum of every block. Returns the bytes that were read.
    pub fn check(&self) -> Result<u64, Error> {
        Ok(self.opened.space.check_all(is_sound).map_err(store::Error::from)?)
    }
}
