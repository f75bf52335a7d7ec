//! From a host and a request to environments and their findings: follows leads, walks workspaces,
//! identifies, merges, and judges each environment once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::health::{Depth, Finding, Severity};
use super::{Environment, EnvironmentKind, Problem, Status};

mod cache;
mod folders;
mod follow;
mod guard;
mod identify;
mod kind;
mod named;
mod one;
mod run;
mod sources;
mod walk;

pub use folders::walked_folders;
pub use one::{Earlier, examine_one, inspect_again, is_prefix};
pub use run::{inspect, inspect_workspaces};

/// What to look for, and how far.
#[derive(Debug, Clone)]
pub struct Request {
    /// Environments, interpreters or folders to walk. When there are any, nothing else is looked at.
    pub paths: Vec<PathBuf>,
    /// Folders to walk beside the known places of the machine.
    pub workspaces: Vec<PathBuf>,
    /// How much of each environment to read.
    pub depth: Depth,
    /// Where a walk ends.
    pub limits: Limits,
    /// File that keeps what was read, for the next run. `None` keeps nothing.
    pub cache: Option<PathBuf>,
    /// Shared with whoever shows progress or wants to stop.
    pub progress: Arc<Progress>,
}

/// Bounds of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Folders below the root of a walk.
    pub depth: usize,
    /// Entries of all folders together.
    pub entries: usize,
    /// Wall time of all walks together.
    pub time: std::time::Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { depth: 64, entries: 20_000_000, time: std::time::Duration::from_secs(120) }
    }
}

/// Counters that another thread may watch, and the wish to stop.
#[derive(Debug, Default)]
pub struct Progress {
    /// Folders read so far.
    pub folders: AtomicUsize,
    /// Environments identified so far.
    pub environments: AtomicUsize,
    /// Environments judged so far.
    pub checked: AtomicUsize,
    /// Set to end early; what is done until then is returned.
    pub stop: Arc<AtomicBool>,
}

/// An environment and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The environment.
    pub environment: Environment,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// What the source that led to it knows of its kind, for whoever looks at it again.
    pub hint: Option<EnvironmentKind>,
    /// Of the record, its findings and the stamps of all that a check told them from: equal for what is equal.
    /// `None` where nothing is cached, or they were told from more than can be stamped.
    pub seal: Option<Seal>,
}

/// A digest of what was told, and from what.
pub type Seal = [u8; 32];

impl Inspected {
    /// The worst finding in one word.
    pub fn status(&self) -> Status {
        match self.findings.iter().map(|finding| finding.severity).max() {
            Some(Severity::Error) => Status::Broken,
            Some(Severity::Warning) => Status::Warning,
            _ => Status::Healthy,
        }
    }
}

/// What an inspection gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Sorted by prefix.
    pub environments: Vec<Inspected>,
    /// What could not be looked at.
    pub problems: Vec<Problem>,
}

#[cfg(test)]
mod tests;
