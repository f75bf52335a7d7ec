//! What an answer about an environment was told from, as stamps: while all of them stand, asking again
//! gives the same answer.
//!
//! The stamp of a folder tells that no name in it came, went or changed, and that its rights are as they
//! were; the stamp of a file that its bytes are. A file with several names is stamped once for all the
//! environments that share it: the folders that hold its names tell that they are still its names.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::RwLock;

use serde::{Deserialize, Serialize};

use super::cache::Text;
use crate::environments::distributions::{Distribution, Listed, RecordedFile, Role, Site};
use crate::environments::facts::{Facts, Scheme};
use crate::environments::health::packages::{Family, Places};
use crate::environments::health::{Code, Depth, Finding, Subject};
use crate::environments::pth::{self, PthLine};
use crate::environments::{Environment, modules, repair};
use crate::fs::{self, Folder, Identity, Kind, Seen, Stamp};
use crate::host::Host;
use crate::system;

/// More stamps of its own are not kept of one environment: then its distributions are remembered each
/// by itself.
const MAX_OWN: usize = 4_000;

/// Lines of all RECORDs of an environment.
const MAX_LINES: usize = 50_000;

/// A path and what stood there.
pub(super) type Stamped<'a> = (Text<'a>, Option<Stamp>);

/// The stamps of one environment.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Sources<'a> {
    /// Relative to the prefix, or absolute.
    #[serde(borrow)]
    own: Vec<Stamped<'a>>,
    /// Of a check: site-packages, and what was told from in it.
    #[serde(borrow)]
    site: Option<(Text<'a>, Vec<Stamped<'a>>)>,
}

impl Sources<'_> {
    /// Whether everything is as it was. `shared` is asked about the files in site-packages that have
    /// other names too, once all names are known to be as they were.
    pub(super) fn stand(&self, prefix: &Path, shared: impl FnOnce(&Folder) -> bool) -> bool {
        let Ok(folder) = Folder::open(prefix.to_path_buf()) else { return false };
        self.own.iter().all(|stamped| stands(&folder, stamped))
            && match &self.site {
                None => true,
                Some((path, below)) => folder.folder(path.as_str()).is_ok_and(|site| {
                    below.iter().all(|stamped| stands(&site, stamped)) && shared(&site)
                }),
            }
    }

    /// Whether they are of a check, not of an outline, which looks at less.
    pub(super) fn are_of_check(&self) -> bool {
        self.site.is_some()
    }

    pub(super) fn stamps(&self) -> impl Iterator<Item = Stamp> {
        let below = self.site.iter().flat_map(|(_, below)| below);
        self.own.iter().chain(below).filter_map(|(_, stamp)| *stamp)
    }
}

/// Whether what stands at a path below the folder, links followed, is as it was.
pub(super) fn stands(folder: &Folder, (path, stamp): &Stamped<'_>) -> bool {
    let now = match path.as_str() {
        "" => folder.stamp().map(|(stamp, _)| stamp),
        path => folder.look(path).ok().map(|seen| seen.stamp),
    };
    now == *stamp
}

/// Of what was read in the prefix, and of what its kind follows from. What an interpreter is can change
/// without its folder changing.
pub(super) fn of_outline(facts: &Facts, environment: &Environment) -> Option<Sources<'static>> {
    let read = facts.stamps.iter();
    let mut own: Vec<_> = read.map(|(path, stamp)| (Text::own(path), *stamp)).collect();
    let is_read = |name: &Path| facts.interpreters.iter().any(|file| name == Path::new(&file.name));
    for file in &facts.interpreters {
        // An absolute link leads to what is asked of the base, and one to a sibling is told by it.
        let told = |link: &Path| link.is_absolute() || is_read(link);
        if !file.link.as_deref().is_some_and(told) {
            let relative = file.path.strip_prefix(&facts.prefix).ok()?.to_str()?;
            own.push((Text::own(relative), Stamp::of(&file.path)));
        }
    }
    if facts.has(".project") {
        own.push((Text::own(".project"), Stamp::of(&facts.prefix.join(".project"))));
    }
    if environment.project.is_some() || facts.prefix.ends_with("__pypackages__") {
        let project = facts.prefix.parent()?;
        for path in [project.to_path_buf(), project.join("pyproject.toml")] {
            own.push((Text::own(path.to_str()?), Stamp::of(&path)));
        }
    }
    Some(Sources { own, site: None })
}

/// Of everything that a check looks at, and a record of it after that (`engine::outline`), and the files of
/// each distribution that have other names. `None` when it was told from more than can be stamped.
pub(super) fn of_check(
    subject: &Subject<'_>,
    findings: &[Finding],
    followed: &[PathBuf],
    known: &Linked,
) -> Option<(Sources<'static>, Vec<Vec<Stamped<'static>>>)> {
    let [site] = subject.installed.sites.as_slice() else { return None };
    let is_local = |place: &Path| place.is_absolute() || place.as_os_str().is_empty();
    let lines = |one: &Distribution| one.record.get().map_or(0, |record| record.files.len());
    if !is_self_contained(subject, site, findings)
        || !followed.iter().all(|place| is_local(place))
        || site.distributions.iter().map(lines).sum::<usize>() > MAX_LINES
    {
        return None;
    }
    let facts = subject.facts;
    let mut told = Told {
        site,
        places: Places::of_prefix(site, &facts.prefix),
        // Root asks about the rights of folders only.
        every_file: subject.host.user.uid != Some(0),
        own: of_outline(facts, subject.environment)?.own,
        below: vec![(Text::own(""), Stamp::of(&site.folder))],
        folders: HashSet::new(),
    };
    told.scripts(facts)?;
    if told.every_file {
        for folder in facts.libraries.iter().flat_map(|library| library.folder.ancestors()) {
            let Ok(relative) = folder.strip_prefix(&facts.prefix) else { break };
            if !relative.as_os_str().is_empty() {
                told.own.push((Text::own(relative.to_str()?), Stamp::of(folder)));
            }
        }
    }
    for place in followed {
        told.own.push((Text::own(place.to_str()?), Stamp::of(place)));
    }
    told.entries()?;
    let mut shared = Vec::new();
    for distribution in &site.distributions {
        let linked = told.distribution(subject, distribution, known)?;
        shared.extend((!linked.is_empty()).then_some(linked));
    }
    let relative = site.folder.strip_prefix(&facts.prefix).ok()?.to_str()?;
    let is_bounded = told.own.len() + told.below.len() <= MAX_OWN;
    let site = Some((Text::own(relative), told.below));
    is_bounded.then_some((Sources { own: told.own, site }, shared))
}

/// Whether variables of the process decide too, in every environment.
pub(super) fn is_overridden(host: &Host) -> bool {
    ["PYTHONHOME", "PYTHONPATH"].iter().any(|name| host.variable(name).is_some())
}

/// Whether nothing but the environment and what it stands on decided what was found.
fn is_self_contained(subject: &Subject<'_>, site: &Site, findings: &[Finding]) -> bool {
    let Subject { host, facts, installed, families, .. } = subject;
    // Told from RECORDs and the files that they list; others were told from elsewhere too.
    let is_of_files = |finding: &Finding| {
        matches!(
            finding.code,
            Code::PackageFilesMissing
                | Code::PackageFileCorrupt
                | Code::PackageFileModified
                | Code::Lib64LinkMissing
        )
    };
    let is_wheel = |one: &Distribution| {
        let whole = one.metadata.get().is_some() && one.record.get().is_some();
        whole && one.is_dist_info() && one.editable.is_none() && !one.by_conda()
    };
    let is_single = |family: &Family<'_>| family.rivals.is_empty() && family.gutted.is_empty();
    // Their folders down from the root decide, when root asks for somebody else.
    let is_of_asker = host.user.uid != Some(0) || facts.owner == Some(0);
    subject.depth == Depth::Usual
        && findings.iter().all(is_of_files)
        && installed.inherited.is_empty()
        && installed.unreadable.is_empty()
        && facts.marker.cfg().is_some_and(|cfg| !cfg.includes_system_site_packages())
        && facts.scheme == Scheme::Posix
        && !facts.has(repair::FOLDER)
        && !is_overridden(host)
        && is_of_asker
        && site.distributions.iter().all(is_wheel)
        && families.iter().all(|(_, families)| families.iter().all(is_single))
        && !["sitecustomize.py", "usercustomize.py"].iter().any(|hook| site.has(hook))
}

/// What is put together of one environment.
struct Told<'a> {
    site: &'a Site,
    places: Places<'a>,
    every_file: bool,
    own: Vec<Stamped<'static>>,
    below: Vec<Stamped<'static>>,
    /// Folders below site-packages that were stamped.
    folders: HashSet<&'a str>,
}

impl<'a> Told<'a> {
    /// The scripts: what each starts, and where its links lead. Links of interpreters end in what the
    /// environment stands on.
    fn scripts(&mut self, facts: &Facts) -> Option<()> {
        let folder = facts.scripts.as_deref()?;
        let is_interpreter =
            |name: &str| facts.interpreters.iter().any(|interpreter| interpreter.name == name);
        for entry in &facts.script_entries {
            let name = entry.name.to_str()?;
            match entry.kind {
                Kind::Folder => {}
                Kind::Other => return None,
                Kind::File | Kind::Link if is_interpreter(name) => {}
                Kind::File | Kind::Link => {
                    let stamp = Stamp::of(&fs::below(folder, name));
                    self.own
                        .push((Text::own(&format!("{}/{name}", facts.scheme.scripts())), stamp));
                }
            }
        }
        Some(())
    }

    /// What the listing of site-packages has.
    fn entries(&mut self) -> Option<()> {
        let site = self.site;
        for (entry, seen) in site.folders() {
            let (name, seen) = (entry.name.to_str()?, seen.ok()?);
            // Of what is closed to others, the folders down from the root decide.
            if !self.every_file && seen.access.mode & 0o5 != 0o5 {
                return None;
            }
            self.folders.insert(name);
            self.below.push((Text::own(name), Some(seen.stamp)));
        }
        for entry in site.entries.iter().filter(|entry| entry.kind != Kind::Folder) {
            let name = entry.name.to_str()?;
            let is_pth = name.ends_with(".pth");
            let leads_elsewhere = name.starts_with("__editable__")
                || name.ends_with(".egg-link")
                || is_pth && !runs_own_modules_only(site, name);
            if leads_elsewhere || entry.kind == Kind::Other {
                return None;
            }
            if entry.kind == Kind::Link || is_pth || self.every_file {
                self.stamp(name);
            }
        }
        Some(())
    }

    /// A path below site-packages, links followed.
    fn stamp(&mut self, path: &str) {
        let stamp = self.site.look(path).ok().map(|seen| seen.stamp);
        self.below.push((Text::own(path), stamp));
    }

    /// The files of one distribution. Those that have other names are given back.
    fn distribution(
        &mut self,
        subject: &Subject<'_>,
        distribution: &'a Distribution,
        known: &Linked,
    ) -> Option<Vec<Stamped<'static>>> {
        let mut linked = Vec::new();
        let info = distribution.info.file_name()?.to_str()?;
        for (name, identity) in distribution.listed.iter() {
            let path = format!("{info}/{name}");
            let look = || self.site.look_at_link(&path).ok();
            match identity.and_then(|identity| known.stamp(identity, look)) {
                Some(stamp) => linked.push((Text::own(&path), Some(stamp))),
                None => self.stamp(&path),
            }
        }
        let record = distribution.record.get()?;
        for run in &record.runs {
            let files = &record.files[run.files.clone()];
            // Nothing below a folder that is not listed.
            if !system::IGNORES_CASE && files[0].plain && !self.site.has(&run.top) {
                continue;
            }
            for file in files.iter().filter(|file| file.role != Role::Bytecode) {
                self.file(subject, distribution, file, &mut linked)?;
            }
        }
        Some(linked)
    }

    fn file(
        &mut self,
        subject: &Subject<'_>,
        distribution: &Distribution,
        file: &'a RecordedFile,
        linked: &mut Vec<Stamped<'static>>,
    ) -> Option<()> {
        let prefix = &subject.facts.prefix;
        if !file.plain {
            let Some(path) = self.places.resolve(file) else { return Some(()) };
            // One of the scripts was stamped with the others.
            if subject.facts.scripts.as_deref() != path.parent() {
                let relative = path.strip_prefix(prefix).ok()?.to_str()?;
                self.own.push((Text::own(relative), Stamp::of(&path)));
            }
            return Some(());
        }
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        if Listed::is_read(name) && distribution.owns_metadata(&file.path) {
            return Some(());
        }
        if !folder.is_empty() && self.folders.insert(folder) {
            self.stamp(folder);
        }
        match self.site.look_at_link(&file.path) {
            Ok(Seen { kind: Kind::File, stamp, identity: Some(_), .. }) => {
                linked.push((Text::own(&file.path), Some(stamp)));
            }
            Ok(Seen { kind, stamp, .. }) if kind != Kind::Link => {
                self.below.push((Text::own(&file.path), Some(stamp)));
            }
            _ => self.stamp(&file.path),
        }
        Some(())
    }
}

/// Whether a `.pth` file only imports modules of the standard library, or such that stand beside it.
fn runs_own_modules_only(site: &Site, name: &str) -> bool {
    let Ok(bytes) = fs::read(&site.folder.join(name), pth::MAX_BYTES) else { return false };
    let is_own = |module: &String| {
        modules::is_standard(module.split('.').next().unwrap_or_default())
            || !module.contains('.') && (site.has(module) || site.has(&format!("{module}.py")))
    };
    pth::parse(&bytes)
        .lines
        .iter()
        .all(|line| matches!(line, PthLine::Code { imports, .. } if imports.iter().all(is_own)))
}

/// Stamps of files with several names, each asked for once in a run.
#[derive(Debug, Default)]
pub(super) struct Linked(RwLock<HashMap<Identity, Stamp>>);

impl Linked {
    /// The stamp of this file, if it has other names.
    fn stamp(&self, file: Identity, look: impl FnOnce() -> Option<Seen>) -> Option<Stamp> {
        if let Some(known) = self.0.read().ok()?.get(&file) {
            return Some(*known);
        }
        let seen = look()?;
        let stamp = (seen.identity == Some(file)).then_some(seen.stamp)?;
        self.0.write().ok()?.insert(file, stamp);
        Some(stamp)
    }
}
