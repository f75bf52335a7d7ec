//! RECORD: one CSV line for each installed file.
//!
//! ```text
//! idna/core.py,sha256=60963200c9f089010f8d50b8f85aaefe9e0227ac8a2ae0c69a9a41350350a45b,12950
//! ../../../bin/tabulate,sha256=Bp2P9rmIaZf4WOQTmfBQJ1xGjZUcHiWzkVjPCYhpXyA,206
//! "a, b.txt",,
//! ```
//!
//! <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Record, RecordedFile, Role, Run};
use crate::host::Platform;

/// The largest real ones (all of the CUDA wheels) stay below 1 MiB.
pub(super) const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// More files than any distribution has.
const MAX_FILES: usize = 200_000;

/// No system takes a longer path.
const MAX_PATH_BYTES: usize = 4096;

/// `Err` says what is wrong with the file, as the end of a sentence.
pub fn parse(bytes: &[u8]) -> Result<Record, String> {
    reject_nul(bytes)?;
    // Replacing what is no text looks at each character; nearly all are text.
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    };
    let mut files = Vec::with_capacity((bytes.len() / 64).min(MAX_FILES));
    let mut rest = text.as_ref();
    let mut complete = true;
    while !rest.is_empty() && files.len() < MAX_FILES {
        let (line, after) = next_line(rest);
        complete = after.len() < rest.len() && rest[..rest.len() - after.len()].ends_with('\n')
            || !is_cut_off(line);
        rest = after;
        files.extend(parse_line(line));
    }
    if files.is_empty() {
        return Err("lists no files".to_owned());
    }
    if !rest.is_empty() {
        return Err(format!("lists more than {MAX_FILES} files"));
    }
    if !complete {
        return Err("is cut off in its last line".to_owned());
    }
    Ok(Record::of(files))
}

/// The bytes with other hashes and sizes in the lines of some files; every other byte is as it was.
/// Lines without a hash get none. `None` when the bytes are not UTF-8.
pub fn rewritten(bytes: &[u8], changed: impl Fn(&str) -> Option<(String, u64)>) -> Option<Vec<u8>> {
    let mut rest = std::str::from_utf8(bytes).ok()?;
    let mut new = String::with_capacity(bytes.len());
    while !rest.is_empty() {
        let (line, after) = next_line(rest);
        let whole = &rest[..rest.len() - after.len()];
        rest = after;
        let changed = parse_line(line)
            .filter(|file| file.hash.is_some())
            .and_then(|file| changed(&file.path))
            .and_then(|fields| Some((fields, line.rmatch_indices(',').nth(1)?.0)));
        match changed {
            Some(((hash, size), end_of_path)) => {
                new.push_str(&format!("{},{hash},{size}", &line[..end_of_path]));
                new.push_str(&whole[line.len()..]);
            }
            None => new.push_str(whole),
        }
    }
    Some(new.into_bytes())
}

impl Record {
    /// The record of these files.
    pub fn of(files: Vec<RecordedFile>) -> Record {
        let mut record = Record { files, ..Record::default() };
        for (at, file) in record.files.iter().enumerate() {
            let slash = memchr::memchr(b'/', file.path.as_bytes());
            let top = slash.map_or(file.path.as_str(), |slash| &file.path[..slash]);
            if record.runs.last().is_none_or(|run| run.top != top) {
                let top = top.to_owned();
                record.runs.push(Run { top, files: at..at, lasting: 0, needed: 0 });
            }
            if let Some(run) = record.runs.last_mut() {
                run.files.end = at + 1;
                run.lasting += usize::from(file.role != Role::Bytecode);
                run.needed += usize::from(file.role == Role::Needed);
            }
            if is_native(&file.path) {
                record.natives.push(at);
            }
            if file.path.starts_with("../") || file.path.starts_with('/') {
                record.outside.push(at);
            }
        }
        record
    }

    /// The files whose names are those of native libraries.
    pub fn natives(&self) -> impl Iterator<Item = &RecordedFile> {
        self.natives.iter().filter_map(|at| self.files.get(*at))
    }

    /// The files outside of site-packages.
    pub fn outside(&self) -> impl Iterator<Item = &RecordedFile> {
        self.outside.iter().filter_map(|at| self.files.get(*at))
    }
}

/// A first sieve: `.so`, `.so.1`, `.pyd`, `.dll`, `.dylib`.
fn is_native(path: &str) -> bool {
    const ENDS: [&[u8]; 7] = [b".so", b".pyd", b".dll", b".dylib", b".SO", b".PYD", b".DLL"];
    let name = name_of(path).as_bytes();
    memchr::memchr_iter(b'.', name).any(|dot| ENDS.iter().any(|end| name[dot..].starts_with(end)))
}

/// What the names between the slashes of a path tell.
#[derive(Default)]
struct Parts {
    /// One of them is no name.
    odd: bool,
    bytecode: bool,
    /// A folder among them is of tests.
    tests: bool,
}

impl Parts {
    /// Looks at each byte once: a RECORD has thousands of lines.
    fn of(path: &str) -> Parts {
        let mut parts = Parts::default();
        let mut rest = path.as_bytes();
        loop {
            let slash = memchr::memchr(b'/', rest);
            let part = slash.map_or(rest, |slash| &rest[..slash]);
            match part {
                b"" | b"." | b".." => parts.odd = true,
                b"__pycache__" => parts.bytecode = true,
                b"tests" | b"test" | b"testing_data" => parts.tests |= slash.is_some(),
                _ => {}
            }
            match slash {
                Some(slash) => rest = &rest[slash + 1..],
                None => return parts,
            }
        }
    }

    fn role(&self, path: &str) -> Role {
        const INERT: [&str; 9] = ["pyi", "h", "hpp", "pxd", "pyx", "c", "cpp", "md", "rst"];
        let name = name_of(path);
        let dot = memchr::memrchr(b'.', name.as_bytes());
        let end = dot.map_or("", |dot| &name[dot + 1..]);
        if end == "pyc" || end == "pyo" || self.bytecode {
            Role::Bytecode
        } else if self.tests
            || INERT.contains(&end)
            || name == "py.typed"
            || path.starts_with("../") && path[..path.len() - name.len()].contains("/share/")
        {
            Role::Inert
        } else {
            Role::Needed
        }
    }
}

fn name_of(path: &str) -> &str {
    // By bytes, here and below: a RECORD has thousands of lines, and characters are taken apart first.
    let slash = memchr::memrchr(b'/', path.as_bytes());
    slash.map_or(path, |slash| &path[slash + 1..])
}

impl RecordedFile {
    /// A line of RECORD.
    pub fn new(path: String, hash: Option<String>, bytes: Option<u64>) -> RecordedFile {
        let parts = Parts::of(&path);
        let plain = !parts.odd && is_name_of_file(&path);
        RecordedFile { role: parts.role(&path), plain, path, hash, bytes }
    }

    /// Its hash, where that is the SHA-256 that all installers write.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        let text = self.hash.as_deref()?.strip_prefix("sha256=")?;
        URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?.try_into().ok()
    }
}

/// Whether a path without odd parts leads to a file in site-packages that can be found.
fn is_name_of_file(recorded: &str) -> bool {
    // `C:x` and `\x` are roots on Windows.
    let is_rooted = Platform::CURRENT == Platform::Windows && recorded.contains([':', '\\']);
    // A name that was not UTF-8 was replaced when RECORD was read, and cannot be found.
    let replaced = !recorded.is_ascii() && recorded.contains('\u{fffd}');
    memchr::memchr(0, recorded.as_bytes()).is_none() && !is_rooted && !replaced
}

/// No metadata holds NULs; a file system that lost data fills files with them.
pub(super) fn reject_nul(bytes: &[u8]) -> Result<(), String> {
    if bytes.is_empty() {
        Err("is empty".to_owned())
    } else if memchr::memchr(0, bytes).is_none() {
        Ok(())
    } else if bytes.iter().all(|byte| *byte == 0) {
        Err("is filled with NULs".to_owned())
    } else {
        Err("holds NULs".to_owned())
    }
}

/// A line without its end, and what follows. A quoted field may hold line ends.
fn next_line(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for at in memchr::memchr2_iter(b'"', b'\n', text.as_bytes()) {
        if text.as_bytes()[at] == b'"' {
            quoted = !quoted;
        } else if !quoted {
            return (text[..at].trim_end_matches('\r'), &text[at + 1..]);
        }
    }
    (text, "")
}

/// Every writer puts three fields into a line; less is left by a file that was cut.
fn is_cut_off(line: &str) -> bool {
    !line.trim().is_empty() && line.matches(',').count() < 2
}

fn parse_line(line: &str) -> Option<RecordedFile> {
    let (path, rest) = match line.strip_prefix('"') {
        Some(quoted) => split_quoted(quoted)?,
        // From the right: a comma in a path that its writer did not quote stays in the path.
        None => match split_last(line) {
            None => (line.to_owned(), ""),
            Some((before, last)) => match split_last(before) {
                Some((path, hash)) => return file(path, hash, last),
                None => (before.to_owned(), last),
            },
        },
    };
    let (hash, bytes) = rest.split_once(',').unwrap_or((rest, ""));
    file(&path, hash, bytes)
}

/// What is before the last comma, and what is after it.
fn split_last(text: &str) -> Option<(&str, &str)> {
    let comma = memchr::memrchr(b',', text.as_bytes())?;
    Some((&text[..comma], &text[comma + 1..]))
}

/// The field that ends at the first lone quote, and what follows the comma after it.
fn split_quoted(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character != '"' {
            field.push(character);
        } else if characters.peek().is_some_and(|(_, next)| *next == '"') {
            field.push('"');
            characters.next();
        } else {
            let rest = &text[at + 1..];
            return Some((field, rest.strip_prefix(',').unwrap_or(rest)));
        }
    }
    None
}

fn file(path: &str, hash: &str, bytes: &str) -> Option<RecordedFile> {
    let path = path.trim_matches('\u{feff}');
    if path.is_empty() || path.len() > MAX_PATH_BYTES {
        return None;
    }
    // Old installers on Windows wrote `\`. A path with both is one of a strange name.
    let has = |byte| memchr::memchr(byte, path.as_bytes()).is_some();
    let path = if has(b'\\') && !has(b'/') { path.replace('\\', "/") } else { path.to_owned() };
    let hash = hash.trim().trim_matches('"');
    let hash = (!hash.is_empty()).then(|| hash.to_owned());
    Some(RecordedFile::new(path, hash, bytes.trim().trim_matches('"').parse().ok()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines() {
        let check = |line: &str, path: &str, hash: Option<&str>, bytes: Option<u64>| {
            let record = parse(line.as_bytes()).unwrap();
            let expected = RecordedFile::new(path.to_owned(), hash.map(str::to_owned), bytes);
            assert_eq!(record.files, [expected], "{line}");
        };
        check("idna/core.py,sha256=abc,12\n", "idna/core.py", Some("sha256=abc"), Some(12));
        check("idna/core.py,sha256=abc,12", "idna/core.py", Some("sha256=abc"), Some(12));
        check("a.dist-info/RECORD,,\r\n", "a.dist-info/RECORD", None, None);
        check("\"a, b.txt\",sha256=abc,1\n", "a, b.txt", Some("sha256=abc"), Some(1));
        check("\"a \"\"b\"\"\nc.txt\",,\n", "a \"b\"\nc.txt", None, None);
        check("a, b.txt,sha256=abc,1\n", "a, b.txt", Some("sha256=abc"), Some(1));
        check("only/path\n", "only/path", None, None);
        check("a\\b.py,sha256=abc,1\n", "a/b.py", Some("sha256=abc"), Some(1));
        check("a.py,sha256=abc,many\n", "a.py", Some("sha256=abc"), None);
    }

    #[test]
    fn rewrites_lines() {
        let check = |text: &str, expected: &str| {
            let changed = |path: &str| path.starts_with('a').then(|| ("sha256=new".to_owned(), 7));
            let found = rewritten(text.as_bytes(), changed).unwrap();
            assert_eq!(String::from_utf8(found).unwrap(), expected);
        };
        check(
            "a.py,sha256=x,1\r\nb.py,sha256=x,1\nRECORD,,\n",
            "a.py,sha256=new,7\r\nb.py,sha256=x,1\nRECORD,,\n",
        );
        check("\"a, b\",sha256=x,1", "\"a, b\",sha256=new,7");
        check("a, b,sha256=x,\n", "a, b,sha256=new,7\n");
        check("a.pyc,,\n\na.py\n", "a.pyc,,\n\na.py\n");
        assert_eq!(rewritten(b"a\xff,sha256=x,1\n", |_| None), None);
    }

    #[test]
    fn says_what_is_wrong() {
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(parse(bytes).unwrap_err(), expected, "{bytes:?}");
        };
        check(b"", "is empty");
        check(b"\0\0\0", "is filled with NULs");
        check(b"a.py,,\n\0\0\0", "holds NULs");
        check(b"\n\n", "lists no files");
        check(b"a.py,sha256=abc,1\nb.py,sha2", "is cut off in its last line");
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = parse(&bytes);
            if let Some(same) = rewritten(&bytes, |_| None) {
                prop_assert_eq!(same, bytes);
            }
        }

        #[test]
        fn what_csv_writes_is_read(paths in proptest::collection::vec("[a-z,\" /.é]{0,11}[a-z]", 1..9)) {
            let text: String = paths
                .iter()
                .map(|path| format!("\"{}\",sha256=x,7\n", path.replace('"', "\"\"")))
                .collect();
            let read: Vec<String> =
                parse(text.as_bytes()).unwrap().files.into_iter().map(|file| file.path).collect();
            prop_assert_eq!(read, paths);
        }
    }
}
