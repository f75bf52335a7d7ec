//! A line for each change, for what is no terminal: text, or JSON. This text is the specification of the latter;
//! what holds of all documents (paths, escapes, what may change within a version) is that of
//! [`crate::output::json`].
//!
//! Each line is an object with `schema` (`aios.watch/1`) and `what`:
//!
//! | `what` | when | fields |
//! |---|---|---|
//! | `live` | a service publishes: at first, and again after `waiting` | `time`, `engine` (its version), `snapshot` (a number or null), `problems` (a number), `environments`, each with `id`, `kind`, `version`, `prefix`, `status`, `codes` |
//! | `waiting` | no service publishes any more, or yet | `reason` (for people) |
//! | `appeared`, `changed`, `gone`, `repaired`, `snapshot-taken`, `problem` | something happened | `time`, `id`, `path`, `before` and `after` (`healthy`, `warning`, `broken`), each or null; `codes`, `text` (for people) |
//! | `missed` | what happened was overwritten before it was read | `records` (how many) |

use std::io::{self, Write};

use serde::Serialize;

use super::{Page, clock, said, summary};
use crate::output::json::{JsonPath, Line};
use crate::output::text::{shown, shown_path};
use crate::output::time::utc as utc_time;
use crate::watch::picture::{Environment, Happened, Picture};

const SCHEMA: &str = "aios.watch/1";

/// What a line tells.
#[derive(Debug, Clone, Copy)]
pub(crate) enum News<'a> {
    /// Somebody publishes; what is so now.
    Live(&'a Picture),
    /// Nobody does; why.
    Waiting(&'a str),
    Happened(&'a Happened),
}

/// Writes it as text: of what is so now, what is not healthy.
pub(crate) fn write(out: &mut dyn Write, news: News<'_>, page: &Page) -> io::Result<()> {
    match news {
        News::Waiting(reason) => writeln!(out, "{}", shown(reason)),
        News::Happened(happened) => writeln!(out, "{}", said(happened, page)),
        News::Live(picture) => {
            let time = clock(page, picture.time_ms);
            writeln!(out, "{time}  {}", summary(picture))?;
            let odd = |one: &&Environment| one.status != aios_core::Status::Healthy;
            for one in picture.environments.iter().filter(odd) {
                let path = shown_path(&one.prefix, page.home.as_deref());
                writeln!(out, "{time}  {}  {path}  {}", one.status, shown(codes(one).join(", ")))?;
            }
            Ok(())
        }
    }
}

/// Writes it as one line of JSON.
pub(crate) fn write_json(out: &mut dyn Write, news: News<'_>) -> io::Result<()> {
    let line = match news {
        News::Waiting(reason) => Line::of(&WaitingRow { schema: SCHEMA, what: "waiting", reason })?,
        News::Live(picture) => Line::of(&LiveRow {
            schema: SCHEMA,
            what: "live",
            time: utc_time(picture.time_ms),
            engine: &picture.engine,
            snapshot: picture.snapshot,
            problems: picture.problems,
            environments: picture.environments.iter().map(EnvironmentRow::new).collect(),
        })?,
        News::Happened(Happened::Missed(records)) => {
            Line::of(&MissedRow { schema: SCHEMA, what: "missed", records: *records })?
        }
        News::Happened(Happened::Event { time_ms, event }) => Line::of(&EventRow {
            schema: SCHEMA,
            what: event.what.as_str(),
            time: utc_time(*time_ms),
            id: event.environment.as_ref().map(|id| id.0.as_str()),
            path: (!event.path.as_os_str().is_empty()).then_some(JsonPath(&event.path)),
            before: event.before.map(|status| status.as_str()),
            after: event.after.map(|status| status.as_str()),
            codes: &event.codes,
            text: &event.text,
        })?,
    };
    writeln!(out, "{line}")
}

fn codes(one: &Environment) -> Vec<&str> {
    one.findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[derive(Serialize)]
struct WaitingRow<'a> {
    schema: &'static str,
    what: &'static str,
    reason: &'a str,
}

#[derive(Serialize)]
struct MissedRow {
    schema: &'static str,
    what: &'static str,
    records: u64,
}

#[derive(Serialize)]
struct LiveRow<'a> {
    schema: &'static str,
    what: &'static str,
    time: String,
    engine: &'a str,
    snapshot: Option<u64>,
    problems: usize,
    environments: Vec<EnvironmentRow<'a>>,
}

#[derive(Serialize)]
struct EnvironmentRow<'a> {
    id: &'a str,
    kind: &'a str,
    version: Option<&'a str>,
    prefix: JsonPath<'a>,
    status: &'static str,
    codes: Vec<&'a str>,
}

impl<'a> EnvironmentRow<'a> {
    fn new(one: &'a Environment) -> EnvironmentRow<'a> {
        EnvironmentRow {
            id: &one.id,
            kind: &one.kind,
            version: (!one.version.is_empty()).then_some(&one.version),
            prefix: JsonPath(&one.prefix),
            status: one.status.as_str(),
            codes: codes(one),
        }
    }
}

#[derive(Serialize)]
struct EventRow<'a> {
    schema: &'static str,
    what: &'static str,
    time: String,
    id: Option<&'a str>,
    path: Option<JsonPath<'a>>,
    before: Option<&'static str>,
    after: Option<&'static str>,
    codes: &'a [String],
    text: &'a str,
}
