//! Whether there is something to repair, whether it may be, and whether a repair was worth it.

use super::Plan;
use crate::environments::Environment;
use crate::environments::health::{Finding, Severity};
use crate::host::Host;

/// A repair may uncover what another fault hid; so often it is looked at again.
pub const MOST_ROUNDS: usize = 4;

/// Repairs that are kept to be taken back.
pub const KEPT: usize = 10;

/// Whether anything is wrong that a repair is for.
pub fn needs_repair(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity > Severity::Info)
}

/// How many findings say that something does not work.
pub fn errors(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.severity == Severity::Error).count()
}

/// No more errors than before; or what was repaired is gone, and what it hid came to light.
pub fn is_better(plan: &Plan, before: &[Finding], after: &[Finding]) -> bool {
    let mut repaired = plan.steps.iter().flat_map(|step| &step.reasons).peekable();
    // A return to a state need not be for any finding.
    errors(after) <= errors(before)
        || repaired.peek().is_some()
            && repaired.all(|code| !after.iter().any(|finding| finding.code == *code))
}

/// Whether the next plan has more to do, and what was done so far was not in vain.
pub fn leads_on(before: &[Finding], after: &[Finding], next: &Plan) -> bool {
    !next.steps.is_empty() && after != before
}

/// Whether somebody else owns it, as far as the system says.
pub fn is_foreign(host: &Host, environment: &Environment) -> bool {
    environment.owner.is_some() && environment.owner != host.user.uid
}

/// Why an environment is not touched, if it is not.
pub fn refusal(host: &Host, environment: &Environment) -> Option<&'static str> {
    if !environment.is_repairable() {
        return Some("it is an installation, and those are repaired by what installed them");
    }
    if is_foreign(host, environment) && host.user.uid != Some(0) {
        return Some("it belongs to another user; let that user repair it");
    }
    None
}
