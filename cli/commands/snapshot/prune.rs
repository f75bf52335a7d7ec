//! `aios snapshot prune`

use std::collections::HashMap;
use std::path::PathBuf;

use aios_core::EnvironmentId;
use aios_core::engine::{self, Engine, Surplus};
use aios_core::snapshot::Retention;

use super::memory::{self, Remembered};
use super::{Error, Exit};
use crate::args::Prune;
use crate::output::memory::{self as output, Pruned};

pub(super) fn run(args: &Prune) -> Result<Exit, Error> {
    let remembered = memory::open(&args.answer)?;
    let retention = Retention { newest: args.keep, days: args.days };
    let pruned = prune(&remembered, &retention, args.dry_run)?;
    output::pruned(&pruned, &args.answer, &remembered.page).map_err(Error::Output)?;
    Ok(Exit::Fine)
}

fn prune(
    remembered: &Remembered,
    retention: &Retention,
    dry_run: bool,
) -> Result<Pruned, memory::Error> {
    if dry_run {
        let surplus = engine::surplus(&remembered.kept, retention)?;
        return said(remembered, &surplus, None);
    }
    let mut engine = Engine::open(&remembered.host, &memory::place(&remembered.host)?)?;
    let (surplus, pruned) = engine.prune(retention)?;
    said(remembered, &surplus, Some(pruned.freed_bytes))
}

fn said(
    remembered: &Remembered,
    surplus: &Surplus,
    freed_bytes: Option<u64>,
) -> Result<Pruned, memory::Error> {
    let names = engine::names(&remembered.kept)?;
    let prefixes: HashMap<EnvironmentId, PathBuf> =
        names.into_iter().map(|name| (name.id, name.prefix)).collect();
    let prefix = |id: &EnvironmentId| prefixes.get(id).cloned();
    let is_gone = |one: &&engine::Kept| surplus.ids.contains(&one.snapshot.id);
    let removed = remembered.kept.iter().filter(is_gone);
    Ok(Pruned {
        removed: removed.map(|one| one.snapshot.clone()).collect(),
        left: remembered.kept.iter().filter(|one| !is_gone(one)).count(),
        held: surplus
            .held
            .iter()
            .map(|(id, held)| (*id, held.iter().filter_map(prefix).collect()))
            .collect(),
        unused_bytes: remembered.memory.reader().cost_of(&surplus.ids)?,
        freed_bytes,
    })
}
