//! Where the files of a wheel belong in an environment: the schemes of `sysconfig`, by their names.

use std::path::{Component, Path, PathBuf};

use crate::environments::PythonTag;
use crate::environments::facts::Scheme;
use crate::environments::repair::Case;

/// The folders of one site-packages.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    prefix: PathBuf,
    /// Site-packages.
    pub(super) site: PathBuf,
    /// `bin`, or `Scripts`.
    pub(super) scripts: PathBuf,
    /// Below it each distribution has a folder of its own.
    headers: PathBuf,
}

impl Folders {
    /// Those of an environment.
    pub(super) fn of_case(case: &Case<'_>, site: &Path) -> Folders {
        let facts = case.subject.facts;
        let prefix = case.prefix();
        let headers = match (facts.scheme, facts.tag) {
            (Scheme::Posix, Some(tag)) => prefix.join("include/site").join(tag.to_string()),
            (Scheme::Posix, None) => prefix.join("include/site"),
            (Scheme::Windows, _) => prefix.join("Include"),
        };
        Folders {
            prefix: prefix.to_path_buf(),
            site: site.to_path_buf(),
            scripts: facts.scripts.clone().unwrap_or_else(|| prefix.join(facts.scheme.scripts())),
            headers,
        }
    }

    /// Those of an environment of which no more is known than where its packages are.
    pub(super) fn of_site(prefix: &Path, site: &Path) -> Folders {
        let is_windows = site.parent() == Some(&prefix.join("Lib"));
        let library = site.parent().and_then(Path::file_name).unwrap_or_default();
        let headers = match is_windows {
            true => prefix.join("Include"),
            false => prefix.join("include").join("site").join(library),
        };
        let scheme = if is_windows { Scheme::Windows } else { Scheme::Posix };
        Folders {
            prefix: prefix.to_path_buf(),
            site: site.to_path_buf(),
            scripts: prefix.join(scheme.scripts()),
            headers,
        }
    }

    /// The environment.
    pub(super) fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The folder that a key of a wheel's `.data` folder stands for.
    pub(super) fn of(&self, key: &str, stem: &str) -> Option<PathBuf> {
        match key {
            "purelib" | "platlib" => Some(self.site.clone()),
            "scripts" => Some(self.scripts.clone()),
            "data" => Some(self.prefix.clone()),
            "headers" => Some(self.headers.join(stem.split('-').next()?)),
            _ => None,
        }
    }

    /// Whether the environment itself stands on the file: no wheel brings it.
    pub(super) fn is_of_environment(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let stem = name.strip_suffix(".exe").unwrap_or(name).to_ascii_lowercase();
        let is_interpreter = matches!(&*stem, "python" | "python3" | "pythonw" | "pypy" | "pypy3")
            || PythonTag::from_name(&stem).is_some();
        path == self.prefix.join("pyvenv.cfg")
            || path.parent() == Some(&self.scripts)
                && (is_interpreter || stem.split('.').next() == Some("activate"))
    }

    /// The path as RECORD names it, relative to site-packages. `None` outside of the environment.
    pub(super) fn recorded(&self, path: &Path) -> Option<String> {
        if let Ok(inside) = path.strip_prefix(&self.site) {
            return joined(inside);
        }
        let from_prefix = joined(path.strip_prefix(&self.prefix).ok()?)?;
        let depth = self.site.strip_prefix(&self.prefix).ok()?.components().count();
        Some(format!("{}{from_prefix}", "../".repeat(depth)))
    }
}

fn joined(path: &Path) -> Option<String> {
    let names: Option<Vec<&str>> = path
        .components()
        .map(|component| match component {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect();
    names.filter(|names| !names.is_empty()).map(|names| names.join("/"))
}
