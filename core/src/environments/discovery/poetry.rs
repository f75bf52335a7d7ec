//! Poetry: its cache of virtual environments, the Pythons it installed, and its own environment.
//!
//! | | Linux | macOS | Windows |
//! |---|---|---|---|
//! | cache | `~/.cache/pypoetry` | `~/Library/Caches/pypoetry` | `%LOCALAPPDATA%\pypoetry\Cache` |
//! | data | `~/.local/share/pypoetry` | `~/Library/Application Support/pypoetry` | `%APPDATA%\pypoetry` |
//! | settings | `~/.config/pypoetry` | `~/Library/Application Support/pypoetry` | `%APPDATA%\pypoetry` |

use std::path::PathBuf;

use super::super::{EnvironmentKind, Source};
use super::folders::{self, store};
use super::lead::{Leads, Target};
use super::places;
use crate::fs;
use crate::host::{Host, Platform};

const CONFIG_BYTES: u64 = 1 << 18;
const KIND: Option<EnvironmentKind> = Some(EnvironmentKind::Poetry);

/// Leads to Poetry's environments outside of projects.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    let settings = settings(host, leads);
    let value = |table: &str, key: &str| -> Option<&str> {
        settings.as_ref()?.get(table)?.as_table()?.get(key)?.as_str()
    };
    let top = |key: &str| settings.as_ref()?.get(key)?.as_str();

    let mut caches: Vec<PathBuf> = host.variable_path("POETRY_CACHE_DIR").into_iter().collect();
    caches.extend(top("cache-dir").and_then(|folder| places::expand(host, folder)));
    caches.extend(cache(host));
    let mut folders: Vec<PathBuf> =
        host.variable_path("POETRY_VIRTUALENVS_PATH").into_iter().collect();
    folders.extend(value("virtualenvs", "path").and_then(|path| {
        match path.strip_prefix("{cache-dir}") {
            Some(below) => Some(caches.first()?.join(below.trim_start_matches(['/', '\\']))),
            None => places::expand(host, path),
        }
    }));
    folders.extend(caches.iter().map(|cache| cache.join("virtualenvs")));
    for folder in folders {
        store(host, leads, folder, KIND, Source::Store);
    }

    let data: Vec<PathBuf> = data(host).into_iter().collect();
    let mut pythons: Vec<PathBuf> =
        host.variable_path("POETRY_PYTHON_INSTALLATION_DIR").into_iter().collect();
    pythons.extend(data.iter().map(|data| data.join("python")));
    for folder in pythons {
        folders::installations(host, leads, &folder, KIND, Source::Installer);
    }
    for home in host.variable_path("POETRY_HOME").into_iter().chain(data) {
        let prefix = home.join("venv");
        if fs::is_folder(&prefix) {
            leads.add(Target::Prefix(prefix), Source::Store, None, "Poetry itself runs in it");
        }
    }
}

fn settings(host: &Host, leads: &mut Leads) -> Option<toml::Table> {
    let folder = host
        .variable_path("POETRY_CONFIG_DIR")
        .or_else(|| places::config(host).map(|config| config.join("pypoetry")))?;
    leads.toml(&folder.join("config.toml"), CONFIG_BYTES)
}

fn cache(host: &Host) -> Option<PathBuf> {
    let folder = places::cache(host)?.join("pypoetry");
    Some(if host.platform == Platform::Windows { folder.join("Cache") } else { folder })
}

fn data(host: &Host) -> Option<PathBuf> {
    let data = match host.platform {
        Platform::Windows => places::roaming_app_data(host),
        _ => places::data(host),
    };
    Some(data?.join("pypoetry"))
}
