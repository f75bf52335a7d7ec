//! The changes of one step: folders on the way are made once, and nothing is written through a link
//! that leads out of the environment.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::environments::repair::change::{Change, Content};
use crate::fs;

/// What steps do that others count on.
#[derive(Debug, Clone, Default)]
pub(super) struct Done {
    /// Folders that they make.
    pub(super) made: HashSet<PathBuf>,
    /// What they move away.
    pub(super) removed: HashSet<PathBuf>,
}

impl Done {
    pub(super) fn add(&mut self, more: Done) {
        self.made.extend(more.made);
        self.removed.extend(more.removed);
    }
}

/// Changes in the making.
#[derive(Debug)]
pub(super) struct Changes {
    prefix: PathBuf,
    list: Vec<Change>,
    /// What steps before do.
    before: Rc<Done>,
    own: Done,
    /// Folders that were found to lie inside the environment.
    inside: HashSet<PathBuf>,
}

impl Changes {
    /// None yet, after steps that do this.
    pub(super) fn new(prefix: &Path, before: &Rc<Done>) -> Changes {
        Changes {
            prefix: prefix.to_path_buf(),
            list: Vec::new(),
            before: Rc::clone(before),
            own: Done::default(),
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
        let folder = path.parent().unwrap_or(path);
        self.folder(folder)?;
        // Nothing stands in a folder that is only being made.
        if !self.is_made(folder) && path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
        {
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
        if self.inside.contains(folder) || self.is_made(folder) {
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
        self.own.made.insert(folder.to_path_buf());
        Ok(())
    }

    fn is_made(&self, folder: &Path) -> bool {
        self.own.made.contains(folder) || self.before.made.contains(folder)
    }

    /// Moves away what stands there, once.
    pub(super) fn remove(&mut self, path: &Path) {
        if !self.is_removed(path) && self.own.removed.insert(path.to_path_buf()) {
            self.list.push(Change::Remove { path: path.to_path_buf() });
        }
    }

    /// Gives another name.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) {
        self.list.push(Change::Rename { from: from.to_path_buf(), to: to.to_path_buf() });
    }

    fn is_removed(&self, path: &Path) -> bool {
        let removed = [&self.own.removed, &self.before.removed];
        let mut removed = removed.into_iter().filter(|removed| !removed.is_empty());
        removed.any(|removed| path.ancestors().any(|above| removed.contains(above)))
    }

    /// The changes, and what they do.
    pub(super) fn finish(self) -> (Vec<Change>, Done) {
        (self.list, self.own)
    }
}
