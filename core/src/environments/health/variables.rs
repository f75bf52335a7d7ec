//! Variables of the process that override an environment: `PYTHONHOME` and `PYTHONPATH`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::facts::Scheme;
use super::super::modules::{is_built_in, is_of_older_standard, is_standard, module_name};
use super::{Code, Report, Subject};
use crate::fs::{self, Entry, Kind};

/// More say nothing more.
const MAX_NAMES: usize = 5;

/// Nobody has a longer one; each folder is listed.
const MAX_FOLDERS: usize = 100;

/// Names that many projects have at their top and nobody imports from elsewhere, and hooks that are
/// put on the path on purpose.
const PRIVATE_NAMES: [&str; 13] = [
    "__init__",
    "__main__",
    "build",
    "conftest",
    "docs",
    "examples",
    "noxfile",
    "scripts",
    "setup",
    "sitecustomize",
    "test",
    "tests",
    "usercustomize",
];

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    check_home(subject, report);
    check_path(subject, report);
}

fn check_home(subject: &Subject<'_>, report: &mut Report) {
    let Some(value) = subject.host.variable("PYTHONHOME") else { return };
    // `PREFIX:EXEC_PREFIX`; the first is where the standard library is looked for.
    let Some(home) = std::env::split_paths(value).next() else { return };
    let home = subject.host.absolute(&home);
    if is_base(subject, &home) {
        return;
    }
    let base = match &subject.environment.base_prefix {
        Some(base) => format!("the base of this environment is `{}`", base.display()),
        None => "no standard library for this environment is there".to_owned(),
    };
    let message = format!("the variable PYTHONHOME is `{}`, but {base}", home.display());
    report.add(Code::EnvVarPythonhome, message, [home]);
}

/// Whether the folder is the prefix of this environment's base.
fn is_base(subject: &Subject<'_>, home: &Path) -> bool {
    match &subject.environment.base_prefix {
        Some(base) => home == base || fs::canonical(home).is_ok_and(|home| home == *base),
        None => {
            let library = match (subject.facts.scheme, subject.facts.tag) {
                (Scheme::Posix, Some(tag)) => home.join("lib").join(tag.to_string()),
                _ => home.join("Lib"),
            };
            fs::is_file(&library.join("os.py"))
        }
    }
}

fn check_path(subject: &Subject<'_>, report: &mut Report) {
    let Some(value) = subject.host.variable("PYTHONPATH") else { return };
    let folders = std::env::split_paths(value).filter(|folder| !folder.as_os_str().is_empty());
    for folder in folders.take(MAX_FOLDERS).map(|folder| subject.host.absolute(&folder)) {
        if is_own(subject, &folder) {
            continue;
        }
        let Ok(entries) = fs::list(&folder) else { continue };
        let hidden = Hidden::by(subject, &folder, &entries);
        if let Some(what) = hidden.describe() {
            let message =
                format!("the variable PYTHONPATH names `{}`, whose {what}", folder.display());
            report.add(Code::EnvVarPythonpath, message, [folder]);
        }
    }
}

/// Whether the interpreter searches the folder anyway.
fn is_own(subject: &Subject<'_>, folder: &Path) -> bool {
    let folder = fs::canonical(folder).unwrap_or_else(|_| folder.to_path_buf());
    let same = |own: &PathBuf| fs::canonical(own).is_ok_and(|own| own == folder);
    subject.installed.sites.iter().any(|site| same(&site.folder))
        || subject
            .facts
            .stdlib
            .iter()
            .any(|stdlib| same(stdlib) || same(&stdlib.join("lib-dynload")))
}

/// What a folder that is searched first takes the place of.
#[derive(Debug, Default)]
struct Hidden {
    installed: BTreeSet<String>,
    standard: BTreeSet<String>,
}

impl Hidden {
    fn by(subject: &Subject<'_>, folder: &Path, entries: &[Entry]) -> Hidden {
        let mut hidden = Hidden::default();
        let installed: BTreeSet<&str> = subject
            .installed
            .sites
            .iter()
            .flat_map(|site| site.entries.iter().filter_map(module_name))
            .collect();
        for entry in entries {
            if let Some(name) = distribution_name(entry)
                && is_installed_whole(subject, &name)
            {
                hidden.installed.insert(name);
            }
            let Some(name) = module_name(entry).filter(|name| !PRIVATE_NAMES.contains(name)) else {
                continue;
            };
            // A folder without `__init__.py` gives way to any module of its name further back.
            if entry.kind != Kind::File && !fs::is_file(&folder.join(name).join("__init__.py")) {
                continue;
            }
            if installed.contains(name) {
                hidden.installed.insert(name.to_owned());
            } else if is_of_standard_library(subject, name) {
                hidden.standard.insert(name.to_owned());
            }
        }
        hidden
    }

    fn describe(&self) -> Option<String> {
        let list = |names: &BTreeSet<String>| {
            let shown: Vec<String> =
                names.iter().take(MAX_NAMES).map(|name| format!("`{name}`")).collect();
            match names.len() {
                count if count > MAX_NAMES => format!("{}, ... ({count} in all)", shown.join(", ")),
                _ => shown.join(", "),
            }
        };
        match (self.installed.len(), self.standard.len()) {
            (0, 0) => None,
            (0, 1) => {
                Some(format!("{} hides the one of the standard library", list(&self.standard)))
            }
            (0, _) => Some(format!("{} hide those of the standard library", list(&self.standard))),
            (1, _) => Some(format!("{} hides the one installed here", list(&self.installed))),
            _ => Some(format!("{} hide those installed here", list(&self.installed))),
        }
    }
}

fn is_of_standard_library(subject: &Subject<'_>, name: &str) -> bool {
    let there = |stdlib: &PathBuf| {
        fs::is_file(&stdlib.join(format!("{name}.py"))) || fs::is_folder(&stdlib.join(name))
    };
    !is_built_in(name)
        && (is_standard(name)
            || (is_of_older_standard(name) && subject.facts.stdlib.as_ref().is_some_and(there)))
}

/// `click` of `click-8.1.8.dist-info` or `click.egg-info`, normalized.
fn distribution_name(entry: &Entry) -> Option<String> {
    let name = entry.name.to_str()?;
    let stem = name.strip_suffix(".dist-info").or_else(|| name.strip_suffix(".egg-info"))?;
    let name = stem.split('-').next()?;
    Some(name.replace(['_', '.'], "-").to_lowercase())
}

/// An editable install's project folder holds its `.egg-info`, and hides nothing.
fn is_installed_whole(subject: &Subject<'_>, name: &str) -> bool {
    subject
        .installed
        .sites
        .iter()
        .flat_map(|site| &site.distributions)
        .any(|distribution| distribution.name == name && distribution.editable.is_none())
}

#[cfg(test)]
mod tests {
    use super::super::builder::Staged;
    use super::*;
    use crate::system::rooted;

    fn none() -> Vec<String> {
        Vec::new()
    }

    #[test]
    fn home_must_be_the_base() {
        let mut staged = Staged::new();
        let base = staged.environment.base_prefix.clone().unwrap();
        let other = rooted("/opt/python");
        let mut found = |value: &Path| {
            staged.host.variables.insert("PYTHONHOME".into(), value.into());
            staged.messages(check)
        };
        assert_eq!(found(Path::new("")), none());
        assert_eq!(found(&base), none());
        assert_eq!(
            found(Path::new(&other)),
            [format!(
                "env-var-pythonhome: the variable PYTHONHOME is `{other}`, but the base of this \
             environment is `{}`",
                base.display()
            )]
        );
        staged.environment.base_prefix = None;
        assert_eq!(
            staged.messages(check),
            [format!(
                "env-var-pythonhome: the variable PYTHONHOME is `{other}`, but no standard library \
             for this environment is there"
            )]
        );
    }

    #[test]
    fn path_must_hide_nothing() {
        let check_files = |files: &[&str], expected: Option<&str>| {
            let mut staged = Staged::new();
            let source = fs::canonical(staged.folder.path()).unwrap().join("src");
            staged.write_site("click/__init__.py", "");
            staged.write_site("tests/__init__.py", "");
            staged.write_site("google/a/__init__.py", "");
            staged.install("click", "8.0", &[], &[]);
            staged.install("mine", "0.1", &[], &[]).editable = Some(source.clone());
            for file in files {
                let path = source.join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "").unwrap();
            }
            staged.host.variables.insert("PYTHONPATH".into(), source.clone().into());
            let start = format!(
                "env-var-pythonpath: the variable PYTHONPATH names `{}`, whose ",
                source.display()
            );
            let expected: Vec<_> = expected.map(|what| start + what).into_iter().collect();
            assert_eq!(staged.messages(check), expected, "{files:?}");
        };
        check_files(&[], None);
        check_files(&["mine/__init__.py", "mine.egg-info/PKG-INFO", "setup.py"], None);
        check_files(&["tests/__init__.py", "google/b/__init__.py", "click/README"], None);
        check_files(&["time.py", "sitecustomize.py"], None);
        check_files(&["click/__init__.py"], Some("`click` hides the one installed here"));
        check_files(&["click.py", "random.py"], Some("`click` hides the one installed here"));
        check_files(
            &["Click-7.0.dist-info/METADATA"],
            Some("`click` hides the one installed here"),
        );
        check_files(&["random.py"], Some("`random` hides the one of the standard library"));
        check_files(
            &["random.py", "json/__init__.py"],
            Some("`json`, `random` hide those of the standard library"),
        );
    }

    #[test]
    fn its_own_folders_may_be_on_the_path() {
        let mut staged = Staged::new();
        staged.write_site("click/__init__.py", "");
        let stdlib = staged.facts.stdlib.clone().unwrap();
        staged.write_stdlib("random.py", "");
        let value = std::env::join_paths([staged.site(), stdlib, "/gone".into()]).unwrap();
        staged.host.variables.insert("PYTHONPATH".into(), value);
        assert_eq!(staged.messages(check), none());
    }
}
