//! From leads to prefixes: an interpreter leads to the environment it runs in, a folder of
//! environments to each of them.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Request, named};
use crate::environments::discovery::{Lead, Leads, Target};
use crate::environments::facts::{Known, LinkEnd};
use crate::environments::image::Format;
use crate::environments::repair::recreate::is_aside;
use crate::environments::{EnvironmentKind, Found, PythonTag, Source};
use crate::fs::{self, Kind};
use crate::host::Host;

/// A prefix to look at, with everything that led to it.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Canonical.
    pub(super) prefix: PathBuf,
    /// Which of several installations in one prefix is meant.
    pub(super) wanted: Option<PythonTag>,
    /// Other names of the prefix.
    pub(super) aliases: Vec<PathBuf>,
    /// Why, in the order of the leads.
    pub(super) found: Vec<Found>,
    /// What the best source knows of its kind.
    pub(super) hint: Option<EnvironmentKind>,
}

/// What the leads come to.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// Each prefix once, in the order of the leads.
    pub(super) candidates: Vec<Candidate>,
    /// Folders to walk, each once and none below another.
    pub(super) roots: Vec<PathBuf>,
    /// Where the candidates of a prefix stand: a store may have a hundred thousand children.
    places: HashMap<OsString, Vec<usize>>,
}

/// Follows every lead.
pub(super) fn follow(host: &Host, leads: &Leads, known: &Known) -> Followed {
    let mut followed = Followed::default();
    for lead in &leads.leads {
        match &lead.target {
            Target::Prefix(prefix) if !is_named(lead) && stands_aside(prefix) => {}
            Target::Prefix(prefix) => followed.prefix(prefix, None, lead),
            Target::Children(folder) => {
                for entry in fs::list(folder).unwrap_or_default() {
                    if matches!(entry.kind, Kind::Folder | Kind::Link)
                        && !is_aside(folder, &entry.name)
                    {
                        followed.prefix(&folder.join(entry.name), None, lead);
                    }
                }
            }
            Target::Executable(executable) => followed.executable(executable, lead, known),
            Target::Tree(folder) => followed.tree(folder),
        }
    }
    // A user's own scripts share `~/.local` with packages of `pip install --user`: no environment.
    let user_base = host.home_place(".local").and_then(|folder| fs::canonical(&folder).ok());
    followed.candidates.retain(|candidate| Some(&candidate.prefix) != user_base.as_ref());
    let roots = std::mem::take(&mut followed.roots);
    followed.roots = roots
        .iter()
        .filter(|root| !roots.iter().any(|other| *root != other && root.starts_with(other)))
        .cloned()
        .collect();
    followed
}

/// Whether somebody names just this prefix; the others list what stands in a folder.
fn is_named(lead: &Lead) -> bool {
    matches!(lead.source, Source::Argument | Source::Active | Source::Editor | Source::Unit)
}

fn stands_aside(prefix: &Path) -> bool {
    prefix.parent().zip(prefix.file_name()).is_some_and(|(folder, name)| is_aside(folder, name))
}

impl Followed {
    fn prefix(&mut self, named: &Path, wanted: Option<PythonTag>, lead: &Lead) {
        let Ok(prefix) = fs::canonical(named) else { return };
        let found = Found { source: lead.source, detail: lead.detail.clone().into() };
        let alias = fs::other_name(named, &prefix).filter(|_| lead.source != Source::Base);
        // A prefix that is named without a minor version means whatever is there.
        let places = self.places.entry(prefix.as_os_str().to_owned()).or_default();
        let same = |place: &&usize| {
            let known = self.candidates[**place].wanted;
            known == wanted || known.is_none() || wanted.is_none()
        };
        match places.iter().find(same) {
            Some(place) => {
                let candidate = &mut self.candidates[*place];
                candidate.wanted = candidate.wanted.or(wanted);
                candidate.hint = candidate.hint.or(lead.kind);
                candidate.add(found, alias);
            }
            None => {
                places.push(self.candidates.len());
                self.candidates.push(Candidate {
                    prefix,
                    wanted,
                    aliases: alias.into_iter().collect(),
                    found: vec![found],
                    hint: lead.kind,
                });
            }
        }
    }

    fn executable(&mut self, executable: &Path, lead: &Lead, known: &Known) {
        let Some((prefix, wanted)) = prefix_of(executable, known) else { return };
        self.prefix(&prefix, wanted, lead);
    }

    fn tree(&mut self, folder: &Path) {
        if let Ok(root) = fs::canonical(folder)
            && !self.roots.contains(&root)
        {
            self.roots.push(root);
        }
    }
}

impl Candidate {
    /// Adds a reason and a name, each once.
    pub(super) fn add(&mut self, found: Found, alias: Option<PathBuf>) {
        if !self.found.contains(&found) {
            self.found.push(found);
        }
        if let Some(alias) = alias.filter(|alias| !self.aliases.contains(alias)) {
            self.aliases.push(alias);
        }
    }
}

/// The prefix that an interpreter runs in, and which of its installations it is.
///
/// As the interpreter itself does it: a marker beside the name as given wins; then each link of the
/// chain; then the installation at its end. Scripts (shims, wrappers) are no interpreters.
pub(super) fn prefix_of(executable: &Path, known: &Known) -> Option<(PathBuf, Option<PythonTag>)> {
    let mut path = executable.to_path_buf();
    for _ in 0..40 {
        let folder = path.parent()?;
        if let Some(prefix) = marked(folder) {
            return Some((prefix, None));
        }
        match std::fs::read_link(&path) {
            Ok(target) => path = folder.join(target),
            Err(_) => break,
        }
    }
    let end = known.ends.follow(executable);
    let LinkEnd::File { canonical, image: Ok(image), .. } = &end else { return None };
    if let Some(prefix) = canonical.parent().and_then(marked) {
        return Some((prefix, None));
    }
    if image.format == Format::Script {
        return None;
    }
    let installation = known.installations.of(&end)?;
    installation.stdlib.as_ref()?;
    Some((installation.prefix.clone(), installation.tag))
}

/// The prefix whose scripts (or, on Windows, whose interpreter) are in `folder`.
fn marked(folder: &Path) -> Option<PathBuf> {
    let is_prefix = |prefix: &Path| {
        prefix.join("pyvenv.cfg").exists() || fs::is_folder(&prefix.join("conda-meta"))
    };
    let name = folder.file_name()?.to_str()?;
    if matches!(name, "bin" | "Scripts")
        && let Some(prefix) = folder.parent()
        && is_prefix(prefix)
    {
        return Some(prefix.to_path_buf());
    }
    is_prefix(folder).then(|| folder.to_path_buf())
}

fn lead(target: Target, source: Source, detail: &str) -> Lead {
    Lead { target, source, detail: detail.to_owned(), kind: None }
}

/// The leads to what is below these folders.
pub(super) fn leads_of_workspaces(host: &Host, workspaces: &[PathBuf]) -> Leads {
    let mut leads = Leads::default();
    for workspace in workspaces {
        let target = Target::Tree(host.absolute(workspace));
        leads.leads.push(lead(target, Source::Workspace, "the workspace is walked"));
    }
    leads
}

/// The leads of a request: what is named replaces everything else.
pub(super) fn leads(host: &Host, request: &Request, known: &Known) -> Leads {
    if request.paths.is_empty() {
        let mut leads = crate::environments::discovery::sources(host);
        leads.leads.extend(leads_of_workspaces(host, &request.workspaces).leads);
        return leads;
    }
    let mut leads = Leads::default();
    for path in &request.paths {
        match named::targets(&host.absolute(path), known) {
            Ok(targets) => {
                leads.leads.extend(targets.into_iter().map(|target| {
                    lead(target, Source::Argument, "it is named on the command line")
                }))
            }
            Err(problem) => leads.problems.push(problem),
        }
    }
    leads
}
