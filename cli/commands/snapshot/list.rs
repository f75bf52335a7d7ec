//! `aios snapshot list`

use std::collections::HashMap;

use aios_core::Status;
use aios_core::engine::compare::{entries, pairs};
use aios_core::engine::{Kept, State};
use aios_core::snapshot::SnapshotId;

use super::memory::{self, Remembered};
use super::{Error, Exit};
use crate::args::List;
use crate::output::memory::{self as output, How, Listed, Touched};

pub(super) fn run(args: &List) -> Result<Exit, Error> {
    let remembered = memory::open(&args.answer)?;
    let listed = listed(&remembered)?;
    output::list(&listed, &args.answer, &remembered.page).map_err(Error::Output)?;
    Ok(Exit::Fine)
}

fn listed(remembered: &Remembered) -> Result<Vec<Listed>, memory::Error> {
    let costs: HashMap<SnapshotId, u64> = remembered.memory.reader().costs()?.into_iter().collect();
    let mut listed = Vec::new();
    let mut before: Option<&Kept> = None;
    for one in &remembered.kept {
        let alone_bytes = costs.get(&one.snapshot.id).copied().unwrap_or_default();
        listed.push(one_of(one, before, alone_bytes)?);
        before = Some(one);
    }
    Ok(listed)
}

fn one_of(one: &Kept, before: Option<&Kept>, alone_bytes: u64) -> Result<Listed, memory::Error> {
    let environments = one.environments()?;
    let broken = environments.iter().filter(|(_, state)| state.status() == Status::Broken).count();
    let pairs = pairs(before.map(Kept::tree), one.tree())?;
    let mut touched = Vec::new();
    for pair in &pairs {
        let prefix = pair.latest().map(State::prefix).transpose()?.unwrap_or_default();
        touched.push(Touched { id: pair.id.clone(), prefix, how: How::of(pair) });
    }
    let changes = match pairs.as_slice() {
        [pair] if How::of(pair) == How::Changed => pair.changes()?,
        _ => Vec::new(),
    };
    Ok(Listed {
        snapshot: one.snapshot.clone(),
        environments: environments.len(),
        broken,
        touched,
        changes,
        entries: entries(before.map(Kept::tree), one.tree())?.len(),
        alone_bytes,
    })
}
