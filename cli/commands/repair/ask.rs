//! The question before a repair.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;

use crate::args::Format;
use crate::interrupt;
use crate::output::repair::{self as report, Outcome, Repaired};

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

/// Shows what is planned and asks, unless the user said it already. What is not to be done ends here, with
/// the reason.
pub(super) fn confirmed(
    job: &Job<'_>,
    mut repaired: Repaired,
    at: Place,
) -> ControlFlow<Repaired, Repaired> {
    if job.leave.get() == Leave::All {
        return ControlFlow::Continue(repaired);
    }
    repaired.outcome = Outcome::Planned;
    if !std::io::stdin().is_terminal() || job.args.view.format == Format::Json {
        let hint = "nothing was changed: add `--yes` to have it done without a question";
        return ControlFlow::Break(repaired.ended(Outcome::Planned, hint));
    }
    if report::print_one(&repaired, &job.args.view, &job.page).is_err() {
        let hint = "nothing was changed: the plan cannot be shown";
        return ControlFlow::Break(repaired.ended(Outcome::Planned, hint));
    }
    match interrupt::ends_at_once_while(|| answered(at, &job.leave)) {
        true => ControlFlow::Continue(repaired),
        false => ControlFlow::Break(repaired.ended(Outcome::Skipped, "nothing was changed")),
    }
}

fn answered(at: Place, leave: &Cell<Leave>) -> bool {
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
        "y" | "yes" => true,
        "a" | "all" if at.of > 1 => {
            leave.set(Leave::All);
            true
        }
        // The end of the input answers no further question either.
        answer if at.of > 1 && (matches!(answer, "q" | "quit") || !matches!(read, Ok(1..))) => {
            leave.set(Leave::Quit);
            false
        }
        _ => false,
    }
}
