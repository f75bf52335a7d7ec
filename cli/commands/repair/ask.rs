//! The question before a repair.

use std::io::{IsTerminal, Write};

use crate::args::{Format, Repair};
use crate::output::Page;
use crate::output::repair::{self as report, Repaired};

/// Shows the plan and asks. `Err` says how to go on where nobody can answer.
pub(super) fn confirmed(
    repaired: &Repaired,
    args: &Repair,
    page: &Page,
) -> Result<bool, &'static str> {
    if !std::io::stdin().is_terminal() || args.view.format == Format::Json {
        return Err("nothing was changed: add `--yes` to have it done without a question");
    }
    let shown = report::print_one(repaired, &args.view, page);
    let mut stderr = std::io::stderr();
    if shown.is_err() || write!(stderr, "Do this? [y/N] ").and_then(|()| stderr.flush()).is_err() {
        return Ok(false);
    }
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}
