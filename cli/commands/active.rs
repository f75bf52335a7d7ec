//! `aios active`: which environment the user works in. Nothing is chosen unasked: of one that broke it says what
//! repairs it, or which other one could take its place.

use std::path::Path;
use std::sync::Arc;

use aios_core::engine::active::{self, Choice};
use aios_core::environments::inspection::{
    Inspected, Inspection, Limits, Progress, Request, inspect,
};
use aios_core::environments::repair::needs_repair;
use aios_core::{Code, Depth, Host, Method, Severity, Status};

use super::scope::cache_file;
use super::{Error, Exit, memory};
use crate::args::active::{Active, Choose};
use crate::output::active::{self as output, Answered};
use crate::output::text::{quoted, shown, typed};
use crate::output::{Page, message};
use crate::progress;

pub(super) fn run(args: &Active) -> Result<Exit, Error> {
    let answer = match &args.action {
        None => &args.answer,
        Some(Choose::Set(set)) => &set.answer,
        Some(Choose::Clear(clear)) => &clear.answer,
    };
    let host = Host::current().map_err(Error::Host)?;
    let page = Page::new(&host, &answer.view(), Vec::new());
    let folder = memory::place(&host)?;
    let answered = match &args.action {
        Some(Choose::Clear(_)) => {
            active::clear(&folder).map_err(memory::Error::from)?;
            Answered::default()
        }
        Some(Choose::Set(set)) => {
            let inspected = one(&host, &set.path)?;
            refuse_broken(&inspected)?;
            let environment = &inspected.environment;
            let choice = Choice { id: environment.id.clone(), prefix: environment.prefix.clone() };
            active::set(&host, &folder, &choice).map_err(memory::Error::from)?;
            Answered { choice: Some(choice), inspected: Some(inspected), ..Answered::default() }
        }
        None => present(&host, &folder),
    };
    output::print(&answered, answer, &page).map_err(Error::Output)?;
    let is_fine = answered.inspected.as_ref().is_some_and(|one| one.status() != Status::Broken)
        || matches!(args.action, Some(Choose::Clear(_)));
    Ok(if is_fine { Exit::Fine } else { Exit::Findings })
}

/// The one that was chosen, as it is now.
fn present(host: &Host, folder: &Path) -> Answered {
    let choice = active::read(folder).unwrap_or_else(|problem| {
        message::note(&format!("{} {}", quoted(&problem.path), shown(&problem.message)));
        None
    });
    let Some(choice) = choice else { return Answered::default() };
    let inspected = look(host, Some(&choice.prefix), None)
        .environments
        .into_iter()
        .find(|one| one.environment.id == choice.id);
    let mut answered = Answered { choice: Some(choice), inspected, ..Answered::default() };
    let is_usable = answered.inspected.as_ref().is_some_and(|one| one.status() != Status::Broken);
    if is_usable {
        return answered;
    }
    answered.repair = answered.inspected.as_ref().and_then(repair);
    if answered.repair.is_none() {
        let asked = Arc::new(Progress::default());
        let line = progress::show(&asked);
        let seen = look(host, None, Some(&asked));
        drop(line);
        answered.candidate = active::healthiest(&seen).cloned();
    }
    answered
}

fn look(host: &Host, path: Option<&Path>, progress: Option<&Arc<Progress>>) -> Inspection {
    let request = Request {
        paths: path.map(Path::to_path_buf).into_iter().collect(),
        workspaces: if path.is_none() { vec![host.current_dir.clone()] } else { Vec::new() },
        depth: Depth::Usual,
        limits: Limits::default(),
        cache: cache_file(host),
        progress: progress.cloned().unwrap_or_default(),
    };
    inspect(host, &request)
}

/// The one environment that a path names, with what is wrong with it.
pub(super) fn one(host: &Host, path: &Path) -> Result<Inspected, Error> {
    let absolute = host.absolute(path);
    if absolute.symlink_metadata().is_err() {
        return Err(Error::NoSuchPath(path.to_path_buf()));
    }
    let mut found = look(host, Some(&absolute), None).environments;
    let above = |path: &Path| aios_core::fs::canonical(path).ok();
    let canonical = above(&absolute).filter(|path| path.is_dir());
    // An interpreter is a link, and leads to another environment.
    let beside = absolute.parent().and_then(above).zip(absolute.file_name());
    let names = [canonical, beside.map(|(folder, name)| folder.join(name)), Some(absolute)];
    let is_in = |one: &Inspected| {
        names.iter().flatten().any(|name| {
            let environment = &one.environment;
            environment.is_named(name) || name.starts_with(&environment.prefix)
        })
    };
    // One may stand in another one: the innermost.
    let named = found.iter().enumerate().filter(|(_, one)| is_in(one));
    let innermost = named.max_by_key(|(_, one)| one.environment.prefix.as_os_str().len());
    if let Some(at) = innermost.map(|(at, _)| at) {
        return Ok(found.swap_remove(at));
    }
    match found.len() {
        0 => Err(Error::NoEnvironment(vec![path.to_path_buf()])),
        1 => Ok(found.swap_remove(0)),
        count => Err(Error::ManyEnvironments(path.to_path_buf(), count)),
    }
}

/// One that is broken is an error, with what to do about it.
pub(super) fn refuse_broken(inspected: &Inspected) -> Result<(), Error> {
    let worst = inspected.findings.iter().find(|finding| finding.severity == Severity::Error);
    let Some(worst) = worst else { return Ok(()) };
    let prefix = &inspected.environment.prefix;
    Err(Error::Broken {
        prefix: prefix.clone(),
        why: worst.message.clone(),
        hint: match repair(inspected) {
            Some(command) => format!("`{command}` repairs it, with a plan to look at first"),
            None => format!("`aios check {}` says what to do", typed(prefix, None)),
        },
    })
}

/// What to type to have it repaired, where it can be.
fn repair(inspected: &Inspected) -> Option<String> {
    let environment = &inspected.environment;
    let errors = || inspected.findings.iter().filter(|one| one.severity == Severity::Error);
    let path = typed(&environment.prefix, None);
    if errors().any(|one| one.code == Code::RepairInterrupted) {
        return Some(format!("aios repair --resume {path}"));
    }
    let can_be = environment.is_repairable()
        && needs_repair(&inspected.findings)
        && errors().all(|one| one.repair.method != Method::None);
    can_be.then(|| format!("aios repair {path}"))
}
