//! What the service says of itself. This text specifies the document.
//!
//! `{"schema":"aios.status/1","running":false}`, or with `true` also: `pid`, `since` (a time), `program` (its
//! version), `folder` (of what is remembered), `control` (where it is asked), `workspaces`, `segments` (names of
//! shared memory), `doing` (`looking`, `waiting`), `healthy`, `warning`, `broken` (how many environments),
//! `problems` (how many), `snapshot` (the newest, or null), `looked` (when everything was looked at last, or
//! null), `look_took_ms`, `watched` and `polled` (how many folders), `published` and `events` (how many since
//! it began), `not_recorded` (why the last record failed, or null), `not_published` (the same of shared memory). After `--refresh` also `refreshed`:
//! `environments`, `changed`, `milliseconds`. After `--stop` it is `{"schema":"aios.status/1","running":false,
//! "stopped":true}`. Paths and times are those of the other documents.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aios_core::control::message::{SaidPath, Status};
use anstyle::Style;
use serde::Serialize;

use super::json::{JsonPath, Line};
use super::text::{counted, shown, shown_path};
use super::time::{local as local_time, utc as utc_time};

/// What came of the question.
#[derive(Debug)]
pub(crate) enum Answered {
    /// None runs; whether one was stopped.
    No {
        stopped: bool,
    },
    Runs {
        status: Box<Status>,
        control: PathBuf,
        refreshed: Option<Refreshed>,
    },
}

/// What a look at everything gave.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Refreshed {
    pub(crate) environments: usize,
    pub(crate) changed: usize,
    pub(crate) milliseconds: u64,
}

/// A second, a minute, an hour, a day, in milliseconds.
const UNITS: [(u64, &str); 4] =
    [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second")];

pub(crate) fn human(
    out: &mut dyn Write,
    answered: &Answered,
    home: Option<&Path>,
    now_ms: u64,
) -> io::Result<()> {
    const BOLD: Style = Style::new().bold();
    let (status, control, refreshed) = match answered {
        Answered::No { stopped: true } => return writeln!(out, "stopped"),
        Answered::No { stopped: false } => {
            writeln!(out, "no service runs")?;
            return writeln!(out, "`aios serve` starts one");
        }
        Answered::Runs { status, control, refreshed } => (status, control, refreshed),
    };
    if let Some(Refreshed { environments, changed, milliseconds }) = refreshed {
        let environments = counted(*environments, "environment");
        writeln!(out, "looked at {environments} in {milliseconds} ms, {changed} changed")?;
    }
    let path = |path: &SaidPath| shown_path(&path.0, home);
    let mut row = |name: &str, text: &str| {
        if text.is_empty() { Ok(()) } else { writeln!(out, "  {name:14}{text}") }
    };
    let runs = format!(
        "process {}, since {} ({})",
        status.pid,
        local_time(status.since_ms),
        lasted(now_ms.saturating_sub(status.since_ms))
    );
    row("service", &format!("{BOLD}{runs}{BOLD:#}"))?;
    row("version", &shown(&status.program))?;
    row("environments", &environments(status))?;
    let workspaces: Vec<String> = status.workspaces.iter().map(path).collect();
    row("workspaces", &workspaces.join(", "))?;
    row("looked", &looked(status))?;
    row("watches", &watches(status))?;
    row(
        "remembers",
        &match status.snapshot {
            Some(id) => format!("{}, snapshot {id}", path(&status.folder)),
            None => path(&status.folder),
        },
    )?;
    if let Some(reason) = &status.not_recorded {
        row("not recorded", &shown(reason))?;
    }
    if let Some(reason) = &status.not_published {
        row("not published", &shown(reason))?;
    }
    row("shared memory", &shown(status.segments.join(", ")))?;
    row("control", &shown_path(control, home))
}

fn environments(status: &Status) -> String {
    let Status { healthy, warning, broken, .. } = *status;
    let all = healthy + warning + broken;
    let parts = [(broken, "broken"), (warning, "with warnings"), (healthy, "healthy")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() { all.to_string() } else { format!("{all}: {}", parts.join(", ")) }
}

fn looked(status: &Status) -> String {
    let at_it = if status.doing == "looking" { "looking now" } else { "" };
    if status.looked_ms == 0 {
        return at_it.to_owned();
    }
    let last = format!("{}, in {} ms", local_time(status.looked_ms), status.look_took_ms);
    if at_it.is_empty() { last } else { format!("{last}; {at_it}") }
}

fn watches(status: &Status) -> String {
    let watched = counted(status.watched, "folder");
    match status.polled {
        0 => watched,
        polled => format!("{watched}, and looks at {polled} now and then"),
    }
}

/// `3 minutes`: the largest unit alone.
fn lasted(ms: u64) -> String {
    let unit = UNITS.iter().find(|(unit, _)| ms >= *unit);
    unit.map_or_else(|| "just now".to_owned(), |(unit, name)| counted((ms / unit) as usize, name))
}

#[derive(Serialize)]
struct Row<'a> {
    schema: &'static str,
    running: bool,
    pid: u32,
    since: String,
    program: &'a str,
    folder: &'a SaidPath,
    control: JsonPath<'a>,
    workspaces: &'a [SaidPath],
    segments: &'a [String],
    doing: &'a str,
    healthy: usize,
    warning: usize,
    broken: usize,
    problems: usize,
    snapshot: Option<u64>,
    looked: Option<String>,
    look_took_ms: u64,
    watched: usize,
    polled: usize,
    published: u64,
    events: u64,
    not_recorded: Option<&'a str>,
    not_published: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refreshed: Option<Refreshed>,
}

pub(crate) fn json(out: &mut dyn Write, answered: &Answered) -> io::Result<()> {
    let (status, control, refreshed) = match answered {
        Answered::No { stopped } => {
            let stopped = if *stopped { ",\"stopped\":true" } else { "" };
            return writeln!(out, "{{\"schema\":\"aios.status/1\",\"running\":false{stopped}}}");
        }
        Answered::Runs { status, control, refreshed } => (status, control, refreshed),
    };
    let row = Row {
        schema: "aios.status/1",
        running: true,
        pid: status.pid,
        since: utc_time(status.since_ms),
        program: &status.program,
        folder: &status.folder,
        control: JsonPath(control),
        workspaces: &status.workspaces,
        segments: &status.segments,
        doing: &status.doing,
        healthy: status.healthy,
        warning: status.warning,
        broken: status.broken,
        problems: status.problems,
        snapshot: status.snapshot,
        looked: (status.looked_ms > 0).then(|| utc_time(status.looked_ms)),
        look_took_ms: status.look_took_ms,
        watched: status.watched,
        polled: status.polled,
        published: status.published,
        events: status.events,
        not_recorded: status.not_recorded.as_deref(),
        not_published: status.not_published.as_deref(),
        refreshed: *refreshed,
    };
    writeln!(out, "{}", Line::of(&row)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs() -> Answered {
        let status = Status {
            pid: 4711,
            since_ms: 1_795_328_049_123,
            program: "0.1.0".to_owned(),
            folder: Path::new("/home/me/.local/share/aios").into(),
            workspaces: vec![Path::new("/home/me/work\x1b[2J").into()],
            segments: vec!["aios-1000-0f3a9c71-state".to_owned()],
            doing: "waiting".to_owned(),
            healthy: 2,
            broken: 1,
            snapshot: Some(12),
            looked_ms: 1_795_328_050_000,
            look_took_ms: 41,
            watched: 17,
            ..Status::default()
        };
        Answered::Runs {
            status: Box::new(status),
            control: "/home/me/.local/share/aios/live/control.sock".into(),
            refreshed: Some(Refreshed { environments: 3, changed: 1, milliseconds: 41 }),
        }
    }

    fn text(answered: &Answered) -> String {
        let mut out = Vec::new();
        human(&mut out, answered, Some(Path::new("/home/me")), 1_795_328_049_123 + 7_300_000)
            .unwrap();
        anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    #[test]
    fn what_people_read() {
        let text = text(&runs()).replace(std::path::MAIN_SEPARATOR, "/");
        let said = |part: &str| assert!(text.contains(part), "{part:?} is not in:\n{text}");
        said("looked at 3 environments in 41 ms, 1 changed\n");
        said("  service       process 4711, since 2026-11-2");
        said("(2 hours)\n");
        said("  environments  3: 1 broken, 2 healthy\n");
        said("  watches       17 folders\n");
        said("  remembers     ~/.local/share/aios, snapshot 12\n");
        said("  control       ~/.local/share/aios/live/control.sock\n");
        assert!(!text.contains('\x1b'), "{text:?}");
        for stopped in [true, false] {
            let text = self::text(&Answered::No { stopped });
            assert_eq!(text.contains("aios serve"), !stopped, "{text}");
        }
    }

    #[test]
    fn what_programs_read() {
        let document = |answered: &Answered| -> serde_json::Value {
            let mut out = Vec::new();
            json(&mut out, answered).unwrap();
            assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
            serde_json::from_slice(&out).unwrap()
        };
        let runs = document(&runs());
        assert_eq!(runs["schema"], "aios.status/1");
        assert_eq!((&runs["running"], &runs["pid"]), (&true.into(), &4711.into()));
        assert_eq!(runs["since"], "2026-11-22T06:14:09.123Z");
        assert_eq!(runs["refreshed"]["changed"], 1);
        let stopped = document(&Answered::No { stopped: true });
        assert_eq!((&stopped["running"], &stopped["stopped"]), (&false.into(), &true.into()));
    }
}
