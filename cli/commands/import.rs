//! `aios import`: what became of the environments of a list that another program kept. What stands on disk is
//! looked at and remembered, as `check` does it; nothing in the list is believed, and no path of it is run.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aios_core::engine::Looked;
use aios_core::engine::active::{self, Choice};
use aios_core::environments::distributions::{self, Shared};
use aios_core::environments::inspection::{
    Inspected, Inspection, Limits, Progress, Request, inspect,
};
use aios_core::environments::python_environments::{self, Entry, NotAList};
use aios_core::{Depth, Host, Status};

use super::{Error, Exit, memory, remember, scope};
use crate::args::exchange::Import;
use crate::output::Page;
use crate::output::exchange::{self as output, Imported, Row};
use crate::output::message;
use crate::output::text::shown;
use crate::{interrupt, progress};

pub(super) fn run(args: &Import) -> Result<Exit, Error> {
    let asked = Arc::new(Progress::default());
    interrupt::stop_on_ctrl_c(&asked);
    let host = Host::current().map_err(Error::Host)?;
    let page = Page::new(&host, &args.answer.view(), Vec::new());
    let file = host.absolute(&args.file);
    let bytes =
        aios_core::fs::read(&file, python_environments::MAX_BYTES).map_err(Error::Unreadable)?;
    let (entries, refused) = python_environments::parse(&bytes)
        .map_err(|NotAList::Bad(why)| Error::NotAList(args.file.clone(), why))?;
    let places = entries.iter().map(Entry::place).filter(|place| place.symlink_metadata().is_ok());
    let paths: Vec<_> = places.map(Path::to_path_buf).collect();
    let seen = if paths.is_empty() {
        Inspection::default()
    } else {
        let _line = progress::show(&asked);
        inspect(
            &host,
            &Request {
                paths,
                workspaces: Vec::new(),
                depth: Depth::Usual,
                limits: Limits::default(),
                cache: scope::cache_file(&host),
                progress: Arc::clone(&asked),
            },
        )
    };
    if asked.stop.load(Ordering::Relaxed) {
        message::note("interrupted: nothing is printed, since it would not be everything");
        return Ok(Exit::Interrupted);
    }
    interrupt::end_at_once_from_now();
    let rows: Vec<Row<'_>> = entries.iter().map(|entry| row(entry, &seen)).collect();
    let remembered = Inspection {
        environments: seen
            .environments
            .iter()
            .filter(|one| rows.iter().any(|row| row.is_of(one)))
            .cloned()
            .collect(),
        problems: Vec::new(),
    };
    if !remembered.environments.is_empty() {
        let looked = Looked { depth: Depth::Usual, whole: false, reason: "import" };
        remember::record(&host, &remembered, looked, false);
    }
    let active = activate(&host, &rows);
    let imported = Imported { rows, refused, active };
    output::imported(&imported, &args.answer, &page).map_err(Error::Output)?;
    let is_fine = imported.refused.is_empty() && imported.rows.iter().all(Row::is_as_listed);
    Ok(if is_fine { Exit::Fine } else { Exit::Findings })
}

/// What stands where the list says.
fn row<'a>(entry: &'a Entry, seen: &'a Inspection) -> Row<'a> {
    let place = entry.place();
    let real = aios_core::fs::canonical(place).ok().filter(|path| path.is_dir());
    let beside = place.parent().and_then(|folder| aios_core::fs::canonical(folder).ok());
    let beside = beside.zip(place.file_name()).map(|(folder, name)| folder.join(name));
    let names = [Some(place.to_path_buf()), real, beside];
    let found = seen.environments.iter().find(|one| {
        names.iter().flatten().any(|name| {
            let environment = &one.environment;
            environment.is_named(name) || environment.executable.as_deref() == Some(name)
        })
    });
    // Of an interpreter, the environment that it is in.
    let found = found.or_else(|| {
        let is_in = |one: &&Inspected| {
            names.iter().flatten().any(|name| name.starts_with(&one.environment.prefix))
        };
        seen.environments.iter().filter(|_| !place.is_dir()).find(is_in)
    });
    Row { entry, found, missing: found.map(|one| missing(entry, one)).unwrap_or_default() }
}

/// Packages of the list that are not there, or in another version.
fn missing(entry: &Entry, found: &Inspected) -> Vec<String> {
    let (installed, _) = distributions::read(&found.environment.site_packages, &Shared::new());
    let there: std::collections::HashMap<&str, &str> = installed
        .sites
        .iter()
        .flat_map(|site| &site.distributions)
        .map(|one| (one.name.as_str(), one.version.as_str()))
        .collect();
    let lacks = |name: &str, version: Option<&str>| match (there.get(name), version) {
        (None, _) => true,
        (Some(there), Some(version)) => *there != version,
        (Some(_), None) => false,
    };
    let pins = entry.pins();
    let lacking = pins.iter().filter(|(name, version)| lacks(name, **version));
    lacking
        .map(|(name, version)| match version {
            Some(version) => format!("{name}=={version}"),
            None => name.clone(),
        })
        .collect()
}

/// Chooses the one that the list has as the one in use, when it is not broken.
fn activate(host: &Host, rows: &[Row<'_>]) -> Option<Choice> {
    let mut named = rows.iter().filter(|row| row.entry.is_active);
    let first = named.next()?;
    if named.next().is_some() {
        message::note("several environments of the list are active: none is chosen");
        return None;
    }
    let found = first.found.filter(|one| one.status() != Status::Broken);
    let Some(found) = found else {
        message::note("the active environment of the list is broken or gone: it is not chosen");
        return None;
    };
    let (id, prefix) = (found.environment.id.clone(), found.environment.prefix.clone());
    let choice = Choice { id, prefix };
    let set = memory::place(host)
        .and_then(|folder| active::set(host, &folder, &choice).map_err(memory::Error::from));
    match set {
        Ok(()) => Some(choice),
        Err(error) => {
            message::note(&format!("no environment is chosen: {}", shown(error.to_string())));
            None
        }
    }
}
