//! Python environments: what they are, where they are, what is wrong with them.
//!
//! Data flows one way: disk → [`facts`] → [`Environment`] (identity) → [`health`] (findings).
//! This module holds the records; it knows nothing of stores, snapshots or output.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub mod activated;
pub mod backup;
pub mod catalog;
pub mod conda;
pub mod discovery;
pub mod distributions;
pub mod facts;
pub mod health;
pub mod image;
pub mod inspection;
pub mod installation;
pub mod links;
mod modules;
pub mod probe;
pub mod pth;
mod python;
pub mod python_environments;
pub mod python_source;
pub mod pyvenv_cfg;
pub mod repair;
pub mod scripts;
mod wheels;

pub use python::{Implementation, NotAVersion, PythonTag, PythonVersion};

/// Something that could not be looked at, and why. The rest of the result stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// What was looked at.
    pub path: PathBuf,
    /// Why it could not be, in one sentence without a full stop.
    pub message: String,
}

impl Problem {
    /// A problem with a path.
    pub fn new(path: impl Into<PathBuf>, message: impl Into<String>) -> Problem {
        Problem { path: path.into(), message: message.into() }
    }
}

/// Identity of an environment: derived from its canonical prefix and, for a base installation, its
/// minor version. The same on every run; sixteen hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EnvironmentId(pub String);

impl EnvironmentId {
    /// Of a canonical prefix, and of the minor version where it is an installation: `/usr` holds
    /// several.
    pub fn of(prefix: &Path, tag: Option<PythonTag>) -> EnvironmentId {
        let mut hash = Sha256::new();
        hash.update(prefix.as_os_str().as_encoded_bytes());
        if let Some(tag) = tag {
            hash.update([0]);
            hash.update(tag.to_string());
        }
        let digits = b"0123456789abcdef";
        let text =
            hash.finalize().iter().take(8).fold(String::with_capacity(16), |mut text, byte| {
                text.push(char::from(digits[usize::from(byte >> 4)]));
                text.push(char::from(digits[usize::from(byte & 15)]));
                text
            });
        EnvironmentId(text)
    }
}

impl fmt::Display for EnvironmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Declares a public enumeration whose variants have one stable kebab-case name each.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The stable name, as JSON has it.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use named;

named! {
    /// What made an environment, as far as its place and files tell.
    EnvironmentKind {
        /// Installed by the operating system, or into `/usr/local`.
        System = "system",
        /// Below `PYENV_ROOT/versions`.
        Pyenv = "pyenv",
        /// Made by pyenv-virtualenv.
        PyenvVirtualenv = "pyenv-virtualenv",
        /// Made by `python -m venv`.
        Venv = "venv",
        /// Made by virtualenv.
        Virtualenv = "virtualenv",
        /// In the folder of virtualenvwrapper.
        Virtualenvwrapper = "virtualenvwrapper",
        /// A Python that uv installed.
        UvManaged = "uv-managed",
        /// Made by `uv venv` or `uv sync`.
        UvVenv = "uv-venv",
        /// Made by `uv tool install`.
        UvTool = "uv-tool",
        /// Cached by uv for a script.
        UvScript = "uv-script",
        /// Made by Poetry.
        Poetry = "poetry",
        /// Made by Pipenv.
        Pipenv = "pipenv",
        /// Made by Hatch, or a Python that Hatch installed.
        Hatch = "hatch",
        /// Made by PDM, or a Python that PDM installed.
        Pdm = "pdm",
        /// Made by pipx.
        Pipx = "pipx",
        /// Made by tox.
        Tox = "tox",
        /// Made by nox.
        Nox = "nox",
        /// Made by pre-commit.
        PreCommit = "pre-commit",
        /// Made by Rye, or a Python that Rye installed.
        Rye = "rye",
        /// A Python that mise installed.
        Mise = "mise",
        /// A Python that asdf installed.
        Asdf = "asdf",
        /// Made by direnv's `layout python`.
        Direnv = "direnv",
        /// The root of a conda installation.
        CondaBase = "conda-base",
        /// A conda environment.
        CondaEnv = "conda-env",
        /// Made by pixi.
        Pixi = "pixi",
        /// Installed by Homebrew.
        Homebrew = "homebrew",
        /// An installation in a place of its own.
        Custom = "custom",
        /// A Python inside another application.
        Embedded = "embedded",
        /// The installer of python.org for macOS.
        PythonOrg = "python-org",
        /// The Python of Xcode.
        Xcode = "xcode",
        /// The Python of Apple's Command Line Tools.
        CommandLineTools = "command-line-tools",
        /// Named by the Windows registry (PEP 514).
        WindowsRegistry = "windows-registry",
        /// From the Microsoft Store.
        WindowsStore = "windows-store",
        /// WinPython.
        Winpython = "winpython",
        /// Installed by the Python install manager for Windows.
        Pymanager = "pymanager",
    }
}

named! {
    /// Where discovery found an environment. The order is the precedence: of two sources that name
    /// one environment, the earlier one is reported first.
    Source {
        /// Named on the command line.
        Argument = "argument",
        /// `VIRTUAL_ENV` or `CONDA_PREFIX`: what is active in this process.
        Active = "active",
        /// A folder of `PATH`.
        Path = "path",
        /// A walk of a workspace or of the home folder.
        Workspace = "workspace",
        /// pyenv or pyenv-win.
        Pyenv = "pyenv",
        /// uv: managed Pythons, tools, cached environments.
        Uv = "uv",
        /// conda, mamba, micromamba.
        Conda = "conda",
        /// pixi.
        Pixi = "pixi",
        /// Stores of environments: Poetry, Pipenv, Hatch, PDM, pipx, virtualenvwrapper, and so on.
        Store = "store",
        /// mise, asdf, Rye: installers of Pythons.
        Installer = "installer",
        /// A place where the system or its package manager installs.
        System = "system",
        /// Homebrew.
        Homebrew = "homebrew",
        /// PEP 514 keys of the Windows registry.
        Registry = "registry",
        /// The first line of a script.
        Shebang = "shebang",
        /// A Jupyter kernel specification.
        Kernelspec = "kernelspec",
        /// The settings of an editor.
        Editor = "editor",
        /// A systemd unit.
        Unit = "unit",
        /// The base of another environment.
        Base = "base",
    }
}

named! {
    /// The worst finding of an environment, in one word.
    Status {
        /// Nothing worse than information.
        Healthy = "healthy",
        /// Works; something is odd.
        Warning = "warning",
        /// Something does not work.
        Broken = "broken",
    }
}

named! {
    /// What the interpreter was built for.
    Architecture {
        /// 64-bit x86.
        X86_64 = "x86_64",
        /// 32-bit x86.
        X86 = "x86",
        /// 64-bit Arm.
        Aarch64 = "aarch64",
        /// 32-bit Arm.
        Arm = "arm",
        /// 64-bit RISC-V.
        Riscv64 = "riscv64",
        /// 64-bit little-endian POWER.
        Ppc64le = "ppc64le",
        /// IBM Z.
        S390x = "s390x",
        /// Several in one file (macOS).
        Universal = "universal2",
    }
}

/// Why an environment was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Found {
    /// The place or file that led to it.
    pub source: Source,
    /// In words: the variable, the file that names it, the folder that was walked.
    pub detail: Cow<'static, str>,
}

/// One Python environment: a virtual environment, a conda environment or a base installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Identity.
    pub id: EnvironmentId,
    /// What made it.
    pub kind: EnvironmentKind,
    /// The name its tool gives it (`prompt`, the conda name), where it has one.
    pub name: Option<String>,
    /// `sys.prefix`, canonical.
    pub prefix: PathBuf,
    /// `sys.executable`: the interpreter inside the prefix, links not followed. `None` when there is none.
    pub executable: Option<PathBuf>,
    /// As exact as files tell it.
    pub version: Option<PythonVersion>,
    /// `sys.implementation.name`.
    pub implementation: Option<Implementation>,
    /// `sys.abiflags`: `t` for a free-threaded build, else empty.
    pub abi_flags: String,
    /// What the interpreter was built for.
    pub architecture: Option<Architecture>,
    /// `sys.base_prefix`, canonical: the prefix itself for a base installation.
    pub base_prefix: Option<PathBuf>,
    /// The interpreter that runs when `executable` is started, links followed.
    pub base_executable: Option<PathBuf>,
    /// The base installation's own identity.
    pub base_id: Option<EnvironmentId>,
    /// The tool that owns it (`uv`, `conda`, `pyenv`).
    pub manager: Option<String>,
    /// The project folder it belongs to.
    pub project: Option<PathBuf>,
    /// Other names of the same prefix.
    pub aliases: Vec<PathBuf>,
    /// Why it was found, best reason first.
    pub found_by: Vec<Found>,
    /// The folders that distributions are installed into.
    pub site_packages: Vec<PathBuf>,
    /// Program and version that created it, from `pyvenv.cfg` (`uv 0.9.2`, `virtualenv 20.29.1`).
    pub created_by: Option<String>,
    /// Marked with PEP 668's `EXTERNALLY-MANAGED`.
    pub externally_managed: bool,
    /// Numeric owner of the prefix (Unix).
    pub owner: Option<u32>,
}

impl Environment {
    /// For tests: one of which nothing is known but where it is.
    #[cfg(test)]
    pub(crate) fn bare(kind: EnvironmentKind, prefix: PathBuf) -> Environment {
        Environment {
            id: EnvironmentId::of(&prefix, None),
            kind,
            name: None,
            prefix,
            executable: None,
            version: None,
            implementation: None,
            abi_flags: String::new(),
            architecture: None,
            base_prefix: None,
            base_executable: None,
            base_id: None,
            manager: None,
            project: None,
            aliases: Vec::new(),
            found_by: Vec::new(),
            site_packages: Vec::new(),
            created_by: None,
            externally_managed: false,
            owner: None,
        }
    }

    /// Whether it is a virtual environment: it stands on another installation.
    pub fn is_virtual(&self) -> bool {
        self.base_prefix.as_deref().is_none_or(|base| base != self.prefix)
            && !matches!(
                self.kind,
                EnvironmentKind::CondaBase | EnvironmentKind::CondaEnv | EnvironmentKind::Pixi
            )
    }

    /// Whether it was made by its user to install packages into: no installation that others stand on.
    pub fn is_repairable(&self) -> bool {
        use EnvironmentKind::{CondaBase, CondaEnv, Pixi};
        let own = self.is_virtual() || matches!(self.kind, CondaBase | CondaEnv | Pixi);
        own && !self.externally_managed
    }

    /// Whether `path` is this environment's prefix or one of its other names.
    pub fn is_named(&self, path: &Path) -> bool {
        self.prefix == path || self.aliases.iter().any(|alias| alias == path)
    }
}
