//! What interrupted installers left in site-packages: `~ip` folders, gutted and doubled metadata.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Draft;
use super::changes::Changes;
use crate::environments::distributions::{
    Metadata, Record, Role, Site, metadata, normalize, record,
};
use crate::environments::health::Code;
use crate::environments::health::packages::is_as_recorded;
use crate::environments::repair::Action;
use crate::fs;

/// METADATA and RECORD of a folder that was renamed away.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Plans the removal of what nothing needs, and gives back what is the only copy.
pub(super) fn plan(draft: &mut Draft<'_>) {
    plan_duplicates(draft);
    plan_gutted(draft);
    for site in &draft.case.subject.installed.sites {
        plan_tildes(draft, site);
    }
}

fn plan_gutted(draft: &mut Draft<'_>) {
    for finding in draft.of(Code::DistInfoLeftover) {
        remove(draft, Code::DistInfoLeftover, &finding.paths, "which holds no whole metadata");
    }
}

/// Only where the files tell which one is right.
fn plan_duplicates(draft: &mut Draft<'_>) {
    for finding in draft.of(Code::DistInfoDuplicate) {
        let families = draft.case.subject.families.iter();
        let family = families
            .flat_map(|(_, families)| families)
            .find(|family| family.rivals.iter().any(|rival| finding.paths.contains(&rival.info)));
        let Some(current) = family.and_then(|family| family.current) else { continue };
        if family.is_some_and(|family| family.decided) {
            let evidence = format!("the files are those of `{}`", current.folder_name());
            remove(draft, Code::DistInfoDuplicate, &finding.paths, &evidence);
        } else {
            let hint = format!(
                "the files of `{}` match both: install the version that is wanted again, or remove one folder by hand",
                current.name
            );
            draft.unsolved(Code::DistInfoDuplicate, hint);
        }
    }
}

fn remove(draft: &mut Draft<'_>, code: Code, paths: &[PathBuf], why: &str) {
    let mut changes = draft.changes();
    for path in paths {
        changes.remove(path);
    }
    let what = format!("move {} away: {why}", names(paths));
    draft.step(Action::RemoveLeftover, &[code], what, changes);
}

fn names(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths
        .iter()
        .map(|path| format!("`{}`", path.file_name().unwrap_or_default().display()))
        .collect();
    names.join(", ")
}

/// Metadata that pip renamed away: what it was about to remove.
struct Away {
    /// `~ip-23.2.1.dist-info`.
    folder: String,
    metadata: Metadata,
    record: Option<Record>,
}

fn plan_tildes(draft: &mut Draft<'_>, site: &Site) {
    let reported: Vec<String> = draft
        .of(Code::DistTildeLeftover)
        .flat_map(|finding| &finding.paths)
        .filter(|path| path.parent() == Some(&site.folder))
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    if reported.is_empty() {
        return;
    }
    let mut keep: Vec<String> = Vec::new();
    let is_installed = |name: &str| site.distributions.iter().any(|one| one.name == name);
    let lost = reported.iter().filter_map(|folder| away(&site.folder, folder));
    let lost: Vec<Away> =
        lost.filter(|away| !is_installed(&normalize(&away.metadata.name))).collect();
    for away in lost {
        plan_away(draft, site, &reported, &away, &mut keep);
    }
    let gone: Vec<PathBuf> = reported
        .iter()
        .filter(|name| !keep.contains(name))
        .map(|name| site.folder.join(name))
        .collect();
    if !gone.is_empty() {
        remove(draft, Code::DistTildeLeftover, &gone, "an interrupted pip left them");
    }
}

/// The only copy of a distribution: by its old names when it is whole, else from a wheel.
fn plan_away(
    draft: &mut Draft<'_>,
    site: &Site,
    reported: &[String],
    away: &Away,
    keep: &mut Vec<String>,
) {
    let name = normalize(&away.metadata.name);
    let pin = format!("{name}=={}", away.metadata.version);
    let candidates = draft.wheels.of_version(&name, &away.metadata.version);
    let has_wheel = draft.wheels.first_whole(candidates).is_some();
    if name == "pip" && has_wheel {
        return;
    }
    if let Some((changes, names)) = renamed_back(draft, site, reported, away) {
        keep.extend(names);
        draft.settled.insert(name.clone());
        let reasons = reasons(draft, &name);
        let what = format!("give {pin} its names back: its files are those of its RECORD");
        return draft.step(Action::RemoveLeftover, &reasons, what, changes);
    }
    let is_wanted = draft.of(Code::DependencyMissing).any(|finding| {
        let pins = &finding.repair.distributions;
        pins.contains(&pin)
    });
    // What is wanted is installed from the wheel, and pip from whatever wheel there is.
    if name == "pip" || is_wanted && has_wheel {
        return;
    }
    // This may be all that is left of it.
    keep.push(away.folder.clone());
    if has_wheel {
        let hint = format!(
            "`{}` is all that is left of {pin}: install it again, or remove the folder",
            away.folder
        );
        draft.unsolved(Code::DistTildeLeftover, hint);
    } else {
        draft.wanting(&[Code::DistTildeLeftover], &[pin]);
    }
}

/// The findings that end when the distribution has its names back.
fn reasons(draft: &Draft<'_>, name: &str) -> Vec<Code> {
    let mut reasons = vec![Code::DistTildeLeftover];
    let pip = draft.of(Code::PipMissing).map(|finding| finding.code).filter(|_| name == "pip");
    reasons.extend(pip);
    let required = draft.of(Code::DependencyMissing).filter(|finding| {
        let pins = &finding.repair.distributions;
        pins.iter().any(|pin| pin.strip_prefix(name).is_some_and(|rest| !rest.starts_with('-')))
    });
    reasons.extend(required.map(|finding| finding.code));
    reasons
}

fn away(site: &Path, folder: &str) -> Option<Away> {
    if !folder.ends_with(".dist-info") {
        return None;
    }
    let read = |name: &str| fs::read(&site.join(folder).join(name), MAX_BYTES).ok();
    let metadata = metadata::parse(&read("METADATA")?).ok()?;
    let record = read("RECORD").and_then(|bytes| record::parse(&bytes).ok());
    Some(Away { folder: folder.to_owned(), metadata, record })
}

/// Renames each first folder that RECORD names back from `~ame`, when everything in it is as recorded.
fn renamed_back(
    draft: &Draft<'_>,
    site: &Site,
    reported: &[String],
    away: &Away,
) -> Option<(Changes, Vec<String>)> {
    let record = away.record.as_ref()?;
    let mut names: HashMap<&str, &str> = HashMap::new();
    for run in &record.runs {
        // pip takes the first letter away and puts `~` in its place.
        let rest = run.top.get(1..).unwrap_or_default();
        let is_away = |name: &&String| name.strip_prefix('~') == Some(rest);
        if let Some(name) = reported.iter().find(is_away).filter(|_| !site.has(&run.top)) {
            names.insert(&run.top, name);
        }
    }
    let inside = record.files.iter().filter(|file| !file.path.starts_with("../"));
    let all_match = inside.filter(|file| file.role != Role::Bytecode).all(|file| {
        let (top, rest) = file.path.split_once('/').unwrap_or((&file.path, ""));
        let first = names.get(top).copied().unwrap_or(top);
        let path = site.folder.join(first).join(rest);
        file.hash.is_none() || is_as_recorded(&path, file)
    });
    let has_metadata = names.values().any(|name| *name == away.folder);
    if !all_match || !has_metadata {
        return None;
    }
    let mut changes = draft.changes();
    let mut pairs: Vec<(&str, &str)> = names.into_iter().collect();
    // Metadata last: with it the distribution counts as installed.
    pairs.sort_by_key(|(top, _)| (top.ends_with(".dist-info"), *top));
    for (top, name) in &pairs {
        changes.rename(&site.folder.join(name), &site.folder.join(top));
    }
    Some((changes, pairs.into_iter().map(|(_, name)| name.to_owned()).collect()))
}
