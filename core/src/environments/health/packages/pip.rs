//! pip: was it here, and is it whole?
//!
//! An environment without pip is fine (`uv venv`, `venv --without-pip`). What tells that pip was
//! here is what it left: its scripts, or `~ip`.

use std::path::{Path, PathBuf};

use super::{Code, MAX_PATHS, shown};
use crate::environments::EnvironmentKind;
use crate::environments::distributions::Site;
use crate::environments::facts::Scheme;
use crate::environments::health::{Finding, Report, Severity, Subject};
use crate::fs::{self, Kind};

/// A script of pip is a few hundred bytes; a Windows launcher is not read.
const MAX_SCRIPT_BYTES: u64 = 64 * 1024;

/// Without any of these `pip` fails at start.
const ESSENTIAL: [&str; 6] = [
    "__init__.py",
    "__main__.py",
    "_internal/__init__.py",
    "_internal/cli/main.py",
    "_internal/commands/__init__.py",
    "_vendor/__init__.py",
];

/// Reports pip when it is gone, or stands there without its metadata.
pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    let installed = subject.installed;
    if installed.sites.is_empty() || !installed.unreadable.is_empty() {
        return;
    }
    for site in installed.sites.iter().filter(|site| !has_metadata(site)) {
        if has_package(site) {
            report_package(subject, site, report);
            return;
        }
    }
    let is_here = |site: &Site| has_metadata(site) || has_package(site);
    let inherits = installed.inherited.iter().any(|site| is_here(site));
    if inherits || installed.sites.iter().any(is_here) {
        return;
    }
    let evidence = evidence(subject);
    if let Some(first) = evidence.first() {
        let message = format!(
            "{} shows that pip was installed here, and no site-packages folder has it",
            shown(first, &subject.facts.prefix)
        );
        let mut finding =
            Finding::new(Code::PipMissing, message, evidence.into_iter().take(MAX_PATHS));
        // An installation serves its environments without pip as well.
        if !subject.facts.shape.is_virtual() {
            finding.severity = Severity::Warning;
        }
        report.findings.push(finding);
    }
}

fn has_metadata(site: &Site) -> bool {
    site.distributions.iter().any(|distribution| distribution.name == "pip")
}

fn has_package(site: &Site) -> bool {
    site.entries.iter().any(|entry| entry.name == "pip" && entry.kind != Kind::File)
}

/// The package without metadata. Systems install it like this; a virtual environment never does.
fn report_package(subject: &Subject<'_>, site: &Site, report: &mut Report) {
    if !subject.environment.is_virtual() {
        return;
    }
    let package = site.folder.join("pip");
    let Ok(entries) = fs::list_unsorted(&package) else { return };
    // Nothing but bytecode is what an uninstall leaves behind.
    if entries.iter().all(|entry| entry.name == "__pycache__") && evidence(subject).is_empty() {
        return;
    }
    let missing: Vec<PathBuf> = ESSENTIAL
        .iter()
        .map(|essential| package.join(essential))
        .filter(|path| std::fs::metadata(path).is_err_and(|error| fs::missing(&error)))
        .collect();
    let message = match missing.first() {
        Some(first) => {
            format!("pip has no `.dist-info`, and {} is missing", shown(first, &site.folder))
        }
        None => "pip has no `.dist-info`: its installation was interrupted or undone".to_owned(),
    };
    let paths = if missing.is_empty() { vec![package] } else { missing };
    report.findings.push(Finding::new(Code::PipBroken, message, paths));
}

/// What pip left: `~ip` folders, then its scripts.
fn evidence(subject: &Subject<'_>) -> Vec<PathBuf> {
    let tildes = subject.installed.sites.iter().flat_map(|site| {
        site.entries
            .iter()
            .filter(|entry| {
                let name = entry.name.to_string_lossy();
                name == "~ip" || name.starts_with("~ip-")
            })
            .map(|entry| site.folder.join(&entry.name))
    });
    tildes.chain(scripts(subject)).collect()
}

fn scripts(subject: &Subject<'_>) -> Vec<PathBuf> {
    let Some(folder) = &subject.facts.scripts else { return Vec::new() };
    // Several installations share one `bin` in `/usr`: its pip may be another one's.
    if subject.environment.kind == EnvironmentKind::System {
        return Vec::new();
    }
    let own = subject.facts.tag.map(|tag| format!("pip{}.{}", tag.major, tag.minor));
    let is_pip = |name: &str| is_pip(subject, name, own.as_deref());
    subject
        .facts
        .script_entries
        .iter()
        .filter(|entry| entry.name.to_str().is_some_and(is_pip))
        .map(|entry| folder.join(&entry.name))
        .filter(|path| subject.facts.scheme == Scheme::Windows || imports_pip(path))
        .collect()
}

/// `pip`, `pip3`, `pip3.12` of the environment's own minor; `.exe` on Windows.
fn is_pip(subject: &Subject<'_>, name: &str, own: Option<&str>) -> bool {
    let name = match subject.facts.scheme {
        Scheme::Windows => match name.strip_suffix(".exe") {
            Some(name) => name,
            None => return false,
        },
        Scheme::Posix => name,
    };
    // In an installation with several minors only the full name says whose it is.
    let any = subject.environment.is_virtual() && (name == "pip" || name == "pip3");
    any || Some(name) == own
}

/// Whether the script is of the shape that installers generate for pip.
fn imports_pip(script: &Path) -> bool {
    fs::read_text(script, MAX_SCRIPT_BYTES).is_some_and(|text| {
        text.starts_with("#!")
            && text.lines().any(|line| line.starts_with("from pip") && line.contains("import main"))
    })
}
