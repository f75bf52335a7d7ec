//! What the service knows, and what it does next. Time is what the caller says it is.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::memory::{self, Unrecorded};
use super::output::Output;
use super::pending::{Pending, Work};
use super::places::{Because, Places};
use super::state::{Change, State};
use super::watches::Watches;
use super::{Heard, Options};
use crate::control::message::{Checked, Refusal, Refused, Reply, Request, SaidPath, Status};
use crate::engine::Report;
use crate::environments::health::Depth;
use crate::environments::inspection::{
    self, Earlier, Inspected, Inspection, Limits, Progress, inspect, inspect_again,
    inspect_workspaces,
};
use crate::environments::{EnvironmentId, Problem, Status as OfEnvironment};
use crate::fs::Stamp;
use crate::host::Host;
use crate::snapshot::SnapshotId;

/// A look around a path that somebody asks for ends by then.
const MOST_ASKED: Duration = Duration::from_secs(30);
/// Environments in one answer.
const MOST_ANSWERED: usize = 64;
/// Findings of each of them.
const MOST_CODES: usize = 16;
/// Folders that tools made and that hold no environment yet.
const MOST_YOUNG: usize = 64;
/// After so many looks, what they keep for each other is begun anew.
const MOST_LOOKS: usize = 1000;
/// What changed so shortly before it was watched may have changed once more in between.
const BEFORE_WATCHING: Duration = Duration::from_secs(2);

/// A service at work. Whoever drives it calls [`Service::step`] when something was heard, and at the latest
/// when the last step said.
#[derive(Debug)]
pub struct Service {
    host: Host,
    options: Options,
    output: Output,
    status: Arc<Mutex<Status>>,
    heard: Arc<Heard>,
    progress: Arc<Progress>,
    /// Milliseconds since 1970 at the beginning of its time.
    began_ms: u64,
    state: State,
    /// The folders of workspaces that a walk goes through.
    folders: Vec<PathBuf>,
    places: Places,
    watches: Watches,
    pending: Pending,
    unrecorded: Unrecorded,
    earlier: Earlier,
    looks: usize,
    /// A folder that was watched is another one now.
    watch_anew: bool,
    /// Folders that tools made, before there is an environment in them.
    young: Vec<PathBuf>,
    /// Prefixes of which something was told that is not recorded yet.
    told: HashSet<PathBuf>,
    snapshot: Option<SnapshotId>,
    /// Of what is published.
    looked_ms: u64,
    next_sweep: Duration,
    next_poll: Duration,
    next_check: Duration,
    work: Counts,
}

/// What was done since it began.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Looks at everything.
    pub sweeps: u64,
    /// Looks at one environment.
    pub looks: u64,
    /// Walks of a folder.
    pub walks: u64,
    /// Records, whether or not anything was new.
    pub records: u64,
}

impl Service {
    /// A service that has looked at nothing yet; the first step does. `began_ms` is what the clock on the wall
    /// shows at the time 0 of the steps.
    pub fn new(
        host: Host,
        options: Options,
        output: Output,
        status: Arc<Mutex<Status>>,
        began_ms: u64,
    ) -> Service {
        let heard = Arc::new(Heard::default());
        let watches = Watches::new(&host, options.notifications, &options.bounds, &heard);
        let earlier = Earlier::new(&host, options.cache.as_deref());
        let snapshot = memory::newest(&options.folder);
        let service = Service {
            output,
            status,
            heard,
            progress: Arc::default(),
            began_ms,
            state: State::default(),
            folders: Vec::new(),
            places: Places::default(),
            watches,
            pending: Pending::default(),
            unrecorded: Unrecorded::default(),
            earlier,
            looks: 0,
            watch_anew: false,
            young: Vec::new(),
            told: HashSet::new(),
            snapshot,
            looked_ms: began_ms,
            next_sweep: options.bounds.sweep,
            next_poll: options.bounds.poll,
            next_check: options.bounds.check,
            work: Counts::default(),
            host,
            options,
        };
        service.say("looking", Duration::ZERO);
        service
    }

    /// Takes what was heard of the disk; a test may say something there.
    pub fn heard(&self) -> &Arc<Heard> {
        &self.heard
    }

    /// Set to end a look early.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// What is known.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What was done.
    pub fn work(&self) -> Counts {
        self.work
    }

    /// Folders that are watched, and such that are polled.
    pub fn watched(&self) -> (usize, usize) {
        (self.watches.watched(), self.watches.polled())
    }

    /// Does what is due, and says when to come again at the latest.
    pub fn step(&mut self, now: Duration) -> Duration {
        if self.work.sweeps == 0 {
            self.say("looking", now);
            self.sweep(now);
            // Nothing is changing that was not there when it looked.
            self.record(now);
        }
        self.hear(now);
        self.look_at_stamps(now);
        if now >= self.next_sweep {
            self.next_sweep = now + self.options.bounds.sweep;
            self.pending.everything(now);
        }
        if let Some(work) = self.pending.take(now, &self.options.bounds) {
            self.say("looking", now);
            let begun = Instant::now();
            match &work {
                Work::Everything => drop(self.sweep(now)),
                Work::Some { environments, folders } => self.look(now, environments, folders),
            }
            self.pending.rest(&work, now, begun.elapsed(), &self.options.bounds);
        }
        if self.unrecorded.due(&self.options.bounds).is_some_and(|due| due <= now) {
            self.record(now);
        }
        if self.output.waits() {
            self.output.publish(&self.state, self.snapshot, self.looked_ms);
        }
        self.say("waiting", now);
        let bounds = &self.options.bounds;
        let waits = self.output.waits().then_some(now + bounds.quiet);
        let polls = (self.watches.polled() > 0).then_some(self.next_poll);
        let checks = (self.watches.checked() > 0).then_some(self.next_check);
        let soonest = [self.pending.due(bounds), self.unrecorded.due(bounds), polls, checks, waits];
        soonest.into_iter().flatten().fold(self.next_sweep, Duration::min)
    }

    fn hear(&mut self, now: Duration) {
        let heard = self.heard.take();
        if heard.lost {
            self.pending.everything(now);
        }
        if !heard.removed.is_empty() {
            self.watch_anew |= self.watches.forget_below(&heard.removed);
        }
        for path in heard.changed {
            self.concern(now, &path);
        }
    }

    fn look_at_stamps(&mut self, now: Duration) {
        let bounds = &self.options.bounds;
        let mut changed = Vec::new();
        if self.watches.polled() > 0 && now >= self.next_poll {
            self.next_poll = now + bounds.poll;
            changed = self.watches.poll(bounds);
        }
        if self.watches.checked() > 0 && now >= self.next_check {
            self.next_check = now + bounds.check;
            changed.extend(self.watches.check(bounds));
        }
        for folder in changed {
            self.concern(now, &folder);
        }
    }

    fn concern(&mut self, now: Duration, path: &Path) {
        if self.watches.was_replaced(path) {
            self.watch_anew = true;
        }
        match self.places.because(path) {
            Because::Nothing => {}
            Because::Environments(ids) => self.pending.environments(now, ids),
            Because::Folder(folder) => self.pending.folder(now, folder),
            Because::Made(folder) => {
                if self.young.len() < MOST_YOUNG && !self.young.contains(&folder) {
                    self.young.push(folder);
                }
                self.pending.everything(now);
            }
        }
    }

    fn request(&self, workspaces: Vec<PathBuf>) -> inspection::Request {
        inspection::Request {
            paths: Vec::new(),
            workspaces,
            depth: Depth::Usual,
            limits: Limits::default(),
            cache: self.options.cache.clone(),
            progress: Arc::clone(&self.progress),
        }
    }

    /// Looks at everything.
    fn sweep(&mut self, now: Duration) -> Vec<Change> {
        let begun = Instant::now();
        let began_at = wall_ns();
        let found = inspect(&self.host, &self.request(self.options.workspaces.clone()));
        if self.progress.stop.load(Ordering::Relaxed) {
            // It is not everything.
            return Vec::new();
        }
        self.work.sweeps += 1;
        self.next_sweep = now + self.options.bounds.sweep;
        for inspected in &found.environments {
            self.unrecorded.looked(now, &inspected.environment.id);
        }
        let problems: HashSet<Problem> = self.state.problems().iter().cloned().collect();
        let changes = self.state.replace_all(found);
        for problem in self.state.problems().iter().filter(|one| !problems.contains(one)) {
            self.output.problem(problem, self.began_ms + now.as_millis() as u64);
        }
        if changes.iter().any(|change| change.after.is_none()) {
            self.unrecorded.gone(now, None);
        }
        let is_environment = self.is_environment();
        self.young.retain(|folder| folder.is_dir() && !is_environment(folder));
        self.folders = inspection::walked_folders(
            &self.host,
            &self.options.workspaces,
            is_environment,
            self.options.bounds.folders,
        );
        self.folders.extend(self.young.iter().cloned());
        self.begin_looks_anew();
        self.watches.forget_replaced();
        self.tell(now, &changes);
        self.watch(now, began_at);
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.looked_ms = self.wall_ms(now);
        status.look_took_ms = begun.elapsed().as_millis() as u64;
        drop(status);
        changes
    }

    /// Looks at some environments, at what stands on them, and at new folders.
    fn look(&mut self, now: Duration, environments: &[EnvironmentId], folders: &[PathBuf]) {
        let began_at = wall_ns();
        let mut changes = Vec::new();
        for id in environments {
            changes.extend(self.look_again(now, id));
        }
        if !folders.is_empty() {
            let there: Vec<PathBuf> =
                folders.iter().filter(|folder| folder.is_dir()).cloned().collect();
            for id in self.replaced_below(folders) {
                changes.extend(self.look_again(now, &id));
            }
            let found = inspect_workspaces(&self.host, &self.request(there.clone()));
            self.work.walks += there.len() as u64;
            for inspected in found.environments {
                let id = inspected.environment.id.clone();
                if self.state.get(&id).is_none() {
                    changes.extend(self.state.put(inspected));
                    self.unrecorded.looked(now, &id);
                }
            }
            self.folders.retain(|folder| folder.is_dir());
            let room = self.options.bounds.folders.saturating_sub(self.folders.len());
            let fresh = inspection::walked_folders(&self.host, &there, self.is_environment(), room);
            let known: HashSet<&PathBuf> = self.folders.iter().collect();
            let fresh: Vec<PathBuf> =
                fresh.into_iter().filter(|folder| !known.contains(folder)).collect();
            self.folders.extend(fresh);
        }
        self.tell(now, &changes);
        if self.watch_anew || !folders.is_empty() || !changes.is_empty() {
            self.watch(now, began_at);
        }
        if self.looks >= MOST_LOOKS {
            self.begin_looks_anew();
        }
    }

    /// Environments below these folders that are not there any more, or in whose place there is another one:
    /// of a folder that is renamed as a whole nothing is told of what is in it.
    fn replaced_below(&mut self, folders: &[PathBuf]) -> Vec<EnvironmentId> {
        let mut replaced = Vec::new();
        for one in self.state.environments() {
            let prefix = &one.environment.prefix;
            if folders.iter().any(|folder| prefix.starts_with(folder))
                && (self.watches.was_replaced(prefix) || !prefix.is_dir())
            {
                replaced.push(one.environment.id.clone());
            }
        }
        self.watch_anew |= !replaced.is_empty();
        replaced
    }

    fn look_again(&mut self, now: Duration, id: &EnvironmentId) -> Vec<Change> {
        let Some(before) = self.state.get(id) else { return Vec::new() };
        self.work.looks += 1;
        self.looks += 1;
        match inspect_again(&self.host, before, &self.earlier) {
            Some(inspected) => {
                let now_id = inspected.environment.id.clone();
                let mut changes = Vec::new();
                if now_id != *id {
                    changes.extend(self.state.remove(id));
                    self.unrecorded.gone(now, Some(id));
                }
                changes.extend(self.state.put(inspected));
                self.unrecorded.looked(now, &now_id);
                changes
            }
            None => {
                self.unrecorded.gone(now, Some(id));
                self.state.remove(id).into_iter().collect()
            }
        }
    }

    fn is_environment(&self) -> impl Fn(&Path) -> bool + use<> {
        let prefixes: HashSet<PathBuf> =
            self.state.environments().map(|one| one.environment.prefix.clone()).collect();
        move |path| prefixes.contains(path)
    }

    fn begin_looks_anew(&mut self) {
        self.looks = 0;
        self.earlier = Earlier::new(&self.host, self.options.cache.as_deref());
    }

    /// Asks to be told of what is known now. What changed just before it was asked is looked at once more.
    fn watch(&mut self, now: Duration, since_ns: i64) {
        if std::mem::take(&mut self.watch_anew) {
            self.watches.forget_replaced();
        }
        self.places = Places::of(&self.state, &self.folders);
        let fresh = self.watches.set(&self.places.ranked(), &self.options.bounds);
        let settled = since_ns - BEFORE_WATCHING.as_nanos() as i64;
        for folder in fresh {
            if Stamp::of(&folder).is_none_or(|stamp| stamp.modified_ns > settled) {
                self.concern(now, &folder);
            }
        }
    }

    /// Publishes what changed, at once.
    fn tell(&mut self, now: Duration, changes: &[Change]) {
        let at_ms = self.wall_ms(now);
        if !changes.is_empty() || self.output.published() == 0 {
            self.looked_ms = at_ms;
            self.output.publish(&self.state, self.snapshot, at_ms);
        }
        for change in changes {
            self.told.insert(change.prefix.clone());
            self.output.change(change, at_ms);
        }
    }

    fn record(&mut self, now: Duration) {
        let report = self.unrecorded.record(now, &self.host, &self.options, &self.state);
        if let Some(report) = report {
            self.recorded(now, &report);
        }
    }

    fn recorded(&mut self, now: Duration, report: &Report) {
        self.work.records += 1;
        let at_ms = self.wall_ms(now);
        let told = std::mem::take(&mut self.told);
        // Packages that came, went or changed while nothing is wrong with them.
        for prefix in report.changed.iter().filter(|prefix| !told.contains(*prefix)) {
            for change in self.state.changed_inside(prefix) {
                self.output.change(&change, at_ms);
            }
        }
        let Some(id) = report.snapshot else {
            // Others may have recorded the same before.
            self.snapshot = memory::newest(&self.options.folder);
            return;
        };
        self.snapshot = Some(id);
        self.output.publish(&self.state, self.snapshot, self.looked_ms);
        self.output.snapshot(id, at_ms);
    }

    /// Does what is asked over the control channel.
    pub fn answer(&mut self, now: Duration, request: Request) -> Reply {
        let reply = match request {
            Request::Refresh => self.refresh(now),
            Request::Check { path } => self.check(now, &path.0),
            Request::Snapshot { name } => self.keep(now, name.as_deref()),
            // These are answered where they come in.
            Request::Status | Request::Subscribe | Request::Stop => {
                Err(Refusal::new(Refused::UnknownRequest, "it is not for the service"))
            }
        };
        self.say("waiting", now);
        reply.unwrap_or_else(Reply::Error)
    }

    fn refresh(&mut self, now: Duration) -> Result<Reply, Refusal> {
        self.say("looking", now);
        let begun = Instant::now();
        self.hear(now);
        let changed = self.sweep(now).len();
        self.record(now);
        Ok(Reply::Refreshed {
            environments: self.state.len(),
            changed,
            milliseconds: begun.elapsed().as_millis() as u64,
        })
    }

    fn check(&mut self, now: Duration, path: &Path) -> Result<Reply, Refusal> {
        let canonical = crate::fs::canonical(path).unwrap_or_else(|_| path.to_path_buf());
        let known: Vec<EnvironmentId> =
            self.state.around(&canonical).map(|one| one.environment.id.clone()).collect();
        let mut answered = Vec::new();
        let mut left_out = known.len().saturating_sub(MOST_ANSWERED);
        if known.is_empty() {
            let request = inspection::Request {
                paths: vec![path.to_path_buf()],
                limits: Limits { time: MOST_ASKED, ..Limits::default() },
                ..self.request(Vec::new())
            };
            let found: Inspection = inspect(&self.host, &request);
            left_out = found.environments.len().saturating_sub(MOST_ANSWERED);
            answered.extend(found.environments.iter().take(MOST_ANSWERED).map(checked));
        } else {
            let known = &known[..known.len().min(MOST_ANSWERED)];
            self.look(now, known, &[]);
            answered.extend(known.iter().filter_map(|id| self.state.get(id)).map(checked));
        }
        if answered.is_empty() {
            let message = format!("there is no environment at `{}` or below it", path.display());
            return Err(Refusal::new(Refused::NoEnvironment, message));
        }
        // An answer is one line.
        let mut bytes = 0;
        let fits = |one: &Checked| {
            bytes += 200 + one.prefix.0.as_os_str().len() * 2 + one.codes.len() * 40;
            bytes < crate::control::message::MOST_LINE_BYTES
        };
        let all = answered.len();
        let environments: Vec<Checked> = answered.into_iter().take_while(fits).collect();
        left_out += all - environments.len();
        Ok(Reply::Checked { environments, left_out })
    }

    fn keep(&mut self, now: Duration, name: Option<&str>) -> Result<Reply, Refusal> {
        const LONGEST: usize = 200;
        let is_odd = |name: &str| {
            name.is_empty()
                || name.len() > LONGEST
                || name.trim() != name
                || name == "last"
                || name.bytes().all(|byte| byte.is_ascii_digit())
                || name.contains(['/', '\\'])
                || name.chars().any(char::is_control)
        };
        if name.is_some_and(is_odd) {
            let message = "a snapshot cannot be called so";
            return Err(Refusal::new(Refused::BadRequest, message));
        }
        let report = self.unrecorded.keep(now, &self.host, &self.options, &self.state, name);
        let taken = report.and_then(|report| {
            self.recorded(now, &report);
            report.snapshot
        });
        taken.map(|id| Reply::Snapshot { id: id.0 }).ok_or_else(|| {
            let reason = self.unrecorded.failure().unwrap_or("it was not kept");
            Refusal::new(Refused::NotRemembered, reason)
        })
    }

    /// Records what is not recorded yet; then it may be dropped.
    pub fn end(&mut self, now: Duration) {
        if self.unrecorded.due(&self.options.bounds).is_some() {
            self.record(now);
        }
    }

    fn wall_ms(&self, now: Duration) -> u64 {
        self.began_ms + now.as_millis() as u64
    }

    fn say(&self, doing: &str, _now: Duration) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        doing.clone_into(&mut status.doing);
        status.healthy = self.state.count(OfEnvironment::Healthy);
        status.warning = self.state.count(OfEnvironment::Warning);
        status.broken = self.state.count(OfEnvironment::Broken);
        status.problems = self.state.problems().len();
        status.snapshot = self.snapshot.map(|id| id.0);
        (status.watched, status.polled) = self.watched();
        (status.published, status.events) = (self.output.published(), self.output.events());
        status.not_recorded = self.unrecorded.failure().map(str::to_owned);
        status.not_published = self.output.failure().map(str::to_owned);
    }
}

fn checked(inspected: &Inspected) -> Checked {
    Checked {
        prefix: SaidPath(inspected.environment.prefix.clone()),
        status: inspected.status().as_str().to_owned(),
        codes: inspected
            .findings
            .iter()
            .take(MOST_CODES)
            .map(|finding| finding.code.as_str().to_owned())
            .collect(),
    }
}

/// Of the clock that stamps come from.
fn wall_ns() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_nanos() as i64)
}
