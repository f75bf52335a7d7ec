//! The service: keeps what is known of the environments of this machine up to date, and tells it.
//!
//! - [`Service`] is what it knows and does next. It reads no clock and waits for nothing: whoever drives it
//!   says what time it is, and is told when to come again, so that a day can be gone through in seconds.
//! - [`run`] drives one by the clock of the machine, until it is told to stop.
//!
//! ```text
//! notifications ─► heard ─► places (whom does it concern?) ─► pending (until it is quiet) ─► look
//! stamps, where there are none ─┘                                   look ─► state ─► output, at once
//! control ─────────────────────────► run                            look ─► memory, when it is settled
//! ```
//!
//! Only what a change concerns is looked at again: an environment, what stands on it, or a folder that is new.
//! Now and then everything is. Watches, stamps, what waits and the share of time that looking takes have
//! [`Bounds`]; when nothing changes nothing is done but a full look every so often.

use std::path::PathBuf;
use std::time::Duration;

mod heard;
pub mod instance;
mod memory;
mod output;
mod pending;
mod places;
mod run;
mod service;
mod state;
mod watches;

pub use heard::Heard;
pub use instance::Instance;
pub use output::{Error as OutputError, Output};
pub use run::{Error, Running, run};
pub use service::{Counts, Service};
pub use state::{Change, State, What};

pub use crate::system::Termination;

/// What to keep up to date, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folders to walk beside the known places, absolute.
    pub workspaces: Vec<PathBuf>,
    /// The folder of what is remembered (`engine::place`).
    pub folder: PathBuf,
    /// The file of the cache, as a check has it.
    pub cache: Option<PathBuf>,
    /// Whether the system is asked to tell changes; else all is found by looking at stamps.
    pub notifications: bool,
    /// See there.
    pub bounds: Bounds,
}

/// How much is done, and how soon.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// After a change, until nothing more changes.
    pub quiet: Duration,
    /// After a change, also while more changes come.
    pub longest: Duration,
    /// After the last change, until it is recorded: what is being installed is not kept half-way.
    pub settled: Duration,
    /// After the first change that is not recorded, also while more come.
    pub record: Duration,
    /// Between two looks at everything.
    pub sweep: Duration,
    /// Between two looks at stamps, where the system tells no changes.
    pub poll: Duration,
    /// The same, where the system tells of whole trees, which may not be all.
    pub check: Duration,
    /// Folders that the system is asked about. It counts them for all programs of the user.
    pub watches: usize,
    /// Folders whose stamps are looked at.
    pub polled: usize,
    /// Of these, so many at a time.
    pub polled_at_once: usize,
    /// Folders of workspaces among all of them.
    pub folders: usize,
    /// For each second of looking, so many seconds of rest.
    pub rest: u32,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            quiet: Duration::from_millis(100),
            longest: Duration::from_secs(1),
            settled: Duration::from_secs(2),
            record: Duration::from_secs(60),
            sweep: Duration::from_secs(15 * 60),
            poll: Duration::from_secs(2),
            check: Duration::from_secs(20),
            watches: 8192,
            polled: 20_000,
            polled_at_once: 2_000,
            folders: 4_096,
            rest: 4,
        }
    }
}

#[cfg(test)]
mod tests;
