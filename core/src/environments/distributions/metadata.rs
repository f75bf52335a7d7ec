//! METADATA and PKG-INFO: header lines as in an e-mail, then a blank line and the description.
//!
//! ```text
//! Metadata-Version: 2.1
//! Name: Jinja2
//! Version: 3.1.6
//! Requires-Dist: MarkupSafe>=2.0
//! Requires-Dist: Babel>=2.7 ; extra == 'i18n'
//! Provides-Extra: i18n
//! ```
//!
//! Core metadata: <https://packaging.python.org/en/latest/specifications/core-metadata/>.

use std::str::FromStr;

use super::{Metadata, Requirement};

/// No header is longer; the description after it is never read. Requirements of the largest
/// applications take some 100 KiB.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;

/// What a first read asks for: nearly all headers fit.
pub(super) const USUAL_BYTES: u64 = 16 * 1024;

/// More requirements than any distribution has.
const MAX_REQUIREMENTS: usize = 20_000;

/// A requirement with a URL and a marker takes some hundred bytes.
const MAX_REQUIREMENT_BYTES: usize = 8 * 1024;

/// Conditions of one marker that mixes `and` with `or`, and brackets; Poetry's longest have a dozen.
const MAX_CONDITIONS: usize = 24;
const MAX_BRACKETS: usize = 64;

/// Nodes of all decision diagrams of one distribution, at worst: each takes some kilobytes.
const MAX_EFFORT: usize = 8192;

/// The header without the description, when the blank line that ends it is in `bytes`.
pub(super) fn header(bytes: &[u8]) -> Option<&[u8]> {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        if bytes[start..end].iter().all(|byte| *byte == b'\r') {
            return Some(&bytes[..start]);
        }
        start = end + 1;
    }
    None
}

/// Reads the header. `Err` says what is wrong with the file, as the end of a sentence.
pub fn parse(bytes: &[u8]) -> Result<Metadata, String> {
    let header = header(bytes).unwrap_or(bytes);
    super::record::reject_nul(header)?;
    let text = String::from_utf8_lossy(header);
    let mut metadata = Metadata::default();
    for (field, value) in fields(&text) {
        match field.to_ascii_lowercase().as_str() {
            "name" if metadata.name.is_empty() => metadata.name = value,
            "version" if metadata.version.is_empty() => metadata.version = value,
            "requires-dist" if metadata.requires.len() < MAX_REQUIREMENTS => {
                metadata.requires.push(value);
            }
            "provides-extra" if metadata.extras.len() < MAX_REQUIREMENTS => {
                metadata.extras.push(value);
            }
            "requires-python" => metadata.requires_python = Some(value),
            _ => {}
        }
    }
    if metadata.name.is_empty() {
        return Err("has no `Name`".to_owned());
    }
    if metadata.version.is_empty() {
        return Err("has no `Version`".to_owned());
    }
    metadata.requirements = parse_requirements(&metadata.requires);
    Ok(metadata)
}

/// Reads one requirement, as a line of METADATA or of a file of requirements has it.
pub fn requirement(line: &str) -> Option<Requirement> {
    parse_requirements(&[line.to_owned()]).pop()
}

/// Lines of an old syntax (`foo (>1.0`) are left out: pip ignores them, too. So are lines that no
/// program writes.
pub(super) fn parse_requirements(lines: &[String]) -> Vec<Requirement> {
    let mut effort = MAX_EFFORT;
    lines
        .iter()
        .filter(|line| is_safe(line) && is_affordable(line, &mut effort))
        .filter_map(|line| Requirement::from_str(line).ok())
        .collect()
}

/// Whether the parser of requirements survives the line: it panics on what is not ASCII and on names
/// that end in punctuation, and follows brackets by recursion.
fn is_safe(line: &str) -> bool {
    let (head, _) = line.split_once(';').unwrap_or((line, ""));
    let ends_well = |name: &str| !name.trim().ends_with(['-', '_', '.']);
    let (name, rest) =
        head.trim().split_at(head.trim().find(|c| !is_name(c)).unwrap_or(head.trim().len()));
    let extras = rest.split_once('[').map_or("", |(_, rest)| rest.split(']').next().unwrap_or(""));
    line.is_ascii()
        && line.len() <= MAX_REQUIREMENT_BYTES
        && line.matches('(').count() <= MAX_BRACKETS
        && ends_well(name)
        && extras.split(',').all(ends_well)
}

/// Whether the marker is small enough: it becomes a decision diagram, and a mix of `and` and `or`
/// doubles that with every other condition at worst.
fn is_affordable(line: &str, effort: &mut usize) -> bool {
    let (_, marker) = line.split_once(';').unwrap_or((line, ""));
    let count = |word: &str| marker.split(|c: char| !is_name(c)).filter(|w| *w == word).count();
    let (ands, ors) = (count("and"), count("or"));
    let mixed = if ands.min(ors) == 0 { 0 } else { ands + ors };
    let cost = (1 << (mixed.min(MAX_CONDITIONS) / 2)) - 1;
    let is_affordable = mixed <= MAX_CONDITIONS && cost <= *effort;
    if is_affordable {
        *effort -= cost;
    }
    is_affordable
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// The fields of a header, with continuation lines joined by a blank.
fn fields(text: &str) -> Vec<(&str, String)> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((field, value)) = line.split_once(':') {
            // The long fields are of no use here, and a license text may be one of them.
            if wanted(field) {
                fields.push((field, value.trim().to_owned()));
            } else {
                fields.push(("", String::new()));
            }
        }
    }
    fields
}

fn wanted(field: &str) -> bool {
    ["name", "version", "requires-dist", "provides-extra", "requires-python"]
        .iter()
        .any(|wanted| wanted.eq_ignore_ascii_case(field))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requirements_that_the_parser_does_not_survive_are_left_out() {
        let check = |line: &str, expected: usize| {
            assert_eq!(parse_requirements(&[line.to_owned()]).len(), expected, "{line}");
        };
        check("idna", 1);
        check("b\u{fffd}kelo", 0);
        check("six ; python_version \u{fffd}= '3'", 0);
        check("skia->=0.5.0", 0);
        check("coverage[toml-, x]>=7", 0);
        check("coverage[toml]>=7 ; python_version < '3.11' and (extra == 'a' or extra == 'b')", 1);
        check(&format!("six ; {}os_name == 'nt'{}", "(".repeat(9), ")".repeat(9)), 1);
        check(&format!("six ; {}os_name == 'nt'", "(".repeat(4000)), 0);
        let chain: Vec<String> = (0..100).map(|n| format!("extra == 'e{n}'")).collect();
        check(&format!("six ; {}", chain.join(" or ")), 1);
        check(&format!("six ; {} and os_name == 'nt'", chain.join(" or ")), 0);
    }

    #[test]
    fn reads_the_header_only() {
        let metadata = parse(
            b"Metadata-Version: 2.1\r\nName: Jinja2\r\nVersion: 3.1.6\r\nRequires-Dist: MarkupSafe\r\n  >=2.0\r\n\
              Requires-Dist: Babel>=2.7 ; extra == 'i18n'\r\nRequires-Dist: broken (>=\r\nProvides-Extra: i18n\r\n\r\n\
              Name: not-this\r\nRequires-Dist: nor-this\r\n",
        )
        .unwrap();
        assert_eq!((metadata.name.as_str(), metadata.version.as_str()), ("Jinja2", "3.1.6"));
        assert_eq!(
            metadata.requires,
            ["MarkupSafe >=2.0", "Babel>=2.7 ; extra == 'i18n'", "broken (>="]
        );
        assert_eq!(metadata.requirements.len(), 2);
        assert_eq!(metadata.extras, ["i18n"]);
    }

    #[test]
    fn says_what_is_wrong() {
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(parse(bytes).unwrap_err(), expected, "{bytes:?}");
        };
        check(b"", "is empty");
        check(b"\0\0\0\0", "is filled with NULs");
        check(b"Name: six\n\0\0\0\0", "holds NULs");
        check(b"Version: 1\n", "has no `Name`");
        check(b"Name: six\n\nVersion: 1\n", "has no `Version`");
    }

    #[test]
    fn hostile_requirements_are_left_out() {
        let check = |marker: &str, expected: usize| {
            let lines = ["idna".to_owned(), format!("a ; {marker}")];
            assert_eq!(parse_requirements(&lines).len(), expected, "{marker:.100}");
        };
        check("(os_name == 'x' or os_name == 'y') and os_name != 'z'", 2);
        check(&format!("{}os_name == 'x'{}", "(".repeat(9_000), ")".repeat(9_000)), 1);
        check(&format!("{}os_name == 'x'{}", "(".repeat(90_000), ")".repeat(90_000)), 1);
        let pair = |n: usize| format!("(extra == 'a{n:02}' and extra == 'b{n:02}')");
        let pairs = |count: usize| (0..count).map(pair).collect::<Vec<_>>().join(" or ");
        check(&pairs(10), 2);
        check(&pairs(60), 1);
        // Many that are large at once.
        let lines = vec![format!("a ; {}", pairs(11)); 20_000];
        assert!(parse_requirements(&lines).len() < 100);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_is_written_is_read(name in "[A-Za-z][A-Za-z0-9._-]{0,20}", version in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}") {
            let metadata = parse(format!("Name: {name}\nVersion: {version}\n\ntext").as_bytes()).unwrap();
            prop_assert_eq!(metadata.name, name);
            prop_assert_eq!(metadata.version, version);
        }
    }
}
