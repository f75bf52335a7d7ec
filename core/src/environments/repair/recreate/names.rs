//! The names of an environment and of those that are made of it, and what they tell after a kill.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::environments::repair::disk::Disk;
use crate::environments::repair::journal::remove_tree;
use crate::environments::repair::{Error, FOLDER};
use crate::fs;

/// Below [`FOLDER`] of an environment that was made anew, once it is whole: its number.
pub(super) const MARK: &str = "recreated";

/// The names that one recreation uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Where the environment stands.
    pub prefix: PathBuf,
    /// While the new one is made.
    pub new: PathBuf,
    /// What the old one is called afterwards.
    pub old: PathBuf,
    /// What the new one is called when it was taken back.
    pub undone: PathBuf,
    pub(super) number: u32,
}

/// What an earlier recreation left, by what stands at its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stand {
    /// No recreation, or one that was taken back.
    Nothing,
    /// It was killed before the new one was whole: that is of no use.
    Unfinished(Names),
    /// It was killed with the new one whole, and the old one or nothing at the place.
    Whole(Names),
    /// The new one stands at the place; the old one has the name of the new.
    Exchanged(Names),
    /// Done.
    Done(Names),
    /// Taking it back was killed: nothing stands at the place.
    HalfUndone(Names),
}

impl Names {
    /// Those of a number.
    fn of(prefix: &Path, number: u32) -> Names {
        let name = prefix.file_name().unwrap_or_default().to_os_string();
        let beside = |what: &str| {
            let mut name = name.clone();
            name.push(format!(".aios-{what}-{number}"));
            prefix.with_file_name(name)
        };
        Names {
            prefix: prefix.to_path_buf(),
            new: beside("new"),
            old: beside("old"),
            undone: beside("undone"),
            number,
        }
    }

    /// Those of a number that nothing uses.
    pub fn free(prefix: &Path) -> Names {
        let marked = number_of(prefix);
        let last = used(prefix).into_iter().chain(marked).max().unwrap_or_default();
        Names::of(prefix, last.saturating_add(1))
    }

    /// The new one to the place, the old one beside. Can be done again after a kill at any moment.
    pub(super) fn put_in_place(&self, disk: &dyn Disk) -> Result<(), Error> {
        exchange(disk, &self.new, &self.prefix, &self.old)
    }

    /// Lets what stands at the place keep aside, under the name of the old one.
    pub fn put_aside(&self, disk: &dyn Disk) -> Result<(), Error> {
        rename(disk, &self.prefix, &self.old)
    }

    /// Removes what stands at the place, which is of no use, under the name of a new one.
    pub fn clear(&self, disk: &dyn Disk) -> Result<(), Error> {
        rename(disk, &self.prefix, &self.new)?;
        self.discard(disk)
    }

    /// Removes a new one that is of no use.
    pub fn discard(&self, disk: &dyn Disk) -> Result<(), Error> {
        if is_there(&self.new) {
            remove_tree(disk, &self.new).map_err(Error::io("remove", &self.new))?;
        }
        Ok(())
    }
}

/// Where the recreation of an environment stands.
pub fn stand(prefix: &Path) -> Stand {
    // The newest that was not taken back.
    for number in used(prefix).into_iter().rev() {
        let names = Names::of(prefix, number);
        let here = number_of(&names.prefix) == Some(names.number);
        if is_there(&names.new) {
            return match (here, number_of(&names.new)) {
                (true, _) => Stand::Exchanged(names),
                (false, Some(number)) if number == names.number => Stand::Whole(names),
                _ => Stand::Unfinished(names),
            };
        }
        match (is_there(&names.old), is_there(prefix)) {
            (true, true) if here => return Stand::Done(names),
            (true, false) => return Stand::HalfUndone(names),
            _ => {}
        }
    }
    Stand::Nothing
}

/// Brings the old environment back to its place; the new one is kept beside.
pub fn undo(disk: &dyn Disk, stand: &Stand) -> Result<bool, Error> {
    match stand {
        Stand::Nothing => Ok(false),
        Stand::Unfinished(names) => names.discard(disk).map(|()| true),
        Stand::Whole(names) if is_there(&names.prefix) => names.discard(disk).map(|()| true),
        Stand::Whole(names) => {
            // It was killed between the two names, where they cannot change at once.
            rename(disk, &names.old, &names.prefix)?;
            rename(disk, &names.new, &names.undone).map(|()| true)
        }
        Stand::Exchanged(names) => {
            exchange(disk, &names.new, &names.prefix, &names.undone).map(|()| true)
        }
        Stand::Done(names) => {
            exchange(disk, &names.old, &names.prefix, &names.undone).map(|()| true)
        }
        Stand::HalfUndone(names) => rename(disk, &names.old, &names.prefix).map(|()| true),
    }
}

/// Goes on with what was killed: the new environment comes to its place, or what is of no use goes.
pub fn resume(disk: &dyn Disk, stand: &Stand) -> Result<bool, Error> {
    match stand {
        Stand::Nothing | Stand::Done(_) => Ok(false),
        Stand::Unfinished(names) => names.discard(disk).map(|()| true),
        Stand::Whole(names) => names.put_in_place(disk).map(|()| true),
        Stand::Exchanged(names) => rename(disk, &names.new, &names.old).map(|()| true),
        Stand::HalfUndone(names) => rename(disk, &names.old, &names.prefix).map(|()| true),
    }
}

/// Whether what has this name in the folder was made or kept by a recreation, beside the environment that is
/// used in its place.
pub fn is_aside(folder: &Path, name: &OsStr) -> bool {
    let parts = name.to_str().and_then(|name| name.rsplit_once(".aios-"));
    parts.is_some_and(|(own, rest)| numbered(rest).is_some() && is_there(&folder.join(own)))
}

/// The number of `new-1`, `old-1`, `undone-1`.
fn numbered(rest: &str) -> Option<u32> {
    let (what, number) = rest.split_once('-')?;
    ["new", "old", "undone"].contains(&what).then(|| number.parse().ok())?
}

/// The numbers that stand beside the environment, in order.
fn used(prefix: &Path) -> Vec<u32> {
    let Some((folder, name)) = prefix.parent().zip(prefix.file_name()) else { return Vec::new() };
    let start = format!("{}.aios-", name.to_string_lossy());
    let entries = fs::list_unsorted(folder).unwrap_or_default();
    let numbers = entries
        .iter()
        .filter_map(|entry| numbered(entry.name.to_string_lossy().strip_prefix(&start)?));
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// What stands at `from` comes to `place`, and what stood there to `away`.
fn exchange(disk: &dyn Disk, from: &Path, place: &Path, away: &Path) -> Result<(), Error> {
    if !is_there(place) {
        return rename(disk, from, place);
    }
    match disk.exchange(from, place) {
        Ok(()) => rename(disk, from, away),
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {
            rename(disk, place, away)?;
            rename(disk, from, place).inspect_err(|_| {
                let _ = disk.rename(away, place);
            })
        }
        Err(error) => Err(Error::io("rename", place)(error)),
    }
}

fn rename(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), Error> {
    if is_there(to) {
        return Err(Error::Unexpected { path: to.to_path_buf() });
    }
    disk.rename(from, to)
        .and_then(|()| to.parent().map_or(Ok(()), |folder| disk.sync_folder(folder)))
        .map_err(Error::io("rename", from))
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The number that the mark of a whole new environment holds.
fn number_of(prefix: &Path) -> Option<u32> {
    fs::read_text(&prefix.join(FOLDER).join(MARK), 16)?.trim().parse().ok()
}
