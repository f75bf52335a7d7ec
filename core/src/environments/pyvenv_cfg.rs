//! `pyvenv.cfg`: `key = value` lines (PEP 405), read as CPython reads them.
//!
//! ```text
//! home = /usr/bin
//! include-system-site-packages = false
//! version = 3.12.1
//! ```

use std::ops::Range;
use std::path::PathBuf;

use super::PythonVersion;

/// Nobody writes a longer one; a larger file is not read.
pub const MAX_BYTES: u64 = 64 * 1024;

/// The content of a `pyvenv.cfg`, with what is wrong with its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PyvenvCfg {
    text: String,
    /// Where keys and values stand in the text, in the order of the file.
    entries: Vec<(Range<usize>, Range<usize>)>,
    /// Why the bytes are not what a `pyvenv.cfg` holds, if they are not.
    pub defect: Option<Defect>,
}

/// What is wrong with the bytes of a `pyvenv.cfg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// No bytes, or only blanks.
    Empty,
    /// Starts with a byte order mark, which hides the first key.
    ByteOrderMark,
    /// UTF-16, as a redirection of Windows PowerShell writes it.
    Utf16,
    /// Holds NUL bytes, as after a power cut.
    Nul,
    /// Not UTF-8.
    NotUtf8,
    /// Text, but no line is `key = value`.
    NoKeys,
}

impl PyvenvCfg {
    /// Reads the bytes of the file; never fails, says what is wrong instead.
    pub fn parse(bytes: &[u8]) -> PyvenvCfg {
        let (text, mut defect) = decode(bytes);
        let mut entries = Vec::with_capacity(8);
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=') else { continue };
            let (key, value) = (key.trim(), value.trim());
            if !key.is_empty() {
                entries.push((within(&text, key), within(&text, value)));
            }
        }
        if defect.is_none() && text.trim().is_empty() {
            defect = Some(Defect::Empty);
        } else if defect.is_none() && entries.is_empty() {
            defect = Some(Defect::NoKeys);
        }
        PyvenvCfg { text, entries, defect }
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a key, whatever its case. The first of two equal keys counts.
    pub fn get(&self, key: &str) -> Option<&str> {
        let is_key = |at: &Range<usize>| self.text[at.clone()].eq_ignore_ascii_case(key);
        self.entries.iter().find(|(at, _)| is_key(at)).map(|(_, at)| &self.text[at.clone()])
    }

    /// The text with these values: of keys that it has, in their place; of others, at the end. Everything
    /// else stays as it is: comments, order, blanks, ends of lines.
    pub fn edited(&self, values: &[(&str, &str)]) -> String {
        let mut text = self.text.clone();
        let place = |key: &str| {
            let is_key = |(at, _): &&(Range<usize>, Range<usize>)| {
                self.text[at.clone()].eq_ignore_ascii_case(key)
            };
            self.entries.iter().find(is_key).map(|(_, at)| at.clone())
        };
        let mut there: Vec<(Range<usize>, &str)> =
            values.iter().filter_map(|(key, value)| Some((place(key)?, *value))).collect();
        // From the end on: what is before stays where it is.
        there.sort_by_key(|(at, _)| std::cmp::Reverse(at.start));
        for (at, value) in there {
            // `home=` without a value and with blanks after it.
            let blank = if at.is_empty() && text[..at.start].ends_with('=') { " " } else { "" };
            text.replace_range(at, &format!("{blank}{value}"));
        }
        let end = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let equals = self
            .entries
            .first()
            .map_or(" = ", |(key, value)| if value.start == key.end + 1 { "=" } else { " = " });
        for (key, value) in values.iter().filter(|(key, _)| place(key).is_none()) {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push_str(end);
            }
            text.push_str(&format!("{key}{equals}{value}{end}"));
        }
        text
    }

    /// Whether both have the same values of the same keys, wherever these stand.
    pub fn says_the_same(&self, other: &PyvenvCfg) -> bool {
        let all = |of: &PyvenvCfg, by: &PyvenvCfg| {
            let mut keys = of.entries.iter().map(|(at, _)| &of.text[at.clone()]);
            keys.all(|key| of.get(key) == by.get(key))
        };
        all(self, other) && all(other, self)
    }

    /// The folder of the base interpreter.
    pub fn home(&self) -> Option<PathBuf> {
        self.get("home").filter(|home| !home.is_empty()).map(PathBuf::from)
    }

    /// `version`, or what virtualenv and uv write: `version_info`.
    pub fn version(&self) -> Option<PythonVersion> {
        ["version", "version_info"].iter().find_map(|key| self.get(key)?.parse().ok())
    }

    /// Whether the base's packages are visible too.
    pub fn includes_system_site_packages(&self) -> bool {
        self.get("include-system-site-packages")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// Where a part of a text stands in it.
fn within(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - text.as_ptr().addr();
    start..start + part.len()
}

/// As much text as there is, even from a defective file: repair wants the evidence.
fn decode(bytes: &[u8]) -> (String, Option<Defect>) {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => (utf16(rest, u16::from_le_bytes), Some(Defect::Utf16)),
        [0xfe, 0xff, rest @ ..] => {
            (utf16(rest, |b| u16::from(b[0]) << 8 | u16::from(b[1])), Some(Defect::Utf16))
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => {
            (String::from_utf8_lossy(rest).into_owned(), Some(Defect::ByteOrderMark))
        }
        _ if bytes.len() >= 4
            && bytes.iter().skip(1).step_by(2).all(|b| *b == 0)
            && bytes[0] != 0 =>
        {
            (utf16(bytes, u16::from_le_bytes), Some(Defect::Utf16))
        }
        _ if bytes.contains(&0) => {
            (String::from_utf8_lossy(bytes).replace('\0', ""), Some(Defect::Nul))
        }
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), None),
            Err(_) => (String::from_utf8_lossy(bytes).into_owned(), Some(Defect::NotUtf8)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_cpython_reads() {
        let cfg = PyvenvCfg::parse(
            b"home=/usr/bin\r\nVERSION = 3.12.1\r\n\r\nprompt = a = b\r\nhome = /other\r\n",
        );
        assert_eq!(cfg.defect, None);
        assert_eq!(cfg.home(), Some(PathBuf::from("/usr/bin")));
        assert_eq!(cfg.version().unwrap().to_string(), "3.12.1");
        assert_eq!(cfg.get("prompt"), Some("a = b"));
    }

    #[test]
    fn what_a_file_says() {
        let check = |other: &str, expected: bool| {
            let cfg = PyvenvCfg::parse(b"home = /a\nprompt = x\n");
            let other = PyvenvCfg::parse(other.as_bytes());
            assert_eq!(cfg.says_the_same(&other), expected, "{other:?}");
            assert_eq!(other.says_the_same(&cfg), expected, "{other:?}");
        };
        check("# mine\r\nPrompt=x\r\nHOME=/a\r\nhome=/b\r\n", true);
        check("home = /a\n", false);
        check("home = /a\nprompt = y\n", false);
        check("home = /a\nprompt = x\nuv = 1\n", false);
    }

    #[test]
    fn edits_lose_nothing() {
        let check = |text: &str, values: &[(&str, &str)], expected: &str| {
            assert_eq!(PyvenvCfg::parse(text.as_bytes()).edited(values), expected, "{text:?}");
        };
        check("home = /a\nx = 1\n", &[("home", "/b")], "home = /b\nx = 1\n");
        check("HOME=/a\r\n# mine\r\n", &[("home", "/b")], "HOME=/b\r\n# mine\r\n");
        check("x=1\r\n", &[("home", "/b"), ("y", "2")], "x=1\r\nhome=/b\r\ny=2\r\n");
        check("x = 1", &[("home", "/b")], "x = 1\nhome = /b\n");
        check("home =\nx = 1\n", &[("x", "2"), ("home", "/b")], "home = /b\nx = 2\n");
        check("home = /a\nhome = /c\n", &[("home", "/b")], "home = /b\nhome = /c\n");
        check("a = 1\n", &[], "a = 1\n");
    }

    #[test]
    fn names_the_defect_and_keeps_the_evidence() {
        let check = |bytes: &[u8], defect: Defect, home: Option<&str>| {
            let cfg = PyvenvCfg::parse(bytes);
            assert_eq!(
                (cfg.defect, cfg.home()),
                (Some(defect), home.map(PathBuf::from)),
                "{bytes:?}"
            );
        };
        let utf16: Vec<u8> = "home = /a\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(b"", Defect::Empty, None);
        check(b" \r\n\t\n", Defect::Empty, None);
        check(b"\0\0\0\0\0\0", Defect::Nul, None);
        check(b"home = /a\n\0\0\0\0", Defect::Nul, Some("/a"));
        check(b"\xef\xbb\xbfhome = /a\n", Defect::ByteOrderMark, Some("/a"));
        check(&[b"\xff\xfe".as_slice(), &utf16].concat(), Defect::Utf16, Some("/a"));
        check(&utf16, Defect::Utf16, Some("/a"));
        check(b"home = /a\xff\n", Defect::NotUtf8, Some("/a\u{fffd}"));
        check(b"<html>not found</html>", Defect::NoKeys, None);
    }
}
