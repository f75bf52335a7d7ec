//! The files that RECORD lists: are they there, and whole?

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::content::{self, Look, Verdict};
use super::place::Places;
use super::{Code, MAX_PATHS, count, reinstall, shown, title};
use crate::environments::Problem;
use crate::environments::distributions::{Distribution, Record, RecordedFile, Role, Run, Site};
use crate::environments::facts::Scheme;
use crate::environments::health::{Depth, Finding, Method, Report, Severity, Subject};
use crate::fs::{Identity, Kind, Stamp};
use crate::system;

/// Of a distribution whose files environments share, fewer are not worth remembering.
const MANY_FILES: usize = 16;

/// What is wrong with the files of one distribution.
#[derive(Default)]
struct Faults<'a> {
    looked_at: usize,
    /// Whether its files may have other names.
    linked: bool,
    /// Whole folders of site-packages that are not there.
    absent: Vec<&'a Run>,
    missing: Vec<&'a RecordedFile>,
    corrupt: Vec<(PathBuf, String)>,
    edited: Vec<PathBuf>,
    wrong_type: Vec<(PathBuf, &'static str)>,
    /// Files that the system did not let us read.
    unread: Vec<PathBuf>,
    /// How the files stood that were opened, by their lines.
    stamps: Vec<Option<Stamp>>,
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
    let now = || stamps(record, |_, recorded| places.stamp(recorded));
    if subject.depth < Depth::Deep && subject.whole.is_unchanged(&distribution.info, now) {
        return;
    }
    let mut faults = Faults { linked: true, ..Faults::default() };
    for run in &record.runs {
        let files = &record.files[run.files.clone()];
        // The whole folder is not there: no need to look at each of its files.
        let own = distribution.owns_metadata(&files[0].path);
        if !own && run.lasting > 0 && places.is_unlisted(&files[0]) {
            faults.looked_at += run.lasting;
            faults.absent.push(run);
            continue;
        }
        let lines = run.files.clone().zip(files);
        for (at, recorded) in lines.filter(|(_, recorded)| recorded.role != Role::Bytecode) {
            if !own || !is_judged_elsewhere(&recorded.path) {
                let line = Line { recorded, at, own };
                look_at(subject, distribution, line, &places, &mut faults);
            }
        }
    }
    if faults.is_none() {
        // Shared ones were not opened here, and few are opened as fast as their stamps are compared.
        if !faults.linked || record.files.len() >= MANY_FILES {
            subject.whole.add(&distribution.info, || {
                let known = |at: usize| faults.stamps.get(at).copied().flatten();
                stamps(record, move |at, recorded| known(at).or_else(|| places.stamp(recorded)))
            });
        }
        return;
    }
    drop_shared(site, distribution, &mut faults.edited);
    if distribution.by_conda() {
        keep_what_conda_installed(subject, record, &places, &mut faults);
    } else if is_packaged_by_system(subject, distribution) {
        faults.missing.clear();
        faults.absent.clear();
    }
    report_missing(site, distribution, &places, &faults, report);
    report_corrupt(site, distribution, &faults, report);
    report_edited(site, distribution, &faults, report);
    report_wrong_types(site, distribution, &faults, report);
    // Elsewhere `rights` says it.
    if subject.facts.scheme == Scheme::Windows {
        report.problems.extend(
            faults
                .unread
                .into_iter()
                .take(1)
                .map(|path| Problem::new(system::native(path), "cannot be read now")),
        );
    }
}

impl Faults<'_> {
    fn is_none(&self) -> bool {
        self.absent.is_empty()
            && self.missing.is_empty()
            && self.corrupt.is_empty()
            && self.edited.is_empty()
            && self.wrong_type.is_empty()
            && self.unread.is_empty()
    }
}

/// Everything that is judged of a distribution: what it was told from, and its files.
fn stamps(
    record: &Record,
    stamp: impl Fn(usize, &RecordedFile) -> Option<Stamp>,
) -> impl Iterator<Item = (&str, Option<Stamp>)> {
    let lines = record.files.iter().enumerate();
    let lasting = lines.filter(|(_, recorded)| recorded.role != Role::Bytecode);
    lasting.map(move |(at, recorded)| (recorded.path.as_str(), stamp(at, recorded)))
}

/// A line of RECORD.
#[derive(Clone, Copy)]
struct Line<'a> {
    recorded: &'a RecordedFile,
    /// Its place in RECORD.
    at: usize,
    /// Whether it is of a file in the folder of metadata.
    own: bool,
}

fn look_at<'a>(
    subject: &Subject<'_>,
    distribution: &Distribution,
    line: Line<'a>,
    places: &Places<'a>,
    faults: &mut Faults<'a>,
) {
    let recorded = line.recorded;
    let is_rewritten = is_link(&recorded.path) || distribution.by_conda();
    let mut linked = None;
    // Most looks end here: putting a path together costs more than the rest of such a look.
    if recorded.plain && !is_rewritten && faults.linked {
        let known = known_file(subject, distribution, line, places);
        if known == Known::Fine {
            faults.looked_at += 1;
            return;
        }
        faults.linked = known != Known::Unshared;
        linked = match known {
            Known::Shared(file) => Some(file),
            _ => None,
        };
    }
    let Some(path) = places.resolve(recorded) else { return };
    let is_script = !recorded.plain
        && subject.facts.scripts.as_deref().map_or_else(
            || recorded.path.starts_with("../"),
            |folder| path.parent() == Some(folder),
        );
    faults.looked_at += 1;
    if places.is_below_absent(&path) {
        faults.missing.extend((!is_script).then_some(recorded));
        return;
    }
    let look = Look { depth: subject.depth, rewritten: is_script || is_rewritten };
    let corrupt = |reason: String| (path.clone(), reason);
    let mut stamp = None;
    let verdict = content::judge_stamped(&path, Some(places.site()), recorded, look, &mut stamp);
    if let Some(stamp) = stamp.filter(|_| subject.whole.remembers()) {
        faults.stamps.resize(line.at, None);
        faults.stamps.push(Some(stamp));
    }
    if let Some(file) = linked.filter(|_| verdict == Verdict::Fine) {
        subject.whole.add_fine(file, recorded);
    }
    match verdict {
        Verdict::Fine => {}
        Verdict::Unknown => faults.unread.push(path),
        Verdict::Missing if is_command(distribution, is_script, &recorded.path) => {}
        // Nor is one of another name: virtualenv writes `wheel-3.12.exe` beside `wheel.exe`.
        Verdict::Missing if is_in_absent_scripts(subject, &path) => {}
        Verdict::Missing => match places.file_on_the_way(recorded) {
            Some(file) if faults.wrong_type.iter().any(|(known, _)| *known == file) => {}
            Some(file) => faults.wrong_type.push((file, "a file, not a folder")),
            None => faults.missing.push(recorded),
        },
        Verdict::Empty => faults.corrupt.push(corrupt("is empty".to_owned())),
        Verdict::Nul => faults.corrupt.push(corrupt("holds NULs".to_owned())),
        Verdict::Cut(bytes) => {
            faults.corrupt.push(corrupt(format!("is cut off, RECORD has {bytes} bytes")));
        }
        Verdict::Damaged => faults.corrupt.push(corrupt("differs from RECORD".to_owned())),
        Verdict::Edited => faults.edited.push(path),
        Verdict::WrongType(what) => faults.wrong_type.push((path, what)),
    }
}

/// What is known of a file before it is opened.
#[derive(PartialEq)]
enum Known {
    /// Environments share it by hard links, and this run judged it under another name.
    Fine,
    /// It has other names.
    Shared(Identity),
    /// It has one name, and so have the others of its distribution: installers link all or none.
    Unshared,
    /// No file stands there.
    Nothing,
}

fn known_file(
    subject: &Subject<'_>,
    distribution: &Distribution,
    line: Line<'_>,
    places: &Places<'_>,
) -> Known {
    let is_fine = |file: Identity| subject.whole.is_fine(file, line.recorded);
    // The listing of its folder told which file this is.
    if line.own
        && line.recorded.path.ends_with("/WHEEL")
        && distribution.listed.wheel().is_some_and(is_fine)
    {
        return Known::Fine;
    }
    let seen = places.look(line.recorded).filter(|seen| seen.kind == Kind::File);
    match seen.map(|seen| seen.identity) {
        Some(Some(file)) if is_fine(file) => Known::Fine,
        Some(Some(file)) => Known::Shared(file),
        Some(None) => Known::Unshared,
        None => Known::Nothing,
    }
}

/// A file that names the folder of an editable project: rewritten when the project moves.
fn is_link(recorded: &str) -> bool {
    !recorded.contains('/') && (recorded.starts_with("__editable__") || recorded.ends_with(".pth"))
}

/// A missing command is judged by its declaration, and a missing `bin` is no distribution's fault.
fn is_command(distribution: &Distribution, is_script: bool, recorded: &str) -> bool {
    let name = recorded.rsplit('/').next().unwrap_or(recorded);
    let name = name.strip_suffix(".exe").unwrap_or(name);
    is_script
        && (distribution.name == "pip"
            || distribution.commands.iter().any(|command| command == name))
}

/// Whether the folder of scripts is gone, and this file was in it.
fn is_in_absent_scripts(subject: &Subject<'_>, path: &Path) -> bool {
    let facts = subject.facts;
    facts.scripts.is_none() && path.parent() == Some(&facts.prefix.join(facts.scheme.scripts()))
}

/// What Debian, Fedora or Homebrew packaged: they move and split files and keep RECORD as it was.
fn is_packaged_by_system(subject: &Subject<'_>, distribution: &Distribution) -> bool {
    !subject.environment.is_virtual() && !distribution.by_wheel_installer()
}

/// Of its own metadata: METADATA and RECORD were read and have codes of their own; the rest of these
/// few is rewritten by installers.
pub(in crate::environments) fn is_judged_elsewhere(recorded: &str) -> bool {
    let name = recorded.rsplit('/').next().unwrap_or(recorded);
    matches!(
        name,
        "METADATA"
            | "RECORD"
            | "RECORD.jws"
            | "RECORD.p7s"
            | "INSTALLER"
            | "REQUESTED"
            | "direct_url.json"
    )
}

/// Two distributions may install one file (a namespace's `__init__.py`): the last one wrote it.
fn drop_shared(site: &Site, distribution: &Distribution, edited: &mut Vec<PathBuf>) {
    edited.dedup();
    if edited.is_empty() {
        return;
    }
    let others = site.distributions.iter().filter(|other| other.info != distribution.info);
    let records = others.filter_map(|other| other.record.get());
    let shared: HashSet<&Path> =
        records.flat_map(|record| &record.files).map(|file| Path::new(&file.path)).collect();
    edited.retain(|path| {
        !path.strip_prefix(&site.folder).is_ok_and(|relative| shared.contains(relative))
    });
}

/// conda builds packages from wheels and leaves files out (tests, duplicates) without editing
/// RECORD: only its own list tells what was installed.
fn keep_what_conda_installed<'a>(
    subject: &Subject<'_>,
    record: &'a Record,
    places: &Places<'_>,
    faults: &mut Faults<'a>,
) {
    faults.edited.clear();
    faults.corrupt.retain(|(_, reason)| reason == "is empty" || reason == "holds NULs");
    // Its own records are few and its RECORDs many: absent folders are looked at file by file here.
    if faults.missing.is_empty() && faults.absent.is_empty() {
        return;
    }
    faults.missing.extend(faults.absent.drain(..).flat_map(|run| &record.files[run.files.clone()]));
    let listed = super::ownership::conda_files(&subject.facts.prefix);
    let prefix = &subject.facts.prefix;
    faults.missing.retain(|missing| {
        places
            .resolve(missing)
            .as_deref()
            .and_then(|path| path.strip_prefix(prefix).ok()?.to_str())
            .is_some_and(|relative| listed.contains(&relative.replace('\\', "/")))
    });
}

fn report_missing<'a>(
    site: &Site,
    distribution: &Distribution,
    places: &Places<'a>,
    faults: &Faults<'a>,
    report: &mut Report,
) {
    let (inert, needed): (Vec<&RecordedFile>, Vec<_>) =
        faults.missing.iter().partition(|missing| is_inert(distribution, missing));
    // What nothing imports is worth a word only when it is all that is missing.
    let needed_below: usize = faults.absent.iter().map(|run| run.needed).sum();
    let is_needed = !needed.is_empty() || needed_below > 0;
    let below: usize = faults.absent.iter().map(|run| run.lasting).sum();
    let (files, number) = match is_needed {
        true => (needed, needed_below),
        false => (inert, below),
    };
    let number = number + files.len();
    let mut paths: Vec<PathBuf> = Vec::new();
    for run in faults.absent.iter().filter(|run| !is_needed || run.needed > 0).take(MAX_PATHS) {
        paths.push(site.folder.join(&run.top));
    }
    highest_paths(&files, places, &mut paths);
    let Some(first) = paths.first() else { return };
    let message = format!(
        "{}: {} of {} {} missing: {}{}",
        title(distribution),
        number,
        count(faults.looked_at, "file"),
        if number == 1 { "is" } else { "are" },
        shown(first, &site.folder),
        if paths.len() > 1 { " and others" } else { "" },
    );
    let of_pip = files.iter().any(|file| file.path.starts_with("pip/"))
        || faults.absent.iter().any(|run| run.top == "pip");
    let finding = if !is_needed {
        let mut finding = Finding::new(Code::PackageFilesMissing, message, paths);
        finding.severity = Severity::Info;
        finding.repaired_by(Method::None)
    } else if distribution.name == "pip" && of_pip {
        // Repaired from the base's bundled wheel, whatever version that has.
        Finding::new(Code::PipBroken, message, paths)
    } else {
        reinstall(Code::PackageFilesMissing, distribution, message, paths)
    };
    report.findings.push(finding);
}

/// The highest absent folder of each missing file, or the file itself, each once.
fn highest_paths<'a>(files: &[&'a RecordedFile], places: &Places<'a>, paths: &mut Vec<PathBuf>) {
    let mut last_folder = "";
    for file in files {
        if paths.len() >= MAX_PATHS {
            break;
        }
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !folder.is_empty() && folder == last_folder {
            continue;
        }
        let highest = places.highest_absent(file);
        // Its neighbours are told by the same path, when that is a folder's.
        last_folder = if highest.ends_with(&file.path) { "" } else { folder };
        if !paths.contains(&highest) {
            paths.push(highest);
        }
    }
}

fn report_wrong_types(
    site: &Site,
    distribution: &Distribution,
    faults: &Faults<'_>,
    report: &mut Report,
) {
    for (path, what) in faults.wrong_type.iter().take(MAX_PATHS) {
        let message = format!("{}: {} is {what}", title(distribution), shown(path, &site.folder));
        let finding = Finding::new(Code::FileTypeConflict, message, [path.clone()]);
        report.findings.push(finding.reinstalling([distribution.pin()]));
    }
}

/// A file that nothing imports: tests, licenses, manual pages, headers, type stubs.
fn is_inert(distribution: &Distribution, recorded: &RecordedFile) -> bool {
    if distribution.owns_metadata(&recorded.path) {
        let name = recorded.path.rsplit('/').next().unwrap_or(&recorded.path);
        return !matches!(name, "WHEEL" | "entry_points.txt" | "METADATA");
    }
    recorded.role == Role::Inert
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
