//! Old forms of metadata: `.egg-info` (a folder or PKG-INFO itself), `.egg`, `.egg-link`.
//!
//! `requires.txt` of an egg has sections for extras and markers:
//!
//! ```text
//! requests>=2
//!
//! [dev:python_version < "3.8"]
//! typing-extensions
//! ```

use std::path::{Path, PathBuf};

/// Real ones stay below 64 KiB.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;

/// The lines of `requires.txt` as `Requires-Dist` would have them.
pub(super) fn requires(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut condition = String::new();
    let mut requires = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            condition = condition_of(section);
        } else if condition.is_empty() {
            requires.push(line.to_owned());
        } else {
            requires.push(format!("{line} ; {condition}"));
        }
    }
    requires
}

/// `dev:python_version < "3.8"` is an extra and a marker; either may be missing.
fn condition_of(section: &str) -> String {
    let (extra, marker) = section.split_once(':').unwrap_or((section, ""));
    match (extra.trim(), marker.trim()) {
        ("", marker) => marker.to_owned(),
        (extra, "") => format!("extra == '{extra}'"),
        (extra, marker) => format!("({marker}) and extra == '{extra}'"),
    }
}

/// The folder that an `.egg-link` names: its first line. `folder` is where the link stands.
pub(super) fn link_target(bytes: &[u8], folder: &Path) -> Option<PathBuf> {
    let text = std::str::from_utf8(bytes).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty() && !line.contains('\0')).then(|| folder.join(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_become_markers() {
        let text = b"a>=1\n\n[dev]\nb\n\n[:os_name == \"nt\"]\nc\n\n[x:python_version<\"3\"]\nd\n";
        assert_eq!(
            requires(text),
            [
                "a>=1",
                "b ; extra == 'dev'",
                "c ; os_name == \"nt\"",
                "d ; (python_version<\"3\") and extra == 'x'"
            ]
        );
    }

    #[test]
    fn links() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                link_target(text.as_bytes(), Path::new("/site")),
                expected.map(PathBuf::from)
            );
        };
        check("/home/alice/proj/src\n../\n", Some("/home/alice/proj/src"));
        check("../src\n.", Some("/site/../src"));
        check("", None);
        check("\0\0", None);
    }
}
