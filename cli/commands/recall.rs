//! `aios recall`: which remembered environment something is, or was, by what is left of it.

use std::path::PathBuf;

use aios_core::Depth;
use aios_core::engine::recall::{self, Cue, Recalled};
use aios_core::engine::{self, Engine, Installed, changes, repairs};
use aios_core::index::holographic::Index;

use super::memory::{self, Remembered};
use super::{Error, Exit, history, scope};
use crate::args::{Recall, Scope};
use crate::output::memory::{self as output, Alike, Recollection};
use crate::output::message;
use crate::output::text::{quoted, shown};

pub(super) fn run(args: &Recall) -> Result<Exit, Error> {
    let standing: Vec<PathBuf> =
        args.paths.iter().filter(|path| path.symlink_metadata().is_ok()).cloned().collect();
    if !standing.is_empty() && !look(args, standing)? {
        return Ok(Exit::Interrupted);
    }
    let remembered = memory::open(&args.answer)?;
    let found = match args.packages.is_empty() {
        true => of_paths(&remembered, args)?,
        false => vec![of_packages(&remembered, args)?],
    };
    output::recall(&found, &args.answer, &remembered.page).map_err(Error::Output)?;
    let is_known = found.iter().any(|one| !one.alike.is_empty() || one.story.is_some());
    Ok(if is_known { Exit::Fine } else { Exit::Findings })
}

/// Looks at what stands there, and records it. Whether nobody interrupted it.
fn look(args: &Recall, paths: Vec<PathBuf>) -> Result<bool, Error> {
    let scope = Scope { paths, workspaces: Vec::new(), probe: false, no_cache: false };
    let looked = scope::look(&scope, &args.answer.view(), Depth::Usual)?;
    let Some(looked) = looked else { return Ok(false) };
    let record = || -> Result<engine::Report, memory::Error> {
        let folder = memory::place(&looked.host)?;
        let what = engine::Looked { depth: Depth::Usual, whole: false, reason: "recall" };
        let mut engine = Engine::open(&looked.host, &folder)?;
        Ok(engine.record(&looked.seen.inspection, what)?)
    };
    for problem in record()?.problems {
        message::note(&format!("{} {}", quoted(&problem.path), shown(&problem.message)));
    }
    Ok(true)
}

fn index(remembered: &Remembered) -> Result<Index, memory::Error> {
    Ok(recall::index(&memory::place(&remembered.host)?, &remembered.kept)?)
}

fn of_packages(remembered: &Remembered, args: &Recall) -> Result<Recollection, memory::Error> {
    let cue = Cue::of_packages(args.packages.iter().map(String::as_str));
    let found = recall::like(&remembered.kept, &index(remembered)?, &cue, args.most.into())?;
    let alike = found.iter().map(|one| alike(one, &[])).collect::<Result<_, _>>()?;
    let packages = args.packages.clone();
    Ok(Recollection { story: None, packages, since_whole: Vec::new(), alike, repaired: Vec::new() })
}

fn of_paths(remembered: &Remembered, args: &Recall) -> Result<Vec<Recollection>, memory::Error> {
    let selected = remembered.select(&args.paths)?;
    let index = index(remembered)?;
    let mut all = Vec::new();
    for story in history::stories(remembered, &selected)? {
        let last = story.history.moments.iter().rev().find_map(|moment| moment.state.as_ref());
        let Some(last) = last else { continue };
        let found =
            recall::like(&remembered.kept, &index, &Cue::of(last)?, usize::from(args.most) + 1)?;
        // What it is itself says nothing, and its own past is told by its story.
        let others = found.iter().filter(|one| one.id != story.history.id);
        let installed = last.distributions()?;
        let others = others.take(args.most.into()).map(|one| alike(one, &installed));
        let alike = others.collect::<Result<_, _>>()?;
        let whole = story.history.last_whole().and_then(|moment| moment.state.as_ref());
        let since_whole = match whole.filter(|_| !last.is_whole()) {
            Some(whole) => changes::between(Some(whole), Some(last))?,
            None => Vec::new(),
        };
        let codes = last.findings()?.into_iter().filter(engine::Found::is_grave);
        let codes = codes.map(|found| found.code).collect();
        let repaired = repairs::alike(&remembered.memory.present()?, &codes)?;
        let packages = Vec::new();
        all.push(Recollection { story: Some(story), packages, since_whole, alike, repaired });
    }
    Ok(all)
}

fn alike(found: &Recalled, installed: &[Installed]) -> Result<Alike, memory::Error> {
    let theirs = found.state.distributions()?;
    Ok(Alike {
        snapshot: found.snapshot.clone(),
        environment: output::Environment::of(&found.id, &found.state)?,
        same: theirs.iter().filter(|one| installed.contains(one)).count(),
        found: found.found,
    })
}
