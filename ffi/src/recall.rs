//! `aios_recall`: which remembered environments are like one, or had some packages.

use std::mem::MaybeUninit;

use aios_core::engine::recall::{self, Cue, Recalled};
use aios_core::engine::{self, Kept};

use crate::boundary::{guard, needed};
use crate::engine::{Engine, aios_engine};
use crate::environments::aios_environment;
use crate::handle::{self, Kind, Object};
use crate::rows::Row;
use crate::sized::{fill, read, sized};
use crate::status::{Error, aios_status, at};
use crate::view::{aios_str, list, texts};

/// Remembered environments that were most like what was asked for, the most alike first.
pub struct aios_recollections {
    _opaque: [u8; 0],
}

/// What to recall: either a prefix or packages.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_cue {
    pub struct_size: usize,
    /// An environment that is or was remembered: others that are like what is left of it. A path.
    pub prefix: aios_str,
    /// Distributions that were installed, each a name or `name==version`.
    pub packages: *const aios_str,
    pub package_count: usize,
    /// At most so many; 0 for the usual 5.
    pub most: u32,
    pub reserved: u32,
}

sized!(aios_cue: 48 { prefix: 8, packages: 24, package_count: 32, most: 40, reserved: 44 });

/// A remembered environment that is like what was asked for.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_recollection {
    pub struct_size: usize,
    /// The last snapshot in which it was so.
    pub snapshot: u64,
    /// When that was taken, in milliseconds since 1970.
    pub time_ms: u64,
    /// What both have, of what either has: 0 to 1.
    pub similarity: f64,
    /// How much of what was asked for it had.
    pub shared: u64,
    /// 1 when both were counted; 0 when they are estimated from what is left of a damaged index.
    pub is_exact: u32,
    pub reserved: u32,
}

sized!(aios_recollection: 48 {
    snapshot: 8, time_ms: 16, similarity: 24, shared: 32, is_exact: 40, reserved: 44,
});

const USUAL: usize = 5;
const MOST: usize = 1000;

struct Recollections(Vec<(Recalled, Row)>);

impl Object for Recollections {
    type C = aios_recollections;
    const KIND: Kind = Kind::Recollections;
}

/// What is asked for, and whom not to name: what an environment is itself says nothing.
fn asked(
    engine: &Engine,
    kept: &[Kept],
    cue: &aios_cue,
) -> Result<(Cue, Vec<aios_core::EnvironmentId>), Error> {
    let packages = list(cue.packages, cue.package_count, "`packages`")?;
    let packages = texts(packages, "a package")?;
    match (cue.prefix.path("`prefix`")?, packages.is_empty()) {
        (Some(_), false) => Err(Error::argument("a prefix and packages are two questions")),
        (None, true) => Err(Error::argument("there is neither a prefix nor a package")),
        (None, false) => Ok((Cue::of_packages(packages), Vec::new())),
        (Some(prefix), true) => {
            let prefix = engine.host.absolute(&prefix);
            let prefix = aios_core::fs::canonical(&prefix).unwrap_or(prefix);
            let ids = engine::identities(kept, &prefix)?;
            for id in &ids {
                for one in kept.iter().rev() {
                    if let Some(state) = one.environment(id)? {
                        return Ok((Cue::of(&state)?, ids));
                    }
                }
            }
            let message = format!("nothing is remembered of `{}`", prefix.display());
            Err(Error::new(aios_status::NotFound, message, "`aios_check` remembers what it sees"))
        }
    }
}

/// The remembered environments that are most like what is asked for. None is fine.
#[unsafe(no_mangle)]
pub extern "C" fn aios_recall(
    engine: *const aios_engine,
    cue: *const aios_cue,
    recollections: Option<&mut MaybeUninit<*mut aios_recollections>>,
) -> aios_status {
    guard("aios_recall", || {
        let out = needed(recollections, "`recollections`")?;
        let engine = handle::get::<Engine>(engine)?;
        let cue = read(cue)?;
        let kept = match engine.memory()? {
            Some(memory) => memory.kept()?,
            None => Vec::new(),
        };
        let most = match cue.most as usize {
            0 => USUAL,
            most => most.min(MOST),
        };
        let (cue, own) = asked(&engine, &kept, &cue)?;
        let index = recall::index(engine.folder()?, &kept)?;
        let mut found = Vec::new();
        let alike = recall::like(&kept, &index, &cue, most + own.len())?;
        for one in alike.into_iter().filter(|one| !own.contains(&one.id)).take(most) {
            let row = Row::remembered(&one.id, &one.state)?;
            found.push((one, row));
        }
        out.write(handle::open(Recollections(found)));
        Ok(())
    })
}

/// How many there are.
#[unsafe(no_mangle)]
pub extern "C" fn aios_recollections_count(
    recollections: *const aios_recollections,
    count: Option<&mut MaybeUninit<usize>>,
) -> aios_status {
    guard("aios_recollections_count", || {
        let count = needed(count, "`count`")?;
        count.write(handle::get::<Recollections>(recollections)?.0.len());
        Ok(())
    })
}

/// The environment at an index from 0, as it was then.
#[unsafe(no_mangle)]
pub extern "C" fn aios_recollections_environment(
    recollections: *const aios_recollections,
    index: usize,
    environment: *mut aios_environment,
) -> aios_status {
    guard("aios_recollections_environment", || {
        let all = handle::get::<Recollections>(recollections)?;
        let (_, row) = at(&all.0, index)?;
        fill(environment, &row.view())
    })
}

/// How alike the one at an index from 0 is, and when it was so.
#[unsafe(no_mangle)]
pub extern "C" fn aios_recollections_get(
    recollections: *const aios_recollections,
    index: usize,
    recollection: *mut aios_recollection,
) -> aios_status {
    guard("aios_recollections_get", || {
        let all = handle::get::<Recollections>(recollections)?;
        let (recalled, _) = at(&all.0, index)?;
        fill(
            recollection,
            &aios_recollection {
                struct_size: size_of::<aios_recollection>(),
                snapshot: recalled.snapshot.id.0,
                time_ms: recalled.snapshot.about.time_ms,
                similarity: recalled.found.similarity,
                shared: recalled.found.shared as u64,
                is_exact: u32::from(recalled.found.exact),
                reserved: 0,
            },
        )
    })
}

/// Closes the list; its views end.
#[unsafe(no_mangle)]
pub extern "C" fn aios_recollections_close(recollections: *mut aios_recollections) -> aios_status {
    guard("aios_recollections_close", || handle::close::<Recollections>(recollections))
}
