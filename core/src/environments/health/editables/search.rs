//! Where is a project now? Looked for at the same place relative to an environment that was moved,
//! then by its name in the folders around the environment.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::environments::distributions::normalize;
use crate::environments::health::Subject;
use crate::fs::{self, Entry, Kind};

/// Folders below the one that a search starts from.
const MAX_DEPTH: usize = 5;

/// Entries of all folders together: an answer within some milliseconds.
const MAX_ENTRIES: usize = 5000;

/// A search starts in the folder that holds the environment, then in its parents.
const MAX_PARENTS: usize = 2;

/// Project files and activate scripts are much smaller.
const MAX_BYTES: u64 = 1024 * 1024;

/// Finds projects by name; walks once, when the first one is asked for.
pub(super) struct Search<'a> {
    subject: &'a Subject<'a>,
    names: HashSet<&'a str>,
    projects: Option<HashMap<String, Vec<PathBuf>>>,
    moves: Option<Vec<(PathBuf, PathBuf)>>,
}

impl<'a> Search<'a> {
    /// A search for these projects.
    pub(super) fn of(subject: &'a Subject<'a>, names: impl Iterator<Item = &'a str>) -> Search<'a> {
        Search { subject, names: names.collect(), projects: None, moves: None }
    }

    /// Where the project may be now, most likely first: folders that have all that `targets` name,
    /// which are paths below `project`, where it was.
    pub(super) fn find(
        &mut self,
        name: &str,
        project: Option<&Path>,
        targets: &[PathBuf],
    ) -> Vec<Candidate> {
        let subject = self.subject;
        let moves = self.moves.get_or_insert_with(|| moves(subject));
        for (old, new) in moves.iter() {
            let moved = |path: &Path| Some(new.join(path.strip_prefix(old).ok()?));
            if targets.iter().all(|target| moved(target).is_some_and(|path| path.exists()))
                && let Some(project) = moved(project.unwrap_or(&targets[0]))
            {
                // What moved along with the environment is certain.
                let moved = Some((old.clone(), new.clone()));
                return vec![Candidate { project, moved }];
            }
        }
        let names = &self.names;
        let projects = self.projects.get_or_insert_with(|| walk(subject, names));
        let folders = projects.get(name).into_iter().flatten();
        folders
            .filter(|folder| targets.iter().all(|target| holds(folder, project, target)))
            .map(|folder| Candidate {
                project: folder.clone(),
                moved: project
                    .map(|project| (project.to_path_buf(), folder.clone()))
                    .or_else(|| moved_by_shape(folder, targets)),
            })
            .collect()
    }
}

/// A folder that a project may have been moved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The project's folder.
    pub project: PathBuf,
    /// A folder of old that the lost paths lie in, and the same one now, where that can be told.
    pub moved: Option<(PathBuf, PathBuf)>,
}

/// Without a word about where the project began: by names that the old path and the new one share.
fn moved_by_shape(folder: &Path, targets: &[PathBuf]) -> Option<(PathBuf, PathBuf)> {
    let first = targets.first()?;
    let named = first.ancestors().find(|above| above.file_name() == folder.file_name());
    let (from, to) = match named {
        Some(from) => (from, folder.to_path_buf()),
        None => (first.as_path(), folder.join(first.file_name()?)),
    };
    let is_there = |target: &PathBuf| {
        target.strip_prefix(from).is_ok_and(|relative| to.join(relative).exists())
    };
    targets.iter().all(is_there).then(|| (from.to_path_buf(), to.clone()))
}

/// Whether the folder has what `target` was in the project's old folder.
fn holds(folder: &Path, project: Option<&Path>, target: &Path) -> bool {
    match project.and_then(|project| target.strip_prefix(project).ok()) {
        Some(relative) => folder.join(relative).exists(),
        // Where the project began is not known; its own name was recognized.
        None => true,
    }
}

/// Folders that moved together with the environment: where they were, where they are.
fn moves(subject: &Subject<'_>) -> Vec<(PathBuf, PathBuf)> {
    let new = subject.facts.prefix.as_path();
    let mut moves = Vec::new();
    for old in former_prefixes(subject) {
        if old == new || !old.is_absolute() {
            continue;
        }
        let (mut from, mut to) = (old.as_path(), new);
        // `/a/proj/.venv` to `/b/proj/.venv` moved all of `/a`.
        while from.file_name().is_some() && from.file_name() == to.file_name() {
            match (from.parent(), to.parent()) {
                (Some(above_from), Some(above_to)) => (from, to) = (above_from, above_to),
                _ => break,
            }
        }
        moves.push((from.to_path_buf(), to.to_path_buf()));
        // Renamed as well as moved along with its project.
        for level in 1..=MAX_PARENTS {
            if let (Some(from), Some(to)) = (old.ancestors().nth(level), new.ancestors().nth(level))
                && from != to
                && from.parent().is_some()
            {
                moves.push((from.to_path_buf(), to.to_path_buf()));
            }
        }
    }
    moves.dedup();
    moves
}

/// Where the environment was made, by its own files.
fn former_prefixes(subject: &Subject<'_>) -> Vec<PathBuf> {
    let mut prefixes = Vec::new();
    if let Some(scripts) = &subject.facts.scripts {
        let activate = fs::read_text(&scripts.join("activate"), MAX_BYTES).unwrap_or_default();
        prefixes.extend(activate.lines().filter_map(virtual_env));
    }
    if let Some(cfg) = subject.facts.marker.cfg() {
        // venv notes the command that made it: `command = /usr/bin/python3 -m venv /a/.venv`.
        let place = cfg.get("command").and_then(|command| command.rsplit_once(" /"));
        prefixes.extend(place.map(|(_, path)| PathBuf::from(format!("/{path}"))));
    }
    prefixes
}

/// `VIRTUAL_ENV="/home/alice/proj/.venv"`, with any quotes or none.
fn virtual_env(line: &str) -> Option<PathBuf> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let value = line.strip_prefix("VIRTUAL_ENV=")?.trim_matches(['"', '\'']);
    let path = PathBuf::from(value);
    path.is_absolute().then_some(path)
}

/// Projects of these names around the environment, nearest first.
fn walk(subject: &Subject<'_>, names: &HashSet<&str>) -> HashMap<String, Vec<PathBuf>> {
    let mut found: HashMap<String, Vec<PathBuf>> = HashMap::new();
    let mut seen: HashSet<PathBuf> = HashSet::from([subject.facts.prefix.clone()]);
    let mut entries_left = MAX_ENTRIES;
    for start in subject.facts.prefix.ancestors().skip(1).take(1 + MAX_PARENTS) {
        // `/` and `/home` hold other people's projects.
        if start.parent().and_then(Path::parent).is_none() {
            break;
        }
        let mut queue = VecDeque::from([(start.to_path_buf(), 0)]);
        while let Some((folder, depth)) = queue.pop_front() {
            if !seen.insert(folder.clone()) {
                continue;
            }
            let Ok(entries) = fs::list(&folder) else { continue };
            if entries.len() > entries_left {
                return found;
            }
            entries_left -= entries.len();
            if is_environment(&entries) {
                continue;
            }
            for name in project_names(&folder, &entries) {
                if names.contains(name.as_str()) {
                    found.entry(name).or_default().push(folder.clone());
                }
            }
            if depth < MAX_DEPTH {
                let below = entries.iter().filter(|entry| is_worth_a_look(entry));
                queue.extend(below.map(|entry| (folder.join(&entry.name), depth + 1)));
            }
        }
        if names.iter().all(|name| found.contains_key(*name)) {
            break;
        }
    }
    found
}

fn is_environment(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| entry.name == "pyvenv.cfg" || entry.name == "conda-meta")
}

fn is_worth_a_look(entry: &Entry) -> bool {
    let name = entry.name.to_string_lossy();
    entry.kind == Kind::Folder
        && !name.starts_with('.')
        && !matches!(
            name.as_ref(),
            "node_modules" | "__pycache__" | "site-packages" | "target" | "build" | "dist"
        )
}

/// The names that a folder's project files give; more than one when they disagree.
fn project_names(folder: &Path, entries: &[Entry]) -> Vec<String> {
    let mut names = Vec::new();
    for entry in entries {
        let Some(name) = entry.name.to_str() else { continue };
        let read = || fs::read_text(&folder.join(name), MAX_BYTES);
        let project = match name {
            "pyproject.toml" => read().and_then(|text| name_in_pyproject(&text)),
            "setup.cfg" => read().and_then(|text| name_in_setup_cfg(&text)),
            "setup.py" => read().and_then(|text| name_in_setup_py(&text)),
            _ => name.strip_suffix(".egg-info").map(str::to_owned),
        };
        names.extend(project.map(|project| normalize(&project)));
    }
    names.sort();
    names.dedup();
    names
}

#[derive(Deserialize)]
struct PyProject {
    project: Option<Named>,
    tool: Option<Tool>,
}

#[derive(Deserialize)]
struct Tool {
    poetry: Option<Named>,
    flit: Option<Flit>,
}

#[derive(Deserialize)]
struct Flit {
    metadata: Option<FlitMetadata>,
}

#[derive(Deserialize)]
struct FlitMetadata {
    module: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

fn name_in_pyproject(text: &str) -> Option<String> {
    let file: PyProject = toml::from_str(text).ok()?;
    let tool = |tool: Tool| {
        tool.poetry
            .and_then(|poetry| poetry.name)
            .or_else(|| tool.flit.and_then(|flit| flit.metadata).and_then(|data| data.module))
    };
    file.project.and_then(|project| project.name).or_else(|| file.tool.and_then(tool))
}

fn name_in_setup_cfg(text: &str) -> Option<String> {
    let metadata = text.lines().skip_while(|line| line.trim() != "[metadata]").skip(1);
    metadata
        .take_while(|line| !line.trim_start().starts_with('['))
        .find_map(|line| line.split_once('=').filter(|(key, _)| key.trim() == "name"))
        .map(|(_, value)| value.trim().to_owned())
}

/// `name="labsrc"`; a computed name is not guessed.
fn name_in_setup_py(text: &str) -> Option<String> {
    let at = text.find("name")?;
    let value = text[at..].lines().next()?.strip_prefix("name")?.trim_start();
    let value = value.strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value[1..].split(quote).next().map(str::to_owned)
}

#[cfg(test)]
mod unit {
    use super::*;
    use crate::system::rooted;

    #[test]
    fn names_of_projects() {
        let check = |read: fn(&str) -> Option<String>, text: &str, expected: Option<&str>| {
            assert_eq!(read(text).as_deref(), expected, "{text:?}");
        };
        check(name_in_pyproject, "[project]\nname = 'labsrc'\n", Some("labsrc"));
        check(name_in_pyproject, "[tool.poetry]\nname = 'labsrc'\n", Some("labsrc"));
        check(name_in_pyproject, "[build-system]\nrequires = []\n", None);
        check(name_in_pyproject, "not toml", None);
        check(name_in_setup_cfg, "[metadata]\nname = labsrc\n", Some("labsrc"));
        check(name_in_setup_cfg, "[options]\nname = labsrc\n", None);
        check(name_in_setup_py, "setup(name='labsrc', version='1')", Some("labsrc"));
        check(name_in_setup_py, "setup(\n    name = \"labsrc\",\n)", Some("labsrc"));
        check(name_in_setup_py, "setup(name=NAME)", None);
    }

    #[test]
    fn activate_scripts() {
        let check = |line: &str, expected: Option<&str>| {
            let line = line.replace("/home", &rooted("/home"));
            let expected = expected.map(|path| PathBuf::from(rooted(path)));
            assert_eq!(virtual_env(&line), expected, "{line:?}");
        };
        check("VIRTUAL_ENV=\"/home/alice/.venv\"", Some("/home/alice/.venv"));
        check("    export VIRTUAL_ENV=/home/alice/.venv", Some("/home/alice/.venv"));
        check("VIRTUAL_ENV='/home/alice/my env'", Some("/home/alice/my env"));
        check("VIRTUAL_ENV=$(cygpath \"/c/env\")", None);
        check("unset VIRTUAL_ENV", None);
    }
}
