//! The question before a repair.

use std::cell::Cell;
use std::io::{IsTerminal, Write};

use crate::args::Format;
use crate::interrupt;
use crate::output::repair::{self as report, Repaired};

use super::{Job, Place};

/// What the user said so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// Nothing that counts for the next one.
    Ask,
    /// Yes, to this and all that follow.
    All,
    /// No, to this and all that follow.
    Quit,
}

/// Shows the plan and asks. `Err` says why it is not to be done.
pub(super) fn confirmed(job: &Job<'_>, repaired: &Repaired, at: Place) -> Result<(), &'static str> {
    if !std::io::stdin().is_terminal() || job.args.view.format == Format::Json {
        return Err("nothing was changed: add `--yes` to have it done without a question");
    }
    if report::print_one(repaired, &job.args.view, &job.page).is_err() {
        return Err("nothing was changed: the plan cannot be shown");
    }
    interrupt::ends_at_once_while(|| answered(at, &job.leave))
}

fn answered(at: Place, leave: &Cell<Leave>) -> Result<(), &'static str> {
    let question = match at.of {
        1 => "Do this? [y/N] ".to_owned(),
        of => format!("{} of {of}: do this? [y]es, [N]o, [a]ll that follow, [q]uit: ", at.number),
    };
    let mut stderr = std::io::stderr();
    let mut answer = String::new();
    let read = write!(stderr, "{question}")
        .and_then(|()| stderr.flush())
        .and_then(|()| std::io::stdin().read_line(&mut answer));
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        "a" | "all" if at.of > 1 => {
            leave.set(Leave::All);
            Ok(())
        }
        // The end of the input answers no further question either.
        answer if at.of > 1 && (matches!(answer, "q" | "quit") || !matches!(read, Ok(1..))) => {
            leave.set(Leave::Quit);
            Err("nothing was changed")
        }
        _ => Err("nothing was changed"),
    }
}
