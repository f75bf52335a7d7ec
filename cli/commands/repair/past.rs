//! Repairs of the past: ended, taken back, listed.

use std::path::{Path, PathBuf};

use aios_core::environments::inspection::Earlier;
use aios_core::environments::repair::{self, End, RealDisk, Session};

use super::one::{self, Look};
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
    let earlier = job.earlier();
    let mut next = None;
    let ended = match args.undo {
        true => session.undo(),
        false => session.resume(|| {
            next = one::look(job, prefix, &earlier);
            !job.is_stopped() && next.as_ref().is_some_and(|next| !next.plan.steps.is_empty())
        }),
    };
    match ended {
        Ok(Some(past)) if past.end == End::Undone => {
            repaired.past(&past);
            repaired.ended(Outcome::Undone, "everything is as it was before the repair")
        }
        Ok(Some(past)) => {
            repaired.past(&past);
            following(job, &session, &earlier, repaired, next)
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

/// The rounds that an interrupted repair did not come to.
fn following(
    job: &Job<'_>,
    session: &Session<'_>,
    earlier: &Earlier,
    mut repaired: Repaired,
    next: Option<Look>,
) -> Repaired {
    let Some(Look { findings, plan, .. }) = next else {
        return repaired.ended(Outcome::Failed, "there is no environment any more");
    };
    repaired.remaining = findings;
    repaired.hints(&plan);
    if plan.steps.is_empty() || job.is_stopped() {
        return one::ended(repaired);
    }
    repaired.plan(&plan);
    one::rounds(job, session, earlier, repaired, plan)
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
