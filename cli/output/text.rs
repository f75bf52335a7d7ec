//! Text that may come from disk, made safe to show, and laid out in columns.
//!
//! Names on disk are chosen by anybody. A terminal obeys escape sequences and a reader is misled by
//! newlines and by marks that reverse the direction of writing, so none is ever shown raw.

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use aios_core::environments::probe::Probed;
use aios_core::shell;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A name as it may be shown. Bytes that are not UTF-8 appear as `\xff`.
pub(crate) fn shown(name: impl AsRef<OsStr>) -> String {
    let mut text = String::new();
    for chunk in name.as_ref().as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_unsafe(c) {
                text.extend(c.escape_default());
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Control characters, separators of lines and paragraphs, marks of direction, invisible marks.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A path with the home folder as `~`.
pub(crate) fn shown_path(path: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => shown(PathBuf::from("~").join(rest)),
        None => shown(path),
    }
}

/// A path as it can be typed into a shell.
pub(crate) fn typed(path: &Path, home: Option<&Path>) -> String {
    let short = shown_path(path, home);
    // Quoted, `~` is a name like any other.
    let rest = short.strip_prefix('~').unwrap_or(&short);
    if shell::word(rest) == rest { short } else { shell::word(&shown(path)).into_owned() }
}

/// A path in a message.
pub(crate) fn quoted(path: &Path) -> String {
    format!("`{}`", shown(path))
}

/// Columns that a terminal gives to `text`.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// `text` broken at blanks into lines of at most `columns`; a longer word stays whole, so that a
/// path can be copied.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let needed = word.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>();
        match lines.last_mut() {
            Some(line) if line.is_empty() => {
                line.push_str(word);
                used = needed;
            }
            Some(line) if used + 1 + needed <= columns => {
                line.push(' ');
                line.push_str(word);
                used += 1 + needed;
            }
            _ => {
                lines.push(word.to_owned());
                used = needed;
            }
        }
    }
    lines
}

/// `3.12.1`, `3.14.0rc2`, as the interpreter says it.
pub(crate) fn probed_version(probed: &Probed) -> String {
    let [major, minor, patch] = probed.version;
    let level = match probed.release_level.as_str() {
        "alpha" => "a",
        "beta" => "b",
        "candidate" => "rc",
        _ => return format!("{major}.{minor}.{patch}"),
    };
    format!("{major}.{minor}.{patch}{level}{}", probed.serial)
}

/// `1 environment`, `2 environments`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `12.3 KiB`
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut size = count as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1000.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_mislead_is_escaped() {
        let check = |name: &str, expected: &str| assert_eq!(shown(name), expected);
        check("plain name", "plain name");
        check("naïve-环境", "naïve-环境");
        check("a\nb", "a\\nb");
        check("\x1b[2Jgone", "\\u{1b}[2Jgone");
        check("\u{9b}31m", "\\u{9b}31m");
        check("evil\u{202e}txt", "evil\\u{202e}txt");
    }

    #[test]
    fn bytes_that_are_not_utf8() {
        #[cfg(unix)]
        let (name, expected): (std::ffi::OsString, _) =
            (std::os::unix::ffi::OsStringExt::from_vec(b"caf\xe9 env".to_vec()), "caf\\xe9 env");
        // Half of a surrogate pair.
        #[cfg(windows)]
        let (name, expected): (std::ffi::OsString, _) =
            (std::os::windows::ffi::OsStringExt::from_wide(&[0x61, 0xd800]), "a\\xed\\xa0\\x80");
        assert_eq!(shown(&name), expected);
    }

    #[test]
    fn home_is_short() {
        let check = |path: &str, expected: &str| {
            let expected = expected.replace("~/", &format!("~{}", std::path::MAIN_SEPARATOR));
            assert_eq!(shown_path(Path::new(path), Some(Path::new("/home/u"))), expected);
        };
        check("/home/u", "~");
        check("/home/u/a/.venv", "~/a/.venv");
        check("/home/user/.venv", "/home/user/.venv");
    }

    #[test]
    fn home_is_short_where_nothing_is_to_be_quoted() {
        let home = Path::new("/home/u");
        let check = |path: &str, expected: &str| {
            let expected = expected.replace("~/", &format!("~{}", std::path::MAIN_SEPARATOR));
            assert_eq!(typed(Path::new(path), Some(home)), expected);
        };
        check("/home/u", "~");
        check("/home/u/.venv", "~/.venv");
        for path in ["/home/u/a b", "/a/$(reboot)"] {
            check(path, &shell::word(path));
        }
    }

    #[test]
    fn sizes() {
        let check = |count, expected: &str| assert_eq!(bytes(count), expected);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1536, "1.5 KiB");
        check(1024 * 1024 - 1, "1.0 MiB");
        check(u64::MAX, "16777216.0 TiB");
    }

    #[test]
    fn wrapping() {
        let check = |text: &str, expected: &[&str]| assert_eq!(wrapped(text, 10), expected);
        check("", &[""]);
        check("one two three", &["one two", "three"]);
        check("a /long/path/that/stays b", &["a", "/long/path/that/stays", "b"]);
        check("环境环境 环境", &["环境环境", "环境"]);
    }
}
