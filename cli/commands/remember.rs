//! What a command saw is recorded, so that `history`, `recall` and `repair` know it.

use aios_core::Host;
use aios_core::engine::{self, Engine, Report};
use aios_core::environments::inspection::Inspection;

use crate::output::message;
use crate::output::text::{quoted, shown};

/// Records what was seen. That it cannot be is no error of the command: the user asked for something else.
pub(super) fn record(
    host: &Host,
    seen: &Inspection,
    looked: engine::Looked<'_>,
    quiet: bool,
) -> Option<Report> {
    // Without a home there is nothing to remember it in.
    let folder = engine::place(host)?;
    let recorded = Engine::open(host, &folder).and_then(|mut engine| engine.record(seen, looked));
    match recorded {
        Ok(report) => {
            for problem in report.problems.iter().filter(|_| !quiet) {
                message::note(&format!("{} {}", quoted(&problem.path), shown(&problem.message)));
            }
            Some(report)
        }
        Err(error) => {
            if !quiet {
                let reason = shown(error.to_string());
                message::note(&format!("what was seen is not remembered: {reason}"));
            }
            None
        }
    }
}
