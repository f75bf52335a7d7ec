//! Where folders are not kept open, a folder is its path.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::{Entry, Kind, ReadError, Seen, Stamp, below, read_open};

/// A folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Names a folder; it is opened when its entries are asked for.
    pub fn open(path: PathBuf) -> io::Result<Folder> {
        Ok(Folder { path })
    }

    /// A folder in this one.
    pub fn folder(&self, name: &str) -> io::Result<Folder> {
        let path = below(&self.path, name);
        std::fs::metadata(&path)?;
        Ok(Folder { path })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its path, once nothing more is asked of it.
    pub fn into_path(self) -> PathBuf {
        self.path
    }

    /// Its entries, in the order of the file system.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let entry = |entry: std::fs::DirEntry| {
            Some(Entry { kind: entry.file_type().ok()?.into(), name: entry.file_name(), inode: 0 })
        };
        Ok(std::fs::read_dir(&self.path)?.flatten().filter_map(entry).collect())
    }

    /// Gives name, kind and inode of each entry, in the order of the file system.
    pub fn each_entry(&self, mut visit: impl FnMut(&OsStr, Kind, u64)) -> io::Result<()> {
        for entry in self.entries()? {
            visit(&entry.name, entry.kind, entry.inode);
        }
        Ok(())
    }

    /// What it is itself.
    pub fn seen(&self) -> io::Result<Seen> {
        std::fs::metadata(&self.path).map(|metadata| Seen::from(&metadata))
    }

    /// What stands at a path below it, links followed.
    pub fn look(&self, below: impl AsRef<Path>) -> io::Result<Seen> {
        std::fs::metadata(super::below(&self.path, below)).map(|metadata| Seen::from(&metadata))
    }

    /// The same of a link itself.
    pub fn look_at_link(&self, below: impl AsRef<Path>) -> io::Result<Seen> {
        std::fs::symlink_metadata(super::below(&self.path, below))
            .map(|metadata| Seen::from(&metadata))
    }

    /// Not told from a link that leads to one, here.
    pub fn open_file(&self, _below: impl AsRef<Path>) -> io::Result<(File, Seen)> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The target of a link in it, as written.
    pub fn read_link(&self, name: &OsStr) -> Option<PathBuf> {
        std::fs::read_link(below(&self.path, name)).ok()
    }

    /// The stamp of a folder at this path below it, links followed.
    pub fn folder_below(&self, below: &str) -> Option<Stamp> {
        let metadata = std::fs::metadata(self.path.join(below)).ok()?;
        metadata.is_dir().then(|| Stamp::from(&metadata))
    }

    /// Its own stamp; nobody in particular owns it.
    pub fn stamp(&self) -> Option<(Stamp, Option<u32>)> {
        Stamp::of(&self.path).map(|stamp| (stamp, None))
    }

    /// The whole of a regular file in it that holds at most `limit` bytes, and its stamp.
    pub fn read(&self, name: &str, limit: u64) -> Result<(Vec<u8>, Stamp), ReadError> {
        let path = below(&self.path, name);
        super::open(&path).and_then(|(file, _)| read_open(file, path, limit))
    }

    /// Unknown.
    pub fn device(&self) -> Option<u64> {
        None
    }
}
