//! `aios snapshot diff`

use std::path::PathBuf;

use aios_core::engine::Kept;
use aios_core::engine::compare::{entries, pairs};

use super::memory::{self, Selected};
use super::{Error, Exit};
use crate::args::Diff;
use crate::output::memory::{self as output, Differing, Differs};

pub(super) fn run(args: &Diff) -> Result<Exit, Error> {
    let remembered = memory::open(&args.answer)?;
    let from = remembered.snapshot(&args.from)?;
    let named = args.rest.first().and_then(|word| remembered.named(word.as_os_str()));
    let (to, paths): (&Kept, &[PathBuf]) = match named {
        Some(to) => (to, &args.rest[1..]),
        None => (remembered.snapshot("last")?, &args.rest),
    };
    let selected = remembered.select(paths)?;
    let differs = differs(from, to, &selected)?;
    output::diff(&differs, &args.answer, &remembered.page).map_err(Error::Output)?;
    Ok(Exit::Fine)
}

fn differs(from: &Kept, to: &Kept, selected: &Selected) -> Result<Differs, memory::Error> {
    let mut environments = Vec::new();
    let pairs = pairs(Some(from.tree()), to.tree())?;
    for pair in pairs.iter().filter(|pair| selected.has(&pair.id)) {
        environments.push(Differing::of(pair, selected.in_full(&pair.id))?);
    }
    environments.sort_by(|a, b| a.prefix.cmp(&b.prefix));
    let entries = match selected.is_everything() {
        true => entries(Some(from.tree()), to.tree())?,
        false => Vec::new(),
    };
    Ok(Differs { from: from.snapshot.clone(), to: to.snapshot.clone(), environments, entries })
}
