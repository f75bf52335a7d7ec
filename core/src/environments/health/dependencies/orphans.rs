//! Modules without metadata: they can be imported, and nothing says what they are.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::environments::distributions::{Site, normalize};
use crate::environments::health::packages::{MAX_PATHS, Owned, is_unowned_module};
use crate::environments::health::{Code, Finding, Report, Subject};
use crate::fs::{self, Entry, Kind};

/// A generated script is a few hundred bytes.
const MAX_SCRIPT_BYTES: u64 = 8 * 1024;

/// Where a module names its version.
const MAX_SOURCE_BYTES: u64 = 256 * 1024;

/// Well-known distributions whose module has another name.
const OTHER_NAMES: [(&str, &str); 12] = [
    ("attrs", "attr"),
    ("beautifulsoup4", "bs4"),
    ("opencv-python", "cv2"),
    ("pillow", "PIL"),
    ("protobuf", "google"),
    ("pycryptodome", "Crypto"),
    ("pyjwt", "jwt"),
    ("pyopenssl", "OpenSSL"),
    ("python-dateutil", "dateutil"),
    ("python-dotenv", "dotenv"),
    ("pyyaml", "yaml"),
    ("scikit-learn", "sklearn"),
];

/// The module of a distribution that has no metadata, when it stands in one of the folders and is no
/// other distribution's; and its version where it names one.
pub(super) fn unowned_module(
    subject: &Subject<'_>,
    distribution: &str,
) -> Option<(PathBuf, Option<String>)> {
    let plain = distribution.replace('-', "_");
    let other = OTHER_NAMES.iter().find(|(name, _)| *name == distribution).map(|(_, name)| *name);
    // `google` is a namespace of many.
    let names = other.into_iter().filter(|name| *name != "google").chain([plain.as_str()]);
    let names: Vec<&str> = names.collect();
    subject.installed.sites.iter().find_map(|site| {
        let owned = Owned::of(site);
        let module = names.iter().find_map(|name| is_unowned_module(site, &owned, name))?;
        let version = version_of(&module);
        Some((module, version))
    })
}

/// `__version__ = "3.0.2"` in the usual places.
fn version_of(module: &Path) -> Option<String> {
    let sources = if module.extension().is_some_and(|extension| extension == "py") {
        vec![module.to_path_buf()]
    } else {
        ["__init__.py", "_version.py", "version.py", "__about__.py"]
            .iter()
            .map(|name| module.join(name))
            .collect()
    };
    sources.iter().find_map(|source| {
        let text = fs::read_text(source, MAX_SOURCE_BYTES)?;
        text.lines().find_map(version_in)
    })
}

fn version_in(line: &str) -> Option<String> {
    let rest = line.strip_prefix("__version__").or_else(|| line.strip_prefix("version"))?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix(": str").unwrap_or(rest).trim_start();
    let value = rest.strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let value = value[1..].split(quote).next()?;
    value.parse::<pep440_rs::Version>().ok().map(|_| value.to_owned())
}

/// Reports modules that a generated script imports and no distribution owns: what is left when a
/// folder of metadata is deleted and nothing else requires the distribution.
pub(super) fn check_scripts(subject: &Subject<'_>, report: &mut Report) {
    // A base's `bin` is filled by others than installers of wheels.
    if !subject.environment.is_virtual() || subject.facts.is_conda() {
        return;
    }
    let Some(folder) = &subject.facts.scripts else { return };
    let entries = &subject.facts.script_entries;
    if !entries.iter().any(is_candidate) {
        return;
    }
    let known = recorded_scripts(subject);
    let candidates = entries.iter().filter(|entry| {
        is_candidate(entry) && entry.name.to_str().is_some_and(|name| !known.contains(name))
    });
    for entry in candidates.take(10 * MAX_PATHS) {
        let script = folder.join(&entry.name);
        if let Some(module) = imported_module(&script) {
            report_orphan(subject, &script, &module, report);
        }
    }
}

fn report_orphan(subject: &Subject<'_>, script: &Path, module: &str, report: &mut Report) {
    let name = normalize(module);
    let is_known = |site: &Site| site.distributions.iter().any(|one| one.name == name);
    let is_reported = |finding: &Finding| {
        finding.code == Code::DistInfoMissing
            && finding.paths.iter().any(|path| path.file_stem().is_some_and(|stem| stem == module))
    };
    if name == "pip"
        || subject.installed.sites.iter().any(is_known)
        || report.findings.iter().any(is_reported)
    {
        return;
    }
    for site in &subject.installed.sites {
        let owned = Owned::of(site);
        // A distribution without RECORD may own it.
        if !owned.complete {
            continue;
        }
        let Some(path) = is_unowned_module(site, &owned, module) else { continue };
        let pin = version_of(&path).map_or_else(|| name.clone(), |v| format!("{name}=={v}"));
        let message = format!(
            "`{module}` can be imported and has no metadata, though an installer made the command `{}` for it",
            script.file_name().unwrap_or_default().to_string_lossy(),
        );
        report
            .findings
            .push(Finding::new(Code::DistInfoMissing, message, [path]).reinstalling([pin]));
        return;
    }
}

/// Names of the scripts that some RECORD lists.
fn recorded_scripts<'a>(subject: &Subject<'a>) -> HashSet<&'a str> {
    subject
        .installed
        .sites
        .iter()
        .flat_map(|site| &site.distributions)
        .filter_map(|distribution| distribution.record.get())
        .flat_map(|record| record.outside())
        .filter_map(|file| file.path.rsplit('/').next())
        .collect()
}

/// A file that may be a generated script: not an interpreter's, an activate script's or a user's
/// name with an extension.
fn is_candidate(entry: &Entry) -> bool {
    let name = entry.name.to_string_lossy();
    entry.kind == Kind::File
        && !name.contains('.')
        && !["activate", "deactivate", "python", "pypy", "pip", "pydoc"]
            .iter()
            .any(|known| name.starts_with(known))
}

/// The top module that a script of the shape of pip's and uv's imports:
///
/// ```text
/// #!/home/alice/.venv/bin/python
/// import sys
/// from tabulate import _main
/// if __name__ == '__main__':
///     sys.exit(_main())
/// ```
fn imported_module(script: &Path) -> Option<String> {
    let text = fs::read_text(script, MAX_SCRIPT_BYTES)?;
    if !text.starts_with("#!") || !text.contains("sys.exit(") || !text.contains("__main__") {
        return None;
    }
    let imported = text.lines().find_map(|line| {
        let (module, _) = line.strip_prefix("from ")?.split_once(" import ")?;
        module.split('.').next()
    })?;
    let is_identifier =
        !imported.is_empty() && imported.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_identifier.then(|| imported.to_owned())
}

/// Names of the packages in `conda-meta` (`numpy-1.26.4-py312h_0.json`), normalized.
pub(super) fn conda_names(prefix: &Path) -> HashSet<String> {
    fs::list_unsorted(&prefix.join("conda-meta"))
        .unwrap_or_default()
        .iter()
        .filter_map(|entry| {
            let stem = entry.name.to_str()?.strip_suffix(".json")?;
            let (name_and_version, _) = stem.rsplit_once('-')?;
            Some(normalize(name_and_version.rsplit_once('-')?.0))
        })
        .collect()
}
