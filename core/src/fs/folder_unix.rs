//! An open folder: what is in it is reached without walking its whole path again, which is what reading
//! thousands of environments spends its time on.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};

use super::{Access, Entry, Identity, Kind, ReadError, Seen, Stamp, below, read_open};

/// A fifo would block in open(2) until somebody writes to it.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    fd: OwnedFd,
    /// Asked of the system once.
    stamp: OnceLock<Option<(Stamp, Option<u32>)>>,
}

impl Folder {
    /// Opens a folder, links followed.
    pub fn open(path: PathBuf) -> io::Result<Folder> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(&path, flags, Mode::empty())?;
        Ok(Folder { path, fd, stamp: OnceLock::new() })
    }

    /// Opens a folder in this one, links followed.
    pub fn folder(&self, name: &str) -> io::Result<Folder> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty())?;
        Ok(Folder { path: below(&self.path, name), fd, stamp: OnceLock::new() })
    }

    /// Its path, as it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its path, once nothing more is asked of it.
    pub fn into_path(self) -> PathBuf {
        self.path
    }

    /// Its entries, in the order of the file system. Ask once.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        self.each_entry(|name, kind, inode| {
            entries.push(Entry { name: name.to_owned(), kind, inode });
        })?;
        Ok(entries)
    }

    /// Gives name, kind and inode of each entry, in the order of the file system. Ask once.
    pub fn each_entry(&self, visit: impl FnMut(&OsStr, Kind, u64)) -> io::Result<()> {
        each_entry(&self.fd, visit)
    }

    /// What it is itself.
    pub fn seen(&self) -> io::Result<Seen> {
        Ok(seen(&rustix::fs::fstat(&self.fd)?))
    }

    /// What stands at a path below it, links followed.
    pub fn look(&self, below: impl AsRef<Path>) -> io::Result<Seen> {
        Ok(seen(&rustix::fs::statat(&self.fd, below.as_ref(), AtFlags::empty())?))
    }

    /// The same of a link itself.
    pub fn look_at_link(&self, below: impl AsRef<Path>) -> io::Result<Seen> {
        Ok(seen(&rustix::fs::statat(&self.fd, below.as_ref(), AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// A regular file at a path below it, opened, and what it is. A link is none.
    pub fn open_file(&self, below: impl AsRef<Path>) -> io::Result<(File, Seen)> {
        let fd =
            rustix::fs::openat(&self.fd, below.as_ref(), READ | OFlags::NOFOLLOW, Mode::empty())?;
        let seen = seen(&rustix::fs::fstat(&fd)?);
        match seen.kind {
            Kind::File => Ok((fd.into(), seen)),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// The target of a link in it, as written.
    pub fn read_link(&self, name: &OsStr) -> Option<PathBuf> {
        // No system takes a longer one.
        let mut buffer = [const { std::mem::MaybeUninit::<u8>::uninit() }; 4096];
        let (target, _) = rustix::fs::readlinkat_raw(&self.fd, name, &mut buffer).ok()?;
        Some(PathBuf::from(OsStr::from_bytes(target)))
    }

    /// The stamp of a folder at this path below it, links followed.
    pub fn folder_below(&self, below: &str) -> Option<Stamp> {
        let stat = rustix::fs::statat(&self.fd, below, AtFlags::empty()).ok()?;
        let folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        folder.then(|| stamp(&stat))
    }

    /// Its own stamp and numeric owner.
    pub fn stamp(&self) -> Option<(Stamp, Option<u32>)> {
        *self.stamp.get_or_init(|| {
            let stat = rustix::fs::fstat(&self.fd).ok()?;
            Some((stamp(&stat), Some(stat.st_uid)))
        })
    }

    /// The whole of a regular file in it that holds at most `limit` bytes, and its stamp.
    pub fn read(&self, name: &str, limit: u64) -> Result<(Vec<u8>, Stamp), ReadError> {
        let path = below(&self.path, name);
        match rustix::fs::openat(&self.fd, name, READ, Mode::empty()) {
            Ok(fd) => read_open(fd.into(), path, limit),
            // The slow way knows what stands there instead.
            Err(_) => super::open(&path).and_then(|(file, _)| read_open(file, path, limit)),
        }
    }

    /// Number of the device that it is on.
    pub fn device(&self) -> Option<u64> {
        let device = rustix::fs::fstat(&self.fd).ok()?.st_dev;
        #[allow(clippy::unnecessary_cast, reason = "macOS numbers devices with an i32")]
        Some(device as u64)
    }
}

/// As `Stamp::from` has it of the standard library's metadata.
#[allow(clippy::unnecessary_cast, reason = "the fields have other types on other systems")]
fn stamp(stat: &rustix::fs::Stat) -> Stamp {
    let (seconds, nanoseconds) = (stat.st_ctime, stat.st_ctime_nsec);
    // Their types differ from system to system.
    #[allow(clippy::useless_conversion, reason = "not useless on every system")]
    let (seconds, nanoseconds): (i64, i64) =
        (seconds.into(), nanoseconds.try_into().unwrap_or_default());
    let modified_ns = seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
    Stamp { modified_ns, inode: stat.st_ino, bytes: stat.st_size as u64 }
}

/// As `Seen::from` has it of the standard library's metadata.
#[allow(clippy::unnecessary_cast, reason = "the fields have other types on other systems")]
fn seen(stat: &rustix::fs::Stat) -> Seen {
    let identity = Identity { device: stat.st_dev as u64, inode: stat.st_ino };
    Seen {
        kind: kind_of(FileType::from_raw_mode(stat.st_mode)),
        stamp: stamp(stat),
        identity: (stat.st_nlink > 1).then_some(identity),
        access: Access { mode: stat.st_mode as u32 & 0o7777, uid: stat.st_uid, gid: stat.st_gid },
    }
}

#[cfg(target_os = "linux")]
fn each_entry(fd: &OwnedFd, mut visit: impl FnMut(&OsStr, Kind, u64)) -> io::Result<()> {
    // On the stack, and in larger pieces than `Dir` reads.
    let mut buffer = [const { std::mem::MaybeUninit::<u8>::uninit() }; 16 * 1024];
    let mut raw = rustix::fs::RawDir::new(fd, &mut buffer);
    while let Some(next) = raw.next() {
        let next = next?;
        entry(fd, next.file_name(), next.file_type(), next.ino(), &mut visit);
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn each_entry(fd: &OwnedFd, mut visit: impl FnMut(&OsStr, Kind, u64)) -> io::Result<()> {
    for next in rustix::fs::Dir::read_from(fd)? {
        let next = next?;
        entry(fd, next.file_name(), next.file_type(), next.ino(), &mut visit);
    }
    Ok(())
}

/// Leaves out the folder itself, its parent, and what vanished meanwhile.
fn entry(
    folder: &OwnedFd,
    name: &CStr,
    kind: FileType,
    inode: u64,
    visit: &mut impl FnMut(&OsStr, Kind, u64),
) {
    if matches!(name.to_bytes(), b"." | b"..") {
        return;
    }
    let kind = match kind {
        // Some file systems do not say.
        FileType::Unknown => match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => FileType::from_raw_mode(stat.st_mode),
            Err(_) => return,
        },
        known => known,
    };
    visit(OsStr::from_bytes(name.to_bytes()), kind_of(kind), inode);
}

fn kind_of(kind: FileType) -> Kind {
    match kind {
        FileType::Directory => Kind::Folder,
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Link,
        _ => Kind::Other,
    }
}
