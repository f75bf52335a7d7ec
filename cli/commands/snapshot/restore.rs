//! `aios snapshot restore`: entries of other programs come back; of environments it says what it would take.

use std::collections::HashMap;
use std::path::PathBuf;

use aios_core::engine::compare::{Pair, entries};
use aios_core::engine::{self, Engine, Kept, State, environments};
use aios_core::{Depth, EnvironmentId};

use super::memory::{self, Remembered, Selected};
use super::{Error, Exit, repair, scope};
use crate::args::{Format, Repair, Restore, Scope};
use crate::output::memory::{self as output, Differing, Restored};
use crate::output::message;
use crate::output::text::{quoted, shown};

pub(super) fn run(args: &Restore) -> Result<Exit, Error> {
    let remembered = memory::open(&args.answer)?;
    let wanted = remembered.snapshot(&args.id)?;
    let selected = remembered.select(&args.paths)?;
    let Some(looked) = look(args, wanted, &selected)? else { return Ok(Exit::Interrupted) };
    let mut restored = restore(&remembered, wanted, &selected, looked)?;
    restored.applies = args.apply;
    if let ([path, ..], false) = (args.paths.as_slice(), restored.is_about_any) {
        return Err(memory::Error::NotThen(path.clone(), wanted.snapshot.id).into());
    }
    if !args.apply || args.answer.format == Format::Human {
        output::restored(&restored, &args.answer, &remembered.page).map_err(Error::Output)?;
    }
    if args.apply { apply(args, &restored) } else { Ok(Exit::Fine) }
}

/// Repairs what stands on disk and is not as it was.
fn apply(args: &Restore, restored: &Restored) -> Result<Exit, Error> {
    let (stand, gone): (Vec<&Differing>, Vec<&Differing>) =
        restored.environments.iter().partition(|one| one.prefix.exists());
    for one in &gone {
        let path = quoted(&one.prefix);
        message::note(&format!("{path} is gone: only what stands on disk is brought back"));
    }
    let paths: Vec<PathBuf> = stand.iter().map(|one| one.prefix.clone()).collect();
    let exit = match paths.is_empty() {
        true => Exit::Fine,
        false => repair::run(&Repair {
            paths,
            all: false,
            dry_run: false,
            yes: args.yes,
            base: None,
            wheelhouses: args.wheelhouses.clone(),
            network: args.network,
            recreate: false,
            to: Some(restored.snapshot.id.to_string()),
            verify: false,
            undo: false,
            resume: false,
            list: false,
            view: args.answer.view(),
        })?,
    };
    Ok(if exit == Exit::Fine && !gone.is_empty() { Exit::Findings } else { exit })
}

/// Looks at what stands at the places of these environments now. `Some(None)`: nothing does.
fn look(
    args: &Restore,
    wanted: &Kept,
    selected: &Selected,
) -> Result<Option<Option<&'static scope::Looked>>, Error> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for (id, state) in wanted.environments().map_err(memory::Error::from)? {
        let prefix = state.prefix().map_err(memory::Error::from)?;
        if selected.has(&id) && prefix.exists() {
            paths.push(prefix);
        }
    }
    if paths.is_empty() {
        return Ok(Some(None));
    }
    let scope = Scope { paths, workspaces: Vec::new(), probe: false, no_cache: false };
    Ok(scope::look(&scope, &args.answer.view(), Depth::Usual)?.map(Some))
}

fn restore(
    remembered: &Remembered,
    wanted: &Kept,
    selected: &Selected,
    looked: Option<&scope::Looked>,
) -> Result<Restored, memory::Error> {
    let id = wanted.snapshot.id;
    let mut engine = Engine::open(&remembered.host, &memory::place(&remembered.host)?)?;
    if let Some(looked) = looked {
        let reason = format!("before restoring snapshot {id}");
        let what = engine::Looked { depth: Depth::Usual, whole: false, reason: &reason };
        for problem in engine.record(&looked.seen.inspection, what)?.problems {
            message::note(&format!("{} {}", quoted(&problem.path), shown(&problem.message)));
        }
    }
    let present = engine.context().live()?;
    let now: HashMap<EnvironmentId, State> = environments(&present)?.into_iter().collect();
    let mut differing = Vec::new();
    let mut is_about_any = false;
    for (id, then) in wanted.environments()?.into_iter().filter(|(id, _)| selected.has(id)) {
        is_about_any = true;
        let stands = then.prefix()?.exists();
        let before = now.get(&id).filter(|_| stands).cloned();
        if before.as_ref().map(State::hash) != Some(then.hash()) {
            let in_full = selected.in_full(&id);
            differing.push(Differing::of(&Pair { id, before, after: Some(then) }, in_full)?);
        }
    }
    differing.sort_by(|a, b| a.prefix.cmp(&b.prefix));
    let (mut entries_back, mut saved) = (Vec::new(), None);
    if selected.is_everything() {
        entries_back = entries(Some(&present), wanted.tree())?;
        saved = engine.restore(id)?;
    }
    let snapshot = wanted.snapshot.clone();
    Ok(Restored {
        snapshot,
        saved,
        entries: entries_back,
        environments: differing,
        applies: false,
        is_about_any,
    })
}
