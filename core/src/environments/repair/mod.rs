//! Repairs an environment in place: findings in, a plan out; the plan carried out so that a kill at any
//! moment loses nothing.
//!
//! - [`plan`] turns facts and findings into a [`Plan`]: data, nothing is written. One file for each
//!   family of findings.
//! - [`journal`] makes a plan durable before the first change: what is to stand at each path, and what
//!   stood there.
//! - [`apply`] carries a journal out, takes it back, or goes on with one that was interrupted.
//!
//! Nothing of the environment is run, nothing outside of its prefix is written, and nothing is deleted:
//! what a repair removes or replaces lies in `.aios-repair` in the prefix until it is pruned.

use std::path::{Path, PathBuf};

use super::health::{Code, Finding, Subject};
use super::named;

mod archive;
pub mod change;
mod disk;
mod packages;

use change::Change;
pub use disk::{Disk, RealDisk};

/// Where repairs keep their journals and what they replaced, below the prefix.
pub const FOLDER: &str = ".aios-repair";

named! {
    /// What a step does.
    Action {
        /// Writes `pyvenv.cfg` again, or some of its keys.
        WriteMarker = "write-pyvenv-cfg",
        /// Links or copies the interpreter of the base into the environment.
        LinkInterpreter = "link-interpreter",
        /// Gives execute bits back.
        MakeExecutable = "make-executable",
        /// Gives rights back.
        GiveRights = "give-rights",
        /// Writes the present place into activate scripts.
        RewriteActivate = "rewrite-activate",
        /// Writes the present place into the first lines of scripts.
        RewriteShebangs = "rewrite-shebangs",
        /// Points an editable install to where its project is.
        RelinkEditable = "relink-editable",
        /// Writes the script of a declared command.
        WriteScript = "write-script",
        /// Moves away what an interrupted installer left.
        RemoveLeftover = "remove-leftover",
        /// Gives a file of a distribution back as it was installed.
        RestoreFiles = "restore-files",
        /// Installs a distribution again, in the same version.
        Reinstall = "reinstall",
        /// Installs pip again, from the wheel that the base bundles.
        RestorePip = "restore-pip",
        /// Makes a folder or link that belongs to the layout.
        RestoreLayout = "restore-layout",
    }
}

/// One step of a plan: changes that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// The findings that it is for.
    pub reasons: Vec<Code>,
    /// In one sentence without full stop, for people: what is done and by what evidence.
    pub what: String,
    /// In the order in which they are made.
    pub changes: Vec<Change>,
}

/// A finding that the plan does nothing about, and what the user can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsolved {
    /// The finding.
    pub code: Code,
    /// What is missing, and the next step: a command, a file to bring, a choice to make.
    pub hint: String,
}

/// What is to be done about an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The prefix.
    pub prefix: PathBuf,
    /// In the order in which they are done.
    pub steps: Vec<Step>,
    /// What stays as it is.
    pub unsolved: Vec<Unsolved>,
}

/// What the user allows and brings.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Decides which base the environment stands on, where several fit.
    pub base: Option<PathBuf>,
    /// Folders with wheels, asked before anything else.
    pub wheelhouses: Vec<PathBuf>,
}

/// One broken environment, while it is planned for.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What stands on disk.
    pub subject: &'a Subject<'a>,
    /// What is wrong with it.
    pub findings: &'a [Finding],
    /// What the user allows and brings.
    pub options: &'a Options,
}

impl<'a> Case<'a> {
    /// The prefix.
    pub fn prefix(&self) -> &'a Path {
        &self.subject.facts.prefix
    }

    /// The findings with this code.
    pub fn of(&self, code: Code) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| finding.code == code)
    }

    /// Whether there is a finding with one of these codes.
    pub fn has(&self, codes: &[Code]) -> bool {
        self.findings.iter().any(|finding| codes.contains(&finding.code))
    }
}

/// Turns facts and findings into a plan. Reads the disk, writes nothing.
pub fn plan(case: &Case<'_>) -> Plan {
    let mut plan = Plan { prefix: case.prefix().to_path_buf(), ..Plan::default() };
    packages::plan(case, &mut plan);
    plan
}

/// The distributions that a plan lacks wheels for, as an installer takes them (`idna==3.10`).
pub fn missing_wheels(case: &Case<'_>) -> Vec<String> {
    packages::missing_wheels(case)
}
