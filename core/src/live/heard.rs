//! What was heard of the disk and not yet thought about: paths, each once, with a bound.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Then everything is looked at instead.
const MOST_PATHS: usize = 4096;

/// Collects paths from the thread of notifications, and wakes whoever waits for them.
#[derive(Debug)]
pub struct Heard {
    paths: Mutex<Paths>,
    wake: Sender<()>,
    woken: Receiver<()>,
}

/// What was heard since it was last taken.
#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) changed: HashSet<PathBuf>,
    /// Of these, such that were removed or renamed, and perhaps made anew.
    pub(super) removed: HashSet<PathBuf>,
    /// More changed than was kept.
    pub(super) lost: bool,
}

impl Default for Heard {
    fn default() -> Heard {
        let (wake, woken) = bounded(1);
        Heard { paths: Mutex::default(), wake, woken }
    }
}

impl Heard {
    /// Something changed at a path, or the names in it did; or it was removed from there.
    pub fn changed(&self, path: &Path, removed: bool) {
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        if paths.changed.len() >= MOST_PATHS {
            paths.lost = true;
        } else {
            if !paths.changed.contains(path) {
                paths.changed.insert(path.to_path_buf());
            }
            if removed {
                paths.removed.insert(path.to_path_buf());
            }
        }
        drop(paths);
        // Full: it is awake already.
        let _ = self.wake.try_send(());
    }

    /// Changes were lost on the way.
    pub fn lost(&self) {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).lost = true;
        let _ = self.wake.try_send(());
    }

    /// Has a message when there is something to take.
    pub(super) fn woken(&self) -> &Receiver<()> {
        &self.woken
    }

    pub(super) fn take(&self) -> Paths {
        std::mem::take(&mut *self.paths.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
