//! The folders of metadata themselves: gutted, left over, twice there, without RECORD.

use std::path::PathBuf;

use super::rivals::Family;
use super::{Code, MAX_PATHS, count, reinstall, shown, title};
use crate::environments::distributions::{Distribution, Part, Site};
use crate::environments::health::{Report, Subject};
use crate::fs::Kind;

/// Reports what is wrong with the metadata of the folder's distributions.
pub(super) fn check(
    subject: &Subject<'_>,
    site: &Site,
    families: &[Family<'_>],
    report: &mut Report,
) {
    report_tildes(site, report);
    for family in families {
        report_gutted(site, family, report);
        report_rivals(site, family, report);
        if let Some(current) = family.current {
            report_record(subject, current, report);
        }
    }
}

/// pip renames a folder to `~ame` before it removes it, and an interrupted one leaves it so.
fn report_tildes(site: &Site, report: &mut Report) {
    let left: Vec<PathBuf> = site
        .entries
        .iter()
        .filter(|entry| {
            let name = entry.name.to_string_lossy();
            let metadata = name.ends_with(".dist-info") || name.ends_with(".egg-info");
            // pip falls back to other first characters when `~ip` is taken. A file `~x` is an
            // editor's.
            name.starts_with('~') && (entry.kind == Kind::Folder || metadata)
                || name.starts_with('-') && metadata
        })
        .map(|entry| site.folder.join(&entry.name))
        .collect();
    let Some(first) = left.first() else { return };
    let message = format!(
        "an interrupted pip left {}: {}{}",
        count(left.len(), "folder"),
        shown(first, &site.folder),
        if left.len() > 1 { " and others" } else { "" },
    );
    report.add(Code::DistTildeLeftover, message, left.into_iter().take(MAX_PATHS));
}

fn report_gutted(site: &Site, family: &Family<'_>, report: &mut Report) {
    if let Some(current) = family.current {
        for gutted in &family.gutted {
            let message = format!(
                "{} {} beside the whole {} of `{}`",
                shown(&gutted.info, &site.folder),
                what_is_lost(gutted),
                shown(&current.info, &site.folder),
                current.name,
            );
            report.add(Code::DistInfoLeftover, message, [gutted.info.clone()]);
        }
        return;
    }
    // Several, all gutted: one installation is what is needed.
    let version = |one: &Distribution| one.version.parse::<pep440_rs::Version>().ok();
    if let Some(gutted) = family.gutted.iter().max_by_key(|one| version(one)) {
        let message = format!("{}: {}", title(gutted), lost_metadata(gutted));
        let paths = family.gutted.iter().map(|one| one.info.clone()).collect();
        report.findings.push(reinstall(Code::DistMetadataMissing, gutted, message, paths));
    }
}

fn what_is_lost(gutted: &Distribution) -> String {
    match (&gutted.metadata, &gutted.record) {
        (Part::Missing, _) => "has no METADATA".to_owned(),
        (Part::Bad(reason), _) => format!("has a METADATA that {reason}"),
        (_, Part::Bad(reason)) => format!("has a RECORD that {reason}"),
        _ => "has no RECORD".to_owned(),
    }
}

fn lost_metadata(gutted: &Distribution) -> String {
    let folder = gutted.folder_name();
    match &gutted.metadata {
        Part::Bad(reason) => format!("METADATA in `{folder}` {reason}"),
        _ if !gutted.holds_files => format!("`{folder}` is empty"),
        _ => format!("`{folder}` has no METADATA"),
    }
}

fn report_rivals(site: &Site, family: &Family<'_>, report: &mut Report) {
    let Some(current) = family.current.filter(|_| !family.rivals.is_empty()) else { return };
    let mut all: Vec<&Distribution> = family.rivals.clone();
    all.push(current);
    all.sort_by(|a, b| a.info.cmp(&b.info));
    let names: Vec<String> =
        all.iter().map(|one| shown(&one.info, &site.folder).to_string()).collect();
    let evidence = if family.decided {
        format!("the files are those of {}", shown(&current.info, &site.folder))
    } else {
        "the files do not tell which one is right".to_owned()
    };
    let message = format!(
        "`{}` has {} whole folders of metadata, {}: {evidence}",
        current.name,
        all.len(),
        names.join(" and "),
    );
    let wrong = family.rivals.iter().map(|rival| rival.info.clone());
    report.add(Code::DistInfoDuplicate, message, wrong);
}

/// Installers of wheels write RECORD; packagers of systems do not, or remove it.
fn report_record(subject: &Subject<'_>, current: &Distribution, report: &mut Report) {
    if !current.is_dist_info() || !current.record.is_lost() || !needs_record(subject, current) {
        return;
    }
    let folder = current.folder_name();
    let message = match &current.record {
        Part::Bad(reason) => format!("{}: RECORD in `{folder}` {reason}", title(current)),
        _ => format!("{}: `{folder}` has no RECORD", title(current)),
    };
    let paths = vec![current.info.join("RECORD")];
    report.findings.push(reinstall(Code::DistRecordMissing, current, message, paths));
}

fn needs_record(subject: &Subject<'_>, distribution: &Distribution) -> bool {
    distribution.by_wheel_installer()
        || distribution.installer.is_none() && subject.environment.is_virtual()
}
