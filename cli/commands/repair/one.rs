//! One environment: a plan, the question, the plan carried out, and the same check again.

use std::path::Path;

use aios_core::environments::inspection::examine_one;
use aios_core::environments::repair::{self, Case, Ended, Options, Plan, RealDisk, Session};
use aios_core::{Environment, Finding, Host, Severity};

use super::ask::confirmed;
use crate::args::Repair;
use crate::output::Page;
use crate::output::repair::{Outcome, Repaired};

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

pub(super) fn repair(
    host: &Host,
    prefix: &Path,
    args: &Repair,
    options: &Options,
    page: &Page,
) -> Repaired {
    let mut repaired = Repaired::new(prefix);
    let Some(Look { findings, plan, refusal }) = look(host, prefix, options) else {
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
    if args.dry_run {
        return repaired.ended(Outcome::Planned, "");
    }
    if !args.yes {
        match confirmed(&repaired, args, page) {
            Ok(true) => {}
            Ok(false) => return repaired.ended(Outcome::Planned, "nothing was changed"),
            Err(hint) => return repaired.ended(Outcome::Planned, hint),
        }
    }
    carry_out(host, repaired, plan, options)
}

/// Plans again after each round: what one fault hid comes to light when that one is gone.
fn carry_out(host: &Host, mut repaired: Repaired, mut plan: Plan, options: &Options) -> Repaired {
    let prefix = repaired.prefix.clone();
    let session = match Session::begin(&RealDisk, &prefix) {
        Ok(session) => session,
        Err(error) => return repaired.failed(&error),
    };
    for round in 0..MOST_ROUNDS {
        if round > 0 {
            repaired.plan(&plan);
        }
        let before = errors(&repaired.remaining);
        let mut next = None;
        let ended = session.carry_out(&plan, || {
            next = look(host, &prefix, options);
            next.as_ref().is_some_and(|next: &Look| errors(&next.findings) <= before)
        });
        match ended {
            Ok(Ended::Kept) => repaired.done(),
            Ok(Ended::RolledBack) => {
                repaired.undone();
                let hint = "the repair made things worse, and was taken back";
                return repaired.ended(Outcome::Failed, hint);
            }
            Err(error) => return repaired.failed(&error),
        }
        let Some(Look { findings, plan: following, .. }) = next else { break };
        let progress = findings != repaired.remaining;
        repaired.remaining = findings;
        repaired.hints(&following);
        if following.steps.is_empty() || !progress {
            break;
        }
        plan = following;
    }
    // What is older than the last ones is of no use any more; failing to remove it is no loss.
    let _ = session.prune(KEPT);
    let healthy = !needs_repair(&repaired.remaining);
    repaired.ended(if healthy { Outcome::Repaired } else { Outcome::Partly }, "")
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
