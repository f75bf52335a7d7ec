//! Reading a backup: its manifest at once, its other members when they are asked for.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::Error;
use super::directory::{self, Directory, Entry};
use super::manifest::{self, Manifest, Member};
use super::sealed::{Bytes, Key};
use crate::environments::wheels::location::Location;
use crate::fs;

/// The member that is looked at first.
pub(super) const MANIFEST: &str = "manifest.json";
/// What stands at the end of the archive, before the SHA-256 of the manifest.
const COMMENT: &str = "aios backup; sha256 of manifest.json: ";
const DIGITS: usize = 64;
/// Members that are read into memory: texts, and the image of a context.
const MAX_MEMBER_BYTES: u64 = 1024 * 1024 * 1024;
const ZIP: &[u8] = b"PK\x03\x04";

/// A backup whose manifest is whole.
#[derive(Debug)]
pub struct Backup {
    path: PathBuf,
    file: Bytes,
    directory: Directory,
    manifest: Manifest,
    bytes: u64,
    /// Members that were compared with their checksums.
    compared: Mutex<HashSet<String>>,
}

/// What came of comparing every member with its checksum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many files the archive has.
    pub members: usize,
    /// Bytes of all of them, unpacked.
    pub bytes: u64,
    /// What is not as it was written.
    pub damaged: Vec<Damaged>,
}

/// A member that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Its name in the archive.
    pub name: String,
    /// Why, as the end of a sentence that begins with the name.
    pub what: String,
}

/// What the archive ends with.
pub(super) fn comment(manifest: &[u8]) -> String {
    format!("{COMMENT}{}", hex(&Sha256::digest(manifest)))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Backup {
    /// Opens a backup and reads its manifest. The key counts when it is encrypted.
    pub fn open(path: &Path, key: Option<&Key>) -> Result<Backup, Error> {
        let (file, _) = fs::open(path)?;
        Backup::of(file, path, key)
    }

    /// The same of a file that is open; the path is for messages.
    pub(super) fn of(file: File, path: &Path, key: Option<&Key>) -> Result<Backup, Error> {
        let metadata = file.metadata();
        let file = Bytes::open(file, path, key)?;
        let io = |source| Error::Io { what: "read", path: path.to_path_buf(), source };
        let damaged = |what: String| Error::Damaged { path: path.to_path_buf(), what };
        let directory = match Directory::read(&file, COMMENT.len() + DIGITS) {
            Ok(directory) => directory,
            Err(directory::NotRead::NoEnd) => {
                return Err(without_end(&file, path).unwrap_or_else(io));
            }
            Err(directory::NotRead::Bad(what)) => return Err(damaged(what)),
            Err(directory::NotRead::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(damaged(format!("has a directory that {error}")));
            }
            Err(directory::NotRead::Io(error)) => return Err(io(error)),
        };
        if !directory.comment.starts_with(COMMENT.as_bytes()) {
            return Err(Error::NotABackup { path: path.to_path_buf() });
        }
        let entry = directory.find(MANIFEST);
        let entry = entry.ok_or_else(|| damaged(format!("has no `{MANIFEST}`")))?;
        let bytes = whole(entry, &file, manifest::MAX_BYTES)
            .map_err(|what| damaged(format!("has a `{MANIFEST}` that {what}")))?;
        if comment(&bytes).as_bytes() != directory.comment {
            return Err(damaged(format!("has a `{MANIFEST}` that does not match its checksum")));
        }
        let manifest = Manifest::parse(&bytes).map_err(|error| match error {
            manifest::NotRead::Bad(what) => damaged(format!("has a `{MANIFEST}` that {what}")),
            manifest::NotRead::TooNew(schema) => Error::TooNew { path: path.to_path_buf(), schema },
        })?;
        let bytes = metadata.map_err(io)?.len();
        let (path, compared) = (path.to_path_buf(), Mutex::default());
        let backup = Backup { path, file, directory, manifest, bytes, compared };
        backup.check_members().map_err(damaged)?;
        Ok(backup)
    }

    /// That the archive has what the manifest lists, and nothing else.
    fn check_members(&self) -> Result<(), String> {
        let listed = self.manifest.by_name();
        for entry in self.directory.entries.iter().filter(|entry| entry.name != MANIFEST) {
            match listed.get(entry.name.as_str()) {
                Some(member) if member.bytes == entry.bytes => {}
                Some(_) => {
                    return Err(format!("has `{}` with another size than listed", entry.name));
                }
                None => {
                    return Err(format!("has `{}`, which its manifest does not list", entry.name));
                }
            }
        }
        if listed.len() + 1 != self.directory.entries.len() {
            let has = |name: &str| self.directory.find(name).is_some();
            let lost = self.manifest.members.iter().find(|member| !has(&member.name));
            let name = lost.map_or(MANIFEST, |member| &member.name);
            return Err(format!("lacks `{name}`, which its manifest lists"));
        }
        Ok(())
    }

    /// The same under the name that its file has now.
    pub(super) fn named(self, path: &Path) -> Backup {
        Backup { path: path.to_path_buf(), ..self }
    }

    /// Whether it takes a key to read it.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.file, Bytes::Sealed(..))
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size of its file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What was on the machine.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The bytes of a member, as they were written.
    pub fn member(&self, name: &str) -> Result<Vec<u8>, Error> {
        let damaged = |what: String| Error::Damaged {
            path: self.path.clone(),
            what: format!("has a `{name}` that {what}"),
        };
        let listed = self.manifest.members.iter().find(|member| member.name == name);
        let (Some(listed), Some(entry)) = (listed, self.directory.find(name)) else {
            return Err(damaged("is not there".to_owned()));
        };
        let bytes = whole(entry, &self.file, MAX_MEMBER_BYTES).map_err(damaged)?;
        if hex(&Sha256::digest(&bytes)) != listed.sha256 {
            return Err(damaged("does not match its checksum".to_owned()));
        }
        Ok(bytes)
    }

    /// Where the wheel in a member can be read as it lies, neither packed nor encrypted. Nobody compared it yet.
    pub(super) fn wheel(&self, name: &str) -> Option<Location> {
        let bytes = self.directory.find(name)?.stored()?;
        let file_name = name.rsplit('/').next()?;
        (!self.is_encrypted()).then(|| Location::of_part(self.path.clone(), file_name, bytes))
    }

    /// Compares a member with its checksum, once.
    pub(super) fn check(&self, name: &str) -> Result<(), Error> {
        let io = |source| Error::Io { what: "read", path: self.path.clone(), source };
        let compared = || self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        if !compared().contains(name) {
            self.copy(name, &mut io::sink(), io)?;
            compared().insert(name.to_owned());
        }
        Ok(())
    }

    /// Writes a member to a new file, in a folder that is made. What does not match its checksum is removed again.
    pub(super) fn unpack(&self, name: &str, to: &Path) -> Result<(), Error> {
        let io = |source| Error::Io { what: "write", path: to.to_path_buf(), source };
        let folder = to.parent().unwrap_or(to);
        std::fs::create_dir_all(folder).map_err(io)?;
        let mut file = OpenOptions::new().write(true).create_new(true).open(to).map_err(io)?;
        let copied = self.copy(name, &mut file, io);
        drop(file);
        copied.inspect_err(|_| drop(std::fs::remove_file(to)))
    }

    /// Copies a member, and compares it with its checksum. `io` is what an error of the system becomes.
    fn copy(
        &self,
        name: &str,
        to: &mut dyn Write,
        io: impl Fn(io::Error) -> Error,
    ) -> Result<(), Error> {
        let damaged = |what: &str| Error::Damaged {
            path: self.path.clone(),
            what: format!("has a `{name}` that {what}"),
        };
        let listed = self.manifest.members.iter().find(|member| member.name == name);
        let (Some(listed), Some(entry)) = (listed, self.directory.find(name)) else {
            return Err(damaged("is not there"));
        };
        compare(entry, &self.file, listed, to).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => damaged(&error.to_string()),
            _ => io(error),
        })
    }

    /// Compares every member with its checksum.
    pub fn verify(&self) -> Result<Verified, Error> {
        let mut verified =
            Verified { members: self.directory.entries.len(), ..Verified::default() };
        let listed = self.manifest.by_name();
        for entry in &self.directory.entries {
            verified.bytes += entry.bytes;
            // The manifest was compared when it was read.
            let Some(member) = listed.get(entry.name.as_str()) else { continue };
            if let Err(error) = compare(entry, &self.file, member, &mut io::sink()) {
                if error.kind() != io::ErrorKind::InvalidData {
                    let (path, source) = (self.path.clone(), error);
                    return Err(Error::Io { what: "read", path, source });
                }
                verified
                    .damaged
                    .push(Damaged { name: entry.name.clone(), what: error.to_string() });
            }
        }
        Ok(verified)
    }
}

/// Copies a member, and compares it with its checksum.
fn compare(entry: &Entry, file: &Bytes, member: &Member, to: &mut dyn Write) -> io::Result<()> {
    let mut hash = Sha256::new();
    let mut content = entry.open(file);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match content.read(&mut buffer).map_err(of_content)? {
            0 => break,
            read => {
                hash.update(&buffer[..read]);
                to.write_all(&buffer[..read])?;
            }
        }
    }
    if hex(&hash.finalize()) == member.sha256 {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "does not match its checksum"))
    }
}

/// What an inflating reader says of bytes that are none.
fn of_content(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            io::Error::new(io::ErrorKind::InvalidData, "cannot be unpacked")
        }
        _ => error,
    }
}

/// All of a member, or what is wrong with it.
fn whole(entry: &Entry, file: &Bytes, limit: u64) -> Result<Vec<u8>, String> {
    if entry.bytes > limit {
        return Err(format!(
            "holds {} bytes, more than the {limit} that are read of it",
            entry.bytes
        ));
    }
    let mut bytes = Vec::new();
    let read = entry.open(file).read_to_end(&mut bytes);
    read.map(|_| bytes).map_err(|error| of_content(error).to_string())
}

/// What a file is that does not end as a backup does.
fn without_end(file: &Bytes, path: &Path) -> io::Result<Error> {
    let mut start = vec![0; file.length()?.min(ZIP.len() as u64) as usize];
    file.read_at(&mut start, 0)?;
    let path = path.to_path_buf();
    Ok(if start == ZIP { Error::NoEnd { path } } else { Error::NotABackup { path } })
}
