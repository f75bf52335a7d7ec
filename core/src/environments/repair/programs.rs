//! Which programs a repair may run, and with what variables: to fetch wheels, and to make an environment
//! anew. Never anything of the environment, and only what nobody but root and the user can change.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Case;
use crate::environments::image::{self, Format};
use crate::environments::installation::Installation;
use crate::environments::scripts;
use crate::host::{Host, Platform};
use crate::{fs, system};

/// What says from where to fetch, and how to get there.
const SETTINGS: [&str; 34] = [
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_KEYRING_PROVIDER",
    "PIP_NO_INDEX",
    "PIP_PROXY",
    "PIP_RETRIES",
    "PIP_TIMEOUT",
    "PIP_TRUSTED_HOST",
    "PIP_USE_DEPRECATED",
    "PIP_USE_FEATURE",
    "UV_CONFIG_FILE",
    "UV_CREDENTIALS_DIR",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_HTTP_RETRIES",
    "UV_HTTP_TIMEOUT",
    "UV_INDEX",
    "UV_INDEX_STRATEGY",
    "UV_INDEX_URL",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_NATIVE_TLS",
    "UV_NO_CONFIG",
    "UV_NO_INDEX",
    "UV_OFFLINE",
    "UV_REQUEST_TIMEOUT",
    "UV_SYSTEM_CERTS",
    "UV_TORCH_BACKEND",
];

/// The first uv of the search path.
pub(super) fn uv(host: &Host, broken: &[&Path]) -> Option<PathBuf> {
    let name = if host.platform == Platform::Windows { "uv.exe" } else { "uv" };
    host.search_path().into_iter().map(|folder| folder.join(name)).find(|path| {
        // A script in its place starts what somebody else chooses.
        image::read(path).is_ok_and(|image| image.format != Format::Script)
            && may_run(host, broken, path)
    })
}

/// The first virtualenv of the search path whose Python may be run. A shim that chooses one is none.
pub(super) fn virtualenv(host: &Host, broken: &[&Path]) -> Option<PathBuf> {
    let is_windows = host.platform == Platform::Windows;
    let name = if is_windows { "virtualenv.exe" } else { "virtualenv" };
    host.search_path().into_iter().map(|folder| folder.join(name)).find(|path| {
        let head = match is_windows {
            true => {
                fs::read_end(path, scripts::TAIL_BYTES).ok().and_then(|t| scripts::of_launcher(&t))
            }
            false => fs::read_start(path, scripts::HEAD_BYTES).ok(),
        };
        let python = head.and_then(|head| scripts::shebang(&head)).filter(|one| one.python);
        python.is_some_and(|python| may_run(host, broken, &python.program))
            && may_run(host, broken, path)
    })
}

/// The environment's own base first, then those like it, then all others.
pub(super) fn pythons(case: &Case<'_>) -> Vec<Arc<Installation>> {
    let subject = case.subject;
    let mut all: Vec<Arc<Installation>> = subject.facts.base.iter().cloned().collect();
    if let Some(tag) = subject.facts.tag {
        all.extend(subject.catalog.fitting(tag));
    }
    all.extend(subject.catalog.all().iter().cloned());
    let is_whole = |one: &Installation| one.stdlib.is_some() && one.damage.is_none();
    all.retain(|one| {
        is_whole(one)
            && may_run(subject.host, &case.broken(), &one.executable)
            && one.stdlib.iter().all(|library| is_guarded(subject.host, library))
    });
    all
}

/// Whether the program is none of these environments, and guarded.
pub(super) fn may_run(host: &Host, broken: &[&Path], program: &Path) -> bool {
    let is_outside = fs::canonical(program)
        .is_ok_and(|canonical| !broken.iter().any(|prefix| canonical.starts_with(prefix)));
    is_outside && is_guarded(host, program)
}

/// Whether nobody but root and the user can put another file in its place.
pub(super) fn is_guarded(host: &Host, path: &Path) -> bool {
    fs::canonical(path).is_ok_and(|canonical| {
        canonical.ancestors().all(|one| {
            one.symlink_metadata().is_ok_and(|metadata| system::is_guarded(&metadata, &host.user))
        })
    })
}

/// uv looks for settings in every folder above the one it runs in, also where anybody may write: it is
/// told to read the user's.
pub(super) fn uv_settings(host: &Host) -> Vec<OsString> {
    if host.variable("UV_CONFIG_FILE").is_some() || host.variable("UV_NO_CONFIG").is_some() {
        return Vec::new();
    }
    let of_user = match host.platform {
        Platform::Windows => host.variable_path("APPDATA"),
        _ => host.variable_path("XDG_CONFIG_HOME").or_else(|| host.home_place(".config")),
    };
    let files =
        [of_user.map(|folder| folder.join("uv/uv.toml")), Some(host.place("/etc/uv/uv.toml"))];
    match files.into_iter().flatten().find(|file| fs::is_file(file)) {
        Some(file) => vec!["--config-file".into(), file.into()],
        None => vec!["--no-config".into()],
    }
}

/// The variables of this process, but those that lead to other code or elsewhere.
pub(super) fn variables(host: &Host, broken: &[&Path]) -> Vec<(OsString, OsString)> {
    // `VIRTUAL_ENV`, and the options of virtualenv.
    const DROPPED: [&str; 9] = [
        "PYTHON",
        "PIP_",
        "UV_",
        "VIRTUAL_ENV",
        "VIRTUALENV_",
        "CONDA_",
        "LD_PRELOAD",
        "LD_AUDIT",
        "DYLD_",
    ];
    let is_kept = |name: &OsStr| -> bool {
        let name = name.to_string_lossy();
        SETTINGS.contains(&&*name) || !DROPPED.iter().any(|start| name.starts_with(start))
    };
    let kept = host.variables.iter().filter(|(name, _)| is_kept(name) && *name != "PATH");
    let mut variables: Vec<(OsString, OsString)> =
        kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    // A keyring is asked for passwords by a program of this path: not by one of the environment.
    let folders = host.search_path().into_iter().filter(|folder| {
        let real = fs::canonical(folder).unwrap_or_else(|_| folder.clone());
        !broken.iter().any(|prefix| folder.starts_with(prefix) || real.starts_with(prefix))
    });
    if let Ok(path) = std::env::join_paths(folders) {
        variables.push(("PATH".into(), path));
    }
    // Where settings demand one; nothing is installed.
    variables.push(("PIP_REQUIRE_VIRTUALENV".into(), "false".into()));
    variables
}

#[cfg(test)]
mod tests;
