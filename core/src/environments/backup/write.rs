//! Writing a backup: beside its name at first, and under it only when it was read back and is whole.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::directory::is_plain;
use super::manifest::{Manifest, Member};
use super::read::{Backup, MANIFEST, comment, hex};
use super::{Error, manifest};
use crate::fs::{self, Kind};
use crate::system;

/// What follows the name of a backup while it is written: `.x.aiosb.1795328049123.part`.
const PART: &str = ".part";

/// An archive that grows.
pub(super) struct Draft {
    part: Part,
    zip: ZipWriter<BufWriter<File>>,
    members: Vec<Member>,
}

impl Draft {
    /// Begins a backup that will be called `path`, where nothing stands.
    pub(super) fn begin(path: &Path) -> Result<Draft, Error> {
        let (part, file) = Part::make(path)?;
        Ok(Draft { part, zip: ZipWriter::new(BufWriter::new(file)), members: Vec::new() })
    }

    /// Adds a file. The name is one of ours: plain, and not used before.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        debug_assert!(is_plain(name), "{name}");
        self.write(name, bytes, CompressionMethod::Deflated)?;
        let sha256 = hex(&Sha256::digest(bytes));
        self.members.push(Member { name: name.to_owned(), bytes: bytes.len() as u64, sha256 });
        Ok(())
    }

    fn write(&mut self, name: &str, bytes: &[u8], how: CompressionMethod) -> Result<(), Error> {
        let options = options(how);
        let started = self.zip.start_file(name, options).map_err(of_zip);
        started.and_then(|()| self.zip.write_all(bytes)).map_err(self.part.io("write"))
    }

    /// Adds a file as it is, while it is made. The name is one of ours: plain, and not used before.
    pub(super) fn add_stream(
        &mut self,
        name: &str,
        is_large: bool,
        make: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
    ) -> Result<(), Error> {
        debug_assert!(is_plain(name), "{name}");
        let options = options(CompressionMethod::Stored).large_file(is_large);
        self.zip.start_file(name, options).map_err(of_zip).map_err(self.part.io("write"))?;
        let mut out = Hashed { out: &mut self.zip, hash: Sha256::new(), bytes: 0 };
        make(&mut out)?;
        let (bytes, sha256) = (out.bytes, hex(&out.hash.finalize()));
        self.members.push(Member { name: name.to_owned(), bytes, sha256 });
        Ok(())
    }

    /// Adds the manifest, makes all of it durable, compares it with its checksums, and gives it its name.
    pub(super) fn finish(mut self, mut manifest: Manifest) -> Result<Backup, Error> {
        manifest.members = std::mem::take(&mut self.members);
        let bytes = serde_json::to_vec(&manifest)
            .map_err(|error| self.part.io("write")(io::Error::other(error)))?;
        if bytes.len() as u64 > manifest::MAX_BYTES {
            return Err(Error::TooMuch { path: self.part.name.clone() });
        }
        // As it is: of what is deflated a bit may be another one, and what comes of it is the same.
        self.write(MANIFEST, &bytes, CompressionMethod::Stored)?;
        let Draft { part, mut zip, .. } = self;
        let ended = zip.set_comment(comment(&bytes)).and_then(|()| zip.finish()).map_err(of_zip);
        let file = ended
            .and_then(|buffer| buffer.into_inner().map_err(io::IntoInnerError::into_error))
            .and_then(|file| file.sync_all().map(|()| file))
            .map_err(part.io("write"))?;
        let backup = Backup::of(file, &part.path)?;
        if let Some(damaged) = backup.verify()?.damaged.into_iter().next() {
            let what = format!("was read back, and `{}` {}", damaged.name, damaged.what);
            return Err(Error::Damaged { path: part.name.clone(), what });
        }
        drop(backup);
        part.keep()
    }
}

fn options(how: CompressionMethod) -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(how).unix_permissions(0o600)
}

/// Tells the hash of what is written through it.
struct Hashed<W> {
    out: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn of_zip(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

/// The file while it is written. It is removed when this is dropped.
struct Part {
    path: PathBuf,
    /// What it will be called.
    name: PathBuf,
}

impl Part {
    fn make(name: &Path) -> Result<(Part, File), Error> {
        if name.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: name.to_path_buf() });
        }
        let folder = folder_of(name);
        let Some(own) = name.file_name().filter(|_| fs::is_folder(folder)) else {
            return Err(Error::NoFolder { path: folder.to_path_buf() });
        };
        let start = format!(".{}.", own.to_string_lossy());
        remove_left(folder, &start);
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let path = folder.join(format!("{start}{}{PART}", now.as_nanos()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        system::create_for_owner_alone(&mut options);
        let failed = |source| Error::Io { what: "write", path: path.clone(), source };
        let file = options.open(&path).map_err(failed)?;
        // So that others see that somebody is at work. Where files cannot be locked, nobody removes them.
        let _ = file.try_lock();
        Ok((Part { path, name: name.to_path_buf() }, file))
    }

    /// Gives the file its name. Nothing of it is open any more.
    fn keep(self) -> Result<Backup, Error> {
        if self.name.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: self.name.clone() });
        }
        std::fs::rename(&self.path, &self.name)
            .and_then(|()| system::sync_folder(folder_of(&self.name)))
            .map_err(self.io("rename"))?;
        Backup::open(&self.name)
    }

    fn io(&self, what: &'static str) -> impl Fn(io::Error) -> Error + use<> {
        let path = self.path.clone();
        move |source| Error::Io { what, path: path.clone(), source }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Gone when it has its name.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes what a killed process left of an earlier try. What somebody is at work on is locked.
fn remove_left(folder: &Path, start: &str) {
    let is_part = |name: &str| {
        let number = name.strip_prefix(start).and_then(|rest| rest.strip_suffix(PART));
        number
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    for entry in fs::list_unsorted(folder).unwrap_or_default() {
        if entry.kind != Kind::File || !entry.name.to_str().is_some_and(is_part) {
            continue;
        }
        let path = folder.join(&entry.name);
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let is_free = file.is_ok_and(|file| match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        });
        if is_free {
            let _ = std::fs::remove_file(&path);
        }
    }
}
