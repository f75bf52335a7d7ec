//! Where wheels are: folders that the user names, what the base bundles, the caches of pip and uv, what
//! was fetched.
//!
//! They are asked in this order, and within one the wheel that fits best comes first. Lists are read once, at the first question.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pep440_rs::Version;
use pep508_rs::VersionOrUrl;

use super::tags::{Rank, Target};
use super::wheel::Wheel;
use crate::environments::distributions::{Requirement, normalize};
use crate::environments::repair::{Case, Network};
use crate::fs::{self, Kind};
use crate::host::{Host, Platform};

/// Entries of all folders together: caches of years hold some ten thousand.
const MAX_ENTRIES: usize = 200_000;

/// pip's cache has four levels above a wheel.
const MAX_DEPTH: usize = 5;

/// WHEEL of an unpacked wheel.
const MAX_WHEEL_BYTES: u64 = 64 * 1024;

/// A wheel that was found, not opened.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Normalized.
    pub(super) name: String,
    /// As its name has it.
    pub(super) version: Version,
    /// The file, or the folder that it was unpacked into.
    pub(super) path: PathBuf,
    /// `cp312-cp312-linux_x86_64`; `None` for a folder, whose WHEEL tells.
    tag: Option<String>,
    origin: Origin,
}

/// Where a wheel was found, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// The very wheel that is wanted, and no other.
    Own,
    Wheelhouse,
    Bundled,
    PipCache,
    UvCache,
    Fetched,
}

/// The wheels of this machine.
#[derive(Debug)]
pub(super) struct Wheels<'a> {
    case: &'a Case<'a>,
    /// What they must fit; `None` when that is not known.
    pub(super) target: Option<Target>,
    found: OnceCell<Vec<Candidate>>,
    /// What was opened last, and not taken yet.
    last: RefCell<Option<Wheel>>,
}

impl<'a> Wheels<'a> {
    /// Nothing is read yet.
    pub(super) fn of(case: &'a Case<'a>) -> Wheels<'a> {
        Wheels {
            case,
            target: Target::of(case.subject),
            found: OnceCell::new(),
            last: RefCell::default(),
        }
    }

    /// The wheels of this version that fit, best first.
    pub(super) fn of_version(&self, name: &str, version: &str) -> Vec<&Candidate> {
        let Ok(version) = Version::from_str(version) else { return Vec::new() };
        self.fitting(name, |candidate| candidate.version == version)
    }

    /// The wheels that requirements accept, newest first. Pre-releases only when there is nothing else.
    pub(super) fn accepted(&self, name: &str, requirements: &[&Requirement]) -> Vec<&Candidate> {
        let accepts = |candidate: &Candidate| {
            requirements.iter().all(|requirement| match &requirement.version_or_url {
                Some(VersionOrUrl::VersionSpecifier(specifiers)) => {
                    specifiers.contains(&candidate.version)
                }
                Some(VersionOrUrl::Url(_)) => false,
                None => true,
            })
        };
        let mut found = self.fitting(name, accepts);
        // Stable: of one version the best fit stays first.
        found.sort_by(|a, b| b.version.cmp(&a.version));
        let (pre, mut releases): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|candidate| candidate.version.any_prerelease());
        releases.extend(pre);
        releases
    }

    /// Those that bases of this minor version bundle, the environment's own base first.
    pub(super) fn bundled(&self, name: &str) -> Vec<&Candidate> {
        self.fitting(name, |candidate| candidate.origin == Origin::Bundled)
    }

    /// The wheel that this file is by its name, if that fits.
    pub(super) fn at(&self, file: &Path, origin: Origin) -> Option<Candidate> {
        let (name, version, tag) = parse_name(file.file_name()?.to_str()?)?;
        self.target.as_ref()?.rank(&tag)?;
        let (path, tag) = (file.to_path_buf(), Some(tag));
        Some(Candidate { name, version, path, tag, origin })
    }

    /// Opens the first that can be read and that this Python may use.
    pub(super) fn first_whole(&self, candidates: &[&Candidate]) -> Option<Wheel> {
        candidates.iter().find_map(|candidate| self.open(candidate))
    }

    /// `None` for a wheel that is damaged, of another name, or for another Python.
    pub(super) fn open(&self, candidate: &Candidate) -> Option<Wheel> {
        if let Some(last) = self.last.take().filter(|last| last.path == candidate.path) {
            return Some(last);
        }
        let wheel = Wheel::open(&candidate.path, candidate.origin).ok()?;
        let version = Version::from_str(&wheel.metadata.version);
        let is_named = normalize(&wheel.metadata.name) == candidate.name
            && version.is_ok_and(|version| version == candidate.version);
        (is_named && self.accepts_python(&wheel)).then_some(wheel)
    }

    /// Whether it can be opened. Whoever opens it next need not read its metadata again.
    pub(super) fn is_usable(&self, candidate: &Candidate) -> bool {
        let opened = self.open(candidate);
        let is_usable = opened.is_some();
        self.last.replace(opened);
        is_usable
    }

    fn accepts_python(&self, wheel: &Wheel) -> bool {
        let Some(required) = &wheel.metadata.requires_python else { return true };
        let Ok(required) = pep440_rs::VersionSpecifiers::from_str(required) else { return true };
        let Some(target) = &self.target else { return true };
        let patch = self.case.subject.environment.version.as_ref().and_then(|one| one.patch);
        let tag = target.tag;
        // Without a known patch release: backports end at some patch, they do not begin.
        let full = format!("{}.{}.{}", tag.major, tag.minor, patch.unwrap_or(99));
        Version::from_str(&full).is_ok_and(|version| required.contains(&version))
    }

    /// `ujson==5.10.0 (a wheel for cp312 on manylinux x86_64)`, for hints.
    pub(super) fn wanted(&self, pin: &str) -> String {
        match &self.target {
            Some(target) => format!("{pin} (a wheel for {})", target.describe()),
            None => pin.to_owned(),
        }
    }

    fn fitting(&self, name: &str, wanted: impl Fn(&Candidate) -> bool) -> Vec<&Candidate> {
        let found = self.found.get_or_init(|| find(self.case));
        let of_name = found.iter().filter(|candidate| candidate.name == name && wanted(candidate));
        let mut ranked: Vec<(Origin, Rank, &Candidate)> =
            of_name.filter_map(|one| Some((one.origin, self.rank(one)?, one))).collect();
        ranked.sort_by_key(|(origin, rank, _)| (*origin, *rank));
        ranked.into_iter().map(|(_, _, candidate)| candidate).collect()
    }

    fn rank(&self, candidate: &Candidate) -> Option<Rank> {
        let target = self.target.as_ref()?;
        match &candidate.tag {
            Some(tag) => target.rank(tag),
            None => unpacked_tags(&candidate.path).iter().filter_map(|tag| target.rank(tag)).min(),
        }
    }
}

/// What WHEEL of an unpacked wheel lists.
fn unpacked_tags(folder: &Path) -> Vec<String> {
    let entries = fs::list_unsorted(folder).unwrap_or_default();
    let info = entries.iter().find(|entry| entry.name.to_string_lossy().ends_with(".dist-info"));
    let text = info
        .and_then(|info| fs::read_text(&folder.join(&info.name).join("WHEEL"), MAX_WHEEL_BYTES))
        .unwrap_or_default();
    text.lines()
        .filter_map(|line| line.strip_prefix("Tag:"))
        .map(|tag| tag.trim().to_owned())
        .collect()
}

fn find(case: &Case<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut left = MAX_ENTRIES;
    for folder in &case.options.wheelhouses {
        add_wheels(folder, 1, Origin::Wheelhouse, &mut left, &mut found);
    }
    for folder in bundles(case) {
        add_wheels(&folder, 1, Origin::Bundled, &mut left, &mut found);
    }
    let host = case.subject.host;
    if let Some(cache) = pip_cache(host) {
        add_wheels(&cache.join("wheels"), MAX_DEPTH, Origin::PipCache, &mut left, &mut found);
    }
    if let Some(cache) = uv_cache(host) {
        add_unpacked(&cache.join("archive-v0"), Origin::UvCache, &mut left, &mut found);
    }
    if let Network::Allowed(fetched) = &case.options.network {
        for folder in &fetched.wheelhouses {
            add_wheels(folder, 1, Origin::Fetched, &mut left, &mut found);
            add_unpacked(folder, Origin::Fetched, &mut left, &mut found);
        }
    }
    found
}

fn add_wheels(
    folder: &Path,
    depth: usize,
    origin: Origin,
    left: &mut usize,
    found: &mut Vec<Candidate>,
) {
    for entry in fs::list(folder).unwrap_or_default() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let path = folder.join(&entry.name);
        if entry.kind == Kind::Folder {
            if depth > 1 {
                add_wheels(&path, depth - 1, origin, left, found);
            }
        } else if let Some((name, version, tag)) = entry.name.to_str().and_then(parse_name) {
            found.push(Candidate { name, version, path, tag: Some(tag), origin });
        }
    }
}

/// Folders that uv unpacked wheels into: each holds one `.dist-info`.
fn add_unpacked(folder: &Path, origin: Origin, left: &mut usize, found: &mut Vec<Candidate>) {
    for entry in fs::list(folder).unwrap_or_default() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let path = folder.join(&entry.name);
        let inside = fs::list_unsorted(&path).unwrap_or_default();
        let stem = inside.iter().find_map(|one| one.name.to_str()?.strip_suffix(".dist-info"));
        if let Some((name, version)) = stem.and_then(|stem| stem.rsplit_once('-'))
            && let Ok(version) = Version::from_str(version)
        {
            let name = normalize(name);
            found.push(Candidate { name, version, path, tag: None, origin });
        }
    }
}

/// Name, version and tag of `ujson-5.10.0-1build-cp312-cp312-linux_x86_64.whl`.
fn parse_name(file: &str) -> Option<(String, Version, String)> {
    let stem = file.strip_suffix(".whl")?;
    let parts: Vec<&str> = stem.split('-').collect();
    let tag = match parts.as_slice() {
        [_, _, tag @ ..] if tag.len() == 3 => tag,
        [_, _, _, tag @ ..] if tag.len() == 3 => tag,
        _ => return None,
    };
    // `+` of a local version is written as `_`.
    let version = Version::from_str(parts[1])
        .or_else(|_| Version::from_str(&parts[1].replacen('_', "+", 1)))
        .ok()?;
    Some((normalize(parts[0]), version, tag.join("-")))
}

/// The wheels that `ensurepip` installs from.
fn bundles(case: &Case<'_>) -> Vec<PathBuf> {
    let facts = case.subject.facts;
    let mut libraries: Vec<PathBuf> = facts.stdlib.iter().cloned().collect();
    if let Some(tag) = facts.tag {
        let others = case.subject.catalog.fitting(tag);
        libraries.extend(others.iter().filter_map(|one| one.stdlib.clone()));
    }
    let mut folders: Vec<PathBuf> =
        libraries.iter().map(|library| library.join("ensurepip").join("_bundled")).collect();
    folders.dedup();
    // Debian's and Fedora's `ensurepip` take them from here.
    let system = ["/usr/share/python-wheels", "/usr/share/python3-wheels"];
    folders.extend(system.iter().map(|folder| case.subject.host.place(folder)));
    folders
}

fn pip_cache(host: &Host) -> Option<PathBuf> {
    host.variable_path("PIP_CACHE_DIR").or_else(|| match host.platform {
        Platform::Linux => Some(xdg_cache(host)?.join("pip")),
        Platform::MacOs => host.home_place("Library/Caches/pip"),
        Platform::Windows => Some(local_app_data(host)?.join("pip").join("Cache")),
    })
}

fn uv_cache(host: &Host) -> Option<PathBuf> {
    host.variable_path("UV_CACHE_DIR").or_else(|| match host.platform {
        Platform::Windows => Some(local_app_data(host)?.join("uv").join("cache")),
        Platform::Linux | Platform::MacOs => Some(xdg_cache(host)?.join("uv")),
    })
}

fn xdg_cache(host: &Host) -> Option<PathBuf> {
    host.variable_path("XDG_CACHE_HOME").or_else(|| host.home_place(".cache"))
}

fn local_app_data(host: &Host) -> Option<PathBuf> {
    host.variable_path("LOCALAPPDATA").or_else(|| host.home_place("AppData/Local"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(file in "[a-z0-9._+!-]{0,40}(\\.whl)?") {
            let _ = parse_name(&file);
        }
    }

    #[test]
    fn names_of_wheels() {
        let check = |file: &str, expected: Option<(&str, &str, &str)>| {
            let found = parse_name(file).map(|(name, v, tag)| (name, v.to_string(), tag));
            let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
            assert_eq!(found, expected, "{file}");
        };
        check("idna-3.10-py3-none-any.whl", Some(("idna", "3.10", "py3-none-any")));
        check(
            "MarkupSafe-3.0.2-1-cp312-cp312-win_amd64.whl",
            Some(("markupsafe", "3.0.2", "cp312-cp312-win_amd64")),
        );
        check("torch-2.1+cpu-py3-none-any.whl", Some(("torch", "2.1+cpu", "py3-none-any")));
        check("torch-2.1_cpu-py3-none-any.whl", Some(("torch", "2.1+cpu", "py3-none-any")));
        check("idna-3.10.tar.gz", None);
        check("idna-3.10.whl", None);
        check("a-b-c-d-e-f-g.whl", None);
    }
}
