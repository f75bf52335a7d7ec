//! What the name of a native file tells: `ujson.cpython-312-x86_64-linux-gnu.so`.
//!
//! The tag is `EXT_SUFFIX` of the interpreter that built it (PEP 3149). An interpreter imports a
//! module from names with its own tag, with `abi3`, and without any.

use std::fmt;

use super::super::super::{Architecture, Implementation, PythonTag};

/// The operating system that a name or an image tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    Linux,
    MacOs,
    Windows,
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            System::Linux => "Linux",
            System::MacOs => "macOS",
            System::Windows => "Windows",
        })
    }
}

/// Which Pythons a name says that the file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Abi {
    /// The name does not say: any may try to load it.
    Untagged,
    /// `abi3`: any CPython with the GIL that is new enough.
    Stable,
    /// One minor version of one implementation.
    Exact(MadeFor),
}

/// The Python that a file was built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MadeFor {
    pub(super) implementation: Implementation,
    /// `None` where the implementation's own version stands in its place.
    pub(super) minor: Option<(u8, u8)>,
    pub(super) free_threaded: bool,
}

impl MadeFor {
    /// Whether the interpreter looks for files with this tag.
    pub(super) fn loads_in(self, tag: PythonTag) -> bool {
        self.implementation == tag.implementation
            && self.free_threaded == tag.free_threaded
            && self.minor.is_none_or(|minor| minor == (tag.major, tag.minor))
    }
}

impl fmt::Display for MadeFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.implementation {
            Implementation::CPython => "CPython",
            Implementation::PyPy => "PyPy",
            Implementation::GraalPy => "GraalPy",
        })?;
        if let Some((major, minor)) = self.minor {
            write!(f, " {major}.{minor}")?;
        }
        f.write_str(if self.free_threaded { "t" } else { "" })
    }
}

/// A native file's name, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ExtensionName<'a> {
    /// The module: what stands before the first dot.
    pub(super) stem: &'a str,
    pub(super) abi: Abi,
    /// The operating system, where the tag names it.
    pub(super) system: Option<System>,
    /// The machine, where the tag names it.
    pub(super) architecture: Option<Architecture>,
}

impl<'a> ExtensionName<'a> {
    /// `None` when the name is not one of a native library.
    pub(super) fn parse(name: &'a str) -> Option<ExtensionName<'a>> {
        let library = name.ends_with(".dll") || name.ends_with(".dylib") || is_versioned_so(name);
        let module = name.strip_suffix(".so").or_else(|| name.strip_suffix(".pyd"));
        if !library && module.is_none() {
            return None;
        }
        let (stem, tag) = module.unwrap_or(name).split_once('.').unwrap_or((name, ""));
        let stem = stem.strip_suffix(".so").or_else(|| stem.strip_suffix(".pyd")).unwrap_or(stem);
        let untagged = ExtensionName { stem, abi: Abi::Untagged, system: None, architecture: None };
        if module.is_none() {
            return Some(untagged);
        }
        if tag == "abi3" {
            return Some(ExtensionName { abi: Abi::Stable, ..untagged });
        }
        let Some((made_for, platform)) = parse_tag(tag) else { return Some(untagged) };
        let (system, architecture) = parse_platform(platform);
        Some(ExtensionName { stem, abi: Abi::Exact(made_for), system, architecture })
    }
}

/// `libgfortran.so.5`.
fn is_versioned_so(name: &str) -> bool {
    name.split_once(".so.").is_some_and(|(_, version)| {
        version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    })
}

/// `cpython-312-x86_64-linux-gnu`, `cp313t-win_amd64`, `pypy310-pp73-darwin`.
fn parse_tag(tag: &str) -> Option<(MadeFor, &str)> {
    let cpython = tag.strip_prefix("cpython-").or_else(|| tag.strip_prefix("cp"));
    if let Some(rest) = cpython {
        let (version, platform) = rest.split_once('-').unwrap_or((rest, ""));
        // `m`, `u` and `d` are older ABI flags; a minor version implies the first two.
        let digits = version.trim_end_matches(['m', 'u', 'd', 't']);
        let free_threaded = version[digits.len()..].contains('t');
        let minor = Some(parse_minor(digits)?);
        let implementation = Implementation::CPython;
        return Some((MadeFor { implementation, minor, free_threaded }, platform));
    }
    let (implementation, version) =
        [("pypy", Implementation::PyPy), ("graalpy", Implementation::GraalPy)]
            .iter()
            .find_map(|(stem, implementation)| Some((*implementation, tag.strip_prefix(stem)?)))?;
    // `pypy310-pp73-PLATFORM`: PyPy's own ABI comes between. `graalpy240-311-native-PLATFORM`.
    let (version, rest) = version.split_once('-')?;
    let (_, platform) = rest.split_once('-').unwrap_or((rest, ""));
    let minor = match implementation {
        Implementation::PyPy => Some(parse_minor(version)?),
        _ => None,
    };
    Some((MadeFor { implementation, minor, free_threaded: false }, platform))
}

/// `312` is 3.12.
fn parse_minor(digits: &str) -> Option<(u8, u8)> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let (major, minor) = digits.split_at_checked(1).filter(|_| all_digits)?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `x86_64-linux-gnu`, `darwin`, `win_amd64`.
fn parse_platform(platform: &str) -> (Option<System>, Option<Architecture>) {
    let windows = match platform {
        "win_amd64" => Some(Some(Architecture::X86_64)),
        "win32" => Some(Some(Architecture::X86)),
        "win_arm64" => Some(Some(Architecture::Aarch64)),
        _ => platform.starts_with("mingw").then_some(None),
    };
    if let Some(architecture) = windows {
        return (Some(System::Windows), architecture);
    }
    if platform == "darwin" {
        return (Some(System::MacOs), None);
    }
    let Some((machine, _)) = platform.split_once("-linux-") else { return (None, None) };
    let architecture = match machine {
        "x86_64" => Some(Architecture::X86_64),
        "i386" | "i486" | "i586" | "i686" => Some(Architecture::X86),
        "aarch64" => Some(Architecture::Aarch64),
        "arm" => Some(Architecture::Arm),
        "riscv64" => Some(Architecture::Riscv64),
        "powerpc64le" => Some(Architecture::Ppc64le),
        "s390x" => Some(Architecture::S390x),
        _ => None,
    };
    (Some(System::Linux), architecture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_apart() {
        let check = |name: &str, expected: Option<(&str, &str, &str)>| {
            let parsed = ExtensionName::parse(name).map(|name| {
                let abi = match name.abi {
                    Abi::Untagged => "any".to_owned(),
                    Abi::Stable => "abi3".to_owned(),
                    Abi::Exact(made_for) => made_for.to_string(),
                };
                let system = name.system.map(|system| system.to_string()).unwrap_or_default();
                let machine = name.architecture.map(Architecture::as_str).unwrap_or_default();
                (name.stem.to_owned(), abi, format!("{system} {machine}").trim().to_owned())
            });
            let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
            assert_eq!(parsed, expected, "{name}");
        };
        check("u.cpython-312-x86_64-linux-gnu.so", Some(("u", "CPython 3.12", "Linux x86_64")));
        check("u.cpython-313t-aarch64-linux-gnu.so", Some(("u", "CPython 3.13t", "Linux aarch64")));
        check("u.cpython-37m-arm-linux-gnueabihf.so", Some(("u", "CPython 3.7", "Linux arm")));
        check("u.cpython-312-x86_64-linux-musl.so", Some(("u", "CPython 3.12", "Linux x86_64")));
        check("u.cpython-312-darwin.so", Some(("u", "CPython 3.12", "macOS")));
        check("u.cp312-win_amd64.pyd", Some(("u", "CPython 3.12", "Windows x86_64")));
        check("u.cp314t-win32.pyd", Some(("u", "CPython 3.14t", "Windows x86")));
        check("u.pypy310-pp73-x86_64-linux-gnu.so", Some(("u", "PyPy 3.10", "Linux x86_64")));
        check("u.graalpy240-311-native-x86_64-linux.so", Some(("u", "GraalPy", "")));
        check("u.cpython-312.so", Some(("u", "CPython 3.12", "")));
        check("u.abi3.so", Some(("u", "abi3", "")));
        check("u.so", Some(("u", "any", "")));
        check("u.pyd", Some(("u", "any", "")));
        check("libz-1.2.so.1.3", Some(("libz-1", "any", "")));
        check("u.dll", Some(("u", "any", "")));
        check("u.cpython-x-y.so", Some(("u", "any", "")));
        check("u.cpython-3.so", Some(("u", "any", "")));
        check("u.socket.py", None);
        check("u.so.txt", None);
        check("u.py", None);
    }
}
