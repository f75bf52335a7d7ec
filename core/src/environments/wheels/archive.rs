//! Wheels as sources of files: an archive, or the folder that one was unpacked into.
//!
//! A wheel is untrusted. Names that lead out of it, links, encrypted members and sizes beyond the limit
//! are refused; who reads a member compares its hash.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::location::Location;
use super::span::Span;
use crate::fs;
use crate::system;

/// More files than any distribution has.
const MAX_MEMBERS: usize = 200_000;

/// Read to find out what is in one: the names of so many members.
const MAX_DIRECTORY_BYTES: u64 = 32 * 1024 * 1024;

/// The largest single libraries take a little more than 1 GiB.
pub(in crate::environments) const MAX_MEMBER_BYTES: u64 = 2 << 30;

/// Of a member at a time.
const BUFFER_BYTES: usize = 64 * 1024;

/// An archive or folder that is open.
pub(in crate::environments) enum Archive {
    /// A `.whl` file, or what pip kept of an answer of an index.
    Zip(Box<ZipArchive<Span>>),
    /// What a wheel was unpacked into.
    Folder(PathBuf),
    /// Files that are kept elsewhere, by their names.
    Memory(BTreeMap<String, Vec<u8>>),
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Archive::Zip(zip) => write!(f, "Zip({} members)", zip.len()),
            Archive::Folder(folder) => write!(f, "Folder({})", folder.display()),
            Archive::Memory(files) => write!(f, "Memory({} files)", files.len()),
        }
    }
}

impl Archive {
    /// Opens a wheel, or the folder of one.
    pub(in crate::environments) fn open(location: &Location) -> io::Result<Archive> {
        let path = location.path();
        if fs::is_folder(path) {
            return Ok(Archive::Folder(path.to_path_buf()));
        }
        let left = Arc::new(AtomicU64::new(MAX_DIRECTORY_BYTES));
        let span = open(path, location.bytes(), &left)?;
        let zip = ZipArchive::new(span).map_err(broken)?;
        left.store(u64::MAX, Ordering::Relaxed);
        if zip.len() > MAX_MEMBERS {
            return Err(io::Error::other(format!("holds more than {MAX_MEMBERS} files")));
        }
        Ok(Archive::Zip(Box::new(zip)))
    }

    /// The first part of each name: `idna`, `idna-3.10.dist-info`.
    pub(in crate::environments) fn tops(&self) -> io::Result<Vec<String>> {
        let mut tops: Vec<String> = match self {
            Archive::Zip(zip) => zip
                .file_names()
                .filter_map(Result::ok)
                .filter_map(|name| Some(name.split('/').next()?.to_owned()))
                .collect(),
            Archive::Folder(folder) => fs::list_unsorted(folder)?
                .into_iter()
                .filter_map(|entry| entry.name.into_string().ok())
                .collect(),
            Archive::Memory(files) => {
                files.keys().filter_map(|name| Some(name.split('/').next()?.to_owned())).collect()
            }
        };
        tops.sort_unstable();
        tops.dedup();
        Ok(tops)
    }

    /// `idna-3.10.dist-info`; an error when there is not exactly one.
    pub(in crate::environments) fn info(&self) -> io::Result<String> {
        let tops = self.tops()?;
        let mut infos = tops.into_iter().filter(|top| top.ends_with(".dist-info"));
        match (infos.next(), infos.next()) {
            (Some(info), None) => Ok(info),
            _ => Err(io::Error::other("it has not exactly one `.dist-info`")),
        }
    }

    /// The bytes of a member; an error when there are more than `limit`.
    pub(in crate::environments) fn read(&mut self, name: &str, limit: u64) -> io::Result<Vec<u8>> {
        if !is_plain(name) {
            return Err(io::Error::other(format!("`{name}` is no name of a file in a wheel")));
        }
        let limit = limit.min(MAX_MEMBER_BYTES);
        match self {
            Archive::Folder(folder) => {
                fs::read(&folder.join(name), limit).map_err(|error| match error {
                    fs::ReadError::Io { source, .. } => source,
                    other => io::Error::other(other.to_string()),
                })
            }
            Archive::Memory(files) => match files.get(name) {
                Some(bytes) if bytes.len() as u64 <= limit => Ok(bytes.clone()),
                Some(_) => Err(too_large(name, limit)),
                None => Err(io::ErrorKind::NotFound.into()),
            },
            Archive::Zip(zip) => {
                let member = regular(zip, name)?;
                // What the directory says of its size is no more to be trusted than the rest.
                let mut bytes = Vec::new();
                member.take(limit + 1).read_to_end(&mut bytes)?;
                if bytes.len() as u64 > limit {
                    return Err(too_large(name, limit));
                }
                Ok(bytes)
            }
        }
    }

    /// Writes a member to `to`, and gives the SHA-256 of its bytes; an error when there are more than `limit`.
    pub(in crate::environments) fn copy(
        &mut self,
        name: &str,
        limit: u64,
        to: &mut dyn Write,
    ) -> io::Result<[u8; 32]> {
        let Archive::Zip(zip) = self else {
            let bytes = self.read(name, limit)?;
            to.write_all(&bytes)?;
            return Ok(Sha256::digest(&bytes).into());
        };
        let mut member = regular(zip, name)?;
        let mut hash = Sha256::new();
        let mut buffer = [0; BUFFER_BYTES];
        let mut left = limit;
        loop {
            let read = member.read(&mut buffer)?;
            if read == 0 {
                return Ok(hash.finalize().into());
            }
            left = left.checked_sub(read as u64).ok_or_else(|| too_large(name, limit))?;
            hash.update(&buffer[..read]);
            to.write_all(&buffer[..read])?;
        }
    }

    /// The bytes of a member, however many there are.
    pub(in crate::environments) fn open_member(
        &mut self,
        name: &str,
    ) -> io::Result<Box<dyn Read + '_>> {
        match self {
            Archive::Zip(zip) => Ok(Box::new(regular(zip, name)?)),
            _ => Ok(Box::new(io::Cursor::new(self.read(name, MAX_MEMBER_BYTES)?))),
        }
    }

    /// The names of all files in an archive; an error when one stands there twice, or it is no archive.
    pub(in crate::environments) fn files(&self) -> io::Result<Vec<String>> {
        let Archive::Zip(zip) = self else { return Err(io::ErrorKind::Unsupported.into()) };
        if zip.has_duplicate_names() {
            return Err(io::Error::other("has a name twice"));
        }
        let names = zip.file_names().map(|name| name.map(|name| name.into_owned()));
        let names = names.filter(|name| !name.as_ref().is_ok_and(|name| name.ends_with('/')));
        names.collect::<Result<_, _>>().map_err(broken)
    }

    /// Whether the member is marked as a program.
    pub(in crate::environments) fn is_executable(&mut self, name: &str) -> bool {
        match self {
            Archive::Folder(folder) => {
                folder.join(name).metadata().is_ok_and(|metadata| system::is_executable(&metadata))
            }
            Archive::Memory(_) => false,
            // As the directory says: nothing of the member is read.
            Archive::Zip(zip) => zip
                .index_for_name(name)
                .and_then(|at| zip.by_index_data(at).ok()?.unix_mode())
                .is_some_and(|mode| mode & 0o111 != 0),
        }
    }
}

fn too_large(name: &str, limit: u64) -> io::Error {
    io::Error::other(format!("`{name}` is larger than {limit} bytes"))
}

fn regular<'z>(zip: &'z mut ZipArchive<Span>, name: &str) -> io::Result<ZipFile<'z, Span>> {
    let member = zip.by_name(name).map_err(broken)?;
    match member.is_file() && !member.is_symlink() {
        true => Ok(member),
        false => Err(io::Error::other(format!("`{name}` is no regular file"))),
    }
}

fn open(path: &Path, part: Option<Range<u64>>, left: &Arc<AtomicU64>) -> io::Result<Span> {
    let (file, _) = fs::open(path).map_err(|error| io::Error::other(error.to_string()))?;
    Span::find(file, part, Arc::clone(left))
}

/// The wheel in a file, byte for byte, and how long it is.
pub(in crate::environments) fn whole(path: &Path) -> io::Result<(impl Read, u64)> {
    let span = open(path, None, &Arc::new(AtomicU64::new(u64::MAX)))?;
    let length = span.length();
    Ok((span, length))
}

/// Nothing in it but names: stays below the archive, and below what it is written to, on any system.
pub(in crate::environments) fn is_plain(name: &str) -> bool {
    !name.contains(['\\', '\0', ':'])
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn broken(error: ZipError) -> io::Error {
    match error {
        ZipError::FileNotFound => io::Error::from(io::ErrorKind::NotFound),
        ZipError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}
