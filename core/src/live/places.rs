//! The folders whose changes concern somebody: an environment, all that stand on it, or a workspace.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::state::State;
use crate::environments::inspection::Inspected;
use crate::environments::{EnvironmentId, Source};
use crate::fs;

/// So far above what changed a folder is looked for: systems that tell of whole trees name what is deep.
const MOST_ANCESTORS: usize = 24;

/// Names whose coming and going says nothing: Python writes them when it runs.
const NOISE: [&str; 2] = ["__pycache__", ".pytest_cache"];

/// Whom a change in a folder concerns.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Concern {
    /// What stands on it, or is in it.
    pub(super) environments: Vec<EnvironmentId>,
    /// A walk goes through it: what is new in it may be an environment.
    pub(super) walked: bool,
    /// A tool puts environments there.
    pub(super) store: bool,
    /// The lower the sooner it is watched.
    rank: u8,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Places {
    by_folder: HashMap<PathBuf, Concern>,
}

/// What to look at because of a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Because<'a> {
    /// Nobody.
    Nothing,
    /// These environments.
    Environments(&'a [EnvironmentId]),
    /// This folder is new in a workspace, or what it was told from is.
    Folder(PathBuf),
    /// A tool made a folder where it puts environments.
    Made(PathBuf),
}

impl Places {
    /// Of what is known, and of the folders that a walk goes through.
    pub(super) fn of(state: &State, folders: &[PathBuf]) -> Places {
        let mut places = Places::default();
        for folder in folders {
            places.at(folder, 1).walked = true;
        }
        for inspected in state.environments() {
            places.environment(inspected);
        }
        places
    }

    fn at(&mut self, folder: &Path, rank: u8) -> &mut Concern {
        if !self.by_folder.contains_key(folder) {
            self.by_folder.insert(folder.to_path_buf(), Concern { rank, ..Concern::default() });
        }
        let concern = self.by_folder.entry(folder.to_path_buf()).or_default();
        concern.rank = concern.rank.min(rank);
        concern
    }

    fn of_environment(&mut self, folder: &Path, rank: u8, id: &EnvironmentId) {
        let concern = self.at(folder, rank);
        if !concern.environments.contains(id) {
            concern.environments.push(id.clone());
        }
    }

    fn environment(&mut self, inspected: &Inspected) {
        let environment = &inspected.environment;
        let (id, prefix) = (&environment.id, &environment.prefix);
        self.of_environment(prefix, 0, id);
        if let Some(scripts) = environment.executable.as_deref().and_then(Path::parent) {
            self.of_environment(scripts, 0, id);
        }
        for site in &environment.site_packages {
            self.of_environment(site, 0, id);
            for above in site.ancestors().skip(1).take_while(|above| *above != prefix) {
                if !above.starts_with(prefix) {
                    break;
                }
                self.of_environment(above, 2, id);
            }
        }
        if fs::is_folder(&prefix.join("conda-meta")) {
            self.of_environment(&prefix.join("conda-meta"), 0, id);
        }
        if let Some(folder) = environment.base_executable.as_deref().and_then(Path::parent) {
            self.of_environment(folder, 0, id);
        }
        if let Some(base) = environment.base_prefix.as_deref() {
            self.of_environment(base, 1, id);
        }
        let by_tool = |source| {
            use Source::{Conda, Homebrew, Installer, Pixi, Pyenv, Store, Uv};
            matches!(source, Conda | Homebrew | Installer | Pixi | Pyenv | Store | Uv)
        };
        if environment.found_by.iter().any(|found| by_tool(found.source))
            && let Some(store) = prefix.parent()
        {
            self.at(store, 2).store = true;
        }
    }

    /// The folders, those that matter most first.
    pub(super) fn ranked(&self) -> Vec<&Path> {
        let mut all: Vec<(u8, &Path)> = self
            .by_folder
            .iter()
            .map(|(folder, concern)| (concern.rank, folder.as_path()))
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(_, folder)| folder).collect()
    }

    pub(super) fn get(&self, folder: &Path) -> Option<&Concern> {
        self.by_folder.get(folder)
    }

    /// What a change at a path is a reason for.
    pub(super) fn because(&self, path: &Path) -> Because<'_> {
        let name = path.file_name().unwrap_or_default();
        let is_noise = NOISE.iter().any(|noise| name == *noise)
            || path.extension().is_some_and(|extension| extension == "pyc");
        if is_noise && !self.by_folder.contains_key(path) {
            return Because::Nothing;
        }
        let near = path.ancestors().take(MOST_ANCESTORS).enumerate();
        let Some((steps, folder, concern)) =
            near.filter_map(|(steps, folder)| Some((steps, folder, self.get(folder)?))).next()
        else {
            return Because::Nothing;
        };
        if !concern.environments.is_empty() {
            return Because::Environments(&concern.environments);
        }
        if concern.walked {
            return match steps {
                // The folder itself, where nothing more is told: stamps, and renamed folders.
                0 => Because::Folder(folder.to_path_buf()),
                _ => new_in_workspace(path),
            };
        }
        let is_made = concern.store && steps == 1 && fs::is_folder(path);
        if is_made { Because::Made(path.to_path_buf()) } else { Because::Nothing }
    }
}

/// A file that only environments have means the folder that it is in, a folder itself; else nothing.
fn new_in_workspace(path: &Path) -> Because<'static> {
    let folder = || path.parent().map(Path::to_path_buf);
    match path.file_name().and_then(|name| name.to_str()) {
        Some("pyvenv.cfg" | "conda-meta") => folder().map_or(Because::Nothing, Because::Folder),
        // A link may lead to an environment.
        _ if fs::is_folder(path) => Because::Folder(path.to_path_buf()),
        _ => Because::Nothing,
    }
}
