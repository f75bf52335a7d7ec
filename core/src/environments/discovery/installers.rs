//! Programs that install Pythons side by side: mise, asdf, Rye, Hatch, PDM, proto, tool caches of CI.
//!
//! uv, pyenv and Poetry have sources of their own.

use std::path::PathBuf;

use super::super::{EnvironmentKind, Source};
use super::folders;
use super::lead::{Leads, Target};
use super::places::{self, shown};
use super::stores::{hatch_data, pdm_data};
use crate::host::{Host, Platform};

/// Leads to what they installed.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    for (folder, kind) in folders_of_versions(host) {
        folders::installations(host, leads, &folder, kind, Source::Installer);
    }
    for data in mise_data(host) {
        // mise installs applications through pipx or uv: `installs/pipx-black/24.1.0/venvs/black`.
        let detail = format!("{} holds it", shown(host, &data));
        for version in folders::matching(&data, "installs/pipx-*/*") {
            folders::environments_below(leads, &version, 2, &|leads, prefix| {
                leads.add(Target::Prefix(prefix), Source::Installer, None, detail.clone());
            });
        }
    }
    for data in hatch_data(host) {
        let pythons = data.join("pythons");
        let detail = format!("{} holds it", shown(host, &pythons));
        // The archive of a build has an outer folder: `pythons/3.12/python`.
        folders::environments_below(leads, &pythons, 2, &|leads, prefix| {
            let kind = Some(EnvironmentKind::Hatch);
            leads.add(Target::Prefix(prefix), Source::Installer, kind, detail.clone());
        });
    }
    tool_caches(host, leads);
}

/// Folders whose children are installations, and which kind.
fn folders_of_versions(host: &Host) -> Vec<(PathBuf, Option<EnvironmentKind>)> {
    let mut folders = Vec::new();
    for data in mise_data(host) {
        folders.push((data.join("installs").join("python"), Some(EnvironmentKind::Mise)));
    }
    for (variables, default, below, kind) in [
        (
            &["ASDF_DATA_DIR", "ASDF_DIR"][..],
            ".asdf",
            "installs/python",
            Some(EnvironmentKind::Asdf),
        ),
        (&["RYE_HOME"][..], ".rye", "py", Some(EnvironmentKind::Rye)),
        (&["PROTO_HOME"][..], ".proto", "tools/python", None),
    ] {
        let named = variables.iter().filter_map(|name| host.variable_path(name));
        for root in named.chain(host.home_place(default)) {
            folders.push((root.join(below), kind));
        }
    }
    folders.extend(pdm_data(host).map(|data| (data.join("python"), Some(EnvironmentKind::Pdm))));
    // The same folder may be named by a variable and by default.
    let mut seen = Vec::new();
    folders.retain(|(folder, _)| {
        let unseen = !seen.contains(folder);
        seen.push(folder.clone());
        unseen
    });
    folders
}

/// The data of mise, and of rtx, as it was called before.
fn mise_data(host: &Host) -> Vec<PathBuf> {
    let base = match host.platform {
        Platform::Windows => places::local_app_data(host),
        _ => places::xdg_data(host),
    };
    let mut folders: Vec<PathBuf> =
        ["MISE_DATA_DIR", "RTX_DATA_DIR"].iter().filter_map(|n| host.variable_path(n)).collect();
    for folder in base.iter().flat_map(|base| [base.join("mise"), base.join("rtx")]) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// Tool caches of GitHub Actions and Azure Pipelines: `Python/3.12.1/x64`.
fn tool_caches(host: &Host, leads: &mut Leads) {
    let mut caches: Vec<PathBuf> = ["RUNNER_TOOL_CACHE", "AGENT_TOOLSDIRECTORY"]
        .iter()
        .filter_map(|name| host.variable_path(name))
        .collect();
    match host.platform {
        Platform::Windows => {
            let drive = places::system_drive(host);
            caches.extend(drive.map(|drive| drive.join("hostedtoolcache").join("windows")));
        }
        _ => caches.push(host.place("/opt/hostedtoolcache")),
    }
    caches.dedup();
    for cache in caches {
        let detail = format!("{} holds it", shown(host, &cache));
        for pattern in ["Python/*/*", "PyPy/*/*", "GraalPy/*/*"] {
            for prefix in folders::matching(&cache, pattern) {
                leads.add(Target::Prefix(prefix), Source::Installer, None, detail.clone());
            }
        }
    }
}
