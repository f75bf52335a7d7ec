//! What was published, copied out of shared memory: a view that stays pinned would keep the publisher from a slot
//! for as long as somebody looks at a screen. Texts are as they were on disk, not safe to show.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use aios_core::buffer::event::Event;
use aios_core::publish::environments as published;
use aios_core::{Severity, Status};

/// All environments at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) environments: Vec<Environment>,
    /// What could not be looked at.
    pub(crate) problems: usize,
    /// When it was looked at, milliseconds since 1970.
    pub(crate) time_ms: u64,
    /// The snapshot that remembers them.
    pub(crate) snapshot: Option<u64>,
    /// The version of the program that published it.
    pub(crate) engine: String,
}

impl Picture {
    pub(crate) fn of(found: &published::Environments<'_>) -> Picture {
        let time = found.time().duration_since(UNIX_EPOCH).unwrap_or_default();
        Picture {
            environments: found.iter().map(|one| Environment::of(&one)).collect(),
            problems: found.problems().len(),
            time_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            snapshot: found.snapshot(),
            engine: found.engine().to_owned(),
        }
    }

    /// How many environments have this status.
    pub(crate) fn count(&self, status: Status) -> usize {
        self.environments.iter().filter(|one| one.status == status).count()
    }
}

/// An environment and its findings. What is not known is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Environment {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) version: String,
    pub(crate) implementation: String,
    pub(crate) prefix: PathBuf,
    pub(crate) base: PathBuf,
    pub(crate) project: PathBuf,
    pub(crate) manager: String,
    pub(crate) status: Status,
    /// Worst first.
    pub(crate) findings: Vec<Finding>,
}

impl Environment {
    fn of(one: &published::Environment<'_>) -> Environment {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let path = |path: Option<published::Path<'_>>| path.map(path_of).unwrap_or_default();
        let version = one.version().map(|version| format!("{version}{}", one.abi_flags()));
        Environment {
            id: one.id().to_owned(),
            kind: one.kind().to_owned(),
            version: version.unwrap_or_default(),
            implementation: text(one.implementation()),
            prefix: path_of(one.prefix()),
            base: path(one.base_prefix()),
            project: path(one.project()),
            manager: text(one.manager()),
            status: one.status(),
            findings: one.findings().map(|finding| Finding::of(&finding)).collect(),
        }
    }

    /// Whether a word in small letters is part of what is shown of it.
    pub(crate) fn mentions(&self, word: &str) -> bool {
        let has = |text: &str| text.to_lowercase().contains(word);
        has(&self.prefix.to_string_lossy())
            || has(&self.kind)
            || has(&self.version)
            || has(&self.manager)
            || self.findings.iter().any(|finding| has(&finding.code))
    }
}

/// One thing that somebody should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// As it is public; this program may not know it.
    pub(crate) code: String,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) effect: String,
    pub(crate) remedy: String,
    pub(crate) path: PathBuf,
}

impl Finding {
    fn of(finding: &published::Finding<'_>) -> Finding {
        Finding {
            code: finding.code().to_owned(),
            severity: finding.severity(),
            message: finding.message().to_owned(),
            effect: finding.effect().to_owned(),
            remedy: finding.remedy().to_owned(),
            path: finding.paths().next().map(path_of).unwrap_or_default(),
        }
    }
}

/// A path of another system, which nobody here can have, as far as it is text.
fn path_of(path: published::Path<'_>) -> PathBuf {
    path.to_path_buf().unwrap_or_else(|| path.to_string_lossy().into_owned().into())
}

/// What happened, from the ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happened {
    /// Something happened to an environment, or to the machine.
    Event { time_ms: u64, event: Event },
    /// So many records were overwritten before they were read.
    Missed(u64),
}
