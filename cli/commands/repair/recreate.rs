//! `--recreate`: a new environment is made beside the broken one and takes its place.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

use aios_core::Platform;
use aios_core::environments::inspection::examine_one;
use aios_core::environments::repair::recreate::{self, Names, Stand};
use aios_core::environments::repair::{
    self, Case, End, Plan, RealDisk, Session, Unsolved, Verdict, errors, needs_repair,
};

use super::ask::confirmed;
use super::one::look;
use super::verify::{self, NotStarted};
use super::{Job, Place};
use crate::interrupt;
use crate::output::repair::{Outcome, Repaired};

const INTERRUPTED: &str = "making it anew was interrupted; `aios repair --resume PATH` goes on, and `aios \
                           repair --undo PATH` takes it back";

/// Whether nothing stands at the path because a recreation was killed.
pub(super) fn is_interrupted(path: &Path) -> bool {
    recreate::stand(path) != Stand::Nothing
}

/// How an environment is to be ended whose recreation was killed.
pub(super) fn interrupted(prefix: &Path) -> Option<&'static str> {
    match recreate::stand(prefix) {
        Stand::Nothing | Stand::Done(_) | Stand::Unfinished(_) => None,
        Stand::Whole(_) | Stand::Exchanged(_) | Stand::HalfUndone(_) => Some(INTERRUPTED),
    }
}

pub(super) fn recreate(job: &Job<'_>, prefix: &Path, at: Place) -> Repaired {
    let mut repaired = Repaired::new(prefix);
    if let Some(hint) = interrupted(prefix) {
        return repaired.ended(Outcome::Failed, hint);
    }
    let Some(look) = look(job, prefix, &job.earlier()) else {
        return repaired.ended(Outcome::Failed, "there is no environment any more");
    };
    if !needs_repair(&look.findings) {
        return verify::healthy(job, repaired, &look.environment);
    }
    repaired.remaining = look.findings;
    if let Some(reason) = look.refusal {
        return repaired.ended(Outcome::Refused, &reason);
    }
    job.warn_of_running(&mut repaired);
    if job.args.dry_run {
        return trial(job, repaired);
    }
    let session = match Session::begin(&RealDisk, prefix) {
        Ok(session) => session,
        Err(error) => return repaired.failed(&error),
    };
    // Nobody else works here: what is there was killed.
    if let Stand::Unfinished(names) = recreate::stand(prefix)
        && let Err(error) = names.discard(&RealDisk)
    {
        return repaired.failed(&error);
    }
    let names = Names::free(prefix);
    let discarded = |repaired: Repaired| match names.discard(&RealDisk) {
        Ok(()) => repaired,
        Err(error) => repaired.failed(&error),
    };
    let plan = match prepare(job, prefix, &names.new) {
        Ok(plan) => plan,
        Err(unsolved) => {
            return discarded(refused(repaired, vec![unsolved]));
        }
    };
    if !plan.unsolved.is_empty() {
        return discarded(refused(repaired, plan.unsolved));
    }
    repaired.plan_anew(&plan);
    if job.is_stopped() {
        return discarded(repaired.ended(Outcome::Interrupted, "nothing was changed"));
    }
    let repaired = match confirmed(job, repaired, at) {
        ControlFlow::Continue(repaired) => repaired,
        ControlFlow::Break(repaired) => return discarded(repaired),
    };
    job.keep_before();
    put(job, repaired, &plan, &names, session)
}

fn refused(mut repaired: Repaired, unsolved: Vec<Unsolved>) -> Repaired {
    repaired.hints(&Plan { unsolved, ..Plan::default() });
    repaired
        .ended(Outcome::Refused, "nothing was changed: the new environment would lack something")
}

/// Makes it in a temporary folder, to learn what would be done.
fn trial(job: &Job<'_>, mut repaired: Repaired) -> Repaired {
    let folder = match tempfile::Builder::new().prefix("aios-").tempdir() {
        Ok(folder) => folder,
        Err(error) => {
            let hint = format!("cannot make a temporary folder: {error}");
            return repaired.ended(Outcome::Failed, &hint);
        }
    };
    let place = aios_core::fs::canonical(folder.path());
    let new = place.unwrap_or_else(|_| folder.path().to_path_buf()).join("environment");
    let prefix = repaired.prefix.clone();
    match prepare(job, &prefix, &new) {
        Ok(plan) if plan.unsolved.is_empty() => {
            repaired.plan_anew(&plan);
            let old = Names::free(&prefix).old;
            let hint =
                format!("it takes the place of the old one, which is kept as `{}`", old.display());
            repaired.ended(Outcome::Planned, &hint)
        }
        Ok(plan) => refused(repaired, plan.unsolved),
        Err(unsolved) => refused(repaired, vec![unsolved]),
    }
}

/// Makes an empty environment at `new` and plans what it is to get, with wheels that are fetched where
/// that is allowed.
fn prepare(job: &Job<'_>, prefix: &Path, new: &Path) -> Result<Plan, Unsolved> {
    let gone = || Unsolved {
        code: aios_core::Code::InterpreterMissing,
        hint: "there is no environment any more".to_owned(),
    };
    let earlier = job.earlier();
    let made = examine_one(job.host, prefix, &earlier, |subject, findings| {
        let case = Case { subject, findings, options: &job.options.borrow() };
        recreate::make(&case, new, &job.progress.stop)
    });
    let made = made.ok_or_else(gone)??;
    job.options.borrow_mut().replaces = Some(prefix.to_path_buf());
    let mut tried = BTreeSet::new();
    loop {
        let planned = examine_one(job.host, prefix, &earlier, |old, of_old| {
            examine_one(job.host, new, &earlier, |subject, findings| {
                let case = Case { subject, findings, options: &job.options.borrow() };
                recreate::plan(&case, old, of_old, prefix)
            })
        });
        let (mut plan, lacking) = planned.flatten().ok_or_else(gone)?;
        if !job.fetch_more(new, &lacking, &mut tried) {
            plan.steps.insert(0, made);
            return Ok(plan);
        }
    }
}

/// Lets a new environment with all that the plan gives it take the place of the old one.
fn put(
    job: &Job<'_>,
    mut repaired: Repaired,
    plan: &Plan,
    names: &Names,
    session: Session<'_>,
) -> Repaired {
    let prefix = repaired.prefix.clone();
    let before = errors(&repaired.remaining);
    let _under_repair = interrupt::under_repair(&prefix);
    let discarded = |repaired: Repaired| match names.discard(&RealDisk) {
        Ok(()) => repaired,
        Err(error) => repaired.failed(&error),
    };
    match fill(job, plan, names) {
        Ok(Ok(())) => {}
        Ok(Err(not)) => return discarded(verify::not_made(job, repaired, not)),
        Err(repair::Error::Stopped) => {
            repaired.undone();
            return discarded(repaired.ended(Outcome::Interrupted, "nothing was changed"));
        }
        Err(error) => return discarded(repaired.failed(&error)),
    }
    // On Windows a folder in which a file is open keeps its name.
    let held = (job.host.platform != Platform::Windows).then_some(session);
    let swapped = recreate::swap(&RealDisk, names);
    drop(held);
    if let Err(error) = swapped {
        return repaired.failed(&error);
    }
    let after = look(job, &prefix, &job.earlier());
    let better = after.as_ref().is_some_and(|after| errors(&after.findings) < before.max(1));
    if !better {
        repaired.undone();
        if let Err(error) = recreate::undo(&RealDisk, &recreate::stand(&prefix)) {
            return repaired.failed(&error);
        }
        let hint = format!(
            "the new environment is broken as well; it is kept as `{}`, and the old one is back",
            names.undone.display()
        );
        return repaired.ended(Outcome::Failed, &hint);
    }
    repaired.done();
    repaired.started = job.args.verify.then_some(true);
    repaired.remaining = after.map(|after| after.findings).unwrap_or_default();
    let healthy = !needs_repair(&repaired.remaining);
    let hint = format!(
        "the old environment is kept as `{}`; remove it when all works",
        names.old.display()
    );
    repaired.ended(if healthy { Outcome::Repaired } else { Outcome::Partly }, &hint)
}

/// Carries the plan out in the new environment, starts it before anybody meets it at its place, where that
/// is asked for, and marks it as whole.
fn fill(
    job: &Job<'_>,
    plan: &Plan,
    names: &Names,
) -> Result<Result<(), NotStarted>, repair::Error> {
    let session = Session::begin(&RealDisk, &names.new)?.stopped_by(&job.progress.stop);
    session.carry_out(plan, || Verdict::Keep)?;
    // What its journal keeps is only of use until here.
    session.prune(0)?;
    let new =
        examine_one(job.host, &names.new, &job.earlier(), |subject, _| subject.environment.clone());
    if let Some(Err(not)) = new.map(|new| job.start(&new)) {
        return Ok(Err(not));
    }
    recreate::finish(&RealDisk, names).map(Ok)
}

/// `--undo` and `--resume` of a recreation. `None` when there is none to be ended, or repairs came after.
pub(super) fn past(job: &Job<'_>, prefix: &Path) -> Option<Repaired> {
    let stand = recreate::stand(prefix);
    let is_repaired = || {
        let past = repair::list(prefix).unwrap_or_default();
        past.iter().any(|past| past.end != End::Undone)
    };
    let ends = match stand {
        Stand::Nothing => false,
        Stand::Done(_) => job.args.undo && !is_repaired(),
        _ => true,
    };
    if !ends {
        return None;
    }
    let repaired = Repaired::new(prefix);
    // Nobody else works there meanwhile; where nothing stands nobody can.
    let session = match prefix.is_dir().then(|| Session::begin(&RealDisk, prefix)).transpose() {
        Ok(session) => session.filter(|_| Platform::CURRENT != Platform::Windows),
        Err(error) => return Some(repaired.failed(&error)),
    };
    let _under_repair = interrupt::under_repair(prefix);
    let ended = match job.args.undo {
        true => recreate::undo(&RealDisk, &stand),
        false => recreate::resume(&RealDisk, &stand),
    };
    drop(session);
    Some(match (ended, job.args.undo, stand) {
        (Err(error), ..) => repaired.failed(&error),
        (Ok(_), true, Stand::Done(names) | Stand::Exchanged(names)) => {
            let undone = names.undone.display();
            let hint = format!("the old environment is back; the new one is kept as `{undone}`");
            repaired.ended(Outcome::Undone, &hint)
        }
        (Ok(_), true, _) => repaired.ended(Outcome::Undone, "the old environment stands as it was"),
        (Ok(_), false, Stand::Unfinished(_)) => {
            let hint = "the new environment was not finished, and is removed: `aios repair --recreate \
                        PATH` makes it again";
            repaired.ended(Outcome::NothingToDo, hint)
        }
        (Ok(_), false, Stand::HalfUndone(_)) => {
            repaired.ended(Outcome::Undone, "the old environment is back")
        }
        (Ok(_), false, _) => {
            repaired.ended(Outcome::Repaired, "the new environment stands in its place")
        }
    })
}
