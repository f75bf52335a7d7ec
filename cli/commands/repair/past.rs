//! Repairs of the past: ended, taken back, listed.

use std::path::{Path, PathBuf};

use aios_core::environments::repair::{self, RealDisk, Session};

use super::{Job, Place};
use crate::args::Repair;
use crate::commands::{Error, Exit};
use crate::interrupt;
use crate::output::repair::{self as report, Outcome, Repaired};
use crate::output::{Page, message};

/// `--undo` and `--resume`.
pub(super) fn end(job: &Job<'_>, prefix: &Path, at: Place) -> Repaired {
    let args = job.args;
    let mut repaired = Repaired::new(prefix);
    if !prefix.join(repair::FOLDER).exists() {
        return repaired.ended(Outcome::NothingToDo, "it was never repaired");
    }
    job.warn_of_running(&mut repaired);
    let session = match Session::begin(&RealDisk, prefix) {
        Ok(session) => session.stopped_by(&job.progress.stop),
        Err(error) => return repaired.failed(&error),
    };
    let _under_repair = interrupt::under_repair(prefix);
    let _line = job.shows(if args.undo { "taking back" } else { "going on with" }, prefix, at);
    let ended = if args.undo { session.undo() } else { session.resume() };
    match ended {
        Ok(Some(past)) => {
            repaired.past(&past);
            let hint = if args.undo { "everything is as it was before the repair" } else { "" };
            let outcome = if args.undo { Outcome::Undone } else { Outcome::Repaired };
            repaired.ended(outcome, hint)
        }
        Ok(None) if args.undo => {
            repaired.ended(Outcome::NothingToDo, "there is no repair to take back")
        }
        Ok(None) => repaired.ended(Outcome::NothingToDo, "no repair was interrupted"),
        Err(repair::Error::Stopped) => {
            repaired.ended(Outcome::Interrupted, &interrupt::next_step(prefix))
        }
        Err(error) => repaired.failed(&error),
    }
}

pub(super) fn list(prefixes: &[PathBuf], args: &Repair, page: &Page) -> Result<Exit, Error> {
    for prefix in prefixes {
        match repair::list(prefix) {
            Ok(past) => {
                report::print_list(prefix, &past, &args.view, page).map_err(Error::Output)?
            }
            Err(error) => {
                message::error(&error.to_string(), None);
                return Ok(Exit::Error);
            }
        }
    }
    Ok(Exit::Fine)
}
