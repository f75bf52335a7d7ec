//! Names and versions of Python builds: `3.14t` in a folder name, `3.12.1` in a file.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The implementation of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Implementation {
    /// The reference implementation.
    CPython,
    /// PyPy.
    PyPy,
    /// GraalPy.
    GraalPy,
}

impl Implementation {
    /// As `sys.implementation.name` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Implementation::CPython => "cpython",
            Implementation::PyPy => "pypy",
            Implementation::GraalPy => "graalpy",
        }
    }
}

/// What must agree between an interpreter, its library folder and the extensions in it: the minor
/// version and the ABI. The `python3.14t` of `lib/python3.14t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PythonTag {
    /// Which implementation.
    pub implementation: Implementation,
    /// 3 in 3.14.
    pub major: u8,
    /// 14 in 3.14.
    pub minor: u8,
    /// The `t` of a free-threaded build.
    pub free_threaded: bool,
}

impl PythonTag {
    /// A CPython with the GIL.
    pub fn cpython(major: u8, minor: u8) -> PythonTag {
        PythonTag { implementation: Implementation::CPython, major, minor, free_threaded: false }
    }

    /// Reads `python3.12`, `python3.14t`, `pypy3.10`, `graalpy3.11`, with or without `.exe`.
    /// `python` and `python3` name no minor and give `None`.
    pub fn from_name(name: &str) -> Option<PythonTag> {
        let name = name.strip_suffix(".exe").unwrap_or(name);
        let (implementation, rest) = [
            ("python", Implementation::CPython),
            ("pypy", Implementation::PyPy),
            ("graalpy", Implementation::GraalPy),
        ]
        .iter()
        .find_map(|(stem, implementation)| Some((*implementation, name.strip_prefix(stem)?)))?;
        let (rest, free_threaded) = match rest.strip_suffix('t') {
            Some(rest) => (rest, true),
            // `python3.7m`: the pymalloc flag of 3.7 and older; `d` marks a debug build.
            None => (rest.trim_end_matches(['m', 'd', 'u']), false),
        };
        let (major, minor) = rest.split_once('.')?;
        Some(PythonTag {
            implementation,
            major: number(major)?,
            minor: number(minor)?,
            free_threaded,
        })
    }

    /// `3.12`, or `3.14t`.
    pub fn xy(&self) -> String {
        format!("{}.{}{}", self.major, self.minor, if self.free_threaded { "t" } else { "" })
    }
}

impl fmt::Display for PythonTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stem = match self.implementation {
            Implementation::CPython => "python",
            Implementation::PyPy => "pypy",
            Implementation::GraalPy => "graalpy",
        };
        write!(f, "{stem}{}", self.xy())
    }
}

/// Digits only: `u8::from_str` alone would take `+3`.
fn number(text: &str) -> Option<u8> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A version of Python as far as files tell it: `3`, `3.12`, `3.12.1`, `3.14.0rc2`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PythonVersion {
    /// 3 in 3.12.1.
    pub major: u8,
    /// 12 in 3.12.1.
    pub minor: u8,
    /// 1 in 3.12.1, where it is known.
    pub patch: Option<u8>,
    /// `rc2` of a pre-release, else empty.
    pub suffix: String,
}

impl PythonVersion {
    /// Whether it is of this minor (the ABI is not part of a version).
    pub fn is_of(&self, tag: PythonTag) -> bool {
        (self.major, self.minor) == (tag.major, tag.minor)
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        match self.patch {
            Some(patch) => write!(f, ".{patch}{}", self.suffix),
            None => Ok(()),
        }
    }
}

/// The text is no version of Python.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a version of Python")]
pub struct NotAVersion;

impl FromStr for PythonVersion {
    type Err = NotAVersion;

    /// Reads `3.12.1`, `3.12`, `3.14.0rc2`, `3.14.0+`, and virtualenv's `3.12.1.final.0`.
    fn from_str(text: &str) -> Result<PythonVersion, NotAVersion> {
        let mut parts = text.trim().trim_end_matches('+').splitn(4, '.');
        let mut next = || parts.next().ok_or(NotAVersion);
        let major = number(next()?).ok_or(NotAVersion)?;
        let minor = number(next()?).ok_or(NotAVersion)?;
        let Ok(last) = next() else {
            return Ok(PythonVersion { major, minor, patch: None, suffix: String::new() });
        };
        let digits = last.bytes().take_while(u8::is_ascii_digit).count();
        let patch = number(&last[..digits]).ok_or(NotAVersion)?;
        let mut suffix = last[digits..].to_owned();
        if let Some((level, serial)) = next().ok().and_then(|rest| rest.split_once('.')) {
            suffix = match level {
                "alpha" => format!("a{serial}"),
                "beta" => format!("b{serial}"),
                "candidate" => format!("rc{serial}"),
                _ => String::new(),
            };
        }
        if !suffix.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(NotAVersion);
        }
        Ok(PythonVersion { major, minor, patch: Some(patch), suffix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(
                PythonTag::from_name(name).map(|tag| tag.to_string()).as_deref(),
                expected,
                "{name}"
            );
        };
        check("python3.12", Some("python3.12"));
        check("python3.14t", Some("python3.14t"));
        check("python3.7m", Some("python3.7"));
        check("python3.12.exe", Some("python3.12"));
        check("pypy3.10", Some("pypy3.10"));
        check("python3", None);
        check("python", None);
        check("python3.12-config", None);
        check("python3.+2", None);
    }

    #[test]
    fn versions() {
        let check = |text: &str, expected: Option<&str>| {
            let version = text.parse::<PythonVersion>().ok().map(|version| version.to_string());
            assert_eq!(version.as_deref(), expected, "{text}");
        };
        check("3.12.1", Some("3.12.1"));
        check("3.12", Some("3.12"));
        check("3.14.0rc2", Some("3.14.0rc2"));
        check("3.14.0+", Some("3.14.0"));
        check("3.12.1.final.0", Some("3.12.1"));
        check("3.15.0.alpha.3", Some("3.15.0a3"));
        check("three", None);
        check("3", None);
        check("3.999.1", None);
    }
}
