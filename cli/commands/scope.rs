//! From the arguments that `find` and `check` share to an inspection.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(super) use aios_core::engine::cache_file;
use aios_core::environments::inspection::{Inspection, Limits, Progress, Request, inspect};
use aios_core::{Depth, Host, Problem};

use super::{Error, probe};
use crate::args::{Scope, View};
use crate::output::text::{quoted, shown};
use crate::output::{Page, Probes, Seen};
use crate::{interrupt, output, progress};

/// What came of the arguments.
pub(super) struct Looked {
    pub(super) host: Host,
    pub(super) seen: Seen,
    pub(super) page: Page,
    /// Whether everything that was asked for could be done.
    pub(super) complete: bool,
    /// For what is done next: Ctrl-C asks it to stop, after [`interrupt::stop_again`].
    pub(super) progress: Arc<Progress>,
}

/// Looks where the arguments say; `None` when the user interrupted it.
///
/// What was found lives until the process ends: freeing the records of ten thousand environments one by
/// one takes longer than the system needs to take everything back.
pub(super) fn look(
    scope: &Scope,
    view: &View,
    depth: Depth,
) -> Result<Option<&'static Looked>, Error> {
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
            &format!("{} {}", quoted(&problem.path), problem.message),
            Some("`aios find` without arguments lists every environment of this machine"),
        );
    }
    if scope.paths.is_empty() {
        workspaces.insert(0, host.current_dir.clone());
    }

    let mut complete = missing.is_empty();
    let named: Vec<PathBuf> = paths.iter().flat_map(|path| names_of(path)).collect();
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
    for problem in inspection.problems.iter().filter(|problem| paths.contains(&problem.path)) {
        complete = false;
        let message = format!("{} {}", quoted(&problem.path), shown(&problem.message));
        output::message::error(&message, None);
    }
    let mut probes = Probes::default();
    if scope.probe && !progress.stop.load(Ordering::Relaxed) {
        probes = probe::start(&host, &inspection, &named);
        for path in paths.iter().filter(|path| !probe::reaches(&inspection, &names_of(path))) {
            complete = false;
            output::message::error(
                &format!("{} is no environment and no interpreter: nothing to start", quoted(path)),
                Some("name each environment to start; what a walk finds is not started"),
            );
        }
    }
    if progress.stop.load(Ordering::Relaxed) {
        output::message::note("interrupted: nothing is printed, since it would not be everything");
        return Ok(None);
    }
    interrupt::end_at_once_from_now();
    inspection.problems.splice(0..0, missing);
    let page = Page::new(&host, view, named);
    let seen = Seen { inspection, probes };
    let looked = Looked { host, seen, page, complete, progress };
    Ok(Some(Box::leak(Box::new(looked))))
}

/// The paths that exist, absolute. A link that leads nowhere exists: it may be a broken interpreter.
pub(super) fn existing(host: &Host, paths: &[PathBuf], missing: &mut Vec<Problem>) -> Vec<PathBuf> {
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

/// A path as it was typed and as prefixes are reported: links to folders followed. The link that an
/// interpreter is in a virtual environment is kept, or it would name the base.
fn names_of(path: &Path) -> Vec<PathBuf> {
    let mut names = vec![path.to_path_buf()];
    let followed = if path.is_dir() {
        aios_core::fs::canonical(path).ok()
    } else {
        path.parent()
            .and_then(|folder| aios_core::fs::canonical(folder).ok())
            .zip(path.file_name())
            .map(|(folder, name)| folder.join(name))
    };
    names.extend(followed.filter(|followed| followed != path));
    names
}

#[cfg(test)]
mod tests {
    use aios_core::Platform;

    use super::*;

    #[test]
    fn place_of_the_cache() {
        let root = std::env::temp_dir();
        let check = |platform, variable: Option<(&str, PathBuf)>, expected: &str| {
            let mut host = Host::empty(platform, &root);
            host.home = Some(root.join("home"));
            if let Some((name, value)) = &variable {
                host.variables.insert(name.into(), value.into());
            }
            let expected = root.join(expected).join("aios").join("environments.cache");
            assert_eq!(cache_file(&host), Some(expected), "{platform:?} {variable:?}");
        };
        check(Platform::Linux, None, "home/.cache");
        check(Platform::Linux, Some(("XDG_CACHE_HOME", root.join("var"))), "var");
        // The XDG specification: a relative path is to be ignored.
        check(Platform::Linux, Some(("XDG_CACHE_HOME", "cache".into())), "home/.cache");
        check(Platform::MacOs, None, "home/Library/Caches");
        check(Platform::Windows, Some(("LOCALAPPDATA", root.join("l"))), "l");
        check(Platform::Windows, None, "home/AppData/Local");
    }

    #[test]
    fn no_home_no_cache() {
        assert_eq!(cache_file(&Host::empty(Platform::Linux, "/")), None);
    }
}
