//! Carries a plan out in an environment that is only being made: nothing in it is anybody's yet, so nothing is kept
//! to take back, and no journal says how far it came. Whoever makes it marks it as not finished first, and takes the
//! mark away when all of it is durable ([`super::Disk::settle`]).
//!
//! ```text
//! folders, links, names    one after the other, in the order of the plan
//! files                    several at once: each thread takes a step after the other
//! ```
//!
//! Each path is changed once, as for a journal; only of a file that several steps write the last one counts, as for
//! whoever installs one distribution after the other. What a wheel holds is compared while it is written: a step
//! whose wheel holds something else is taken away again, and the others stay.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::apply::Stop;
use super::change::{Archives, Change, Content, State};
use super::disk::Disk;
use super::journal::{SET_ID, SPECIAL, USUAL_MODE, is_inside, remove_tree};
use super::{Error, Plan, Step};

/// More wait for the disk, and take memory.
const MOST_THREADS: usize = 8;

/// Makes every change. Gives of the steps that were left out what they were to do, and why they were not.
pub fn carry_out_fresh(
    disk: &dyn Disk,
    plan: &Plan,
    stop: &AtomicBool,
) -> Result<Vec<String>, Error> {
    let mut work = Work {
        disk,
        prefix: &plan.prefix,
        steps: &plan.steps,
        stop: Stop(Some(stop)),
        inside: HashSet::new(),
        last: HashMap::new(),
    };
    work.prepare()?;
    work.write()
}

struct Work<'a> {
    disk: &'a dyn Disk,
    prefix: &'a Path,
    steps: &'a [Step],
    stop: Stop<'a>,
    /// Folders that lie in the environment wherever links lead.
    inside: HashSet<PathBuf>,
    /// The step that writes a file at last.
    last: HashMap<&'a Path, usize>,
}

impl<'a> Work<'a> {
    /// Everything but files, and then where these will be: no link that is made leads them out.
    fn prepare(&mut self) -> Result<(), Error> {
        for change in self.steps.iter().flat_map(|step| &step.changes) {
            self.stop.check()?;
            if !matches!(change, Change::Write { .. }) {
                change.paths().into_iter().try_for_each(|path| self.check_place(path))?;
                self.make(change)?;
            }
        }
        for (number, step) in self.steps.iter().enumerate() {
            for change in &step.changes {
                let Change::Write { path, mode, .. } = change else { continue };
                self.check_place(path)?;
                check_bits(path, mode.unwrap_or_default() & SET_ID)?;
                self.last.insert(path, number);
            }
        }
        Ok(())
    }

    /// That it is written in the environment.
    fn check_place(&mut self, path: &Path) -> Result<(), Error> {
        let folder = path.parent().unwrap_or(path);
        if self.inside.contains(folder) && path.file_name().is_some() {
            return Ok(());
        }
        if !is_inside(self.prefix, path) {
            return Err(Error::Outside { path: path.to_path_buf() });
        }
        if folder != self.prefix && folder.is_dir() {
            self.inside.insert(folder.to_path_buf());
        }
        Ok(())
    }

    fn make(&mut self, change: &Change) -> Result<(), Error> {
        let disk = self.disk;
        match change {
            Change::Write { .. } => Ok(()),
            Change::Link { path, target } => {
                self.inside.clear();
                make_way(disk, path)?;
                disk.symlink(target, path).map_err(Error::io("link", path))
            }
            Change::Mode { path, mode } => {
                let now = State::of(path).map_err(Error::io("look at", path))?;
                let (State::File { mode: now, .. } | State::Folder { mode: now }) = now else {
                    return Err(Error::Unexpected { path: path.clone() });
                };
                check_bits(path, (now ^ mode) & SPECIAL)?;
                disk.set_mode(path, *mode).map_err(Error::io("change the rights of", path))
            }
            Change::Folder { path } => {
                let is_new = path.symlink_metadata().is_err();
                disk.make_folder(path).map_err(Error::io("make", path))?;
                if is_new {
                    self.inside.insert(path.clone());
                }
                Ok(())
            }
            Change::Remove { path } => {
                self.inside.clear();
                remove(disk, path)
            }
            Change::Rename { from, to } => {
                self.inside.clear();
                if to.symlink_metadata().is_ok() {
                    return Err(Error::Unexpected { path: to.clone() });
                }
                disk.rename(from, to).map_err(Error::io("rename", from))
            }
        }
    }

    /// All files, by several threads.
    fn write(&self) -> Result<Vec<String>, Error> {
        let mut order: Vec<usize> = (0..self.steps.len()).collect();
        // The longest first: none begins when the others are done.
        order.sort_by_key(|at| std::cmp::Reverse(self.steps[*at].changes.len()));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let left_out: Mutex<Vec<(usize, String)>> = Mutex::default();
        let error: Mutex<Option<Error>> = Mutex::default();
        let work = || {
            let mut archives = Archives::default();
            // Relaxed: threads share nothing but the number; what they did is seen when they are joined.
            while let Some(number) = order.get(next.fetch_add(1, Ordering::Relaxed))
                && !failed.load(Ordering::Relaxed)
            {
                match self.write_step(*number, &mut archives) {
                    Ok(()) => {}
                    Err(NotWritten::Content(why)) => {
                        left_out
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push((*number, why));
                    }
                    Err(NotWritten::Disk(first)) => {
                        failed.store(true, Ordering::Relaxed);
                        error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(first);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.min(MOST_THREADS).min(order.len()) {
                scope.spawn(work);
            }
            work();
        });
        if let Some(error) = error.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let mut left_out = left_out.into_inner().unwrap_or_else(PoisonError::into_inner);
        left_out.sort_unstable();
        let sentence = |(at, why): (usize, String)| format!("{}: {why}", self.steps[at].what);
        Ok(left_out.into_iter().map(sentence).collect())
    }

    /// The files of a step: all of them, or none.
    fn write_step(&self, number: usize, archives: &mut Archives) -> Result<(), NotWritten> {
        let changes = &self.steps[number].changes;
        for (at, change) in changes.iter().enumerate() {
            self.stop.check()?;
            let Change::Write { path, content, mode } = change else { continue };
            if self.last.get(path.as_path()) != Some(&number) {
                continue;
            }
            let written = write_file(self.disk, (path, *mode), content, archives);
            if matches!(written, Err(NotWritten::Content(_))) {
                self.take_away(number, &changes[..=at])?;
            }
            written?;
        }
        Ok(())
    }

    /// Removes what a step made so far.
    fn take_away(&self, number: usize, changes: &[Change]) -> Result<(), Error> {
        for change in changes.iter().rev() {
            match change {
                Change::Write { path, .. } if self.last.get(path.as_path()) == Some(&number) => {
                    remove(self.disk, path)?;
                }
                // Others may have files in it.
                Change::Folder { path } => drop(self.disk.remove_folder(path)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Why a file was not written.
enum NotWritten {
    /// What it was to be made of is something else, as a sentence.
    Content(String),
    Disk(Error),
}

impl From<Error> for NotWritten {
    fn from(error: Error) -> NotWritten {
        NotWritten::Disk(error)
    }
}

fn write_file(
    disk: &dyn Disk,
    (path, mode): (&Path, Option<u32>),
    content: &Content,
    archives: &mut Archives,
) -> Result<(), NotWritten> {
    let mut written = fill(disk, path, mode.unwrap_or(USUAL_MODE), content, archives);
    if let Err(NotWritten::Disk(Error::Io { source, .. })) = &written
        && source.kind() == io::ErrorKind::AlreadyExists
    {
        let before = make_way(disk, path)?;
        written = fill(disk, path, mode.or(before).unwrap_or(USUAL_MODE), content, archives);
    }
    written
}

fn fill(
    disk: &dyn Disk,
    path: &Path,
    mode: u32,
    content: &Content,
    archives: &mut Archives,
) -> Result<(), NotWritten> {
    let mut unreadable = None;
    let filled = disk.write(path, mode, &mut |file| {
        let mut to = Target { file, failed: false };
        content.copy(archives, &mut to).inspect_err(|error| {
            if !to.failed {
                unreadable = Some(error.to_string());
            }
        })
    });
    match (filled, unreadable) {
        (_, Some(why)) => Err(NotWritten::Content(why)),
        (filled, None) => Ok(filled.map_err(Error::io("write", path))?),
    }
}

/// Tells whether it was writing that failed.
struct Target<'a> {
    file: &'a mut dyn Write,
    failed: bool,
}

impl Write for Target<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).inspect_err(|_| self.failed = true)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Nothing that is made runs with the rights of its owner or group.
fn check_bits(path: &Path, bits: u32) -> Result<(), Error> {
    if bits == 0 { Ok(()) } else { Err(Error::SetId { path: path.to_path_buf() }) }
}

/// Removes the file or link that stands there, if one does, and gives the bits of the file.
fn make_way(disk: &dyn Disk, path: &Path) -> Result<Option<u32>, Error> {
    match State::of(path).map_err(Error::io("look at", path))? {
        State::Folder { .. } | State::Other => Err(Error::Unexpected { path: path.to_path_buf() }),
        State::File { mode, .. } => remove(disk, path).map(|()| Some(mode)),
        State::Link(_) | State::Absent => remove(disk, path).map(|()| None),
    }
}

/// Removes what stands there, if anything.
fn remove(disk: &dyn Disk, path: &Path) -> Result<(), Error> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => remove_tree(disk, path),
        Ok(_) => disk.remove_file(path),
        Err(error) if crate::fs::missing(&error) => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(Error::io("remove", path))
}
