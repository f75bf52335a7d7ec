//! One recorded file: is what stands on disk what was installed?
//!
//! Zero, NUL or cut means corrupt; valid text that differs is the user's. A file system that lost
//! power leaves files of the right length filled with NULs, so size alone tells nothing.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Sha256, Sha384, Sha512};

use crate::environments::distributions::{RecordedFile, Site};
use crate::environments::health::Depth;
use crate::fs::{self, Kind, ReadError, Stamp};

/// Read of every file: small modules lie in it as a whole.
const HEAD_BYTES: usize = 4096;

/// Read of a file whose size differs, to tell text from data.
const MAX_TEXT_BYTES: u64 = 8 * 1024 * 1024;

/// A larger file is not read as a whole unless that was asked for: a sparse one takes no room on
/// disk and minutes to read.
const MAX_COMPARED_BYTES: u64 = 16 * 1024 * 1024;

/// A larger file is never hashed: no index takes one.
const MAX_HASHED_BYTES: u64 = 4 << 30;

/// What a look at a file gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::environments) enum Verdict {
    /// As recorded, as far as it was looked at.
    Fine,
    /// Nothing stands there.
    Missing,
    /// This user may not read it, or the system failed to.
    Unknown,
    /// Zero-length.
    Empty,
    /// Holds NULs where no NUL can be.
    Nul,
    /// Cut: of this many bytes.
    Cut(u64),
    /// Differs in its bytes, and no text.
    Damaged,
    /// Valid text that differs.
    Edited,
    /// Something else where a file belongs ("a folder, not a file").
    WrongType(&'static str),
}

/// How closely to look at a file.
#[derive(Debug, Clone, Copy)]
pub(in crate::environments) struct Look {
    /// How much is read.
    pub(in crate::environments) depth: Depth,
    /// Installers rewrite it (a script's first line, conda's prefix): its size and hash tell
    /// nothing.
    pub(in crate::environments) rewritten: bool,
}

/// Judges the file at `path` by its line in RECORD.
pub(in crate::environments) fn judge(path: &Path, recorded: &RecordedFile, look: Look) -> Verdict {
    judge_stamped(path, None, recorded, look, &mut None)
}

/// The same of a file in this folder of packages, and how it stood before anything was read of it.
pub(super) fn judge_stamped(
    path: &Path,
    site: Option<&Site>,
    recorded: &RecordedFile,
    look: Look,
    stamp: &mut Option<Stamp>,
) -> Verdict {
    // Whether an extension is a loadable image is judged elsewhere, by its headers.
    if look.depth < Depth::Deep && (is_extension(&recorded.path) || recorded.bytes == Some(0)) {
        return presence(path, site, recorded, stamp);
    }
    // From the folder that is open: most of the time of a look goes into walking paths.
    let near = site.filter(|_| recorded.plain).and_then(|site| site.open_file(&recorded.path));
    let opened = match near {
        Some((file, seen)) => Ok((file, seen.stamp)),
        None => fs::open(path).map(|(file, metadata)| (file, Stamp::from(&metadata))),
    };
    let mut file = match opened {
        Ok((file, opened)) => {
            *stamp = Some(opened);
            file
        }
        Err(error) => return unopened(&error, recorded),
    };
    let size = stamp.map_or(0, |stamp| stamp.bytes);
    if size == 0 {
        return if is_rightly_empty(recorded) || is_extension(&recorded.path) {
            Verdict::Fine
        } else {
            Verdict::Empty
        };
    }
    if is_extension(&recorded.path) {
        return deep_verdict(&mut file, size, recorded, look);
    }
    if let Some(verdict) = nul_verdict(&mut file, size, recorded, look) {
        return verdict;
    }
    if look.rewritten {
        return Verdict::Fine;
    }
    match recorded.bytes {
        Some(bytes) if bytes != size => resized_verdict(&mut file, size, bytes, recorded),
        _ => deep_verdict(&mut file, size, recorded, look),
    }
}

/// A native module that Python imports; not the libraries that such modules load
/// (`numpy.libs/libopenblas.so`).
fn is_extension(recorded: &str) -> bool {
    let (folder, name) = recorded.rsplit_once('/').unwrap_or(("", recorded));
    let lower = name.to_ascii_lowercase();
    (lower.ends_with(".so") || lower.ends_with(".pyd"))
        && !lower.starts_with("lib")
        && !folder.split('/').any(|part| part.ends_with(".libs") || part == ".dylibs")
}

/// A native image of any kind: tools such as `strip` change it rightly.
fn is_native(recorded: &str) -> bool {
    let lower = recorded.to_ascii_lowercase();
    [".so", ".pyd", ".dll", ".dylib", ".a", ".exe"].iter().any(|end| lower.ends_with(end))
        || lower.contains(".so.")
}

/// Whether the file has the recorded size and hash; without either, whether it is there.
pub(in crate::environments) fn is_as_recorded(path: &Path, recorded: &RecordedFile) -> bool {
    let Ok((mut file, metadata)) = fs::open(path) else { return false };
    if recorded.bytes.is_some_and(|bytes| bytes != metadata.len()) {
        return false;
    }
    metadata.len() > MAX_COMPARED_BYTES || matches_hash(&mut file, recorded) != Some(false)
}

/// The same, however large it is.
pub(in crate::environments) fn is_recorded_throughout(
    path: &Path,
    recorded: &RecordedFile,
) -> bool {
    let Ok((mut file, metadata)) = fs::open(path) else { return false };
    recorded.bytes.is_none_or(|bytes| bytes == metadata.len())
        && matches_hash(&mut file, recorded) != Some(false)
}

/// Whether a reader gives the bytes that were recorded.
pub(in crate::environments) fn gives_recorded(
    content: &mut impl Read,
    recorded: &RecordedFile,
) -> bool {
    Digest::of(recorded).is_some_and(|digest| digest.is_of(content))
}

/// Whether these are the bytes that were recorded. `None` when RECORD has no hash that verifies.
pub(in crate::environments) fn are_as_recorded(
    mut bytes: &[u8],
    recorded: &RecordedFile,
) -> Option<bool> {
    let is_of_size = recorded.bytes.is_none_or(|size| size == bytes.len() as u64);
    Digest::of(recorded).map(|digest| is_of_size && digest.is_of(&mut bytes))
}

fn presence(
    path: &Path,
    site: Option<&Site>,
    recorded: &RecordedFile,
    stamp: &mut Option<Stamp>,
) -> Verdict {
    let near = site.filter(|_| recorded.plain).and_then(|site| site.look(&recorded.path).ok());
    if let Some(seen) = near.filter(|seen| seen.kind == Kind::File) {
        *stamp = Some(seen.stamp);
        return Verdict::Fine;
    }
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            *stamp = Some(Stamp::from(&metadata));
            Verdict::Fine
        }
        Ok(metadata) => wrong_type(fs::what_is(metadata.file_type()), recorded),
        Err(source) => unopened(&ReadError::Io { path: path.to_path_buf(), source }, recorded),
    }
}

fn unopened(error: &ReadError, recorded: &RecordedFile) -> Verdict {
    match error {
        error if error.leads_nowhere() => Verdict::Missing,
        ReadError::NotAFile { what, .. } => wrong_type(what, recorded),
        _ => Verdict::Unknown,
    }
}

/// Some tools list folders in RECORD; a line with a hash is a file's.
fn wrong_type(what: &'static str, recorded: &RecordedFile) -> Verdict {
    let words = match what {
        "a folder" => "a folder, not a file",
        other => other,
    };
    if recorded.hash.is_some() { Verdict::WrongType(words) } else { Verdict::Fine }
}

fn is_rightly_empty(recorded: &RecordedFile) -> bool {
    match recorded.bytes {
        Some(bytes) => bytes == 0,
        None => Digest::of(recorded).is_none_or(|digest| digest.is_of(&mut std::io::empty())),
    }
}

/// NULs are looked for at both ends: what a crash leaves is NUL from some block on.
fn nul_verdict(file: &mut File, size: u64, recorded: &RecordedFile, look: Look) -> Option<Verdict> {
    let mut head = [0; HEAD_BYTES];
    let Ok(read) = file.read(&mut head) else { return Some(Verdict::Unknown) };
    let head = &head[..read];
    let source = recorded.path.ends_with(".py") || recorded.path.ends_with(".pth");
    let suspicious = if source {
        // Python refuses a source with a NUL anywhere.
        memchr::memchr(0, head).is_some() || (size > read as u64 && ends_in_nul(file))
    } else {
        head.iter().take(64).all(|byte| *byte == 0) && is_all_nul(file)
    };
    if !suspicious {
        return None;
    }
    // A file that was made like this (test data) is as it should be.
    let comparable = recorded.bytes.is_none_or(|bytes| bytes == size)
        && (size <= MAX_COMPARED_BYTES || look.depth == Depth::Deep);
    (!comparable || matches_hash(file, recorded) != Some(true)).then_some(Verdict::Nul)
}

fn ends_in_nul(file: &mut File) -> bool {
    let mut tail = [1; 16];
    file.seek(SeekFrom::End(-16)).is_ok() && file.read_exact(&mut tail).is_ok() && tail.contains(&0)
}

/// Of a large file the start and the end are enough to tell.
fn is_all_nul(file: &mut File) -> bool {
    let mut chunk = vec![0; 64 * 1024];
    if file.rewind().is_err() {
        return false;
    }
    for _ in 0..MAX_COMPARED_BYTES / chunk.len() as u64 {
        match file.read(&mut chunk) {
            Ok(0) => return true,
            Ok(read) if chunk[..read].iter().all(|byte| *byte == 0) => {}
            _ => return false,
        }
    }
    ends_in_nul(file)
}

fn resized_verdict(file: &mut File, size: u64, bytes: u64, recorded: &RecordedFile) -> Verdict {
    if is_native(&recorded.path) {
        return Verdict::Fine;
    }
    let mut content = Vec::new();
    if file.rewind().is_err() || file.take(MAX_TEXT_BYTES).read_to_end(&mut content).is_err() {
        return Verdict::Unknown;
    }
    let ends_a_line = content.ends_with(b"\n") || content.ends_with(b"\r");
    match (is_text(&content), size < bytes) {
        (true, true) if !ends_a_line && size <= MAX_TEXT_BYTES => Verdict::Cut(bytes),
        (true, _) => Verdict::Edited,
        (false, true) => Verdict::Cut(bytes),
        (false, false) => Verdict::Damaged,
    }
}

/// Hashes the file, where that was asked for and RECORD has a hash to compare with.
fn deep_verdict(file: &mut File, size: u64, recorded: &RecordedFile, look: Look) -> Verdict {
    // Of another size, a native image was stripped or signed; cut ones are judged by their headers.
    let is_native = is_native(&recorded.path);
    let is_processed = is_native && recorded.bytes != Some(size);
    if look.depth < Depth::Deep
        || look.rewritten
        || is_processed
        || matches_hash(file, recorded) != Some(false)
    {
        return Verdict::Fine;
    }
    if is_native {
        return Verdict::Damaged;
    }
    let mut content = Vec::new();
    if file.rewind().is_err() || file.take(MAX_TEXT_BYTES).read_to_end(&mut content).is_err() {
        return Verdict::Unknown;
    }
    if is_text(&content) { Verdict::Edited } else { Verdict::Damaged }
}

/// UTF-8 without NULs; its last character may be cut.
fn is_text(content: &[u8]) -> bool {
    memchr::memchr(0, content).is_none()
        && match std::str::from_utf8(content) {
            Ok(_) => true,
            Err(error) => error.error_len().is_none(),
        }
}

/// `None` when RECORD has no hash, or one of a kind that verifies nothing (md5, sha1).
fn matches_hash(file: &mut File, recorded: &RecordedFile) -> Option<bool> {
    let digest = Digest::of(recorded)?;
    if file.metadata().ok()?.len() > MAX_HASHED_BYTES {
        return None;
    }
    file.rewind().ok()?;
    Some(digest.is_of(file))
}

/// A hash of RECORD.
enum Digest<'a> {
    Sha256(&'a str),
    Sha384(&'a str),
    Sha512(&'a str),
}

impl Digest<'_> {
    fn of(recorded: &RecordedFile) -> Option<Digest<'_>> {
        let (algorithm, value) = recorded.hash.as_deref()?.split_once('=')?;
        let value = value.trim_end_matches('=');
        match algorithm {
            "sha256" => Some(Digest::Sha256(value)),
            "sha384" => Some(Digest::Sha384(value)),
            "sha512" => Some(Digest::Sha512(value)),
            _ => None,
        }
    }

    fn is_of(&self, content: &mut impl Read) -> bool {
        match self {
            Digest::Sha256(value) => is_hash::<Sha256>(content, value),
            Digest::Sha384(value) => is_hash::<Sha384>(content, value),
            Digest::Sha512(value) => is_hash::<Sha512>(content, value),
        }
    }
}

/// Some tools wrote the digest in hexadecimal digits instead of base64.
fn is_hash<D: sha2::Digest>(content: &mut impl Read, expected: &str) -> bool {
    let mut hasher = D::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match content.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => hasher.update(&chunk[..read]),
            Err(_) => return false,
        }
    }
    let digest = hasher.finalize();
    let hexadecimal = || digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    URL_SAFE_NO_PAD.encode(digest.as_slice()) == expected
        || hexadecimal().eq_ignore_ascii_case(expected)
}
