//! Which folders an environment can import from without owning them.

use std::path::{Path, PathBuf};

use crate::environments::facts::Facts;
use crate::environments::python::PythonTag;
use crate::host::{Host, Platform};

/// The base's and the user's folders, when the environment sees them. They need not exist.
pub(super) fn folders(host: &Host, facts: &Facts) -> Vec<PathBuf> {
    let sees_them = match facts.marker.cfg() {
        Some(cfg) => cfg.includes_system_site_packages(),
        // A base installation sees the user's folder, and Debian's beside its own.
        None => facts.libraries.iter().any(|library| library.stdlib),
    };
    let Some(stdlib) = facts.stdlib.as_deref().filter(|_| sees_them) else { return Vec::new() };
    let mut folders = vec![stdlib.join("site-packages"), stdlib.join("dist-packages")];
    if let Some(tag) = facts.tag {
        folders.extend(beside(host, stdlib, tag));
    }
    folders
}

fn beside(host: &Host, stdlib: &Path, tag: PythonTag) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let prefix = stdlib.parent().and_then(Path::parent);
    if let Some(prefix) = prefix {
        // Fedora splits pure and native packages; Debian shares one folder between minors.
        folders.push(prefix.join("lib64").join(tag.to_string()).join("site-packages"));
        folders.push(prefix.join("lib/python3/dist-packages"));
    }
    if prefix == Some(&host.place("/usr")) {
        for name in ["dist-packages", "site-packages"] {
            folders.push(host.place(&format!("/usr/local/lib/{tag}/{name}")));
        }
    }
    let user = match host.platform {
        Platform::Linux => Some(format!(".local/lib/{tag}/site-packages")),
        Platform::MacOs => Some(format!("Library/Python/{}/lib/python/site-packages", tag.xy())),
        Platform::Windows => None,
    };
    folders.extend(user.and_then(|relative| host.home_place(&relative)));
    folders
}
