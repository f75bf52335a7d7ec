//! `aios snapshot show`

use aios_core::engine::Kept;
use aios_core::engine::layout::CONTEXT;

use super::memory::{self, Selected};
use super::{Error, Exit};
use crate::args::Show;
use crate::output::memory::{self as output, Environment, Shown};

pub(super) fn run(args: &Show) -> Result<Exit, Error> {
    let remembered = memory::open(&args.answer)?;
    let kept = remembered.snapshot(&args.id)?;
    let selected = remembered.select(&args.paths)?;
    let shown = shown(kept, &selected)?;
    if let ([path, ..], []) = (args.paths.as_slice(), shown.environments.as_slice()) {
        return Err(memory::Error::NotThen(path.clone(), kept.snapshot.id).into());
    }
    output::show(&shown, &args.answer, &remembered.page).map_err(Error::Output)?;
    Ok(Exit::Fine)
}

/// What a snapshot holds of what was named.
pub(super) fn shown(kept: &Kept, selected: &Selected) -> Result<Shown, memory::Error> {
    let mut environments = Vec::new();
    for (id, state) in kept.environments()?.into_iter().filter(|(id, _)| selected.has(id)) {
        environments.push((Environment::of(&id, &state)?, selected.in_full(&id)));
    }
    environments.sort_by(|(a, _), (b, _)| a.prefix.cmp(&b.prefix));
    let of_others = kept.tree().subtree(&[CONTEXT])?;
    let entries = if selected.is_everything() { of_others } else { None };
    let entries = entries.map_or(0, |entries| entries.totals().records);
    Ok(Shown { snapshot: kept.snapshot.clone(), environments, entries })
}
