//! What made an environment: its place first, then its own files, then its project's.

use std::path::Path;

use crate::environments::EnvironmentKind as Kind;
use crate::environments::facts::{Facts, Shape};
use crate::environments::pyvenv_cfg::PyvenvCfg;
use crate::fs;
use crate::host::Host;

/// A project file larger than this is not looked into.
const PROJECT_FILE_BYTES: u64 = 1024 * 1024;

/// The kind, from place and files alone; `hint` is what the source that named it knows.
pub(super) fn classify(host: &Host, facts: &Facts, hint: Option<Kind>) -> Kind {
    match facts.shape {
        Shape::Conda => conda(facts, hint),
        Shape::Virtual | Shape::OldVirtualenv => {
            hint.or_else(|| by_place(&facts.prefix)).unwrap_or_else(|| virtual_environment(facts))
        }
        Shape::Installation => hint.unwrap_or_else(|| installation(host, &facts.prefix)),
    }
}

fn conda(facts: &Facts, hint: Option<Kind>) -> Kind {
    let meta = facts.prefix.join("conda-meta");
    if hint == Some(Kind::Pixi)
        || place_is(&facts.prefix, &[".pixi", "envs"])
        || fs::is_file(&meta.join("pixi"))
    {
        return Kind::Pixi;
    }
    let own_conda = facts.has("condabin")
        || facts.script_entries.iter().any(|e| e.name == "conda" || e.name == "conda.exe");
    if own_conda && !place_is(&facts.prefix, &["envs"]) { Kind::CondaBase } else { Kind::CondaEnv }
}

/// Whether the folders just above the prefix have these names.
fn place_is(prefix: &Path, folders: &[&str]) -> bool {
    folders
        .iter()
        .rev()
        .zip(prefix.ancestors().skip(1))
        .all(|(name, folder)| folder.file_name().is_some_and(|own| own == *name))
}

/// Stores of environments, by the folders just above a prefix: also those of another user, or named
/// on the command line, which no source of this machine names.
const STORES: &[(&[&str], Kind)] = &[
    (&["pipx", "venvs"], Kind::Pipx),
    (&["uv", "tools"], Kind::UvTool),
    (&["pypoetry", "virtualenvs"], Kind::Poetry),
    (&["pdm", "venvs"], Kind::Pdm),
    (&["share", "virtualenvs"], Kind::Pipenv),
    (&[".virtualenvs"], Kind::Virtualenvwrapper),
];

/// The same for installations.
const INSTALLERS: &[(&[&str], Kind)] = &[
    (&[".pyenv", "versions"], Kind::Pyenv),
    (&["uv", "python"], Kind::UvManaged),
    (&[".rye", "py"], Kind::Rye),
    (&["mise", "installs", "python"], Kind::Mise),
    (&[".asdf", "installs", "python"], Kind::Asdf),
    (&["pdm", "python"], Kind::Pdm),
];

fn in_store(prefix: &Path, stores: &[(&[&str], Kind)]) -> Option<Kind> {
    // One comparison of a name settles nearly all: taking a path apart costs more than that.
    let parent = prefix.parent()?.file_name()?;
    let mut named =
        stores.iter().filter(|(folders, _)| folders.last().is_some_and(|l| parent == *l));
    named.find(|(folders, _)| place_is(prefix, folders)).map(|(_, kind)| *kind)
}

/// Tools that keep environments in a folder of their own inside a project.
fn by_place(prefix: &Path) -> Option<Kind> {
    let parent = prefix.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    match parent {
        Some(".tox") => return Some(Kind::Tox),
        Some(".nox") => return Some(Kind::Nox),
        Some(".direnv") => return Some(Kind::Direnv),
        Some(".hatch") => return Some(Kind::Hatch),
        Some("envs") if place_is(prefix.parent()?.parent()?, &["versions"]) => {
            return Some(Kind::PyenvVirtualenv);
        }
        _ => {}
    }
    if let Some(kind) = in_store(prefix, STORES) {
        return Some(kind);
    }
    let bytes = prefix.as_os_str().as_encoded_bytes();
    if memchr::memmem::find(bytes, b"hatch").is_some()
        && prefix.ancestors().nth(3).is_some_and(|store| store.ends_with("hatch/env/virtual"))
    {
        return Some(Kind::Hatch);
    }
    let own = prefix.file_name()?.to_str()?;
    (own.starts_with("py_env-") && prefix.ancestors().any(|folder| folder.ends_with("pre-commit")))
        .then_some(Kind::PreCommit)
}

fn virtual_environment(facts: &Facts) -> Kind {
    if facts.has("rye-venv.json") {
        return Kind::Rye;
    }
    if facts.has(".tox-info.json") {
        return Kind::Tox;
    }
    let key = |key: &str| facts.marker.cfg().and_then(|cfg| cfg.get(key)).is_some();
    if key("uv") {
        return Kind::UvVenv;
    }
    let by_virtualenv = key("virtualenv")
        || facts.shape == Shape::OldVirtualenv
        || (facts.marker.cfg().is_none_or(|cfg: &PyvenvCfg| cfg.is_empty())
            && facts.script_entries.iter().any(|entry| entry.name == "activate_this.py"));
    in_project(&facts.prefix, by_virtualenv).unwrap_or(if by_virtualenv {
        Kind::Virtualenv
    } else {
        Kind::Venv
    })
}

/// `.venv` beside a project file: the tool that manages the project made it, if it makes such ones.
fn in_project(prefix: &Path, by_virtualenv: bool) -> Option<Kind> {
    let name = prefix.file_name()?.to_str()?;
    if !matches!(name, ".venv" | "venv" | "env" | ".env" | "__pypackages__") {
        return None;
    }
    let project = prefix.parent()?;
    let pyproject =
        fs::read_text(&project.join("pyproject.toml"), PROJECT_FILE_BYTES).unwrap_or_default();
    let has = |file: &str| fs::is_file(&project.join(file));
    if has(".pdm-python") || pyproject.contains("[tool.pdm") {
        return Some(Kind::Pdm);
    }
    if !by_virtualenv {
        return None;
    }
    if pyproject.contains("[tool.poetry") || has("poetry.toml") || has("poetry.lock") {
        return Some(Kind::Poetry);
    }
    has("Pipfile").then_some(Kind::Pipenv)
}

fn installation(host: &Host, prefix: &Path) -> Kind {
    if ["/usr", "/usr/local", "/"].iter().any(|system| *prefix == host.place(system)) {
        return Kind::System;
    }
    if let Some(kind) = in_store(prefix, INSTALLERS) {
        return kind;
    }
    let names: Vec<String> =
        prefix.iter().filter_map(|part| Some(part.to_str()?.to_lowercase())).collect();
    if names.windows(2).any(|pair| pair[0] == "cellar" && pair[1].starts_with("python")) {
        return Kind::Homebrew;
    }
    let last = names.last().map(String::as_str).unwrap_or_default();
    let bundled = ["bundled", "embedded", "embed"].iter().any(|word| last.contains(word));
    if bundled || names.iter().any(|name| APPLICATIONS.iter().any(|app| name.starts_with(app))) {
        return Kind::Embedded;
    }
    Kind::Custom
}

/// Applications that ship a Python of their own, by the start of a folder's name, in lower case.
const APPLICATIONS: &[&str] = &[
    "google-cloud-sdk",
    "blender",
    "libreoffice",
    "openoffice",
    "freecad",
    "gimp",
    "inkscape",
    "krita",
    "qgis",
    "arcgis",
    "paraview",
    "slicer",
    "houdini",
    "autodesk",
    "davinci",
    "resolve",
    "nuke",
    "unreal",
    "matlab",
    "spotfire",
    "tableau",
    "alteryx",
    "aws-cli",
    "azure-cli",
    "calibre",
    "sublime",
    "splunk",
    "opscode",
];

/// The tool that owns environments of a kind.
pub(super) fn manager(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Pyenv | Kind::PyenvVirtualenv => "pyenv",
        Kind::UvManaged | Kind::UvVenv | Kind::UvTool | Kind::UvScript => "uv",
        Kind::CondaBase | Kind::CondaEnv => "conda",
        Kind::Virtualenvwrapper
        | Kind::Poetry
        | Kind::Pipenv
        | Kind::Hatch
        | Kind::Pdm
        | Kind::Pipx
        | Kind::Tox
        | Kind::Nox
        | Kind::PreCommit
        | Kind::Rye
        | Kind::Mise
        | Kind::Asdf
        | Kind::Direnv
        | Kind::Pixi
        | Kind::Pymanager => kind.as_str(),
        Kind::Homebrew => "brew",
        _ => return None,
    })
}
