//! conda's own records: readable, complete, and of this place.

use std::path::PathBuf;

use super::super::conda::{self, CondaFile, CondaMeta, CondaRecord};
use super::super::distributions::Part;
use super::super::{Problem, PythonTag};
use super::{Code, Finding, Report, Subject};

pub mod prefix;

/// More say nothing more.
const MAX_PATHS: usize = 20;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    if !subject.facts.is_conda() {
        return;
    }
    let Some(meta) = CondaMeta::read(&subject.facts.prefix) else {
        let folder = subject.facts.prefix.join("conda-meta");
        report
            .problems
            .push(Problem::new(folder, "cannot be listed: nothing of conda's is checked"));
        return;
    };
    let denied = meta.denied.iter();
    report
        .problems
        .extend(denied.map(|path| Problem::new(path, "cannot be read: permission denied")));
    check_records(&meta, report);
    if !meta.has_history {
        let folder = subject.facts.prefix.join("conda-meta");
        let message = "`conda-meta` holds no `history`, by which conda knows an environment";
        report.add(Code::CondaHistoryMissing, message, [folder]);
    }
    prefix::check(subject, &meta, report);
    for record in &meta.records {
        check_files(subject, record, report);
    }
}

fn check_records(meta: &CondaMeta, report: &mut Report) {
    let Some((first, why)) = meta.corrupt.first() else { return };
    let file = first.file_name().unwrap_or_default().display();
    let more = match meta.corrupt.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more such files)"),
    };
    let damaged = meta.corrupt.iter().filter_map(|(path, _)| conda::name_and_version(path));
    let damaged: Vec<String> =
        damaged.map(|(name, version)| format!("{name}=={version}")).collect();
    let message = format!("`conda-meta/{file}` {why}{more}");
    let paths = meta.corrupt.iter().map(|(path, _)| path.clone()).take(MAX_PATHS);
    report
        .findings
        .push(Finding::new(Code::CondaMetaCorrupt, message, paths).reinstalling(damaged));
}

/// Existence only: sizes and hashes are of the package, and conda itself changes files after that.
fn check_files(subject: &Subject<'_>, record: &CondaRecord, report: &mut Report) {
    let judged_elsewhere = is_judged_by_record(subject, &record.name);
    let interpreter_reported = report.findings.iter().any(|finding| {
        matches!(finding.code, Code::InterpreterMissing | Code::InterpreterDangling)
    });
    let mut missing = record
        .files
        .iter()
        .filter(|file| is_needed(file))
        .filter(|file| !(interpreter_reported && is_interpreter(file)))
        .filter(|file| !(judged_elsewhere && file.path.contains("/site-packages/")))
        .map(|file| (file, subject.facts.prefix.join(&file.path)))
        .filter(|(_, path)| path.symlink_metadata().is_err_and(|error| crate::fs::missing(&error)));
    let Some((first, first_path)) = missing.next() else { return };
    let mut paths = vec![first_path];
    let more = missing.map(|(_, path)| path).fold(0_usize, |count, path| {
        if paths.len() < MAX_PATHS {
            paths.push(path);
        }
        count + 1
    });
    let (name, version) = (&record.name, &record.version);
    let and_more = match more {
        0 => String::new(),
        1 => " and another file".to_owned(),
        more => format!(" and {more} other files"),
    };
    let message = format!(
        "the conda package `{name}` {version} installed `{}`{and_more}, which {} gone",
        first.path,
        if more == 0 { "is" } else { "are" }
    );
    report.findings.push(
        Finding::new(Code::PackageFilesMissing, message, paths)
            .reinstalling([format!("{name}=={version}")]),
    );
}

/// Whether the distribution has a RECORD of its own, by which `packages` judges it: also when pip
/// replaced what conda installed, which leaves conda's record behind.
fn is_judged_by_record(subject: &Subject<'_>, name: &str) -> bool {
    let name = name.replace(['_', '.'], "-").to_lowercase();
    subject.installed.sites.iter().flat_map(|site| &site.distributions).any(|distribution| {
        distribution.name == name && matches!(distribution.record, Part::Read(_))
    })
}

/// `bin/python3.12`: without it there is one finding about the environment, not another about its
/// package.
fn is_interpreter(file: &CondaFile) -> bool {
    let name = file.path.strip_prefix("bin/").unwrap_or(&file.path);
    matches!(name, "python" | "python3" | "python.exe") || PythonTag::from_name(name).is_some()
}

/// Whether anything misses the file when it is gone. Images are often made smaller by deleting caches,
/// static libraries and documentation.
fn is_needed(file: &CondaFile) -> bool {
    let path = file.path.as_str();
    let documentation =
        ["share/man/", "share/doc/", "share/info/", "share/gtk-doc/", "man/", "doc/"];
    // `site-packages/` at the start is the place inside the package, not in the environment.
    let unplaced = ["site-packages/", "python-scripts/"];
    !path.is_empty()
        && PathBuf::from(path).is_relative()
        && ![".pyc", ".pyo", ".a", ".js.map"].iter().any(|suffix| path.ends_with(suffix))
        && !path.contains("__pycache__")
        && !documentation.iter().chain(&unplaced).any(|start| path.starts_with(start))
}

#[cfg(test)]
mod tests;
