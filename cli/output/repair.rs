//! What `aios repair` prints: plans and what became of them.
//!
//! JSON is one document, `aios.repair/1`: `repairs`, each with
//!
//! | field | |
//! |---|---|
//! | `prefix` | path |
//! | `outcome` | `repaired`, `partly`, `refused`, `nothing-to-do`, `failed`, `planned`, `undone`, `interrupted` |
//! | `steps` | what is done, in this order |
//! | `remaining` | findings as in `aios.check/1` |
//! | `running` | at most five processes that use it, each with `pid` and the path `program`; Linux only |
//! | `started` | with `--verify`: whether its interpreter starts; else null |
//! | `printed` | at most ten lines: the end of what an interpreter that does not start wrote |
//! | `hint` | what the user can do, or null |
//!
//! A step: `action`, `paths`, `reason`, `state` (`planned`, `done`, `undone`, `failed`), `findings` (the codes
//! that it is for), and `diff`: while it is planned, a unified diff of its text files with a line for each
//! other change, shortened where it is long; else null. `skipped` is an outcome where Ctrl-C came before.
//! Fields may be added.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aios_core::environments::repair::{Action, End, Error, Past, Plan, Process};
use aios_core::{Finding, Severity};
use anstyle::{AnsiColor, Style};

use super::diff::{self, Kind};
use super::json::{FindingRow, JsonPath, Line};
use super::text::{counted, shown, shown_path, typed, wrapped};
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
    /// The user said no, or ended the run before it.
    Skipped,
    /// Ctrl-C ended it.
    Interrupted,
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
            Outcome::Skipped => "skipped",
            Outcome::Interrupted => "interrupted",
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
    /// Only where it is looked at before it is done.
    diff: Vec<diff::Line>,
}

/// One environment and what was done about it.
#[derive(Debug)]
pub(crate) struct Repaired {
    pub(crate) prefix: PathBuf,
    pub(crate) outcome: Outcome,
    pub(crate) remaining: Vec<Finding>,
    pub(crate) running: Vec<Process>,
    /// Whether it starts, where it was started.
    pub(crate) started: Option<bool>,
    /// What its interpreter printed when it did not start.
    pub(crate) printed: Vec<String>,
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
            running: Vec::new(),
            started: None,
            printed: Vec::new(),
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
                diff: Vec::new(),
            }
        }));
    }

    /// Adds the steps of a plan for another folder, which then comes to the prefix.
    pub(crate) fn plan_anew(&mut self, plan: &Plan) {
        self.plan(plan);
        for (step, planned) in self.steps.iter_mut().zip(&plan.steps) {
            if planned.action == Action::CarryFiles {
                step.diff = diff::names(plan, planned);
            }
            for path in &mut step.paths {
                if let Ok(rest) = path.strip_prefix(&plan.prefix) {
                    *path = self.prefix.join(rest);
                }
            }
        }
    }

    /// Adds what each step of the plan changes.
    pub(crate) fn compare(&mut self, plan: &Plan) {
        for (step, diff) in self.steps.iter_mut().zip(diff::of(plan)) {
            step.diff = diff;
        }
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
            diff: Vec::new(),
        }));
    }

    pub(crate) fn done(&mut self) {
        self.set("done");
    }

    /// Whether a step was carried out, and stays.
    pub(crate) fn did_anything(&self) -> bool {
        self.steps.iter().any(|step| step.state == "done")
    }

    /// Whether the plan leaves something as it is.
    pub(crate) fn lacks_anything(&self) -> bool {
        !self.unsolved.is_empty()
    }

    /// What was done or tried, each once.
    pub(crate) fn actions(&self) -> Vec<String> {
        let mut actions: Vec<String> = Vec::new();
        for step in &self.steps {
            if !actions.iter().any(|action| action == step.action) {
                actions.push(step.action.to_owned());
            }
        }
        actions
    }

    pub(crate) fn undone(&mut self) {
        self.set("undone");
    }

    /// Also what rounds before the last one did.
    pub(crate) fn all_undone(&mut self) {
        for step in &mut self.steps {
            step.state = "undone";
        }
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
            Error::InUse { .. } => "; end that program, then repair again",
            Error::SetId { .. } => "; `chmod ug-s` takes such a bit away",
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

    /// In a table: why it is not repaired, and what to do.
    fn next_step(&self, page: &Page) -> Option<String> {
        let path = typed(&self.prefix, page.home.as_deref());
        match self.outcome {
            Outcome::Partly => Some(format!("`aios check {path}` says what is left")),
            Outcome::Planned | Outcome::Skipped => Some(format!("`aios repair {path}` does it")),
            Outcome::Refused | Outcome::Failed | Outcome::Interrupted => self.whole_hint(),
            Outcome::Repaired | Outcome::Undone | Outcome::NothingToDo => None,
        }
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
        Outcome::Partly | Outcome::Planned | Outcome::Skipped | Outcome::Interrupted => {
            AnsiColor::Yellow
        }
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
        for step in repaired.steps.iter().filter(|_| repaired.outcome != Outcome::Skipped) {
            let what = format!("{}: {}", step.action, step.what);
            paragraph(out, page, &format!("{}  ", step.state), &what)?;
            if repaired.outcome == Outcome::Planned {
                print_diff(out, &step.diff)?;
            }
        }
        for hint in &repaired.unsolved {
            paragraph(out, page, "left  ", hint)?;
        }
        if repaired.outcome == Outcome::Partly {
            for finding in repaired.remaining.iter().filter(|one| one.severity > Severity::Info) {
                paragraph(out, page, "left  ", &format!("{}: {}", finding.code, finding.message))?;
            }
        }
        if !repaired.hint.is_empty() {
            paragraph(out, page, "", &repaired.hint)?;
        }
        print_start(out, repaired, page)?;
        if matches!(repaired.outcome, Outcome::Repaired | Outcome::Partly) {
            let path = typed(&repaired.prefix, page.home.as_deref());
            writeln!(out, "    `aios repair --undo {path}` takes it back")?;
        }
        Ok(())
    })
}

/// What came of starting it. The hint has the last line of what was printed.
fn print_start(out: &mut dyn Write, repaired: &Repaired, page: &Page) -> io::Result<()> {
    if repaired.started == Some(true) {
        paragraph(out, page, "", "its interpreter starts")?;
    }
    for (at, line) in repaired.printed.iter().enumerate().filter(|_| repaired.printed.len() > 1) {
        paragraph(out, page, if at == 0 { "printed  " } else { "         " }, line)?;
    }
    Ok(())
}

fn paragraph(out: &mut dyn Write, page: &Page, label: &str, text: &str) -> io::Result<()> {
    let indent = " ".repeat(label.len());
    let lines = wrapped(&shown(text), page.width.saturating_sub(4 + label.len()));
    for (at, line) in lines.iter().enumerate() {
        writeln!(out, "    {}{line}", if at == 0 { label } else { &indent })?;
    }
    Ok(())
}

fn print_diff(out: &mut dyn Write, diff: &[diff::Line]) -> io::Result<()> {
    for line in diff {
        let color = match line.kind {
            Kind::Note => AnsiColor::Cyan.on_default(),
            Kind::Kept => Style::new(),
            Kind::Removed => AnsiColor::Red.on_default(),
            Kind::Added => AnsiColor::Green.on_default(),
        };
        writeln!(out, "      {color}{}{color:#}", shown(&line.text))?;
    }
    Ok(())
}

/// What became of each, after more than one.
pub(crate) fn print_summary(all: &[Repaired], view: &View, page: &Page) -> io::Result<()> {
    const ORDER: [Outcome; 9] = [
        Outcome::Repaired,
        Outcome::Undone,
        Outcome::Partly,
        Outcome::Planned,
        Outcome::Refused,
        Outcome::Failed,
        Outcome::Interrupted,
        Outcome::Skipped,
        Outcome::NothingToDo,
    ];
    let count = |outcome| all.iter().filter(|one| one.outcome == outcome).count();
    let counts: Vec<String> = ORDER
        .into_iter()
        .filter(|outcome| count(*outcome) > 0)
        .map(|outcome| format!("{} {}", count(outcome), outcome.as_str()))
        .collect();
    let columns = all.iter().map(|one| one.outcome.as_str().len()).max().unwrap_or_default();
    to(colored(io::stdout().lock(), view.color), |out| {
        writeln!(out, "\n{}: {}", counted(all.len(), "environment"), counts.join(", "))?;
        for one in all {
            let path = shown_path(&one.prefix, page.home.as_deref());
            let (color, outcome) = (color_of(one.outcome), one.outcome.as_str());
            writeln!(out, "  {color}{outcome:columns$}{color:#}  {path}")?;
            if let Some(next) = one.next_step(page) {
                paragraph(out, page, &" ".repeat(columns), &next)?;
            }
        }
        Ok(())
    })
}

/// Who uses an environment, and what that means.
pub(crate) fn in_use(repaired: &Repaired, page: &Page) -> String {
    let home = page.home.as_deref();
    let named: Vec<String> = repaired
        .running
        .iter()
        .map(|one| format!("`{}` (process {})", shown_path(&one.program, home), one.pid))
        .collect();
    format!(
        "{} is in use by {}: what runs keeps what it has loaded; start it again after the repair",
        shown_path(&repaired.prefix, home),
        named.join(", ")
    )
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
    running: Vec<ProcessRow<'a>>,
    started: Option<bool>,
    printed: &'a [String],
    hint: Option<String>,
}

#[derive(serde::Serialize)]
struct StepRow<'a> {
    action: &'static str,
    paths: Vec<JsonPath<'a>>,
    reason: &'a str,
    state: &'static str,
    findings: &'a [&'static str],
    diff: Option<String>,
}

#[derive(serde::Serialize)]
struct ProcessRow<'a> {
    pid: u32,
    program: JsonPath<'a>,
}

impl<'a> RepairedRow<'a> {
    fn new(one: &'a Repaired) -> RepairedRow<'a> {
        let step = |step: &'a StepShown| StepRow {
            action: step.action,
            paths: step.paths.iter().map(|path| JsonPath(path)).collect(),
            reason: &step.what,
            state: step.state,
            findings: &step.findings,
            diff: (!step.diff.is_empty())
                .then(|| step.diff.iter().map(|line| format!("{}\n", line.text)).collect()),
        };
        let process =
            |one: &'a Process| ProcessRow { pid: one.pid, program: JsonPath(&one.program) };
        RepairedRow {
            prefix: JsonPath(&one.prefix),
            outcome: one.outcome.as_str(),
            steps: one.steps.iter().map(step).collect(),
            remaining: one.remaining.iter().map(FindingRow::new).collect(),
            running: one.running.iter().map(process).collect(),
            started: one.started,
            printed: &one.printed,
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
