//! Interpreters in the folders of `PATH`.
//!
//! Shims are left out: they are programs that choose an interpreter when they are run, and which one
//! cannot be known without running them. The interpreters behind them are found where they are.

use std::path::Path;

use super::super::Source;
use super::folders;
use super::lead::{Leads, Target};
use super::places::shown;
use crate::fs;
use crate::host::{Host, Platform};

/// Leads to the interpreters of `PATH`, in its order.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    let mut seen = Vec::new();
    for folder in host.search_path() {
        // `/bin` is a link to `/usr/bin`, and both are in most search paths.
        let same = folders::link_target(&folder).is_some_and(|target| seen.contains(&target));
        if same || seen.contains(&folder) || is_shim_folder(host, &folder) {
            continue;
        }
        for entry in folders::interpreters(&folder) {
            let path = folder.join(&entry.name);
            if is_wrapper(&path, &folder) {
                continue;
            }
            let detail = format!("`PATH` has {}", shown(host, &folder));
            leads.add(Target::Executable(path), Source::Path, None, detail);
        }
        seen.push(folder);
    }
}

/// Folders whose `python` is no interpreter.
fn is_shim_folder(host: &Host, folder: &Path) -> bool {
    let named = |name: &str| folder.file_name().is_some_and(|last| last.eq_ignore_ascii_case(name));
    match host.platform {
        // Zero-byte aliases of Store packages; Chocolatey's `bin` holds generated launchers.
        Platform::Windows if named("WindowsApps") => true,
        Platform::Windows if named("bin") => folder.parent().is_some_and(|parent| {
            parent.file_name().is_some_and(|name| name.eq_ignore_ascii_case("chocolatey"))
        }),
        // Stubs that ask to install Apple's developer tools, or start the Python of those.
        Platform::MacOs if folder == host.place("/usr/bin") => true,
        // pyenv, pyenv-virtualenv, asdf, mise, Rye, Scoop.
        _ => named("shims"),
    }
}

/// A script by the name of an interpreter is a wrapper, unless it stands in an environment: there it
/// is a defect that somebody should hear of.
fn is_wrapper(path: &Path, folder: &Path) -> bool {
    fs::read_start(path, 2).is_ok_and(|start| start == b"#!")
        && !folder.parent().is_some_and(|prefix| fs::is_file(&prefix.join("pyvenv.cfg")))
}
