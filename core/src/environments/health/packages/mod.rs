//! Installed distributions against what stands on disk: metadata, files, commands, pip.
//!
//! Causes are collapsed: one finding for each distribution and code, and a distribution whose
//! metadata lost against another's of the same name is not blamed for its files.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Code, Finding, Report, Subject};
use crate::environments::distributions::Distribution;
use crate::fs;

mod content;
mod files;
mod metadata;
mod ownership;
mod pip;
mod place;
mod rivals;
mod scripts;

#[cfg(test)]
pub(in crate::environments) mod fabricated;
#[cfg(test)]
mod tests;

pub(super) use ownership::{Owned, is_unowned_module};
pub use rivals::Families;

// What a repair judges files by, so that it mends what a check finds and nothing else.
pub(in crate::environments) use content::{
    Look, Verdict, are_as_recorded, gives_recorded, is_as_recorded, is_recorded_throughout, judge,
};
pub(in crate::environments) use files::is_judged_elsewhere;
pub(in crate::environments) use place::Places;
pub(in crate::environments) use rivals::Family;

/// Paths in one finding; the message has the full count.
pub(super) const MAX_PATHS: usize = 20;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    for (site, families) in subject.families.iter() {
        metadata::check(subject, site, families, report);
        for distribution in families.iter().filter_map(|family| family.current) {
            files::check(subject, site, distribution, report);
        }
    }
    scripts::check(subject, report);
    pip::check(subject, report);
}

/// A finding about one distribution that is repaired by installing it again.
fn reinstall(
    code: Code,
    distribution: &Distribution,
    message: String,
    paths: Vec<PathBuf>,
) -> Finding {
    let mut finding = Finding::new(code, message, paths.into_iter().take(MAX_PATHS));
    finding.repair.distributions = vec![distribution.pin()];
    finding
}

/// What is only put together when it is written into a message.
struct Written<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Written<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0(f)
    }
}

/// "`click` 8.1.8", the subject of most messages.
pub(super) fn title(distribution: &Distribution) -> impl fmt::Display {
    Written(|f: &mut fmt::Formatter<'_>| {
        write!(f, "`{}`", distribution.name)?;
        if distribution.version.is_empty() {
            Ok(())
        } else {
            write!(f, " {}", distribution.version)
        }
    })
}

/// A path as messages show it: relative to `folder` where it lies below.
fn shown(path: &Path, folder: &Path) -> impl fmt::Display {
    Written(move |f: &mut fmt::Formatter<'_>| {
        write!(f, "`{}`", fs::relative(path, folder).display())
    })
}

/// "1 file" or "3 files".
fn count(number: usize, noun: &str) -> impl fmt::Display {
    Written(move |f: &mut fmt::Formatter<'_>| {
        write!(f, "{number} {noun}{}", if number == 1 { "" } else { "s" })
    })
}
