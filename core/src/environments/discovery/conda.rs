//! conda, mamba and micromamba: what they list, what they are told, and where they are installed.
//!
//! `pkgs` holds unpacked packages, which look like installations and are none: it is never a lead.

use std::path::{Path, PathBuf};

use super::super::{EnvironmentKind, Source};
use super::condarc;
use super::folders::{self, store, subfolders};
use super::lead::{Leads, Target};
use super::places::{self, shown};
use crate::fs::{self, Entry};
use crate::host::{Host, Platform};

/// `environments.txt` has a line for each environment that was ever made: 1 MiB is 10,000 of them.
const ENVIRONMENTS_TXT_BYTES: u64 = 1 << 20;
const CONDARC_BYTES: u64 = 1 << 18;

/// Names that installers suggest for a root; digits and suffixes follow (`miniforge3-24.3`).
const ROOT_NAMES: &[&str] = &["anaconda", "miniconda", "miniforge", "mambaforge", "micromamba"];
/// Names of a root that mean something else when anything follows (`conda-tools`).
const ROOT_NAMES_EXACT: &[&str] = &["conda", "mamba", ".mamba", ".micromamba", "intelpython3"];
/// Folders of a root that are not always there but tell one from an environment.
const ROOT_SIGNS: &[&str] = &["condabin", "pkgs", "envs"];

/// Leads to conda's roots and environments.
pub(super) fn leads(host: &Host, leads: &mut Leads) {
    listed(host, leads);
    let roots = roots(host);
    for (folder, detail) in named_folders(host, leads, &roots) {
        let kind = Some(EnvironmentKind::CondaEnv);
        leads.add(Target::Children(folder), Source::Conda, kind, detail);
    }
    if let Some(folder) = host.home_place(".conda/envs") {
        store(host, leads, folder, Some(EnvironmentKind::CondaEnv), Source::Conda);
    }
    if host.platform == Platform::Windows {
        // conda's second default there, for users who may not write to the root.
        if let Some(local) = places::local_app_data(host) {
            let folder = local.join("conda/conda/envs");
            store(host, leads, folder, Some(EnvironmentKind::CondaEnv), Source::Conda);
        }
    }
    for root in &roots {
        root_leads(host, leads, root);
    }
}

/// What conda noted in `~/.conda/environments.txt`, one prefix a line. Deleted ones stay in it.
fn listed(host: &Host, leads: &mut Leads) {
    let Some(file) = host.home_place(".conda/environments.txt") else { return };
    let Some(text) = leads.text(&file, ENVIRONMENTS_TXT_BYTES) else { return };
    let detail = format!("{} lists it", shown(host, &file));
    for prefix in text.lines().map(|line| PathBuf::from(line.trim())) {
        if prefix.is_absolute() {
            leads.add(Target::Prefix(prefix), Source::Conda, None, detail.clone());
        }
    }
}

/// A root and the environments in it.
fn root_leads(host: &Host, leads: &mut Leads, root: &Root) {
    // micromamba's root holds no environment of its own.
    if root.has("conda-meta") {
        let signed = ROOT_SIGNS.iter().any(|sign| root.has(sign));
        let kind = signed.then_some(EnvironmentKind::CondaBase);
        leads.add(Target::Prefix(root.path.clone()), Source::Conda, kind, root.detail.clone());
    }
    if root.has("envs") {
        let envs = root.path.join("envs");
        store(host, leads, envs, Some(EnvironmentKind::CondaEnv), Source::Conda);
    }
}

/// A folder that is a root, or in the place of one.
struct Root {
    path: PathBuf,
    detail: String,
    entries: Vec<Entry>,
}

impl Root {
    fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }
}

/// Roots from variables, then from the places that installers suggest; each once. Where the place is
/// not `certain` to be a root's, its content must be.
fn roots(host: &Host) -> Vec<Root> {
    let mut roots: Vec<Root> = Vec::new();
    let mut add = |path: PathBuf, detail: String, certain: bool| {
        if roots.iter().any(|root| root.path == path) {
            return;
        }
        let Ok(entries) = fs::list_unsorted(&path) else { return };
        let root = Root { path, detail, entries };
        let signed = || ROOT_SIGNS.iter().any(|sign| root.has(sign));
        if certain || (root.has("conda-meta") && signed()) {
            roots.push(root);
        }
    };
    for name in ["CONDA_ROOT", "_CONDA_ROOT", "MAMBA_ROOT_PREFIX"] {
        if let Some(path) = host.variable_path(name) {
            add(path, format!("`{name}` names it"), true);
        }
    }
    for (path, name) in roots_of_variables(host) {
        add(path, format!("`{name}` leads to it"), false);
    }
    for path in usual_roots(host) {
        let detail = format!("{} is where installers put it", shown(host, &path));
        add(path, detail, true);
    }
    for folder in folders_of_roots(host) {
        for entry in subfolders(&folder) {
            let name = entry.name.to_string_lossy().to_ascii_lowercase();
            if ROOT_NAMES.iter().any(|root| name.starts_with(root))
                || ROOT_NAMES_EXACT.contains(&name.as_str())
            {
                let path = folder.join(&entry.name);
                let detail = format!("{} is where installers put it", shown(host, &path));
                add(path, detail, true);
            }
        }
    }
    roots
}

/// Roots that follow from the active environment and from the path of the program.
fn roots_of_variables(host: &Host) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    // `CONDA_PREFIX_1` is what was active before `CONDA_PREFIX`: mostly the base.
    for name in host.variables.keys() {
        let Some(name) = name.to_str().filter(|name| name.starts_with("CONDA_PREFIX")) else {
            continue;
        };
        let Some(prefix) = host.variable_path(name) else { continue };
        match prefix.parent().filter(|parent| parent.ends_with("envs")).and_then(Path::parent) {
            Some(root) => found.push((root.to_path_buf(), name.to_owned())),
            None => found.push((prefix, name.to_owned())),
        }
    }
    for name in ["CONDA_EXE", "MAMBA_EXE", "CONDA_PYTHON_EXE"] {
        let Some(program) = host.variable_path(name) else { continue };
        // `bin/conda`, `condabin/conda`, `Scripts\conda.exe`; `python.exe` is in the root itself.
        let depth = if program.ends_with("python.exe") { 1 } else { 2 };
        if let Some(root) = program.ancestors().nth(depth) {
            found.push((root.to_path_buf(), name.to_owned()));
        }
    }
    found
}

/// Roots whose place is fixed: mamba's defaults, Homebrew's casks, Scoop's applications.
fn usual_roots(host: &Host) -> Vec<PathBuf> {
    let mut roots = Vec::new();
    match host.platform {
        Platform::Windows => {
            roots.extend(places::roaming_app_data(host).map(|data| data.join("mamba")));
            let scoop = host.variable_path("SCOOP").or_else(|| host.home_place("scoop"));
            for apps in scoop.iter().map(|scoop| scoop.join("apps")) {
                for pattern in ["anaconda*/current", "mini*/current", "mambaforge*/current"] {
                    roots.extend(folders::matching(&apps, pattern));
                }
            }
        }
        // mamba 2 keeps to XDG on macOS too.
        _ => roots.extend(places::xdg_data(host).map(|data| data.join("mamba"))),
    }
    if host.platform == Platform::MacOs {
        for prefix in ["/opt/homebrew", "/usr/local"] {
            roots.extend(folders::matching(&host.place(prefix), "Caskroom/*/base"));
        }
    }
    roots
}

/// Folders that installers put roots into.
fn folders_of_roots(host: &Host) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = host.home.iter().cloned().collect();
    match host.platform {
        Platform::Linux => {
            let places = ["/opt", "/usr/local", "/usr/share", "/usr/lib", "/srv", "/"];
            folders.extend(places.iter().map(|place| host.place(place)));
        }
        Platform::MacOs => {
            let places = ["/opt", "/opt/homebrew", "/usr/local", "/Applications", "/"];
            folders.extend(places.iter().map(|place| host.place(place)));
        }
        Platform::Windows => {
            folders.extend(host.variable_path("PROGRAMDATA"));
            let local = places::local_app_data(host);
            folders.extend(local.iter().map(|local| local.join("Continuum")));
            folders.extend(local.iter().map(|local| local.join("Programs")));
            folders.extend(local);
            folders.extend(places::program_files(host));
            let drive = places::system_drive(host);
            folders.extend(drive.iter().map(|drive| drive.join("tools")));
            folders.extend(drive);
        }
    }
    // `~/opt` is where Anaconda's graphical installer for macOS writes.
    folders.extend(["opt", "tools", "apps", ".local"].iter().filter_map(|n| host.home_place(n)));
    folders
}

/// Folders of environments that variables and settings name, and why.
fn named_folders(host: &Host, leads: &mut Leads, roots: &[Root]) -> Vec<(PathBuf, String)> {
    let mut folders = Vec::new();
    for name in ["CONDA_ENVS_PATH", "CONDA_ENVS_DIRS"] {
        let value = host.variable(name).unwrap_or_default();
        for folder in std::env::split_paths(value).filter(|folder| folder.is_absolute()) {
            let detail = format!("`{name}` has {}", shown(host, &folder));
            folders.push((folder, detail));
        }
    }
    for file in settings(host, roots) {
        let Some(text) = leads.text(&file, CONDARC_BYTES) else { continue };
        for folder in condarc::environment_folders(&text) {
            if let Some(folder) = places::expand(host, &folder) {
                let detail = format!("{} has {}", shown(host, &file), shown(host, &folder));
                folders.push((folder, detail));
            }
        }
    }
    folders
}

/// Settings files, as conda's documentation lists them, those of the roots included.
fn settings(host: &Host, roots: &[Root]) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = match host.platform {
        Platform::Windows => {
            host.variable_path("PROGRAMDATA").map(|data| data.join("conda")).into_iter().collect()
        }
        _ => vec![host.place("/etc/conda"), host.place("/var/lib/conda")],
    };
    let with_settings =
        |root: &&Root| [".condarc", "condarc", "condarc.d"].iter().any(|name| root.has(name));
    folders.extend(roots.iter().filter(with_settings).map(|root| root.path.clone()));
    folders.extend(places::xdg_config(host).map(|config| config.join("conda")));
    folders.extend(host.home_place(".conda"));
    folders.extend(host.variable_path("CONDA_PREFIX"));

    let mut files = Vec::new();
    for folder in folders {
        files.extend([".condarc", "condarc"].iter().map(|name| folder.join(name)));
        let more = folder.join("condarc.d");
        let names = fs::list(&more).unwrap_or_default();
        files.extend(
            names
                .iter()
                .map(|entry| &entry.name)
                .filter(|name| is_yaml(name))
                .map(|name| more.join(name)),
        );
    }
    files.extend([".condarc", ".mambarc"].iter().filter_map(|name| host.home_place(name)));
    files.extend(["CONDARC", "MAMBARC"].iter().filter_map(|name| host.variable_path(name)));
    files.sort_unstable();
    files.dedup();
    files
}

fn is_yaml(name: &std::ffi::OsStr) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "yml" || extension == "yaml")
}
