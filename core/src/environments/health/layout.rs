//! The folders of an environment: there, of the right type, and of this operating system.

use super::{Code, Report, Subject};
use crate::environments::facts::{Facts, Scheme, Shape};
use crate::fs::{self, Kind};
use crate::host::Platform;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    let facts = subject.facts;
    if is_foreign(subject) {
        return foreign(subject, report);
    }
    let conflicts = conflicts(facts, report);
    if !facts.shape.is_virtual() {
        return;
    }
    if !conflicts {
        site_packages(facts, report);
    }
    let is_64_bit = cfg!(target_pointer_width = "64");
    if subject.host.platform == Platform::Linux
        && is_64_bit
        && facts.scheme == Scheme::Posix
        && facts.has("lib")
        && !facts.has("lib64")
    {
        let message = "`lib64`, usually a link to `lib`, is missing";
        report.add(Code::Lib64LinkMissing, message, [facts.prefix.join("lib64")]);
    }
}

/// Whether the environment was made on another operating system.
pub(super) fn is_foreign(subject: &Subject<'_>) -> bool {
    let facts = subject.facts;
    if !facts.shape.is_virtual() {
        return false;
    }
    let home = facts.marker.cfg().and_then(|cfg| cfg.get("home")).unwrap_or_default();
    let drive = home.as_bytes().get(1) == Some(&b':') || home.starts_with("\\\\");
    let on_windows = subject.host.platform == Platform::Windows;
    match facts.scheme {
        Scheme::Windows => {
            !on_windows && (drive || !facts.interpreters.is_empty() || facts.has("Scripts"))
        }
        // MSYS2's Python on Windows uses `bin`, with a `home` on a drive.
        Scheme::Posix if on_windows => home.starts_with('/'),
        Scheme::Posix => drive,
    }
}

fn foreign(subject: &Subject<'_>, report: &mut Report) {
    let facts = subject.facts;
    let made_on = match facts.scheme {
        Scheme::Windows => "Windows",
        Scheme::Posix if subject.host.platform == Platform::Windows => "Linux or macOS",
        Scheme::Posix => "another system",
    };
    let home = facts.marker.cfg().and_then(|cfg| cfg.get("home"));
    let evidence = match home {
        Some(home) => format!("`home` in `pyvenv.cfg` is `{home}`"),
        None => format!("its scripts are in `{}`", facts.scheme.scripts()),
    };
    let message = format!("made on {made_on} ({evidence}): nothing in it can run here");
    report.add(Code::ForeignPlatform, message, [facts.prefix.clone()]);
}

/// Files where folders belong. True when there are any.
fn conflicts(facts: &Facts, report: &mut Report) -> bool {
    let mut found = false;
    let mut add = |path: std::path::PathBuf, what: &str, belongs: &str| {
        found = true;
        let message = format!("`{}` is {what}, where {belongs} belongs", path.display());
        report.add(Code::FileTypeConflict, message, [path]);
    };
    for entry in &facts.entries {
        if entry.kind == Kind::Folder {
            continue;
        }
        let is_own =
            entry.name == facts.scheme.scripts() || entry.name == "lib" || entry.name == "Lib";
        let path = || facts.prefix.join(&entry.name);
        if is_own && std::fs::metadata(path()).is_ok_and(|m| !m.is_dir()) {
            add(path(), "a file", "a folder");
        } else if entry.name == "lib64" && entry.kind == Kind::File {
            let what = "a text file, as a link becomes in a zip or git checkout";
            add(path(), what, "a link to `lib`");
        }
    }
    for library in &facts.libraries {
        if let Some(what) = library.not_a_folder {
            add(library.folder.join("site-packages"), what, "the folder of packages");
        }
    }
    if facts.scheme == Scheme::Posix {
        library_files(facts, &mut add);
    }
    found
}

/// `lib/python3.12` itself may be a file.
fn library_files(facts: &Facts, add: &mut impl FnMut(std::path::PathBuf, &str, &str)) {
    if !facts.libraries.is_empty() || !facts.has("lib") {
        return;
    }
    let lib = facts.prefix.join("lib");
    for entry in fs::list(&lib).unwrap_or_default() {
        let named = entry.name.to_str().and_then(crate::environments::PythonTag::from_name);
        if named.is_some() && entry.kind == Kind::File {
            add(lib.join(entry.name), "a file", "the folder of a library");
        }
    }
}

fn site_packages(facts: &Facts, report: &mut Report) {
    if facts.site_packages().next().is_some() {
        return;
    }
    // Rights hide a folder too: what cannot be looked into is not called missing.
    let denied = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    let expected = match (facts.libraries.first(), facts.tag, facts.scheme) {
        (Some(library), ..) => library.folder.join("site-packages"),
        (None, Some(tag), Scheme::Posix) => {
            facts.prefix.join("lib").join(tag.to_string()).join("site-packages")
        }
        (None, None, Scheme::Posix) => facts.prefix.join("lib"),
        (None, _, Scheme::Windows) => facts.prefix.join("Lib").join("site-packages"),
    };
    if std::fs::metadata(&expected).is_err_and(denied) {
        return;
    }
    // The library of another minor version is there: that is the interpreter's finding.
    let others = facts.libraries.iter().any(|library| library.site_packages.is_some());
    if others && facts.shape == Shape::Virtual {
        return;
    }
    let message = format!("`{}` is gone, and with it every package", expected.display());
    report.add(Code::SitePackagesMissing, message, [expected]);
}
