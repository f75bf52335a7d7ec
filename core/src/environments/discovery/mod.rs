//! Where environments may be: an ordered list of sources, each of which names leads.
//!
//! A source reads names, links and small text files; it runs nothing and judges nothing. Leads are
//! followed, identified and merged by `environments::inspection`.

use std::path::PathBuf;

use super::{EnvironmentKind, Problem, Source};

/// Where to look, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// What to look at.
    pub target: Target,
    /// Which source named it.
    pub source: Source,
    /// Why, in words that complete "found because ...": the variable, the file that names it.
    pub detail: String,
    /// What an environment there is, when its place alone says so.
    pub kind: Option<EnvironmentKind>,
}

/// What a lead names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The prefix of an environment or installation.
    Prefix(PathBuf),
    /// An interpreter; its prefix follows from it.
    Executable(PathBuf),
    /// A folder whose children are prefixes (`~/.virtualenvs`).
    Children(PathBuf),
    /// A folder to walk as deep as the limits allow.
    Tree(PathBuf),
}

/// What the sources write to.
#[derive(Debug, Default)]
pub struct Leads {
    /// In the order of precedence.
    pub leads: Vec<Lead>,
    /// Files that name environments and could not be read.
    pub problems: Vec<Problem>,
}

/// Every lead of the machine.
pub fn sources(host: &crate::host::Host) -> Leads {
    let mut leads = Leads::default();
    if let Some(home) = &host.home {
        leads.leads.push(Lead {
            target: Target::Tree(home.clone()),
            source: Source::Workspace,
            detail: "the home folder is walked".to_owned(),
            kind: None,
        });
    }
    leads
}

/// What editors' settings in a project name.
pub fn in_project(
    host: &crate::host::Host,
    project: &std::path::Path,
    entries: &[crate::fs::Entry],
    leads: &mut Leads,
) {
    let _ = (host, project, entries, leads);
}
