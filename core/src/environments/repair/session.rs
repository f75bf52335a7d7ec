//! A repair from start to end: one at a time, kept or rolled back, and taken back or gone on with later.

use std::cell::Cell;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use super::apply::Stop;
use super::disk::Disk;
use super::journal::{Journal, OPEN, remove_tree};
use super::{Action, Error, FOLDER, Plan, apply};
use crate::environments::health::Code;
use crate::fs::{self, Kind};

const DONE: &str = "done";
const UNDONE: &str = "undone";

/// The right to change an environment; given back when it is dropped or the process ends.
#[derive(Debug)]
pub struct Session<'a> {
    disk: &'a dyn Disk,
    prefix: PathBuf,
    stop: Stop<'a>,
    /// Of the first plan that it carries out; those that follow have a number behind it.
    name: String,
    rounds: Cell<usize>,
    _lock: File,
}

/// How a repair of the past ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its changes were kept.
    Done,
    /// Its changes were taken back.
    Undone,
    /// It was killed: to be ended by going on or by taking it back.
    Interrupted,
}

/// A repair of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its name: seconds since 1970 and a number, and for what a session did after its first plan `.` and
    /// a number.
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

    /// The name that all repairs of one session have.
    fn session(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// Whether it is still to be taken back with `last`.
    fn is_of_session(&self, last: &Past) -> bool {
        self.end != End::Undone && self.session() == last.session()
    }
}

/// What became of a plan that was carried out.
#[derive(Debug)]
pub enum Ended {
    /// It is in place.
    Kept,
    /// It was in place, `accept` refused it, and everything is as it was.
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
        let path = repairs.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Session {
                disk,
                prefix: prefix.to_path_buf(),
                stop: Stop::default(),
                name: fresh_name(prefix),
                rounds: Cell::new(0),
                _lock: file,
            }),
            Err(TryLockError::WouldBlock) => Err(Error::Busy { prefix: prefix.to_path_buf() }),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", &path)(source)),
        }
    }

    /// Once `stop` is set a plan is carried out no further and taken back, and a repair that is gone on
    /// with stays interrupted; either is [`Error::Stopped`]. What is taken back is taken back whole.
    pub fn stopped_by(self, stop: &'a AtomicBool) -> Session<'a> {
        Session { stop: Stop(Some(stop)), ..self }
    }

    /// Carries the plan out and asks `accept` whether the result is to stay. On an error everything is
    /// as it was, unless taking it back failed too: then the error says so.
    pub fn carry_out(&self, plan: &Plan, accept: impl FnOnce() -> bool) -> Result<Ended, Error> {
        if let Some(past) = self.interrupted()? {
            return Err(Error::Interrupted { prefix: self.prefix.clone(), name: past });
        }
        let name = match self.rounds.replace(self.rounds.get() + 1) {
            0 => self.name.clone(),
            round => format!("{}.{round}", self.name),
        };
        let journal = Journal::write(self.disk, plan, &name, self.stop)?;
        let kept = apply::forward(self.disk, &journal, self.stop).and_then(|()| {
            let accepted = accept();
            if accepted { self.mark(&journal, DONE) } else { Ok(()) }.map(|()| accepted)
        });
        match kept {
            Ok(true) => Ok(Ended::Kept),
            Ok(false) => self.back(&journal).map(|()| Ended::RolledBack),
            Err(error) => Err(match self.back(&journal) {
                Ok(()) => error,
                Err(second) => Error::Stuck { first: Box::new(error), second: Box::new(second) },
            }),
        }
    }

    /// Goes on with a repair that was interrupted. `None` when there is none.
    pub fn resume(&self) -> Result<Option<Past>, Error> {
        let Some(name) = self.interrupted()? else { return Ok(None) };
        let Some(journal) = self.journal(&name)? else { return Ok(None) };
        apply::forward(self.disk, &journal, self.stop)?;
        self.mark(&journal, DONE)?;
        Ok(Some(past(name, End::Done, &journal)))
    }

    /// Takes back the interrupted repair, else the newest one that was kept: all that its session did, the
    /// last first. `None` when there is none.
    pub fn undo(&self) -> Result<Option<Past>, Error> {
        let all = list(&self.prefix)?;
        let last = all.iter().find(|past| past.end == End::Interrupted);
        let Some(last) = last.or(all.iter().rev().find(|past| past.end == End::Done)) else {
            return Ok(None);
        };
        let mut undone: Option<Past> = None;
        for own in all.iter().rev().filter(|past| past.is_of_session(last)) {
            let Some(journal) = self.journal(&own.name)? else { continue };
            self.back(&journal)?;
            let later = undone.map(|past| past.steps).unwrap_or_default();
            let mut own = past(own.name.clone(), End::Undone, &journal);
            own.steps.extend(later);
            undone = Some(own);
        }
        Ok(undone)
    }

    /// Removes what the sessions that ended keep, all but the newest `keep`. Returns how many repairs.
    pub fn prune(&self, keep: usize) -> Result<usize, Error> {
        let mut ended = list(&self.prefix)?;
        ended.retain(|past| past.end != End::Interrupted);
        let sessions = ended.chunk_by(|one, other| one.session() == other.session());
        let surplus = sessions.clone().count().saturating_sub(keep);
        let mut removed = 0;
        for past in sessions.take(surplus).flatten() {
            let folder = self.prefix.join(FOLDER).join(&past.name);
            remove_tree(self.disk, &folder).map_err(Error::io("remove", &folder))?;
            removed += 1;
        }
        Ok(removed)
    }

    fn back(&self, journal: &Journal) -> Result<(), Error> {
        // While it is taken back it is neither done nor undone.
        self.mark(journal, OPEN)?;
        apply::back(self.disk, journal)?;
        self.mark(journal, UNDONE)
    }

    /// Renames the mark of how the repair ended.
    fn mark(&self, journal: &Journal, end: &str) -> Result<(), Error> {
        let path = journal.folder.join(end);
        let others = [OPEN, DONE, UNDONE].map(|name| journal.folder.join(name));
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

    fn journal(&self, name: &str) -> Result<Option<Journal>, Error> {
        Journal::read(&self.prefix.join(FOLDER).join(name))
    }

    fn interrupted(&self) -> Result<Option<String>, Error> {
        let past = list(&self.prefix)?;
        Ok(past.into_iter().find(|past| past.end == End::Interrupted).map(|past| past.name))
    }
}

fn fresh_name(prefix: &Path) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let folder = prefix.join(FOLDER);
    (0..)
        .map(|number| format!("{}-{number}", since.as_secs()))
        .find(|name| !folder.join(name).exists())
        .unwrap_or_default()
}

/// The repairs of an environment, the oldest first. Folders that were left before there was anything to
/// take back are not among them.
pub fn list(prefix: &Path) -> Result<Vec<Past>, Error> {
    let folder = prefix.join(FOLDER);
    let entries = match fs::list(&folder) {
        Ok(entries) => entries,
        Err(error) if fs::missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", &folder)(error)),
    };
    let mut all = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind == Kind::Folder) {
        let Some(name) = entry.name.to_str() else { continue };
        let own = folder.join(name);
        let journal = match Journal::read(&own) {
            // The environment was moved since, or somebody planted it: it is of no use here.
            Ok(None) | Err(Error::Outside { .. } | Error::SetId { .. }) => continue,
            Ok(Some(journal)) => journal,
            Err(error) => return Err(error),
        };
        let end = if own.join(DONE).exists() {
            End::Done
        } else if own.join(UNDONE).exists() {
            End::Undone
        } else {
            End::Interrupted
        };
        all.push(past(name.to_owned(), end, &journal));
    }
    Ok(all)
}

fn past(name: String, end: End, journal: &Journal) -> Past {
    let steps = journal.steps.iter();
    let steps = steps.map(|step| (step.action, step.reasons.clone(), step.what.clone())).collect();
    Past { name, end, steps }
}
