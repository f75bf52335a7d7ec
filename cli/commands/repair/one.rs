//! One environment: a plan, the question, the plan carried out, and the same check again.

use std::io::IsTerminal;
use std::path::Path;

use aios_core::environments::inspection::examine_one;
use aios_core::environments::repair::{self, Case, Ended, Options, Plan, RealDisk, Session};
use aios_core::{Environment, Finding, Host, Severity};

use super::ask::{Leave, confirmed};
use super::{Job, Place};
use crate::interrupt;
use crate::output::repair::{Outcome, Repaired};
use crate::output::text::typed;

/// A repair may uncover what another fault hid; so often it is looked at again.
const MOST_ROUNDS: usize = 4;

/// Repairs that are kept to be taken back.
const KEPT: usize = 10;

pub(super) fn needs_repair(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity > Severity::Info)
}

fn errors(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.severity == Severity::Error).count()
}

/// The errors that the plan does nothing about. Others may come to light: a folder of scripts that is made
/// again lacks all of them.
fn unplanned(findings: &[Finding], plan: &Plan) -> usize {
    let is_planned =
        |finding: &&Finding| plan.steps.iter().any(|step| step.reasons.contains(&finding.code));
    findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .filter(|finding| !is_planned(finding))
        .count()
}

/// What one look at an environment tells.
struct Look {
    findings: Vec<Finding>,
    plan: Plan,
    /// Why it is not touched.
    refusal: Option<String>,
}

fn look(host: &Host, prefix: &Path, options: &Options) -> Option<Look> {
    examine_one(host, prefix, |subject, findings| Look {
        findings: findings.to_vec(),
        plan: repair::plan(&Case { subject, findings, options }),
        refusal: refusal(host, subject.environment),
    })
}

pub(super) fn repair(job: &Job<'_>, prefix: &Path, at: Place) -> Repaired {
    let mut repaired = Repaired::new(prefix);
    let line = job.shows("looking at", prefix, at);
    let looked = look(job.host, prefix, &job.options);
    drop(line);
    let Some(Look { findings, plan, refusal }) = looked else {
        return repaired.ended(Outcome::Failed, "there is no environment any more");
    };
    if !needs_repair(&findings) {
        return repaired.ended(Outcome::NothingToDo, "");
    }
    repaired.remaining = findings;
    repaired.hints(&plan);
    if let Some(reason) = refusal {
        return repaired.ended(Outcome::Refused, &reason);
    }
    if plan.steps.is_empty() {
        return repaired.ended(Outcome::Refused, "");
    }
    repaired.plan(&plan);
    job.warn_of_running(&mut repaired);
    if job.args.dry_run || job.leave.get() != Leave::All {
        repaired.compare(&plan);
        repaired.outcome = Outcome::Planned;
    }
    if job.args.dry_run {
        return repaired;
    }
    if job.leave.get() == Leave::Ask
        && let Err(hint) = confirmed(job, &repaired, at)
    {
        let outcome =
            if std::io::stdin().is_terminal() { Outcome::Skipped } else { Outcome::Planned };
        return repaired.ended(outcome, hint);
    }
    let _line = job.shows("repairing", prefix, at);
    carry_out(job, repaired, plan)
}

/// Plans again after each round: what one fault hid comes to light when that one is gone.
fn carry_out(job: &Job<'_>, mut repaired: Repaired, mut plan: Plan) -> Repaired {
    let prefix = repaired.prefix.clone();
    let session = match Session::begin(&RealDisk, &prefix) {
        Ok(session) => session.stopped_by(&job.progress.stop),
        Err(error) => return repaired.failed(&error),
    };
    let _under_repair = interrupt::under_repair(&prefix);
    for round in 0..MOST_ROUNDS {
        if round > 0 {
            repaired.plan(&plan);
        }
        let before = (errors(&repaired.remaining), unplanned(&repaired.remaining, &plan));
        let mut next = None;
        let ended = session.carry_out(&plan, || {
            next = look(job.host, &prefix, &job.options);
            next.as_ref().is_some_and(|next: &Look| {
                let unplanned = unplanned(&next.findings, &next.plan);
                errors(&next.findings) <= before.0 || unplanned <= before.1
            })
        });
        match ended {
            Ok(Ended::Kept) => repaired.done(),
            Ok(Ended::RolledBack) => {
                repaired.undone();
                let hint = "the repair made things worse, and was taken back";
                return repaired.ended(Outcome::Failed, hint);
            }
            Err(repair::Error::Stopped) => return interrupted(repaired, round),
            Err(error) => return repaired.failed(&error),
        }
        let Some(Look { findings, plan: following, .. }) = next else { break };
        let progress = findings != repaired.remaining;
        repaired.remaining = findings;
        repaired.hints(&following);
        if following.steps.is_empty() || !progress || job.is_stopped() {
            break;
        }
        plan = following;
    }
    // What is older than the last ones is of no use any more; failing to remove it is no loss.
    let _ = session.prune(KEPT);
    let healthy = !needs_repair(&repaired.remaining);
    repaired.ended(if healthy { Outcome::Repaired } else { Outcome::Partly }, "")
}

/// The round that was begun is taken back by now; those before it stay.
fn interrupted(mut repaired: Repaired, rounds: usize) -> Repaired {
    repaired.undone();
    let path = typed(&repaired.prefix, None);
    let hint = match rounds {
        0 => format!("everything is as it was; `aios repair {path}` begins again"),
        _ => format!(
            "what is done stays; `aios repair {path}` does the rest, `aios repair --undo {path}` takes it \
             back"
        ),
    };
    repaired.ended(Outcome::Interrupted, &hint)
}

fn refusal(host: &Host, environment: &Environment) -> Option<String> {
    if !environment.is_repairable() {
        let reason = "it is an installation, and those are repaired by what installed them";
        return Some(reason.to_owned());
    }
    let is_root = host.user.uid == Some(0);
    let foreign = environment.owner.is_some() && environment.owner != host.user.uid && !is_root;
    foreign.then(|| "it belongs to another user; let that user repair it".to_owned())
}
