//! Where wheels are: folders that the user names, what the base bundles, what pip built, what uv unpacked, what
//! was fetched for the repair, what pip fetched once.
//!
//! They are asked in this order, and within one the wheel that fits best comes first. Lists are read once, at
//! the first question; what pip fetched, which takes longer, only when nothing else was good enough.

use std::cell::{OnceCell, RefCell};
use std::path::PathBuf;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::VersionOrUrl;

use super::tags::{Rank, Target};
use super::wheel::Wheel;
use crate::environments::distributions::{Requirement, normalize};
use crate::environments::repair::{Case, Network};
use crate::environments::wheels::caches::{Found, Search, unpacked_tags};
use crate::environments::wheels::location::Location;

/// A wheel that was found, and where; not opened.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) wheel: Found,
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
    fetched_by_pip: OnceCell<Vec<Candidate>>,
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
            fetched_by_pip: OnceCell::new(),
            last: RefCell::default(),
        }
    }

    /// The wheels of this version that fit, best first.
    pub(super) fn of_version<'w>(
        &'w self,
        name: &str,
        version: &str,
    ) -> impl Iterator<Item = &'w Candidate> + use<'w, 'a> {
        let version = Version::from_str(version).ok();
        let wanted = move |one: &Candidate| Some(&one.wheel.version) == version.as_ref();
        self.fitting(name, wanted, |_| {})
    }

    /// Those of this version that can be opened. What pip fetched is asked for when there is no other.
    pub(super) fn whole_of_version(&self, name: &str, version: &str) -> Vec<Candidate> {
        let Ok(version) = Version::from_str(version) else { return Vec::new() };
        let whole = |found: &[Candidate]| -> Vec<Candidate> {
            let found = self.ranked(found, name, |one| one.wheel.version == version);
            found.into_iter().filter(|one| self.is_usable(one)).cloned().collect()
        };
        match whole(self.found()) {
            none if none.is_empty() => whole(self.fetched_by_pip()),
            found => found,
        }
    }

    /// The wheels that requirements accept, newest first. Pre-releases only when there is nothing else.
    pub(super) fn accepted<'w>(
        &'w self,
        name: &str,
        requirements: &[&Requirement],
    ) -> impl Iterator<Item = &'w Candidate> + use<'w, 'a> {
        let specifiers: Option<Vec<VersionSpecifiers>> = requirements
            .iter()
            .filter_map(|requirement| match &requirement.version_or_url {
                Some(VersionOrUrl::VersionSpecifier(specifiers)) => Some(Some(specifiers.clone())),
                Some(VersionOrUrl::Url(_)) => Some(None),
                None => None,
            })
            .collect();
        let accepts = move |one: &Candidate| {
            let all = specifiers.iter().flatten();
            specifiers.is_some()
                && all.into_iter().all(|one_of| one_of.contains(&one.wheel.version))
        };
        self.fitting(name, accepts, |found| {
            // Stable: of one version the best fit stays first.
            found.sort_by_key(|one| {
                let version = &one.wheel.version;
                (version.any_prerelease(), std::cmp::Reverse(version.clone()))
            });
        })
    }

    /// Those that bases of this minor version bundle, the environment's own base first.
    pub(super) fn bundled(&self, name: &str) -> Vec<&Candidate> {
        self.ranked(self.found(), name, |candidate| candidate.origin == Origin::Bundled)
    }

    /// The wheel that this file is by its name, if that fits.
    pub(super) fn at(&self, location: Location, origin: Origin) -> Option<Candidate> {
        let candidate = Candidate { wheel: Found::at(location)?, origin };
        self.rank(&candidate).map(|_| candidate)
    }

    /// Opens the first that can be read and that this Python may use.
    pub(super) fn first_whole<'w>(
        &self,
        candidates: impl IntoIterator<Item = &'w Candidate>,
    ) -> Option<Wheel> {
        candidates.into_iter().find_map(|candidate| self.open(candidate))
    }

    /// `None` for a wheel that is damaged, of another name, or for another Python.
    pub(super) fn open(&self, candidate: &Candidate) -> Option<Wheel> {
        let Candidate { wheel: found, origin } = candidate;
        if let Some(last) = self.last.take().filter(|last| last.location == found.location) {
            return Some(last);
        }
        let wheel = Wheel::open(&found.location, *origin).ok()?;
        let version = Version::from_str(&wheel.metadata.version);
        let is_named = normalize(&wheel.metadata.name) == found.name
            && version.is_ok_and(|version| version == found.version);
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
        let Ok(required) = VersionSpecifiers::from_str(required) else { return true };
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

    fn found(&self) -> &[Candidate] {
        self.found.get_or_init(|| find(self.case))
    }

    fn fetched_by_pip(&self) -> &[Candidate] {
        self.fetched_by_pip.get_or_init(|| fetched_by_pip(self.case))
    }

    #[cfg(test)]
    pub(super) fn has_listed_what_pip_fetched(&self) -> bool {
        self.fetched_by_pip.get().is_some()
    }

    /// What pip fetched comes last, and is listed when somebody gets there.
    fn fitting<'w, F: Fn(&Candidate) -> bool>(
        &'w self,
        name: &str,
        wanted: F,
        sort: fn(&mut Vec<&'w Candidate>),
    ) -> impl Iterator<Item = &'w Candidate> + use<'w, 'a, F> {
        let name = name.to_owned();
        let later = std::iter::once_with(|| self.fetched_by_pip());
        let lists = std::iter::once_with(|| self.found()).chain(later);
        lists.flat_map(move |list| {
            let mut found = self.ranked(list, &name, &wanted);
            sort(&mut found);
            found
        })
    }

    fn ranked<'w>(
        &self,
        found: &'w [Candidate],
        name: &str,
        wanted: impl Fn(&Candidate) -> bool,
    ) -> Vec<&'w Candidate> {
        let of_name = found.iter().filter(|one| one.wheel.name == name && wanted(one));
        let mut ranked: Vec<(Origin, Rank, &Candidate)> =
            of_name.filter_map(|one| Some((one.origin, self.rank(one)?, one))).collect();
        ranked.sort_by_key(|(origin, rank, _)| (*origin, *rank));
        ranked.into_iter().map(|(_, _, candidate)| candidate).collect()
    }

    fn rank(&self, candidate: &Candidate) -> Option<Rank> {
        let target = self.target.as_ref()?;
        match &candidate.wheel.tag {
            Some(tag) => target.rank(tag),
            None => unpacked_tags(candidate.wheel.location.path())
                .iter()
                .filter_map(|tag| target.rank(tag))
                .min(),
        }
    }
}

/// What is listed at once. Wheels that pip fetched are not: [`fetched_by_pip`].
fn find(case: &Case<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut add = |origin: Origin, look: &dyn Fn(&mut Search)| {
        let mut search = Search::new();
        look(&mut search);
        found.extend(search.found.into_iter().map(|wheel| Candidate { wheel, origin }));
    };
    let host = case.subject.host;
    add(Origin::Wheelhouse, &|search| {
        case.options.wheelhouses.iter().for_each(|folder| search.folder(folder));
    });
    add(Origin::Bundled, &|search| bundles(case).iter().for_each(|folder| search.folder(folder)));
    add(Origin::PipCache, &|search| search.built_by_pip(host));
    add(Origin::UvCache, &|search| search.unpacked_by_uv(host));
    if let Network::Allowed(fetched) = &case.options.network {
        add(Origin::Fetched, &|search| {
            for folder in &fetched.wheelhouses {
                search.folder(folder);
                search.unpacked(folder);
            }
        });
    }
    found
}

fn fetched_by_pip(case: &Case<'_>) -> Vec<Candidate> {
    let mut search = Search::new();
    search.fetched_by_pip(case.subject.host);
    let found = search.found.into_iter();
    found.map(|wheel| Candidate { wheel, origin: Origin::PipCache }).collect()
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
