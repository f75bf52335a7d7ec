//! `aios export`: the environments of this machine, in the form of another program.

use aios_core::Depth;
use aios_core::engine::active;
use aios_core::environments::Environment;
use aios_core::environments::distributions::{self, Shared};
use aios_core::environments::inspection::Inspected;
use aios_core::environments::python_environments::Entry;

use super::{Error, Exit, memory, scope};
use crate::args::exchange::{Export, Form};
use crate::args::{Color, Format, Scope, View};
use crate::output::text::quoted;
use crate::output::{exchange as output, message, time};

pub(super) fn run(args: &Export) -> Result<Exit, Error> {
    let scope =
        Scope { paths: args.paths.clone(), workspaces: Vec::new(), probe: false, no_cache: false };
    let view = View { format: Format::Json, quiet: false, color: Color::Never };
    let Some(looked) = scope::look(&scope, &view, Depth::Usual)? else {
        return Ok(Exit::Interrupted);
    };
    let folder = memory::place(&looked.host).ok();
    let chosen = folder.and_then(|folder| active::read(&folder).ok().flatten());
    let verified = time::utc(time::now_ms());
    let (shared, mut entries) = (Shared::new(), Vec::new());
    for inspected in &looked.seen.inspection.environments {
        let is_active = chosen.as_ref().is_some_and(|one| one.id == inspected.environment.id);
        match entry(inspected, is_active, &verified, &shared) {
            Some(entry) => entries.push(entry),
            None => message::note(&format!(
                "{} is left out: this form has no place for it",
                quoted(&inspected.environment.prefix)
            )),
        }
    }
    match args.format {
        Form::PythonEnvironments => output::exported(&entries).map_err(Error::Output)?,
    }
    Ok(if looked.complete { Exit::Fine } else { Exit::Error })
}

/// `None` for one without an interpreter, or with a path that is no text.
fn entry(inspected: &Inspected, is_active: bool, verified: &str, shared: &Shared) -> Option<Entry> {
    let environment = &inspected.environment;
    let python = environment.executable.clone()?;
    (python.to_str().is_some() && environment.prefix.to_str().is_some()).then_some(())?;
    let (installed, _) = distributions::read(&environment.site_packages, shared);
    let all = installed.sites.iter().flat_map(|site| &site.distributions);
    let mut packages: Vec<String> = all.map(|one| one.pin()).collect();
    packages.sort_unstable();
    packages.dedup();
    let is_virtual = environment.is_virtual();
    Some(Entry {
        id: environment.id.0.clone(),
        name: name(environment),
        python_path: python,
        version: environment.version.as_ref().map(ToString::to_string),
        is_virtual,
        virtual_env_path: is_virtual.then(|| environment.prefix.clone()),
        packages,
        is_active,
        last_verified: Some(verified.to_owned()),
        health_status: Some(inspected.status().as_str().to_owned()),
    })
}

fn name(environment: &Environment) -> String {
    let of_folder = || environment.prefix.file_name().unwrap_or_default().to_string_lossy();
    environment.name.clone().unwrap_or_else(|| of_folder().into_owned())
}
