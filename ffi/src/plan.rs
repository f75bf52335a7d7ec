//! `aios_plan`: what there is to do about an environment, to be shown before it is done.

use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use aios_core::engine::{self, Kept, evidence};
use aios_core::environments::inspection::{Earlier, Inspected, examine_one};
use aios_core::environments::repair::{self, Case, Goal, Options, Remembered};
use aios_core::snapshot::SnapshotId;

use crate::boundary::{guard, needed};
use crate::engine::{Engine, aios_engine};
use crate::environments::{aios_finding, aios_health};
use crate::handle::{self, Kind, Object};
use crate::progress::{Progress, aios_progress};
use crate::rows::{FindingRow, Paths};
use crate::sized::{fill, read_maybe, sized};
use crate::status::{Error, aios_status, at};
use crate::view::{aios_str, list, paths};

/// A plan: steps, what stays as it is, and the findings that it was made for. Making one writes nothing.
pub struct aios_plan {
    _opaque: [u8; 0],
}

/// What the user allows and brings. Nothing is fetched from a network.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_repair_options {
    pub struct_size: usize,
    /// The base that the environment is to stand on, where several fit: a path.
    pub base: aios_str,
    /// Folders with wheels.
    pub wheelhouses: *const aios_str,
    pub wheelhouse_count: usize,
    /// The snapshot that the environment is to be brought back to; 0: it is to be healthy.
    pub snapshot: u64,
    /// To end the repair by, which is taken back then; may be NULL.
    pub progress: *const aios_progress,
}

sized!(aios_repair_options: 56 {
    base: 8, wheelhouses: 24, wheelhouse_count: 32, snapshot: 40, progress: 48,
});

/// What a plan is about.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_plan_info {
    pub struct_size: usize,
    /// The environment: a path.
    pub prefix: aios_str,
    /// Why the environment is not touched; absent when `aios_plan_apply` may be called.
    pub refusal: aios_str,
    pub step_count: usize,
    /// Findings that nothing is done about.
    pub unsolved_count: usize,
    /// What is wrong now.
    pub finding_count: usize,
    /// How the environment is now: an `aios_health`.
    pub health: u32,
    pub reserved: u32,
}

sized!(aios_plan_info: 72 {
    prefix: 8, refusal: 24, step_count: 40, unsolved_count: 48, finding_count: 56, health: 64, reserved: 68,
});

/// One step of a plan: changes that belong together.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_step {
    pub struct_size: usize,
    /// What it does ("write-pyvenv-cfg").
    pub action: aios_str,
    /// For people: what is done, and by what evidence.
    pub what: aios_str,
    /// The codes of the findings that it is for.
    pub reasons: *const aios_str,
    pub reason_count: usize,
    /// What it changes: paths.
    pub paths: *const aios_str,
    pub path_count: usize,
}

sized!(aios_step: 72 {
    action: 8, what: 24, reasons: 40, reason_count: 48, paths: 56, path_count: 64,
});

/// A finding that a plan does nothing about.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_unsolved {
    pub struct_size: usize,
    pub code: aios_str,
    /// What is missing, and the next step of the user.
    pub hint: aios_str,
}

sized!(aios_unsolved: 40 { code: 8, hint: 24 });

/// What is behind a plan.
pub(crate) struct Plan {
    pub(crate) engine: Arc<Engine>,
    pub(crate) options: Options,
    pub(crate) progress: Progress,
    pub(crate) looked: Looked,
    pub(crate) was_applied: AtomicBool,
    findings: Vec<FindingRow>,
    steps: Vec<StepRow>,
}

impl Object for Plan {
    type C = aios_plan;
    const KIND: Kind = Kind::Plan;
}

struct StepRow {
    reasons: Box<[aios_str]>,
    paths: Paths,
}

/// What one look at an environment tells.
pub(crate) struct Looked {
    pub(crate) inspected: Inspected,
    pub(crate) plan: repair::Plan,
    refusal: Option<&'static str>,
}

/// Looks at an environment, and plans for it.
pub(crate) fn look(
    engine: &Engine,
    prefix: &Path,
    earlier: &Earlier,
    options: &Options,
) -> Option<Looked> {
    let host = &engine.host;
    examine_one(host, prefix, earlier, |subject, findings| {
        let environment = subject.environment.clone();
        Looked {
            refusal: repair::refusal(host, &environment),
            inspected: Inspected {
                environment,
                findings: findings.to_vec(),
                hint: None,
                seal: None,
            },
            plan: repair::plan(&Case { subject, findings, options }),
        }
    })
}

/// What checks of the past found whole.
pub(crate) fn earlier(engine: &Engine) -> Earlier {
    Earlier::new(&engine.host, engine::cache_file(&engine.host).as_deref())
}

/// The canonical prefix that a path names.
pub(crate) fn prefix_of(engine: &Engine, prefix: &aios_str) -> Result<PathBuf, Error> {
    let prefix = prefix.path("`prefix`")?.ok_or_else(|| Error::argument("`prefix` is empty"))?;
    let prefix = engine.host.absolute(&prefix);
    aios_core::fs::canonical(&prefix).map_err(|error| {
        let missing = aios_core::fs::missing(&error);
        let status = if missing { aios_status::NotFound } else { aios_status::Io };
        Error::new(status, format_args!("cannot look at `{}`: {error}", prefix.display()), "")
    })
}

fn options_of(
    engine: &Engine,
    prefix: &Path,
    given: *const aios_repair_options,
) -> Result<(Options, Progress), Error> {
    let (mut options, mut progress) = (Options::default(), Progress::default());
    let mut snapshot = 0;
    if let Some(given) = read_maybe(given)? {
        let folders = list(given.wheelhouses, given.wheelhouse_count, "`wheelhouses`")?;
        let folders = paths(folders, "`wheelhouses`")?;
        options.base = given.base.path("`base`")?.map(|base| engine.host.absolute(&base));
        options.wheelhouses = folders.iter().map(|folder| engine.host.absolute(folder)).collect();
        snapshot = given.snapshot;
        progress = Progress::of(given.progress)?;
    }
    let named = options.wheelhouses.iter().chain(&options.base);
    if let Some(gone) = { named }.find(|path| !path.exists()) {
        return Err(Error::not_found(format_args!("`{}` does not exist", gone.display())));
    }
    if snapshot == 0 {
        options.remembered = last_whole(engine, prefix).unwrap_or_default();
    } else {
        options.remembered = Some(in_snapshot(engine, prefix, SnapshotId(snapshot))?);
        options.goal = Goal::Remembered;
    }
    Ok((options, progress))
}

/// What was remembered of it when nothing was broken; what cannot be read is no evidence.
fn last_whole(engine: &Engine, prefix: &Path) -> Result<Option<Remembered>, Error> {
    let Some(memory) = engine.memory()? else { return Ok(None) };
    let Some(moment) = evidence::last_whole(&memory.kept()?, prefix)? else { return Ok(None) };
    let source = format!("snapshot {}", moment.snapshot.id);
    Ok(moment.state.map(|state| evidence::of(&state, source)).transpose()?)
}

fn in_snapshot(engine: &Engine, prefix: &Path, id: SnapshotId) -> Result<Remembered, Error> {
    let kept: Vec<Kept> = match engine.memory()? {
        Some(memory) => memory.kept()?,
        None => Vec::new(),
    };
    let kept = kept.iter().find(|kept| kept.snapshot.id == id);
    let kept = kept.ok_or(aios_core::snapshot::Error::NoSnapshot(id))?;
    for identity in engine::identities(std::slice::from_ref(kept), prefix)? {
        if let Some(state) = kept.environment(&identity)? {
            return Ok(evidence::of(&state, format!("snapshot {id}"))?);
        }
    }
    Err(Error::not_found(format_args!("snapshot {id} has nothing of `{}`", prefix.display())))
}

/// Plans the repair of the environment with a prefix. `options` may be NULL. The last healthy state that is
/// remembered is evidence. `AIOS_STATUS_NOT_FOUND` when no environment is there.
#[unsafe(no_mangle)]
pub extern "C" fn aios_repair_plan(
    engine: *const aios_engine,
    prefix: aios_str,
    options: *const aios_repair_options,
    plan: Option<&mut MaybeUninit<*mut aios_plan>>,
) -> aios_status {
    guard("aios_repair_plan", || {
        let out = needed(plan, "`plan`")?;
        let engine = handle::get::<Engine>(engine)?;
        let prefix = prefix_of(&engine, &prefix)?;
        let (options, progress) = options_of(&engine, &prefix, options)?;
        let looked = look(&engine, &prefix, &earlier(&engine), &options);
        let looked = looked.ok_or_else(|| {
            Error::not_found(format_args!("`{}` is no environment", prefix.display()))
        })?;
        out.write(handle::open(Plan {
            findings: looked.inspected.findings.iter().map(FindingRow::from).collect(),
            steps: looked.plan.steps.iter().map(StepRow::of).collect(),
            was_applied: AtomicBool::new(false),
            engine,
            options,
            progress,
            looked,
        }));
        Ok(())
    })
}

impl StepRow {
    fn of(step: &repair::Step) -> StepRow {
        let paths = step.changes.iter().flat_map(|change| change.paths());
        StepRow {
            reasons: step.reasons.iter().map(|code| aios_str::of(code.as_str())).collect(),
            paths: Paths::of(paths.map(Path::to_path_buf).collect()),
        }
    }
}

/// What a plan is about.
#[unsafe(no_mangle)]
pub extern "C" fn aios_plan_about(
    plan: *const aios_plan,
    info: *mut aios_plan_info,
) -> aios_status {
    guard("aios_plan_about", || {
        let plan = handle::get::<Plan>(plan)?;
        let looked = &plan.looked;
        fill(
            info,
            &aios_plan_info {
                struct_size: size_of::<aios_plan_info>(),
                prefix: aios_str::of_path(&looked.plan.prefix),
                refusal: aios_str::maybe(looked.refusal),
                step_count: plan.steps.len(),
                unsolved_count: looked.plan.unsolved.len(),
                finding_count: plan.findings.len(),
                health: aios_health::from(looked.inspected.status()) as u32,
                reserved: 0,
            },
        )
    })
}

/// The step at an index from 0; they are done in this order.
#[unsafe(no_mangle)]
pub extern "C" fn aios_plan_step(
    plan: *const aios_plan,
    index: usize,
    step: *mut aios_step,
) -> aios_status {
    guard("aios_plan_step", || {
        let plan = handle::get::<Plan>(plan)?;
        let (row, of) = (at(&plan.steps, index)?, at(&plan.looked.plan.steps, index)?);
        let (paths, path_count) = row.paths.view();
        fill(
            step,
            &aios_step {
                struct_size: size_of::<aios_step>(),
                action: aios_str::of(of.action.as_str()),
                what: aios_str::of(&of.what),
                reasons: row.reasons.as_ptr(),
                reason_count: row.reasons.len(),
                paths,
                path_count,
            },
        )
    })
}

/// What nothing is done about, at an index from 0.
#[unsafe(no_mangle)]
pub extern "C" fn aios_plan_unsolved(
    plan: *const aios_plan,
    index: usize,
    unsolved: *mut aios_unsolved,
) -> aios_status {
    guard("aios_plan_unsolved", || {
        let plan = handle::get::<Plan>(plan)?;
        let of = at(&plan.looked.plan.unsolved, index)?;
        fill(
            unsolved,
            &aios_unsolved {
                struct_size: size_of::<aios_unsolved>(),
                code: aios_str::of(of.code.as_str()),
                hint: aios_str::of(&of.hint),
            },
        )
    })
}

/// What is wrong now, at an index from 0, the worst first.
#[unsafe(no_mangle)]
pub extern "C" fn aios_plan_finding(
    plan: *const aios_plan,
    index: usize,
    finding: *mut aios_finding,
) -> aios_status {
    guard("aios_plan_finding", || {
        let plan = handle::get::<Plan>(plan)?;
        fill(finding, &at(&plan.findings, index)?.view())
    })
}

/// Closes a plan; its views end.
#[unsafe(no_mangle)]
pub extern "C" fn aios_plan_close(plan: *mut aios_plan) -> aios_status {
    guard("aios_plan_close", || handle::close::<Plan>(plan))
}

impl Plan {
    pub(crate) fn refusal(&self) -> Option<&'static str> {
        self.looked.refusal
    }
}
