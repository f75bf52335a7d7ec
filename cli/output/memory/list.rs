//! The list of snapshots.

use std::io::{self, Write};
use std::path::PathBuf;

use super::words::{DIM, brief, in_order, some};
use super::*;
use crate::output::text::{bytes, counted, shown_path};

/// Snapshots that are listed for people.
const SHOWN_SNAPSHOTS: usize = 40;

/// A snapshot, and how it differs from the one before.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) snapshot: Snapshot,
    pub(crate) environments: usize,
    pub(crate) broken: usize,
    pub(crate) touched: Vec<Touched>,
    /// Where one environment is another: in what.
    pub(crate) changes: Vec<Change>,
    /// Entries of other programs that differ.
    pub(crate) entries: usize,
    /// What removing it would give back.
    pub(crate) alone_bytes: u64,
}

/// An environment that is another.
#[derive(Debug)]
pub(crate) struct Touched {
    pub(crate) id: EnvironmentId,
    pub(crate) prefix: PathBuf,
    pub(crate) how: How,
}

/// What became of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    New,
    Gone,
    Changed,
}

impl How {
    pub(crate) fn of(pair: &Pair) -> How {
        match (&pair.before, &pair.after) {
            (None, _) => How::New,
            (_, None) => How::Gone,
            _ => How::Changed,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            How::New => "new",
            How::Gone => "gone",
            How::Changed => "changed",
        }
    }
}

/// Prints the list, the newest last.
pub(crate) fn list(all: &[Listed], answer: &Answer, page: &Page) -> io::Result<()> {
    print(answer, |out| write(out, all, page), |out| json::list(out, all))
}

fn write(out: &mut dyn Write, all: &[Listed], page: &Page) -> io::Result<()> {
    let hidden = all.len().saturating_sub(SHOWN_SNAPSHOTS);
    if hidden > 0 {
        let older = counted(hidden, "older one");
        writeln!(out, "{DIM}and {older}; `--format json` has all of them{DIM:#}")?;
    }
    let rows = &all[hidden..];
    let number = widest(rows.iter().map(|one| one.snapshot.id.to_string()));
    let held = widest(rows.iter().map(environments)).max("environments".len());
    let (empty, header) = ("", "environments");
    writeln!(
        out,
        "{DIM}{empty:number$}  time              {header:held$}       alone  name{DIM:#}"
    )?;
    for one in rows {
        let about = &one.snapshot.about;
        let (id, time) = (one.snapshot.id.0, time::local(about.time_ms));
        let (environments, alone) = (environments(one), bytes(one.alone_bytes));
        let name = about.name.as_deref().map(|name| format!("{}, ", shown(name)));
        let name = format!("{}{}", name.unwrap_or_default(), shown(&about.reason));
        writeln!(out, "{id:number$}  {time}  {environments:held$}  {alone:>10}  {name}")?;
        line(out, number + 2, &changed(one, page), page)?;
    }
    Ok(())
}

/// `3, 1 broken`
fn environments(one: &Listed) -> String {
    match one.broken {
        0 => one.environments.to_string(),
        broken => format!("{}, {broken} broken", one.environments),
    }
}

fn changed(one: &Listed, page: &Page) -> String {
    let mut parts = Vec::new();
    if !one.changes.is_empty() {
        let path = one.touched.first().map(|one| shown_path(&one.prefix, page.home.as_deref()));
        let words: Vec<String> = in_order(&one.changes).into_iter().map(brief).collect();
        parts.push(format!("{}: {}", path.unwrap_or_default(), some(&words, SHOWN_IN_WORDS)));
    } else {
        for how in [How::New, How::Changed, How::Gone] {
            let paths: Vec<String> = one
                .touched
                .iter()
                .filter(|one| one.how == how)
                .map(|one| shown_path(&one.prefix, page.home.as_deref()))
                .collect();
            if !paths.is_empty() {
                parts.push(format!("{}: {}", how.as_str(), some(&paths, SHOWN_IN_WORDS)));
            }
        }
    }
    if one.entries > 0 {
        let entries = if one.entries == 1 { "entry" } else { "entries" };
        parts.push(format!("{} {entries} of other programs", one.entries));
    }
    if parts.is_empty() { "nothing changed".to_owned() } else { parts.join("; ") }
}
