//! What an environment was like when it was last healthy, as whoever calls remembers it: evidence for plans.
//!
//! ```text
//! base            one more vote, after what the files of the environment say
//! pyvenv.cfg      the start of a new one, where the file is lost
//! distributions   wanted exactly, where site-packages is gone, or when a state is returned to
//! ```
//!
//! It may be old, of another environment or forged: what files say comes first, and each part is checked
//! where it is used. Names and versions become requirements, `pyvenv.cfg` is used whole or not at all, and
//! paths are only read, or written into texts for people.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::str::FromStr;

use pep440_rs::Version;

use super::{Case, base};
use crate::environments::distributions::direct_url::{self, Origin};
use crate::environments::distributions::{metadata, normalize};
use crate::environments::facts::Facts;
use crate::environments::pyvenv_cfg::{self, PyvenvCfg};
use crate::environments::wheels::archive::is_plain;
use crate::environments::wheels::location::Location;
use crate::environments::{PythonTag, PythonVersion};
use crate::fs::is_local;

/// Distributions of one environment: more are of no environment.
const MAX_DISTRIBUTIONS: usize = 5_000;

/// Names and versions are far shorter.
const MAX_NAME_BYTES: usize = 256;

/// An editable install is some small files.
const MAX_LINKS: usize = 200;
const MAX_LINKS_BYTES: usize = 1024 * 1024;

/// A healthy state of an environment. Nothing of it is checked yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Which state it is, for people: "snapshot 12 of 2026-11-19 14:03".
    pub source: String,
    /// The interpreter of the base that it stood on, links followed.
    pub base: Option<PathBuf>,
    /// The minor version and ABI that it was for.
    pub tag: Option<PythonTag>,
    /// The exact version that it had.
    pub version: Option<PythonVersion>,
    /// The bytes of its `pyvenv.cfg`.
    pub pyvenv_cfg: Option<Vec<u8>>,
    /// What was installed.
    pub distributions: Vec<RememberedDistribution>,
}

/// A distribution that was installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RememberedDistribution {
    /// Its name, normalized or not.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether somebody asked for it by name (REQUESTED).
    pub requested: bool,
    /// What INSTALLER held.
    pub installer: Option<String>,
    /// The bytes of `direct_url.json`, where there was one.
    pub direct_url: Option<Vec<u8>>,
    /// The very wheel that it was installed as, where whoever calls has it.
    pub wheel: Option<Location>,
    /// Of an editable install what RECORD lists: `.pth` files, finders and metadata. Without them the link to
    /// the project is not made again. Of others nothing.
    pub files: Vec<RememberedFile>,
}

/// A file of a distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RememberedFile {
    /// As RECORD names it.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// What a plan is to lead to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Goal {
    /// That nothing is wrong any more.
    #[default]
    Health,
    /// The same, and that every distribution and `pyvenv.cfg` are as remembered. What was added since
    /// stays ([`super::added`]).
    Remembered,
}

impl<'a> Case<'a> {
    /// What is remembered of the environment.
    pub(super) fn remembered(&self) -> Option<&'a Remembered> {
        self.options.remembered.as_ref().filter(|one| one.is_of(self.subject.facts))
    }
}

impl Remembered {
    /// Whether it was for the same Python as these files are, as far as they tell.
    pub(super) fn is_of(&self, facts: &Facts) -> bool {
        match (self.tag, base::tag(facts)) {
            (Some(then), Some(now)) => then == now,
            _ => true,
        }
    }

    /// Its `pyvenv.cfg`, if that is one of a healthy environment.
    pub(super) fn cfg(&self) -> Option<PyvenvCfg> {
        let bytes = self.pyvenv_cfg.as_deref()?;
        if bytes.len() as u64 > pyvenv_cfg::MAX_BYTES {
            return None;
        }
        let cfg = PyvenvCfg::parse(bytes);
        let is_healthy = cfg.defect.is_none() && cfg.home().is_some_and(|home| is_local(&home));
        is_healthy.then_some(cfg)
    }

    /// What was installed, one for each name. `None` when that is nothing, or more than an environment has.
    pub(super) fn contents(&self) -> Option<Contents> {
        if self.distributions.is_empty() || self.distributions.len() > MAX_DISTRIBUTIONS {
            return None;
        }
        let mut seen = HashSet::new();
        let mut contents = Contents { pinned: Vec::new(), unusable: 0 };
        for distribution in &self.distributions {
            match Pinned::of(distribution) {
                Some(pinned) if seen.insert(pinned.name.clone()) => contents.pinned.push(pinned),
                Some(_) => {}
                None => contents.unusable += 1,
            }
        }
        Some(contents)
    }
}

/// The distributions of a state, checked.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) pinned: Vec<Pinned>,
    /// How many are no names and versions of distributions.
    pub(super) unusable: usize,
}

/// A distribution in exactly one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pinned {
    /// Normalized.
    pub(super) name: String,
    pub(super) version: String,
    pub(super) requested: bool,
    pub(super) installer: Installer,
    pub(super) place: Place,
    /// The very wheel that it was installed as.
    pub(super) wheel: Option<Location>,
    /// The bytes of `direct_url.json`.
    direct_url: Option<Vec<u8>>,
    /// The files of an editable install; none where they are not known, or are no links.
    pub(super) links: BTreeMap<String, Vec<u8>>,
}

/// Where a distribution came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// An index, or a folder of wheels.
    Index,
    /// What `direct_url.json` names.
    Named(Origin),
    /// It does not tell.
    Untold,
}

impl Place {
    /// By the bytes of `direct_url.json`.
    pub(super) fn of(direct_url: Option<&[u8]>) -> Place {
        match direct_url {
            None => Place::Index,
            Some(bytes) => direct_url::origin(bytes).map_or(Place::Untold, Place::Named),
        }
    }
}

/// What leads to a project, and the metadata beside it. Nothing when there is more than that.
fn links(files: &[RememberedFile]) -> BTreeMap<String, Vec<u8>> {
    let is_link = |path: &str| match path.split_once('/') {
        // Names that nothing else is imported by.
        None => path.ends_with(".pth") || path.starts_with('_') && path.ends_with(".py"),
        Some((folder, _)) => folder.ends_with(".dist-info"),
    };
    let bytes: usize = files.iter().map(|file| file.content.len()).sum();
    // Scripts are written for the commands that the metadata declares, bytecode when it is needed.
    let lasting = || {
        let is_made = |path: &str| path.starts_with("../") || path.contains("__pycache__/");
        files.iter().filter(move |file| !is_made(&file.path))
    };
    let are_links = files.len() <= MAX_LINKS
        && bytes <= MAX_LINKS_BYTES
        && lasting().all(|file| is_plain(&file.path) && is_link(&file.path));
    let named = |file: &RememberedFile| (file.path.clone(), file.content.clone());
    if are_links { lasting().map(named).collect() } else { BTreeMap::new() }
}

/// Who installed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Installer {
    Pip,
    Uv,
    Conda,
}

impl Pinned {
    fn of(distribution: &RememberedDistribution) -> Option<Pinned> {
        let RememberedDistribution {
            name,
            version,
            requested,
            installer,
            direct_url,
            wheel,
            files,
        } = distribution;
        if name.len() > MAX_NAME_BYTES || version.len() > MAX_NAME_BYTES {
            return None;
        }
        let (name, version) = (normalize(name), version.trim().to_owned());
        // What is no plain name would lead elsewhere, or be obeyed by who takes the pin.
        let requirement = metadata::requirement(&format!("{name}=={version}"));
        let is_pin = Version::from_str(&version).is_ok()
            && requirement.is_some_and(|one| one.name.as_ref() as &str == name);
        if !is_pin {
            return None;
        }
        let installer = match installer.as_deref().map(|text| text.trim().to_ascii_lowercase()) {
            Some(text) if text == "conda" => Installer::Conda,
            Some(text) if text == "uv" => Installer::Uv,
            _ => Installer::Pip,
        };
        let place = Place::of(direct_url.as_deref());
        let direct_url = direct_url.clone().filter(|_| place != Place::Untold);
        let (requested, wheel, links) = (*requested, wheel.clone(), links(files));
        Some(Pinned { name, version, requested, installer, place, wheel, direct_url, links })
    }

    /// `idna==3.10`
    pub(super) fn pin(&self) -> String {
        format!("{}=={}", self.name, self.version)
    }

    /// Whether a version is the same, however it is written.
    pub(super) fn has_version(&self, other: &str) -> bool {
        match (Version::from_str(&self.version), Version::from_str(other)) {
            (Ok(own), Ok(other)) => own == other,
            _ => self.version == other,
        }
    }

    /// What an installer leaves beside the wheel's own metadata, by the name of the file.
    pub(super) fn left(&self, name: &str) -> Option<Vec<u8>> {
        match name {
            "INSTALLER" if self.installer == Installer::Uv => Some(b"uv".to_vec()),
            "INSTALLER" => Some(b"pip\n".to_vec()),
            "REQUESTED" => self.requested.then(Vec::new),
            "direct_url.json" => self.direct_url.clone(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
