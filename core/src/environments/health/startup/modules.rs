//! Which modules the interpreter of an environment can import, told from files alone.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::super::super::facts::Facts;
use super::super::super::modules::{self, module_name};
use super::super::super::pth::{self, PthLine};
use super::super::Subject;
use crate::fs::{self, Entry, Kind};

/// A finder of setuptools' editable installs lists some packages; the rest of it is always the same.
const MAX_FINDER_BYTES: u64 = 256 * 1024;

/// More folders than this are not on anybody's path.
const MAX_FOLDERS: usize = 200;

/// The places that modules come from.
pub(super) struct Modules<'a> {
    subject: &'a Subject<'a>,
    /// Read when the first name is not obviously there.
    found: OnceCell<Found>,
}

#[derive(Debug, Default)]
struct Found {
    /// Names of modules. A folder is looked into when its name is asked for.
    names: HashMap<String, Option<PathBuf>>,
    /// Something provides modules in a way that only running it would tell (a zip file on the path).
    opaque: bool,
}

impl<'a> Modules<'a> {
    pub(super) fn of(subject: &'a Subject<'a>) -> Modules<'a> {
        Modules { subject, found: OnceCell::new() }
    }

    /// Whether importing the dotted name finds something; when in doubt, yes.
    pub(super) fn has(&self, dotted: &str) -> bool {
        let (top, rest) = dotted.split_once('.').unwrap_or((dotted, ""));
        if modules::is_standard(top) {
            return true;
        }
        let removed = modules::is_of_older_standard(top);
        let stdlib = self.subject.facts.stdlib.as_deref().filter(|folder| fs::is_folder(folder));
        if removed && stdlib.is_none() {
            return true;
        }
        let found = self.found.get_or_init(|| self.look());
        let there = match found.names.get(top) {
            Some(Some(folder)) => !is_husk(folder),
            Some(None) => true,
            None => false,
        };
        found.opaque || (there && self.has_submodule(top, rest))
    }

    fn look(&self) -> Found {
        let mut found = Found::default();
        let sites = &self.subject.installed.sites;
        let own: HashSet<&Path> = sites.iter().map(|site| site.folder.as_path()).collect();
        for site in sites {
            found.add_site(&site.folder, &site.entries);
        }
        for site in &self.subject.installed.inherited {
            found.add_site(&site.folder, &site.entries);
        }
        for folder in self.other_folders() {
            if !own.contains(folder.as_path()) {
                let entries = fs::list(&folder).unwrap_or_default();
                found.add_site(&folder, &entries);
            }
        }
        for distribution in sites.iter().flat_map(|site| &site.distributions) {
            if distribution.editable.is_some() {
                found.names.insert(distribution.name.replace('-', "_"), None);
            }
        }
        found
    }

    /// The folders beside the environment's own that its interpreter searches.
    fn other_folders(&self) -> Vec<PathBuf> {
        let Subject { host, environment, facts, .. } = self.subject;
        let mut folders = Vec::new();
        if let Some(variable) = host.variable("PYTHONPATH") {
            folders.extend(std::env::split_paths(variable).take(MAX_FOLDERS));
        }
        if let Some(stdlib) = &facts.stdlib {
            folders.extend([stdlib.clone(), stdlib.join("lib-dynload")]);
        }
        if environment.is_virtual() && !includes_system_packages(facts) {
            return folders;
        }
        for folder in facts.stdlib.iter().map(PathBuf::as_path) {
            folders.extend([folder.join("site-packages"), folder.join("dist-packages")]);
        }
        folders.push(host.place("/usr/lib/python3/dist-packages"));
        if let Some(tag) = facts.tag {
            folders.push(host.place(&format!("/usr/local/lib/{tag}/dist-packages")));
            folders.push(host.place(&format!("/usr/local/lib/{tag}/site-packages")));
            folders.extend(host.home_place(&format!(".local/lib/{tag}/site-packages")));
        }
        folders
    }

    /// Whether a package that is here has the rest of the name: only a clear no counts, since packages
    /// may make up submodules as they load.
    fn has_submodule(&self, top: &str, rest: &str) -> bool {
        let next = rest.split('.').next().unwrap_or_default();
        if next.is_empty() {
            return true;
        }
        let mut packages = self
            .subject
            .installed
            .sites
            .iter()
            .map(|site| site.folder.join(top))
            .filter(|folder| fs::is_folder(folder))
            .peekable();
        if packages.peek().is_none() {
            return true;
        }
        packages.any(|folder| {
            let entries = fs::list(&folder).unwrap_or_default();
            let listed = entries.iter().filter_map(module_name).any(|name| name == next);
            let init = fs::read_text(&folder.join("__init__.py"), MAX_FINDER_BYTES);
            let makes_up = |init: &str| {
                init.contains(next)
                    || ["__path__", "sys.modules", "__getattr__", "import *"]
                        .iter()
                        .any(|word| init.contains(word))
            };
            listed || init.is_none_or(|init| makes_up(&init))
        })
    }
}

/// Whether a virtual environment sees the packages of its base.
pub(super) fn includes_system_packages(facts: &Facts) -> bool {
    facts.marker.cfg().is_none_or(|cfg| cfg.includes_system_site_packages())
}

impl Found {
    /// A folder that is searched for modules, and the places that its `.pth` files and finders add.
    fn add_site(&mut self, folder: &Path, entries: &[Entry]) {
        self.add_folder(folder, entries);
        for name in entries.iter().filter_map(|entry| entry.name.to_str()) {
            if name.ends_with(".pth") && !name.starts_with('.') {
                self.add_paths(folder, &folder.join(name));
            } else if name.starts_with("__editable___") && name.ends_with("_finder.py") {
                let text = fs::read_text(&folder.join(name), MAX_FINDER_BYTES);
                let mapped = mapped_names(&text.unwrap_or_default());
                self.names.extend(mapped.into_iter().map(|name| (name, None)));
            }
        }
    }

    fn add_folder(&mut self, folder: &Path, entries: &[Entry]) {
        for entry in entries {
            let Some(name) = module_name(entry) else { continue };
            if entry.kind == Kind::Folder {
                let folder = || Some(folder.join(&entry.name));
                self.names.entry(name.to_owned()).or_insert_with(folder);
            } else {
                self.names.insert(name.to_owned(), None);
            }
        }
    }

    fn add_paths(&mut self, folder: &Path, file: &Path) {
        let Ok(bytes) = fs::read(file, pth::MAX_BYTES) else { return };
        for line in pth::parse(&bytes).lines.into_iter().take(MAX_FOLDERS) {
            let PthLine::Path(path) = line else { continue };
            let path = folder.join(path.replace('\\', std::path::MAIN_SEPARATOR_STR));
            match fs::list(&path) {
                Ok(entries) => self.add_folder(&path, &entries),
                Err(_) => self.opaque |= fs::is_file(&path),
            }
        }
    }
}

/// What is left when everything in a package was uninstalled but the caches that Python wrote.
fn is_husk(folder: &Path) -> bool {
    fs::list_unsorted(folder)
        .is_ok_and(|entries| entries.iter().all(|entry| entry.name == "__pycache__"))
}

/// The packages of an editable finder: the keys of its
/// `MAPPING: dict[str, str] = {'labfinder': '/home/alice/code'}` whose folders exist.
fn mapped_names(text: &str) -> Vec<String> {
    let mapping =
        text.lines().filter(|line| line.starts_with("MAPPING") || line.starts_with("NAMESPACES"));
    mapping
        .flat_map(|line| {
            let literals: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
            literals
                .chunks_exact(2)
                .filter(|pair| {
                    let target = Path::new(pair[1]);
                    target.exists() || target.with_extension("py").exists()
                })
                .map(|pair| pair[0].split('.').next().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}
