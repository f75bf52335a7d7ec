//! Which environments are to be repaired.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aios_core::environments::inspection::{
    Inspected, Limits, Progress, Request, inspect, is_prefix,
};
use aios_core::environments::repair::{self, needs_repair};
use aios_core::{Depth, Host};

use super::recreate;
use crate::args::Repair;
use crate::commands::Error;
use crate::progress;

/// What is to be repaired: what the paths name, or what a walk below them finds broken.
pub(super) fn prefixes(
    host: &Host,
    args: &Repair,
    progress: &Arc<Progress>,
) -> Result<Vec<PathBuf>, Error> {
    let paths: Vec<PathBuf> = args.paths.iter().map(|path| host.absolute(path)).collect();
    for path in &paths {
        if path.symlink_metadata().is_err() && !recreate::is_interrupted(path) {
            return Err(Error::NoSuchPath(path.clone()));
        }
    }
    // A prefix that is named needs no search; nor does one whose repair is to be ended.
    let of_past = args.undo || args.resume || args.list;
    let named = |path: &PathBuf| prefix_of(host, path, of_past);
    let prefixes: Vec<PathBuf> = paths.iter().filter_map(named).collect();
    if !paths.is_empty() && prefixes.len() == paths.len() {
        return Ok(prefixes);
    }
    if args.verify {
        let others = args.paths.iter().filter(|path| named(&host.absolute(path)).is_none());
        return Err(Error::VerifyWithoutName(others.cloned().collect()));
    }
    let request = Request {
        workspaces: if args.all { vec![host.current_dir.clone()] } else { Vec::new() },
        paths,
        depth: Depth::Usual,
        limits: Limits::default(),
        cache: None,
        progress: Arc::clone(progress),
    };
    let line = (!args.view.quiet).then(|| progress::show(progress));
    let inspection = inspect(host, &request);
    drop(line);
    let is_own = |inspected: &Inspected| {
        let owner = inspected.environment.owner;
        !args.all || owner.is_none() || owner == host.user.uid
    };
    let broken = inspection.environments.iter().filter(|inspected| {
        let own = inspected.environment.is_repairable() && is_own(inspected);
        own && (needs_repair(&inspected.findings) || of_past)
    });
    let found: Vec<PathBuf> = broken.map(|one| one.environment.prefix.clone()).collect();
    if found.is_empty() && inspection.environments.is_empty() && !args.all {
        return Err(Error::NoEnvironment(args.paths.clone()));
    }
    Ok(found)
}

/// The prefix that a path names: itself, or that of an interpreter in its folder of scripts.
fn prefix_of(host: &Host, path: &Path, of_past: bool) -> Option<PathBuf> {
    if path.symlink_metadata().is_err() && recreate::is_interrupted(path) {
        let folder = aios_core::fs::canonical(path.parent()?).ok()?;
        return Some(folder.join(path.file_name()?));
    }
    let above = || path.parent()?.parent();
    let prefix =
        [Some(path), above().filter(|_| !path.is_dir())].into_iter().flatten().find(|prefix| {
            is_prefix(host, prefix) || of_past && prefix.join(repair::FOLDER).is_dir()
        })?;
    aios_core::fs::canonical(prefix).ok()
}
