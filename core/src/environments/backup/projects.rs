//! Files beside environments that say what to install: requirements, lock files, project files.

use std::collections::BTreeSet;
use std::path::Path;

use super::Error;
use super::manifest::{LeftOut, Project, ProjectFile};
use super::saved_path::SavedPath;
use super::write::Draft;
use super::{checkout, directory, secrets};
use crate::environments::Environment;
use crate::fs::{self, Kind};

/// Lock files of the largest projects take some megabytes.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Files of one project, and of all.
const MOST_FILES: usize = 64;
const MAX_BYTES: u64 = 512 * 1024 * 1024;

const NAMES: [&str; 16] = [
    ".python-version",
    "Pipfile",
    "Pipfile.lock",
    "conda-lock.yml",
    "environment.yaml",
    "environment.yml",
    "pdm.lock",
    "pixi.lock",
    "pixi.toml",
    "poetry.lock",
    "pylock.toml",
    "pyproject.toml",
    "runtime.txt",
    "setup.cfg",
    "setup.py",
    "uv.lock",
];

/// Whether a file of this name says what to install.
fn is_wanted(name: &str) -> bool {
    let is_list = [".txt", ".in"].iter().any(|end| name.ends_with(end))
        && ["requirements", "constraints"].iter().any(|start| name.starts_with(start));
    let is_lock = name.starts_with("pylock.") && name.ends_with(".toml");
    NAMES.contains(&name) || is_list || is_lock
}

/// Puts what says so beside these environments into the archive.
pub(super) fn add(
    environments: &[&Environment],
    draft: &mut Draft,
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<Project>, Error> {
    let folders: BTreeSet<&Path> = environments.iter().filter_map(|one| folder(one)).collect();
    let mut projects = Vec::new();
    let mut left_bytes = MAX_BYTES;
    for path in folders {
        let files = wanted(path);
        if files.is_empty() {
            continue;
        }
        let number = projects.len() + 1;
        let folder = format!("projects/{number:02}-{}", super::collect::plain(&[path]));
        let mut project = Project {
            path: SavedPath::from(path),
            checkout: checkout::of(path),
            files: Vec::new(),
        };
        for name in files {
            let file = path.join(&name);
            let read = fs::read(&file, MAX_FILE_BYTES.min(left_bytes));
            let bytes = match read {
                Ok(bytes) => bytes,
                Err(error) => {
                    let message = error.to_string();
                    left_out.push(LeftOut { path: SavedPath::from(&file), message });
                    continue;
                }
            };
            left_bytes -= bytes.len() as u64;
            let member = format!("{folder}/{name}");
            draft.add(&member, &secrets::without(&bytes))?;
            project.files.push(ProjectFile { name, member });
        }
        if !project.files.is_empty() {
            projects.push(project);
        }
    }
    Ok(projects)
}

/// Where the files of an environment would be: in its project, or beside it.
fn folder(environment: &Environment) -> Option<&Path> {
    if !environment.is_repairable() {
        return None;
    }
    environment.project.as_deref().or(environment.prefix.parent())
}

/// Names below the folder, with `/`. Of two that differ in case alone, one.
fn wanted(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = names(folder).into_iter().filter(|name| is_wanted(name)).collect();
    let deeper = names(&folder.join("requirements")).into_iter();
    let lists = deeper.filter(|name| [".txt", ".in"].iter().any(|end| name.ends_with(end)));
    found.extend(lists.map(|name| format!("requirements/{name}")));
    found.retain(|name| directory::is_plain(name));
    let mut seen = BTreeSet::new();
    found.retain(|name| seen.insert(name.to_ascii_lowercase()));
    found.truncate(MOST_FILES);
    found
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::list(folder).unwrap_or_default().into_iter();
    let files = entries.filter(|entry| matches!(entry.kind, Kind::File | Kind::Link));
    files.filter_map(|entry| entry.name.into_string().ok()).collect()
}
