//! Places of Windows: Store packages, the Python install manager, PEP 514 keys, installers' folders.
//!
//! `%LOCALAPPDATA%\Microsoft\WindowsApps` holds zero-byte aliases of Store packages. They are no
//! leads: running one may open the Store. The packages themselves are named by the AppModel keys.

use std::path::{Path, PathBuf};

use super::super::{EnvironmentKind, Source};
use super::folders::{self, matching};
use super::lead::{Leads, Target};
use super::places::{self, shown};
use crate::host::Host;
use crate::registry::Hive;

/// Packages of the Store that are installed for this user; the name of each is a key.
const PACKAGES_KEY: &str = r"Software\Classes\Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository\Packages";
/// `PythonSoftwareFoundation.PythonManager` is the install manager, and no Python.
const STORE_PACKAGE: &str = "PythonSoftwareFoundation.Python.";
const MANAGER_SETTINGS_BYTES: u64 = 1 << 18;

/// Leads to installations. The specific places come before the registry, which names them again.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    store_packages(host, leads);
    install_manager(host, leads);
    win_python(host, leads);
    registry(host, leads);
    usual_folders(host, leads);
    unix_like(host, leads);
}

fn store_packages(host: &Host, leads: &mut Leads) {
    let kind = Some(EnvironmentKind::WindowsStore);
    for package in host.registry.subkeys(Hive::CurrentUser, PACKAGES_KEY) {
        if !package.starts_with(STORE_PACKAGE) {
            continue;
        }
        let key = format!(r"{PACKAGES_KEY}\{package}");
        let Some(folder) = host.registry.value(Hive::CurrentUser, &key, "PackageRootFolder") else {
            continue;
        };
        let detail = format!("the Store package `{package}` is installed");
        leads.add(Target::Prefix(PathBuf::from(folder)), Source::System, kind, detail);
    }
    // Only administrators may list this folder.
    for programs in places::program_files(host) {
        for prefix in matching(&programs, &format!("WindowsApps/{STORE_PACKAGE}*")) {
            let detail = format!("{} is a Store package", shown(host, &prefix));
            leads.add(Target::Prefix(prefix), Source::System, kind, detail);
        }
    }
}

/// The Python install manager: `%LOCALAPPDATA%\Python\pythoncore-3.14-64`, or below `install_dir` of
/// `%APPDATA%\Python\PyManager.json`.
fn install_manager(host: &Host, leads: &mut Leads) {
    let mut folders: Vec<PathBuf> =
        places::local_app_data(host).map(|local| local.join("Python")).into_iter().collect();
    let settings = places::roaming_app_data(host)
        .map(|data| data.join("Python").join("PyManager.json"))
        .into_iter()
        .chain(host.variable_path("PYTHON_MANAGER_CONFIG"));
    for file in settings {
        let settings = leads.json(&file, MANAGER_SETTINGS_BYTES);
        let folder = settings.as_ref().and_then(|settings| settings.get("install_dir")?.as_str());
        folders.extend(folder.and_then(|folder| places::expand(host, folder)));
    }
    for folder in folders {
        let detail = format!("{} holds it", shown(host, &folder));
        // `<company>-<tag>`; `bin` and `_cache` stand beside.
        for prefix in matching(&folder, "python*-*") {
            let kind = Some(EnvironmentKind::Pymanager);
            leads.add(Target::Prefix(prefix), Source::Installer, kind, detail.clone());
        }
    }
}

/// WinPython is unpacked wherever its user wants: `WPy64-31241\python-3.12.4.amd64`, and since 2024
/// `WPy64-31300\python`.
fn win_python(host: &Host, leads: &mut Leads) {
    let mut folders: Vec<PathBuf> = host.home.iter().cloned().collect();
    folders.extend(
        ["Desktop", "Downloads", "Documents", "scoop/apps/winpython/current"]
            .iter()
            .filter_map(|name| host.home_place(name)),
    );
    if let Some(drive) = places::system_drive(host) {
        folders.extend(["WinPython", "tools", "Python"].iter().map(|name| drive.join(name)));
        folders.push(drive);
    }
    folders.extend(places::local_app_data(host).map(|local| local.join("Programs")));
    folders.extend(places::program_files(host));
    for folder in folders {
        for pattern in ["WPy*/python-*", "WPy*/python", "WinPython*/WPy*/python*"] {
            for prefix in matching(&folder, pattern) {
                let detail = format!("{} is WinPython's layout", shown(host, &prefix));
                let kind = Some(EnvironmentKind::Winpython);
                leads.add(Target::Prefix(prefix), Source::Installer, kind, detail);
            }
        }
    }
}

/// PEP 514: `Software\Python\<company>\<tag>\InstallPath`, in each hive and view.
fn registry(host: &Host, leads: &mut Leads) {
    const ROOT: &str = r"Software\Python";
    for (hive, name) in [
        (Hive::CurrentUser, "HKCU"),
        (Hive::LocalMachine64, "HKLM"),
        (Hive::LocalMachine32, "HKLM (32-bit)"),
    ] {
        for company in host.registry.subkeys(hive, ROOT) {
            // PEP 514 reserves this one for the launcher.
            if company.eq_ignore_ascii_case("PyLauncher") {
                continue;
            }
            for tag in host.registry.subkeys(hive, &format!(r"{ROOT}\{company}")) {
                let key = format!(r"{ROOT}\{company}\{tag}");
                let path = |value: &str| {
                    let key = format!(r"{key}\InstallPath");
                    let path = host.registry.value(hive, &key, value)?;
                    Some(PathBuf::from(path.trim())).filter(|path| path.is_absolute())
                };
                let detail = format!(r"the registry key `{name}\{key}` names it");
                registered(leads, path(""), path("ExecutablePath"), &company, &detail);
            }
        }
    }
}

/// Leads of one key. Old ones have no `ExecutablePath`; the folder alone says it then.
fn registered(
    leads: &mut Leads,
    folder: Option<PathBuf>,
    executable: Option<PathBuf>,
    company: &str,
    detail: &str,
) {
    let store = |path: &Path| path.iter().any(|part| part.eq_ignore_ascii_case("WindowsApps"));
    let kind = match company {
        "Astral" => Some(EnvironmentKind::UvManaged),
        // Anaconda registers its base; which conda it is, its files tell better.
        "ContinuumAnalytics" => None,
        _ if folder.as_deref().is_some_and(store) => Some(EnvironmentKind::WindowsStore),
        _ => Some(EnvironmentKind::WindowsRegistry),
    };
    // The executable of a Store package is an alias.
    let executable = executable.filter(|path| !store(path));
    if let Some(executable) = executable {
        // A prefix is where the interpreter is, when the key agrees that it is there.
        if folder.is_none() || folder.as_deref() != executable.parent() {
            leads.add(Target::Executable(executable), Source::Registry, kind, detail);
        }
    }
    if let Some(folder) = folder {
        leads.add(Target::Prefix(folder), Source::Registry, kind, detail);
    }
}

/// Folders of installers that leave no key behind, or whose key was lost.
fn usual_folders(host: &Host, leads: &mut Leads) {
    let mut patterns: Vec<(PathBuf, &str)> = Vec::new();
    if let Some(local) = places::local_app_data(host) {
        patterns.push((local.join("Programs").join("Python"), "Python*"));
    }
    for programs in places::program_files(host) {
        patterns.push((programs.clone(), "Python*"));
        patterns.push((programs, "PyPy*"));
    }
    if let Some(drive) = places::system_drive(host) {
        // python.org's old default and Chocolatey's; PyPy is unpacked here by habit.
        patterns.push((drive.clone(), "Python*"));
        patterns.push((drive.clone(), "pypy*"));
        patterns.push((drive.join("Python"), "Python*"));
        patterns.push((drive.join("tools"), "python*"));
        patterns.push((drive.join("tools"), "pypy*"));
    }
    if let Some(tools) = host.variable_path("CHOCOLATEYTOOLSLOCATION") {
        patterns.push((tools, "python*"));
    }
    let scoop = host.variable_path("SCOOP").or_else(|| host.home_place("scoop"));
    let global = host
        .variable_path("SCOOP_GLOBAL")
        .or_else(|| host.variable_path("PROGRAMDATA").map(|data| data.join("scoop")));
    for apps in scoop.into_iter().chain(global).map(|scoop| scoop.join("apps")) {
        patterns.push((apps.clone(), "python*/*"));
        patterns.push((apps, "pypy*/*"));
    }
    // `nuget install python`: beside the project or in the user's cache, which has lower-case names.
    if let Some(packages) =
        host.variable_path("NUGET_PACKAGES").or_else(|| host.home_place(".nuget/packages"))
    {
        patterns.push((packages, "python*/*/tools"));
    }
    for (base, pattern) in patterns {
        for prefix in matching(&base, pattern) {
            let detail = format!("{} is a usual place", shown(host, &prefix));
            leads.add(Target::Prefix(prefix), Source::System, None, detail);
        }
    }
}

/// MSYS2 and Cygwin: Unix layouts on a Windows drive.
fn unix_like(host: &Host, leads: &mut Leads) {
    let Some(drive) = places::system_drive(host) else { return };
    for pattern in ["msys64/*/bin", "cygwin64/bin", "cygwin/bin"] {
        for folder in matching(&drive, pattern) {
            let detail = format!("{} has it", shown(host, &folder));
            for entry in folders::interpreters(&folder) {
                let path = folder.join(&entry.name);
                leads.add(Target::Executable(path), Source::System, None, detail.clone());
            }
        }
    }
}
