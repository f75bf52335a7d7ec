//! One environment with all its facts in hand: what a repair is planned from.

use std::path::Path;

use super::identify::identify;
use crate::environments::catalog::Catalog;
use crate::environments::distributions::{self, Shared};
use crate::environments::facts::{self, Facts, Known};
use crate::environments::health::{self, Depth, Families, Finding, Subject, Whole};
use crate::environments::repair;
use crate::fs::{self, Folder};
use crate::host::Host;

/// Whether an environment or installation stands at the prefix. Reads its outline, judges nothing.
pub fn is_prefix(host: &Host, prefix: &Path) -> bool {
    facts_at(host, prefix, &Known::default()).is_some()
}

fn facts_at(host: &Host, prefix: &Path, known: &Known) -> Option<Facts> {
    let folder = Folder::open(fs::canonical(prefix).ok()?).ok()?;
    let entries = folder.entries().ok()?;
    facts::read(host, &folder, entries, None, true, known).ok()
}

/// Reads and judges the environment at a prefix and shows it to `look`, worst findings first. `None` when
/// there is none.
pub fn examine_one<T>(
    host: &Host,
    prefix: &Path,
    look: impl FnOnce(&Subject<'_>, &[Finding]) -> T,
) -> Option<T> {
    let known = Known::default();
    let facts = facts_at(host, prefix, &known)?;
    let environment = identify(host, &facts, None);
    let shared = Shared::new();
    let (installed, _) = distributions::read_for(host, &facts, &environment.site_packages, &shared);
    let catalog = Catalog::new(host, &known);
    let whole = Whole::default();
    let subject = Subject {
        host,
        environment: &environment,
        facts: &facts,
        installed: &installed,
        catalog: &catalog,
        whole: &whole,
        depth: Depth::Usual,
        families: &Families::of(&installed),
    };
    let mut findings = health::examine(&subject).findings;
    findings.extend(repair::unfinished(&facts));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Some(look(&subject, &findings))
}
