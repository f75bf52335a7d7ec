//! uv: managed Pythons, tools, and the cached environments of scripts.
//!
//! | what | Linux and macOS | Windows |
//! |---|---|---|
//! | Pythons | `UV_PYTHON_INSTALL_DIR`, `~/.local/share/uv/python` | `%APPDATA%\uv\python` |
//! | tools | `UV_TOOL_DIR`, `~/.local/share/uv/tools` | `%APPDATA%\uv\tools` |
//! | scripts | `UV_CACHE_DIR`, `~/.cache/uv/environments-v*` | `%LOCALAPPDATA%\uv\cache` |
//!
//! Early versions used `~/Library/Application Support/uv` on macOS and `%APPDATA%\uv\data` on Windows.

use std::path::PathBuf;

use super::super::{EnvironmentKind, Source};
use super::folders;
use super::lead::{Leads, Target};
use super::places;
use crate::host::{Host, Platform};

/// Leads to what uv installed, made or cached.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    if let Some(prefix) = host.variable_path("UV_PROJECT_ENVIRONMENT") {
        let detail = "`UV_PROJECT_ENVIRONMENT` names it";
        leads.add(Target::Prefix(prefix), Source::Uv, None, detail);
    }
    for folder in
        host.variable_path("UV_PYTHON_INSTALL_DIR").into_iter().chain(data(host, "python"))
    {
        let kind = Some(EnvironmentKind::UvManaged);
        folders::installations(host, leads, &folder, kind, Source::Uv);
    }
    for folder in host.variable_path("UV_TOOL_DIR").into_iter().chain(data(host, "tools")) {
        folders::store(host, leads, folder, Some(EnvironmentKind::UvTool), Source::Uv);
    }
    for cache in host.variable_path("UV_CACHE_DIR").into_iter().chain(cache(host)) {
        for folder in folders::matching(&cache, "environments-v*") {
            folders::store(host, leads, folder, Some(EnvironmentKind::UvScript), Source::Uv);
        }
    }
}

/// The folders of uv's data that may have this name.
fn data(host: &Host, name: &str) -> Vec<PathBuf> {
    let roots = match host.platform {
        Platform::Linux => [places::xdg_data(host).map(|data| data.join("uv")), None],
        Platform::MacOs => [
            places::xdg_data(host).map(|data| data.join("uv")),
            host.home_place("Library/Application Support/uv"),
        ],
        Platform::Windows => [
            places::roaming_app_data(host).map(|data| data.join("uv")),
            places::roaming_app_data(host).map(|data| data.join("uv").join("data")),
        ],
    };
    roots.into_iter().flatten().map(|root| root.join(name)).collect()
}

fn cache(host: &Host) -> Option<PathBuf> {
    match host.platform {
        Platform::Windows => Some(places::local_app_data(host)?.join("uv").join("cache")),
        _ => Some(places::xdg_cache(host)?.join("uv")),
    }
}
