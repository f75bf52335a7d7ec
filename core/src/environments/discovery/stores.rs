//! Folders in which tools keep the environments they make, outside of projects.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use sha2::{Digest, Sha256};

use super::super::{EnvironmentKind, Source};
use super::folders::{self, store, subfolders};
use super::lead::{Leads, Target};
use super::places::{self, shown};
use crate::fs;
use crate::host::{Host, Platform};

/// Where people keep environments by habit; no tool stands behind these.
const PLAIN_HOLDERS: &[&str] = &["envs", "Envs", ".envs", "venvs", ".venvs", "virtualenvs"];
/// Environments that people make in the home folder itself.
const PLAIN_ENVIRONMENTS: &[&str] = &[".venv", "venv", ".env", "env"];

/// `.project` holds one path.
const PROJECT_FILE_BYTES: u64 = 1 << 14;
const CONFIG_BYTES: u64 = 1 << 18;

/// Leads to the stores.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    let done = work_on_home(host, leads);
    hatch(host, leads);
    pdm(host, leads);
    pipx(host, leads);
    pre_commit(host, leads);
    if let Some(rye) = host.variable_path("RYE_HOME").or_else(|| host.home_place(".rye")) {
        store(host, leads, rye.join("tools"), Some(EnvironmentKind::Rye), Source::Store);
    }
    for folder in PLAIN_HOLDERS.iter().filter_map(|name| host.home_place(name)) {
        // `Envs` is virtualenvwrapper's on Windows, where `envs` is the same folder.
        let same = |other: &PathBuf| match host.platform {
            Platform::Windows => other.as_os_str().eq_ignore_ascii_case(&folder),
            _ => *other == folder,
        };
        if !done.iter().any(same) {
            store(host, leads, folder, None, Source::Store);
        }
    }
    for prefix in PLAIN_ENVIRONMENTS.iter().filter_map(|name| host.home_place(name)) {
        if fs::is_folder(&prefix) {
            let detail = format!("{} is a usual place", shown(host, &prefix));
            leads.add(Target::Prefix(prefix), Source::Store, None, detail);
        }
    }
}

/// Pipenv and virtualenvwrapper: both obey `WORKON_HOME`, and each has a default of its own. The
/// folders that were looked at.
fn work_on_home(host: &Host, leads: &mut Leads) -> Vec<PathBuf> {
    let pipenv = match host.platform {
        Platform::Windows => host.home_place(".virtualenvs"),
        _ => places::xdg_data(host).map(|data| data.join("virtualenvs")),
    };
    let wrapper = match host.platform {
        Platform::Windows => host.home_place("Envs"),
        _ => host.home_place(".virtualenvs"),
    };
    let named = host.variable_path("WORKON_HOME").or_else(|| {
        // `WORKON_HOME=~/envs` in a settings file that no shell has expanded.
        places::expand(host, host.variable("WORKON_HOME")?.to_str()?)
    });
    let mut done: Vec<PathBuf> = Vec::new();
    for (folder, default) in [
        (named, EnvironmentKind::Virtualenvwrapper),
        (pipenv, EnvironmentKind::Pipenv),
        (wrapper, EnvironmentKind::Virtualenvwrapper),
    ] {
        let Some(folder) = folder.filter(|folder| !done.contains(folder)) else { continue };
        let detail = format!("{} holds it", shown(host, &folder));
        for entry in subfolders(&folder) {
            let path = folder.join(&entry.name);
            let name = entry.name.to_string_lossy();
            let kind = if is_pipenv(&path, &name) { EnvironmentKind::Pipenv } else { default };
            leads.add(Target::Prefix(path), Source::Store, Some(kind), detail.clone());
        }
        done.push(folder);
    }
    done
}

/// Whether an environment is Pipenv's: `<project>-<hash>` with a `.project` file, where the hash is
/// the start of the SHA-256 of the path of the Pipfile. virtualenvwrapper writes `.project` too.
///
/// After the project was moved the hash cannot be computed again. Then a capital letter decides:
/// 98 of 100 hashes have one, and names that people choose (`web-frontend`) have none.
fn is_pipenv(prefix: &Path, name: &str) -> bool {
    // `PIPENV_PYTHON` adds a suffix: `<project>-<hash>-3.11`.
    let hash_of = |name: &str| -> Option<String> {
        let hash = name.get(name.len().checked_sub(8)?..)?;
        let project = name.get(..name.len() - 8)?.strip_suffix('-')?;
        let fits = hash.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (fits && !project.is_empty()).then(|| hash.to_owned())
    };
    let without_suffix = name.rsplit_once('-').and_then(|(start, _)| hash_of(start));
    let hashes: Vec<String> = hash_of(name).into_iter().chain(without_suffix).collect();
    if hashes.is_empty() {
        return false;
    }
    let Some(project) = fs::read_text(&prefix.join(".project"), PROJECT_FILE_BYTES) else {
        return false;
    };
    let project = project.trim();
    let separator = if project.contains('\\') { '\\' } else { '/' };
    let digest = Sha256::digest(format!("{project}{separator}Pipfile"));
    let expected = &URL_SAFE.encode(&digest[..6]);
    hashes.iter().any(|hash| hash == expected || hash.bytes().any(|b| b.is_ascii_uppercase()))
}

/// Hatch: `env/virtual/<project>/<hash>/<name>`, and `env/.internal` for those it runs itself in.
fn hatch(host: &Host, leads: &mut Leads) {
    const KIND: Option<EnvironmentKind> = Some(EnvironmentKind::Hatch);
    let mut stores: Vec<PathBuf> =
        host.variable_path("HATCH_ENV_TYPE_VIRTUAL_PATH").into_iter().collect();
    let config = match host.platform {
        Platform::Windows => places::local_app_data(host),
        _ => places::config(host),
    };
    let file = host
        .variable_path("HATCH_CONFIG")
        .or_else(|| config.map(|config| config.join("hatch").join("config.toml")));
    let table = file.and_then(|file| leads.toml(&file, CONFIG_BYTES));
    let dirs = table.as_ref().and_then(|table| table.get("dirs")?.as_table());
    if let Some(folder) = dirs.and_then(|dirs| dirs.get("env")?.get("virtual")?.as_str()) {
        stores.extend(places::expand(host, folder));
    }
    for data in hatch_data(host) {
        stores.extend(folders::matching(&data, "env/virtual"));
        stores.extend(folders::matching(&data, "env/.internal"));
    }
    for folder in stores {
        let detail = format!("{} holds it", shown(host, &folder));
        folders::environments_below(leads, &folder, 3, &|leads, prefix| {
            leads.add(Target::Prefix(prefix), Source::Store, KIND, detail.clone());
        });
    }
}

/// Hatch's data: environments, and Pythons that it installed.
pub(super) fn hatch_data(host: &Host) -> Vec<PathBuf> {
    let default = places::data(host).map(|data| data.join("hatch"));
    host.variable_path("HATCH_DATA_DIR").into_iter().chain(default).collect()
}

/// PDM: `venvs/<project>-<hash>-<name>`.
fn pdm(host: &Host, leads: &mut Leads) {
    let folders = pdm_data(host).into_iter().map(|data| data.join("venvs"));
    for folder in host.variable_path("PDM_VENV_LOCATION").into_iter().chain(folders) {
        store(host, leads, folder, Some(EnvironmentKind::Pdm), Source::Store);
    }
}

/// PDM's data. `platformdirs` repeats the name on Windows: application below author.
pub(super) fn pdm_data(host: &Host) -> Option<PathBuf> {
    named_twice_on_windows(host, "pdm")
}

fn named_twice_on_windows(host: &Host, name: &str) -> Option<PathBuf> {
    let folder = places::data(host)?.join(name);
    Some(if host.platform == Platform::Windows { folder.join(name) } else { folder })
}

/// pipx: `venvs` holds applications, `shared` the pip they share, `.cache` those of `pipx run`.
fn pipx(host: &Host, leads: &mut Leads) {
    const KIND: Option<EnvironmentKind> = Some(EnvironmentKind::Pipx);
    let mut homes: Vec<PathBuf> = ["PIPX_HOME", "PIPX_GLOBAL_HOME"]
        .iter()
        .filter_map(|name| host.variable_path(name))
        .collect();
    // pipx 1.3 moved from the first of these to the platform's own, and back on macOS and Windows.
    homes.extend(host.home_place(".local/pipx"));
    homes.extend(named_twice_on_windows(host, "pipx"));
    match host.platform {
        // The second is that of development containers.
        Platform::Linux => {
            homes.extend(["/opt/pipx", "/usr/local/py-utils"].iter().map(|home| host.place(home)));
        }
        Platform::MacOs => {
            homes.push(host.place("/opt/pipx"));
            homes.extend(places::xdg_data(host).map(|data| data.join("pipx")));
        }
        Platform::Windows => {
            homes.extend(host.home_place("pipx"));
            homes.extend(places::local_app_data(host).map(|data| data.join("pipx")));
        }
    }
    for home in homes {
        for name in ["venvs", ".cache"] {
            store(host, leads, home.join(name), KIND, Source::Store);
        }
        folders::installations(host, leads, &home.join("py"), KIND, Source::Installer);
        let shared = home.join("shared");
        if fs::is_folder(&shared) {
            let detail = format!("{} holds it", shown(host, &home));
            leads.add(Target::Prefix(shared), Source::Store, KIND, detail);
        }
    }
}

/// pre-commit: `repo*/py_env-*`; prek, which reads the same settings: `hooks/python-*`.
fn pre_commit(host: &Host, leads: &mut Leads) {
    // Both use `~/.cache` on every platform.
    for (variable, name, pattern) in [
        ("PRE_COMMIT_HOME", "pre-commit", "repo*/py_env-*"),
        ("PREK_HOME", "prek", "hooks/python-*"),
    ] {
        let default = places::xdg_cache(host).map(|cache| cache.join(name));
        let Some(folder) = host.variable_path(variable).or(default) else { continue };
        let detail = format!("{} holds it", shown(host, &folder));
        for prefix in folders::matching(&folder, pattern) {
            let kind = Some(EnvironmentKind::PreCommit);
            leads.add(Target::Prefix(prefix), Source::Store, kind, detail.clone());
        }
    }
}
