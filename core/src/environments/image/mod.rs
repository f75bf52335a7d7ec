//! Executable images and native libraries by their headers: ELF, PE, Mach-O. Nothing is loaded.
//!
//! Only headers are read, however large the file is, and no table larger than any real one. A file
//! counts as whole when everything that its headers point to lies inside it; what stands there is
//! not looked at.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use object::read::ReadCache;

use super::Architecture;
use crate::fs::{self, ReadError};

mod headers;
mod version;

#[cfg(test)]
pub(crate) mod builder;

pub use version::embedded_version;

/// The container format of an image, which also says which system it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Linux and other Unixes.
    Elf,
    /// Windows.
    Pe,
    /// macOS.
    MachO,
    /// A script: starts with `#!`.
    Script,
    /// This user may run the file and not read it.
    Unread,
}

/// What the header of an image says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The format.
    pub format: Format,
    /// What it is built for; `None` for a script or an unknown machine.
    pub architecture: Option<Architecture>,
    /// For a script: the interpreter that its first line names.
    pub shebang: Option<String>,
}

/// Enough for the longest first line that any system follows, and to see what a text is.
const START_BYTES: u64 = 4096;

/// A link's target stored as a file's content is one short line.
const LINK_TEXT_BYTES: u64 = 1024;

/// Reads the headers of the file and checks that everything they point to lies inside the file.
///
/// `Err` is the reason why it is no image ("is empty", "is truncated: ...", "is filled with NULs",
/// "is neither ELF nor PE nor Mach-O"); it completes a sentence that starts with the file's name.
pub fn read(path: &Path) -> Result<Image, String> {
    let (file, _) = fs::open(path).map_err(|error| unreadable(&error))?;
    read_from(file)
}

/// The same for a file that is already open, or for bytes in a [`std::io::Cursor`].
pub fn read_from(mut source: impl Read + Seek) -> Result<Image, String> {
    let (start, bytes) =
        start_of(&mut source).map_err(|error| format!("cannot be read: {error}"))?;
    let image = |format, architecture| Image { format, architecture, shebang: None };
    match start.as_slice() {
        [] => Err("is empty".to_owned()),
        [b'#', b'!', line @ ..] => script(line),
        [0x7f, b'E', b'L', b'F', ..] => headers::elf(&ReadCache::new(source), bytes)
            .map(|architecture| image(Format::Elf, architecture)),
        [b'M', b'Z', ..] => headers::pe(&ReadCache::new(source), bytes)
            .map(|architecture| image(Format::Pe, architecture)),
        start if headers::is_mach_o(start) => headers::mach_o(&ReadCache::new(source), bytes)
            .map(|architecture| image(Format::MachO, architecture)),
        start if start.iter().all(|byte| *byte == 0) => Err("is filled with NULs".to_owned()),
        start => Err(match text_of(start) {
            Some(text) => describe_text(text, bytes),
            None => "is neither ELF nor PE nor Mach-O".to_owned(),
        }),
    }
}

/// Why a file cannot be opened, as the end of a sentence that starts with its name.
fn unreadable(error: &ReadError) -> String {
    match error {
        ReadError::NotAFile { what, .. } => format!("is {what}, not a regular file"),
        ReadError::Io { source, .. } => format!("cannot be read: {source}"),
        ReadError::TooLarge { bytes, .. } => format!("is too large: {bytes} bytes"),
    }
}

fn start_of(source: &mut (impl Read + Seek)) -> std::io::Result<(Vec<u8>, u64)> {
    let bytes = source.seek(SeekFrom::End(0))?;
    source.seek(SeekFrom::Start(0))?;
    let mut start = Vec::with_capacity(START_BYTES as usize);
    source.by_ref().take(START_BYTES).read_to_end(&mut start)?;
    Ok((start, bytes))
}

fn script(line: &[u8]) -> Result<Image, String> {
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.contains(&0) {
        return Err("is a script whose first line holds NULs".to_owned());
    }
    let shebang = String::from_utf8_lossy(line).trim().to_owned();
    Ok(Image { format: Format::Script, architecture: None, shebang: Some(shebang) })
}

/// The start of a file as text: `None` when it holds anything that text does not.
fn text_of(start: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // The last character may be cut where the reading stopped.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let plain = |c: char| !c.is_control() || matches!(c, '\t' | '\r' | '\n' | '\x0c');
    text.chars().all(plain).then_some(text)
}

fn describe_text(text: &str, bytes: u64) -> String {
    if text.starts_with("version https://git-lfs") {
        return "is a Git LFS pointer: the file itself was never fetched".to_owned();
    }
    let line = text.trim();
    if bytes <= LINK_TEXT_BYTES && !line.is_empty() && !line.contains(['\n', '\r', '<', ' ', '(']) {
        return format!(
            "is a text file of {bytes} bytes, as a link becomes in a zip or git checkout: `{line}`"
        );
    }
    format!("is a text file of {bytes} bytes, not an executable image")
}

/// Whether the file is a linker script, which stands where a library is looked for at build time:
/// `/* GNU ld script */ INPUT(-lfoo)`.
pub(super) fn is_linker_script(file: &mut File) -> bool {
    let Ok((start, _)) = start_of(file) else { return false };
    text_of(&start).is_some_and(|text| {
        let text = text.trim_start();
        ["/*", "INPUT", "GROUP", "OUTPUT_FORMAT"].iter().any(|word| text.starts_with(word))
    })
}

#[cfg(test)]
mod tests;
