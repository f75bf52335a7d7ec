//! `--verify`: an environment is started after its repair, and a repair after which it does not start is
//! taken back. Nothing else of an environment is ever run by a repair.

use aios_core::Environment;
use aios_core::environments::probe::{self, ProbeError, ProbeLimits};
use aios_core::environments::repair;

use super::Job;
use super::one::interrupted;
use crate::output::repair::{Outcome, Repaired};
use crate::output::text::{shown, typed};

/// Why an environment does not start.
pub(super) struct NotStarted {
    why: String,
    printed: Vec<String>,
}

impl Job<'_> {
    /// Starts the environment, where that is asked for. It is the user's own: see [`refusal`].
    pub(super) fn start(&self, environment: &Environment) -> Result<(), NotStarted> {
        if !self.args.verify {
            return Ok(());
        }
        let Some(executable) = &environment.executable else {
            let why = "it has no interpreter".to_owned();
            return Err(NotStarted { why, printed: Vec::new() });
        };
        let limits = ProbeLimits::of_start(self.host);
        probe::start(executable, &limits, &self.progress.stop).map_err(|error| NotStarted {
            why: error.to_string(),
            printed: match error {
                ProbeError::Failed { printed, .. } => printed,
                _ => Vec::new(),
            },
        })
    }
}

/// Why an environment cannot be verified: what belongs to somebody else is not run as this user.
pub(super) fn refusal(job: &Job<'_>, environment: &Environment) -> Option<&'static str> {
    (job.args.verify && repair::is_foreign(job.host, environment)).then_some(
        "it belongs to another user, and `--verify` starts only what is your own; leave `--verify` out",
    )
}

/// Nothing is to be repaired.
pub(super) fn healthy(
    job: &Job<'_>,
    mut repaired: Repaired,
    environment: &Environment,
) -> Repaired {
    if let Some(reason) = refusal(job, environment) {
        return repaired.ended(Outcome::Refused, reason);
    }
    let Err(NotStarted { why, printed }) = job.start(environment) else {
        repaired.started = job.args.verify.then_some(true);
        return repaired.ended(Outcome::NothingToDo, "");
    };
    if job.is_stopped() {
        return repaired.ended(Outcome::Interrupted, "nothing was changed");
    }
    let mut hint = format!("its files are whole, but it does not start: {why}");
    if let Some(executable) = &environment.executable {
        let (python, base) = (typed(executable, None), environment.base_prefix.as_deref());
        let base = base.map(|base| format!(" (`{}`)", shown(base))).unwrap_or_default();
        hint += &format!(
            "; look at its base{base}, at libraries of the system, and at what its `.pth` files import: `{python} \
             -I -v -c pass` shows how far it comes"
        );
    }
    repaired.started = Some(false);
    repaired.printed = printed;
    repaired.ended(Outcome::Refused, &hint)
}

/// The repair is taken back by now, with all its rounds.
pub(super) fn taken_back(
    job: &Job<'_>,
    mut repaired: Repaired,
    environment: &Environment,
    not: NotStarted,
) -> Repaired {
    repaired.all_undone();
    if job.is_stopped() {
        return interrupted(repaired);
    }
    let path = typed(&repaired.prefix, None);
    let mut hint = format!(
        "repaired, it does not start, so everything is as it was before: {}; `aios repair {path}` keeps the \
         repair and starts nothing",
        not.why
    );
    if environment.is_virtual() {
        hint += &format!(", `aios repair --recreate {path}` makes the environment anew");
    }
    failed(repaired, not.printed, &hint)
}

/// The new environment is removed by now.
pub(super) fn not_made(job: &Job<'_>, mut repaired: Repaired, not: NotStarted) -> Repaired {
    repaired.all_undone();
    if job.is_stopped() {
        return repaired.ended(Outcome::Interrupted, "nothing was changed");
    }
    let hint = format!(
        "the new environment does not start and was removed, and the old one is as it was: {}; `--base` \
         names another Python to make it with",
        not.why
    );
    failed(repaired, not.printed, &hint)
}

fn failed(mut repaired: Repaired, printed: Vec<String>, hint: &str) -> Repaired {
    repaired.started = Some(false);
    repaired.printed = printed;
    repaired.ended(Outcome::Failed, hint)
}
