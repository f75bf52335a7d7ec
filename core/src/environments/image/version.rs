//! The exact version of a CPython, found as text inside its binary or library.

use std::io::Read;
use std::path::Path;

use memchr::memmem;

use super::super::{Implementation, PythonTag, PythonVersion};
use crate::fs;

/// The largest `libpython` seen has 50 MB, debug symbols of the whole program included.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

const BLOCK_BYTES: usize = 1024 * 1024;

/// `3.14.100rc2+` and its NULs are shorter. As much of each block is looked at again with the next.
const OVERLAP_BYTES: usize = 32;

/// The exact version of the CPython of this minor whose binary or `libpythonX.Y` this is.
///
/// `PY_VERSION` (`3.12.1`, `3.14.0rc2`, `3.13.0+`) stands in it as a C string, usually one of its own.
/// A linker may have merged it into the end of a longer one, such as the compiled-in prefix
/// `/opt/python/3.12.1`; then the ends of all strings must agree. `None` when there is no such string
/// or the file cannot be read: the interpreter that loads a `libpython` may hold none.
pub fn embedded_version(path: &Path, tag: PythonTag) -> Option<PythonVersion> {
    if tag.implementation != Implementation::CPython {
        return None;
    }
    let (file, _) = fs::open(path).ok()?;
    scan(file.take(MAX_BYTES), tag)
}

fn scan(mut source: impl Read, tag: PythonTag) -> Option<PythonVersion> {
    let start = format!("{}.{}.", tag.major, tag.minor);
    let finder = memmem::Finder::new(start.as_bytes());
    let mut block = Vec::with_capacity(BLOCK_BYTES + OVERLAP_BYTES);
    let (mut merged, mut merged_agree) = (None, true);
    loop {
        let read = source.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut block).ok()?;
        for at in finder.find_iter(&block).filter(|at| *at > 0) {
            let (before, Some(version)) = (block[at - 1], version_at(&block[at..])) else {
                continue;
            };
            if before == 0 {
                return Some(version);
            }
            // Part of a longer number: `13.12.1`.
            if before != b'.' && !before.is_ascii_digit() {
                merged_agree &= merged.as_ref().is_none_or(|known| *known == version);
                merged.get_or_insert(version);
            }
        }
        if read == 0 {
            return merged.filter(|_| merged_agree);
        }
        block.drain(..block.len().saturating_sub(OVERLAP_BYTES));
    }
}

/// The version that the bytes start with, when it ends in a NUL.
fn version_at(bytes: &[u8]) -> Option<PythonVersion> {
    let end = bytes.iter().take(OVERLAP_BYTES).position(|byte| *byte == 0)?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let suffix = text.trim_end_matches('+').splitn(3, '.').nth(2)?;
    let suffix = suffix.trim_start_matches(|c: char| c.is_ascii_digit());
    let serial = ["rc", "a", "b"].iter().find_map(|level| suffix.strip_prefix(level));
    let level_is_known = suffix.is_empty()
        || serial.is_some_and(|serial| {
            !serial.is_empty() && serial.bytes().all(|byte| byte.is_ascii_digit())
        });
    level_is_known.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_version_that_stands_alone() {
        let check = |content: &[u8], expected: Option<&str>| {
            let found = scan(content, PythonTag::cpython(3, 12)).map(|version| version.to_string());
            assert_eq!(found.as_deref(), expected, "{}", String::from_utf8_lossy(content));
        };
        check(b"\x7fELF\0abc\x003.12.1\0def\0", Some("3.12.1"));
        check(b"\x003.12.0rc2\0", Some("3.12.0rc2"));
        check(b"\x003.12.4+\0", Some("3.12.4"));
        check(b"\x003.12.x\0\x003.12.11\0", Some("3.12.11"));
        check(b"\x003.12.1 (main, Jan)\0", None);
        check(b"\x003.12.1-debug\0", None);
        check(b"\0/opt/3.12.1\0..\0/build/Python-3.12.1\0", Some("3.12.1"));
        check(b"\0/opt/3.12.0\0..\0/build/Python-3.12.1\0", None);
        check(b"\0/opt/3.12.0\0..\x003.12.1\0", Some("3.12.1"));
        check(b"\x0013.12.1\0", None);
        check(b"\x003.11.2\0", None);
        check(b"\x003.12.1", None);
        check(b"\x003.12.\0", None);
        check(b"", None);
    }

    #[test]
    fn finds_it_across_two_blocks() {
        for shift in 0..16 {
            let mut content = vec![b'x'; BLOCK_BYTES - shift];
            content.extend_from_slice(b"\x003.12.10\0 and more");
            let found = scan(content.as_slice(), PythonTag::cpython(3, 12));
            assert_eq!(found.map(|version| version.to_string()).as_deref(), Some("3.12.10"));
        }
    }
}
