//! The files that RECORD lists: are they there, and whole?

use std::path::PathBuf;

use super::content::{self, Look, Verdict};
use super::place::Places;
use super::{Code, MAX_PATHS, count, reinstall, shown, title};
use crate::environments::distributions::{Distribution, RecordedFile, Site};
use crate::environments::health::{Finding, Report, Severity, Subject};

/// What is wrong with the files of one distribution.
#[derive(Default)]
struct Faults<'a> {
    looked_at: usize,
    missing: Vec<Missing<'a>>,
    corrupt: Vec<(PathBuf, String)>,
    edited: Vec<PathBuf>,
    wrong_type: Vec<(PathBuf, &'static str)>,
}

struct Missing<'a> {
    recorded: &'a RecordedFile,
    path: PathBuf,
}

/// Reports what is wrong with the files of a distribution, one finding for each code.
pub(super) fn check(
    subject: &Subject<'_>,
    site: &Site,
    distribution: &Distribution,
    report: &mut Report,
) {
    let Some(record) = distribution.record.get() else { return };
    let places = Places::of_prefix(site, &subject.facts.prefix);
    let mut faults = Faults::default();
    for recorded in &record.files {
        look_at(subject, distribution, recorded, &places, &mut faults);
    }
    faults.edited.retain(|path| !is_shared(site, distribution, path));
    if distribution.by_conda() {
        keep_what_conda_installed(subject, &mut faults);
    }
    report_missing(site, distribution, &places, &faults, report);
    report_corrupt(site, distribution, &faults, report);
    report_edited(site, distribution, &faults, report);
    for (path, what) in faults.wrong_type.iter().take(MAX_PATHS) {
        let message =
            format!("{}: {} is {what}, not a file", title(distribution), shown(path, &site.folder));
        report.findings.push(
            Finding::new(Code::FileTypeConflict, message, [path.clone()])
                .reinstalling([distribution.pin()]),
        );
    }
}

fn look_at<'a>(
    subject: &Subject<'_>,
    distribution: &Distribution,
    recorded: &'a RecordedFile,
    places: &Places<'_>,
    faults: &mut Faults<'a>,
) {
    if content::is_bytecode(&recorded.path) || is_judged_elsewhere(distribution, &recorded.path) {
        return;
    }
    let Some(path) = places.resolve(&recorded.path) else { return };
    let is_script = subject.facts.scripts.as_deref().is_some_and(|bin| path.starts_with(bin));
    if is_script || recorded.path.starts_with("../") && subject.facts.scripts.is_none() {
        // A missing command is judged by its declaration; a missing `bin` is not this one's fault.
        if !subject.facts.scripts.is_some() || !path.exists() {
            return;
        }
    }
    faults.looked_at += 1;
    if places.is_known_absent(&recorded.path, &path) {
        faults.missing.push(Missing { recorded, path });
        return;
    }
    let look = Look { depth: subject.depth, rewritten: is_script || distribution.by_conda() };
    let corrupt = |reason: &str| (path.clone(), reason.to_owned());
    match content::judge(&path, recorded, look) {
        Verdict::Fine | Verdict::Unknown => {}
        Verdict::Missing => {
            places.highest_absent(&recorded.path, &path);
            faults.missing.push(Missing { recorded, path });
        }
        Verdict::Empty => faults.corrupt.push(corrupt("is empty")),
        Verdict::Nul => faults.corrupt.push(corrupt("holds NULs")),
        Verdict::Cut(bytes) => {
            faults.corrupt.push(corrupt(&format!("is cut off, RECORD has {bytes} bytes")));
        }
        Verdict::Damaged => faults.corrupt.push(corrupt("differs from RECORD")),
        Verdict::Edited => faults.edited.push(path),
        Verdict::WrongType(what) => faults.wrong_type.push((path, what)),
    }
}

/// METADATA and RECORD have codes of their own; the rest of these few is rewritten by installers.
fn is_judged_elsewhere(distribution: &Distribution, recorded: &str) -> bool {
    let Some((_, name)) = recorded.rsplit_once('/') else { return false };
    distribution.owns_metadata(recorded)
        && (matches!(
            name,
            "RECORD" | "RECORD.jws" | "RECORD.p7s" | "INSTALLER" | "REQUESTED" | "direct_url.json"
        ) || name == "METADATA" && distribution.metadata.is_lost())
}

/// Two distributions may install one file (a namespace's `__init__.py`): the last one wrote it.
fn is_shared(site: &Site, distribution: &Distribution, path: &std::path::Path) -> bool {
    let Ok(relative) = path.strip_prefix(&site.folder) else { return false };
    let Some(relative) = relative.to_str() else { return false };
    site.distributions.iter().filter(|other| other.info != distribution.info).any(|other| {
        other.record.get().is_some_and(|record| {
            record.files.iter().any(|file| file.path.replace('\\', "/") == relative)
        })
    })
}

/// conda builds packages from wheels and leaves files out (tests, duplicates) without editing
/// RECORD: only its own list tells what was installed.
fn keep_what_conda_installed(subject: &Subject<'_>, faults: &mut Faults<'_>) {
    faults.edited.clear();
    faults.corrupt.retain(|(_, reason)| reason == "is empty" || reason == "holds NULs");
    if faults.missing.is_empty() {
        return;
    }
    let listed = super::ownership::conda_files(&subject.facts.prefix);
    let prefix = &subject.facts.prefix;
    faults.missing.retain(|missing| {
        missing
            .path
            .strip_prefix(prefix)
            .ok()
            .and_then(|relative| relative.to_str())
            .is_some_and(|relative| listed.contains(&relative.replace('\\', "/")))
    });
}

fn report_missing(
    site: &Site,
    distribution: &Distribution,
    places: &Places<'_>,
    faults: &Faults<'_>,
    report: &mut Report,
) {
    let of_pip = |missing: &&Missing<'_>| {
        distribution.name == "pip" && missing.recorded.path.starts_with("pip/")
    };
    let (inert, needed): (Vec<_>, Vec<_>) =
        faults.missing.iter().partition(|missing| is_inert(distribution, &missing.recorded.path));
    // What is needed names the finding; what is not is one of its own only when it is alone.
    let (subjects, severity) =
        if needed.is_empty() { (inert, Severity::Info) } else { (needed, Severity::Error) };
    let Some(first) = subjects.first() else { return };
    let code = if severity == Severity::Error && subjects.iter().any(of_pip) {
        Code::PipBroken
    } else {
        Code::PackageFilesMissing
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for missing in &subjects {
        if paths.len() == MAX_PATHS {
            break;
        }
        let highest = places.highest_absent(&missing.recorded.path, &missing.path);
        if !paths.contains(&highest) {
            paths.push(highest);
        }
    }
    let shown_first = shown(paths.first().unwrap_or(&first.path), &site.folder);
    let message = format!(
        "{}: {} of {} {} missing: {shown_first}{}",
        title(distribution),
        subjects.len(),
        count(faults.looked_at, "file"),
        if subjects.len() == 1 { "is" } else { "are" },
        if paths.len() > 1 { " and others" } else { "" },
    );
    let mut finding = reinstall(code, distribution, message, paths);
    finding.severity = severity;
    if severity == Severity::Info {
        finding = finding.repaired_by(crate::environments::health::Method::None);
    }
    report.findings.push(finding);
}

/// A file that nothing imports: tests, licenses, manual pages, headers, type stubs.
fn is_inert(distribution: &Distribution, recorded: &str) -> bool {
    let name = recorded.rsplit('/').next().unwrap_or(recorded);
    if distribution.owns_metadata(recorded) {
        return !matches!(name, "WHEEL" | "entry_points.txt" | "METADATA");
    }
    let folders = recorded.strip_suffix(name).unwrap_or("");
    recorded.starts_with("../") && folders.contains("/share/")
        || folders.split('/').any(|folder| matches!(folder, "tests" | "test" | "testing_data"))
        || [".pyi", ".h", ".hpp", ".pxd", ".pyx", ".c", ".cpp", ".md", ".rst"]
            .iter()
            .any(|end| name.ends_with(end))
        || name == "py.typed"
}

fn report_corrupt(
    site: &Site,
    distribution: &Distribution,
    faults: &Faults<'_>,
    report: &mut Report,
) {
    let Some((first, reason)) = faults.corrupt.first() else { return };
    let number = faults.corrupt.len();
    let message = if number == 1 {
        format!("{}: {} {reason}", title(distribution), shown(first, &site.folder))
    } else {
        format!(
            "{}: {number} of {} are corrupt; {} {reason}",
            title(distribution),
            count(faults.looked_at, "file"),
            shown(first, &site.folder),
        )
    };
    let paths = faults.corrupt.iter().map(|(path, _)| path.clone()).collect();
    report.findings.push(reinstall(Code::PackageFileCorrupt, distribution, message, paths));
}

fn report_edited(
    site: &Site,
    distribution: &Distribution,
    faults: &Faults<'_>,
    report: &mut Report,
) {
    let Some(first) = faults.edited.first() else { return };
    let message = format!(
        "{}: {} differ{} from RECORD and hold{} valid text: {}",
        title(distribution),
        count(faults.edited.len(), "file"),
        if faults.edited.len() == 1 { "s" } else { "" },
        if faults.edited.len() == 1 { "s" } else { "" },
        shown(first, &site.folder),
    );
    let paths = faults.edited.iter().take(MAX_PATHS).cloned();
    report.findings.push(Finding::new(Code::PackageFileModified, message, paths));
}
