//! Files of a project folder that name environments elsewhere. The walker calls this in each folder.

use std::path::{Path, PathBuf};

use super::super::Source;
use super::editors::{self, is_remote};
use super::folders::is_interpreter;
use super::jetbrains;
use super::lead::{Leads, Target};
use super::places::{self, shown};
use crate::fs::{Entry, Kind};
use crate::host::Host;

/// Each of these files holds one path.
const ONE_PATH_BYTES: u64 = 1 << 14;

/// Whether a listing has a file that may name an environment elsewhere.
pub fn refers(entries: &[Entry]) -> bool {
    // Everything looked for is hidden: one comparison for all other names.
    entries.iter().filter(|entry| entry.name.as_encoded_bytes().starts_with(b".")).any(|entry| {
        matches!(
            (entry.name.to_str(), entry.kind),
            (Some(".vscode" | ".idea"), Kind::Folder) | (Some(".pdm-python" | ".venv"), Kind::File)
        )
    })
}

/// Leads from the files of a folder, given its listing. Reads nothing when there are none.
pub fn in_project(host: &Host, project: &Path, entries: &[Entry], leads: &mut Leads) {
    for entry in entries {
        // Everything looked for is hidden: one comparison for all other names.
        if !entry.name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        match (entry.name.to_str(), entry.kind) {
            (Some(".vscode"), Kind::Folder) => editors::in_project(host, leads, project),
            (Some(".idea"), Kind::Folder) => jetbrains::in_project(host, leads, project),
            // PDM writes the project's interpreter, and Pipenv reads the environment, from these.
            (Some(name @ (".pdm-python" | ".venv")), Kind::File) => {
                one_path(host, leads, &project.join(name));
            }
            _ => {}
        }
    }
}

fn one_path(host: &Host, leads: &mut Leads, file: &Path) {
    let Some(text) = leads.text(file, ONE_PATH_BYTES) else { return };
    let path = text.lines().next().map(str::trim).filter(|line| !line.starts_with('#'));
    let Some(path) = path.and_then(|line| places::expand(host, line)) else { return };
    if is_remote(&path) {
        return;
    }
    let detail = format!("{} names it", shown(host, file));
    let target: fn(PathBuf) -> Target = match path.file_name() {
        Some(name) if is_interpreter(name) => Target::Executable,
        _ => Target::Prefix,
    };
    leads.add(target(path), Source::Workspace, None, detail);
}
