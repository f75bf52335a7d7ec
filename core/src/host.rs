//! The machine as the engine sees it: platform, root folder, home, variables, user.
//!
//! The only reader of the process environment. It is a plain struct, so a test gives a temporary
//! folder as `root` and any platform, and the whole of discovery runs against a fabricated machine.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fs::Stamp;
use crate::registry::{self, Registry};
use crate::system;

/// The operating system whose places and layouts are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Linux, and other Unixes that follow its layout.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl Platform {
    /// The platform that this program was built for.
    pub const CURRENT: Platform = system::PLATFORM;

    /// `linux`, `macos`, `windows`.
    pub fn name(self) -> &'static str {
        match self {
            Platform::Linux => "linux",
            Platform::MacOs => "macos",
            Platform::Windows => "windows",
        }
    }
}

/// Who asks: decides which files count as readable. Empty on Windows, where rights are not judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct User {
    /// Effective user id; `None` on Windows.
    pub uid: Option<u32>,
    /// Effective group id and supplementary groups.
    pub gids: Vec<u32>,
}

/// What discovery and checks know of the machine they run on.
#[derive(Debug, Clone)]
pub struct Host {
    /// Whose places and layouts are looked for.
    pub platform: Platform,
    /// `/`, or a temporary folder that stands for it in a test (see [`Host::place`]).
    pub root: PathBuf,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// Environment variables. On Windows names are stored in upper case.
    pub variables: BTreeMap<OsString, OsString>,
    /// The folder that a relative path starts from.
    pub current_dir: PathBuf,
    /// Who asks.
    pub user: User,
    /// The Windows registry; empty elsewhere.
    pub registry: Arc<dyn Registry>,
    /// The file of this program: what another build remembered is not this one's to believe.
    pub program: Option<Stamp>,
}

impl Host {
    /// The machine and process that this program runs in.
    pub fn current() -> std::io::Result<Host> {
        let variables = std::env::vars_os()
            .map(|(name, value)| match Platform::CURRENT {
                Platform::Windows => (name.to_ascii_uppercase(), value),
                Platform::Linux | Platform::MacOs => (name, value),
            })
            .collect();
        Ok(Host {
            platform: Platform::CURRENT,
            root: PathBuf::from("/"),
            home: std::env::home_dir().filter(|home| home.is_absolute()),
            variables,
            current_dir: std::env::current_dir()?,
            user: system::user(),
            registry: system::registry(),
            program: std::env::current_exe().ok().and_then(|program| Stamp::of(&program)),
        })
    }

    /// A machine with nothing on it: no variables, no home, an empty registry.
    pub fn empty(platform: Platform, root: impl Into<PathBuf>) -> Host {
        let root = root.into();
        Host {
            platform,
            current_dir: root.clone(),
            root,
            home: None,
            variables: BTreeMap::new(),
            user: system::user(),
            registry: Arc::new(registry::Fabricated::default()),
            program: None,
        }
    }

    /// A variable's value; an empty one counts as unset, as it does for the tools we follow.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// A variable that names a folder or file. Relative values are ignored.
    pub fn variable_path(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// An absolute place of the system (`/usr/bin`), below [`Host::root`].
    pub fn place(&self, absolute: &str) -> PathBuf {
        below(&self.root, absolute.trim_start_matches('/'))
    }

    /// A place below the home folder.
    pub fn home_place(&self, relative: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| below(home, relative))
    }

    /// Where this user's programs keep what is to last. `None` when there is no home.
    pub fn data_folder(&self) -> Option<PathBuf> {
        match self.platform {
            Platform::Windows => self.local_app_data(),
            Platform::MacOs => self.home_place("Library/Application Support"),
            Platform::Linux => {
                self.variable_path("XDG_DATA_HOME").or_else(|| self.home_place(".local/share"))
            }
        }
    }

    /// Where this user's programs keep what can be made anew. `None` when there is no home.
    pub fn cache_folder(&self) -> Option<PathBuf> {
        let usual = match self.platform {
            Platform::Windows => return self.local_app_data(),
            Platform::MacOs => "Library/Caches",
            Platform::Linux => ".cache",
        };
        self.variable_path("XDG_CACHE_HOME").or_else(|| self.home_place(usual))
    }

    fn local_app_data(&self) -> Option<PathBuf> {
        self.variable_path("LOCALAPPDATA").or_else(|| self.home_place("AppData/Local"))
    }

    /// The folders of `PATH`, in order, absolute ones only.
    pub fn search_path(&self) -> Vec<PathBuf> {
        self.variable("PATH")
            .map(|value| {
                std::env::split_paths(value).filter(|folder| folder.is_absolute()).collect()
            })
            .unwrap_or_default()
    }

    /// `path` made absolute against [`Host::current_dir`]; links are kept.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        if path.is_absolute() { path.to_path_buf() } else { self.current_dir.join(path) }
    }
}

/// The path of a place that is given with slashes, with the separators of this system.
fn below(folder: &Path, relative: &str) -> PathBuf {
    let mut path = folder.to_path_buf();
    path.extend(relative.split('/'));
    path
}
