//! The run itself: leads first, then what walks come across, then what all of them stand on.
//!
//! Each prefix is claimed once and read, identified and judged at once, so that no more than one
//! environment a thread is in memory with all its facts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cache::{self, Cache};
use super::follow::{self, Candidate, Followed};
use super::guard::guarded;
use super::identify::identify;
use super::walk::{self, Verdict, Visit, Walk};
use super::{Inspected, Inspection, Request, sources};
use crate::environments::catalog::Catalog;
use crate::environments::discovery::{self, Lead, Leads, Target};
use crate::environments::distributions::{self, Installed};
use crate::environments::facts::{self, Facts, Known, Marker};
use crate::environments::health::{self, Depth, Families, Subject, Whole};
use crate::environments::repair;
use crate::environments::{EnvironmentKind, Found, Problem, PythonTag, Source};
use crate::fs::{self, Entry, Folder, Kind, Stamp};
use crate::host::Host;

/// Looks at the machine, or at the paths that the request names.
pub fn inspect(host: &Host, request: &Request) -> Inspection {
    inspect_leads(host, request, |known| follow::leads(host, request, known))
}

/// Walks the workspaces of the request, and looks at nothing else but what they lead to.
pub fn inspect_workspaces(host: &Host, request: &Request) -> Inspection {
    inspect_leads(host, request, |_| follow::leads_of_workspaces(host, &request.workspaces))
}

fn inspect_leads(
    host: &Host,
    request: &Request,
    leads: impl FnOnce(&Known) -> Leads,
) -> Inspection {
    let known = Known {
        keep_stamps: request.cache.is_some(),
        outline: request.depth == Depth::Outline,
        ..Known::default()
    };
    let file = cache::file(request.cache.as_deref(), request.depth);
    let remembered = cache::read(file.as_deref());
    let mut cache = Cache::open(host, file, &remembered, &known);
    let run = Run {
        whole: if request.cache.is_some() { cache.take_whole() } else { Whole::default() },
        host,
        user_base: host.home_place(".local"),
        request,
        known: &known,
        cache,
        shared: distributions::Shared::keeping_looks(request.cache.is_some()),
        catalog: Catalog::new(host, &known),
        claims: Mutex::default(),
        later: Mutex::default(),
        problems: Mutex::default(),
    };
    let mut leads = leads(&known);
    run.problems_of(std::mem::take(&mut leads.problems));
    let mut followed = follow::follow(host, &leads, &known);
    run.candidates(followed.candidates);
    if !request.paths.is_empty() {
        followed.roots = run.unidentified();
    }
    let walk = Walk::new(host, request.limits, &request.progress);
    run.problems_of(walk.run(&followed.roots, &run));
    run.references();
    if request.paths.is_empty() {
        run.bases();
    }
    run.finish()
}

/// Why a walk found what it found.
const WALKED: Found =
    Found { source: Source::Workspace, detail: Cow::Borrowed("a walk came across it") };

struct Run<'a> {
    host: &'a Host,
    /// `~/.local` looks like an environment and is none.
    user_base: Option<PathBuf>,
    request: &'a Request,
    known: &'a Known,
    cache: Cache<'a>,
    whole: Whole,
    shared: distributions::Shared,
    catalog: Catalog<'a>,
    /// By canonical prefix (as bytes: hashing a `Path` walks its components): one claim, or one for
    /// each installation that is named in it.
    claims: Mutex<HashMap<OsString, Vec<Claim>>>,
    /// Leads that walks come across in projects.
    later: Mutex<Leads>,
    problems: Mutex<Vec<Problem>>,
}

/// What became of a prefix.
#[derive(Debug, Default)]
struct Claim {
    wanted: Option<PythonTag>,
    aliases: Vec<PathBuf>,
    found: Vec<Found>,
    /// `None` while it is read, and when it is no environment.
    inspected: Option<Box<Inspected>>,
    /// Nobody reads it, and nobody found an environment.
    nothing: bool,
}

impl Run<'_> {
    /// Reads, identifies and judges the candidates, in parallel.
    fn candidates(&self, candidates: Vec<Candidate>) {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..walk::threads().min(candidates.len()) {
                scope.spawn(|| {
                    while let Some(candidate) = candidates.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        if self.request.progress.stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let look = || self.candidate_of_lead(candidate);
                        self.problems_of(Vec::from_iter(guarded(&candidate.prefix, look)));
                    }
                });
            }
        });
    }

    fn candidate_of_lead(&self, candidate: &Candidate) {
        let Candidate { prefix, wanted, aliases, found, hint } = candidate;
        if !self.claim(prefix, *wanted, aliases, found) {
            return;
        }
        let named = found.iter().any(|f| f.source != Source::Workspace) || hint.is_some();
        if let Some((inspected, _)) = self.remembered_environment(prefix, *hint) {
            return self.settle(prefix, *wanted, inspected);
        }
        let opened = Folder::open(prefix.clone());
        match opened.and_then(|folder| Ok((folder.entries()?, folder))) {
            Ok((entries, folder)) => {
                if let Ok(facts) = self.read(&folder, entries, *wanted, named) {
                    return self.settle(prefix, *wanted, self.judge(&facts, *hint));
                }
            }
            Err(error) if fs::missing(&error) => {}
            Err(error) => self.problems_of(vec![Problem::new(prefix, walk::reason(&error))]),
        }
        self.with(prefix, *wanted, |claim| claim.nothing = true);
    }

    /// True when nobody claimed the prefix before; else the reasons and names are added.
    fn claim(
        &self,
        prefix: &Path,
        wanted: Option<PythonTag>,
        aliases: &[PathBuf],
        found: &[Found],
    ) -> bool {
        let Ok(mut claims) = self.claims.lock() else { return false };
        // Nearly all have one.
        let of_prefix =
            claims.entry(prefix.as_os_str().to_owned()).or_insert_with(|| Vec::with_capacity(1));
        let same =
            |claim: &Claim| claim.wanted == wanted || claim.wanted.is_none() || wanted.is_none();
        let at = of_prefix.iter().position(same).unwrap_or_else(|| {
            of_prefix.push(Claim { wanted, nothing: true, ..Claim::default() });
            of_prefix.len() - 1
        });
        let claim = &mut of_prefix[at];
        claim.found.reserve_exact(found.len());
        for reason in found {
            if !claim.found.contains(reason) {
                claim.found.push(reason.clone());
            }
        }
        for alias in aliases {
            if !claim.aliases.contains(alias) {
                claim.aliases.push(alias.clone());
            }
        }
        std::mem::replace(&mut claim.nothing, false)
    }

    fn with(&self, prefix: &Path, wanted: Option<PythonTag>, change: impl FnOnce(&mut Claim)) {
        if let Ok(mut claims) = self.claims.lock()
            && let Some(of_prefix) = claims.get_mut(prefix.as_os_str())
            && let Some(claim) = of_prefix.iter_mut().find(|claim| claim.wanted == wanted)
        {
            change(claim);
        }
    }

    fn settle(&self, prefix: &Path, wanted: Option<PythonTag>, inspected: Inspected) {
        self.with(prefix, wanted, |claim| claim.inspected = Some(Box::new(inspected)));
    }

    fn read(
        &self,
        prefix: &Folder,
        entries: Vec<Entry>,
        wanted: Option<PythonTag>,
        named: bool,
    ) -> Result<Facts, Vec<Entry>> {
        let facts = facts::read(self.host, prefix, entries, wanted, named, self.known)?;
        let message = match &facts.marker {
            Marker::NotAFile(what) => format!("is {what}, not a regular file; it was not opened"),
            Marker::TooLarge(bytes) => format!("holds {bytes} bytes and was not read"),
            Marker::Denied => "cannot be read: permission denied".to_owned(),
            Marker::Unreadable(reason) => format!("cannot be read: {reason}"),
            Marker::Missing | Marker::Read(_) => return Ok(facts),
        };
        self.problems_of(vec![Problem::new(prefix.path().join("pyvenv.cfg"), message)]);
        Ok(facts)
    }

    fn judge(&self, facts: &Facts, hint: Option<EnvironmentKind>) -> Inspected {
        let environment = identify(self.host, facts, hint);
        self.request.progress.environments.fetch_add(1, Ordering::Relaxed);
        let (installed, problems) = if self.request.depth > Depth::Outline {
            let site_packages = &environment.site_packages;
            distributions::read_for(self.host, facts, site_packages, &self.shared)
        } else {
            (Installed::default(), Vec::new())
        };
        let subject = Subject {
            host: self.host,
            environment: &environment,
            facts,
            installed: &installed,
            catalog: &self.catalog,
            whole: &self.whole,
            depth: self.request.depth,
            families: &Families::of(&installed),
        };
        let report = health::examine(&subject);
        let mut findings = report.findings;
        findings.extend(repair::unfinished(facts));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        // What names others is listed again in any case.
        let is_told = problems.is_empty() && report.problems.is_empty();
        let mut seal = None;
        if is_told && !discovery::refers(&facts.entries) {
            let folders = facts.entries.iter().filter(|entry| entry.kind == Kind::Folder);
            let walked = folders.filter(|entry| !walk::part_of_environment(entry));
            let walked: Vec<&str> = walked.filter_map(|entry| entry.name.to_str()).collect();
            let followed = &report.followed;
            seal = self.cache.keep_environment(&subject, &findings, hint, followed, &walked);
        }
        self.problems_of(problems);
        self.problems_of(report.problems);
        self.request.progress.checked.fetch_add(1, Ordering::Relaxed);
        Inspected { environment, findings, hint, seal }
    }

    /// What the last run told of an environment that is as it was.
    fn remembered_environment(
        &self,
        prefix: &Path,
        hint: Option<EnvironmentKind>,
    ) -> Option<(Inspected, Vec<Entry>)> {
        let is_told = match self.request.depth {
            Depth::Outline => true,
            Depth::Usual => !sources::is_overridden(self.host),
            Depth::Deep => false,
        };
        let known = is_told.then(|| self.cache.environment(prefix, hint))??;
        self.request.progress.environments.fetch_add(1, Ordering::Relaxed);
        if self.request.depth > Depth::Outline {
            self.request.progress.checked.fetch_add(1, Ordering::Relaxed);
        }
        Some(known)
    }

    fn problems_of(&self, more: Vec<Problem>) {
        if let Ok(mut problems) = self.problems.lock() {
            problems.extend(more);
        }
    }

    /// Named paths that are no environments: folders to walk.
    fn unidentified(&self) -> Vec<PathBuf> {
        let Ok(claims) = self.claims.lock() else { return Vec::new() };
        let nothing = |of_prefix: &[Claim]| of_prefix.iter().all(|claim| claim.nothing);
        let unidentified = claims.iter().filter(|(_, of_prefix)| nothing(of_prefix));
        unidentified.map(|(prefix, _)| PathBuf::from(prefix)).collect()
    }

    /// What editors' settings in projects name.
    fn references(&self) {
        let Ok(mut later) = self.later.lock() else { return };
        let leads = std::mem::take(&mut *later);
        drop(later);
        let Followed { candidates, .. } = follow::follow(self.host, &leads, self.known);
        self.problems_of(leads.problems);
        self.candidates(candidates);
    }

    /// What environments stand on, where nothing else led to it.
    fn bases(&self) {
        let Ok(claims) = self.claims.lock() else { return };
        let mut leads: Vec<Lead> = Vec::new();
        for inspected in claims.values().flatten().filter_map(|claim| claim.inspected.as_deref()) {
            let environment = &inspected.environment;
            let Some(executable) = environment.base_executable.as_ref() else { continue };
            let own = environment.base_prefix.as_ref() == Some(&environment.prefix);
            let target = Target::Executable(executable.clone());
            if own || leads.iter().any(|lead| lead.target == target) {
                continue;
            }
            let detail = format!("`{}` stands on it", environment.prefix.display());
            leads.push(Lead { target, source: Source::Base, detail, kind: None });
        }
        drop(claims);
        let followed =
            follow::follow(self.host, &Leads { leads, problems: Vec::new() }, self.known);
        let fresh = |candidate: &Candidate| {
            self.claims.lock().is_ok_and(|claims| {
                !claims.values().flatten().filter_map(|claim| claim.inspected.as_deref()).any(
                    |known| {
                        known.environment.prefix == candidate.prefix
                            && (known.environment.base_id.as_ref() != Some(&known.environment.id)
                                || candidate.wanted.is_none()
                                || known.environment.version.as_ref().is_none_or(|version| {
                                    candidate.wanted.is_some_and(|tag| version.is_of(tag))
                                }))
                    },
                )
            })
        };
        self.candidates(followed.candidates.into_iter().filter(fresh).collect());
    }

    /// Merges what was claimed under several keys, and puts everything in order.
    fn finish(self) -> Inspection {
        self.cache.write(self.whole);
        let claims = self.claims.into_inner().unwrap_or_default();
        let mut boxed: Vec<Box<Inspected>> = Vec::with_capacity(claims.len());
        for mut claim in claims.into_values().flatten() {
            let Some(mut inspected) = claim.inspected.take() else { continue };
            claim.found.sort();
            claim.aliases.sort();
            inspected.environment.found_by = claim.found;
            inspected.environment.aliases = claim.aliases;
            boxed.push(inspected);
        }
        // By bytes: comparing a `Path` walks its components.
        boxed.sort_unstable_by(|a, b| {
            let (a, b) = (&a.environment, &b.environment);
            let by_prefix = a.prefix.as_os_str().cmp(b.prefix.as_os_str());
            by_prefix.then_with(|| a.executable.cmp(&b.executable)).then_with(|| a.id.cmp(&b.id))
        });
        // One installation that was claimed with and without its minor version.
        boxed.dedup_by(|later, kept| {
            let same = later.environment.id == kept.environment.id;
            if same {
                kept.environment.found_by.append(&mut later.environment.found_by);
                kept.environment.aliases.append(&mut later.environment.aliases);
            }
            same
        });
        let environments = boxed.into_iter().map(|inspected| *inspected).collect();
        let mut problems = self.problems.into_inner().unwrap_or_default();
        problems.sort_by(|a, b| (&a.path, &a.message).cmp(&(&b.path, &b.message)));
        problems.dedup();
        Inspection { environments, problems }
    }
}

impl Visit for Run<'_> {
    fn candidate(&self, opened: &Folder, entries: Vec<Entry>) -> Verdict {
        let folder = opened.path();
        if self.user_base.as_deref() == Some(folder) {
            return Verdict::Nothing(entries);
        }
        if !self.claim(folder, None, &[], &[WALKED]) {
            let known = self.claims.lock().is_ok_and(|claims| {
                claims
                    .get(folder.as_os_str())
                    .is_some_and(|of_prefix| of_prefix.iter().any(|claim| !claim.nothing))
            });
            return if known { Verdict::Environment(entries) } else { Verdict::Nothing(entries) };
        }
        match self.read(opened, entries, None, false) {
            Ok(facts) => {
                self.settle(folder, None, self.judge(&facts, None));
                Verdict::Environment(facts.entries)
            }
            Err(entries) => {
                self.with(folder, None, |claim| claim.nothing = true);
                Verdict::Nothing(entries)
            }
        }
    }

    fn link(&self, link: &Path) {
        let detail = format!("`{}` links to it", link.display());
        let lead = Lead {
            target: Target::Prefix(link.to_path_buf()),
            source: Source::Workspace,
            detail,
            kind: None,
        };
        if let Ok(mut later) = self.later.lock() {
            later.leads.push(lead);
        }
    }

    fn stamp(&self, folder: &Path) -> Option<Stamp> {
        self.request.cache.as_ref().and_then(|_| Stamp::of(folder))
    }

    fn remembered(&self, folder: &Path) -> Option<(bool, Vec<Entry>)> {
        if let Some((inspected, entries)) = self.remembered_environment(folder, None) {
            if self.claim(folder, None, &[], &[WALKED]) {
                self.settle(folder, None, inspected);
            }
            return Some((true, entries));
        }
        self.cache.folder(folder).map(|known| (false, known.entries()))
    }

    fn folder(&self, folder: &Path, stamp: Option<Stamp>, entries: &[Entry], candidate: bool) {
        let refers = discovery::refers(entries);
        // What may be an environment, or names one, is looked at again in any case: keeping it would
        // only write the same cache anew each time.
        if let Some(stamp) = stamp.filter(|_| !candidate && !refers) {
            self.cache.keep_folder(folder, stamp, entries);
        }
        if refers && let Ok(mut later) = self.later.lock() {
            discovery::in_project(self.host, folder, entries, &mut later);
        }
    }
}
