//! `pyvenv.cfg`: whether it is there, is text, and names a base that exists and fits.

use std::path::Path;

use super::{Code, Report, Subject};
use crate::environments::facts::{Facts, Marker, Scheme, Shape};
use crate::environments::installation::Home;
use crate::environments::python::PythonTag;
use crate::environments::pyvenv_cfg::{Defect, PyvenvCfg};

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    let facts = subject.facts;
    if facts.shape != Shape::Virtual {
        return;
    }
    let path = facts.prefix.join("pyvenv.cfg");
    let mut add = |code, message: String| report.add(code, message, [path.clone()]);
    match &facts.marker {
        Marker::Missing => add(Code::PyvenvCfgMissing, missing(facts)),
        Marker::NotAFile(what) => {
            add(
                Code::FileTypeConflict,
                format!("`pyvenv.cfg` is {what}, where a text file belongs"),
            );
        }
        Marker::TooLarge(bytes) => add(
            Code::PyvenvCfgGarbled,
            format!("`pyvenv.cfg` holds {bytes} bytes, where a few lines of text belong"),
        ),
        Marker::Denied => {
            add(Code::PermissionDenied, "`pyvenv.cfg` cannot be read by this user".to_owned());
        }
        // The problem is reported; there is nothing to judge.
        Marker::Unreadable(_) => {}
        Marker::Read(cfg) => {
            if let Some(defect) = cfg.defect {
                let (code, message) = describe(defect);
                add(code, message.to_owned());
            } else {
                home(subject, cfg, &path, report);
            }
        }
    }
}

fn missing(facts: &Facts) -> String {
    let evidence = match (facts.site_packages().next(), facts.interpreter()) {
        (Some(packages), _) => format!(
            "`{}` is there",
            packages.strip_prefix(&facts.prefix).unwrap_or(packages).display()
        ),
        (None, Some(file)) => format!("`{}/{}` is there", facts.scheme.scripts(), file.name),
        (None, None) => "activate scripts are there".to_owned(),
    };
    format!("`pyvenv.cfg` is missing: {evidence}, so this was a virtual environment")
}

fn describe(defect: Defect) -> (Code, &'static str) {
    match defect {
        Defect::Empty => (Code::PyvenvCfgEmpty, "`pyvenv.cfg` is empty"),
        Defect::ByteOrderMark => (
            Code::PyvenvCfgGarbled,
            "`pyvenv.cfg` starts with a byte order mark, which hides its first key from the interpreter",
        ),
        Defect::Utf16 => (
            Code::PyvenvCfgGarbled,
            "`pyvenv.cfg` is UTF-16, as a PowerShell redirection writes it; plain UTF-8 is expected",
        ),
        Defect::Nul => {
            (Code::PyvenvCfgGarbled, "`pyvenv.cfg` holds NUL bytes, as after a crash or power cut")
        }
        Defect::NotUtf8 => (Code::PyvenvCfgGarbled, "`pyvenv.cfg` is not UTF-8 text"),
        Defect::NoKeys => {
            (Code::PyvenvCfgGarbled, "`pyvenv.cfg` is text, but has no line `key = value`")
        }
    }
}

/// `home` and `version` against what is there.
fn home(subject: &Subject<'_>, cfg: &PyvenvCfg, path: &Path, report: &mut Report) {
    let facts = subject.facts;
    let Some(home) = cfg.home() else {
        let message = "`pyvenv.cfg` has no `home` key: where the base interpreter is, is not known";
        return report.add(Code::PyvenvCfgHomeMissing, message, [path.to_path_buf()]);
    };
    // The base's folder of another system says nothing here; `foreign-platform` does.
    if super::layout::is_foreign(subject) {
        return;
    }
    if !home.is_absolute() {
        // Windows has no link that would lead to the base instead.
        let named = |text: &str| text.starts_with("\\\\") || text.get(1..2) == Some(":");
        if facts.scheme == Scheme::Windows && !home.to_str().is_some_and(named) {
            let message = format!(
                "`home` in `pyvenv.cfg` is `{}`, which is no absolute path",
                home.display()
            );
            report.add(Code::PyvenvCfgHomeStale, message, [path.to_path_buf()]);
        }
        return;
    }
    let mut found = match facts.home.as_deref() {
        Some(Home::Interpreters(names)) => names.clone(),
        Some(Home::Unusable(what)) => {
            let message = format!("`home` in `pyvenv.cfg` is `{}`, which {what}", home.display());
            return report.add(Code::PyvenvCfgHomeStale, message, [path.to_path_buf(), home]);
        }
        Some(Home::Unread) | None => return,
    };
    let Some(tag) = library_tag(facts) else { return };
    found.retain(|name| {
        PythonTag::from_name(name).is_some_and(|own| own.implementation == tag.implementation)
    });
    let same = |own: PythonTag| (own.major, own.minor) == (tag.major, tag.minor);
    let named: Vec<PythonTag> =
        found.iter().filter_map(|name| PythonTag::from_name(name)).collect();
    let wrong_home = !named.is_empty() && !named.iter().any(|own| same(*own));
    let wrong_version = cfg.version().filter(|version| !version.is_of(tag));
    if !wrong_home && wrong_version.is_none() {
        return;
    }
    let says = match (wrong_version, wrong_home) {
        (Some(version), _) => format!("`pyvenv.cfg` says version {version}"),
        (None, _) => format!("`home` in `pyvenv.cfg` holds {}", found.join(", ")),
    };
    let message = format!("{says}, and the packages are in `lib/{tag}`");
    report.add(Code::PyvenvCfgVersionMismatch, message, [path.to_path_buf()]);
}

/// What the environment's library folder was made for; a folder that is not there says nothing.
pub(super) fn library_tag(facts: &Facts) -> Option<PythonTag> {
    facts.libraries.iter().filter(|library| !library.stdlib).find_map(|library| library.tag)
}
