//! The folders that a walk goes through, for whoever is told when a name in one of them comes or goes.

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};

use super::walk;
use crate::environments::repair::recreate::is_aside;
use crate::fs::{self, Kind};
use crate::host::Host;

/// The folders of these workspaces that a walk looks for environments in, those near the top first and so
/// many at most. Nothing below an environment is one of them.
pub fn walked_folders(
    host: &Host,
    workspaces: &[PathBuf],
    is_environment: impl Fn(&Path) -> bool,
    most: usize,
) -> Vec<PathBuf> {
    let foreign = walk::foreign_mounts(host);
    let roots = workspaces.iter().filter_map(|folder| fs::canonical(&host.absolute(folder)).ok());
    let mut seen = HashSet::new();
    let mut open: VecDeque<PathBuf> = roots.filter(|root| seen.insert(root.clone())).collect();
    let mut found = Vec::new();
    while let Some(folder) = open.pop_front().filter(|_| found.len() < most) {
        let Ok(entries) = fs::list(&folder) else { continue };
        if !is_environment(&folder) && !walk::is_build_output(&entries) {
            let room = most.saturating_sub(found.len() + open.len());
            let folders = entries.iter().filter(|entry| {
                entry.kind == Kind::Folder
                    && entry.name != "node_modules"
                    && !walk::is_heavy(host, &folder, entry)
                    && !is_aside(&folder, &entry.name)
            });
            let below = folders.map(|entry| fs::below(&folder, &entry.name));
            let below = below.filter(|path| !foreign.contains(path) && !is_environment(path));
            open.extend(below.take(room).filter(|path| seen.insert(path.clone())));
        }
        if !is_environment(&folder) {
            found.push(folder);
        }
    }
    found
}
