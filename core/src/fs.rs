//! File calls for untrusted trees: bounded, never blocking on what is not a regular file, and with
//! errors that carry the path.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused: gone, no permission, or worse.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder, fifo, socket or device stands where a file belongs.
    #[error("`{}` is {what}, not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// "a folder", "a fifo", ...
        what: &'static str,
    },
    /// The file is larger than anything of its kind.
    #[error("`{}` holds {bytes} bytes, more than the {limit} that are read of such a file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// What is read at most.
        limit: u64,
    },
}

impl ReadError {
    fn io(path: &Path, source: io::Error) -> ReadError {
        ReadError::Io { path: path.to_path_buf(), source }
    }

    /// Nothing stands at the path.
    pub fn is_missing(&self) -> bool {
        matches!(self, ReadError::Io { source, .. } if missing(source))
    }

    /// The path is there, and this user may not read it.
    pub fn is_denied(&self) -> bool {
        matches!(self, ReadError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// Nothing stands at the path: no such entry, or a file where a folder would have to be.
pub fn missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Opens a regular file for reading; a fifo, device or folder is an error, at once.
pub fn open(path: &Path) -> Result<(File, Metadata), ReadError> {
    let mut options = OpenOptions::new();
    options.read(true);
    // A fifo would block in open(2) until somebody writes to it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits() as i32,
    );
    let file = match options.open(path) {
        Ok(file) => file,
        // A socket cannot be opened, and Windows opens no folder: say what stands there instead.
        Err(source) => {
            return Err(match std::fs::metadata(path) {
                Ok(metadata) if !metadata.is_file() => not_a_file(path, &metadata),
                _ => ReadError::io(path, source),
            });
        }
    };
    let metadata = file.metadata().map_err(|source| ReadError::io(path, source))?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(not_a_file(path, &metadata)) }
}

fn not_a_file(path: &Path, metadata: &Metadata) -> ReadError {
    ReadError::NotAFile { path: path.to_path_buf(), what: what_is(metadata.file_type()) }
}

/// The kind of a file in words.
pub fn what_is(kind: std::fs::FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a fifo";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_block_device() || kind.is_char_device() {
            return "a device";
        }
    }
    if kind.is_dir() {
        "a folder"
    } else if kind.is_symlink() {
        "a link"
    } else {
        "a file"
    }
}

/// The whole of a regular file that holds at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let (file, metadata) = open(path)?;
    let bytes = metadata.len();
    if bytes > limit {
        return Err(ReadError::TooLarge { path: path.to_path_buf(), bytes, limit });
    }
    // One byte more than promised: a file that grows meanwhile (or lies, as in /proc) is caught.
    let mut content = Vec::with_capacity(bytes as usize + 1);
    let read = file
        .take(limit + 1)
        .read_to_end(&mut content)
        .map_err(|source| ReadError::io(path, source))?;
    if read as u64 > limit {
        return Err(ReadError::TooLarge { path: path.to_path_buf(), bytes: read as u64, limit });
    }
    Ok(content)
}

/// At most the first `limit` bytes of a regular file, however large it is.
pub fn read_start(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let (file, metadata) = open(path)?;
    let mut content = Vec::with_capacity(metadata.len().min(limit) as usize + 1);
    file.take(limit).read_to_end(&mut content).map_err(|source| ReadError::io(path, source))?;
    Ok(content)
}

/// Small text files: `None` when missing, unreadable or not UTF-8. For hints whose absence is fine.
pub fn read_text(path: &Path, limit: u64) -> Option<String> {
    String::from_utf8(read(path, limit).ok()?).ok()
}

/// What a folder entry is, by its own type: links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// A symbolic link (or another reparse point).
    Link,
    /// A fifo, socket or device.
    Other,
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name; not always UTF-8.
    pub name: OsString,
    /// What it is.
    pub kind: Kind,
}

/// The entries of a folder, sorted by name so that every run reports in the same order.
pub fn list(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = list_unsorted(folder)?;
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// The entries of a folder in the order of the file system. Entries that vanish meanwhile are left out.
pub fn list_unsorted(folder: &Path) -> io::Result<Vec<Entry>> {
    Ok(std::fs::read_dir(folder)?
        .flatten()
        .filter_map(|entry| {
            Some(Entry { kind: kind_of(entry.file_type().ok()?), name: entry.file_name() })
        })
        .collect())
}

fn kind_of(kind: std::fs::FileType) -> Kind {
    if kind.is_dir() {
        Kind::Folder
    } else if kind.is_file() {
        Kind::File
    } else if kind.is_symlink() {
        Kind::Link
    } else {
        Kind::Other
    }
}

/// Whether a folder stands at the path, links followed.
pub fn is_folder(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Whether a regular file stands at the path, links followed.
pub fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}
