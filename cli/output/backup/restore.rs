//! What can be restored, and what became of it.

use std::io::{self, Write};

use aios_core::Status;
use aios_core::environments::backup::restore::{Outcome, Stand, Target};

use super::*;

/// Differences of one environment that are written out.
const SHOWN_DIFFERENCES: usize = 20;

/// One environment that was to be restored.
#[derive(Debug)]
pub(crate) struct Restored<'a> {
    pub(crate) target: &'a Target<'a>,
    pub(crate) outcome: Outcome,
}

/// Prints what would be done.
pub(crate) fn planned(targets: &[Target<'_>], answer: &Answer, page: &Page) -> io::Result<()> {
    print(
        answer,
        |out| {
            for target in targets {
                write_planned(out, target, page)?;
            }
            let can = targets.iter().filter(|target| target.base.is_ok()).count();
            writeln!(out, "{can} of {} can be made here", counted(targets.len(), "environment"))
        },
        |out| json::planned(out, targets),
    )
}

fn write_planned(out: &mut dyn Write, target: &Target<'_>, page: &Page) -> io::Result<()> {
    head(out, "planned", Status::Warning, target, page)?;
    let saved = target.saved;
    match &target.base {
        Ok(base) => {
            let base = shown_path(&base.executable, page.home.as_deref());
            line(out, 4, &format!("on {base}, which is of the right version and build"), page)?;
        }
        Err(hindrance) => {
            line(out, 4, &shown(&hindrance.why), page)?;
            line(out, 4, &format!("do: {}", shown(&hindrance.hint)), page)?;
        }
    }
    let wheels = saved.distributions.iter().filter(|one| one.wheel.is_some()).count();
    let links = saved.distributions.iter().filter(|one| !one.links.is_empty()).count();
    let text = format!(
        "{}: {wheels} from wheels of the backup, {links} by links to projects",
        counted(saved.distributions.len(), "distribution")
    );
    line(out, 4, &text, page)?;
    match target.stand {
        Stand::Free => Ok(()),
        Stand::Begun => line(out, 4, "one that was begun stands there, and is made again", page),
        Stand::Taken => line(
            out,
            4,
            "something stands there: it stays, unless `--replace` gives it another name",
            page,
        ),
    }
}

fn head(
    out: &mut dyn Write,
    word: &str,
    status: Status,
    target: &Target<'_>,
    page: &Page,
) -> io::Result<()> {
    let (color, path) = (color_of(status), shown_path(&target.prefix, page.home.as_deref()));
    writeln!(out, "{color}{word}{color:#}  {BOLD}{path}{BOLD:#}")
}

/// The outcome in one word, as JSON has it.
pub(super) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Exact => "exact",
        Outcome::Differs(_) => "differs",
        Outcome::NotRestored(_) => "not-restored",
    }
}

/// Prints what became of one environment.
pub(crate) fn restored_one(one: &Restored<'_>, answer: &Answer, page: &Page) -> io::Result<()> {
    print(answer, |out| write_one(out, one, page), |_| Ok(()))
}

fn write_one(out: &mut dyn Write, one: &Restored<'_>, page: &Page) -> io::Result<()> {
    match &one.outcome {
        Outcome::Exact => head(out, "exact", Status::Healthy, one.target, page),
        Outcome::Differs(differences) => {
            head(out, "differs", Status::Warning, one.target, page)?;
            let differences: Vec<String> = differences.iter().map(shown).collect();
            lines(out, 4, &differences, SHOWN_DIFFERENCES, page)
        }
        Outcome::NotRestored(hindrance) => {
            head(out, "not restored", Status::Broken, one.target, page)?;
            line(out, 4, &shown(&hindrance.why), page)?;
            line(out, 4, &format!("do: {}", shown(&hindrance.hint)), page)
        }
    }
}

/// Prints the sum of it, or all of it as a document.
pub(crate) fn restored(
    all: &[Restored<'_>],
    asked: usize,
    answer: &Answer,
    page: &Page,
) -> io::Result<()> {
    print(
        answer,
        |out| {
            let count =
                |wanted: &str| all.iter().filter(|one| word(&one.outcome) == wanted).count();
            let mut text = format!("{} of {} exact", count("exact"), counted(asked, "environment"));
            for (wanted, words) in
                [("differs", "with differences"), ("not-restored", "not restored")]
            {
                if let number @ 1.. = count(wanted) {
                    text.push_str(&format!(", {number} {words}"));
                }
            }
            if all.len() < asked {
                text.push_str(&format!(", {} not begun", asked - all.len()));
            }
            line(out, 0, &text, page)
        },
        |out| json::restored(out, all),
    )
}
