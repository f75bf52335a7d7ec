//! Reading folders of installations: names with a wildcard, interpreters, versions side by side.
//!
//! Each folder is listed once and judged by what the listing says; nothing is made canonical.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::super::{EnvironmentKind, Source};
use super::lead::{Leads, Target};
use super::places::shown;
use crate::fs::{self, Entry, Kind};
use crate::host::Host;

/// Folders below `base` that match a pattern of names joined by `/`: `repo*/py_env-*`. Wildcards ignore case, for Windows and macOS; hidden names need a hidden pattern.
pub(super) fn matching(base: &Path, pattern: &str) -> Vec<PathBuf> {
    let (name, below) = match pattern.split_once('/') {
        Some((name, below)) => (name, Some(below)),
        None => (pattern, None),
    };
    let found: Vec<PathBuf> = if name.contains('*') {
        subfolders(base)
            .into_iter()
            .filter(|entry| fits(&entry.name, name))
            .map(|entry| base.join(entry.name))
            .collect()
    } else {
        vec![base.join(name)]
    };
    match below {
        Some(below) => found.iter().flat_map(|folder| matching(folder, below)).collect(),
        // A name that was listed as a folder or a link is there already.
        None if name.contains('*') => found,
        None => found.into_iter().filter(|folder| fs::is_folder(folder)).collect(),
    }
}

/// Whether a name fits a pattern with a `*` for any text, wherever it stands.
pub(super) fn fits(name: &OsStr, pattern: &str) -> bool {
    let name = name.as_encoded_bytes();
    if name.starts_with(b".") && !pattern.starts_with('.') {
        return false;
    }
    let mut parts = pattern.split('*').map(str::as_bytes);
    let start = parts.next().unwrap_or_default();
    let Some(end) = parts.next_back() else { return name.eq_ignore_ascii_case(start) };
    if name.len() < start.len() + end.len()
        || !name[..start.len()].eq_ignore_ascii_case(start)
        || !name[name.len() - end.len()..].eq_ignore_ascii_case(end)
    {
        return false;
    }
    // The earliest place is enough for each part in between: it leaves most for the next.
    let mut middle = &name[start.len()..name.len() - end.len()];
    parts.all(|part| {
        let at = (0..(middle.len() + 1).saturating_sub(part.len()))
            .find(|at| middle[*at..*at + part.len()].eq_ignore_ascii_case(part));
        at.inspect(|at| middle = &middle[*at + part.len()..]).is_some()
    })
}

/// Folders and links in a folder, sorted. Nothing when it cannot be listed.
pub(super) fn subfolders(folder: &Path) -> Vec<Entry> {
    listing(folder, |entry| matches!(entry.kind, Kind::Folder | Kind::Link))
}

/// Folders, links and regular files in a folder, sorted. Nothing when it cannot be listed.
pub(super) fn subfolders_and_files(folder: &Path) -> Vec<Entry> {
    listing(folder, |entry| entry.kind != Kind::Other)
}

/// What is wanted is sorted after the choice: `/usr/bin` has thousands of entries and two Pythons.
fn listing(folder: &Path, wanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
    let mut entries = fs::list_unsorted(folder).unwrap_or_default();
    entries.retain(wanted);
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    entries
}

/// Whether a name is an interpreter's: `python`, `python3`, `python3.14t`, `python2.7`, `pypy3.10`,
/// `graalpy`, with or without `.exe`. Not `python3-config`, `python3.12-dbg` or `pythonw`.
pub(super) fn is_interpreter(name: &OsStr) -> bool {
    let Some(name) = name.to_str().map(str::to_ascii_lowercase) else { return false };
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    ["python", "pypy", "graalpy"].iter().find_map(|stem| name.strip_prefix(stem)).is_some_and(
        |version| {
            // Letters at the end are ABI flags: `t` free-threaded; `d`, `m`, `u` of older builds.
            let digits = version.trim_end_matches(['t', 'd', 'm', 'u']);
            let flags = version.len() - digits.len();
            let (major, minor) = digits.split_once('.').unwrap_or((digits, "0"));
            let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            version.is_empty() || (flags <= 3 && number(major) && number(minor))
        },
    )
}

/// The interpreters of a folder, sorted by name: files and links, by name alone.
pub(super) fn interpreters(folder: &Path) -> Vec<Entry> {
    listing(folder, |entry| {
        matches!(entry.kind, Kind::File | Kind::Link) && is_interpreter(&entry.name)
    })
}

/// Where a link leads, made absolute by its name alone. `None` when it is no link.
pub(super) fn link_target(link: &Path) -> Option<PathBuf> {
    let target = std::fs::read_link(link).ok()?;
    let mut path = link.parent()?.to_path_buf();
    for part in target.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    Some(path)
}

/// Whether a listing is that of a prefix: it has a marker, or a folder of programs.
pub(super) fn is_prefix(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| {
        ["pyvenv.cfg", "conda-meta", "bin", "Scripts", "python.exe"]
            .iter()
            .any(|name| entry.name == *name)
    })
}

/// Leads to the environments at most `levels` folders below `folder`.
pub(super) fn environments_below(
    leads: &mut Leads,
    folder: &Path,
    levels: usize,
    lead: &dyn Fn(&mut Leads, PathBuf),
) {
    for entry in subfolders(folder) {
        let path = folder.join(&entry.name);
        let Ok(entries) = fs::list_unsorted(&path) else { continue };
        if is_prefix(&entries) {
            lead(leads, path);
        } else if levels > 1 && entry.kind == Kind::Folder {
            // Links are not descended into: a cycle would be followed `levels` deep at every level.
            environments_below(leads, &path, levels - 1, lead);
        }
    }
}

/// A folder whose children are environments of one kind, when it is there.
pub(super) fn store(
    host: &Host,
    leads: &mut Leads,
    folder: PathBuf,
    kind: Option<EnvironmentKind>,
    source: Source,
) {
    if fs::is_folder(&folder) {
        let detail = format!("{} holds it", shown(host, &folder));
        leads.add(Target::Children(folder), source, kind, detail);
    }
}

/// Leads to the installations that stand side by side in a folder (`versions/3.12.1`), which a tool
/// of the given kind made. Conda installations among them bring their environments along.
pub(super) fn installations(
    host: &Host,
    leads: &mut Leads,
    folder: &Path,
    kind: Option<EnvironmentKind>,
    source: Source,
) {
    let detail = format!("{} holds it", shown(host, folder));
    for entry in subfolders(folder) {
        if entry.name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = folder.join(&entry.name);
        let link = if entry.kind == Kind::Link { link_target(&path) } else { None };
        // A link that leaves the folder leads to something that another tool made.
        let own = link.as_ref().is_none_or(|target| target.starts_with(folder));
        let kind = kind.filter(|_| own);
        match fs::list_unsorted(&path) {
            Ok(entries) => {
                let has = |name: &str| entries.iter().any(|entry| entry.name == name);
                if has("conda-meta") {
                    let base = (!has("pyvenv.cfg")).then_some(EnvironmentKind::CondaBase);
                    leads.add(Target::Prefix(path.clone()), source, base, detail.clone());
                    store(host, leads, path.join("envs"), Some(EnvironmentKind::CondaEnv), source);
                    continue;
                }
                let kind = match kind {
                    Some(EnvironmentKind::Pyenv) if has("pyvenv.cfg") || in_envs(link.as_ref()) => {
                        Some(EnvironmentKind::PyenvVirtualenv)
                    }
                    kind => kind,
                };
                // uv and Rye once unpacked builds with their outer folder, `install`.
                let prefix = if has("install") && !is_prefix(&entries) {
                    path.join("install")
                } else {
                    path.clone()
                };
                leads.add(Target::Prefix(prefix), source, kind, detail.clone());
                if has("envs") && kind == Some(EnvironmentKind::Pyenv) && link.is_none() {
                    let envs = path.join("envs");
                    store(host, leads, envs, Some(EnvironmentKind::PyenvVirtualenv), source);
                }
            }
            // `rye toolchain register` links an interpreter, not a folder.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                leads.add(Target::Executable(path), source, None, detail.clone());
            }
            Err(error) if fs::missing(&error) => {}
            // A folder that may not be listed is looked at again, and reported, when it is followed.
            Err(_) => leads.add(Target::Prefix(path), source, kind, detail.clone()),
        }
    }
}

/// Whether a link leads into pyenv's folder of virtual environments: `versions/3.12.1/envs/name`.
fn in_envs(target: Option<&PathBuf>) -> bool {
    target.and_then(|target| target.parent()).is_some_and(|parent| parent.ends_with("envs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_patterns() {
        let check = |name: &str, pattern: &str, expected: bool| {
            assert_eq!(fits(name.as_ref(), pattern), expected, "{name} {pattern}");
        };
        check("python@3.12", "python@*", true);
        check("Python312", "python*", true);
        check("x", "*", true);
        check(".x", "*", false);
        check(".PyCharm2019", ".PyCharm*", true);
        check("rh-python38", "*python*", true);
        check("pythoncore-3.14-64", "python*-*", true);
        check("bin", "python*-*", false);
        check("pip", "pip", true);
        check("pipx", "pip", false);
        check("aba", "ab*ba", false);
        check("a-b-c", "a*-*-*c", true);
        check("a-c", "a*-*-*c", false);
    }

    #[test]
    fn interpreters_are_told_by_name() {
        for name in ["python", "python3", "python3.14t", "python2.7", "python3.6m", "pypy3.10"] {
            assert!(is_interpreter(name.as_ref()), "{name}");
        }
        for name in ["PYTHON.EXE", "python3.12.exe", "graalpy", "pypy", "python3.12td"] {
            assert!(is_interpreter(name.as_ref()), "{name}");
        }
        for name in ["python-config", "python3.12-config", "pythonw", "python.sh", "python3."] {
            assert!(!is_interpreter(name.as_ref()), "{name}");
        }
        for name in ["python.3", "pythont3", "python3.1.2", "pytho", "pyth\u{f6}n", "python3x"] {
            assert!(!is_interpreter(name.as_ref()), "{name}");
        }
    }
}
