//! What a PATH of a request means: an environment, any place in one, an interpreter, or a folder to
//! walk.

use std::path::{Component, Path, PathBuf};

use super::follow::prefix_of;
use crate::environments::discovery::Target;
use crate::environments::facts::Known;
use crate::environments::{Problem, PythonTag};
use crate::fs;

/// Folders that belong to the environment they are in. In another one (`envs`, `src`) a PATH means
/// what is there.
const OWN: &[&str] =
    &["bin", "Scripts", "lib", "lib64", "Lib", "include", "Include", "share", "conda-meta"];

/// What to look at for an absolute path, or why there is nothing to look at.
pub(super) fn targets(path: &Path, known: &Known) -> Result<Vec<Target>, Problem> {
    let path = without_parents(path);
    let metadata = std::fs::metadata(&path);
    if metadata.as_ref().is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(of_folder(path));
    }
    if prefix_of(&path, known).is_some() {
        return Ok(vec![Target::Executable(path)]);
    }
    if let Some(prefix) = around(&path) {
        return Ok(vec![Target::Prefix(prefix)]);
    }
    let what = match metadata {
        Ok(metadata) => fs::what_is(metadata.file_type()),
        Err(error) if fs::leads_nowhere(&error) => "a link that leads nowhere",
        Err(error) => return Err(Problem::new(path, super::walk::reason(&error))),
    };
    Err(Problem::new(path, format!("is {what}: no interpreter, and not in an environment")))
}

/// The folder itself, to be walked when it is no environment, and what it belongs to.
fn of_folder(folder: PathBuf) -> Vec<Target> {
    let mut targets = Vec::new();
    if !is_marked(&folder) {
        match around(&folder) {
            Some(prefix) => targets.push(Target::Prefix(prefix)),
            None => targets.extend(interpreters(&folder)),
        }
    }
    targets.push(Target::Prefix(folder));
    targets
}

/// The environment that the path is a part of.
fn around(path: &Path) -> Option<PathBuf> {
    let mut below = path;
    let prefix = path.ancestors().skip(1).find(|above| {
        let is_prefix = is_marked(above);
        if !is_prefix {
            below = above;
        }
        is_prefix
    })?;
    let name = below.file_name()?.to_str()?;
    (OWN.contains(&name) || fs::is_file(path)).then(|| prefix.to_path_buf())
}

/// Those of an installation, which has no marker: in its folder of programs, or of this library.
fn interpreters(folder: &Path) -> Vec<Target> {
    if folder.ends_with("bin") || folder.ends_with("Scripts") {
        let is_named = |entry: &fs::Entry| {
            let name = entry.name.to_str().map(|name| name.trim_end_matches(".exe"));
            name.is_some_and(|name| name == "python" || PythonTag::from_name(name).is_some())
        };
        let entries = fs::list(folder).unwrap_or_default();
        let named = entries.iter().filter(|entry| is_named(entry));
        return named.map(|entry| Target::Executable(folder.join(&entry.name))).collect();
    }
    let library = folder.ancestors().find(|above| {
        let name = above.file_name().and_then(|name| name.to_str());
        name.and_then(PythonTag::from_name).is_some()
    });
    let executable = library.and_then(|library| {
        let lib = library.parent().filter(|lib| lib.ends_with("lib") || lib.ends_with("lib64"))?;
        Some(lib.parent()?.join("bin").join(library.file_name()?))
    });
    // Windows: `Lib` beside `python.exe`.
    let beside = || {
        let lib = folder.ancestors().find(|above| above.ends_with("Lib"))?;
        Some(lib.parent()?.join("python.exe"))
    };
    let executable = executable.or_else(beside);
    executable.filter(|path| fs::is_file(path)).map(Target::Executable).into_iter().collect()
}

fn is_marked(prefix: &Path) -> bool {
    prefix.join("pyvenv.cfg").symlink_metadata().is_ok()
        || fs::is_folder(&prefix.join("conda-meta"))
}

/// The path without `..`: what is beyond a link is not what the name says. The last name stays: the
/// link that an interpreter is.
fn without_parents(path: &Path) -> PathBuf {
    if !path.components().any(|component| component == Component::ParentDir) {
        return path.to_path_buf();
    }
    let followed = match path.file_name() {
        Some(name) if !fs::is_folder(path) => path
            .parent()
            .and_then(|folder| fs::canonical(folder).ok())
            .map(|folder| folder.join(name)),
        _ => fs::canonical(path).ok(),
    };
    followed.unwrap_or_else(|| path.to_path_buf())
}
