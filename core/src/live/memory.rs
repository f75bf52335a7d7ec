//! Records what was looked at, once it is settled. The store is open, and locked, for a record and no longer.

use std::collections::BTreeSet;
use std::time::Duration;

use super::state::State;
use super::{Bounds, Options};
use crate::engine::{self, Engine, Looked, Report};
use crate::environments::EnvironmentId;
use crate::environments::health::Depth;
use crate::environments::inspection::Inspection;
use crate::host::Host;
use crate::snapshot::SnapshotId;

/// So long a record waits for another process that writes, and then for the next time.
const PATIENCE: Duration = Duration::from_millis(500);
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// What is to be recorded.
#[derive(Debug, Default)]
pub(super) struct Unrecorded {
    environments: BTreeSet<EnvironmentId>,
    /// Something may be gone.
    gone: bool,
    /// When the first and the last of it came.
    since: Option<(Duration, Duration)>,
    not_before: Duration,
    /// What the last record failed with.
    failed: Option<String>,
}

impl Unrecorded {
    /// An environment was looked at because something changed there.
    pub(super) fn looked(&mut self, now: Duration, id: &EnvironmentId) {
        self.environments.insert(id.clone());
        self.came(now);
    }

    /// An environment is gone, or several are.
    pub(super) fn gone(&mut self, now: Duration, id: Option<&EnvironmentId>) {
        if let Some(id) = id {
            self.environments.remove(id);
        }
        self.gone = true;
        self.came(now);
    }

    fn came(&mut self, now: Duration) {
        let (first, _) = self.since.unwrap_or((now, now));
        self.since = Some((first, now));
    }

    /// When it is to be recorded, if there is anything.
    pub(super) fn due(&self, bounds: &Bounds) -> Option<Duration> {
        let (first, last) = self.since?;
        Some((last + bounds.settled).min(first + bounds.record).max(self.not_before))
    }

    /// Why the last record failed.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Records it; what was not recorded stays for the next time.
    pub(super) fn record(
        &mut self,
        now: Duration,
        host: &Host,
        options: &Options,
        state: &State,
    ) -> Option<Report> {
        let reason = Looked { depth: Depth::Usual, whole: self.gone, reason: "serve" };
        let seen = self.seen(state);
        let done = Engine::open_within(host, &options.folder, PATIENCE)
            .and_then(|mut engine| engine.record(&seen, reason));
        self.done(now, done)
    }

    /// The same, and keeps a snapshot in any case.
    pub(super) fn keep(
        &mut self,
        now: Duration,
        host: &Host,
        options: &Options,
        state: &State,
        name: Option<&str>,
    ) -> Option<Report> {
        let reason = Looked { depth: Depth::Usual, whole: self.gone, reason: "snapshot" };
        let seen = self.seen(state);
        let done = Engine::open_within(host, &options.folder, engine::PATIENCE)
            .and_then(|mut engine| engine.keep(&seen, reason, name));
        self.done(now, done)
    }

    fn seen(&self, state: &State) -> Inspection {
        let environments =
            self.environments.iter().filter_map(|id| state.get(id).cloned()).collect();
        Inspection { environments, problems: Vec::new() }
    }

    fn done(&mut self, now: Duration, done: Result<Report, engine::Error>) -> Option<Report> {
        match done {
            Ok(report) => {
                let problem = report.problems.first();
                let failed = problem.map(|one| format!("`{}` {}", one.path.display(), one.message));
                *self = Unrecorded { failed, ..Unrecorded::default() };
                Some(report)
            }
            Err(error) => {
                self.failed = Some(error.to_string());
                self.not_before = now + AFTER_FAILURE;
                None
            }
        }
    }
}

/// The newest snapshot that is remembered.
pub(super) fn newest(folder: &std::path::Path) -> Option<SnapshotId> {
    let memory = engine::Memory::open(folder).ok()??;
    memory.reader().list().ok()?.last().map(|snapshot| snapshot.id)
}
