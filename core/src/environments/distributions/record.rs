//! RECORD: one CSV line for each installed file.
//!
//! ```text
//! idna/core.py,sha256=60963200c9f089010f8d50b8f85aaefe9e0227ac8a2ae0c69a9a41350350a45b,12950
//! ../../../bin/tabulate,sha256=Bp2P9rmIaZf4WOQTmfBQJ1xGjZUcHiWzkVjPCYhpXyA,206
//! "a, b.txt",,
//! ```
//!
//! <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>.

use super::{Record, RecordedFile};

/// The largest real ones (all of the CUDA wheels) stay below 1 MiB.
pub(super) const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// More files than any distribution has.
const MAX_FILES: usize = 200_000;

/// `Err` says what is wrong with the file, as the end of a sentence.
pub(super) fn parse(bytes: &[u8]) -> Result<Record, String> {
    reject_nul(bytes)?;
    let text = String::from_utf8_lossy(bytes);
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
    Ok(Record { files })
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
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => return (text[..at].trim_end_matches('\r'), &text[at + 1..]),
            _ => {}
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
        None => {
            let mut fields = line.rsplitn(3, ',');
            let (last, middle, first) = (fields.next()?, fields.next(), fields.next());
            match (first, middle) {
                (Some(path), Some(hash)) => {
                    return file(path, hash, last);
                }
                (None, Some(path)) => (path.to_owned(), last),
                _ => (last.to_owned(), ""),
            }
        }
    };
    let (hash, bytes) = rest.split_once(',').unwrap_or((rest, ""));
    file(&path, hash, bytes)
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
    if path.is_empty() {
        return None;
    }
    // Old installers on Windows wrote `\`. A path with both is one of a strange name.
    let path = if path.contains('\\') && !path.contains('/') {
        path.replace('\\', "/")
    } else {
        path.to_owned()
    };
    let hash = hash.trim().trim_matches('"');
    Some(RecordedFile {
        path,
        hash: (!hash.is_empty()).then(|| hash.to_owned()),
        bytes: bytes.trim().trim_matches('"').parse().ok(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines() {
        let check = |line: &str, path: &str, hash: Option<&str>, bytes: Option<u64>| {
            let record = parse(line.as_bytes()).unwrap();
            let expected =
                RecordedFile { path: path.to_owned(), hash: hash.map(str::to_owned), bytes };
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
