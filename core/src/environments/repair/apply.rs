//! Carries a journal out, or takes it back. Both look at what stands at each path first, so that they
//! can be started again after a kill at any moment, and change nothing that somebody else changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::Error;
use super::change::State;
use super::disk::Disk;
use super::journal::{Journal, Recorded, mode_is};

/// Set from outside (Ctrl-C): what is under way ends before its next change.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stop<'a>(pub(super) Option<&'a AtomicBool>);

impl Stop<'_> {
    /// An error once it is set.
    pub(super) fn check(self) -> Result<(), Error> {
        let stopped = self.0.is_some_and(|stop| stop.load(Ordering::Relaxed));
        if stopped { Err(Error::Stopped) } else { Ok(()) }
    }
}

/// Makes every change that is not made yet.
pub(super) fn forward(disk: &dyn Disk, journal: &Journal, stop: Stop<'_>) -> Result<(), Error> {
    for change in journal.changes() {
        stop.check()?;
        make(disk, journal, change)?;
    }
    sync(disk, journal)
}

/// Takes back every change that is made, the last one first.
pub(super) fn back(disk: &dyn Disk, journal: &Journal) -> Result<(), Error> {
    for change in journal.changes().rev() {
        take_back(disk, journal, change)?;
    }
    sync(disk, journal)
}

fn make(disk: &dyn Disk, journal: &Journal, change: &Recorded) -> Result<(), Error> {
    match change {
        Recorded::Put { path, number, before, after } => {
            let now = state(path)?;
            if now == *after {
                return Ok(());
            }
            expect(path, &now, before)?;
            put(disk, &journal.new_file(*number), after, path)
        }
        Recorded::Mode { path, before, after } => set_mode(disk, path, *before, *after),
        Recorded::Folder { path } => match state(path)? {
            State::Folder { .. } => Ok(()),
            now => {
                expect(path, &now, &State::Absent)?;
                disk.make_folder(path).map_err(Error::io("make", path))
            }
        },
        // What stands there once it is kept is what another change made.
        Recorded::Remove { number, .. } if is_there(&journal.old_file(*number)) => Ok(()),
        Recorded::Remove { path, number } => shift(disk, path, &journal.old_file(*number)),
        Recorded::Rename { from, to } => shift(disk, from, to),
    }
}

fn take_back(disk: &dyn Disk, journal: &Journal, change: &Recorded) -> Result<(), Error> {
    match change {
        Recorded::Put { path, number, before, after } => {
            let now = state(path)?;
            if now == *before {
                return Ok(());
            }
            expect(path, &now, after)?;
            match before {
                State::Absent => disk.remove_file(path).map_err(Error::io("remove", path)),
                before => put(disk, &journal.old_file(*number), before, path),
            }
        }
        Recorded::Mode { path, before, after } => set_mode(disk, path, *after, *before),
        Recorded::Folder { path } => match state(path)? {
            // Somebody else's files may be in it by now; they stay.
            State::Folder { .. } if is_empty(path) => {
                disk.remove_folder(path).map_err(Error::io("remove", path))
            }
            _ => Ok(()),
        },
        Recorded::Remove { number, .. } if !is_there(&journal.old_file(*number)) => Ok(()),
        Recorded::Remove { path, number } => shift(disk, &journal.old_file(*number), path),
        Recorded::Rename { from, to } => shift(disk, to, from),
    }
}

fn state(path: &Path) -> Result<State, Error> {
    State::of(path).map_err(Error::io("look at", path))
}

fn expect(path: &Path, now: &State, expected: &State) -> Result<(), Error> {
    if now == expected { Ok(()) } else { Err(Error::Changed { path: path.to_path_buf() }) }
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn is_empty(folder: &Path) -> bool {
    crate::fs::list_unsorted(folder).is_ok_and(|entries| entries.is_empty())
}

/// Puts the kept file, or such a link, in the place of what stands at the path. What is kept stays, so
/// that a repair can be carried out and taken back in any order of interruptions.
fn put(disk: &dyn Disk, kept: &Path, state: &State, path: &Path) -> Result<(), Error> {
    let temporary = kept.with_extension("part");
    if is_there(&temporary) {
        disk.remove_file(&temporary).map_err(Error::io("remove", &temporary))?;
    }
    match state {
        State::Link(target) => disk.symlink(target, &temporary),
        // A link to it has its bits, whatever the journal says.
        State::File { mode, .. }
            if !mode_is(kept, *mode).map_err(Error::io("look at", kept))? =>
        {
            return Err(Error::Changed { path: kept.to_path_buf() });
        }
        State::File { mode, .. } => disk
            .hard_link(kept, &temporary)
            .or_else(|_| disk.copy(kept, &temporary, *mode))
            .and_then(|()| disk.take_owner(&temporary, kept)),
        _ => return Err(Error::Unexpected { path: path.to_path_buf() }),
    }
    .and_then(|()| disk.rename(&temporary, path))
    .map_err(Error::io("replace", path))
}

fn set_mode(disk: &dyn Disk, path: &Path, before: u32, after: u32) -> Result<(), Error> {
    if mode_is(path, after).map_err(Error::io("look at", path))? {
        return Ok(());
    }
    if !mode_is(path, before).map_err(Error::io("look at", path))? {
        return Err(Error::Changed { path: path.to_path_buf() });
    }
    disk.set_mode(path, after).map_err(Error::io("change the rights of", path))
}

/// Renames to where nothing stands; done already when only the new name is there.
fn shift(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), Error> {
    match (is_there(from), is_there(to)) {
        (false, true) => Ok(()),
        (true, false) => disk.rename(from, to).map_err(Error::io("rename", from)),
        _ => Err(Error::Changed { path: from.to_path_buf() }),
    }
}

/// Makes the names durable in every folder that was changed.
fn sync(disk: &dyn Disk, journal: &Journal) -> Result<(), Error> {
    let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
    for change in journal.changes() {
        let paths = change.paths().into_iter();
        folders.extend(paths.filter_map(Path::parent).map(Path::to_path_buf));
    }
    folders.extend([journal.folder.join("old"), journal.folder.join("new")]);
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        disk.sync_folder(folder).map_err(Error::io("sync", folder))?;
    }
    Ok(())
}
