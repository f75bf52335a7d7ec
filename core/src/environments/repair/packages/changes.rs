//! The changes of one step: folders on the way are made once, and nothing is written through a link
//! that leads out of the environment.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::environments::repair::change::{Change, Content};
use crate::fs;

/// Changes in the making.
#[derive(Debug)]
pub(super) struct Changes {
    prefix: PathBuf,
    list: Vec<Change>,
    /// Folders that stand when the changes are made, by this step or one before.
    made: HashSet<PathBuf>,
    /// What is moved away until then.
    removed: HashSet<PathBuf>,
    /// Folders that were found to lie inside the environment.
    inside: HashSet<PathBuf>,
}

impl Changes {
    /// None yet, after steps that make and move away these.
    pub(super) fn new(
        prefix: &Path,
        made: &HashSet<PathBuf>,
        removed: &HashSet<PathBuf>,
    ) -> Changes {
        Changes {
            prefix: prefix.to_path_buf(),
            list: Vec::new(),
            made: made.clone(),
            removed: removed.clone(),
            inside: HashSet::new(),
        }
    }

    /// Puts a file in the place of whatever stands there. `Err` when that is not in the environment.
    pub(super) fn write(
        &mut self,
        path: &Path,
        content: Content,
        mode: Option<u32>,
    ) -> Result<(), String> {
        if let Some(folder) = path.parent() {
            self.folder(folder)?;
        }
        if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            self.remove(path);
        }
        self.list.push(Change::Write { path: path.to_path_buf(), content, mode });
        Ok(())
    }

    /// Makes a link where nothing stands.
    pub(super) fn link(&mut self, path: &Path, target: &Path) -> Result<(), String> {
        if let Some(folder) = path.parent() {
            self.folder(folder)?;
        }
        self.list.push(Change::Link { path: path.to_path_buf(), target: target.to_path_buf() });
        Ok(())
    }

    /// Makes a folder and those above it, as far as they are missing.
    pub(super) fn folder(&mut self, folder: &Path) -> Result<(), String> {
        if self.made.contains(folder) || self.inside.contains(folder) {
            return Ok(());
        }
        if !folder.starts_with(&self.prefix) {
            return Err(format!("`{}` lies outside of the environment", folder.display()));
        }
        if fs::is_folder(folder) && !self.is_removed(folder) {
            let real = fs::canonical(folder).map_err(|error| error.to_string())?;
            if !real.starts_with(&self.prefix) {
                let folder = folder.display();
                return Err(format!("`{folder}` is a link that leads out of the environment"));
            }
            self.inside.insert(folder.to_path_buf());
            return Ok(());
        }
        if let Some(above) = folder.parent() {
            self.folder(above)?;
        }
        // A file in its place, or a link that leads nowhere.
        if folder.symlink_metadata().is_ok() && !self.is_removed(folder) {
            self.remove(folder);
        }
        self.list.push(Change::Folder { path: folder.to_path_buf() });
        self.made.insert(folder.to_path_buf());
        Ok(())
    }

    /// Moves away what stands there, once.
    pub(super) fn remove(&mut self, path: &Path) {
        if !self.is_removed(path) && self.removed.insert(path.to_path_buf()) {
            self.list.push(Change::Remove { path: path.to_path_buf() });
        }
    }

    /// Gives another name.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) {
        self.list.push(Change::Rename { from: from.to_path_buf(), to: to.to_path_buf() });
    }

    fn is_removed(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.removed.contains(above))
    }

    /// The changes, the folders that stand after them, and what does not.
    pub(super) fn finish(self) -> (Vec<Change>, HashSet<PathBuf>, HashSet<PathBuf>) {
        (self.list, self.made, self.removed)
    }
}
