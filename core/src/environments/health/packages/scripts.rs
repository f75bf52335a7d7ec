//! Commands that distributions declare: does each have its script?
//!
//! A declaration alone proves nothing: `ensurepip` and `pip install --target` write fewer scripts.
//! Only a script that RECORD lists was there.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::PathBuf;

use super::place::Places;
use super::{Code, MAX_PATHS, title};
use crate::environments::distributions::Distribution;
use crate::environments::facts::Scheme;
use crate::environments::health::{Finding, Report, Subject};
use crate::fs::{self, Kind};

/// Reports commands without a script, one finding for each distribution.
pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    let Some(folder) = subject.facts.scripts.as_deref() else { return };
    let declares = |one: &Distribution| !one.commands.is_empty();
    if !subject.families.current().any(|(_, mut current)| current.any(declares)) {
        return;
    }
    let present: HashMap<&OsStr, Kind> = subject
        .facts
        .script_entries
        .iter()
        .map(|entry| (entry.name.as_os_str(), entry.kind))
        .collect();
    let is_missing = |path: &PathBuf| match path.file_name().map(|name| present.get(name)) {
        // A link may lead nowhere.
        Some(Some(Kind::Link)) => path.metadata().is_err_and(|error| fs::leads_nowhere(&error)),
        Some(entry) => entry.is_none(),
        None => false,
    };
    if present.is_empty() {
        return;
    }
    for (site, current) in subject.families.current() {
        let places = Places::of_prefix(site, &subject.facts.prefix);
        for distribution in current.filter(|one| declares(one)) {
            let missing: Vec<PathBuf> = recorded_scripts(subject, distribution, &places)
                .into_iter()
                .filter(|path| path.parent() == Some(folder))
                .filter(is_missing)
                .collect();
            report_missing(distribution, missing, report);
        }
    }
}

/// The scripts of declared commands that RECORD lists.
fn recorded_scripts(
    subject: &Subject<'_>,
    distribution: &Distribution,
    places: &Places<'_>,
) -> Vec<PathBuf> {
    let Some(record) = distribution.record.get() else { return Vec::new() };
    let is_declared = |recorded: &str| {
        let name = recorded.rsplit('/').next().unwrap_or(recorded);
        let name = match subject.facts.scheme {
            Scheme::Windows => name.strip_suffix(".exe").unwrap_or(name),
            Scheme::Posix => name,
        };
        distribution.commands.iter().any(|command| command == name)
    };
    record
        .outside()
        .filter(|file| is_declared(&file.path))
        .filter_map(|file| places.resolve(file))
        .collect()
}

fn report_missing(distribution: &Distribution, missing: Vec<PathBuf>, report: &mut Report) {
    let Some(first) = missing.first() else { return };
    let command = first.file_name().unwrap_or_default().to_string_lossy();
    let message = if missing.len() == 1 {
        format!("{}: the script of its command `{command}` is missing", title(distribution))
    } else {
        format!(
            "{}: the scripts of {} commands are missing: `{command}` and others",
            title(distribution),
            missing.len()
        )
    };
    let finding =
        Finding::new(Code::EntryScriptMissing, message, missing.into_iter().take(MAX_PATHS));
    report.findings.push(finding);
}
