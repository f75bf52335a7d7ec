//! Lists of environments of another program: what became of an imported one, and an exported one.
//!
//! `aios import --format json` is one object: `schema` (`aios.import/1`), `entries`, `active` (path of the
//! environment that was chosen, or null). An **entry**: `id` and `name` as the list has them, `path` (what it says of its
//! place, or null where it was refused), `found` (`healthy`, `warning`, `broken`, `gone`, `refused`), `prefix` (path of what stands
//! there, or null), `version` and `listed_version` (or null), `missing` (packages of the list that are not there in that
//! version), `message` (why it was refused, or null).
//!
//! `aios export` is specified in `core/src/environments/python_environments.rs`.

use std::io::{self, Write};
use std::path::Path;

use aios_core::Status;
use aios_core::engine::active::Choice;
use aios_core::environments::inspection::Inspected;
use aios_core::environments::python_environments::{Entry, Refused};
use serde::Serialize;

use super::json::{JsonPath, Line, write_array};
use super::memory::{color_of, line, lines, print};
use super::text::{counted, shown, shown_path};
use super::{Page, to};
use crate::args::Answer;

/// Packages of one entry that are written out.
const SHOWN: usize = 10;

/// An entry of the list, and what stands there.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) found: Option<&'a Inspected>,
    pub(crate) missing: Vec<String>,
}

impl Row<'_> {
    pub(crate) fn is_of(&self, inspected: &Inspected) -> bool {
        self.found.is_some_and(|one| one.environment.id == inspected.environment.id)
    }

    /// Whether it is there, healthy, and has what the list says.
    pub(crate) fn is_as_listed(&self) -> bool {
        self.found.is_some_and(|one| one.status() == Status::Healthy)
            && self.missing.is_empty()
            && self.other_version().is_none()
    }

    fn version(&self) -> Option<String> {
        self.found?.environment.version.as_ref().map(ToString::to_string)
    }

    /// The version that stands there, when it is another one.
    fn other_version(&self) -> Option<String> {
        let (now, listed) = (self.version()?, self.entry.version.as_deref()?);
        // Lists have `3.12.1`, `Python 3.12.1` and `3.12`.
        let listed = listed.trim_start_matches("Python ").trim();
        let is_same = now == listed || now.starts_with(&format!("{listed}."));
        (!is_same).then_some(now)
    }
}

/// What came of a list.
#[derive(Debug)]
pub(crate) struct Imported<'a> {
    pub(crate) rows: Vec<Row<'a>>,
    pub(crate) refused: Vec<Refused>,
    pub(crate) active: Option<Choice>,
}

pub(crate) fn imported(imported: &Imported<'_>, answer: &Answer, page: &Page) -> io::Result<()> {
    print(answer, |out| human(out, imported, page), |out| json(out, imported))
}

fn human(out: &mut dyn Write, imported: &Imported<'_>, page: &Page) -> io::Result<()> {
    let home = page.home.as_deref();
    for row in &imported.rows {
        let (word, color) = match row.found {
            Some(found) => (found.status().as_str(), color_of(found.status())),
            None => ("gone", color_of(Status::Broken)),
        };
        writeln!(out, "{color}{word:7}{color:#}  {}", shown_path(row.entry.place(), home))?;
        if let Some(now) = row.other_version() {
            let listed = shown(row.entry.version.clone().unwrap_or_default());
            line(out, 4, &format!("is Python {}, and the list has {listed}", shown(now)), page)?;
        }
        let missing: Vec<String> =
            row.missing.iter().map(|pin| format!("{} is not there", shown(pin))).collect();
        lines(out, 4, &missing, SHOWN, page)?;
    }
    for refused in &imported.refused {
        let color = color_of(Status::Broken);
        writeln!(out, "{color}refused{color:#}  {}: {}", shown(&refused.id), shown(&refused.why))?;
    }
    let there = imported.rows.iter().filter(|row| row.found.is_some()).count();
    let count = imported.rows.len() + imported.refused.len();
    let text = format!(
        "{there} of {} still there, and remembered: `aios history PATH` tells of them, `aios check PATH` looks \
         again",
        counted(count, "environment")
    );
    line(out, 0, &text, page)?;
    if let Some(choice) = &imported.active {
        line(out, 0, &format!("active: {}", shown_path(&choice.prefix, home)), page)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct EntryRow<'a> {
    id: &'a str,
    name: Option<&'a str>,
    path: Option<JsonPath<'a>>,
    found: &'static str,
    prefix: Option<JsonPath<'a>>,
    version: Option<String>,
    listed_version: Option<&'a str>,
    missing: &'a [String],
    message: Option<&'a str>,
}

fn json(out: &mut dyn Write, imported: &Imported<'_>) -> io::Result<()> {
    let rows = imported.rows.iter().map(|row| EntryRow {
        id: &row.entry.id,
        name: Some(&row.entry.name),
        path: Some(JsonPath(row.entry.place())),
        found: row.found.map_or("gone", |found| found.status().as_str()),
        prefix: row.found.map(|found| JsonPath(&found.environment.prefix)),
        version: row.version(),
        listed_version: row.entry.version.as_deref(),
        missing: &row.missing,
        message: None,
    });
    let refused = imported.refused.iter().map(|one| EntryRow {
        id: &one.id,
        name: None,
        path: None,
        found: "refused",
        prefix: None,
        version: None,
        listed_version: None,
        missing: &[],
        message: Some(&one.why),
    });
    write!(out, "{{\"schema\":\"aios.import/1\",\"entries\":")?;
    write_array(out, rows.chain(refused))?;
    let active: Option<&Path> = imported.active.as_ref().map(|one| one.prefix.as_path());
    writeln!(out, ",\"active\":{}}}", Line::of(&active.map(JsonPath))?)
}

/// Prints the list, by the identities of its entries.
pub(crate) fn exported(entries: &[Entry]) -> io::Result<()> {
    to(io::stdout().lock(), |out| {
        write!(out, "{{")?;
        for (at, entry) in entries.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(out, "{comma}\n{}:{}", Line::of(&entry.id)?, Line::of(entry)?)?;
        }
        writeln!(out, "\n}}")
    })
}
