//! What is written to stdout: text for people ([`human`]) or a document for programs ([`json`]).
//!
//! The only part that knows colour and the JSON format. It looks at nothing but the answer.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};

use aios_core::environments::inspection::{Inspected, Inspection};
use aios_core::environments::probe::Probed;
use aios_core::{Code, Environment, EnvironmentId, Host, Status};
use anstream::{AutoStream, ColorChoice};

use crate::args::{Color, Format, View};

pub(crate) mod active;
pub(crate) mod backup;
mod diff;
pub(crate) mod exchange;
mod human;
mod json;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod repair;
#[cfg(test)]
mod sample;
pub(crate) mod status;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod watch;

/// What was asked; decides the schema and how much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    Find,
    Check,
}

/// What is printed.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) inspection: Inspection,
    /// Empty without `--probe`.
    pub(crate) probes: Probes,
}

/// What came of starting interpreters.
pub(crate) type Probes = BTreeMap<EnvironmentId, ProbeOutcome>;

/// What came of starting one.
#[derive(Debug)]
pub(crate) enum ProbeOutcome {
    Answered {
        probed: Box<Probed>,
        /// The fields of the record that it contradicts.
        differs: Vec<&'static str>,
    },
    /// It gave no answer; why.
    Failed(String),
}

impl ProbeOutcome {
    fn is_fine(&self) -> bool {
        matches!(self, ProbeOutcome::Answered { differs, .. } if differs.is_empty())
    }
}

impl Seen {
    /// Whether an environment is healthy, by its files and, when it was started, by its interpreter.
    pub(crate) fn is_fine(&self, inspected: &Inspected) -> bool {
        inspected.status() == Status::Healthy
            && self.probe_of(&inspected.environment).is_none_or(ProbeOutcome::is_fine)
    }

    fn probe_of(&self, environment: &Environment) -> Option<&ProbeOutcome> {
        self.probes.get(&environment.id)
    }
}

/// What the text for people is laid out on.
#[derive(Debug)]
pub(crate) struct Page {
    /// Columns.
    pub(crate) width: usize,
    /// Shown as `~`.
    pub(crate) home: Option<PathBuf>,
    /// What the user named: shown whole, also when it is healthy.
    pub(crate) named: Vec<PathBuf>,
    /// Only what is not healthy.
    pub(crate) quiet: bool,
}

impl Page {
    pub(crate) fn new(host: &Host, view: &View, named: Vec<PathBuf>) -> Page {
        // A pipe has no width: 80 columns, the same on every machine.
        let columns = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        // Prefixes are canonical, so the home folder has to be.
        let home =
            host.home.as_ref().map(|home| aios_core::fs::canonical(home).unwrap_or(home.clone()));
        Page { width: columns.clamp(40, 120), home, named, quiet: view.quiet }
    }

    /// Whether the user named this environment, or something in it.
    fn names(&self, environment: &Environment) -> bool {
        self.named.iter().any(|path| {
            path.starts_with(&environment.prefix)
                || environment.aliases.iter().any(|alias| path.starts_with(alias))
        })
    }
}

/// Prints the answer to a question.
pub(crate) fn print(seen: &Seen, question: Question, view: &View, page: &Page) -> io::Result<()> {
    let stdout = io::stdout().lock();
    match (view.format, question) {
        (Format::Json, _) => to(stdout, |out| json::write(out, seen, question)),
        (Format::Human, Question::Find) => {
            to(colored(stdout, view.color), |out| human::find(out, seen, page))
        }
        (Format::Human, Question::Check) => {
            to(colored(stdout, view.color), |out| human::check(out, seen, page))
        }
    }
}

/// Prints what a code means.
pub(crate) fn explain(code: Code, view: &View, page: &Page) -> io::Result<()> {
    to(colored(io::stdout().lock(), view.color), |out| human::explain(out, code, page))
}

/// Prints what the service says of itself.
pub(crate) fn status(
    answered: &status::Answered,
    format: Format,
    color: Color,
    home: Option<&Path>,
    now_ms: u64,
) -> io::Result<()> {
    let stdout = io::stdout().lock();
    match format {
        Format::Json => to(stdout, |out| status::json(out, answered)),
        Format::Human => {
            to(colored(stdout, color), |out| status::human(out, answered, home, now_ms))
        }
    }
}

/// A stream that leaves styles out where they are not wanted.
fn colored(stdout: StdoutLock<'static>, color: Color) -> AutoStream<StdoutLock<'static>> {
    let choice = match color {
        Color::Auto => AutoStream::choice(&stdout),
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    AutoStream::new(stdout, choice)
}

/// Writes through a buffer. A reader that has seen enough and closed the pipe is no error.
fn to(stdout: impl Write, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 * 1024, stdout);
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
