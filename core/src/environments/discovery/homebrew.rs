//! Homebrew: kegs of Python, and the virtual environments inside the kegs of programs.
//!
//! ```text
//! Cellar/python@3.12/3.12.1/bin/python3.12                                    Linux
//! Cellar/python@3.12/3.12.1/Frameworks/Python.framework/Versions/3.12         macOS: the prefix
//! Cellar/awscli/2.15.0/libexec/pyvenv.cfg                                     a program's own
//! opt/python@3.12, bin/python3.12                                             links: other names
//! ```

use std::path::{Path, PathBuf};

use super::super::{EnvironmentKind, Source};
use super::folders::{self, subfolders};
use super::lead::{Leads, Target};
use super::places::shown;
use crate::fs;
use crate::host::{Host, Platform};

const KIND: Option<EnvironmentKind> = Some(EnvironmentKind::Homebrew);

/// Leads to what Homebrew installed, in each of its prefixes.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    let mut done = Vec::new();
    for prefix in prefixes(host) {
        if !done.contains(&prefix) {
            let cellar = prefix.join("Cellar");
            kegs(host, leads, &cellar);
            links(host, leads, &prefix, &cellar);
            done.push(prefix);
        }
    }
    let cellar = host.variable_path("HOMEBREW_CELLAR");
    let elsewhere =
        cellar.filter(|cellar| !done.iter().any(|prefix| cellar.parent() == Some(prefix)));
    if let Some(cellar) = elsewhere {
        kegs(host, leads, &cellar);
    }
}

fn prefixes(host: &Host) -> Vec<PathBuf> {
    let mut prefixes: Vec<PathBuf> = host.variable_path("HOMEBREW_PREFIX").into_iter().collect();
    match host.platform {
        // Apple's processors, then Intel's.
        Platform::MacOs => {
            prefixes.extend(["/opt/homebrew", "/usr/local"].iter().map(|place| host.place(place)));
        }
        _ => {
            prefixes.push(host.place("/home/linuxbrew/.linuxbrew"));
            prefixes.extend(host.home_place(".linuxbrew"));
        }
    }
    prefixes
}

fn kegs(host: &Host, leads: &mut Leads, cellar: &Path) {
    let detail = format!("{} has it", shown(host, cellar));
    for formula in subfolders(cellar) {
        let name = formula.name.to_string_lossy().into_owned();
        let python = ["python@", "python-freethreading", "pypy", "graalpy", "python3"]
            .iter()
            .any(|start| name == "python" || name.starts_with(start));
        let formula = cellar.join(&name);
        for version in subfolders(&formula) {
            let keg = formula.join(version.name);
            if !python {
                let libexec = keg.join("libexec");
                if fs::is_file(&libexec.join("pyvenv.cfg")) {
                    leads.add(Target::Prefix(libexec), Source::Homebrew, KIND, detail.clone());
                }
                continue;
            }
            for prefix in prefixes_of_keg(&keg) {
                leads.add(Target::Prefix(prefix), Source::Homebrew, KIND, detail.clone());
            }
        }
    }
}

/// The prefixes of a keg: its frameworks on macOS, `libexec` for PyPy, else the keg itself.
fn prefixes_of_keg(keg: &Path) -> Vec<PathBuf> {
    let frameworks = super::macos::framework_versions(&keg.join("Frameworks"), "Python*.framework");
    if !frameworks.is_empty() {
        return frameworks;
    }
    let libexec = keg.join("libexec");
    let pypy = !folders::interpreters(&libexec.join("bin")).is_empty()
        && folders::interpreters(&keg.join("bin")).iter().all(|entry| entry.kind == fs::Kind::Link);
    vec![if pypy { libexec } else { keg.to_path_buf() }]
}

/// The names that Homebrew links: they lead to kegs and are reported as other names of them.
fn links(host: &Host, leads: &mut Leads, prefix: &Path, cellar: &Path) {
    for keg in folders::matching(&prefix.join("opt"), "python*") {
        let detail = format!("{} leads to it", shown(host, &keg));
        for name in prefixes_of_keg(&keg) {
            leads.add(Target::Prefix(name), Source::Homebrew, KIND, detail.clone());
        }
    }
    let bin = prefix.join("bin");
    for entry in folders::interpreters(&bin) {
        let path = bin.join(&entry.name);
        // In `/usr/local/bin` others install too.
        if folders::link_target(&path).is_some_and(|target| target.starts_with(cellar)) {
            let detail = format!("{} leads to it", shown(host, &path));
            leads.add(Target::Executable(path), Source::Homebrew, KIND, detail);
        }
    }
}
