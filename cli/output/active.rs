//! Which environment is active. As JSON one object:
//!
//! | field | |
//! |---|---|
//! | `schema` | `aios.active/1` |
//! | `active` | what was chosen: `id`, `prefix` (path); or null |
//! | `status` | `none` (nothing was chosen), `gone`, or that of the environment: `healthy`, `warning`, `broken` |
//! | `environment` | as `aios check` has it, or null |
//! | `repair` | the command that repairs it when it is broken, or null |
//! | `candidate` | the environment that could take its place when nothing repairs it, or null |

use std::io::{self, Write};

use aios_core::Severity;
use aios_core::engine::active::Choice;
use aios_core::environments::inspection::Inspected;
use anstyle::Style;

use super::json::{EnvironmentRow, JsonPath, Line};
use super::memory::{color_of, line, lines, print as print_as};
use super::text::{shown, shown_path, typed};
use super::{Page, Probes, Question, Seen};
use crate::args::Answer;

const BOLD: Style = Style::new().bold();
/// Errors of it that are written out.
const SHOWN: usize = 5;

/// What there is to say.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    pub(crate) choice: Option<Choice>,
    /// As it is now; `None` when it is gone.
    pub(crate) inspected: Option<Inspected>,
    pub(crate) repair: Option<String>,
    pub(crate) candidate: Option<Inspected>,
}

impl Answered {
    fn status(&self) -> &'static str {
        match (&self.choice, &self.inspected) {
            (None, _) => "none",
            (Some(_), None) => "gone",
            (Some(_), Some(inspected)) => inspected.status().as_str(),
        }
    }
}

pub(crate) fn print(answered: &Answered, answer: &Answer, page: &Page) -> io::Result<()> {
    print_as(answer, |out| human(out, answered, page), |out| json(out, answered))
}

fn human(out: &mut dyn Write, answered: &Answered, page: &Page) -> io::Result<()> {
    let Some(choice) = &answered.choice else {
        writeln!(out, "no environment is active")?;
        return writeln!(out, "`aios active set PATH` chooses one, `aios find` lists them");
    };
    let path = shown_path(&choice.prefix, page.home.as_deref());
    match &answered.inspected {
        None => writeln!(out, "{BOLD}{path}{BOLD:#}  is gone")?,
        Some(inspected) => {
            let (status, color) = (inspected.status(), color_of(inspected.status()));
            writeln!(out, "{BOLD}{path}{BOLD:#}  {}, {color}{status}{color:#}", kind(inspected))?;
            let errors = inspected.findings.iter().filter(|one| one.severity == Severity::Error);
            let errors: Vec<String> =
                errors.map(|one| format!("{}: {}", one.code, shown(&one.message))).collect();
            lines(out, 4, &errors, SHOWN, page)?;
        }
    }
    if let Some(command) = &answered.repair {
        return writeln!(out, "to repair it, with a plan to look at first:\n    {command}");
    }
    if let Some(candidate) = &answered.candidate {
        let prefix = &candidate.environment.prefix;
        let path = shown_path(prefix, page.home.as_deref());
        let text = format!(
            "nothing repairs it; of the others this is the best: {path}, {}, {}",
            kind(candidate),
            candidate.status()
        );
        line(out, 0, &text, page)?;
        writeln!(out, "    aios active set {}", typed(prefix, page.home.as_deref()))?;
    }
    Ok(())
}

/// `venv, Python 3.12.3`
fn kind(inspected: &Inspected) -> String {
    let environment = &inspected.environment;
    let version = environment.version.as_ref().map(|version| format!(", Python {version}"));
    format!("{}{}", environment.kind, shown(version.unwrap_or_default()))
}

fn json(out: &mut dyn Write, answered: &Answered) -> io::Result<()> {
    #[derive(serde::Serialize)]
    struct ChoiceRow<'a> {
        id: &'a str,
        prefix: JsonPath<'a>,
    }
    let choice = answered.choice.as_ref();
    let choice = choice.map(|one| ChoiceRow { id: &one.id.0, prefix: JsonPath(&one.prefix) });
    let seen = Seen { inspection: Default::default(), probes: Probes::default() };
    let row = |one: &Option<Inspected>| -> io::Result<String> {
        let row = one.as_ref().map(|one| EnvironmentRow::new(one, &seen, Question::Check));
        Line::of(&row)
    };
    write!(out, "{{\"schema\":\"aios.active/1\",\"active\":{}", Line::of(&choice)?)?;
    write!(out, ",\"status\":{}", Line::of(&answered.status())?)?;
    write!(out, ",\"environment\":{}", row(&answered.inspected)?)?;
    write!(out, ",\"repair\":{}", Line::of(&answered.repair)?)?;
    writeln!(out, ",\"candidate\":{}}}", row(&answered.candidate)?)
}
