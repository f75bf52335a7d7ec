//! Backups that are made unasked: by `aios serve` of everything, by a repair of what it is about to change.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use aios_core::Host;
use aios_core::control::message::Status;
use aios_core::engine::rolling::{self, Of};
use aios_core::environments::backup::{Backup, Content};
use aios_core::environments::inspection::{Inspected, Inspection};
use aios_core::live::State;

use super::create;
use crate::commands::{Error, memory};
use crate::output::message;
use crate::output::text::{quoted, shown};
use crate::output::time;

/// Whether it is time is asked so often.
const BETWEEN_MS: u64 = 10 * 60 * 1000;

/// Makes a backup once a day while the service runs, beside its work.
pub(in crate::commands) struct Rolling {
    host: Host,
    folder: PathBuf,
    asked_ms: u64,
    work: Option<JoinHandle<()>>,
}

impl Rolling {
    pub(in crate::commands) fn new(host: &Host, folder: &Path) -> Rolling {
        Rolling { host: host.clone(), folder: folder.to_path_buf(), asked_ms: 0, work: None }
    }

    /// Begins one when it is time, and anything is remembered.
    pub(in crate::commands) fn consider(&mut self, state: &State, status: &Status) {
        let now_ms = time::now_ms();
        let is_at_work = self.work.as_ref().is_some_and(|work| !work.is_finished());
        let was_asked = now_ms.abs_diff(self.asked_ms) < BETWEEN_MS;
        if status.snapshot.is_none() || is_at_work || was_asked {
            return;
        }
        self.asked_ms = now_ms;
        if !rolling::is_due(&self.folder, now_ms, status.snapshot) {
            return;
        }
        let environments = state.sorted().into_iter().cloned().collect();
        let seen = Inspection { environments, problems: state.problems().to_vec() };
        let (host, folder) = (self.host.clone(), self.folder.clone());
        let work = move || {
            let image = create::image(&host, None).ok().flatten();
            let created = time::utc(now_ms);
            let content = Content {
                host: &host,
                seen: &seen,
                created: &created,
                active: create::active(&host, &seen),
                image,
                wheels: None,
                lock: None,
            };
            if let Err(error) = rolling::keep(&host, &folder, Of::Everything, now_ms, &content) {
                message::note(&format!("no backup was made: {}", shown(error.to_string())));
            }
        };
        self.work = Some(std::thread::spawn(work));
    }
}

impl Drop for Rolling {
    fn drop(&mut self) {
        // What it is at is ended, so that nothing half is left.
        if let Some(work) = self.work.take() {
            let _ = work.join();
        }
    }
}

/// Keeps what an environment is before it is repaired. That it cannot be is said, and ends nothing.
pub(in crate::commands) fn before_repair(
    host: &Host,
    folder: &Path,
    inspected: &Inspected,
) -> Result<(), rolling::NotKept> {
    let now_ms = time::now_ms();
    let seen = Inspection { environments: vec![inspected.clone()], problems: Vec::new() };
    let created = time::utc(now_ms);
    let (seen, created) = (&seen, created.as_str());
    let content =
        Content { host, seen, created, active: None, image: None, wheels: None, lock: None };
    rolling::keep(host, folder, Of::Repaired, now_ms, &content).map(|_| ())
}

/// The newest one of everything that is whole.
pub(super) fn newest(host: &Host) -> Result<Backup, Error> {
    let folder = memory::place(host)?;
    let (found, problems) = rolling::newest(&folder, Of::Everything);
    for problem in &problems {
        message::note(&format!("{} {}", quoted(&problem.path), shown(&problem.message)));
    }
    let found = found.ok_or(Error::NoBackup(folder))?;
    let older = if problems.is_empty() { "" } else { ", which is older and whole" };
    let time = time::local_of(&found.manifest().created);
    message::note(&format!("takes {} of {time}{older}", quoted(found.path())));
    Ok(found)
}
