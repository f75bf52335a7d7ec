//! Places of macOS: frameworks of python.org, of Apple's developer tools, and of MacPorts.
//!
//! `/usr/bin/python3` is a stub that starts the Python of the developer tools, or offers to install
//! them: it is no lead. `Versions/Current` is a link beside what it leads to, and none either.

use std::path::{Path, PathBuf};

use super::super::{EnvironmentKind, Source};
use super::folders;
use super::lead::{Leads, Target};
use super::linux;
use super::places::shown;
use crate::host::Host;

/// Where frameworks are: folder, framework, and who put it there.
const FRAMEWORKS: &[(&str, &str, Option<EnvironmentKind>)] = &[
    ("/Library/Frameworks", "Python*.framework", Some(EnvironmentKind::PythonOrg)),
    (
        "/Library/Developer/CommandLineTools/Library/Frameworks",
        "Python*.framework",
        Some(EnvironmentKind::CommandLineTools),
    ),
    // Until macOS 12.2.
    ("/System/Library/Frameworks", "Python.framework", Some(EnvironmentKind::System)),
    // MacPorts.
    ("/opt/local/Library/Frameworks", "Python*.framework", None),
];

/// Leads to the installations of the system.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    for (place, framework, kind) in FRAMEWORKS {
        frameworks(host, leads, &host.place(place), framework, *kind);
    }
    let xcodes = "Xcode*.app/Contents/Developer/Library/Frameworks";
    for folder in folders::matching(&host.place("/Applications"), xcodes) {
        frameworks(host, leads, &folder, "Python*.framework", Some(EnvironmentKind::Xcode));
    }
    if let Some(folder) = host.home_place("Library/Frameworks") {
        frameworks(host, leads, &folder, "Python*.framework", None);
    }
    linux::system_folder(host, leads, "/usr/local/bin");
    let ports = host.place("/opt/local/bin");
    let detail = format!("{} has it", shown(host, &ports));
    for entry in folders::interpreters(&ports) {
        let path = ports.join(&entry.name);
        leads.add(Target::Executable(path), Source::System, None, detail.clone());
    }
}

fn frameworks(
    host: &Host,
    leads: &mut Leads,
    folder: &Path,
    framework: &str,
    kind: Option<EnvironmentKind>,
) {
    let detail = format!("{} has it", shown(host, folder));
    for prefix in framework_versions(folder, framework) {
        leads.add(Target::Prefix(prefix), Source::System, kind, detail.clone());
    }
}

/// The prefixes of a folder's frameworks: `Python.framework/Versions/3.12`, and `PythonT.framework`
/// for free-threaded builds.
pub(super) fn framework_versions(folder: &Path, framework: &str) -> Vec<PathBuf> {
    let mut versions = folders::matching(folder, &format!("{framework}/Versions/*"));
    versions.retain(|version| !version.ends_with("Current"));
    versions
}
