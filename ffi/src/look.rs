//! `aios_find`, `aios_check`: looking at this machine.

use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};

use aios_core::engine::{self, Looked};
use aios_core::environments::inspection::{Inspection, Limits, Request, inspect};
use aios_core::{Depth, Problem};

use crate::boundary::{guard, needed};
use crate::engine::{Engine, aios_engine};
use crate::environments::{Environments, aios_environments};
use crate::handle;
use crate::progress::{Progress, aios_progress};
use crate::rows::Row;
use crate::sized::{read_maybe, sized};
use crate::status::{Error, aios_status};
use crate::view::{aios_str, list, paths};

/// How much of each environment a check reads.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum aios_depth {
    /// Packages, scripts and hooks: existence, size, zeros. What 0 means too.
    Usual = 1,
    /// Also the hash of every file that a package says it has.
    Deep = 2,
}

/// Nothing is taken from what earlier looks read, nor kept for later ones.
pub const AIOS_LOOK_FRESH: u32 = 1;
/// What is seen is not remembered.
pub const AIOS_LOOK_UNRECORDED: u32 = 2;

/// Where to look. All zeros: at every known place of this machine.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_look {
    pub struct_size: usize,
    /// Environments, interpreters, or folders to walk. When there are any, nothing else is looked at.
    pub paths: *const aios_str,
    pub path_count: usize,
    /// Folders to walk beside the known places of the machine.
    pub workspaces: *const aios_str,
    pub workspace_count: usize,
    /// An `aios_depth`, for checks.
    pub depth: u32,
    /// A set of `AIOS_LOOK_...`.
    pub flags: u32,
    /// To watch it by, or to end it; may be NULL.
    pub progress: *const aios_progress,
}

sized!(aios_look: 56 {
    paths: 8, path_count: 16, workspaces: 24, workspace_count: 32, depth: 40, flags: 44,
    progress: 48,
});

/// The same as Rust has it.
#[derive(Default)]
struct Where {
    paths: Vec<PathBuf>,
    workspaces: Vec<PathBuf>,
    is_deep: bool,
    is_fresh: bool,
    is_unrecorded: bool,
    progress: Progress,
}

impl Where {
    fn of(engine: &Engine, look: *const aios_look) -> Result<Where, Error> {
        let Some(look) = read_maybe(look)? else { return Ok(Where::default()) };
        let read = |first, count, what: &str| -> Result<Vec<PathBuf>, Error> {
            let all = paths(list(first, count, what)?, what)?;
            Ok(all.iter().map(|path| engine.host.absolute(path)).collect())
        };
        const USUAL: u32 = aios_depth::Usual as u32;
        const DEEP: u32 = aios_depth::Deep as u32;
        let is_deep = match look.depth {
            0 | USUAL => false,
            DEEP => true,
            odd => return Err(Error::argument(format_args!("there is no depth {odd}"))),
        };
        if look.flags & !(AIOS_LOOK_FRESH | AIOS_LOOK_UNRECORDED) != 0 {
            return Err(Error::argument(format_args!("there is no such flag: {:#x}", look.flags)));
        }
        Ok(Where {
            paths: read(look.paths, look.path_count, "`paths`")?,
            workspaces: read(look.workspaces, look.workspace_count, "`workspaces`")?,
            is_deep,
            is_fresh: look.flags & AIOS_LOOK_FRESH != 0,
            is_unrecorded: look.flags & AIOS_LOOK_UNRECORDED != 0,
            progress: Progress::of(look.progress)?,
        })
    }

    fn look(self, engine: &Engine, depth: Depth) -> Result<Inspection, Error> {
        let (standing, missing): (Vec<PathBuf>, Vec<PathBuf>) =
            self.paths.into_iter().partition(|path| path.symlink_metadata().is_ok());
        // Without any path the request would mean the whole machine.
        let mut inspection = if standing.is_empty() && !missing.is_empty() {
            Inspection::default()
        } else {
            let cache = if self.is_fresh { None } else { engine::cache_file(&engine.host) };
            inspect(
                &engine.host,
                &Request {
                    paths: standing,
                    workspaces: self.workspaces,
                    depth,
                    limits: Limits::default(),
                    cache,
                    progress: self.progress.counts(),
                },
            )
        };
        let missing = missing.into_iter().map(|path| Problem::new(path, "does not exist"));
        inspection.problems.extend(missing);
        // What was seen until then is not all there is.
        self.progress.check()?;
        Ok(inspection)
    }
}

/// Finds environments. Their findings are those that marker and interpreter alone tell. `look` may be NULL:
/// every known place of this machine. Takes milliseconds for each hundred environments; walks take longer.
#[unsafe(no_mangle)]
pub extern "C" fn aios_find(
    engine: *const aios_engine,
    look: *const aios_look,
    environments: Option<&mut MaybeUninit<*mut aios_environments>>,
) -> aios_status {
    guard("aios_find", || {
        let out = needed(environments, "`environments`")?;
        let engine = handle::get::<Engine>(engine)?;
        let seen = Where::of(&engine, look)?.look(&engine, Depth::Outline)?;
        out.write(handle::open(environments_of(seen)));
        Ok(())
    })
}

/// Finds environments and says what is wrong with each, and remembers what it sees. `look` may be NULL. That it
/// cannot be remembered is one of the problems, not a failure.
#[unsafe(no_mangle)]
pub extern "C" fn aios_check(
    engine: *const aios_engine,
    look: *const aios_look,
    environments: Option<&mut MaybeUninit<*mut aios_environments>>,
) -> aios_status {
    guard("aios_check", || {
        let out = needed(environments, "`environments`")?;
        let engine = handle::get::<Engine>(engine)?;
        let place = Where::of(&engine, look)?;
        let depth = if place.is_deep { Depth::Deep } else { Depth::Usual };
        let (is_everything, is_unrecorded) = (place.paths.is_empty(), place.is_unrecorded);
        let mut seen = place.look(&engine, depth)?;
        // Without a folder nothing is to be remembered.
        if !is_unrecorded && engine.folder().is_ok() {
            let looked = Looked { depth, whole: is_everything, reason: "check" };
            seen.problems.extend(remember(&engine, &seen, looked));
        }
        out.write(handle::open(environments_of(seen)));
        Ok(())
    })
}

/// Records what was seen; returns what could not be.
pub(crate) fn remember(engine: &Engine, seen: &Inspection, looked: Looked<'_>) -> Vec<Problem> {
    let record = || Ok(engine.writer()?.record(seen, looked)?.problems);
    record().unwrap_or_else(|error: Error| {
        let folder = engine.folder().unwrap_or(Path::new(""));
        vec![Problem::new(folder, format!("does not remember what was seen: {}", error.message))]
    })
}

fn environments_of(seen: Inspection) -> Environments {
    let rows = seen.environments.iter().map(Row::of).collect();
    Environments::Rows(rows, seen.problems)
}
