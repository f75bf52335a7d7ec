//! What was recalled: the past of an environment, those that are like it, and what repaired the same.

use std::io::{self, Write};

use aios_core::engine::repairs;
use aios_core::index::holographic::Match;

use super::words::{BOLD, DIM, causes, happened};
use super::*;
use crate::output::text::{counted, shown_path};

/// Earlier repairs that are named.
const SHOWN_REPAIRS: usize = 3;

/// What was recalled for one question.
#[derive(Debug)]
pub(crate) struct Recollection {
    /// Of the environment that was named.
    pub(crate) story: Option<Story>,
    /// The packages that were named.
    pub(crate) packages: Vec<String>,
    /// What changed since nothing was broken.
    pub(crate) since_whole: Vec<Change>,
    /// Other environments, the most alike first.
    pub(crate) alike: Vec<Alike>,
    /// Repairs of the same findings, the most alike first.
    pub(crate) repaired: Vec<repairs::Alike>,
}

/// A remembered environment that is like what was asked for.
#[derive(Debug)]
pub(crate) struct Alike {
    pub(crate) snapshot: Snapshot,
    pub(crate) environment: Environment,
    /// Distributions of the same version that both have.
    pub(crate) same: usize,
    pub(crate) found: Match,
}

/// Prints what was recalled.
pub(crate) fn recall(all: &[Recollection], answer: &Answer, page: &Page) -> io::Result<()> {
    print(answer, |out| write(out, all, page), |out| json::recall(out, all))
}

fn write(out: &mut dyn Write, all: &[Recollection], page: &Page) -> io::Result<()> {
    for (number, one) in all.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        if let Some(story) = &one.story {
            let path = shown_path(&story.prefix, page.home.as_deref());
            writeln!(out, "{BOLD}{path}{BOLD:#}  {DIM}{}{DIM:#}", story.environment.kind())?;
            line(out, 2, &story.sentence(), page)?;
        }
        if !one.since_whole.is_empty() {
            writeln!(out, "  since then:")?;
            let words: Vec<String> = causes(&one.since_whole).into_iter().map(happened).collect();
            lines(out, 6, &words, SHOWN_CHANGES, page)?;
        }
        alike(out, one, page)?;
        for found in one.repaired.iter().take(SHOWN_REPAIRS) {
            line(out, 2, &repaired(found, page), page)?;
        }
        if let Some(next) = one.story.as_ref().and_then(|story| story.next(Some(page))) {
            writeln!(out, "    {next}")?;
        }
    }
    Ok(())
}

fn alike(out: &mut dyn Write, one: &Recollection, page: &Page) -> io::Result<()> {
    match (one.alike.is_empty(), one.story.is_some()) {
        (true, true) => return line(out, 2, "no other environment is like it", page),
        (true, false) => return line(out, 0, "no environment that is remembered had them", page),
        (false, true) => writeln!(out, "  like it:")?,
        (false, false) => {}
    }
    let indent = if one.story.is_some() { 4 } else { 0 };
    for found in &one.alike {
        let of = match one.packages.len() {
            // Each is asked for by its name, and by its version where that is given.
            0 => format!("{:3.0} %", found.found.similarity * 100.0),
            _ => format!("{} of {}", found.found.shared, asked(&one.packages)),
        };
        let about = if found.found.exact { "" } else { "about " };
        let path = shown_path(&found.environment.prefix, page.home.as_deref());
        let installed = match one.story.is_some() && found.environment.conda.is_empty() {
            true => {
                let count = counted(found.environment.installed(), "distribution");
                format!("{} of {count} the same", found.same)
            }
            false => counted(found.environment.installed(), "distribution"),
        };
        let text = format!(
            "{about}{of}  {path}  {}, {installed}, {}",
            found.environment.kind(),
            called(&found.snapshot)
        );
        line(out, indent, &text, page)?;
    }
    Ok(())
}

/// Names and versions that packages ask for.
fn asked(packages: &[String]) -> usize {
    packages.iter().map(|package| if package.contains("==") { 2 } else { 1 }).sum()
}

/// What became of something alike, in a sentence.
fn repaired(found: &repairs::Alike, page: &Page) -> String {
    let one = &found.repaired;
    let same = if found.similarity >= 1.0 { "the same" } else { "much the same" };
    let path = shown_path(&one.prefix, page.home.as_deref());
    let actions = shown(one.actions.join(", "));
    let outcome = match one.outcome.as_str() {
        "repaired" => "repaired it",
        "partly" => "repaired a part of it",
        _ => "did not repair it",
    };
    format!("{same} was seen in {path} on {}: {actions} {outcome}", time::local(one.time_ms))
}
