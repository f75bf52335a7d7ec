//! A repair from start to end: one at a time, kept or rolled back, and taken back or gone on with later.

use std::cell::OnceCell;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use super::apply::Stop;
use super::disk::Disk;
use super::journal::{BACK, DONE, JOURNAL, Journal, MARKS, OPEN, UNDONE, remove_tree};
use super::{Action, Error, FOLDER, Plan, apply};
use crate::environments::facts::Facts;
use crate::environments::health::{Code, Finding};
use crate::fs::{self, Kind};

const LOCK: &str = "lock";

/// The right to change an environment; given back when it is dropped or the process ends.
#[derive(Debug)]
pub struct Session<'a> {
    disk: &'a dyn Disk,
    prefix: PathBuf,
    /// The name of its first round; that of the others begins with it.
    name: OnceCell<String>,
    stop: Stop<'a>,
    _lock: File,
}

/// How a repair of the past ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its changes were kept.
    Done,
    /// Its changes were taken back.
    Undone,
    /// It was killed while it was carried out or taken back.
    Interrupted,
}

/// A repair of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its name: seconds since 1970 and a number; after a dot, that of a further round.
    pub name: String,
    /// How it ended.
    pub end: End,
    /// Its steps: action, the findings it was for, and what it did.
    pub steps: Vec<(Action, Vec<Code>, String)>,
}

impl Past {
    /// When it began, in seconds since 1970.
    pub fn began(&self) -> u64 {
        self.name.split('-').next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default()
    }

    /// The repair that it is a round of: its rounds are taken back together.
    fn repair(&self) -> &str {
        repair_of(&self.name)
    }
}

fn repair_of(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// What is to become of a plan that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It stays, and the repair is at its end.
    Keep,
    /// It stays, and another plan follows.
    GoOn,
    /// Everything is to be as it was before it.
    TakeBack,
    /// Everything is to be as it was before the first plan of this repair.
    TakeAllBack,
}

/// What became of a plan that was carried out.
#[derive(Debug)]
pub enum Ended {
    /// It is in place.
    Kept,
    /// It was in place, and everything is as it was before it.
    RolledBack,
}

impl<'a> Session<'a> {
    /// Begins to repair the environment; an error when another process does so.
    pub fn begin(disk: &'a dyn Disk, prefix: &Path) -> Result<Session<'a>, Error> {
        let repairs = prefix.join(FOLDER);
        disk.make_folder(&repairs).map_err(Error::io("make", &repairs))?;
        // A link in its place would lead what is kept out of the environment.
        if !repairs.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(Error::Outside { path: repairs });
        }
        let path = repairs.join(LOCK);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {
                let prefix = prefix.to_path_buf();
                let (name, stop) = (OnceCell::new(), Stop::default());
                Ok(Session { disk, prefix, name, stop, _lock: file })
            }
            Err(TryLockError::WouldBlock) => Err(Error::Busy { prefix: prefix.to_path_buf() }),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", &path)(source)),
        }
    }

    /// Once `stop` is set a plan is carried out no further and taken back, and a repair that is gone on
    /// with stays interrupted; either is [`Error::Stopped`]. What is taken back is taken back whole.
    pub fn stopped_by(self, stop: &'a AtomicBool) -> Session<'a> {
        Session { stop: Stop(Some(stop)), ..self }
    }

    /// Carries the plan out and asks what is to become of it. A further plan is a further round of the
    /// same repair: until the last one it counts as interrupted. On an error everything is as it was
    /// before the round, unless taking it back failed too: then the error says so.
    pub fn carry_out(&self, plan: &Plan, judge: impl FnOnce() -> Verdict) -> Result<Ended, Error> {
        if let Some(past) = self.interrupted()?
            && self.name.get().is_none_or(|own| own != past.repair())
        {
            return Err(Error::Interrupted { prefix: self.prefix.clone(), name: past.name });
        }
        let ended = self.round(plan, judge);
        if !matches!(ended, Ok(Ended::Kept)) {
            // The rounds before stay; one that cannot be marked so is to be ended like any other.
            let _ = self.keep();
        }
        ended
    }

    fn round(&self, plan: &Plan, judge: impl FnOnce() -> Verdict) -> Result<Ended, Error> {
        let journal = Journal::write(self.disk, plan, &self.fresh_name(), self.stop)?;
        let verdict = apply::forward(self.disk, &journal, self.stop).and_then(|()| {
            let verdict = judge();
            if verdict == Verdict::Keep { self.keep() } else { Ok(()) }.map(|()| verdict)
        });
        match verdict {
            Ok(Verdict::Keep | Verdict::GoOn) => Ok(Ended::Kept),
            Ok(Verdict::TakeBack) => self.back(&journal).map(|()| Ended::RolledBack),
            // This repair is the one that is not at its end.
            Ok(Verdict::TakeAllBack) => self.undo().map(|_| Ended::RolledBack),
            Err(error) => Err(match self.back(&journal) {
                Ok(()) => error,
                Err(second) => Error::Stuck { first: Box::new(error), second: Box::new(second) },
            }),
        }
    }

    /// Ends the repair: what its rounds made stays.
    fn keep(&self) -> Result<(), Error> {
        let Some(own) = self.name.get() else { return Ok(()) };
        let rounds = self.rounds(own)?;
        rounds
            .iter()
            .filter(|(_, journal)| journal.folder.join(OPEN).exists())
            .try_for_each(|(_, journal)| self.mark(journal, DONE))
    }

    /// Goes on with what was interrupted: a repair, or taking one back. `None` when nothing was. Where
    /// `goes_on` says so, a further plan that is carried out is a further round of it.
    pub fn resume(&self, goes_on: impl FnOnce() -> bool) -> Result<Option<Past>, Error> {
        let Some(interrupted) = self.interrupted()? else { return Ok(None) };
        let rounds = self.rounds(interrupted.repair())?;
        if rounds.iter().any(|(_, journal)| journal.folder.join(BACK).exists()) {
            return self.undo();
        }
        // There is no other name yet: this is the first that the session does.
        let _ = self.name.set(interrupted.repair().to_owned());
        for (_, journal) in rounds.iter().filter(|(past, _)| past.end == End::Interrupted) {
            apply::forward(self.disk, journal, self.stop)?;
        }
        if !goes_on() {
            self.keep()?;
        }
        Ok(Some(whole(interrupted.repair(), End::Done, &rounds)))
    }

    /// Takes back the interrupted repair, else the newest one that was kept, with all its rounds. `None`
    /// when there is none.
    pub fn undo(&self) -> Result<Option<Past>, Error> {
        let newest = |past: Vec<Past>| past.into_iter().rev().find(|past| past.end == End::Done);
        let last = match self.interrupted()? {
            Some(interrupted) => Some(interrupted),
            None => newest(list(&self.prefix)?),
        };
        let Some(last) = last else { return Ok(None) };
        let rounds = self.rounds(last.repair())?;
        // Once one round is back, the others are marked already: a kill between two is seen.
        for (_, journal) in rounds.iter().rev() {
            self.mark(journal, BACK)?;
        }
        for (_, journal) in rounds.iter().rev() {
            self.back(journal)?;
        }
        Ok(Some(whole(last.repair(), End::Undone, &rounds)))
    }

    /// Removes what the repairs that ended keep, all but the newest `keep`, and what was left before
    /// there was anything to take back. Returns how many repairs.
    pub fn prune(&self, keep: usize) -> Result<usize, Error> {
        let past = list(&self.prefix)?;
        let open = past.iter().filter(|past| past.end == End::Interrupted).map(Past::repair);
        let open: Vec<&str> = open.collect();
        let mut ended: Vec<&str> =
            past.iter().map(Past::repair).filter(|repair| !open.contains(repair)).collect();
        ended.dedup();
        let surplus = &ended[..ended.len().saturating_sub(keep)];
        for past in past.iter().filter(|past| surplus.contains(&past.repair())) {
            self.remove(&self.prefix.join(FOLDER).join(&past.name))?;
        }
        for folder in folders(&self.prefix)? {
            if !folder.join(JOURNAL).exists() {
                self.remove(&folder)?;
            }
        }
        Ok(surplus.len())
    }

    /// The journal first: what is left without it counts for nothing.
    fn remove(&self, folder: &Path) -> Result<(), Error> {
        let journal = folder.join(JOURNAL);
        let without = match journal.exists() {
            true => self.disk.remove_file(&journal).and_then(|()| self.disk.sync_folder(folder)),
            false => Ok(()),
        };
        without.and_then(|()| remove_tree(self.disk, folder)).map_err(Error::io("remove", folder))
    }

    fn back(&self, journal: &Journal) -> Result<(), Error> {
        // While it is taken back it is neither done nor undone.
        self.mark(journal, BACK)?;
        apply::back(self.disk, journal)?;
        self.mark(journal, UNDONE)
    }

    /// Renames the mark of how the repair ended.
    fn mark(&self, journal: &Journal, end: &str) -> Result<(), Error> {
        let path = journal.folder.join(end);
        let others = MARKS.map(|name| journal.folder.join(name));
        match others.iter().find(|other| other.exists()) {
            Some(now) if *now == path => Ok(()),
            Some(now) => self
                .disk
                .rename(now, &path)
                .and_then(|()| self.disk.sync_folder(&journal.folder))
                .map_err(Error::io("write", &path)),
            None => self.disk.create(&path, b"", 0o600).map_err(Error::io("write", &path)),
        }
    }

    fn interrupted(&self) -> Result<Option<Past>, Error> {
        Ok(list(&self.prefix)?.into_iter().find(|past| past.end == End::Interrupted))
    }

    /// The rounds of a repair that are in place or were interrupted, the oldest first.
    fn rounds(&self, repair: &str) -> Result<Vec<(Past, Journal)>, Error> {
        let mut rounds = Vec::new();
        for past in list(&self.prefix)? {
            if past.repair() == repair
                && past.end != End::Undone
                && let Some(journal) = Journal::read(&self.prefix.join(FOLDER).join(&past.name))?
            {
                rounds.push((past, journal));
            }
        }
        Ok(rounds)
    }

    fn fresh_name(&self) -> String {
        let folder = self.prefix.join(FOLDER);
        let is_fresh = |name: &String| !folder.join(name).exists();
        if let Some(first) = self.name.get() {
            return (1..)
                .map(|round| format!("{first}.{round}"))
                .find(is_fresh)
                .unwrap_or_default();
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let names = (0..).map(|number| format!("{}-{number}", since.as_secs()));
        let name = { names }.find(is_fresh).unwrap_or_default();
        self.name.get_or_init(|| name).clone()
    }
}

/// What is said of all rounds of a repair.
fn whole(repair: &str, end: End, rounds: &[(Past, Journal)]) -> Past {
    let steps = rounds.iter().flat_map(|(past, _)| past.steps.clone()).collect();
    Past { name: repair.to_owned(), end, steps }
}

/// What a check says of a repair that was killed; nothing while one is under way.
pub fn unfinished(facts: &Facts) -> Option<Finding> {
    if !facts.entries.iter().any(|entry| entry.name == FOLDER && entry.kind == Kind::Folder) {
        return None;
    }
    let is_open = |folder: &PathBuf| {
        end_of(folder) == End::Interrupted && matches!(Journal::read(folder), Ok(Some(_)))
    };
    let open = folders(&facts.prefix).ok()?.into_iter().find(is_open)?;
    let lock = File::open(facts.prefix.join(FOLDER).join(LOCK)).ok();
    if lock.is_some_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))) {
        return None;
    }
    let message = format!("the repair in `{}` was interrupted", open.display());
    Some(Finding::new(Code::RepairInterrupted, message, [open]))
}

fn end_of(folder: &Path) -> End {
    if folder.join(DONE).exists() {
        End::Done
    } else if folder.join(UNDONE).exists() {
        End::Undone
    } else {
        End::Interrupted
    }
}

/// The folders of repairs, the oldest first.
fn folders(prefix: &Path) -> Result<Vec<PathBuf>, Error> {
    let folder = prefix.join(FOLDER);
    let entries = match fs::list(&folder) {
        Ok(entries) => entries,
        Err(error) if fs::missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", &folder)(error)),
    };
    let is_own = |name: &str| name.starts_with(|first: char| first.is_ascii_digit());
    let own = entries
        .into_iter()
        .filter(|entry| entry.kind == Kind::Folder && entry.name.to_str().is_some_and(is_own));
    Ok(own.map(|entry| folder.join(entry.name)).collect())
}

/// The repairs of an environment, the oldest first. Folders that were left before there was anything to
/// take back are not among them.
pub fn list(prefix: &Path) -> Result<Vec<Past>, Error> {
    let mut all = Vec::new();
    for folder in folders(prefix)? {
        let Some(name) = folder.file_name().and_then(|name| name.to_str()) else { continue };
        let journal = match Journal::read(&folder) {
            // The environment was moved since, or somebody planted it: it is of no use here.
            Ok(None) | Err(Error::Outside { .. } | Error::SetId { .. }) => continue,
            Ok(Some(journal)) => journal,
            Err(error) => return Err(error),
        };
        all.push(past(name.to_owned(), end_of(&folder), &journal));
    }
    Ok(all)
}

fn past(name: String, end: End, journal: &Journal) -> Past {
    let steps = journal.steps.iter();
    let steps = steps.map(|step| (step.action, step.reasons.clone(), step.what.clone())).collect();
    Past { name, end, steps }
}
