//! What `aios repair` prints: plans and what became of them.
//!
//! JSON is one document, `aios.repair/1`: `repairs`, each with `prefix`, `outcome` (`repaired`, `partly`,
//! `refused`, `nothing-to-do`, `failed`, `planned`, `undone`), `steps` (each with `action`, `paths`,
//! `reason`, `state`: `planned`, `done`, `undone` or `failed`; and `findings`, the codes that it is for),
//! `remaining` (findings as in `aios.check/1`) and `hint`, or null. Fields may be added.

use std::io;
use std::path::{Path, PathBuf};

use aios_core::environments::repair::{End, Error, Past, Plan};
use aios_core::{Finding, Severity};
use anstyle::{AnsiColor, Style};

use super::json::{FindingRow, JsonPath, Line};
use super::text::{shown, shown_path, typed, wrapped};
use super::{Page, colored, to};
use crate::args::View;

/// What became of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Repaired,
    Partly,
    Refused,
    NothingToDo,
    Failed,
    Planned,
    Undone,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Outcome::Repaired => "repaired",
            Outcome::Partly => "partly",
            Outcome::Refused => "refused",
            Outcome::NothingToDo => "nothing-to-do",
            Outcome::Failed => "failed",
            Outcome::Planned => "planned",
            Outcome::Undone => "undone",
        }
    }
}

/// A step and what became of it.
#[derive(Debug)]
struct StepShown {
    action: &'static str,
    findings: Vec<&'static str>,
    what: String,
    paths: Vec<PathBuf>,
    state: &'static str,
}

/// One environment and what was done about it.
#[derive(Debug)]
pub(crate) struct Repaired {
    pub(crate) prefix: PathBuf,
    pub(crate) outcome: Outcome,
    pub(crate) remaining: Vec<Finding>,
    steps: Vec<StepShown>,
    unsolved: Vec<String>,
    hint: String,
}

impl Repaired {
    pub(crate) fn new(prefix: &Path) -> Repaired {
        Repaired {
            prefix: prefix.to_path_buf(),
            outcome: Outcome::NothingToDo,
            remaining: Vec::new(),
            steps: Vec::new(),
            unsolved: Vec::new(),
            hint: String::new(),
        }
    }

    /// Adds the steps of a plan.
    pub(crate) fn plan(&mut self, plan: &Plan) {
        self.steps.extend(plan.steps.iter().map(|step| {
            StepShown {
                action: step.action.as_str(),
                findings: step.reasons.iter().map(|code| code.as_str()).collect(),
                what: step.what.clone(),
                paths: step
                    .changes
                    .iter()
                    .flat_map(|change| change.paths())
                    .map(Path::to_path_buf)
                    .collect(),
                state: "planned",
            }
        }));
    }

    /// Takes what a plan leaves as it is, instead of what an earlier one left.
    pub(crate) fn hints(&mut self, plan: &Plan) {
        self.unsolved =
            plan.unsolved.iter().map(|one| format!("{}: {}", one.code, one.hint)).collect();
        self.unsolved.dedup();
    }

    /// Adds the steps of a repair of the past.
    pub(crate) fn past(&mut self, past: &Past) {
        let state = if past.end == End::Undone { "undone" } else { "done" };
        self.steps.extend(past.steps.iter().map(|(action, codes, what)| StepShown {
            action: action.as_str(),
            findings: codes.iter().map(|code| code.as_str()).collect(),
            what: what.clone(),
            paths: Vec::new(),
            state,
        }));
    }

    pub(crate) fn done(&mut self) {
        self.set("done");
    }

    pub(crate) fn undone(&mut self) {
        self.set("undone");
    }

    fn set(&mut self, state: &'static str) {
        for step in self.steps.iter_mut().filter(|step| step.state == "planned") {
            step.state = state;
        }
    }

    pub(crate) fn failed(mut self, error: &Error) -> Repaired {
        self.set("failed");
        let hint = match error {
            Error::Interrupted { .. } => {
                "; end it with `aios repair --resume PATH` or `aios repair --undo PATH`"
            }
            Error::Busy { .. } => "; wait for it to end",
            Error::Stuck { .. } => "; `aios repair --undo PATH` tries again",
            _ => "",
        };
        self.ended(Outcome::Failed, &format!("{error}{hint}"))
    }

    pub(crate) fn ended(mut self, outcome: Outcome, hint: &str) -> Repaired {
        self.outcome = outcome;
        hint.clone_into(&mut self.hint);
        self
    }

    /// Everything that the user can do.
    fn whole_hint(&self) -> Option<String> {
        let mut parts: Vec<&str> = Vec::new();
        if !self.hint.is_empty() {
            parts.push(&self.hint);
        }
        parts.extend(self.unsolved.iter().map(String::as_str));
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

const BOLD: Style = Style::new().bold();

fn color_of(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Repaired | Outcome::NothingToDo | Outcome::Undone => AnsiColor::Green,
        Outcome::Partly | Outcome::Planned => AnsiColor::Yellow,
        Outcome::Refused | Outcome::Failed => AnsiColor::Red,
    }
    .on_default()
}

/// One environment, for people.
pub(crate) fn print_one(repaired: &Repaired, view: &View, page: &Page) -> io::Result<()> {
    to(colored(io::stdout().lock(), view.color), |out| {
        let path = shown_path(&repaired.prefix, page.home.as_deref());
        let color = color_of(repaired.outcome);
        writeln!(out, "{color}{}{color:#}  {BOLD}{path}{BOLD:#}", repaired.outcome.as_str())?;
        let mut paragraph = |label: &str, text: &str| -> io::Result<()> {
            let indent = " ".repeat(label.len());
            let lines = wrapped(&shown(text), page.width.saturating_sub(4 + label.len()));
            for (at, line) in lines.iter().enumerate() {
                writeln!(out, "    {}{line}", if at == 0 { label } else { &indent })?;
            }
            Ok(())
        };
        for step in &repaired.steps {
            paragraph(&format!("{}  ", step.state), &format!("{}: {}", step.action, step.what))?;
        }
        for hint in &repaired.unsolved {
            paragraph("left  ", hint)?;
        }
        if repaired.outcome == Outcome::Partly {
            for finding in repaired.remaining.iter().filter(|one| one.severity > Severity::Info) {
                paragraph("left  ", &format!("{}: {}", finding.code, finding.message))?;
            }
        }
        if !repaired.hint.is_empty() {
            paragraph("", &repaired.hint)?;
        }
        if matches!(repaired.outcome, Outcome::Repaired | Outcome::Partly) {
            let path = typed(&repaired.prefix, page.home.as_deref());
            writeln!(out, "    `aios repair --undo {path}` takes it back")?;
        }
        Ok(())
    })
}

/// All of them, for programs.
pub(crate) fn print_json(all: &[Repaired]) -> io::Result<()> {
    to(io::stdout().lock(), |out| {
        writeln!(out, "{{\"schema\":\"aios.repair/1\",\"repairs\":[")?;
        for (at, one) in all.iter().enumerate() {
            let row = RepairedRow::new(one);
            let end = if at + 1 < all.len() { "," } else { "" };
            writeln!(out, "{}{end}", Line::of(&row)?)?;
        }
        writeln!(out, "]}}")
    })
}

#[derive(serde::Serialize)]
struct RepairedRow<'a> {
    prefix: JsonPath<'a>,
    outcome: &'static str,
    steps: Vec<StepRow<'a>>,
    remaining: Vec<FindingRow<'a>>,
    hint: Option<String>,
}

#[derive(serde::Serialize)]
struct StepRow<'a> {
    action: &'static str,
    paths: Vec<JsonPath<'a>>,
    reason: &'a str,
    state: &'static str,
    findings: &'a [&'static str],
}

impl<'a> RepairedRow<'a> {
    fn new(one: &'a Repaired) -> RepairedRow<'a> {
        let step = |step: &'a StepShown| StepRow {
            action: step.action,
            paths: step.paths.iter().map(|path| JsonPath(path)).collect(),
            reason: &step.what,
            state: step.state,
            findings: &step.findings,
        };
        RepairedRow {
            prefix: JsonPath(&one.prefix),
            outcome: one.outcome.as_str(),
            steps: one.steps.iter().map(step).collect(),
            remaining: one.remaining.iter().map(FindingRow::new).collect(),
            hint: one.whole_hint(),
        }
    }
}

/// The repairs of an environment, the newest first.
pub(crate) fn print_list(prefix: &Path, past: &[Past], view: &View, page: &Page) -> io::Result<()> {
    to(colored(io::stdout().lock(), view.color), |out| {
        let path = shown_path(prefix, page.home.as_deref());
        if past.is_empty() {
            return writeln!(out, "{path}: no repairs");
        }
        writeln!(out, "{path}")?;
        for one in past.iter().rev() {
            let end = match one.end {
                End::Done => "done",
                End::Undone => "undone",
                End::Interrupted => "interrupted",
            };
            writeln!(out, "  {}  {end}", one.name)?;
            for (action, _, what) in &one.steps {
                for line in wrapped(&shown(format!("{action}: {what}")), page.width - 4) {
                    writeln!(out, "    {line}")?;
                }
            }
        }
        Ok(())
    })
}
