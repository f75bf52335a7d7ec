//! One snapshot: the table of its environments, and those that were named in full.

use std::io::{self, Write};

use super::words::{BOLD, DIM, color_of, severity};
use super::*;
use crate::output::text::{bytes, counted, shown_path};

/// Environments that are listed for people.
const SHOWN_ENVIRONMENTS: usize = 200;

/// What a snapshot holds of what was asked for.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) snapshot: Snapshot,
    /// Each with whether it was named itself.
    pub(crate) environments: Vec<(Environment, bool)>,
    /// Entries of other programs.
    pub(crate) entries: u64,
}

/// Prints a snapshot.
pub(crate) fn show(shown: &Shown, answer: &Answer, page: &Page) -> io::Result<()> {
    print(answer, |out| write(out, shown, page), |out| json::show(out, shown))
}

fn write(out: &mut dyn Write, all: &Shown, page: &Page) -> io::Result<()> {
    let reason = shown(&all.snapshot.about.reason);
    writeln!(out, "{BOLD}{}{BOLD:#}: {reason}", called(&all.snapshot))?;
    let (named, others): (Vec<_>, Vec<_>) = all.environments.iter().partition(|(_, named)| *named);
    for (environment, _) in &named {
        writeln!(out)?;
        in_full(out, environment, page)?;
    }
    if !others.is_empty() {
        writeln!(out)?;
        let others: Vec<&Environment> = others.iter().map(|(environment, _)| environment).collect();
        table(out, &others, page)?;
    }
    if named.is_empty() {
        writeln!(out)?;
        writeln!(out, "{}", summary(all))?;
    }
    Ok(())
}

fn table(out: &mut dyn Write, all: &[&Environment], page: &Page) -> io::Result<()> {
    let kind = widest(all.iter().map(|one| one.kind())).max("kind".len());
    let title = "kind";
    writeln!(out, "{DIM}{title:kind$}  status   distributions  path{DIM:#}")?;
    for one in all.iter().take(SHOWN_ENVIRONMENTS) {
        let (color, path) = (color_of(one.status), shown_path(&one.prefix, page.home.as_deref()));
        write!(out, "{:kind$}  {color}{:7}{color:#}  ", one.kind(), one.status)?;
        writeln!(out, "{:>13}  {path}", one.installed())?;
    }
    if all.len() > SHOWN_ENVIRONMENTS {
        writeln!(out, "and {} more", all.len() - SHOWN_ENVIRONMENTS)?;
    }
    Ok(())
}

/// `3 environments: 1 broken; 12 distributions, 45.2 MiB of files`
fn summary(all: &Shown) -> String {
    let environments = || all.environments.iter().map(|(environment, _)| environment);
    let broken = environments().filter(|one| one.status == Status::Broken).count();
    let installed = environments().map(Environment::installed).sum();
    let size = environments().map(|one| one.bytes).fold(0, u64::saturating_add);
    let broken = if broken == 0 { String::new() } else { format!(" ({broken} broken)") };
    let mut text = format!(
        "{}{broken}, {}, {} of files",
        counted(all.environments.len(), "environment"),
        counted(installed, "distribution"),
        bytes(size)
    );
    if all.entries > 0 {
        let entries = if all.entries == 1 { "entry" } else { "entries" };
        text.push_str(&format!(", {} {entries} of other programs", all.entries));
    }
    text
}

impl Shown {
    pub(super) fn summary(&self) -> String {
        summary(self)
    }
}

fn in_full(out: &mut dyn Write, one: &Environment, page: &Page) -> io::Result<()> {
    let (color, path) = (color_of(one.status), shown_path(&one.prefix, page.home.as_deref()));
    writeln!(out, "{color}{}{color:#}  {BOLD}{path}{BOLD:#}", one.status)?;
    for (field, value) in one.facts.iter().filter(|(field, _)| field != "status") {
        line(out, 4, &format!("{}: {}", shown(field), shown(value)), page)?;
    }
    line(out, 4, &format!("files: {}", bytes(one.bytes)), page)?;
    for found in &one.findings {
        let code = shown(&found.code);
        writeln!(out, "  {}  {BOLD}{code}{BOLD:#}", severity(found.severity))?;
        line(out, 4, &shown(&found.message), page)?;
    }
    let pins: Vec<String> = one
        .distributions
        .iter()
        .map(|one| format!("{} {}", shown(&one.name), shown(&one.version)))
        .collect();
    part(out, "distributions", &pins, page)?;
    let conda: Vec<String> = one.conda.iter().map(shown).collect();
    part(out, "packages of conda", &conda, page)?;
    let files: Vec<String> = one.files.iter().map(shown).collect();
    part(out, "files of no distribution", &files, page)
}

fn part(out: &mut dyn Write, title: &str, items: &[String], page: &Page) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {DIM}{} {title}{DIM:#}", items.len())?;
    lines(out, 4, items, SHOWN_OF_NAMED, page)
}
