//! One environment: a plan, the question, the plan carried out, and the same check again.

use std::ops::ControlFlow;
use std::path::Path;

use aios_core::environments::inspection::{Earlier, examine_one};
use aios_core::environments::repair::{
    self, Case, Ended, KEPT, MOST_ROUNDS, Network, Plan, RealDisk, Session, Verdict, is_better,
    leads_on, needs_repair,
};
use aios_core::{Environment, Finding};

use super::ask::{Leave, confirmed};
use super::{Job, Place, verify};
use crate::interrupt;
use crate::output::repair::{Outcome, Repaired};
use crate::output::text::typed;

/// What one look at an environment tells.
pub(super) struct Look {
    pub(super) environment: Environment,
    pub(super) findings: Vec<Finding>,
    pub(super) plan: Plan,
    /// The wheels that the plan lacks, where they may be fetched.
    pub(super) missing: Vec<String>,
    /// Why it is not touched.
    pub(super) refusal: Option<String>,
}

pub(super) fn look(job: &Job<'_>, prefix: &Path, earlier: &Earlier) -> Option<Look> {
    let (host, options) = (job.host, &*job.options.borrow());
    examine_one(host, prefix, earlier, |subject, findings| {
        let case = Case { subject, findings, options };
        job.seen.borrow_mut().add(subject.environment, findings);
        Look {
            environment: subject.environment.clone(),
            findings: findings.to_vec(),
            plan: repair::plan(&case),
            missing: match options.network {
                Network::Never => Vec::new(),
                Network::Allowed(_) => repair::missing_wheels(&case),
            },
            refusal: refusal(job, subject.environment),
        }
    })
}

pub(super) fn repair(job: &Job<'_>, prefix: &Path, at: Place) -> Repaired {
    let mut repaired = Repaired::new(prefix);
    if let Some(hint) = super::recreate::interrupted(prefix) {
        return repaired.ended(Outcome::Failed, hint);
    }
    let line = job.shows("looking at", prefix, at);
    let earlier = job.earlier();
    let looked = look(job, prefix, &earlier);
    drop(line);
    let Some(mut looked) = looked else {
        return repaired.ended(Outcome::Failed, "there is no environment any more");
    };
    if needs_repair(&looked.findings) && job.options.borrow().remembered.is_none() {
        let remembered = job.remembered_elsewhere();
        if remembered.is_some() {
            job.options.borrow_mut().remembered = remembered;
            looked = look(job, prefix, &earlier).unwrap_or(looked);
        }
    }
    let Look { environment, findings, plan, refusal, .. } = job.complete(looked, prefix, &earlier);
    if job.is_stopped() {
        return repaired.ended(Outcome::Interrupted, "nothing was changed");
    }
    let is_as_planned = plan.steps.is_empty() && plan.unsolved.is_empty();
    if !needs_repair(&findings) && (job.to.is_none() || is_as_planned) {
        return verify::healthy(job, repaired, &environment);
    }
    repaired.remaining = findings;
    repaired.hints(&plan);
    if let Some(reason) = refusal {
        return repaired.ended(Outcome::Refused, &reason);
    }
    if plan.steps.is_empty() {
        let hint = job.seen_before(&repaired.remaining).unwrap_or_default();
        return repaired.ended(Outcome::Refused, &hint);
    }
    repaired.plan(&plan);
    job.warn_of_running(&mut repaired);
    if job.args.dry_run || job.leave.get() != Leave::All {
        repaired.compare(&plan);
    }
    if job.args.dry_run {
        return repaired.ended(Outcome::Planned, "");
    }
    let repaired = match confirmed(job, repaired, at) {
        ControlFlow::Continue(repaired) => repaired,
        ControlFlow::Break(repaired) => return repaired,
    };
    let _line = job.shows("repairing", prefix, at);
    carry_out(job, repaired, plan, &earlier)
}

fn carry_out(job: &Job<'_>, repaired: Repaired, plan: Plan, earlier: &Earlier) -> Repaired {
    job.keep_before();
    match Session::begin(&RealDisk, &repaired.prefix) {
        Ok(session) => {
            let session = session.stopped_by(&job.progress.stop);
            rounds(job, &session, earlier, repaired, plan)
        }
        Err(error) => repaired.failed(&error),
    }
}

/// Plans again after each round: what one fault hid comes to light when that one is gone.
pub(super) fn rounds(
    job: &Job<'_>,
    session: &Session<'_>,
    earlier: &Earlier,
    mut repaired: Repaired,
    mut plan: Plan,
) -> Repaired {
    let prefix = repaired.prefix.clone();
    let _under_repair = interrupt::under_repair(&prefix);
    let broken = repaired.remaining.clone();
    for round in 1..=MOST_ROUNDS {
        let may_go_on = || round < MOST_ROUNDS && !job.is_stopped();
        let mut next = None;
        let mut goes_on = false;
        let mut started = Ok(());
        let ended = session.carry_out(&plan, || {
            next = look(job, &prefix, earlier).map(|next| job.complete(next, &prefix, earlier));
            match &next {
                Some(next) if is_better(&plan, &repaired.remaining, &next.findings) => {
                    goes_on =
                        may_go_on() && leads_on(&repaired.remaining, &next.findings, &next.plan);
                    if goes_on {
                        return Verdict::GoOn;
                    }
                    started = job.start(&next.environment);
                    if started.is_ok() { Verdict::Keep } else { Verdict::TakeAllBack }
                }
                _ => Verdict::TakeBack,
            }
        });
        match ended {
            Ok(Ended::Kept) => repaired.done(),
            Ok(Ended::RolledBack) => {
                if let (Some(next), Err(not)) = (&next, started) {
                    repaired.remaining = broken;
                    return verify::taken_back(job, repaired, &next.environment, not);
                }
                repaired.undone();
                let hint = "the repair made things worse, and was taken back";
                return repaired.ended(Outcome::Failed, hint);
            }
            Err(repair::Error::Stopped) => return interrupted(repaired),
            Err(error) => return repaired.failed(&error),
        }
        let Some(next) = next else { break };
        repaired.remaining = next.findings;
        repaired.hints(&next.plan);
        if !goes_on {
            break;
        }
        plan = next.plan;
        repaired.plan(&plan);
    }
    repaired.started = job.args.verify.then_some(true);
    // What is older than the last ones is of no use any more; failing to remove it is no loss.
    let _ = session.prune(KEPT);
    ended(repaired)
}

pub(super) fn ended(repaired: Repaired) -> Repaired {
    let healthy = !needs_repair(&repaired.remaining) && !repaired.lacks_anything();
    repaired.ended(if healthy { Outcome::Repaired } else { Outcome::Partly }, "")
}

/// The round that was begun is taken back by now; those before it stay.
pub(super) fn interrupted(mut repaired: Repaired) -> Repaired {
    repaired.undone();
    let path = typed(&repaired.prefix, None);
    let hint = match repaired.did_anything() {
        false => format!("everything is as it was; `aios repair {path}` begins again"),
        true => format!(
            "what is done stays; `aios repair {path}` does the rest, `aios repair --undo {path}` takes it \
             back"
        ),
    };
    repaired.ended(Outcome::Interrupted, &hint)
}

fn refusal(job: &Job<'_>, environment: &Environment) -> Option<String> {
    let refused = repair::refusal(job.host, environment);
    refused.or_else(|| verify::refusal(job, environment)).map(str::to_owned)
}
