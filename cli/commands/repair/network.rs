//! `--network allow`: wheels that no place of this machine has are fetched into a temporary folder, and
//! the plan is made again with them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aios_core::Host;
use aios_core::environments::inspection::{Progress, examine_one};
use aios_core::environments::repair::{self, Case, Disk, Fetched, Network, Options, RealDisk};
use tempfile::TempDir;

use super::Look;
use crate::interrupt;
use crate::output::message;

/// What was fetched may require more; nothing in use has so many.
const MOST_TRIED: usize = 5_000;

/// What one run of the program fetches. The folders go away with it.
pub(super) struct Fetching {
    progress: Arc<Progress>,
    folders: Vec<TempDir>,
    quiet: bool,
}

impl Fetching {
    pub(super) fn new(quiet: bool) -> Fetching {
        Fetching { progress: Progress::default().into(), folders: Vec::new(), quiet }
    }

    /// Whether the user pressed Ctrl-C while something was fetched.
    pub(super) fn is_interrupted(&self) -> bool {
        self.progress.stop.load(Ordering::Relaxed)
    }

    /// Fetches what the plan lacks, where that is allowed, and looks again.
    pub(super) fn complete(
        &mut self,
        mut look: Look,
        host: &Host,
        prefix: &Path,
        options: &mut Options,
    ) -> Look {
        let mut tried = BTreeSet::new();
        while look.refusal.is_none() && self.more(host, prefix, &look.missing, &mut tried, options)
        {
            let Some(again) = super::look(host, prefix, options) else { break };
            look = again;
        }
        look
    }

    /// Fetches those of the missing wheels that were not tried, for the environment at the prefix. Whether
    /// there were any: then a plan is to be made again.
    pub(super) fn more(
        &mut self,
        host: &Host,
        prefix: &Path,
        missing: &[String],
        tried: &mut BTreeSet<String>,
        options: &mut Options,
    ) -> bool {
        let Network::Allowed(fetched) = &mut options.network else { return false };
        tried.extend(fetched.unavailable.iter().map(|(pin, _)| pin.clone()));
        let missing: Vec<String> =
            missing.iter().filter(|pin| !tried.contains(*pin)).cloned().collect();
        if missing.is_empty() || tried.len() > MOST_TRIED || self.is_interrupted() {
            return false;
        }
        tried.extend(missing.iter().cloned());
        let own = Options { replaces: options.replaces.clone(), ..Options::default() };
        let more = self.fetch(host, prefix, &missing, &own);
        fetched.wheelhouses.extend(more.wheelhouses);
        fetched.unavailable.extend(more.unavailable);
        true
    }

    /// What ends what is running, when the user presses Ctrl-C.
    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    fn fetch(
        &mut self,
        host: &Host,
        prefix: &Path,
        missing: &[String],
        options: &Options,
    ) -> Fetched {
        let unavailable = |reason: &str| Fetched {
            wheelhouses: Vec::new(),
            unavailable: missing.iter().map(|pin| (pin.clone(), reason.to_owned())).collect(),
        };
        let folder = match tempfile::Builder::new().prefix("aios-").tempdir() {
            Ok(folder) => folder,
            Err(error) => return unavailable(&format!("cannot make a temporary folder: {error}")),
        };
        // What comes is nobody else's to change or to see.
        if let Err(error) = RealDisk.set_mode(folder.path(), 0o700) {
            return unavailable(&format!("cannot guard a temporary folder: {error}"));
        }
        // Without links, as other programs name it.
        let place = aios_core::fs::canonical(folder.path());
        let place = place.unwrap_or_else(|_| folder.path().to_path_buf());
        if !self.quiet {
            message::note(&format!("fetching {}", missing.join(", ")));
        }
        interrupt::stop_on_ctrl_c(&self.progress);
        let fetched = examine_one(host, prefix, |subject, findings| {
            let case = Case { subject, findings, options };
            repair::fetch(&case, missing, &place, &self.progress.stop)
        });
        interrupt::end_at_once_from_now();
        self.folders.push(folder);
        fetched.unwrap_or_else(|| unavailable("there is no environment any more"))
    }
}
