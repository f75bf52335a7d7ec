//! From the arguments that `find` and `check` share to an inspection.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aios_core::environments::inspection::{Inspection, Limits, Progress, Request, inspect};
use aios_core::{Depth, Host, Platform, Problem};

use super::Error;
use crate::args::{Scope, View};
use crate::{interrupt, output, progress};

/// What was seen of the machine.
pub(super) struct Seen {
    pub(super) host: Host,
    pub(super) inspection: Inspection,
    /// The PATH arguments that exist, absolute, links kept and links followed.
    pub(super) named: Vec<PathBuf>,
    /// Whether everything that was asked for exists.
    pub(super) complete: bool,
}

/// Looks where the arguments say; `None` when the user interrupted it.
pub(super) fn look(scope: &Scope, view: &View, depth: Depth) -> Result<Option<Seen>, Error> {
    if scope.probe && scope.paths.is_empty() {
        return Err(Error::ProbeWithoutPath);
    }
    let progress = Arc::new(Progress::default());
    interrupt::stop_on_ctrl_c(&progress);
    let host = Host::current().map_err(Error::Host)?;

    let mut missing = Vec::new();
    let paths = existing(&host, &scope.paths, &mut missing);
    let mut workspaces = existing(&host, &scope.workspaces, &mut missing);
    for problem in &missing {
        output::message::error(
            &format!("{} {}", output::text::quoted(&problem.path), problem.message),
            Some("`aios find` without arguments lists every environment of this machine"),
        );
    }
    if scope.paths.is_empty() {
        workspaces.insert(0, host.current_dir.clone());
    }

    let complete = missing.is_empty();
    // With PATHs that are all missing the request would have none, and mean the whole machine.
    let mut inspection = if !scope.paths.is_empty() && paths.is_empty() {
        Inspection::default()
    } else {
        let _shown = (!view.quiet).then(|| progress::show(&progress));
        let request = Request {
            paths: paths.clone(),
            workspaces,
            depth,
            limits: Limits::default(),
            cache: if scope.no_cache { None } else { cache_file(&host) },
            progress: Arc::clone(&progress),
        };
        inspect(&host, &request)
    };
    if progress.stop.load(Ordering::Relaxed) {
        output::message::note("interrupted: nothing is printed, since it would not be everything");
        return Ok(None);
    }
    interrupt::end_at_once_from_now();
    inspection.problems.splice(0..0, missing);
    Ok(Some(Seen { named: with_links_followed(paths), host, inspection, complete }))
}

/// The paths that exist, absolute. A link that leads nowhere exists: it may be a broken interpreter.
fn existing(host: &Host, paths: &[PathBuf], missing: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths {
        let absolute = host.absolute(path);
        match std::fs::symlink_metadata(&absolute) {
            Ok(_) => found.push(absolute),
            Err(error) if aios_core::fs::missing(&error) => {
                missing.push(Problem::new(path, "does not exist"));
            }
            Err(error) => {
                missing.push(Problem::new(path, format!("cannot be looked at: {error}")));
            }
        }
    }
    found
}

fn with_links_followed(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut named: Vec<PathBuf> =
        paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect();
    named.extend(paths);
    named
}

/// Where what was read is kept for the next run. Outside the places that any tool searches.
fn cache_file(host: &Host) -> Option<PathBuf> {
    let folder = match host.platform {
        Platform::Windows => host
            .variable_path("LOCALAPPDATA")
            .or_else(|| host.home_place(Path::new("AppData").join("Local").to_str()?))?,
        Platform::MacOs => {
            host.variable_path("XDG_CACHE_HOME").or_else(|| host.home_place("Library/Caches"))?
        }
        Platform::Linux => {
            host.variable_path("XDG_CACHE_HOME").or_else(|| host.home_place(".cache"))?
        }
    };
    Some(folder.join("aios").join("environments.cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_of_the_cache() {
        let check = |platform, variable: Option<(&str, &str)>, expected: Option<&str>| {
            let mut host = Host::empty(platform, "/");
            host.home = Some(PathBuf::from("/home/u"));
            if let Some((name, value)) = variable {
                host.variables.insert(name.into(), value.into());
            }
            assert_eq!(cache_file(&host), expected.map(PathBuf::from), "{platform:?} {variable:?}");
        };
        check(Platform::Linux, None, Some("/home/u/.cache/aios/environments.cache"));
        check(
            Platform::Linux,
            Some(("XDG_CACHE_HOME", "/var/c")),
            Some("/var/c/aios/environments.cache"),
        );
        // The XDG specification: a relative path is to be ignored.
        check(
            Platform::Linux,
            Some(("XDG_CACHE_HOME", "cache")),
            Some("/home/u/.cache/aios/environments.cache"),
        );
        check(Platform::MacOs, None, Some("/home/u/Library/Caches/aios/environments.cache"));
        check(Platform::Windows, Some(("LOCALAPPDATA", "/l")), Some("/l/aios/environments.cache"));
    }

    #[test]
    fn no_home_no_cache() {
        assert_eq!(cache_file(&Host::empty(Platform::Linux, "/")), None);
    }
}
