//! Where environments may be: an ordered list of sources, each of which names leads.
//!
//! A source reads names, links and small text files; it runs nothing and judges nothing. Leads are
//! followed, identified and merged by `environments::inspection`.

mod active;
mod conda;
mod condarc;
mod editors;
mod embedded;
mod folders;
mod homebrew;
mod installers;
mod jetbrains;
mod jsonc;
mod kernelspecs;
mod lead;
mod linux;
mod macos;
mod path;
mod pixi;
mod places;
mod poetry;
mod projects;
mod pyenv;
mod shebangs;
mod stores;
mod units;
mod uv;
mod windows;

#[cfg(test)]
mod tests;

pub use lead::{Lead, Leads, Target};
pub use projects::{in_project, refers};

use super::Source;
use crate::host::{Host, Platform};

/// All leads of the machine. Where two sources name one environment, the earlier one is the better
/// reason, and its `kind` counts:
///
/// 1. What the user chose: the active environment, `PATH`.
/// 2. Tools that made the environments they name, so that the place proves the kind.
/// 3. Places of the system, where anybody may have put anything.
/// 4. References: files that name an interpreter and know nothing about it.
/// 5. Walks, which find the rest: the current folder, then the home folder.
///
/// Sources of another platform are not called.
pub fn sources(host: &Host) -> Leads {
    let mut leads = Leads::default();
    active::leads(host, &mut leads);
    path::leads(host, &mut leads);

    pyenv::leads(host, &mut leads);
    uv::leads(host, &mut leads);
    conda::leads(host, &mut leads);
    pixi::leads(host, &mut leads);
    poetry::leads(host, &mut leads);
    stores::leads(host, &mut leads);
    installers::leads(host, &mut leads);

    let unix = host.platform != Platform::Windows;
    if unix {
        homebrew::leads(host, &mut leads);
    }
    match host.platform {
        Platform::Linux => linux::leads(host, &mut leads),
        Platform::MacOs => macos::leads(host, &mut leads),
        Platform::Windows => windows::leads(host, &mut leads),
    }
    embedded::leads(host, &mut leads);

    if unix {
        // On Windows a launcher is a program, and carries its first line at its end.
        shebangs::leads(host, &mut leads);
    }
    kernelspecs::leads(host, &mut leads);
    editors::leads(host, &mut leads);
    jetbrains::leads(host, &mut leads);
    if host.platform == Platform::Linux {
        units::leads(host, &mut leads);
    }

    walks(host, &mut leads);
    leads
}

/// The folders to walk. A service starts in `/`, and means nothing by it.
fn walks(host: &Host, leads: &mut Leads) {
    if host.current_dir.parent().is_some() {
        let current = host.current_dir.clone();
        leads.add(Target::Tree(current), Source::Workspace, None, "the current folder is walked");
    }
    if let Some(home) = host.home.clone() {
        leads.add(Target::Tree(home), Source::Workspace, None, "the home folder is walked");
    }
}
