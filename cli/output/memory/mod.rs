//! What is remembered, as text for people and as documents for programs ([`json`]).
//!
//! Every name may come from a store that others wrote: none is shown raw.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use aios_core::engine::changes::Change;
use aios_core::engine::compare::{Entry, Pair};
use aios_core::engine::{self, Found, Installed, State};
use aios_core::snapshot::Snapshot;
use aios_core::{EnvironmentId, Status};

use super::text::{shown, width, wrapped};
use super::{Page, colored, time, to};
use crate::args::{Answer, Format};

mod diff;
mod history;
mod json;
mod list;
mod recall;
mod restore;
mod rows;
mod show;
mod upkeep;
mod words;

pub(crate) use diff::{Differing, Differs, diff};
pub(crate) use history::{Story, history};
pub(crate) use list::{How, Listed, Touched, list};
pub(crate) use recall::{Alike, Recollection, recall};
pub(crate) use restore::{Restored, restored};
pub(crate) use show::{Shown, show};
pub(crate) use upkeep::{Kept, Pruned, Verified, pruned, taken, verified};
pub(super) use words::color_of;

/// Changes of one environment that are written out where it was not named.
const SHOWN_CHANGES: usize = 8;
/// The same where it was.
const SHOWN_OF_NAMED: usize = 200;
/// Changes in one sentence.
const SHOWN_IN_WORDS: usize = 3;

/// All that is remembered of an environment at one time.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) id: EnvironmentId,
    pub(crate) prefix: PathBuf,
    status: Status,
    facts: Vec<(String, OsString)>,
    distributions: Vec<Installed>,
    conda: Vec<String>,
    findings: Vec<Found>,
    files: Vec<String>,
    bytes: u64,
}

impl Environment {
    pub(crate) fn of(id: &EnvironmentId, state: &State) -> Result<Environment, engine::Error> {
        Ok(Environment {
            id: id.clone(),
            prefix: state.prefix()?,
            status: state.status(),
            facts: state.facts()?,
            distributions: state.distributions()?,
            conda: state.conda()?,
            findings: state.findings()?,
            files: state.rest()?,
            bytes: state.bytes(),
        })
    }

    fn fact(&self, field: &str) -> Option<String> {
        self.facts.iter().find(|(name, _)| name == field).map(|(_, value)| shown(value))
    }

    /// `venv, Python 3.12.3`
    fn kind(&self) -> String {
        let kind = self.fact("kind").unwrap_or_else(|| "unknown kind".to_owned());
        match self.fact("version") {
            Some(version) => format!("{kind}, Python {version}"),
            None => format!("{kind}, version unknown"),
        }
    }

    /// What conda has as a package is a distribution for Python too.
    fn installed(&self) -> usize {
        self.distributions.len().max(self.conda.len())
    }
}

/// Writes the answer in the format that was asked for.
pub(super) fn print(
    answer: &Answer,
    text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    document: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let stdout = io::stdout().lock();
    match answer.format {
        Format::Human => to(colored(stdout, answer.color), text),
        Format::Json => to(stdout, document),
    }
}

/// `snapshot 4 (2026-11-22 07:14, before-upgrade)`
fn called(snapshot: &Snapshot) -> String {
    let time = time::local(snapshot.about.time_ms);
    match &snapshot.about.name {
        Some(name) => format!("snapshot {} ({time}, {})", snapshot.id, shown(name)),
        None => format!("snapshot {} ({time})", snapshot.id),
    }
}

/// Text that is wrapped, with a hanging indent of two columns.
pub(super) fn line(out: &mut dyn Write, indent: usize, text: &str, page: &Page) -> io::Result<()> {
    let lines = wrapped(text, page.width.saturating_sub(indent + 2));
    for (number, line) in lines.iter().enumerate() {
        let more = if number == 0 { 0 } else { 2 };
        writeln!(out, "{:1$}{line}", "", indent + more)?;
    }
    Ok(())
}

/// One line for each, as many as are shown.
pub(super) fn lines(
    out: &mut dyn Write,
    indent: usize,
    items: &[String],
    most: usize,
    page: &Page,
) -> io::Result<()> {
    // One that would be left out takes the line that says so.
    let most = if items.len() == most + 1 { items.len() } else { most };
    for item in items.iter().take(most) {
        line(out, indent, item, page)?;
    }
    if items.len() > most {
        writeln!(out, "{:indent$}and {} more", "", items.len() - most)?;
    }
    Ok(())
}

fn widest(items: impl Iterator<Item = String>) -> usize {
    items.map(|item| width(&item)).max().unwrap_or_default()
}
