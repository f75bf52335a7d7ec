//! What distributions require of each other: is it installed, in a version that is accepted?
//!
//! Only what is active here counts: markers are evaluated for this environment's Python and
//! platform, and an extra counts when another distribution asks for it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::str::FromStr;

use pep440_rs::Version;
use pep508_rs::{ExtraName, MarkerEnvironment, VersionOrUrl};

use super::packages::{MAX_PATHS, title};
use super::{Code, Finding, Report, Severity, Subject};
use crate::environments::distributions::{Distribution, Requirement};

pub(in crate::environments) mod markers;
mod orphans;
mod pins;

#[cfg(test)]
mod tests;

/// Pairs of distribution and extra looked at: extras may ask for each other without end.
const MAX_EXTRAS: usize = 10_000;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    let requires = |one: &Distribution| !requirements(one).is_empty();
    if subject.families.current().any(|(_, mut current)| current.any(requires)) {
        check_requirements(subject, report);
    }
    orphans::check_scripts(subject, report);
}

fn check_requirements(subject: &Subject<'_>, report: &mut Report) {
    let known = Known::of(subject);
    let mut missing: BTreeMap<&str, Vec<Need<'_>>> = BTreeMap::new();
    let mut conflicts: BTreeMap<&str, Vec<Need<'_>>> = BTreeMap::new();
    // Without a version no marker can be evaluated: guessing would report what is not required.
    if let Some(markers) = markers::of(subject) {
        for need in needs(subject, &known, &markers) {
            let name = need.requirement.name.as_ref();
            match known.find(name) {
                Some(found) if !accepts(need.requirement, found) => {
                    conflicts.entry(name).or_default().push(need);
                }
                Some(_) => {}
                None if known.is_named(name) => {}
                None => missing.entry(name).or_default().push(need),
            }
        }
    }
    let mut pins = pins::Pins::of(subject);
    for (name, needs) in missing {
        report_missing(subject, name, &needs, &mut pins, report);
    }
    for (name, needs) in conflicts {
        report_conflict(name, &needs, &known, report);
    }
}

/// An active requirement of an installed distribution.
struct Need<'a> {
    by: &'a Distribution,
    requirement: &'a Requirement,
}

/// What is installed, by name.
struct Known<'a> {
    distributions: HashMap<&'a str, &'a Distribution>,
    /// Installed by conda, without metadata that Python tools read.
    by_conda: HashSet<String>,
    /// Some folder could not be listed: nothing is known to be absent.
    is_partial: bool,
}

impl<'a> Known<'a> {
    fn of(subject: &Subject<'a>) -> Known<'a> {
        let installed = subject.installed;
        let mut distributions: HashMap<&str, &Distribution> = HashMap::new();
        // Gutted ones count as installed: that they are gutted is reported already.
        for (site, current) in subject.families.current() {
            for one in current.chain(&site.distributions) {
                distributions.entry(&one.name).or_insert(one);
            }
        }
        for site in &installed.inherited {
            for one in &site.distributions {
                distributions.entry(&one.name).or_insert(one);
            }
        }
        Known {
            distributions,
            by_conda: if subject.facts.is_conda() {
                orphans::conda_names(&subject.facts.prefix)
            } else {
                HashSet::new()
            },
            is_partial: !installed.unreadable.is_empty(),
        }
    }

    fn find(&self, name: &str) -> Option<&'a Distribution> {
        self.distributions.get(name).copied()
    }

    fn is_named(&self, name: &str) -> bool {
        self.is_partial || self.by_conda.contains(name)
    }
}

/// Every active requirement of the environment's own distributions.
fn needs<'a>(
    subject: &Subject<'a>,
    known: &Known<'a>,
    markers: &MarkerEnvironment,
) -> Vec<Need<'a>> {
    let mut needs = Vec::new();
    let mut wanted: VecDeque<(&Distribution, ExtraName)> = VecDeque::new();
    let mut seen: HashSet<(&str, ExtraName)> = HashSet::new();
    let mut add = |by: &'a Distribution,
                   requirement: &'a Requirement,
                   wanted: &mut VecDeque<(&'a Distribution, ExtraName)>| {
        if let Some(target) = known.find(requirement.name.as_ref()) {
            for extra in &requirement.extras {
                if seen.len() < MAX_EXTRAS && seen.insert((&target.name, extra.clone())) {
                    wanted.push_back((target, extra.clone()));
                }
            }
        }
        needs.push(Need { by, requirement });
    };
    for (_, current) in subject.families.current() {
        for by in current.filter(|one| is_judged(subject, one)) {
            for requirement in requirements(by) {
                if requirement.evaluate_markers(markers, &[]) {
                    add(by, requirement, &mut wanted);
                }
            }
        }
    }
    while let Some((by, extra)) = wanted.pop_front() {
        let extra = [extra];
        for requirement in requirements(by) {
            if requirement.evaluate_markers(markers, &extra)
                && !requirement.evaluate_markers(markers, &[])
            {
                add(by, requirement, &mut wanted);
            }
        }
    }
    needs
}

fn requirements(distribution: &Distribution) -> &[Requirement] {
    distribution.metadata.get().map_or(&[], |metadata| &metadata.requirements)
}

/// A system's packager answers for what it packaged: it splits, patches and leaves out
/// requirements without editing metadata.
fn is_judged(subject: &Subject<'_>, distribution: &Distribution) -> bool {
    subject.environment.is_virtual() || distribution.by_wheel_installer() || distribution.by_conda()
}

fn accepts(requirement: &Requirement, found: &Distribution) -> bool {
    let Some(VersionOrUrl::VersionSpecifier(specifiers)) = &requirement.version_or_url else {
        return true;
    };
    // A gutted distribution or an old kind of version: nothing to compare.
    Version::from_str(&found.version).map_or(true, |version| specifiers.contains(&version))
}

fn report_missing(
    subject: &Subject<'_>,
    name: &str,
    needs: &[Need<'_>],
    pins: &mut pins::Pins<'_>,
    report: &mut Report,
) {
    let Some(first) = needs.first() else { return };
    let paths = || needs.iter().map(|need| metadata_path(need.by)).take(MAX_PATHS);
    if let Some((module, version)) = orphans::unowned_module(subject, name) {
        let message = format!(
            "`{name}` can be imported and has no metadata, though {} requires it",
            titles(needs)
        );
        let pin = version.or_else(|| pins.version(name, first.requirement));
        let pin = pin.map_or_else(|| name.to_owned(), |version| format!("{name}=={version}"));
        report
            .findings
            .push(Finding::new(Code::DistInfoMissing, message, [module]).reinstalling([pin]));
        return;
    }
    let version = pins.version(name, first.requirement);
    let wanted = version.map_or_else(
        || text_without_marker(first.requirement),
        |version| format!("{name}=={version}"),
    );
    let message = format!("`{name}` is not installed, and {} requires it", titles(needs));
    let mut finding =
        Finding::new(Code::DependencyMissing, message, paths()).reinstalling([wanted]);
    // conda resolves its packages itself and does not follow their Python metadata.
    if needs.iter().all(|need| need.by.by_conda()) {
        finding.severity = Severity::Info;
    }
    report.findings.push(finding);
}

fn report_conflict(name: &str, needs: &[Need<'_>], known: &Known<'_>, report: &mut Report) {
    let (Some(first), Some(found)) = (needs.first(), known.find(name)) else { return };
    let wanted = text_without_marker(first.requirement);
    let others =
        if needs.len() > 1 { format!(", as {} others", needs.len() - 1) } else { String::new() };
    let message = format!(
        "{} requires `{wanted}`{others}, and {} is installed",
        title(first.by),
        found.version
    );
    let paths = needs.iter().map(|need| metadata_path(need.by)).take(MAX_PATHS);
    let mut finding = Finding::new(Code::DependencyConflict, message, paths).reinstalling([wanted]);
    if needs.iter().all(|need| need.by.by_conda()) {
        finding.severity = Severity::Info;
    }
    report.findings.push(finding);
}

fn titles(needs: &[Need<'_>]) -> String {
    let mut titles: Vec<String> = needs.iter().map(|need| title(need.by).to_string()).collect();
    titles.dedup();
    match titles.as_slice() {
        [one] => one.clone(),
        [one, other] => format!("{one} or {other}"),
        [one, rest @ ..] => format!("{one} or one of {} others", rest.len()),
        [] => String::new(),
    }
}

/// `markupsafe>=2.0`, as an installer takes it.
fn text_without_marker(requirement: &Requirement) -> String {
    match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => {
            format!("{}{specifiers}", requirement.name).replace(", ", ",")
        }
        _ => requirement.name.to_string(),
    }
}

fn metadata_path(distribution: &Distribution) -> PathBuf {
    if distribution.is_dist_info() {
        distribution.info.join("METADATA")
    } else {
        distribution.info.clone()
    }
}
