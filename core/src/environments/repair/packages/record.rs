//! RECORD as pip writes it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::environments::distributions::RecordedFile;

/// A line for a file of these bytes.
pub(super) fn line_of(recorded: String, bytes: &[u8]) -> RecordedFile {
    let hash = format!("sha256={}", URL_SAFE_NO_PAD.encode(Sha256::digest(bytes)));
    RecordedFile::new(recorded, Some(hash), Some(bytes.len() as u64))
}

/// The whole file, sorted by path, with a line for RECORD itself.
pub(in crate::environments) fn write(mut lines: Vec<RecordedFile>, info: &str) -> Vec<u8> {
    lines.push(RecordedFile::new(format!("{info}/RECORD"), None, None));
    lines.sort_by(|a, b| a.path.cmp(&b.path));
    lines.dedup_by(|a, b| a.path == b.path);
    as_written(&lines)
}

/// The lines in the order that they have.
pub(super) fn as_written(lines: &[RecordedFile]) -> Vec<u8> {
    let mut text = String::new();
    for line in lines {
        let size = line.bytes.map(|bytes| bytes.to_string()).unwrap_or_default();
        let hash = line.hash.as_deref().unwrap_or_default();
        text.push_str(&format!("{},{hash},{size}\n", quoted(&line.path)));
    }
    text.into_bytes()
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environments::distributions::record::parse;

    #[test]
    fn what_is_written_can_be_read() {
        let lines = vec![
            line_of("b.py".to_owned(), b"x = 1\n"),
            line_of("a, \"b\".txt".to_owned(), b""),
            RecordedFile::new("__pycache__/b.cpython-312.pyc".to_owned(), None, None),
        ];
        let text = write(lines.clone(), "b-1.dist-info");
        let read = parse(&text).unwrap().files;
        assert_eq!(read.len(), 4);
        assert!(lines.iter().all(|line| read.contains(line)));
        assert!(read.iter().any(|line| line.path == "b-1.dist-info/RECORD" && line.hash.is_none()));
    }
}
