//! Distributions that are missing: what installed ones require, and all of them where site-packages is
//! gone and nothing is remembered of it.
//!
//! Wheels are chosen as an installer does, newest first among those that every requirement accepts, and
//! with what they require themselves. There is no search back: requirements that pin versions, as those
//! of a lost environment do, need none.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::Path;

use pep508_rs::{ExtraName, MarkerEnvironment, VersionOrUrl};

use super::install::{self, Order};
use super::wanted::{self, Wanted};
use super::wheel::Wheel;
use super::{Draft, pip, remembered};
use crate::environments::distributions::{Requirement, metadata};
use crate::environments::health::dependencies::markers;
use crate::environments::health::{Code, Subject};
use crate::environments::repair::Action;

/// Distributions of one environment.
const MAX_DISTRIBUTIONS: usize = 5_000;

/// Plans what installed distributions require and what is not there.
pub(super) fn plan_missing(draft: &mut Draft<'_>) {
    for finding in draft.of(Code::DependencyConflict) {
        let wanted = finding.repair.distributions.join(" ");
        let hint = format!(
            "nothing is damaged: install `{wanted}`, or a newer version of what requires it"
        );
        draft.unsolved(Code::DependencyConflict, hint);
    }
    for finding in draft.of(Code::DependencyMissing) {
        let Some(pin) = finding.repair.distributions.first() else { continue };
        let Some(requirement) = metadata::requirement(pin) else { continue };
        if draft.settled.contains(requirement.name.as_ref() as &str) {
            continue;
        }
        let Some(site) = draft.site() else { return };
        match resolve(draft, vec![requirement], &HashSet::new()) {
            Ok(chosen) => install_all(draft, site, chosen, Code::DependencyMissing),
            Err(missing) => draft.wanting(&[Code::DependencyMissing], &missing),
        }
    }
}

/// Plans everything that the project's own files name, where site-packages is gone.
pub(super) fn plan_site_packages(draft: &mut Draft<'_>) {
    let code = Code::SitePackagesMissing;
    let Some(finding) = draft.of(code).next() else { return };
    let site = finding.paths.first().map(|path| path.as_path());
    let is_site = |path: &&Path| path.ends_with("site-packages") || path.ends_with("dist-packages");
    let Some(site) = site.filter(is_site) else {
        let hint = "no file tells which Python it was made for: create it anew".to_owned();
        return draft.unsolved(code, hint);
    };
    plan_wanted(draft, draft.case.subject, site);
}

/// The same: as is remembered of the old environment, which is exact, or else by the files of the project
/// that it belongs to.
pub(super) fn plan_wanted(draft: &mut Draft<'_>, old: &Subject<'_>, site: &Path) {
    if remembered::fill(draft, old, site) {
        return;
    }
    let code = Code::SitePackagesMissing;
    let wanted = match wanted::read(old) {
        Ok(wanted) => wanted,
        Err(hint) => return draft.unsolved(code, hint),
    };
    let Wanted { requirements, not_wheels } = wanted;
    let named: HashSet<String> =
        requirements.iter().map(|requirement| requirement.name.to_string()).collect();
    let chosen = match resolve(draft, requirements, &named) {
        Ok(chosen) => chosen,
        Err(missing) => return draft.wanting(&[code], &missing),
    };
    let mut changes = draft.changes();
    if let Err(hint) = changes.folder(site) {
        return draft.unsolved(code, hint);
    }
    let what = format!("make `{}` again", site.display());
    draft.step(Action::RestoreLayout, &[code], what, changes);
    let has_pip = chosen.iter().any(|one| one.name == "pip");
    install_all(draft, site, chosen, code);
    if !has_pip && pip::has_script(old.facts) {
        draft.settled.insert("pip".to_owned());
        pip::install(draft, site, &[code]);
    }
    if !not_wheels.is_empty() {
        let hint = format!(
            "{} comes from no index: install it from its source again",
            not_wheels.join(", ")
        );
        draft.unsolved(code, hint);
    }
}

/// A wheel that was chosen for a requirement.
struct Chosen {
    name: String,
    wheel: Wheel,
    requested: bool,
}

fn install_all(draft: &mut Draft<'_>, site: &Path, chosen: Vec<Chosen>, code: Code) {
    for Chosen { name, wheel, requested } in chosen {
        let order = Order { site, old: Vec::new(), requested, overwrite: false, remembered: None };
        let pin = format!("{name}=={}", wheel.metadata.version);
        match install::changes(draft, &wheel, &order) {
            Ok(changes) => {
                let what = format!("install {pin} from {}", wheel.shown());
                draft.step(Action::Reinstall, &[code], what, changes);
            }
            Err(reason) => {
                let shown = wheel.shown();
                draft.unsolved(code, format!("{pin} cannot be installed from {shown}: {reason}"));
            }
        }
        draft.settled.insert(name);
    }
}

/// Wheels for the requirements, and for what these require and what is not installed. `Err` names those
/// that no wheel was found for.
fn resolve(
    draft: &Draft<'_>,
    roots: Vec<Requirement>,
    named: &HashSet<String>,
) -> Result<Vec<Chosen>, Vec<String>> {
    let Some(markers) = markers::of(draft.case.subject) else {
        return Err(roots.iter().map(text).collect());
    };
    let mut search = Search {
        draft,
        markers,
        roots: &roots,
        chosen: BTreeMap::new(),
        order: Vec::new(),
        missing: Vec::new(),
        seen: HashSet::new(),
    };
    let mut open: VecDeque<(Requirement, Vec<ExtraName>)> = VecDeque::new();
    open.extend(roots.iter().map(|root| (root.clone(), Vec::new())));
    while let Some((requirement, extras)) = open.pop_front() {
        if requirement.evaluate_markers(&search.markers, &extras) {
            open.extend(search.take(&requirement));
        }
    }
    if !search.missing.is_empty() {
        search.missing.sort();
        search.missing.dedup();
        return Err(search.missing);
    }
    let Search { mut chosen, order, .. } = search;
    let in_order = order.into_iter().filter_map(|name| chosen.remove_entry(&name));
    Ok(in_order
        .map(|(name, wheel)| Chosen { requested: named.contains(&name), name, wheel })
        .collect())
}

struct Search<'a> {
    draft: &'a Draft<'a>,
    markers: MarkerEnvironment,
    roots: &'a [Requirement],
    chosen: BTreeMap<String, Wheel>,
    /// Names in the order in which they were chosen.
    order: Vec<String>,
    missing: Vec<String>,
    /// Names and extras whose requirements were followed.
    seen: HashSet<(String, Option<ExtraName>)>,
}

impl Search<'_> {
    /// Chooses a wheel, and gives what it requires in turn.
    fn take(&mut self, requirement: &Requirement) -> Vec<(Requirement, Vec<ExtraName>)> {
        let name = requirement.name.to_string();
        if self.is_there(&name) {
            return Vec::new();
        }
        if !self.chosen.contains_key(&name) && !self.choose(&name, requirement) {
            self.missing.push(text(requirement));
            return Vec::new();
        }
        let Some(wheel) = self.chosen.get(&name) else { return Vec::new() };
        if !accepts(requirement, &wheel.metadata.version) {
            self.missing.push(text(requirement));
        }
        let extras = requirement.extras.iter().cloned().map(Some);
        let mut next = Vec::new();
        for extra in std::iter::once(None).chain(extras) {
            if self.seen.insert((name.clone(), extra.clone())) {
                let active: Vec<ExtraName> = extra.into_iter().collect();
                let required = wheel.metadata.requirements.iter();
                next.extend(required.map(|one| (one.clone(), active.clone())));
            }
        }
        next
    }

    fn is_there(&self, name: &str) -> bool {
        let installed = self.draft.case.subject.installed;
        let own = installed.sites.iter().flat_map(|site| &site.distributions);
        let inherited = installed.inherited.iter().flat_map(|site| &site.distributions);
        own.chain(inherited).any(|one| one.name == name) || self.draft.settled.contains(name)
    }

    fn choose(&mut self, name: &str, requirement: &Requirement) -> bool {
        let installed = self.draft.case.subject.families.current();
        let installed: Vec<&Requirement> = installed
            .flat_map(|(_, current)| current)
            .filter_map(|one| one.metadata.get())
            .flat_map(|metadata| &metadata.requirements)
            .filter(|one| one.evaluate_markers(&self.markers, &[]))
            .collect();
        let all =
            self.roots.iter().chain(installed).filter(|one| one.name.as_ref() as &str == name);
        let all: Vec<&Requirement> = std::iter::once(requirement).chain(all).collect();
        let candidates = self.draft.wheels.accepted(name, &all);
        let wheel = self.draft.wheels.first_whole(candidates);
        let is_new = wheel.is_some() && self.chosen.len() < MAX_DISTRIBUTIONS;
        if let Some(wheel) = wheel.filter(|_| is_new) {
            self.chosen.insert(name.to_owned(), wheel);
            self.order.push(name.to_owned());
        }
        is_new
    }
}

fn accepts(requirement: &Requirement, version: &str) -> bool {
    let Ok(version) = version.parse::<pep440_rs::Version>() else { return true };
    match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => specifiers.contains(&version),
        _ => true,
    }
}

/// `markupsafe>=2.0`, as an installer takes it.
fn text(requirement: &Requirement) -> String {
    match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => {
            format!("{}{specifiers}", requirement.name).replace(", ", ",")
        }
        _ => requirement.name.to_string(),
    }
}
