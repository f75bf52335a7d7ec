//! Plans that are carried out, and repairs that are taken back.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use aios_core::Depth;
use aios_core::engine::{Looked as Recorded, repairs};
use aios_core::environments::inspection::{Inspected, Inspection};
use aios_core::environments::repair::{
    self, Ended, KEPT, MOST_ROUNDS, RealDisk, Session, Verdict, is_better, leads_on, needs_repair,
};

use crate::boundary::guard;
use crate::engine::{Engine, aios_engine};
use crate::environments::aios_health;
use crate::handle;
use crate::look::remember;
use crate::plan::{Looked, Plan, aios_plan, earlier, look, prefix_of};
use crate::sized::{check, fill, sized};
use crate::status::{Error, aios_status};
use crate::view::aios_str;

/// What became of an environment.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum aios_outcome {
    /// Nothing had to be done, or nothing could be.
    NothingDone = 1,
    /// It is healthy, or what it was in the snapshot.
    Repaired = 2,
    /// Something is still wrong.
    Partly = 3,
    /// The repair made things worse, and was taken back: it is what it was before.
    TakenBack = 4,
}

/// What became of a repair.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_repaired {
    pub struct_size: usize,
    /// An `aios_outcome`.
    pub outcome: u32,
    /// How the environment is now: an `aios_health`.
    pub health: u32,
    /// What is still wrong: so many findings; `aios_check` has them.
    pub finding_count: usize,
    /// How many plans were carried out: what one fault hid comes to light when that one is gone.
    pub rounds: u32,
    pub reserved: u32,
}

sized!(aios_repaired: 32 { outcome: 8, health: 12, finding_count: 16, rounds: 24, reserved: 28 });

/// Carries a plan out, looks again, and keeps the result if it is better; goes on with what came to light. What
/// it replaces or removes is kept below the prefix, so that `aios_repair_undo` brings it back. A plan is carried
/// out once. Nothing of the environment is run, nothing outside of it is written; a kill at any moment leaves
/// what can be taken back. What the environment was and is now is remembered.
#[unsafe(no_mangle)]
pub extern "C" fn aios_plan_apply(
    plan: *mut aios_plan,
    repaired: *mut aios_repaired,
) -> aios_status {
    guard("aios_plan_apply", || {
        let plan = handle::get::<Plan>(plan)?;
        check(repaired)?;
        if let Some(refusal) = plan.refusal() {
            return Err(Error::new(aios_status::Refused, refusal, ""));
        }
        if plan.was_applied.swap(true, Ordering::Relaxed) {
            let message = "this plan was carried out before";
            let hint = "`aios_repair_plan` makes one for what stands there now";
            return Err(Error::new(aios_status::Refused, message, hint));
        }
        fill(repaired, &carry_out(&plan)?)
    })
}

fn told(outcome: aios_outcome, now: &Inspected, rounds: usize) -> aios_repaired {
    aios_repaired {
        struct_size: size_of::<aios_repaired>(),
        outcome: outcome as u32,
        health: aios_health::from(now.status()) as u32,
        finding_count: now.findings.len(),
        rounds: u32::try_from(rounds).unwrap_or(u32::MAX),
        reserved: 0,
    }
}

fn carry_out(of: &Plan) -> Result<aios_repaired, Error> {
    let (engine, first) = (&of.engine, &of.looked.inspected);
    if of.looked.plan.steps.is_empty() {
        return Ok(told(aios_outcome::NothingDone, first, 0));
    }
    record(engine, first, "before a repair");
    let prefix = &of.looked.plan.prefix;
    of.progress.check()?;
    let session = Session::begin(&RealDisk, prefix)?.stopped_by(of.progress.stop());
    let earlier = earlier(engine);
    let mut plan = of.looked.plan.clone();
    let mut now = first.clone();
    let mut actions = Vec::new();
    for round in 1..=MOST_ROUNDS {
        let mut next = None;
        let mut goes_on = false;
        let ended = session.carry_out(&plan, || {
            next = look(engine, prefix, &earlier, &of.options);
            let Some(next) = &next else { return Verdict::TakeBack };
            let after = &next.inspected.findings;
            if !is_better(&plan, &now.findings, after) {
                return Verdict::TakeBack;
            }
            goes_on = round < MOST_ROUNDS && leads_on(&now.findings, after, &next.plan);
            if goes_on { Verdict::GoOn } else { Verdict::Keep }
        })?;
        let Some(next) = next.filter(|_| matches!(ended, Ended::Kept)) else {
            note(engine, first, &now, prefix, "failed", actions);
            return Ok(told(aios_outcome::TakenBack, &now, round - 1));
        };
        actions.extend(plan.steps.iter().map(|step| step.action.as_str().to_owned()));
        now = next.inspected.clone();
        if !goes_on {
            // What is older than the last ones is of no use any more; failing to remove it is no loss.
            let _ = session.prune(KEPT);
            return Ok(ended_well(engine, first, next, round, actions));
        }
        plan = next.plan;
    }
    Ok(told(aios_outcome::Partly, &now, MOST_ROUNDS))
}

fn ended_well(
    engine: &Engine,
    first: &Inspected,
    last: Looked,
    rounds: usize,
    actions: Vec<String>,
) -> aios_repaired {
    let is_whole = !needs_repair(&last.inspected.findings) && last.plan.unsolved.is_empty();
    let (outcome, word) = match is_whole {
        true => (aios_outcome::Repaired, "repaired"),
        false => (aios_outcome::Partly, "partly"),
    };
    note(engine, first, &last.inspected, &last.plan.prefix, word, actions);
    told(outcome, &last.inspected, rounds)
}

/// What is remembered of an environment. That it cannot be is no failure of a repair.
fn record(engine: &Engine, seen: &Inspected, reason: &str) {
    let seen = Inspection { environments: vec![seen.clone()], problems: Vec::new() };
    if engine.folder().is_ok() {
        remember(engine, &seen, Recorded { depth: Depth::Usual, whole: false, reason });
    }
}

/// What became of which findings, so that the same pattern is recognised elsewhere.
fn note(
    engine: &Engine,
    first: &Inspected,
    now: &Inspected,
    prefix: &Path,
    outcome: &str,
    actions: Vec<String>,
) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let note = repairs::Repaired {
        codes: repairs::signature(&first.findings),
        prefix: prefix.to_path_buf(),
        time_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        outcome: outcome.to_owned(),
        actions,
    };
    let noted = engine.writer().and_then(|mut writer| {
        writer.note_repair(&note)?;
        Ok(writer.commit()?)
    });
    if noted.is_ok() {
        record(engine, now, "repaired");
    }
}

/// Takes back the repair of an environment that was interrupted, else the newest one that was kept.
/// `AIOS_STATUS_NOT_FOUND` when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn aios_repair_undo(engine: *mut aios_engine, prefix: aios_str) -> aios_status {
    guard("aios_repair_undo", || {
        let engine = handle::get::<Engine>(engine)?;
        let prefix = prefix_of(&engine, &prefix)?;
        let none =
            || Error::not_found(format_args!("`{}` has no repair to take back", prefix.display()));
        // A session would make the folder.
        if !prefix.join(repair::FOLDER).is_dir() {
            return Err(none());
        }
        Session::begin(&RealDisk, &prefix)?.undo()?.map(|_| ()).ok_or_else(none)
    })
}
