//! What the environments of one run share: a file of metadata is parsed once, however many
//! environments hard-link it (as uv and conda do) or hold a copy of it.
//!
//! Two keys lead to one parsed file. Its identity (device, inode), which the listing of its folder
//! tells for nothing, saves even opening it; its bytes save parsing it again. Both maps are bounded: what comes after is parsed
//! and not kept.

use std::collections::HashMap;
use std::fs::Metadata as FileMetadata;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::{Content, Looks, Metadata, Part, Record, Site, Wheel};
use crate::fs::{self, Identity, ReadError};

/// Distinct files kept by identity: 10,000 environments with some hundred distributions.
const MAX_FILES: usize = 200_000;

/// Bytes of content kept to recognize copies.
const MAX_CONTENT_BYTES: usize = 32 * 1024 * 1024;

/// A copy larger than this is parsed again. The RECORDs of all but a few distributions are smaller.
const MAX_COPY_BYTES: usize = 1024 * 1024;

/// Folders of base installations kept.
const MAX_SITES: usize = 256;

/// Parsed files of one run, used by all of its threads.
#[derive(Debug, Default)]
pub struct Shared {
    pub(super) metadata: Parsed<Metadata>,
    pub(super) record: Parsed<Record>,
    pub(super) wheel: Parsed<Wheel>,
    pub(super) text: Parsed<Vec<u8>>,
    contents: RwLock<HashMap<Files, Arc<Content>>>,
    sites: Mutex<HashMap<PathBuf, Option<Arc<Site>>>>,
    keep_looks: bool,
}

impl Shared {
    /// Nothing parsed yet.
    pub fn new() -> Shared {
        Shared::default()
    }

    /// The same, for whoever asks each environment twice: for what is wrong, and for what told so.
    pub fn keeping_looks(keep_looks: bool) -> Shared {
        Shared { keep_looks, ..Shared::default() }
    }

    pub(super) fn looks(&self) -> Option<Looks> {
        self.keep_looks.then(Looks::default)
    }

    /// Forgets which files stand where: what is read next is read from disk, and parsed only when its bytes
    /// are new.
    pub(in crate::environments) fn forget_places(&self) {
        self.metadata.forget_places();
        self.record.forget_places();
        self.wheel.forget_places();
        self.text.forget_places();
        self.contents.write().unwrap_or_else(PoisonError::into_inner).clear();
        lock(&self.sites).clear();
    }

    /// What the files say that the listing of a `.dist-info` folder names, if they were read before.
    pub(super) fn content(&self, files: &Files) -> Option<Arc<Content>> {
        let contents = self.contents.read().unwrap_or_else(PoisonError::into_inner);
        contents.get(files).cloned()
    }

    pub(super) fn keep_content(&self, files: Files, content: &Arc<Content>) {
        let mut contents = self.contents.write().unwrap_or_else(PoisonError::into_inner);
        if contents.len() < MAX_FILES {
            contents.insert(files, Arc::clone(content));
        }
    }

    /// A folder that many environments inherit, read once. `None` when it cannot be listed.
    pub(super) fn site(&self, folder: &Path) -> Option<Arc<Site>> {
        let known = lock(&self.sites).get(folder).cloned();
        if let Some(site) = known {
            return site;
        }
        // Not under the lock: the first environments of a run would wait for each other.
        let read = super::site::read(folder, self).ok();
        // It is kept for the whole run, and a process may not keep many folders open.
        let site = read.map(|site| Arc::new(Site { open: None, looks: None, ..site }));
        let mut sites = lock(&self.sites);
        if sites.len() < MAX_SITES {
            sites.insert(folder.to_path_buf(), site.clone());
        }
        site
    }
}

/// The device and the inodes of the files that a distribution's content was read from; 0 for a file that
/// is not there. Plain numbers are hashed at once.
pub(super) type Files = [u64; 7];

/// How a kind of file is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format<T> {
    /// Bytes of the first read.
    pub(super) usual_bytes: u64,
    /// Bytes read at most. A larger file is cut there when `enough` can tell, else it is bad.
    pub(super) max_bytes: u64,
    /// The part of the bytes that matters, when it is complete.
    pub(super) enough: fn(&[u8]) -> Option<&[u8]>,
    /// `Err` says what is wrong, as the end of a sentence.
    pub(super) parse: fn(&[u8]) -> Result<T, String>,
}

/// Parsed files of one kind.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    by_identity: RwLock<HashMap<Identity, Part<T>>>,
    by_content: Mutex<Contents<T>>,
}

#[derive(Debug)]
struct Contents<T> {
    parts: HashMap<Box<[u8]>, Part<T>>,
    bytes: usize,
}

impl<T> Default for Parsed<T> {
    fn default() -> Parsed<T> {
        Parsed {
            by_identity: RwLock::default(),
            by_content: Mutex::new(Contents { parts: HashMap::new(), bytes: 0 }),
        }
    }
}

impl<T> Parsed<T> {
    fn forget_places(&self) {
        self.by_identity.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Reads and parses the file, or finds it parsed, and tells whether it has other names. `known` is
    /// what a listing tells of it.
    pub(super) fn read(
        &self,
        path: &Path,
        known: Option<Identity>,
        format: Format<T>,
    ) -> (Part<T>, bool) {
        if let Some(identity) = &known {
            let parts = self.by_identity.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(part) = parts.get(identity) {
                return (part.clone(), true);
            }
        }
        let (part, linked) = match read_enough(path, &format) {
            Ok((bytes, metadata)) => {
                (self.parse(&bytes, &format), fs::linked_identity(&metadata).is_some())
            }
            Err(error) => return (lost(error), false),
        };
        // A file with one name will not be met again under another.
        if let Some(identity) = known.filter(|_| linked) {
            let mut parts = self.by_identity.write().unwrap_or_else(PoisonError::into_inner);
            if parts.len() < MAX_FILES {
                parts.insert(identity, part.clone());
            }
        }
        (part, linked)
    }

    fn parse(&self, bytes: &[u8], format: &Format<T>) -> Part<T> {
        let relevant = (format.enough)(bytes).unwrap_or(bytes);
        if relevant.len() > MAX_COPY_BYTES {
            return parsed(relevant, format);
        }
        if let Some(part) = lock(&self.by_content).parts.get(relevant) {
            return part.clone();
        }
        let part = parsed(relevant, format);
        let mut contents = lock(&self.by_content);
        if contents.bytes + relevant.len() <= MAX_CONTENT_BYTES {
            contents.bytes += relevant.len();
            contents.parts.insert(relevant.into(), part.clone());
        }
        part
    }
}

fn parsed<T>(bytes: &[u8], format: &Format<T>) -> Part<T> {
    match (format.parse)(bytes) {
        Ok(content) => Part::Read(Arc::new(content)),
        Err(reason) => Part::Bad(reason),
    }
}

/// The start of the file up to what is enough, or all of it.
fn read_enough<T>(path: &Path, format: &Format<T>) -> Result<(Vec<u8>, FileMetadata), ReadError> {
    let (mut file, metadata) = fs::open(path)?;
    let size = metadata.len();
    let io = |source| ReadError::Io { path: path.to_path_buf(), source };
    let mut bytes = Vec::with_capacity(size.min(format.usual_bytes) as usize);
    (&mut file).take(size.min(format.usual_bytes)).read_to_end(&mut bytes).map_err(io)?;
    if size <= format.usual_bytes || (format.enough)(&bytes).is_some() {
        return Ok((bytes, metadata));
    }
    (&mut file).take(format.max_bytes - bytes.len() as u64).read_to_end(&mut bytes).map_err(io)?;
    if size > format.max_bytes && (format.enough)(&bytes).is_none() {
        return Err(ReadError::TooLarge {
            path: path.to_path_buf(),
            bytes: size,
            limit: format.max_bytes,
        });
    }
    Ok((bytes, metadata))
}

fn lost<T>(error: ReadError) -> Part<T> {
    match error {
        error if error.is_missing() => Part::Missing,
        error if error.is_denied() => Part::Denied,
        ReadError::NotAFile { what, .. } => Part::Bad(format!("is {what}, not a regular file")),
        ReadError::TooLarge { bytes, .. } => Part::Bad(format!("holds {bytes} bytes, too many")),
        ReadError::Io { source, .. } => Part::Bad(format!("cannot be read: {source}")),
    }
}

/// A lock that a panicking thread left behind still guards a whole map: entries are inserted at once.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
