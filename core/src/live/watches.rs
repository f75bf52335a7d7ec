//! Asks the system to tell changes in folders, and looks at the stamps of those that it tells nothing of.
//!
//! Linux is asked about each folder by itself, and counts them; Windows and macOS tell of whole trees, so a
//! folder below another one is not asked about again. What they tell is not all: Windows drops what changes faster
//! than it is taken, notify 8 does not pass that on (9 will), and file systems of others tell as much as they like. So
//! the stamps of folders in such trees are looked at too, now and then.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::{Bounds, Heard};
use crate::fs::Stamp;
use crate::host::Host;
use crate::system;

/// What is left to the other programs of the user, of what Linux allows.
const SHARE: usize = 4;

/// The folders that are watched, and those that are polled.
pub(super) struct Watches {
    system: Option<RecommendedWatcher>,
    /// With the inode that is watched: another folder of the same name is another one.
    watched: HashMap<PathBuf, u64>,
    polled: Stamps,
    /// Those in trees that the system tells of.
    checked: Stamps,
    most: usize,
}

/// Folders, with their stamps as they were seen last.
#[derive(Default)]
struct Stamps {
    folders: Vec<(PathBuf, OfFolder)>,
    /// Where the next look goes on.
    next: usize,
}

/// Of the folder, and of the one file in it that changes without the folder.
type OfFolder = [Option<Stamp>; 2];

impl Stamps {
    /// These folders and no others; those that were there before keep their stamps.
    fn set<'a>(&mut self, folders: impl IntoIterator<Item = &'a Path>) {
        let known: HashMap<PathBuf, OfFolder> = self.folders.drain(..).collect();
        self.folders = folders
            .into_iter()
            .map(|folder| {
                let before = known.get(folder).copied();
                (folder.to_path_buf(), before.unwrap_or_else(|| stamps(folder)))
            })
            .collect();
        self.next = 0;
    }

    /// Looks at the next ones, so many, and names those that changed.
    fn look(&mut self, most: usize) -> Vec<PathBuf> {
        let mut changed = Vec::new();
        for _ in 0..most.min(self.folders.len()) {
            self.next = (self.next + 1) % self.folders.len();
            let (folder, before) = &mut self.folders[self.next];
            let now = stamps(folder);
            if std::mem::replace(before, now) != now {
                changed.push(folder.clone());
            }
        }
        changed
    }
}

impl std::fmt::Debug for Watches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watches")
            .field("watched", &self.watched.len())
            .field("polled", &self.polled.folders.len())
            .field("checked", &self.checked.folders.len())
            .finish_non_exhaustive()
    }
}

/// How many folders Linux lets the user watch, or the share of it that is taken here. Others do not count.
fn most_of_user(host: &Host) -> usize {
    // Read at once: a second read of such a file gives nothing.
    let text = std::fs::read_to_string(host.place("/proc/sys/fs/inotify/max_user_watches"));
    let most = text.ok().and_then(|text| text.trim().parse::<usize>().ok());
    most.map_or(usize::MAX, |most| most / SHARE)
}

fn stamps(folder: &Path) -> OfFolder {
    [Stamp::of(folder), Stamp::of(&folder.join("pyvenv.cfg"))]
}

impl Watches {
    /// `notifications` says whether the system is asked at all; changes are told to `heard`.
    pub(super) fn new(
        host: &Host,
        notifications: bool,
        bounds: &Bounds,
        heard: &Arc<Heard>,
    ) -> Watches {
        let heard = Arc::clone(heard);
        let tell = move |event: notify::Result<notify::Event>| match event {
            Ok(event) if event.need_rescan() => heard.lost(),
            Ok(event) if is_change(event.kind) => {
                let removed = is_removal(event.kind);
                event.paths.iter().for_each(|path| heard.changed(path, removed));
            }
            Ok(_) => {}
            Err(_) => heard.lost(),
        };
        let system = notifications.then(|| notify::recommended_watcher(tell).ok()).flatten();
        let most = most_of_user(host).min(bounds.watches);
        Watches {
            system,
            watched: HashMap::new(),
            polled: Stamps::default(),
            checked: Stamps::default(),
            most,
        }
    }

    pub(super) fn watched(&self) -> usize {
        self.watched.len()
    }

    pub(super) fn polled(&self) -> usize {
        self.polled.folders.len()
    }

    pub(super) fn checked(&self) -> usize {
        self.checked.folders.len()
    }

    /// Watches these folders, the first ones rather than the last, and no others. Returns those that are
    /// watched from now on: what happened in them until now nobody told.
    pub(super) fn set(&mut self, wanted: &[&Path], bounds: &Bounds) -> Vec<PathBuf> {
        let is_kept: HashSet<&Path> = wanted.iter().take(self.most).copied().collect();
        let dropped: Vec<PathBuf> =
            self.watched.keys().filter(|path| !is_kept.contains(path.as_path())).cloned().collect();
        dropped.iter().for_each(|path| self.forget(path));
        let mut fresh = Vec::new();
        let (mut first, rest) = (wanted[..is_kept.len()].to_vec(), &wanted[is_kept.len()..]);
        if system::TELLS_OF_TREES {
            // Those above come first, and stand for those below.
            first.sort_unstable();
        }
        let (mut unwatched, mut told): (Vec<&Path>, Vec<&Path>) = Default::default();
        for folder in first {
            let is_told = |above: &Path| self.watched.contains_key(above);
            let is_below = || system::TELLS_OF_TREES && folder.ancestors().skip(1).any(is_told);
            if self.watched.contains_key(folder) || is_below() {
                told.push(folder);
            } else if self.watch(folder) {
                told.push(folder);
                fresh.push(folder.to_path_buf());
            } else {
                unwatched.push(folder);
            }
        }
        unwatched.extend(rest);
        unwatched.truncate(bounds.polled);
        self.polled.set(unwatched);
        if system::TELLS_OF_TREES {
            told.truncate(bounds.polled);
            self.checked.set(told);
        }
        fresh
    }

    fn watch(&mut self, folder: &Path) -> bool {
        let mode = match system::TELLS_OF_TREES {
            true => RecursiveMode::Recursive,
            false => RecursiveMode::NonRecursive,
        };
        let Some(system) = self.system.as_mut() else { return false };
        let Some(stamp) = Stamp::of(folder) else { return false };
        if system.watch(folder, mode).is_err() {
            return false;
        }
        self.watched.insert(folder.to_path_buf(), stamp.inode);
        true
    }

    fn forget(&mut self, folder: &Path) {
        if self.watched.remove(folder).is_some()
            && let Some(system) = self.system.as_mut()
        {
            // An error means that the folder is gone, and its watch with it.
            let _ = system.unwatch(folder);
        }
    }

    /// Whether another folder stands there than the one that is watched, or none: it is watched no more.
    pub(super) fn was_replaced(&mut self, folder: &Path) -> bool {
        let Some(inode) = self.watched.get(folder) else { return false };
        let replaced = Stamp::of(folder).is_none_or(|now| now.inode != *inode);
        if replaced {
            self.forget(folder);
        }
        replaced
    }

    /// Of these, and of what was below them, the system tells no more: it was removed or renamed.
    pub(super) fn forget_below(&mut self, removed: &HashSet<PathBuf>) -> bool {
        let is_below = |folder: &Path| folder.ancestors().any(|above| removed.contains(above));
        let gone: Vec<PathBuf> =
            self.watched.keys().filter(|folder| is_below(folder)).cloned().collect();
        gone.iter().for_each(|folder| self.forget(folder));
        !gone.is_empty()
    }

    /// Those in whose place another folder stands are watched no more.
    pub(super) fn forget_replaced(&mut self) {
        let all: Vec<PathBuf> = self.watched.keys().cloned().collect();
        for folder in all {
            self.was_replaced(&folder);
        }
    }

    /// Looks at the stamps of the next folders that the system does not tell of, and names those that changed.
    pub(super) fn poll(&mut self, bounds: &Bounds) -> Vec<PathBuf> {
        self.polled.look(bounds.polled_at_once)
    }

    /// The same of those that it should tell of.
    pub(super) fn check(&mut self, bounds: &Bounds) -> Vec<PathBuf> {
        self.checked.look(bounds.polled_at_once)
    }
}

/// Whether anything is others than before. Reading changes nothing.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(_) => false,
        EventKind::Modify(ModifyKind::Metadata(kind)) => {
            !matches!(kind, notify::event::MetadataKind::AccessTime)
        }
        _ => true,
    }
}

/// Whether what is named stands there no more, whatever stands there now.
fn is_removal(kind: EventKind) -> bool {
    use notify::event::RenameMode::{From, Other};
    matches!(
        kind,
        EventKind::Remove(_)
            | EventKind::Modify(ModifyKind::Name(From | Other | notify::event::RenameMode::Any))
    )
}
