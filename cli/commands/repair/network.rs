//! `--network allow`: wheels that no place of this machine has are fetched into a temporary folder, and
//! the plan is made again with them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use aios_core::environments::inspection::{Earlier, examine_one};
use aios_core::environments::repair::{self, Case, Disk, Fetched, Network, Options, RealDisk};
use tempfile::TempDir;

use super::Job;
use super::one::{Look, look};
use crate::output::message;

/// What was fetched may require more; nothing in use has so many.
const MOST_TRIED: usize = 5_000;

/// What one run of the program fetches. The folders go away with it.
#[derive(Default)]
pub(super) struct Fetching(RefCell<Vec<TempDir>>);

impl Job<'_> {
    /// Fetches what the plan lacks, where that is allowed, and looks again.
    pub(super) fn complete(&self, mut looked: Look, prefix: &Path, earlier: &Earlier) -> Look {
        let mut tried = BTreeSet::new();
        while looked.refusal.is_none() && self.fetch_more(prefix, &looked.missing, &mut tried) {
            let Some(again) = look(self, prefix, earlier) else { break };
            looked = again;
        }
        looked
    }

    /// Fetches those of the missing wheels that were not tried, for the environment at the prefix. Whether
    /// there were any: then a plan is to be made again.
    pub(super) fn fetch_more(
        &self,
        prefix: &Path,
        missing: &[String],
        tried: &mut BTreeSet<String>,
    ) -> bool {
        let mut options = self.options.borrow_mut();
        let own = Options { replaces: options.replaces.clone(), ..Options::default() };
        let Network::Allowed(fetched) = &mut options.network else { return false };
        tried.extend(fetched.unavailable.iter().map(|(pin, _)| pin.clone()));
        let missing: Vec<String> =
            missing.iter().filter(|pin| !tried.contains(*pin)).cloned().collect();
        if missing.is_empty() || tried.len() > MOST_TRIED || self.is_stopped() {
            return false;
        }
        tried.extend(missing.iter().cloned());
        let more = self.fetch(prefix, &missing, &own);
        fetched.wheelhouses.extend(more.wheelhouses);
        fetched.unavailable.extend(more.unavailable);
        true
    }

    fn fetch(&self, prefix: &Path, missing: &[String], options: &Options) -> Fetched {
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
        if !self.args.view.quiet {
            message::note(&format!("fetching {}", missing.join(", ")));
        }
        let fetched = examine_one(self.host, prefix, &self.earlier(), |subject, findings| {
            let case = Case { subject, findings, options };
            repair::fetch(&case, missing, &place, &self.progress.stop)
        });
        self.fetching.0.borrow_mut().push(folder);
        fetched.unwrap_or_else(|| unavailable("there is no environment any more"))
    }
}
