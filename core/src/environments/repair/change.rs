//! The primitive changes of the file system that a repair is made of, and what stands at a path before
//! and after each: enough to carry one out twice, or to take it back.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::environments::wheels::archive::{Archive, MAX_MEMBER_BYTES};
use crate::environments::wheels::location::Location;
use crate::fs;
use crate::system;

/// What a file is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// What this file holds, which lies outside the environment (an interpreter of the base).
    File(PathBuf),
    /// A member of a wheel.
    Member {
        /// The wheel, or the folder that it was unpacked into.
        archive: Location,
        /// The member's name, `/`-separated.
        name: String,
        /// SHA-256 of its bytes: other ones are an error.
        hash: [u8; 32],
    },
}

impl Content {
    /// Writes the bytes out. Those of a member that differ are an error, after they were written.
    pub(super) fn copy(&self, archives: &mut Archives, to: &mut dyn Write) -> io::Result<()> {
        match self {
            Content::Bytes(bytes) => to.write_all(bytes),
            Content::File(path) => io::copy(&mut File::open(path)?, to).map(drop),
            Content::Member { archive, name, hash } => {
                let copied = archives.open(archive)?.copy(name, MAX_MEMBER_BYTES, to)?;
                if copied == *hash { Ok(()) } else { Err(other(archive, name)) }
            }
        }
    }

    /// The bytes. `archives` keeps a wheel open from one member to the next.
    pub fn read(&self, archives: &mut Archives) -> io::Result<Vec<u8>> {
        match self {
            Content::Bytes(bytes) => Ok(bytes.clone()),
            Content::File(path) => std::fs::read(path),
            Content::Member { archive, name, hash } => {
                let bytes = archives.open(archive)?.read(name, MAX_MEMBER_BYTES)?;
                if <[u8; 32]>::from(Sha256::digest(&bytes)) == *hash {
                    Ok(bytes)
                } else {
                    Err(other(archive, name))
                }
            }
        }
    }
}

fn other(archive: &Location, name: &str) -> io::Error {
    io::Error::other(format!("`{name}` in {archive} is not what it was to be"))
}

/// The wheel that was read last: members of one follow each other.
#[derive(Debug, Default)]
pub struct Archives(Option<(Location, Archive)>);

impl Archives {
    fn open(&mut self, location: &Location) -> io::Result<&mut Archive> {
        let kept = self.0.take().filter(|(known, _)| known == location);
        let opened = match kept {
            Some(kept) => kept,
            None => (location.clone(), Archive::open(location)?),
        };
        Ok(&mut self.0.insert(opened).1)
    }
}

/// One change. Each is atomic on its own: at any moment the old or the new state stands at the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Puts a regular file in the place of whatever file or link stands there.
    Write {
        /// The file.
        path: PathBuf,
        /// What it is to hold.
        content: Content,
        /// Permission bits; `None` keeps those of the old file, or takes the usual ones for a new one.
        mode: Option<u32>,
    },
    /// Puts a symbolic link in the place of whatever file or link stands there.
    Link {
        /// The link.
        path: PathBuf,
        /// Its target, as written.
        target: PathBuf,
    },
    /// Sets permission bits.
    Mode {
        /// The file or folder.
        path: PathBuf,
        /// The bits, as `chmod` takes them.
        mode: u32,
    },
    /// Makes a folder.
    Folder {
        /// The folder; its parent stands or is made before.
        path: PathBuf,
    },
    /// Moves what stands there into the folder of the repair. Nothing is deleted.
    Remove {
        /// A file, a link or a whole folder.
        path: PathBuf,
    },
    /// Gives a file or folder another name in the environment; nothing stands there yet.
    Rename {
        /// The old name.
        from: PathBuf,
        /// The new name.
        to: PathBuf,
    },
}

impl Change {
    /// The paths that it changes.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Change::Write { path, .. }
            | Change::Link { path, .. }
            | Change::Mode { path, .. }
            | Change::Folder { path }
            | Change::Remove { path } => vec![path],
            Change::Rename { from, to } => vec![from, to],
        }
    }
}

/// What stands at a path, as far as changes tell it apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Nothing.
    Absent,
    /// A regular file: hash of its bytes, and permission bits (0 where systems have none).
    File {
        /// SHA-256.
        hash: [u8; 32],
        /// As `chmod` takes them.
        mode: u32,
    },
    /// A symbolic link and its target.
    Link(#[serde(with = "path_bytes")] PathBuf),
    /// A folder and its permission bits.
    Folder {
        /// As `chmod` takes them.
        mode: u32,
    },
    /// A fifo, socket or device: nothing that a repair touches.
    Other,
}

impl State {
    /// The hash of a regular file.
    pub fn hash(self) -> Option<[u8; 32]> {
        match self {
            State::File { hash, .. } => Some(hash),
            _ => None,
        }
    }

    /// Looks at a path, links not followed.
    pub fn of(path: &Path) -> std::io::Result<State> {
        let metadata = match std::fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if fs::missing(&error) => return Ok(State::Absent),
            Err(error) => return Err(error),
        };
        let mode = system::mode(&metadata);
        if metadata.is_symlink() {
            return std::fs::read_link(path).map(State::Link);
        }
        if metadata.is_dir() {
            return Ok(State::Folder { mode });
        }
        if !metadata.is_file() {
            return Ok(State::Other);
        }
        let (mut file, _) = fs::open(path).map_err(|error| match error {
            fs::ReadError::Io { source, .. } => source,
            other => std::io::Error::other(other.to_string()),
        })?;
        let mut hash = Sha256::new();
        std::io::copy(&mut file, &mut hash)?;
        Ok(State::File { hash: hash.finalize().into(), mode })
    }
}

/// A path by its bytes: it need not be text.
pub(super) mod path_bytes {
    use std::path::{Path, PathBuf};

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        path: &Path,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_os_str().as_encoded_bytes().serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<PathBuf, D::Error> {
        let bytes = Vec::<u8>::deserialize(from)?;
        crate::system::path_of(&bytes).ok_or_else(|| D::Error::custom("no path of this system"))
    }
}
