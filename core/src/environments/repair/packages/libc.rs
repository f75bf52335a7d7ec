//! The C library of a Linux machine: which wheels of PEP 600 and PEP 656 it can load.

use std::io::Read;

use crate::environments::Architecture;
use crate::fs;
use crate::host::Host;

/// A C library, and its version as far as it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Libc {
    /// glibc 2.x: the minor version.
    Gnu(u16),
    /// musl: every system still in use has 1.2.
    Musl,
}

/// Of 2018: every distribution that is still supported has it.
const USUAL_MINOR: u16 = 28;

/// A larger one is none.
const MAX_LIBRARY_BYTES: u64 = 16 * 1024 * 1024;

/// Stands in the library, before its version: `GNU C Library (Debian GLIBC 2.36-9) stable release
/// version 2.36.`
const BANNER: &[u8] = b"release version 2.";

/// The C library of the machine, from its files.
pub(super) fn of(host: &Host, architecture: Architecture) -> Libc {
    let machine = match architecture {
        Architecture::Aarch64 => "aarch64",
        Architecture::X86 => "i386",
        _ => "x86_64",
    };
    let folders = [
        format!("/lib/{machine}-linux-gnu"),
        format!("/usr/lib/{machine}-linux-gnu"),
        "/lib64".to_owned(),
        "/usr/lib64".to_owned(),
        "/lib".to_owned(),
        "/usr/lib".to_owned(),
    ];
    let libraries = folders.iter().map(|folder| host.place(folder).join("libc.so.6"));
    let mut found = libraries.filter(|library| fs::is_file(library)).peekable();
    let is_musl = found.peek().is_none()
        && fs::list_unsorted(&host.place("/lib")).is_ok_and(|entries| {
            entries.iter().any(|entry| entry.name.to_string_lossy().starts_with("ld-musl-"))
        });
    if is_musl {
        return Libc::Musl;
    }
    Libc::Gnu(found.find_map(|library| minor_of(&library)).unwrap_or(USUAL_MINOR))
}

fn minor_of(library: &std::path::Path) -> Option<u16> {
    let (file, _) = fs::open(library).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_LIBRARY_BYTES).read_to_end(&mut bytes).ok()?;
    let at = memchr::memmem::find(&bytes, BANNER)? + BANNER.len();
    let digits: String =
        bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).map(|b| *b as char).collect();
    digits.parse().ok()
}

impl Libc {
    /// `manylinux` or `musllinux`.
    pub(super) fn family(self) -> &'static str {
        match self {
            Libc::Gnu(_) => "manylinux",
            Libc::Musl => "musllinux",
        }
    }

    /// The tags that fit, the newest first.
    pub(super) fn platforms(self, machine: &str) -> Vec<String> {
        let mut families: Vec<String> = match self {
            Libc::Gnu(here) => {
                (5..=here).rev().map(|minor| format!("manylinux_2_{minor}")).collect()
            }
            Libc::Musl => vec!["musllinux_1_2".to_owned(), "musllinux_1_1".to_owned()],
        };
        if self != Libc::Musl {
            let old = ["manylinux2014", "manylinux2010", "manylinux1"];
            families.extend(old.map(str::to_owned));
        }
        families.push("linux".to_owned());
        families.iter().map(|family| format!("{family}_{machine}")).collect()
    }

    /// How well a tag fits; what needs the newest library was built last.
    pub(super) fn rank(self, platform: &str, machine: &str) -> Option<u16> {
        let rest = platform.strip_suffix(machine)?.strip_suffix('_')?;
        // Built on this kind of machine, for nothing older.
        if rest == "linux" {
            return Some(1000);
        }
        match self {
            Libc::Gnu(here) => {
                let made_for = match rest {
                    "manylinux1" => 5,
                    "manylinux2010" => 12,
                    "manylinux2014" => 17,
                    _ => rest.strip_prefix("manylinux_2_")?.parse().ok()?,
                };
                (made_for <= here).then(|| here - made_for)
            }
            Libc::Musl => {
                let made_for = rest.strip_prefix("musllinux_1_")?.parse::<u16>().ok()?;
                (made_for <= 2).then(|| 2 - made_for)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Platform;

    #[test]
    fn the_version_stands_in_the_library() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::empty(Platform::Linux, root.path());
        assert_eq!(of(&host, Architecture::X86_64), Libc::Gnu(USUAL_MINOR));
        std::fs::create_dir_all(root.path().join("lib")).unwrap();
        std::fs::write(root.path().join("lib/ld-musl-x86_64.so.1"), b"").unwrap();
        assert_eq!(of(&host, Architecture::X86_64), Libc::Musl);
        std::fs::create_dir_all(root.path().join("lib64")).unwrap();
        let banner = b"\x7fELF\0GNU C Library (Debian) stable release version 2.36.\0";
        std::fs::write(root.path().join("lib64/libc.so.6"), banner).unwrap();
        assert_eq!(of(&host, Architecture::X86_64), Libc::Gnu(36));
    }
}
