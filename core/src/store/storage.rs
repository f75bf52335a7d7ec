//! The folder that a store lives in, behind a trait: a real one, and in tests one that crashes and fails.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::mapping::{self, Bytes};
use crate::system;

/// A folder of files.
pub trait Storage: Debug + Send + Sync {
    /// The names of its files.
    fn names(&self) -> io::Result<Vec<String>>;
    /// Opens a file for reading, and for writing where asked.
    fn open(&self, name: &str, write: bool) -> io::Result<Box<dyn Stored>>;
    /// Makes a file that must not exist, for reading and writing, for the user alone.
    fn create(&self, name: &str) -> io::Result<Box<dyn Stored>>;
    /// Gives a file another name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Returns when the names of its files are durable.
    fn sync_names(&self) -> io::Result<()>;
    /// Takes the right to write, until the value is dropped. `None` when another has it.
    fn lock(&self) -> io::Result<Option<Box<dyn Debug + Send + Sync>>>;
    /// For messages.
    fn place(&self) -> &Path;
}

/// One open file.
pub trait Stored: Debug + Send + Sync {
    /// Its length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Fills the buffer from this offset, or fails.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of these bytes at this offset.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Returns when everything written is durable.
    fn sync(&self) -> io::Result<()>;
    /// The first `length` bytes, without a copy where that can be.
    fn bytes(&self, length: u64) -> io::Result<Bytes>;
}

/// A folder on disk.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// The file whose lock is the right to write.
const LOCK: &str = "lock";

impl Folder {
    /// This folder, made for the user alone when there is none.
    pub fn create(path: &Path) -> io::Result<Folder> {
        let is_there = path.is_dir();
        system::make_private_folder(path)?;
        // Its own name has to be durable before anything in it is.
        if let Some(above) = path.parent().filter(|_| !is_there) {
            let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
            system::sync_folder(above)?;
        }
        Ok(Folder { path: path.to_path_buf() })
    }

    /// This folder, which may not exist.
    pub fn existing(path: &Path) -> Folder {
        Folder { path: path.to_path_buf() }
    }
}

impl Storage for Folder {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    fn open(&self, name: &str, write: bool) -> io::Result<Box<dyn Stored>> {
        Ok(Box::new(open(&self.path.join(name), OpenOptions::new().read(true).write(write))?))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Stored>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        system::create_for_owner_alone(&mut options);
        Ok(Box::new(options.open(self.path.join(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        system::sync_folder(&self.path)
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Debug + Send + Sync>>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        system::create_for_owner_alone(&mut options);
        let file = open(&self.path.join(LOCK), &mut options)?;
        file.length()?;
        match file.try_lock() {
            // The system gives the lock back when its owner dies, so one that is held has a living owner.
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn place(&self) -> &Path {
        &self.path
    }
}

/// Opens a file. Nobody waits for the other end of a pipe by its name, which has no length ([`Stored::length`]).
pub(crate) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    system::open_at_once(options);
    options.open(path)
}

impl Stored for File {
    fn length(&self) -> io::Result<u64> {
        let metadata = self.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Ok(metadata.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        system::read_at(self, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        system::write_at(self, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn bytes(&self, length: u64) -> io::Result<Bytes> {
        mapping::map(self, length)
    }
}
