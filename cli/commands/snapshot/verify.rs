//! `aios snapshot verify`

use std::path::PathBuf;

use aios_core::engine::damage::Checked;
use aios_core::engine::{Engine, Memory};
use aios_core::{Depth, Host};

use super::memory;
use super::{Error, Exit, scope};
use crate::args::{Scope, Verify};
use crate::output::Page;
use crate::output::memory::{self as output, Verified};

pub(super) fn run(args: &Verify) -> Result<Exit, Error> {
    let host = Host::current().map_err(Error::Host)?;
    let page = Page::new(&host, &args.answer.view(), Vec::new());
    let mut verified = Verified { checked: check(&host)?, healed: None };
    if args.heal && !verified.checked.damage.is_empty() {
        let Some(healed) = heal(args, &host, &verified.checked)? else {
            return Ok(Exit::Interrupted);
        };
        verified = Verified { checked: check(&host)?, healed: Some(healed) };
    }
    output::verified(&verified, &args.answer, &page).map_err(Error::Output)?;
    Ok(if verified.checked.damage.is_empty() { Exit::Fine } else { Exit::Findings })
}

fn check(host: &Host) -> Result<Checked, memory::Error> {
    let folder = memory::place(host)?;
    let memory = Memory::open(&folder)?.ok_or(memory::Error::Nothing(folder))?;
    Ok(memory.check())
}

/// What stands on disk is a source too, where it is what was remembered of it. `None`: the user ended it.
fn heal(args: &Verify, host: &Host, checked: &Checked) -> Result<Option<u64>, Error> {
    let prefixes: Option<Vec<PathBuf>> = checked
        .parts
        .iter()
        .filter(|part| part.id().is_some())
        .map(|part| part.prefix.clone())
        .collect();
    // Without all of their places, all are looked at.
    let mut paths = prefixes.unwrap_or_default();
    paths.retain(|path| path.exists());
    let scope = Scope { paths, workspaces: Vec::new(), probe: false, no_cache: false };
    let Some(looked) = scope::look(&scope, &args.answer.view(), Depth::Usual)? else {
        return Ok(None);
    };
    let mend = || -> Result<u64, memory::Error> {
        let folder = memory::place(host)?;
        let mut engine = Engine::open(host, &folder)?;
        let scratch = tempfile::tempdir_in(&folder).map_err(memory::Error::Scratch)?;
        Ok(engine.heal(&looked.seen.inspection, scratch.path())?.healed)
    };
    Ok(Some(mend()?))
}
