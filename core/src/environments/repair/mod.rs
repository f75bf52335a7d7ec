//! Repairs an environment in place: findings in, a plan out; the plan carried out so that a kill at any
//! moment loses nothing.
//!
//! - [`plan`] turns facts and findings into a [`Plan`]: data, nothing is written. One file for each
//!   family of findings.
//! - `journal` makes a plan durable before the first change: what is to stand at each path, and what
//!   stood there.
//! - `apply` carries a journal out or takes it back, wherever it was interrupted.
//! - [`Session`] is one repair from start to end, and the only one of its environment meanwhile.
//!
//! Nothing is fetched but by [`fetch`]. Nothing of the environment is run, nothing outside of its prefix is
//! written, and nothing is deleted: what a repair removes or replaces lies in `.aios-repair` in the prefix
//! until it is pruned.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::facts::Shape;
use super::health::{Code, Finding, Subject};
use super::named;
use crate::{shell, system};

mod activation;
mod apply;
mod base;
pub mod change;
mod conda;
mod disk;
mod editables;
mod elsewhere;
mod fresh;
mod interpreter;
mod journal;
mod judge;
mod layout;
mod marker;
mod packages;
mod place;
mod programs;
mod record;
pub mod recreate;
mod remembered;
mod rights;
mod running;
mod session;

#[cfg(test)]
mod fabricated;
#[cfg(test)]
mod tests;

use change::Change;
pub use disk::{Disk, Fill, RealDisk};
pub use fresh::carry_out_fresh;
pub use judge::{
    KEPT, MOST_ROUNDS, errors, is_better, is_foreign, leads_on, needs_repair, refusal,
};
pub use packages::Fetched;
pub(in crate::environments) use packages::original::{is_origin, is_whole};
pub(in crate::environments) use packages::record::write as installed_record;
pub use remembered::{Goal, Remembered, RememberedDistribution, RememberedFile};
pub use running::{Process, running};
pub use session::{End, Ended, Past, Session, Verdict, list, unfinished};

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
        /// Writes the present prefix into conda's files.
        RewritePrefix = "rewrite-prefix",
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
        /// Gives a new environment a distribution of the old one.
        CopyDistribution = "copy-distribution",
        /// Gives a new environment the files of the old one's user.
        CarryFiles = "carry-files",
        /// Writes activate scripts that are gone.
        WriteActivate = "write-activate",
        /// Makes an empty environment.
        MakeEnvironment = "make-environment",
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
    /// Whether wheels may be fetched, and what came.
    pub network: Network,
    /// The environment that this one is to take the place of: nothing of it is run either.
    pub replaces: Option<PathBuf>,
    /// The last healthy state: evidence for which base, which distributions and which `pyvenv.cfg`.
    pub remembered: Option<Remembered>,
    /// What the plan is to lead to.
    pub goal: Goal,
}

/// Whether wheels that are not on this machine may be fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Network {
    /// Nothing is.
    #[default]
    Never,
    /// What [`fetch`] brought so far.
    Allowed(Fetched),
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

    /// The environments of which nothing is run.
    fn broken(&self) -> Vec<&'a Path> {
        [Some(self.prefix()), self.options.replaces.as_deref()].into_iter().flatten().collect()
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

/// What there is to do about the findings of severity `error` and `warning`. Writes nothing.
pub fn plan(case: &Case<'_>) -> Plan {
    let mut plan = Plan { prefix: case.prefix().to_path_buf(), ..Plan::default() };
    if case.has(&[Code::RepairInterrupted]) {
        // What stands there is half of what another plan makes of it.
        elsewhere::plan(case, &mut plan);
        return plan;
    }
    let needs_base = case.findings.iter().any(|finding| is_about_base(finding.code));
    let returns = case.options.goal == Goal::Remembered;
    if needs_base || returns && case.subject.facts.shape == Shape::Virtual {
        match base::decide(case) {
            Ok(base) if !needs_base => marker::plan_return(case, &base, &mut plan),
            Ok(base) => {
                interpreter::plan(case, &base, &mut plan);
                marker::plan(case, &base, &mut plan);
                activation::plan(case, &base, &mut plan);
            }
            Err(unsolved) => plan.unsolved.push(unsolved),
        }
    }
    layout::plan(case, &mut plan);
    place::plan(case, &mut plan);
    editables::plan(case, &mut plan);
    conda::plan(case, &mut plan);
    rights::plan(case, &mut plan);
    packages::plan(case, &mut plan);
    elsewhere::plan(case, &mut plan);
    record::plan(case, &mut plan);
    plan
}

/// A path as it is typed, for hints.
fn typed(path: &Path) -> String {
    shell::word(&path.display().to_string()).into_owned()
}

/// Whether repairing it takes the installation that the environment stands on.
fn is_about_base(code: Code) -> bool {
    interpreter::CODES.contains(&code)
        || marker::CODES.contains(&code)
        || code == Code::BasePythonMissing
}

/// Why a repair could not be carried out, gone on with or taken back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// "replace", "write", ...
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A plan would change something outside of the environment. This is a defect of aios.
    #[error("`{}` is outside of the environment and is not changed", path.display())]
    Outside {
        /// The path.
        path: PathBuf,
    },
    /// Something else stands there than the plan was made for.
    #[error("`{}` changed since the plan was made; check again", path.display())]
    Unexpected {
        /// The path.
        path: PathBuf,
    },
    /// Somebody changed it between the repair and now.
    #[error("`{}` was changed by somebody else since the repair, and is left as it is", path.display())]
    Changed {
        /// The path.
        path: PathBuf,
    },
    /// A program would run with the rights of its owner or group: nothing that a repair makes does.
    #[error("`{}` has or would get a setuid or setgid bit, and is not changed", path.display())]
    SetId {
        /// The file or folder.
        path: PathBuf,
    },
    /// It was asked to stop ([`Session::stopped_by`]).
    #[error("interrupted")]
    Stopped,
    /// Another program has the file open, or runs it, and the system lets nobody replace it meanwhile.
    #[error("`{}` is in use by a running program", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Another process repairs this environment.
    #[error("another repair of `{}` is under way", prefix.display())]
    Busy {
        /// The environment.
        prefix: PathBuf,
    },
    /// An earlier repair was killed.
    #[error("a repair of `{}` was interrupted ({name})", prefix.display())]
    Interrupted {
        /// The environment.
        prefix: PathBuf,
        /// The repair.
        name: String,
    },
    /// A repair failed, and taking it back failed too.
    #[error("{first}; taking it back failed as well: {second}")]
    Stuck {
        /// Why the repair failed.
        first: Box<Error>,
        /// Why taking it back failed.
        second: Box<Error>,
    },
    /// A journal cannot be used.
    #[error("the journal `{}` {reason}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    pub(in crate::environments) fn io(
        what: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| match system::is_in_use_for_replacing(&source, &path) {
            true if matches!(what, "replace" | "rename" | "remove") => Error::InUse { path },
            _ => Error::Io { what, path, source },
        }
    }
}

/// The distributions that a plan lacks wheels for, as an installer takes them (`idna==3.10`).
pub fn missing_wheels(case: &Case<'_>) -> Vec<String> {
    packages::missing_wheels(case)
}

/// The distributions that were added since the remembered state (`idna==3.10`), in order: they stay.
pub fn added(case: &Case<'_>) -> Vec<String> {
    packages::added(case)
}

/// Fetches such wheels with pip or uv into `folder`, which stands and is the user's own. This is the only thing
/// of a repair that runs a program and uses the network. `stop` ends it.
pub fn fetch(case: &Case<'_>, pins: &[String], folder: &Path, stop: &AtomicBool) -> Fetched {
    packages::fetch(case, pins, folder, stop)
}
