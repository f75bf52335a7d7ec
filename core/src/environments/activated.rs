//! A program run in an environment as if that were activated: with its folders first in `PATH`, and without the
//! variables that lead Python, or an installer, elsewhere.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use super::{Environment, EnvironmentKind};
use crate::host::{Host, Platform};
use crate::{process, system};

/// Of the environment that was active before, or of one that overrides every environment.
const DROPPED: [&str; 19] = [
    "CONDA_DEFAULT_ENV",
    "CONDA_PROMPT_MODIFIER",
    "CONDA_PYTHON_EXE",
    "CONDA_SHLVL",
    "PIPENV_ACTIVE",
    "PIP_PREFIX",
    "PIP_PYTHON",
    "PIP_ROOT",
    "PIP_TARGET",
    "PIP_USER",
    "POETRY_ACTIVE",
    "PYTHONEXECUTABLE",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONPLATLIBDIR",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "UV_PYTHON",
    "__PYVENV_LAUNCHER__",
];
/// The same of all that start so: `CONDA_PREFIX_1`, `_OLD_VIRTUAL_PATH`.
const DROPPED_STARTS: [&str; 4] =
    ["CONDA_PREFIX", "VIRTUAL_ENV", "_OLD_VIRTUAL_", "UV_PROJECT_ENVIRONMENT"];
/// What Windows starts when no ending is typed, where `PATHEXT` does not say.
const ENDINGS: &str = ".COM;.EXE;.BAT;.CMD";

/// The machine as a program sees it that no variable leads elsewhere: what an environment is judged by that a command is
/// run in.
pub fn undirected(host: &Host) -> Host {
    let mut host = host.clone();
    host.variables.retain(|name, _| {
        let name = name.to_string_lossy();
        !DROPPED.contains(&&*name) && !DROPPED_STARTS.iter().any(|start| name.starts_with(start))
    });
    host
}

/// The variables of a process in this environment.
pub fn variables(host: &Host, environment: &Environment) -> BTreeMap<OsString, OsString> {
    let mut variables = undirected(host).variables;
    let mut set = |name: &str, value: &OsStr| variables.insert(name.into(), value.to_owned());
    let prefix = environment.prefix.as_os_str();
    if is_of_conda(environment) {
        let name = environment.name.as_deref().map(OsStr::new);
        set("CONDA_PREFIX", prefix);
        set("CONDA_DEFAULT_ENV", name.unwrap_or(prefix));
        set("CONDA_SHLVL", OsStr::new("1"));
    } else if environment.is_virtual() {
        set("VIRTUAL_ENV", prefix);
        if let Some(name) = &environment.name {
            set("VIRTUAL_ENV_PROMPT", OsStr::new(name));
        }
    }
    // One that holds what no search path may hold is left out.
    if let Ok(path) = std::env::join_paths(search_path(host, environment)) {
        set("PATH", &path);
    }
    variables
}

/// Its own folders, and those of before without those of what was active.
fn search_path(host: &Host, environment: &Environment) -> Vec<PathBuf> {
    let mut own: Vec<PathBuf> = environment
        .executable
        .as_deref()
        .and_then(Path::parent)
        .map(Path::to_path_buf)
        .into_iter()
        .collect();
    let is_conda = is_of_conda(environment);
    for folder in folders(host.platform, &environment.prefix, is_conda, environment.is_virtual()) {
        if !own.contains(&folder) {
            own.push(folder);
        }
    }
    let active = |name: &str, is_conda| {
        host.variable_path(name).map(|prefix| folders(host.platform, &prefix, is_conda, true))
    };
    let of_before: Vec<PathBuf> = [active("VIRTUAL_ENV", false), active("CONDA_PREFIX", true)]
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    let before = host.variable("PATH").map(|path| std::env::split_paths(path).collect::<Vec<_>>());
    let kept = before.unwrap_or_default().into_iter();
    let kept: Vec<PathBuf> =
        kept.filter(|one| !of_before.contains(one) && !own.contains(one)).collect();
    own.into_iter().chain(kept).collect()
}

/// Where an environment has its programs.
fn folders(platform: Platform, prefix: &Path, is_conda: bool, is_virtual: bool) -> Vec<PathBuf> {
    let names: &[&str] = match platform {
        Platform::Windows if is_conda => {
            &["", "Library/mingw-w64/bin", "Library/usr/bin", "Library/bin", "Scripts", "bin"]
        }
        Platform::Windows if is_virtual => &["Scripts"],
        Platform::Windows => &["", "Scripts"],
        Platform::Linux | Platform::MacOs => &["bin"],
    };
    names
        .iter()
        .map(|name| {
            prefix
                .iter()
                .chain(name.split('/').filter(|part| !part.is_empty()).map(OsStr::new))
                .collect()
        })
        .collect()
}

fn is_of_conda(environment: &Environment) -> bool {
    use EnvironmentKind::{CondaBase, CondaEnv, Pixi};
    matches!(environment.kind, CondaBase | CondaEnv | Pixi)
}

/// The file of a command: a path, or the first of this name in the search path.
pub fn program(
    host: &Host,
    variables: &BTreeMap<OsString, OsString>,
    command: &OsStr,
) -> Option<PathBuf> {
    let named = Path::new(command);
    let folders: Vec<PathBuf> = match named.components().count() {
        1 if named.file_name() == Some(command) => {
            let path = variables.get(OsStr::new("PATH"));
            path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default()
        }
        _ => vec![PathBuf::new()],
    };
    let names = names_of(host, variables, named);
    let places = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
    places.map(|place| host.absolute(&place)).find(|place| {
        let metadata = std::fs::metadata(place);
        metadata.is_ok_and(|metadata| metadata.is_file() && system::is_executable(&metadata))
    })
}

/// A name with each ending that may be left out.
fn names_of(host: &Host, variables: &BTreeMap<OsString, OsString>, named: &Path) -> Vec<PathBuf> {
    if host.platform != Platform::Windows {
        return vec![named.to_path_buf()];
    }
    let endings = variables.get(OsStr::new("PATHEXT")).and_then(|text| text.to_str());
    let with = endings.unwrap_or(ENDINGS).split(';').filter(|ending| !ending.is_empty());
    let with = with.map(|ending| {
        let mut name = named.as_os_str().to_owned();
        name.push(ending.to_ascii_lowercase());
        PathBuf::from(name)
    });
    // As it was typed only when it has an ending: what has none cannot be started.
    named.extension().map(|_| named.to_path_buf()).into_iter().chain(with).collect()
}

/// Becomes the program, so that signals and its exit code are its own, and comes back with an error alone; on
/// Windows, where no process becomes another one, it waits and gives the exit code.
pub fn run(
    program: &Path,
    arguments: &[OsString],
    variables: &BTreeMap<OsString, OsString>,
) -> io::Result<i32> {
    process::turn_into(program, arguments, variables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environments::EnvironmentId;

    fn environment(kind: EnvironmentKind, prefix: &Path, base: &Path) -> Environment {
        Environment {
            id: EnvironmentId("0".repeat(16)),
            kind,
            name: Some("api".to_owned()),
            prefix: prefix.to_path_buf(),
            executable: None,
            version: None,
            implementation: None,
            abi_flags: String::new(),
            architecture: None,
            base_prefix: Some(base.to_path_buf()),
            base_executable: None,
            base_id: None,
            manager: None,
            project: None,
            aliases: Vec::new(),
            found_by: Vec::new(),
            site_packages: Vec::new(),
            created_by: None,
            externally_managed: false,
            owner: None,
        }
    }

    fn host(platform: Platform, root: &Path) -> Host {
        let mut host = Host::empty(platform, root);
        let path = [root.join("old/bin"), root.join("old/Scripts"), root.join("usr")];
        let path = std::env::join_paths(path).unwrap();
        let old = root.join("old").into_os_string();
        for (name, value) in [("PATH", path), ("VIRTUAL_ENV", old), ("PYTHONHOME", "/x".into())] {
            host.variables.insert(name.into(), value);
        }
        for name in ["PYTHONPATH", "CONDA_PREFIX_1", "PIP_TARGET", "PYTHONUTF8", "MINE"] {
            host.variables.insert(name.into(), "1".into());
        }
        host
    }

    #[test]
    fn variables_of_environments() {
        let root = std::env::temp_dir();
        let check = |platform, kind, expected: &[(&str, PathBuf)], first: &[&str]| {
            let is_base = kind == EnvironmentKind::Pyenv;
            let prefix = root.join("new");
            let base = if is_base { prefix.clone() } else { root.join("base") };
            let variables = variables(&host(platform, &root), &environment(kind, &prefix, &base));
            let mut names: Vec<&str> = variables.keys().filter_map(|name| name.to_str()).collect();
            names.retain(|name| !["PATH", "MINE", "PYTHONUTF8"].contains(name));
            assert_eq!(names, expected.iter().map(|(name, _)| *name).collect::<Vec<_>>());
            for (name, value) in expected {
                assert_eq!(variables[OsStr::new(name)], value.as_os_str(), "{name}");
            }
            let path: Vec<PathBuf> =
                std::env::split_paths(&variables[OsStr::new("PATH")]).collect();
            let own = first.iter().map(|name| prefix.iter().chain(Path::new(name)).collect());
            let gone = if platform == Platform::Windows { "old/bin" } else { "old/Scripts" };
            let left = [root.join(gone), root.join("usr")];
            let expected: Vec<PathBuf> = own.chain(left).collect();
            assert_eq!(path, expected);
        };
        let prefix = root.join("new");
        let of_venv = [("VIRTUAL_ENV", prefix.clone()), ("VIRTUAL_ENV_PROMPT", "api".into())];
        let of_conda = [
            ("CONDA_DEFAULT_ENV", "api".into()),
            ("CONDA_PREFIX", prefix),
            ("CONDA_SHLVL", "1".into()),
        ];
        check(Platform::Linux, EnvironmentKind::Venv, &of_venv, &["bin"]);
        check(Platform::Windows, EnvironmentKind::UvVenv, &of_venv, &["Scripts"]);
        check(Platform::Linux, EnvironmentKind::CondaEnv, &of_conda, &["bin"]);
        check(Platform::MacOs, EnvironmentKind::Pyenv, &[], &["bin"]);
        check(Platform::Windows, EnvironmentKind::Pyenv, &[], &["", "Scripts"]);
    }
}
