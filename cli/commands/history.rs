//! `aios history`: when an environment changed, what changed, and when it broke.

use aios_core::engine::{self, history};

use super::memory::{self, Remembered, Selected};
use super::{Error, Exit};
use crate::args::History;
use crate::output::memory::{self as output, Environment, Story};

pub(super) fn run(args: &History) -> Result<Exit, Error> {
    let remembered = memory::open(&args.answer)?;
    let selected = remembered.select(&args.paths)?;
    let stories = stories(&remembered, &selected)?;
    output::history(&stories, &args.answer, &remembered.page).map_err(Error::Output)?;
    Ok(Exit::Fine)
}

/// The stories of what was named, in the order of prefixes.
pub(super) fn stories(
    remembered: &Remembered,
    selected: &Selected,
) -> Result<Vec<Story>, memory::Error> {
    let names = engine::names(&remembered.kept)?;
    let mut stories = Vec::new();
    for name in names.into_iter().filter(|name| selected.has(&name.id)) {
        let history = history::of(&remembered.kept, &name.id)?;
        let last = history.moments.iter().rev().find_map(|moment| moment.state.as_ref());
        let Some(last) = last else { continue };
        let environment = Environment::of(&name.id, last)?;
        let exists = name.prefix.exists();
        stories.push(Story { history, prefix: name.prefix, exists, environment });
    }
    Ok(stories)
}
