//! Editable installs, and other paths that `.pth` files add: is what they name still there?
//!
//! A project that was moved is looked for, nearby and within bounds: at the same place relative to
//! the environment, then by its name.

use std::path::{Path, PathBuf};

use super::packages::{MAX_PATHS, title};
use super::{Code, Report, Subject};
use crate::environments::distributions::{Distribution, Site};
use crate::fs;

mod links;
mod search;

#[cfg(test)]
mod tests;

use links::Link;
pub(crate) use links::{mapping_line, next_string};
pub use search::Candidate;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    let mut lost: Vec<Lost<'_>> = Vec::new();
    for (site, current) in subject.families.current() {
        let links = links::of(site);
        lost.extend(current.filter_map(|distribution| lost_of(distribution, &links)));
        report_paths(site, &links, &lost, report);
    }
    let mut search = search::Search::of(subject, names(&lost));
    for one in &lost {
        let candidates = one.look_for(&mut search);
        report_lost(one, candidates.first(), report);
    }
}

/// The editable installs whose projects are gone from where they were, and where these may be now.
pub fn lost<'a>(subject: &'a Subject<'a>) -> Vec<(Lost<'a>, Vec<Candidate>)> {
    let mut lost: Vec<Lost<'a>> = Vec::new();
    for (site, current) in subject.families.current() {
        let links = links::of(site);
        lost.extend(current.filter_map(|distribution| lost_of(distribution, &links)));
    }
    let mut found = Vec::new();
    let mut search = search::Search::of(subject, names(&lost));
    for one in &lost {
        found.push(one.look_for(&mut search));
    }
    lost.into_iter().zip(found).collect()
}

fn names<'a>(lost: &[Lost<'a>]) -> impl Iterator<Item = &'a str> {
    lost.iter().map(|one| one.distribution.name.as_str()).collect::<Vec<_>>().into_iter()
}

/// An editable install with paths that are gone.
#[derive(Debug)]
pub struct Lost<'a> {
    /// What is installed so.
    pub distribution: &'a Distribution,
    /// The files that name the paths.
    pub files: Vec<PathBuf>,
    /// The paths that are gone.
    targets: Vec<PathBuf>,
}

impl Lost<'_> {
    fn look_for(&self, search: &mut search::Search<'_>) -> Vec<Candidate> {
        let project = self.distribution.editable.as_deref();
        search.find(&self.distribution.name, project, &self.targets)
    }
}

/// What the distribution imports from and is gone. The project's folder itself counts only when
/// nothing says what is imported from it: a package may outlive the folder it was installed from.
fn lost_of<'a>(distribution: &'a Distribution, links: &[Link<'a>]) -> Option<Lost<'a>> {
    let own: Vec<&Link<'_>> = links
        .iter()
        .filter(|link| link.owner.is_some_and(|owner| owner.info == distribution.info))
        .collect();
    let mut lost = Lost { distribution, files: Vec::new(), targets: Vec::new() };
    for link in own.iter().filter(|link| is_gone(&link.target)) {
        if !lost.files.contains(&link.file) {
            lost.files.push(link.file.clone());
        }
        lost.targets.push(link.target.clone());
    }
    if own.is_empty()
        && let Some(project) = distribution.editable.as_ref().filter(|project| is_gone(project))
    {
        let file = if distribution.is_dist_info() {
            distribution.info.join("direct_url.json")
        } else {
            distribution.info.clone()
        };
        lost.files.push(file);
        lost.targets.push(project.clone());
    }
    (!lost.targets.is_empty()).then_some(lost)
}

/// Nothing stands there; what may not be looked at is not gone. A path of another system (a drive
/// letter on Unix) is relative here and tells nothing.
fn is_gone(path: &Path) -> bool {
    path.is_absolute() && std::fs::metadata(path).is_err_and(|error| fs::missing(&error))
}

fn report_lost(lost: &Lost<'_>, found: Option<&Candidate>, report: &mut Report) {
    let old = lost.distribution.editable.as_ref().unwrap_or(&lost.targets[0]);
    let mut paths: Vec<PathBuf> = lost.files.iter().take(MAX_PATHS).cloned().collect();
    let installed =
        format!("{} is an editable install of `{}`", title(lost.distribution), old.display());
    match found {
        Some(Candidate { project, .. }) => {
            let message = format!(
                "{installed}, which is gone; the project is now in `{}`",
                project.display()
            );
            paths.push(project.clone());
            report.add(Code::EditablePathStale, message, paths);
        }
        None => {
            let message = format!("{installed}, which is gone and was not found nearby");
            report.add(Code::EditableTargetMissing, message, paths);
        }
    }
}

/// Lines that belong to no editable install.
fn report_paths(site: &Site, links: &[Link<'_>], lost: &[Lost<'_>], report: &mut Report) {
    let mut reported: Vec<&Path> = Vec::new();
    let is_editable = |link: &Link<'_>| {
        lost.iter().any(|one| {
            one.targets.contains(&link.target)
                || one
                    .distribution
                    .editable
                    .as_ref()
                    .is_some_and(|old| link.target.starts_with(old))
        })
    };
    for link in links.iter().filter(|link| is_gone(&link.target) && !is_editable(link)) {
        if reported.contains(&link.file.as_path()) {
            continue;
        }
        reported.push(&link.file);
        let name = link.file.strip_prefix(&site.folder).unwrap_or(&link.file);
        let message =
            format!("`{}` adds `{}`, which does not exist", name.display(), link.target.display());
        report.add(Code::PthPathMissing, message, [link.file.clone()]);
    }
}
