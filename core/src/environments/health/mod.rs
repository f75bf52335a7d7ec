//! Judges an environment: facts in, findings out. One file for each family of findings.
//!
//! A finding is one fact with a code, a severity, the paths concerned, the evidence in one sentence,
//! and how it can be repaired. Codes are public API; they stand once, in [`code`].

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::catalog::Catalog;
use super::distributions::Installed;
use super::facts::Facts;
use super::{Environment, Problem, named};
use crate::host::Host;
use crate::system;

#[cfg(test)]
mod builder;
mod code;
pub mod conda;
pub(super) mod dependencies;
pub mod editables;
mod extensions;
mod interpreter;
mod layout;
mod marker;
pub(super) mod packages;
mod place;
pub mod rights;
mod startup;
mod variables;
pub(super) mod whole;

pub use code::Code;
pub use packages::Families;
pub use place::Scripts;
pub use whole::{Fingerprint, Whole};

named! {
    /// How bad a finding is.
    Severity {
        /// Odd, and fine.
        Info = "info",
        /// Works, and will surprise.
        Warning = "warning",
        /// Something does not work.
        Error = "error",
    }
}

named! {
    /// How a finding can be repaired.
    Method {
        /// Within the environment, offline, packages kept.
        InPlace = "in-place",
        /// By installing the named distributions again.
        Reinstall = "reinstall",
        /// By building a new environment beside it.
        Recreate = "recreate",
        /// After the right Python is installed.
        NeedsBasePython = "needs-base-python",
        /// There is nothing to repair here; the message says what to do.
        None = "none",
    }
}

/// How a finding can be repaired, and what has to be installed again for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// The way.
    pub method: Method,
    /// `name==version` of each damaged distribution.
    pub distributions: Vec<String>,
}

/// One fact about an environment that somebody should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which kind of fact.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// The evidence in one sentence: what is observed, and what was expected. No full stop.
    pub message: String,
    /// The files and folders concerned.
    pub paths: Vec<PathBuf>,
    /// Whether and how it can be repaired.
    pub repair: Repair,
}

impl Finding {
    /// A finding with its code's own severity and way of repair.
    pub fn new(
        code: Code,
        message: impl Into<String>,
        paths: impl IntoIterator<Item = PathBuf>,
    ) -> Finding {
        Finding {
            code,
            severity: code.severity(),
            message: message.into(),
            paths: paths.into_iter().map(system::native).collect(),
            repair: Repair { method: code.method(), distributions: Vec::new() },
        }
    }

    /// The same, repaired by installing these (`name==version`) again.
    pub fn reinstalling(mut self, distributions: impl IntoIterator<Item = String>) -> Finding {
        self.repair = Repair {
            method: Method::Reinstall,
            distributions: distributions.into_iter().collect(),
        };
        self
    }

    /// The same, repaired another way than its code usually is.
    pub fn repaired_by(mut self, method: Method) -> Finding {
        self.repair.method = method;
        self
    }
}

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Marker, interpreter, base: what `find` reports as status.
    Outline,
    /// Also distributions, scripts, hooks: existence, size, zeros.
    Usual,
    /// Also the hash of every file of RECORD.
    Deep,
}

/// What the families look at.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The machine and the user who asks.
    pub host: &'a Host,
    /// The environment.
    pub environment: &'a Environment,
    /// What stands at its prefix.
    pub facts: &'a Facts,
    /// Its distributions; empty at [`Depth::Outline`].
    pub installed: &'a Installed,
    /// The installations of this machine, for an environment that lost its own.
    pub catalog: &'a Catalog<'a>,
    /// Distributions that need not be read again.
    pub whole: &'a Whole,
    /// How much to read.
    pub depth: Depth,
    /// Which of the distributions count.
    pub families: &'a Families<'a>,
}

/// What the families write to.
#[derive(Debug, Default)]
pub struct Report {
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub problems: Vec<Problem>,
    /// Places outside of the environment whose links were followed.
    pub followed: Vec<PathBuf>,
}

impl Report {
    /// Adds a finding with its code's own severity and way of repair.
    pub fn add(
        &mut self,
        code: Code,
        message: impl Into<String>,
        paths: impl IntoIterator<Item = PathBuf>,
    ) {
        self.findings.push(Finding::new(code, message, paths));
    }
}

/// Judges one environment. The families run in the order in which faults mask each other.
pub fn examine(subject: &Subject<'_>) -> Report {
    let mut report = Report::default();
    marker::check(subject, &mut report);
    interpreter::check(subject, &mut report);
    layout::check(subject, &mut report);
    if subject.depth > Depth::Outline {
        conda::check(subject, &mut report);
        place::check(subject, &mut report);
        packages::check(subject, &mut report);
        dependencies::check(subject, &mut report);
        editables::check(subject, &mut report);
        extensions::check(subject, &mut report);
        startup::check(subject, &mut report);
        rights::check(subject, &mut report);
        variables::check(subject, &mut report);
    }
    report
}
