//! What is to be looked at again, held back until nothing more changes.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use super::Bounds;
use crate::environments::EnvironmentId;

/// More folders are a reason to look at everything.
const MOST_FOLDERS: usize = 256;

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Pending {
    environments: HashSet<EnvironmentId>,
    /// New folders of workspaces.
    folders: HashSet<PathBuf>,
    /// For these.
    some: Turn,
    /// For everything.
    everything: Turn,
}

/// When something is to be done.
#[derive(Debug, Default)]
struct Turn {
    /// When the first and the last reason for it came.
    since: Option<(Duration, Duration)>,
    /// After the last time there is a rest.
    not_before: Duration,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Work {
    Everything,
    Some { environments: Vec<EnvironmentId>, folders: Vec<PathBuf> },
}

impl Turn {
    fn came(&mut self, now: Duration) {
        let (first, _) = self.since.unwrap_or((now, now));
        self.since = Some((first, now));
    }

    fn due(&self, bounds: &Bounds) -> Option<Duration> {
        let (first, last) = self.since?;
        Some((last + bounds.quiet).min(first + bounds.longest).max(self.not_before))
    }

    fn take(&mut self, now: Duration, bounds: &Bounds) -> bool {
        let is_due = self.due(bounds).is_some_and(|due| due <= now);
        if is_due {
            self.since = None;
        }
        is_due
    }
}

impl Pending {
    pub(super) fn environments<'a>(
        &mut self,
        now: Duration,
        ids: impl IntoIterator<Item = &'a EnvironmentId>,
    ) {
        for id in ids {
            if !self.environments.contains(id) {
                self.environments.insert(id.clone());
            }
            self.some.came(now);
        }
    }

    pub(super) fn folder(&mut self, now: Duration, folder: PathBuf) {
        if self.folders.len() >= MOST_FOLDERS {
            self.everything(now);
        } else {
            self.folders.insert(folder);
            self.some.came(now);
        }
    }

    pub(super) fn everything(&mut self, now: Duration) {
        self.everything.came(now);
    }

    /// When it is to be done, if there is anything.
    pub(super) fn due(&self, bounds: &Bounds) -> Option<Duration> {
        [self.some.due(bounds), self.everything.due(bounds)].into_iter().flatten().min()
    }

    /// What is due now. What is looked at with everything is not looked at once more.
    pub(super) fn take(&mut self, now: Duration, bounds: &Bounds) -> Option<Work> {
        let everything = self.everything.take(now, bounds);
        if !everything && !self.some.take(now, bounds) {
            return None;
        }
        self.some.since = None;
        let folders = std::mem::take(&mut self.folders);
        let mut environments: Vec<EnvironmentId> =
            std::mem::take(&mut self.environments).into_iter().collect();
        if everything {
            return Some(Work::Everything);
        }
        environments.sort();
        let is_below =
            |folder: &PathBuf| folder.ancestors().skip(1).any(|above| folders.contains(above));
        let mut top: Vec<PathBuf> = folders.iter().filter(|one| !is_below(one)).cloned().collect();
        top.sort();
        Some(Work::Some { environments, folders: top })
    }

    /// Something was done and took so long: the next time has to wait.
    pub(super) fn rest(&mut self, work: &Work, now: Duration, took: Duration, bounds: &Bounds) {
        let turn = match work {
            Work::Everything => &mut self.everything,
            Work::Some { .. } => &mut self.some,
        };
        turn.not_before = now + took * bounds.rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn id(name: &str) -> EnvironmentId {
        EnvironmentId(name.to_owned())
    }

    fn some(environments: &[&str], folders: &[&str]) -> Option<Work> {
        Some(Work::Some {
            environments: environments.iter().map(|name| id(name)).collect(),
            folders: folders.iter().map(PathBuf::from).collect(),
        })
    }

    /// Quiet after 100 ms, at the latest after a second.
    fn bounds() -> Bounds {
        Bounds::default()
    }

    #[test]
    fn changes_wait_for_quiet_but_not_for_ever() {
        let mut pending = Pending::default();
        assert_eq!((pending.due(&bounds()), pending.take(ms(0), &bounds())), (None, None));
        pending.environments(ms(0), [&id("b"), &id("a")]);
        pending.environments(ms(90), [&id("a")]);
        assert_eq!(pending.take(ms(189), &bounds()), None);
        assert_eq!(pending.take(ms(190), &bounds()), some(&["a", "b"], &[]));
        assert_eq!(pending.due(&bounds()), None);
        // Something changes all the time.
        for now in (200..1250).step_by(50) {
            pending.environments(ms(now), [&id("a")]);
            let taken = pending.take(ms(now), &bounds());
            assert_eq!(taken.is_some(), now == 1200, "{now}");
        }
    }

    #[test]
    fn a_look_is_followed_by_a_rest() {
        let mut pending = Pending::default();
        pending.everything(ms(0));
        let work = pending.take(ms(100), &bounds()).unwrap();
        assert_eq!(work, Work::Everything);
        pending.rest(&work, ms(100), ms(1000), &bounds());
        pending.everything(ms(200));
        pending.environments(ms(200), [&id("a")]);
        // A look at everything does not hold up one that is small.
        let work = pending.take(ms(300), &bounds()).unwrap();
        assert_eq!(Some(&work), some(&["a"], &[]).as_ref());
        pending.rest(&work, ms(300), ms(50), &bounds());
        pending.environments(ms(300), [&id("a")]);
        assert_eq!(pending.due(&bounds()), Some(ms(500)));
        pending.environments(ms(4090), [&id("a")]);
        assert_eq!(pending.take(ms(4100), &bounds()), Some(Work::Everything));
        assert_eq!(pending.due(&bounds()), None);
    }

    #[test]
    fn many_folders_are_everything() {
        let mut pending = Pending::default();
        for folder in ["/w/a/b", "/w/a", "/w/c", "/w/ab"] {
            pending.folder(ms(0), folder.into());
        }
        assert_eq!(pending.take(ms(100), &bounds()), some(&[], &["/w/a", "/w/ab", "/w/c"]));
        for number in 0..1000 {
            pending.folder(ms(200), format!("/w/{number}").into());
        }
        assert!(pending.folders.len() <= MOST_FOLDERS);
        assert_eq!(pending.take(ms(300), &bounds()), Some(Work::Everything));
    }
}
