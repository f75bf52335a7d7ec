//! Which wheels fit an environment, and which fits best (PEP 425, PEP 600, PEP 656).
//!
//! ```text
//! ujson-5.10.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
//!              python abi   platforms
//! ```

use super::libc::{self, Libc};
use crate::environments::health::Subject;
use crate::environments::{Architecture, Implementation, PythonTag};
use crate::fs;
use crate::host::{Host, Platform};

/// How well a wheel fits; the smallest is the best.
pub(super) type Rank = (u16, u16, u16);

/// What a wheel must be made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) tag: PythonTag,
    pub(super) system: System,
    pub(super) architecture: Architecture,
}

/// The system, with what its version decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum System {
    Linux(Libc),
    /// Major and minor version of macOS.
    MacOs((u16, u16)),
    Windows,
}

impl Target {
    /// `None` when it is not known which Python the environment is for.
    pub(super) fn of(subject: &Subject<'_>) -> Option<Target> {
        let base = subject.facts.base.as_deref();
        let tag = subject.facts.tag.or_else(|| base?.tag)?;
        let architecture = subject
            .environment
            .architecture
            .or_else(|| base?.architecture)
            .filter(|known| *known != Architecture::Universal)
            .unwrap_or_else(here);
        let system = match subject.host.platform {
            Platform::Linux => System::Linux(libc::of(subject.host, architecture)),
            Platform::MacOs => System::MacOs(macos_version(subject.host)),
            Platform::Windows => System::Windows,
        };
        Some(Target { tag, system, architecture })
    }

    /// How well a tag such as `cp312.cp313-abi3-manylinux_2_17_x86_64` fits; `None` when not at all.
    pub(super) fn rank(&self, tag: &str) -> Option<Rank> {
        let mut parts = tag.split('-');
        let (pythons, abis, platforms) = (parts.next()?, parts.next()?, parts.next()?);
        let mut best: Option<Rank> = None;
        for python in pythons.split('.') {
            for abi in abis.split('.') {
                let Some(first) = self.rank_python(python, abi) else { continue };
                let platform = platforms.split('.').filter_map(|one| self.rank_platform(one)).min();
                let Some(second) = platform else { continue };
                // What runs on any system comes after everything that is made for this one.
                let rank = (u16::from(second == u16::MAX), first, second);
                best = Some(best.map_or(rank, |best| best.min(rank)));
            }
        }
        best
    }

    fn rank_python(&self, python: &str, abi: &str) -> Option<u16> {
        let PythonTag { implementation, major, minor, free_threaded } = self.tag;
        let xy = format!("{major}{minor}");
        let (own, prefix) = match implementation {
            Implementation::CPython => (cpython_abi(self.tag), "cp"),
            // `pypy310_pp73`: the version of PyPy itself is not known from its name.
            Implementation::PyPy => (format!("pypy{xy}_"), "pp"),
            Implementation::GraalPy => (format!("graalpy{xy}_"), "graalpy"),
        };
        let is_own = match implementation {
            Implementation::CPython => abi == own,
            _ => abi.starts_with(&own),
        };
        let stable = implementation == Implementation::CPython && !free_threaded && abi == "abi3";
        if python == format!("{prefix}{xy}") {
            return match abi {
                _ if is_own => Some(0),
                _ if stable => Some(1),
                "none" => Some(2),
                _ => None,
            };
        }
        if stable {
            let for_minor = python.strip_prefix("cp3")?.parse::<u8>().ok()?;
            return (major == 3 && for_minor <= minor && for_minor >= 2)
                .then(|| 10 + u16::from(minor - for_minor));
        }
        let for_version = python.strip_prefix("py").filter(|_| abi == "none")?;
        if for_version == xy {
            Some(300)
        } else if for_version == major.to_string() {
            Some(301)
        } else {
            let for_minor = for_version.strip_prefix(&major.to_string())?.parse::<u8>().ok()?;
            (for_minor < minor).then(|| 302 + u16::from(minor - for_minor))
        }
    }

    /// `u16::MAX` for `any`.
    fn rank_platform(&self, platform: &str) -> Option<u16> {
        if platform == "any" {
            return Some(u16::MAX);
        }
        match &self.system {
            System::Linux(libc) => libc.rank(platform, machine_on_linux(self.architecture)),
            System::MacOs(version) => rank_macos(platform, *version, self.architecture),
            System::Windows => (platform == windows_platform(self.architecture)).then_some(0),
        }
    }

    /// What a pip of another Python is told, so that it looks for wheels that fit. `None` where the tag
    /// does not tell all of it.
    pub(super) fn pip_arguments(&self, patch: Option<u8>) -> Option<Vec<String>> {
        if self.tag.implementation != Implementation::CPython {
            return None;
        }
        let machine = machine_on_linux(self.architecture);
        let platforms = match &self.system {
            System::Linux(libc) => libc.platforms(machine),
            System::MacOs((major, minor)) => {
                let format = if machine == "aarch64" { "arm64" } else { "x86_64" };
                vec![format!("macosx_{major}_{minor}_{format}")]
            }
            System::Windows => vec![windows_platform(self.architecture).to_owned()],
        };
        let PythonTag { major, minor, free_threaded, .. } = self.tag;
        let patch = patch.map(|patch| format!(".{patch}")).unwrap_or_default();
        let mut abis = vec![cpython_abi(self.tag), "none".to_owned()];
        if !free_threaded {
            abis.insert(1, "abi3".to_owned());
        }
        let mut arguments = vec![
            format!("--python-version={major}.{minor}{patch}"),
            "--implementation=cp".to_owned(),
        ];
        arguments.extend(abis.iter().map(|abi| format!("--abi={abi}")));
        arguments.extend(platforms.iter().map(|platform| format!("--platform={platform}")));
        Some(arguments)
    }

    /// `cp312 on manylinux x86_64`, for hints.
    pub(super) fn describe(&self) -> String {
        let python = match self.tag.implementation {
            Implementation::CPython => format!("cp{}", self.tag.xy().replace('.', "")),
            _ => self.tag.to_string(),
        };
        let system = match &self.system {
            System::Linux(libc) => libc.family(),
            System::MacOs(_) => "macOS",
            System::Windows => "Windows",
        };
        format!("{python} on {system} {}", self.architecture.as_str())
    }
}

/// `cp312`, `cp314t`.
fn cpython_abi(tag: PythonTag) -> String {
    // The pymalloc flag was part of the ABI until 3.7.
    let flags = match (tag.free_threaded, (tag.major, tag.minor) < (3, 8)) {
        (true, _) => "t",
        (false, true) => "m",
        (false, false) => "",
    };
    format!("cp{}{}{flags}", tag.major, tag.minor)
}

/// `macosx_11_0_arm64`, `macosx_10_9_universal2`.
fn rank_macos(platform: &str, here: (u16, u16), architecture: Architecture) -> Option<u16> {
    let mut parts = platform.strip_prefix("macosx_")?.splitn(3, '_');
    let made_for = (parts.next()?.parse::<u16>().ok()?, parts.next()?.parse::<u16>().ok()?);
    let binary = parts.next()?;
    let formats: &[&str] = match architecture {
        Architecture::Aarch64 => &["arm64", "universal2"],
        Architecture::X86 => &["i386", "intel", "fat", "universal"],
        _ => &["x86_64", "intel", "fat64", "fat3", "universal2", "universal"],
    };
    let format = formats.iter().position(|format| *format == binary)?;
    // From 11 on only the major version counts.
    let rank =
        |(major, minor): (u16, u16)| if major == 10 { minor } else { major.saturating_add(100) };
    (rank(made_for) <= rank(here))
        .then(|| (rank(here) - rank(made_for)).saturating_mul(8))
        .map(|rank| rank.saturating_add(u16::try_from(format).unwrap_or(7)))
}

/// Of the file that names it; else the oldest that runs on this kind of machine.
fn macos_version(host: &Host) -> (u16, u16) {
    let plist = host.place("/System/Library/CoreServices/SystemVersion.plist");
    let version = fs::read_text(&plist, 64 * 1024).and_then(|text| {
        let (_, rest) = text.split_once("<key>ProductVersion</key>")?;
        let (_, rest) = rest.split_once("<string>")?;
        let mut parts = rest.split("</string>").next()?.split('.');
        let major = parts.next()?.trim().parse().ok()?;
        Some((major, parts.next().and_then(|minor| minor.trim().parse().ok()).unwrap_or(0)))
    });
    version.unwrap_or((11, 0))
}

fn machine_on_linux(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 | Architecture::Universal => "x86_64",
        Architecture::X86 => "i686",
        Architecture::Aarch64 => "aarch64",
        Architecture::Arm => "armv7l",
        Architecture::Riscv64 => "riscv64",
        Architecture::Ppc64le => "ppc64le",
        Architecture::S390x => "s390x",
    }
}

fn windows_platform(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86 => "win32",
        Architecture::Aarch64 => "win_arm64",
        _ => "win_amd64",
    }
}

/// What this program is built for: of an environment whose interpreter is gone there is no other sign.
fn here() -> Architecture {
    match std::env::consts::ARCH {
        "aarch64" => Architecture::Aarch64,
        "x86" => Architecture::X86,
        "arm" => Architecture::Arm,
        "riscv64" => Architecture::Riscv64,
        "powerpc64" => Architecture::Ppc64le,
        "s390x" => Architecture::S390x,
        _ => Architecture::X86_64,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(tag: PythonTag, system: System) -> Target {
        Target { tag, system, architecture: Architecture::X86_64 }
    }

    fn check_order(target: &Target, best_first: &[&str], unfit: &[&str]) {
        let ranks: Vec<Rank> = best_first
            .iter()
            .map(|tag| target.rank(tag).unwrap_or_else(|| panic!("{tag} fits")))
            .collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{best_first:?} {ranks:?}");
        for tag in unfit {
            assert_eq!(target.rank(tag), None, "{tag}");
        }
    }

    #[test]
    fn on_linux() {
        check_order(
            &target(PythonTag::cpython(3, 12), System::Linux(Libc::Gnu(36))),
            &[
                "cp312-cp312-manylinux_2_28_x86_64",
                "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64",
                "cp312-cp312-manylinux2010_x86_64",
                "cp312-cp312-linux_x86_64",
                "cp312-abi3-manylinux2014_x86_64",
                "cp39-abi3-manylinux2014_x86_64",
                "cp36-abi3-manylinux2014_x86_64",
                "py3-none-manylinux2014_x86_64",
                "cp312-none-any",
                "py312-none-any",
                "py2.py3-none-any",
                "py310-none-any",
            ],
            &[
                "cp313-cp313-manylinux_2_28_x86_64",
                "cp311-cp311-manylinux_2_28_x86_64",
                "cp312-cp312t-manylinux_2_28_x86_64",
                "cp313-abi3-manylinux_2_28_x86_64",
                "cp312-cp312-manylinux_2_37_x86_64",
                "cp312-cp312-manylinux_2_28_aarch64",
                "cp312-cp312-musllinux_1_1_x86_64",
                "cp312-cp312-win_amd64",
                "py2-none-any",
                "py313-none-any",
                "pp310-pypy310_pp73-manylinux2014_x86_64",
                "cp312",
            ],
        );
    }

    #[test]
    fn free_threaded_python_takes_no_stable_abi() {
        let tag = PythonTag { free_threaded: true, ..PythonTag::cpython(3, 14) };
        check_order(
            &target(tag, System::Linux(Libc::Musl)),
            &["cp314-cp314t-musllinux_1_2_x86_64", "py3-none-any"],
            &[
                "cp314-cp314-musllinux_1_2_x86_64",
                "cp314-abi3-musllinux_1_2_x86_64",
                "cp314-cp314t-manylinux2014_x86_64",
            ],
        );
    }

    #[test]
    fn another_pip_is_told_what_fits() {
        let target = target(PythonTag::cpython(3, 12), System::Linux(Libc::Gnu(28)));
        let arguments = target.pip_arguments(Some(4)).unwrap();
        assert_eq!(
            arguments[..5],
            [
                "--python-version=3.12.4",
                "--implementation=cp",
                "--abi=cp312",
                "--abi=abi3",
                "--abi=none"
            ]
        );
        assert_eq!(arguments[5], "--platform=manylinux_2_28_x86_64");
        // Each platform that is asked for is one that is taken.
        for platform in arguments.iter().filter_map(|one| one.strip_prefix("--platform=")) {
            assert!(target.rank_platform(platform).is_some(), "{platform}");
        }
        let pypy = PythonTag { implementation: Implementation::PyPy, ..PythonTag::cpython(3, 10) };
        let unknown = Target { tag: pypy, ..target };
        assert_eq!(unknown.pip_arguments(None), None);
    }

    proptest! {
        #[test]
        fn never_panics(tag in "(cp|py|pp)[0-9]{0,6}-(cp[0-9]{0,6}t?|abi3|none)-(any|macosx_[0-9]{0,6}_[0-9]{0,6}_x86_64|manylinux_2_[0-9]{0,6}_x86_64)") {
            for system in [System::MacOs((11, 0)), System::Linux(Libc::Gnu(17)), System::Windows] {
                let _ = target(PythonTag::cpython(3, 12), system).rank(&tag);
            }
        }
    }

    #[test]
    fn on_other_systems() {
        check_order(
            &target(PythonTag::cpython(3, 9), System::MacOs((13, 4))),
            &[
                "cp39-cp39-macosx_13_0_x86_64",
                "cp39-cp39-macosx_11_0_x86_64",
                "cp39-cp39-macosx_11_0_universal2",
                "cp39-cp39-macosx_10_9_x86_64",
                "py3-none-any",
            ],
            &["cp39-cp39-macosx_14_0_x86_64", "cp39-cp39-macosx_11_0_arm64"],
        );
        check_order(
            &target(PythonTag::cpython(3, 7), System::Windows),
            &["cp37-cp37m-win_amd64", "py3-none-any"],
            &["cp37-cp37m-win32", "cp37-cp37-win_amd64"],
        );
        let pypy = PythonTag { implementation: Implementation::PyPy, ..PythonTag::cpython(3, 10) };
        check_order(
            &target(pypy, System::Windows),
            &["pp310-pypy310_pp73-win_amd64", "py3-none-any"],
            &["cp310-cp310-win_amd64", "cp310-abi3-win_amd64"],
        );
    }
}
