//! Places of a Linux system: its own Pythons, `/opt`, snaps, Flatpak, Nix and Guix profiles.

use std::path::{Path, PathBuf};

use super::super::{EnvironmentKind, Source};
use super::folders::{self, store, subfolders};
use super::lead::{Leads, Target};
use super::places::shown;
use crate::fs::{self, Entry, Kind};
use crate::host::Host;

/// Environments are often put under these names into the folder of an application.
const ENVIRONMENT_NAMES: &[&str] = &["venv", ".venv", "env", "virtualenv"];
/// Folders that images of containers put a program into, and its environment beside it.
const CONTAINER_FOLDERS: &[&str] = &["/", "/app", "/code", "/src", "/workspace", "/usr/src/app"];
/// Folders below `/opt` whose children are environments or installations.
const HOLDER_NAMES: &[&str] = &["venvs", "virtualenvs", "envs", "python", "pythons"];

/// Leads to what the system and its package formats installed.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    system_folder(host, leads, "/usr/bin");
    system_folder(host, leads, "/usr/local/bin");
    // `/bin` is a link to `/usr/bin` on all but old systems.
    let bin = host.place("/bin");
    if folders::link_target(&bin).is_none() {
        system_folder(host, leads, "/bin");
    }
    for place in ["/opt", "/srv"] {
        applications(host, leads, &host.place(place));
    }
    containers(host, leads);
    contained(host, leads);
    for folder in profiles(host) {
        let detail = format!("{} has it", shown(host, &folder));
        for entry in folders::interpreters(&folder) {
            let path = folder.join(&entry.name);
            leads.add(Target::Executable(path), Source::System, None, detail.clone());
        }
    }
}

/// The interpreters of a system's folder of programs. Those that are files there, or links that stay
/// with the system, are the system's; other links lead to what another source knows better.
pub(super) fn system_folder(host: &Host, leads: &mut Leads, place: &str) {
    let folder = host.place(place);
    let detail = format!("{} has it", shown(host, &folder));
    let (usr, local) = (host.place("/usr"), host.place("/usr/local"));
    for entry in folders::interpreters(&folder) {
        let path = folder.join(&entry.name);
        let own = match entry.kind {
            Kind::Link => folders::link_target(&path).is_some_and(|target| {
                // Debian's `pypy3` is a link to `/usr/lib/pypy3/bin/pypy3`.
                target.parent() == Some(&folder)
                    || (target.starts_with(&usr) && !target.starts_with(&local))
            }),
            _ => true,
        };
        let kind = own.then_some(EnvironmentKind::System);
        leads.add(Target::Executable(path), Source::System, kind, detail.clone());
    }
}

/// Folders of applications (`/opt/<name>`): each may be an installation, or hold environments.
fn applications(host: &Host, leads: &mut Leads, folder: &Path) {
    let detail = format!("{} has it", shown(host, folder));
    for entry in subfolders(folder) {
        let path = folder.join(&entry.name);
        let Ok(entries) = fs::list_unsorted(&path) else { continue };
        if is_environment(&path, &entries) {
            leads.add(Target::Prefix(path), Source::System, None, detail.clone());
            continue;
        }
        if HOLDER_NAMES.iter().any(|name| entry.name == *name) {
            store(host, leads, path.clone(), None, Source::System);
        }
        for child in entries.iter().filter(|child| child.kind != Kind::File) {
            let usual = ENVIRONMENT_NAMES.iter().any(|name| child.name == *name);
            if usual || folders::fits(&child.name, "python*") {
                let prefix = path.join(&child.name);
                leads.add(Target::Prefix(prefix), Source::System, None, detail.clone());
            }
        }
    }
    // Software collections of Red Hat: `/opt/rh/rh-python38/root/usr`.
    for prefix in folders::matching(folder, "rh/*python*/root/usr") {
        leads.add(Target::Prefix(prefix), Source::System, None, detail.clone());
    }
}

/// Places that are usual in containers, and prefixes of Pythons that were built by hand.
fn containers(host: &Host, leads: &mut Leads) {
    let mut prefixes: Vec<PathBuf> = CONTAINER_FOLDERS
        .iter()
        .map(|place| host.place(place))
        .flat_map(|folder| ENVIRONMENT_NAMES.iter().map(move |name| folder.join(name)))
        .filter(|prefix| fs::is_folder(prefix))
        .collect();
    let local = host.place("/usr/local");
    // Development containers put `3.12.1` and a link `current` below `python`.
    for pattern in ["python*", "python/*"] {
        let with_interpreter =
            |prefix: &PathBuf| !folders::interpreters(&prefix.join("bin")).is_empty();
        prefixes.extend(folders::matching(&local, pattern).into_iter().filter(with_interpreter));
    }
    for prefix in prefixes {
        let detail = format!("{} is a usual place", shown(host, &prefix));
        leads.add(Target::Prefix(prefix), Source::System, None, detail);
    }
}

/// Whether a listing is that of an environment or installation. A `bin` alone is not enough below
/// `/opt`: it needs an interpreter.
fn is_environment(path: &Path, entries: &[Entry]) -> bool {
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    has("pyvenv.cfg")
        || has("conda-meta")
        || (has("bin") && !folders::interpreters(&path.join("bin")).is_empty())
}

/// Pythons inside of snaps and Flatpak runtimes.
fn contained(host: &Host, leads: &mut Leads) {
    let flatpak = host.home_place(".local/share/flatpak");
    let mut places = vec![
        (host.place("/snap"), "*/current/usr/bin"),
        (host.place("/snap"), "*/current/bin"),
        (host.place("/var/lib/flatpak"), "runtime/*/*/*/active/files/bin"),
    ];
    places.extend(flatpak.map(|flatpak| (flatpak, "runtime/*/*/*/active/files/bin")));
    for (base, pattern) in places {
        let detail = format!("{} has it", shown(host, &base));
        for folder in folders::matching(&base, pattern) {
            for entry in folders::interpreters(&folder) {
                let path = folder.join(&entry.name);
                let kind = Some(EnvironmentKind::Embedded);
                leads.add(Target::Executable(path), Source::System, kind, detail.clone());
            }
        }
    }
}

/// Profiles of Nix and Guix: folders of links into their stores.
fn profiles(host: &Host) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = [
        ".nix-profile/bin",
        ".local/state/nix/profiles/profile/bin",
        ".guix-profile/bin",
        ".guix-home/profile/bin",
    ]
    .iter()
    .filter_map(|name| host.home_place(name))
    .collect();
    for place in [
        "/nix/var/nix/profiles/default/bin",
        "/run/current-system/sw/bin",
        "/run/current-system/profile/bin",
    ] {
        folders.push(host.place(place));
    }
    folders.extend(folders::matching(&host.place("/etc/profiles/per-user"), "*/bin"));
    folders
}
