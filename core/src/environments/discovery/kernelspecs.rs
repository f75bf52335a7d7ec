//! Jupyter kernel specifications: `kernels/<name>/kernel.json`, whose `argv[0]` is an interpreter.

use std::path::PathBuf;

use super::super::Source;
use super::folders::{self, is_interpreter};
use super::lead::{Leads, Target};
use super::places::{self, shown};
use crate::host::{Host, Platform};

const KERNELSPEC_BYTES: u64 = 1 << 18;

/// Leads to the interpreters of kernels.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    for data in data_folders(host) {
        for kernel in folders::matching(&data, "kernels/*") {
            let file = kernel.join("kernel.json");
            let Some(spec) = leads.json(&file, KERNELSPEC_BYTES) else { continue };
            let program = spec.get("argv").and_then(|argv| argv.get(0)?.as_str());
            let Some(path) = program.map(PathBuf::from) else { continue };
            // Kernels of other languages, and `python` from `PATH`, are none of ours.
            if path.is_absolute() && path.file_name().is_some_and(is_interpreter) {
                let detail = format!("{} starts it", shown(host, &file));
                leads.add(Target::Executable(path), Source::Kernelspec, None, detail);
            }
        }
    }
}

/// Jupyter's data folders, as `jupyter --paths` has them, except those inside of environments.
fn data_folders(host: &Host) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Some(value) = host.variable("JUPYTER_PATH") {
        folders.extend(std::env::split_paths(value).filter(|folder| folder.is_absolute()));
    }
    folders.extend(host.variable_path("JUPYTER_DATA_DIR"));
    match host.platform {
        Platform::MacOs => folders.extend(host.home_place("Library/Jupyter")),
        Platform::Windows => {
            folders.extend(places::roaming_app_data(host).map(|data| data.join("jupyter")));
            folders.extend(host.variable_path("PROGRAMDATA").map(|data| data.join("jupyter")));
        }
        Platform::Linux => {}
    }
    if host.platform != Platform::Windows {
        folders.extend(places::xdg_data(host).map(|data| data.join("jupyter")));
        folders.push(host.place("/usr/local/share/jupyter"));
        folders.push(host.place("/usr/share/jupyter"));
    }
    let mut seen = Vec::new();
    folders.retain(|folder| {
        let unseen = !seen.contains(folder);
        seen.push(folder.clone());
        unseen
    });
    folders
}
