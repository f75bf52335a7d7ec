//! The interpreter and what it stands on: there, whole, startable, and of the right minor version.

use std::path::PathBuf;

use super::{Code, Finding, Method, Report, Subject};
use crate::environments::facts::{
    Facts, InterpreterFile, LinkEnd, Marker, Scheme, Shape, interpreter_tag,
};
use crate::environments::image::{self, Format};
use crate::environments::installation;
use crate::environments::{Problem, PythonTag};
use crate::host::Platform;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    if super::layout::is_foreign(subject) {
        return;
    }
    let facts = subject.facts;
    let before = report.findings.len();
    match facts.interpreter() {
        None => missing(subject, report),
        Some(file) => {
            no_plain_name(subject, file, report);
            judge_file(subject, file, report);
            minor_mismatch(subject, file, report);
            if report.findings.len() == before {
                library_of_copy(subject, file, report);
                no_pythonw(subject, file, report);
            }
            // Scripts start other names than `python`; what the first one suffers from is not repeated.
            if report.findings.len() == before && facts.shape.is_virtual() {
                for other in &facts.interpreters[1..] {
                    judge_file(subject, other, report);
                }
            }
        }
    }
    let startable = report.findings.len() == before;
    base_damaged(subject, report);
    if !startable || (facts.base.is_none() && facts.shape.is_virtual()) {
        base_missing(subject, before, report);
    }
}

/// No interpreter at all. A conda environment need not have one: only if conda says that it has.
fn missing(subject: &Subject<'_>, report: &mut Report) {
    let facts = subject.facts;
    if facts.shape == Shape::Conda && !conda_installed_python(facts) {
        return;
    }
    let folder = facts.prefix.join(facts.scheme.scripts());
    let has_folder = facts.has(facts.scheme.scripts());
    let has_folder = has_folder
        && !std::fs::metadata(&folder).is_err_and(|error| crate::fs::leads_nowhere(&error));
    if has_folder && facts.scripts.is_none() {
        // Something else stands there: `file-type-conflict`, or a folder without rights.
        if crate::fs::is_folder(&folder) {
            let message =
                "cannot be listed: the interpreter and the scripts in it were not looked at";
            report.problems.push(Problem::new(folder, message));
        }
        return;
    }
    let message = if has_folder {
        format!("no `python` in `{}`", folder.display())
    } else {
        format!("`{}` is gone, and with it the interpreter and all commands", folder.display())
    };
    report.add(Code::InterpreterMissing, message, [folder]);
}

/// Every tool that makes virtual environments makes a plain `python`; activating relies on it.
fn no_plain_name(subject: &Subject<'_>, file: &InterpreterFile, report: &mut Report) {
    let facts = subject.facts;
    let plain =
        matches!(file.name.as_str(), "python" | "python.exe" | "pypy" | "pypy.exe" | "graalpy");
    if facts.shape != Shape::Virtual || plain || !file.name.starts_with("python") {
        return;
    }
    let folder = facts.prefix.join(facts.scheme.scripts());
    let message = format!("no `python` in `{}`; only `{}` is there", folder.display(), file.name);
    report.add(Code::InterpreterMissing, message, [folder]);
}

fn conda_installed_python(facts: &Facts) -> bool {
    let records = crate::fs::list(&facts.prefix.join("conda-meta")).unwrap_or_default();
    records.iter().filter_map(|entry| entry.name.to_str()).any(|name| {
        let version = name.strip_prefix("python-").and_then(|rest| rest.chars().next());
        name.ends_with(".json") && version.is_some_and(|first| first.is_ascii_digit())
    })
}

fn judge_file(subject: &Subject<'_>, file: &InterpreterFile, report: &mut Report) {
    let facts = subject.facts;
    let place = || format!("`{}/{}`", facts.scheme.scripts(), file.name);
    let path = || [file.path.clone()];
    match &file.end {
        LinkEnd::Gone(target) => {
            let message =
                format!("{} is a link to `{}`, which does not exist", place(), target.display());
            report.add(Code::InterpreterDangling, message, [file.path.clone(), target.clone()]);
        }
        LinkEnd::Loop => {
            let message = format!("{} is a link in a circle: it ends nowhere", place());
            report.add(Code::InterpreterSymlinkLoop, message, path());
        }
        LinkEnd::NotAFile(what) => {
            let message = format!("{} is {what}, where an interpreter belongs", place());
            report.add(Code::InterpreterCorrupt, message, path());
        }
        LinkEnd::Denied(target) => {
            let message =
                format!("{} leads to `{}`, which this user may not use", place(), target.display());
            report.add(Code::PermissionDenied, message, [file.path.clone(), target.clone()]);
        }
        LinkEnd::File { canonical, executable, image, .. } => {
            let inside = canonical.starts_with(&facts.prefix);
            match image {
                Err(reason) => {
                    let what = if inside { place() } else { format!("`{}`", canonical.display()) };
                    let message = format!("{what} {reason}");
                    report.add(Code::InterpreterCorrupt, message, [canonical.clone()]);
                }
                Ok(image)
                    if image.format == Format::Script && inside && own_file_expected(facts) =>
                {
                    let message =
                        format!("{} is a script, where a link to an interpreter belongs", place());
                    report.add(Code::InterpreterCorrupt, message, path());
                }
                Ok(image) if is_other_system(subject, image.format) => {
                    let message =
                        format!("{} is an executable of another operating system", place());
                    report.add(Code::InterpreterWrongArch, message, [canonical.clone()]);
                }
                Ok(image) if wrong_machine(subject, image.architecture) => {
                    let built = image.architecture.map(|a| a.as_str()).unwrap_or_default();
                    let own = std::env::consts::ARCH;
                    let message =
                        format!("{} is built for {built}, this machine is {own}", place());
                    report.add(Code::InterpreterWrongArch, message, [canonical.clone()]);
                }
                Ok(_) if !executable && facts.scheme == Scheme::Posix => {
                    let message = format!("`{}` has no execute bit", canonical.display());
                    report.add(Code::InterpreterNotExecutable, message, [canonical.clone()]);
                }
                Ok(_) => {}
            }
        }
    }
}

/// On Windows a copied interpreter loads `python312.dll` from its own folder; a redirector, which loads
/// nothing, has none beside it.
fn library_of_copy(subject: &Subject<'_>, file: &InterpreterFile, report: &mut Report) {
    let facts = subject.facts;
    let inside = matches!(&file.end, LinkEnd::File { canonical, image: Ok(image), .. }
        if image.format == Format::Pe && canonical.starts_with(&facts.prefix));
    let Some(folder) = facts.scripts.as_deref().filter(|_| inside && facts.shape.is_virtual())
    else {
        return;
    };
    let mut libraries = facts
        .script_entries
        .iter()
        .filter(|entry| entry.name.to_str().is_some_and(installation::is_library_of_windows))
        .peekable();
    if libraries.peek().is_none() && installation::has_libraries_of_windows(&facts.script_entries) {
        let name = match facts.tag {
            Some(tag) => format!("python{}{}.dll", tag.major, tag.minor),
            None => "python3*.dll".to_owned(),
        };
        let message = format!(
            "`{}/{}` loads `{name}`, which is gone; its other libraries are there",
            facts.scheme.scripts(),
            file.name
        );
        return report.add(Code::InterpreterCorrupt, message, [folder.join(name)]);
    }
    for library in libraries {
        let path = folder.join(&library.name);
        if let Err(reason) = image::read(&path) {
            let name = library.name.display();
            let message = format!("`{}/{name}` {reason}", facts.scheme.scripts());
            report.add(Code::InterpreterCorrupt, message, [path]);
        }
    }
}

/// Every tool that makes environments on Windows puts it beside `python.exe`, where the base has one.
fn no_pythonw(subject: &Subject<'_>, file: &InterpreterFile, report: &mut Report) {
    let facts = subject.facts;
    let Some(folder) = facts.scripts.as_deref().filter(|_| facts.shape == Shape::Virtual) else {
        return;
    };
    let is_pythonw = |name: &std::ffi::OsStr| name.eq_ignore_ascii_case("pythonw.exe");
    let base_has = |base: &installation::Installation| {
        crate::fs::is_file(&base.executable.with_file_name("pythonw.exe"))
    };
    if file.name.eq_ignore_ascii_case("python.exe")
        && !facts.script_entries.iter().any(|entry| is_pythonw(&entry.name))
        && facts.base.as_deref().is_some_and(base_has)
    {
        let message = format!("no `pythonw.exe` in `{}`", folder.display());
        report.add(Code::PythonwMissing, message, [folder.join("pythonw.exe")]);
    }
}

/// Whether venv, virtualenv or uv made the file: they copy or link an interpreter, never a script.
fn own_file_expected(facts: &Facts) -> bool {
    facts.shape == Shape::Virtual && !matches!(facts.marker, Marker::Missing)
}

fn is_other_system(subject: &Subject<'_>, format: Format) -> bool {
    let own = match subject.host.platform {
        Platform::Linux => Format::Elf,
        Platform::MacOs => Format::MachO,
        Platform::Windows => Format::Pe,
    };
    !matches!(format, Format::Script | Format::Unread) && format != own
}

/// Built for a machine that this one cannot run. A 64-bit machine runs 32-bit programs of its family,
/// and macOS and Windows translate.
fn wrong_machine(subject: &Subject<'_>, built: Option<crate::environments::Architecture>) -> bool {
    use crate::environments::Architecture as A;
    let Some(built) = built.filter(|_| subject.host.platform == Platform::Linux) else {
        return false;
    };
    let runs: &[A] = match std::env::consts::ARCH {
        "x86_64" => &[A::X86_64, A::X86],
        "x86" => &[A::X86],
        "aarch64" => &[A::Aarch64, A::Arm],
        "arm" => &[A::Arm],
        "riscv64" => &[A::Riscv64],
        "powerpc64" => &[A::Ppc64le],
        "s390x" => &[A::S390x],
        _ => return false,
    };
    !runs.contains(&built)
}

/// The interpreter runs, and looks for its packages in the library folder of another minor version.
fn minor_mismatch(subject: &Subject<'_>, file: &InterpreterFile, report: &mut Report) {
    let facts = subject.facts;
    if !facts.shape.is_virtual() || !matches!(&file.end, LinkEnd::File { image: Ok(_), .. }) {
        return;
    }
    let made_for: Vec<PythonTag> = facts
        .libraries
        .iter()
        .filter(|l| l.site_packages.is_some())
        .filter_map(|l| l.tag)
        .collect();
    let Some(runs) = running(file, facts) else { return };
    let Some(expected) = made_for.first().copied().filter(|_| !made_for.contains(&runs)) else {
        return;
    };
    let target = match &file.end {
        LinkEnd::File { canonical, .. } => canonical.clone(),
        _ => file.path.clone(),
    };
    let message = format!(
        "`{}/{}` runs {runs}, and the packages are in `lib/{expected}`",
        facts.scheme.scripts(),
        file.name
    );
    report.add(Code::InterpreterMinorMismatch, message, [file.path.clone(), target]);
}

/// What a working interpreter is: by the name at the end of its link, or by its installation.
fn running(file: &InterpreterFile, facts: &Facts) -> Option<PythonTag> {
    let LinkEnd::File { canonical, .. } = &file.end else { return None };
    if canonical.starts_with(&facts.prefix) {
        // A copy says what it is only by a name with a minor version.
        return PythonTag::from_name(canonical.file_name()?.to_str()?);
    }
    let of_base = facts.base.as_ref().filter(|base| base.executable == *canonical);
    of_base.and_then(|base| base.tag).or_else(|| interpreter_tag(file))
}

/// The base is there and cannot start anything.
fn base_damaged(subject: &Subject<'_>, report: &mut Report) {
    let Some(base) = &subject.facts.base else { return };
    let Some(damage) = &base.damage else { return };
    let message = format!("the base `{}` cannot start: {}", base.executable.display(), damage.what);
    let mut finding = Finding::new(Code::BasePythonDamaged, message, damage.paths.iter().cloned());
    if !subject.facts.shape.is_virtual() {
        finding = finding.repaired_by(Method::None);
    }
    report.findings.push(finding);
}

/// What the environment needs, when it has no working interpreter: on this machine, or not at all.
fn base_missing(subject: &Subject<'_>, from: usize, report: &mut Report) {
    let facts = subject.facts;
    let Some(tag) = facts.tag.filter(|_| facts.shape == Shape::Virtual) else { return };
    let whole = |base: &crate::environments::installation::Installation| {
        base.tag == Some(tag) && base.stdlib.is_some() && base.damage.is_none()
    };
    if facts.base.as_deref().is_some_and(whole) {
        return;
    }
    let fitting = subject.catalog.fitting(tag);
    if let Some(base) = fitting.first() {
        let others = match fitting.len() {
            1 => String::new(),
            2 => " (another one fits too)".to_owned(),
            count => format!(" ({} others fit too)", count - 1),
        };
        for finding in &mut report.findings[from..] {
            if finding.code.method() == Method::InPlace && is_about_interpreter(finding.code) {
                finding.message += &format!("; `{}` fits{others}", base.executable.display());
            }
        }
        return;
    }
    for finding in &mut report.findings[from..] {
        if is_about_interpreter(finding.code) {
            finding.repair.method = Method::NeedsBasePython;
        }
    }
    let abi = if tag.free_threaded { " (free-threaded)" } else { "" };
    let message =
        format!("no {tag}{abi} is installed on this machine, and the packages need that one");
    let paths: Vec<PathBuf> =
        facts.interpreter().map(|file| file.path.clone()).into_iter().collect();
    report.add(Code::BasePythonMissing, message, paths);
}

fn is_about_interpreter(code: Code) -> bool {
    matches!(
        code,
        Code::InterpreterDangling
            | Code::InterpreterMissing
            | Code::InterpreterCorrupt
            | Code::InterpreterSymlinkLoop
            | Code::InterpreterMinorMismatch
            | Code::InterpreterWrongArch
    )
}
