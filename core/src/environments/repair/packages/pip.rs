//! pip: given back in its own version where a wheel of that is at hand, else in the version that the
//! base bundles for this.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::changes::Changes;
use super::install::{self, Order};
use super::wheel::Wheel;
use super::{Draft, restore};
use crate::environments::PythonTag;
use crate::environments::distributions::Distribution;
use crate::environments::distributions::entry_points::Command;
use crate::environments::facts::{Facts, Scheme};
use crate::environments::health::Code;
use crate::environments::repair::Action;
use crate::fs::{self, Kind};

/// pip has some hundred files.
const MAX_FILES: usize = 10_000;

/// Findings that are pip's when they name it.
const OF_PIP: [Code; 8] = [
    Code::PipMissing,
    Code::PipBroken,
    Code::PackageFilesMissing,
    Code::PackageFileCorrupt,
    Code::DistInfoMissing,
    Code::DistMetadataMissing,
    Code::DistRecordMissing,
    Code::DependencyMissing,
];

/// Plans for pip, when it is missing or broken.
pub(super) fn plan(draft: &mut Draft<'_>) {
    let is_of_pip = |code: Code, pins: &[String]| {
        matches!(code, Code::PipMissing | Code::PipBroken)
            || pins.iter().any(|pin| super::split_pin(pin).0 == "pip")
    };
    let reasons: Vec<Code> = OF_PIP
        .into_iter()
        .filter(|code| {
            draft.of(*code).any(|finding| is_of_pip(*code, &finding.repair.distributions))
        })
        .collect();
    if reasons.is_empty() || draft.settled.contains("pip") {
        return;
    }
    draft.settled.insert("pip".to_owned());
    let current = draft.current("pip");
    let patched =
        current.and_then(|(site, current)| restore::patch(draft, site, current, &HashSet::new()));
    if let Some((changes, what)) = patched {
        return draft.step(Action::RestorePip, &reasons, what, changes);
    }
    let site = current.map(|(site, _)| site.folder.as_path()).or_else(|| draft.site());
    let Some(site) = site else { return };
    install(draft, site, &reasons);
}

/// Plans pip into a folder: as it was there, else from what the base bundles.
pub(super) fn install(draft: &mut Draft<'_>, site: &Path, reasons: &[Code]) {
    let old = installed(draft);
    let versions = old.iter().map(|old| old.version.clone()).chain(renamed_away(draft));
    let wheels = &draft.wheels;
    let mut candidates = versions
        .flat_map(|version| wheels.of_version("pip", &version))
        .chain(wheels.bundled("pip"))
        .chain(wheels.accepted("pip", &[]));
    let made = candidates.find_map(|candidate| {
        let wheel = draft.wheels.open(candidate)?;
        let changes = changes(draft, site, &wheel, old.clone()).ok()?;
        Some((changes, wheel))
    });
    drop(candidates);
    let Some((changes, wheel)) = made else {
        return draft.wanting(reasons, &["pip".to_owned()]);
    };
    let version = &wheel.metadata.version;
    let what = format!("install pip {version} again from {}", wheel.shown());
    draft.step(Action::RestorePip, reasons, what, changes);
}

fn changes(
    draft: &Draft<'_>,
    site: &Path,
    wheel: &Wheel,
    old: Vec<&Distribution>,
) -> Result<Changes, String> {
    let has_record = old.iter().any(|old| old.record.get().is_some());
    // Nobody edits pip, and a mixture of two versions does not start.
    let order = Order { site, old, requested: false, overwrite: true, remembered: None };
    let mut changes = install::changes(draft, wheel, &order)?;
    if !has_record {
        for path in files_below(&site.join("pip")) {
            let recorded = fs::relative(&path, site).to_string_lossy().replace('\\', "/");
            if wheel.find(&recorded).is_none() {
                changes.remove(&path);
            }
        }
    }
    Ok(changes)
}

fn installed<'a>(draft: &Draft<'a>) -> Vec<&'a Distribution> {
    let sites = &draft.case.subject.installed.sites;
    let all = sites.iter().flat_map(|site| &site.distributions);
    all.filter(|one| one.name == "pip" && one.is_dist_info()).collect()
}

/// The version in the name of `~ip-23.2.1.dist-info`.
fn renamed_away(draft: &Draft<'_>) -> Option<String> {
    let mut entries = draft.case.subject.installed.sites.iter().flat_map(|site| &site.entries);
    entries.find_map(|entry| {
        let stem = entry.name.to_str()?.strip_prefix("~ip-")?;
        stem.strip_suffix(".dist-info").map(str::to_owned)
    })
}

/// Sources of a package, not bytecode.
fn files_below(package: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![package.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::list(&folder).unwrap_or_default() {
            let path = folder.join(&entry.name);
            match entry.kind {
                Kind::Folder if entry.name != "__pycache__" => open.push(path),
                Kind::Folder => {}
                _ if files.len() < MAX_FILES => files.push(path),
                _ => return files,
            }
        }
    }
    files
}

/// pip writes its command under three names, whatever its wheel declares: `pip`, `pip3`, `pip3.12`.
pub(super) fn name_commands(tag: Option<PythonTag>, commands: &mut Vec<Command>) {
    let Some(first) = commands.iter().find(|command| command.name == "pip").cloned() else {
        return;
    };
    commands.retain(|command| !command.name.starts_with("pip"));
    let mut names = vec!["pip".to_owned()];
    if let Some(tag) = tag {
        names.push(format!("pip{}", tag.major));
        names.push(format!("pip{}.{}", tag.major, tag.minor));
    }
    commands.extend(names.into_iter().map(|name| Command { name, ..first.clone() }));
}

/// Whether the folder of scripts has one of pip's.
pub(super) fn has_script(facts: &Facts) -> bool {
    let is_windows = facts.scheme == Scheme::Windows;
    facts.script_entries.iter().filter_map(|entry| entry.name.to_str()).any(|name| {
        let name = if is_windows { name.strip_suffix(".exe").unwrap_or("") } else { name };
        matches!(name, "pip" | "pip3")
    })
}
