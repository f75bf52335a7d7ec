//! One environment with all its facts in hand: what a repair is planned from.

use std::path::Path;

use super::Inspected;
use super::cache::{self, Cache};
use super::identify::identify;
use crate::environments::catalog::Catalog;
use crate::environments::distributions::{self, Shared};
use crate::environments::facts::{self, Facts, Known};
use crate::environments::health::{self, Depth, Families, Finding, Subject, Whole};
use crate::environments::repair;
use crate::environments::{Environment, EnvironmentId, EnvironmentKind, PythonTag, Source};
use crate::fs::{self, Folder};
use crate::host::Host;

/// Whether an environment or installation stands at the prefix. Reads its outline, judges nothing.
pub fn is_prefix(host: &Host, prefix: &Path) -> bool {
    facts_at(host, prefix, None, true, &Known::default()).is_some()
}

fn facts_at(
    host: &Host,
    prefix: &Path,
    wanted: Option<PythonTag>,
    named: bool,
    known: &Known,
) -> Option<Facts> {
    let folder = Folder::open(fs::canonical(prefix).ok()?).ok()?;
    let entries = folder.entries().ok()?;
    facts::read(host, &folder, entries, wanted, named, known).ok()
}

/// What looks at one environment leave for the next one, so that a repair need not read again what it did
/// not touch. Files of whole distributions are not opened while their stamps stand; metadata is read
/// again and parsed only where it differs.
#[derive(Debug)]
pub struct Earlier {
    shared: Shared,
    whole: Whole,
}

impl Earlier {
    /// With what the checks of this user knew of distributions, if their cache is given.
    pub fn new(host: &Host, cache: Option<&Path>) -> Earlier {
        let file = cache::file(cache, Depth::Usual);
        let bytes = cache::read(file.as_deref());
        let whole = Cache::open(host, file, &bytes, &Known::default()).take_whole();
        Earlier { shared: Shared::new(), whole }
    }
}

/// Reads and judges the environment at a prefix and shows it to `look`, worst findings first. `None` when
/// there is none.
pub fn examine_one<T>(
    host: &Host,
    prefix: &Path,
    earlier: &Earlier,
    look: impl FnOnce(&Subject<'_>, &[Finding]) -> T,
) -> Option<T> {
    let known = Known::default();
    let facts = facts_at(host, prefix, None, true, &known)?;
    Some(examine(host, &facts, None, &known, earlier, look))
}

/// Reads and judges again what an inspection found, with what it knew of it. `None` when nothing is there any
/// more; another environment, where another one took its place.
pub fn inspect_again(host: &Host, before: &Inspected, earlier: &Earlier) -> Option<Inspected> {
    let known = Known::default();
    let Inspected { environment, hint, .. } = before;
    let is_named = environment.found_by.iter().any(|found| found.source != Source::Workspace);
    let wanted = tag_in_identity(environment);
    let facts = facts_at(host, &environment.prefix, wanted, is_named || hint.is_some(), &known)?;
    let inspected = |subject: &Subject<'_>, findings: &[Finding]| Inspected {
        environment: Environment {
            aliases: environment.aliases.clone(),
            found_by: environment.found_by.clone(),
            ..subject.environment.clone()
        },
        findings: findings.to_vec(),
        hint: *hint,
        seal: None,
    };
    Some(examine(host, &facts, *hint, &known, earlier, inspected))
}

/// Which of several installations in one prefix it is.
fn tag_in_identity(environment: &Environment) -> Option<PythonTag> {
    let version = environment.version.as_ref()?;
    let tag = PythonTag {
        implementation: environment.implementation?,
        major: version.major,
        minor: version.minor,
        free_threaded: environment.abi_flags == "t",
    };
    (EnvironmentId::of(&environment.prefix, Some(tag)) == environment.id).then_some(tag)
}

fn examine<T>(
    host: &Host,
    facts: &Facts,
    hint: Option<EnvironmentKind>,
    known: &Known,
    earlier: &Earlier,
    look: impl FnOnce(&Subject<'_>, &[Finding]) -> T,
) -> T {
    let environment = identify(host, facts, hint);
    earlier.shared.forget_places();
    let site_packages = &environment.site_packages;
    let (installed, _) = distributions::read_for(host, facts, site_packages, &earlier.shared);
    let catalog = Catalog::new(host, known);
    let subject = Subject {
        host,
        environment: &environment,
        facts,
        installed: &installed,
        catalog: &catalog,
        whole: &earlier.whole,
        depth: Depth::Usual,
        families: &Families::of(&installed),
    };
    let mut findings = health::examine(&subject).findings;
    findings.extend(repair::unfinished(facts));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    look(&subject, &findings)
}
