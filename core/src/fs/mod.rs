//! File calls for untrusted trees: bounded, never blocking on what is not a regular file, and with
//! errors that carry the path.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::system;

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

    /// Nothing stands at the path, or at the end of its links.
    pub fn leads_nowhere(&self) -> bool {
        matches!(self, ReadError::Io { source, .. } if leads_nowhere(source))
    }

    /// The path is there, and this user may not read it.
    pub fn is_denied(&self) -> bool {
        matches!(self, ReadError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Another program keeps the file to itself, as an installer or a virus scanner does for a while.
    pub fn is_in_use(&self) -> bool {
        matches!(self, ReadError::Io { source, .. } if system::is_in_use(source))
    }
}

/// Nothing stands at the path: no such entry, or a file where a folder would have to be.
pub fn missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// As [`missing`], and also where a link leads in a circle or a path is longer than the system takes.
pub fn leads_nowhere(error: &io::Error) -> bool {
    system::is_circle(error) || missing(error) || error.kind() == io::ErrorKind::InvalidFilename
}

/// Opens a regular file for reading; a fifo, device or folder is an error, at once.
pub fn open(path: &Path) -> Result<(File, Metadata), ReadError> {
    let mut options = OpenOptions::new();
    options.read(true);
    system::open_at_once(&mut options);
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
    if kind.is_dir() {
        "a folder"
    } else if kind.is_symlink() {
        "a link"
    } else {
        system::special(kind).unwrap_or("a file")
    }
}

/// The whole of a regular file that holds at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    read_open(open(path)?.0, path.to_path_buf(), limit).map(|(content, _)| content)
}

fn read_open(mut file: File, path: PathBuf, limit: u64) -> Result<(Vec<u8>, Stamp), ReadError> {
    let metadata = file.metadata().map_err(|source| ReadError::io(&path, source))?;
    if !metadata.is_file() {
        return Err(not_a_file(&path, &metadata));
    }
    let bytes = metadata.len();
    if bytes > limit {
        return Err(ReadError::TooLarge { path, bytes, limit });
    }
    // One byte more than promised: a short read is the end of the file; a full one means that the
    // file grows meanwhile, or lies about its size as files of /proc do.
    let mut content = vec![0; bytes as usize + 1];
    let mut filled = 0;
    loop {
        match file.read(&mut content[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(ReadError::Io { path, source }),
        }
        if filled < content.len() {
            if filled as u64 >= bytes {
                break;
            }
        } else if filled as u64 > limit {
            return Err(ReadError::TooLarge { path, bytes: filled as u64, limit });
        } else {
            let more = content.len().clamp(64, 64 * 1024).min((limit as usize + 1) - content.len());
            content.resize(content.len() + more, 0);
        }
    }
    content.truncate(filled);
    Ok((content, Stamp::from(&metadata)))
}

/// At most the first `limit` bytes of a regular file, however large it is.
pub fn read_start(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let (file, metadata) = open(path)?;
    let mut content = Vec::with_capacity(metadata.len().min(limit) as usize + 1);
    file.take(limit).read_to_end(&mut content).map_err(|source| ReadError::io(path, source))?;
    Ok(content)
}

/// At most the last `limit` bytes of a regular file, however large it is.
pub fn read_end(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let (mut file, metadata) = open(path)?;
    let start = metadata.len().saturating_sub(limit);
    let mut content = Vec::with_capacity(metadata.len().min(limit) as usize + 1);
    file.seek(SeekFrom::Start(start))
        .and_then(|_| file.take(limit).read_to_end(&mut content))
        .map_err(|source| ReadError::io(path, source))?;
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

impl From<std::fs::FileType> for Kind {
    fn from(kind: std::fs::FileType) -> Kind {
        if kind.is_symlink() {
            Kind::Link
        } else if kind.is_dir() {
            Kind::Folder
        } else if kind.is_file() {
            Kind::File
        } else {
            Kind::Other
        }
    }
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name; not always UTF-8.
    pub name: OsString,
    /// What it is.
    pub kind: Kind,
    /// Number of its inode, which the listing tells for nothing; 0 where there is none (Windows).
    pub inode: u64,
}

/// The entries of a folder, sorted by name so that every run reports in the same order.
pub fn list(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = list_unsorted(folder)?;
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// The entries of a folder in the order of the file system. Entries that vanish meanwhile are left out.
pub fn list_unsorted(folder: &Path) -> io::Result<Vec<Entry>> {
    Folder::open(folder.to_path_buf())?.entries()
}

/// A path by its bytes, as [`std::ffi::OsStr::as_encoded_bytes`] gives them. `None` when no path of this
/// system has them.
pub fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    system::path_of(bytes)
}

/// The one name of what stands at the path: absolute, without links, as people write it.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    system::canonical(path)
}

/// Another name of what stands at a canonical path, as people write it. `None` when it is the same, or
/// differs in nothing but case where the system does not tell case apart.
pub fn other_name(named: &Path, canonical: &Path) -> Option<PathBuf> {
    let named = system::usual(named);
    let same = named == canonical
        || (system::IGNORES_CASE
            && named.as_os_str().to_string_lossy().to_lowercase()
                == canonical.as_os_str().to_string_lossy().to_lowercase());
    (!same).then_some(named)
}

pub use folder::Folder;

#[cfg_attr(unix, path = "folder_unix.rs")]
#[cfg_attr(not(unix), path = "folder_path.rs")]
mod folder;

/// What changes when a file or folder changes: time of change to the nanosecond, inode, size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Nanoseconds since 1970.
    pub modified_ns: i64,
    /// 0 where there are none (Windows).
    pub inode: u64,
    /// Size.
    pub bytes: u64,
}

impl Stamp {
    /// Of what stands at the path, links followed. `None` when nothing does.
    pub fn of(path: &Path) -> Option<Stamp> {
        std::fs::metadata(path).ok().map(|metadata| Stamp::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Stamp {
        Stamp {
            modified_ns: system::changed_ns(metadata),
            inode: system::inode(metadata),
            bytes: metadata.len(),
        }
    }
}

/// Two names with this in common are one file: within a run nothing else need be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Number of the device.
    pub device: u64,
    /// Number of the inode on it.
    pub inode: u64,
}

/// What tells a file that has other names too, as uv and conda give to the files of their caches. `None`
/// for a file with one name, which will not be met again, and where systems do not tell.
pub fn linked_identity(metadata: &Metadata) -> Option<Identity> {
    system::linked_identity(metadata)
}

/// What a look at a path tells; nothing is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What stands there.
    pub kind: Kind,
    /// As it stands there now.
    pub stamp: Stamp,
    /// As of [`linked_identity`].
    pub identity: Option<Identity>,
    /// Who may do what with it.
    pub access: Access,
}

/// Mode bits, owner and group; all 0 where there are none (Windows).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Access {
    /// As `chmod` takes it.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
}

impl From<&Metadata> for Seen {
    fn from(metadata: &Metadata) -> Seen {
        Seen {
            kind: Kind::from(metadata.file_type()),
            stamp: Stamp::from(metadata),
            identity: linked_identity(metadata),
            access: system::access(metadata),
        }
    }
}

/// Puts a file in place at once: whoever reads it meanwhile sees the old or the new one. Only its
/// owner may read it.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // `create_new` below refuses a name that another process chose at the same nanosecond.
    let temporary = folder.join(format!(".{name}.{}", now.as_nanos()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    system::create_for_owner_alone(&mut options);
    let written =
        options.open(&temporary).and_then(|mut file| io::Write::write_all(&mut file, content));
    let placed = written.and_then(|()| std::fs::rename(&temporary, path));
    if placed.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    placed
}

/// Whether looking there asks nobody else: a share of Windows is another machine's.
pub fn is_local(path: &Path) -> bool {
    let is_share = path
        .as_os_str()
        .as_encoded_bytes()
        .first_chunk::<2>()
        .is_some_and(|start| start.iter().all(|byte| matches!(byte, b'/' | b'\\')));
    path.is_absolute() && !is_share
}

/// `folder/name` with one allocation, where `Path::join` takes two: for what is asked of every entry.
pub fn below(folder: &Path, name: impl AsRef<Path>) -> PathBuf {
    let name = name.as_ref();
    let mut path = PathBuf::with_capacity(folder.as_os_str().len() + 1 + name.as_os_str().len());
    path.as_mut_os_string().push(folder);
    path.push(name);
    path
}

/// The path from `folder` on, or the whole path when it does not lie below it.
pub fn relative<'a>(path: &'a Path, folder: &Path) -> &'a Path {
    // As text where they are text: `strip_prefix` takes both apart.
    let text = path.to_str().zip(folder.to_str());
    let below = text.and_then(|(path, folder)| path.strip_prefix(folder));
    match below.and_then(|below| below.strip_prefix(std::path::MAIN_SEPARATOR)) {
        Some(below) => Path::new(below),
        None => path.strip_prefix(folder).unwrap_or(path),
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
