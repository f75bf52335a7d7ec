//! Applications that bring a Python of their own.

use std::path::PathBuf;

use super::super::{EnvironmentKind, Source};
use super::folders;
use super::lead::{Leads, Target};
use super::places::{self, shown};
use crate::host::{Host, Platform};

const LINUX: &[(&str, &str)] = &[
    ("/usr/share", "blender/*/python"),
    ("/opt", "blender*/*/python"),
    ("/snap", "blender/current/*/python"),
    ("/usr/lib", "libreoffice*/program/python-core-*"),
    ("/opt", "libreoffice*/program/python-core-*"),
    ("/usr/lib", "google-cloud-sdk/platform/bundledpython*"),
    ("/usr/share", "google-cloud-sdk/platform/bundledpython*"),
    ("/opt", "google-cloud-sdk/platform/bundledpython*"),
    ("/snap", "google-cloud-*/current/platform/bundledpython*"),
    // Omnibus packages: the agents of Datadog and Chef, GitLab.
    ("/opt", "*/embedded"),
];

const MACOS: &[(&str, &str)] = &[
    ("/Applications", "Blender*.app/Contents/Resources/*/python"),
    (
        "/Applications",
        "LibreOffice*.app/Contents/Frameworks/LibreOfficePython.framework/Versions/*",
    ),
    ("/Applications", "QGIS*.app/Contents/MacOS"),
    ("/Applications", "FreeCAD*.app/Contents/Resources"),
    ("/opt", "*/embedded"),
];

/// Below each of the program folders.
const WINDOWS: &[&str] = &[
    "Blender Foundation/*/*/python",
    "LibreOffice*/program/python-core-*",
    "Google/Cloud SDK/google-cloud-sdk/platform/bundledpython*",
    "QGIS*/apps/Python*",
    "Microsoft Visual Studio/Shared/Python*",
];

/// Below the home folder, on every platform.
const HOME: &[&str] = &["google-cloud-sdk/platform/bundledpython*", "blender*/*/python"];

/// Leads to the Pythons of applications.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    let mut places: Vec<(PathBuf, &str)> = Vec::new();
    match host.platform {
        Platform::Linux => {
            places.extend(LINUX.iter().map(|(place, pattern)| (host.place(place), *pattern)));
        }
        Platform::MacOs => {
            places.extend(MACOS.iter().map(|(place, pattern)| (host.place(place), *pattern)));
        }
        Platform::Windows => {
            let programs = places::program_files(host).into_iter();
            for base in programs.chain(places::local_app_data(host)) {
                places.extend(WINDOWS.iter().map(|pattern| (base.clone(), *pattern)));
            }
        }
    }
    if let Some(home) = &host.home {
        places.extend(HOME.iter().map(|pattern| (home.clone(), *pattern)));
    }
    for (base, pattern) in places {
        for prefix in folders::matching(&base, pattern) {
            // `embedded` of a Chef agent has no Python.
            let bin = prefix.join("bin");
            if pattern.ends_with("embedded") && folders::interpreters(&bin).is_empty() {
                continue;
            }
            let detail = format!("{} belongs to an application", shown(host, &prefix));
            let kind = Some(EnvironmentKind::Embedded);
            leads.add(Target::Prefix(prefix), Source::System, kind, detail);
        }
    }
}
