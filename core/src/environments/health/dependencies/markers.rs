//! The environment that markers are evaluated for: the judged one, not the one we run in.

use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};

use crate::environments::facts::Scheme;
use crate::environments::health::Subject;
use crate::environments::{Architecture, Implementation, PythonTag, PythonVersion};
use crate::host::Platform;

/// Assumed when no file tells the patch release: backports end at some patch, they do not begin.
const UNKNOWN_PATCH: u8 = 99;

/// `None` when no version of Python is known.
pub(in crate::environments) fn of(subject: &Subject<'_>) -> Option<MarkerEnvironment> {
    let known = subject.environment.version.as_ref().or(subject.facts.version.as_ref());
    let tag = subject.facts.tag.or_else(|| known.map(|v| PythonTag::cpython(v.major, v.minor)))?;
    // The packages were chosen for the library's minor, whatever `python` runs now.
    let full = match known.filter(|version| version.is_of(tag)) {
        Some(PythonVersion { patch: Some(patch), suffix, .. }) => {
            format!("{}.{}.{patch}{suffix}", tag.major, tag.minor)
        }
        _ => format!("{}.{}.{UNKNOWN_PATCH}", tag.major, tag.minor),
    };
    let short = format!("{}.{}", tag.major, tag.minor);
    let implementation = subject.environment.implementation.unwrap_or(tag.implementation);
    let platform = match (subject.facts.scheme, subject.host.platform) {
        (Scheme::Windows, _) => Platform::Windows,
        (Scheme::Posix, Platform::MacOs) => Platform::MacOs,
        (Scheme::Posix, _) => Platform::Linux,
    };
    let (os_name, sys_platform, platform_system) = match platform {
        Platform::Linux => ("posix", "linux", "Linux"),
        Platform::MacOs => ("posix", "darwin", "Darwin"),
        Platform::Windows => ("nt", "win32", "Windows"),
    };
    MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
        implementation_name: implementation.name(),
        implementation_version: &full,
        os_name,
        platform_machine: machine(subject.environment.architecture, platform),
        platform_python_implementation: match implementation {
            Implementation::CPython => "CPython",
            Implementation::PyPy => "PyPy",
            Implementation::GraalPy => "GraalVM",
        },
        // What requirements ask of these two depends on a running system.
        platform_release: "",
        platform_version: "",
        platform_system,
        python_full_version: &full,
        python_version: &short,
        sys_platform,
    })
    .ok()
}

/// As `platform.machine()` spells it on that platform.
fn machine(architecture: Option<Architecture>, platform: Platform) -> &'static str {
    let here = || match std::env::consts::ARCH {
        "aarch64" => Architecture::Aarch64,
        "x86" => Architecture::X86,
        _ => Architecture::X86_64,
    };
    match (architecture.unwrap_or_else(here), platform) {
        (Architecture::X86_64, Platform::Windows) => "AMD64",
        (Architecture::X86_64, _) => "x86_64",
        (Architecture::X86, Platform::Windows) => "x86",
        (Architecture::X86, _) => "i686",
        (Architecture::Aarch64, Platform::Windows) => "ARM64",
        (Architecture::Aarch64 | Architecture::Universal, Platform::MacOs) => "arm64",
        (Architecture::Aarch64, Platform::Linux) => "aarch64",
        (Architecture::Arm, _) => "armv7l",
        (Architecture::Riscv64, _) => "riscv64",
        (Architecture::Ppc64le, _) => "ppc64le",
        (Architecture::S390x, _) => "s390x",
        (Architecture::Universal, _) => "x86_64",
    }
}
