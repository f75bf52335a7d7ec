//! From facts to a record: identity, name, project, what it stands on.

use std::path::{Path, PathBuf};

use super::kind;
use crate::environments::facts::{Facts, LinkEnd, Shape};
use crate::environments::image::Format;
use crate::environments::pyvenv_cfg::PyvenvCfg;
use crate::environments::{
    Environment, EnvironmentId, EnvironmentKind as Kind, Implementation, PythonTag,
};
use crate::fs;
use crate::host::Host;

/// The record of what stands at a prefix.
pub(super) fn identify(host: &Host, facts: &Facts, hint: Option<Kind>) -> Environment {
    let kind = kind::classify(host, facts, hint);
    let base = facts.base.as_deref();
    let own = !facts.shape.is_virtual();
    let python = !facts.interpreters.is_empty() || !facts.libraries.is_empty();
    let base_prefix = if own {
        python.then(|| facts.prefix.clone())
    } else {
        base.map(|base| base.prefix.clone())
    };
    let id = EnvironmentId::of(&facts.prefix, own_tag(facts));
    let base_id = if own { python.then(|| id.clone()) } else { base.map(|base| base.id.clone()) };
    Environment {
        id,
        kind,
        name: name(facts, kind),
        executable: executable(facts),
        version: facts.version.clone(),
        implementation: implementation(facts),
        abi_flags: facts
            .tag
            .filter(|tag| tag.free_threaded)
            .map(|_| "t".to_owned())
            .unwrap_or_default(),
        architecture: architecture(facts),
        base_id,
        base_prefix,
        base_executable: base.map(|base| base.executable.clone()),
        manager: kind::manager(kind).map(str::to_owned),
        project: project(facts, kind),
        aliases: Vec::new(),
        found_by: Vec::new(),
        site_packages: facts.site_packages().map(Path::to_path_buf).collect(),
        created_by: created_by(facts),
        externally_managed: facts.libraries.iter().any(|library| {
            library.stdlib && fs::is_file(&library.folder.join("EXTERNALLY-MANAGED"))
        }),
        owner: facts.owner,
        prefix: facts.prefix.clone(),
    }
}

fn own_tag(facts: &Facts) -> Option<PythonTag> {
    facts.tag.filter(|_| facts.shape == Shape::Installation)
}

/// The best name, also when what is behind it does not work: `check` says so.
fn executable(facts: &Facts) -> Option<PathBuf> {
    let own = facts.interpreters.iter().find(|file| {
        facts.tag.is_none_or(|tag| {
            super::super::facts::interpreter_tag(file).is_none_or(|other| other == tag)
        })
    });
    own.or(facts.interpreters.first()).map(|file| file.path.clone())
}

fn implementation(facts: &Facts) -> Option<Implementation> {
    let by_cfg = facts.marker.cfg().and_then(|cfg| cfg.get("implementation")).and_then(|name| {
        match name.to_ascii_lowercase().as_str() {
            "cpython" => Some(Implementation::CPython),
            "pypy" => Some(Implementation::PyPy),
            "graalpy" | "graalvm" => Some(Implementation::GraalPy),
            _ => None,
        }
    });
    let by_name = facts.interpreters.iter().find_map(|file| {
        [("pypy", Implementation::PyPy), ("graalpy", Implementation::GraalPy)]
            .iter()
            .find(|(stem, _)| file.name.starts_with(stem))
            .map(|(_, implementation)| *implementation)
    });
    by_name.or(by_cfg).or(facts.tag.map(|tag| tag.implementation))
}

fn architecture(facts: &Facts) -> Option<crate::environments::Architecture> {
    let own = facts.interpreters.iter().find_map(|file| match &file.end {
        LinkEnd::File { image: Ok(image), .. } if image.format != Format::Script => {
            image.architecture
        }
        _ => None,
    });
    own.or_else(|| facts.base.as_ref()?.architecture)
}

fn name(facts: &Facts, kind: Kind) -> Option<String> {
    let own = || facts.prefix.file_name()?.to_str().map(str::to_owned);
    let prompt = facts.marker.cfg().and_then(|cfg| cfg.get("prompt")).map(|prompt| {
        // `python -m venv` writes the `repr` of the string.
        prompt.trim_matches(['\'', '"']).to_owned()
    });
    let in_envs = facts.prefix.parent().is_some_and(|parent| parent.ends_with("envs"));
    match kind {
        Kind::CondaBase => Some("base".to_owned()),
        Kind::CondaEnv if in_envs => own(),
        Kind::CondaEnv => None,
        Kind::Pixi
        | Kind::Pyenv
        | Kind::PyenvVirtualenv
        | Kind::Virtualenvwrapper
        | Kind::UvTool
        | Kind::Pipx
        | Kind::Tox
        | Kind::Nox => own(),
        Kind::Poetry | Kind::Pipenv | Kind::Hatch | Kind::Pdm => {
            prompt.or_else(|| own().filter(|name| !name.starts_with('.')))
        }
        _ => prompt.filter(|prompt| !prompt.is_empty()),
    }
}

/// The folder that the environment belongs to.
fn project(facts: &Facts, kind: Kind) -> Option<PathBuf> {
    if facts.has(".project") {
        let text = fs::read_text(&facts.prefix.join(".project"), 16 * 1024)?;
        return Some(PathBuf::from(text.trim())).filter(|project| project.is_absolute());
    }
    let above = |folders: usize| facts.prefix.ancestors().nth(folders).map(Path::to_path_buf);
    match kind {
        Kind::Tox | Kind::Nox | Kind::Direnv => return above(2),
        Kind::Pixi => {
            let in_project = facts.prefix.parent()?.ends_with(".pixi/envs");
            return above(3)
                .filter(|project| in_project && fs::is_file(&project.join("pixi.toml")))
                .or_else(|| {
                    above(3).filter(|project| {
                        in_project && fs::is_file(&project.join("pyproject.toml"))
                    })
                });
        }
        _ => {}
    }
    if facts.shape == Shape::Installation || kind == Kind::CondaBase {
        return None;
    }
    let own = facts.prefix.file_name()?.to_str()?.trim_start_matches('.');
    let usual = ["venv", "env", "virtualenv", "conda"];
    usual.iter().any(|name| own == *name || own.strip_prefix("venv").is_some()).then(|| above(1))?
}

/// The program that wrote `pyvenv.cfg`.
fn created_by(facts: &Facts) -> Option<String> {
    let cfg: &PyvenvCfg = facts.marker.cfg()?;
    ["uv", "virtualenv"]
        .iter()
        .find_map(|tool| cfg.get(tool).map(|version| format!("{tool} {version}")))
        .or_else(|| cfg.get("command").map(|_| "venv".to_owned()))
}
