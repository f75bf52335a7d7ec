//! What cannot be repaired in place is made anew beside the old one, and then takes its place.
//!
//! ```text
//! project/
//!   .venv                  the environment
//!   .venv.aios-new-1       the new one, while it is made
//!   .venv.aios-old-1       the old one, once the new one stands at its place; nobody removes it
//!   .venv.aios-undone-1    the new one, after `--undo`
//! ```
//!
//! 1. [`make`]: the base's own `venv`, or virtualenv or uv where that made the old one, makes an empty environment.
//! 2. [`plan`]: data, as every plan: distributions in the same versions, the user's files, and scripts
//!    that name the place where the new one will be.
//! 3. The plan is carried out in the new environment. [`finish`] marks it as whole.
//! 4. [`swap`]: both change names at once, where the system can do that. A kill before leaves the old one
//!    at its place, a kill afterwards the new one; [`stand`] tells which, and how it goes on.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::disk::Disk;
use super::{Case, Error, FOLDER, Plan, Step, Unsolved, packages, place};
use crate::environments::facts::{Marker, Shape};
use crate::environments::health::{Code, Finding, Subject};
use crate::environments::installation::Installation;
use crate::environments::pyvenv_cfg::PyvenvCfg;

mod making;
mod names;

#[cfg(test)]
mod tests;

pub use making::{Maker, Making};
pub use names::{Names, Stand, is_aside, resume, stand, undo};

/// Makes an empty environment like that of the case at `new`, where nothing stands. The step says how; there
/// is nothing left to change.
pub fn make(case: &Case<'_>, new: &Path, stop: &AtomicBool) -> Result<Step, Unsolved> {
    let facts = case.subject.facts;
    let refused = |hint: String| Unsolved { code: Code::BasePythonMissing, hint };
    if facts.shape != Shape::Virtual {
        return Err(refused("only a virtual environment is made anew".to_owned()));
    }
    let host = case.subject.host;
    if facts.owner.is_some() && facts.owner != host.user.uid {
        return Err(refused("it belongs to another user, and a new one would not".to_owned()));
    }
    let base = base(case).map_err(refused)?;
    let is_copy = facts.interpreters.first().is_some_and(|one| one.link.is_none());
    let making = Making::like(cfg(case).as_ref(), is_copy);
    making.make(host, &base, new, &case.broken(), stop).map_err(refused)
}

/// What the new one stands on: the choice of the user, of any version, or what a repair in place takes.
fn base(case: &Case<'_>) -> Result<Installation, String> {
    let found = match &case.options.base {
        Some(named) => super::base::at(case, named)
            .ok_or_else(|| format!("`--base {}` is no Python installation", named.display()))?,
        None => super::base::decide(case).map_err(|unsolved| unsolved.hint)?.installation,
    };
    match &found.damage {
        _ if found.tag.is_none_or(|tag| tag.major < 3) => {
            Err(format!("`{}` has no `venv`", found.executable.display()))
        }
        Some(damage) => Err(format!("`{}` is damaged: {}", found.prefix.display(), damage.what)),
        None => Ok(Installation::clone(&found)),
    }
}

/// As it stands, or as it is remembered.
fn cfg(case: &Case<'_>) -> Option<PyvenvCfg> {
    match &case.subject.facts.marker {
        Marker::Read(cfg) if cfg.defect.is_none() => Some(cfg.clone()),
        _ => case.remembered()?.cfg(),
    }
}

/// What the environment of the case, which was just made, is to get of the old one. It is not to be
/// carried out while the plan leaves anything unsolved: something would be lost. Gives the wheels that
/// it lacks, too.
pub fn plan(
    case: &Case<'_>,
    old: &Subject<'_>,
    findings: &[Finding],
    place: &Path,
) -> (Plan, Vec<String>) {
    let mut plan = Plan { prefix: case.prefix().to_path_buf(), ..Plan::default() };
    place::settle(case, place, &mut plan);
    let lacking = packages::transfer(case, (old, findings), place, &mut plan);
    (plan, lacking)
}

/// Marks a new environment as whole: from now on it may take the place of the old one.
pub fn finish(disk: &dyn Disk, names: &Names) -> Result<(), Error> {
    let folder = names.new.join(FOLDER);
    disk.make_folder(&folder).map_err(Error::io("make", &folder))?;
    let mark = folder.join(names::MARK);
    let number = names.number.to_string();
    disk.create(&mark, number.as_bytes(), 0o600)
        .and_then(|()| disk.sync_folder(&folder))
        .and_then(|()| disk.sync_folder(&names.new))
        .map_err(Error::io("write", &mark))
}

/// Lets the new environment take the place of the old one, which is kept.
pub fn swap(disk: &dyn Disk, names: &Names) -> Result<(), Error> {
    names.put_in_place(disk)
}

/// What is typed to have an environment made anew, for hints.
pub(super) fn command(prefix: &Path) -> String {
    format!("aios repair --recreate --base PYTHON {}", super::typed(prefix))
}
