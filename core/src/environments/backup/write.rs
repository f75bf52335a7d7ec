//! Writing a backup: beside its name at first, and under it only when it was read back and is whole.
//!
//! What is encrypted is so before it reaches the disk: nobody goes back in it, and what stands before a member
//! otherwise stands after it (`directory.rs`).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::directory::is_plain;
use super::manifest::{Manifest, Member};
use super::read::{Backup, MANIFEST, comment, hex};
use super::sealed::{self, Key, Lock};
use super::{Error, manifest};
use crate::fs::{self, Kind};
use crate::system;

/// What follows the name of a backup while it is written: `.x.aiosb.1795328049123.part`.
const PART: &str = ".part";

/// An archive that grows.
pub(super) struct Draft {
    part: Part,
    zip: Archive,
    members: Vec<Member>,
}

enum Archive {
    Plain(Box<ZipWriter<BufWriter<File>>>),
    /// With what opens it.
    Sealed(Box<ZipWriter<StreamWriter<age::stream::StreamWriter<BufWriter<File>>>>>, Key),
}

impl Archive {
    fn new(file: File, lock: Option<&Lock>) -> io::Result<Archive> {
        let out = BufWriter::new(file);
        Ok(match lock {
            None => Archive::Plain(Box::new(ZipWriter::new(out))),
            Some(lock) => {
                let (out, key) = sealed::seal(lock, out)?;
                Archive::Sealed(Box::new(ZipWriter::new_stream(out)), key)
            }
        })
    }

    fn start(&mut self, name: &str, options: SimpleFileOptions) -> io::Result<()> {
        match self {
            Archive::Plain(zip) => zip.start_file(name, options),
            Archive::Sealed(zip, _) => zip.start_file(name, options),
        }
        .map_err(of_zip)
    }

    /// Ends it with this comment, and makes it durable.
    fn finish(self, comment: String) -> io::Result<(File, Option<Key>)> {
        let (out, key) = match self {
            Archive::Plain(mut zip) => {
                zip.set_comment(comment).map_err(of_zip)?;
                (zip.finish().map_err(of_zip)?, None)
            }
            Archive::Sealed(mut zip, key) => {
                zip.set_comment(comment).map_err(of_zip)?;
                (zip.finish().map_err(of_zip)?.into_inner().finish()?, Some(key))
            }
        };
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok((file, key))
    }
}

impl Write for Archive {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Archive::Plain(zip) => zip.write(buffer),
            Archive::Sealed(zip, _) => zip.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Archive::Plain(zip) => zip.flush(),
            Archive::Sealed(zip, _) => zip.flush(),
        }
    }
}

impl Draft {
    /// Begins a backup that will be called `path`, where nothing stands.
    pub(super) fn begin(path: &Path, lock: Option<&Lock>) -> Result<Draft, Error> {
        let (part, file) = Part::make(path)?;
        let zip = Archive::new(file, lock).map_err(part.io("write"))?;
        Ok(Draft { part, zip, members: Vec::new() })
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
        let started = self.zip.start(name, options(how));
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
        self.zip.start(name, options).map_err(self.part.io("write"))?;
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
        let Draft { part, zip, .. } = self;
        let (file, key) = zip.finish(comment(&bytes)).map_err(part.io("write"))?;
        let backup = Backup::of(file, &part.path, key.as_ref())?;
        if let Some(damaged) = backup.verify()?.damaged.into_iter().next() {
            let what = format!("was read back, and `{}` {}", damaged.name, damaged.what);
            return Err(Error::Damaged { path: part.name.clone(), what });
        }
        part.keep()?;
        Ok(backup.named(&part.name))
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

    /// Gives the file its name.
    fn keep(&self) -> Result<(), Error> {
        if self.name.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: self.name.clone() });
        }
        std::fs::rename(&self.path, &self.name)
            .and_then(|()| system::sync_folder(folder_of(&self.name)))
            .map_err(self.io("rename"))
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
