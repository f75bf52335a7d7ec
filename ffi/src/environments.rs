//! `aios_environments`: environments and what is wrong with each, as a list that never changes.

use std::mem::MaybeUninit;
use std::path::Path;

use aios_core::Problem;

use crate::boundary::{guard, needed};
use crate::handle::{self, Kind, Object};
use crate::published::Pinned;
use crate::rows::Row;
use crate::sized::{fill, sized};
use crate::status::{Error, aios_status, at, beyond};
use crate::view::aios_str;

/// Environments, sorted by prefix, their findings, and what could not be looked at.
pub struct aios_environments {
    _opaque: [u8; 0],
}

/// How well an environment is.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum aios_health {
    /// Nothing worse than information.
    Healthy = 1,
    /// It works; something is odd.
    Warning = 2,
    /// Something does not work.
    Broken = 3,
}

/// How bad a finding is.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum aios_severity {
    /// Odd, and fine.
    Info = 1,
    /// Works, and will surprise.
    Warning = 2,
    /// Something does not work.
    Error = 3,
}

/// It is marked as managed by the system (PEP 668): nothing is installed there.
pub const AIOS_ENVIRONMENT_EXTERNALLY_MANAGED: u32 = 1;
/// It stands on another installation.
pub const AIOS_ENVIRONMENT_VIRTUAL: u32 = 2;
/// It is one that `aios_repair_plan` plans for, if it is the user's own.
pub const AIOS_ENVIRONMENT_REPAIRABLE: u32 = 4;

/// An environment. What is not known is absent.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_environment {
    pub struct_size: usize,
    /// The same on every run.
    pub id: aios_str,
    /// What made it ("venv", "conda-env", "uv-managed").
    pub kind: aios_str,
    /// The name its tool gives it.
    pub name: aios_str,
    /// `sys.prefix`: a path.
    pub prefix: aios_str,
    /// `sys.executable`: a path.
    pub executable: aios_str,
    /// The version of Python, as exact as files tell it ("3.12.3").
    pub version: aios_str,
    /// `sys.implementation.name` ("cpython").
    pub implementation: aios_str,
    /// What the interpreter was built for ("x86_64").
    pub architecture: aios_str,
    /// `sys.base_prefix`: a path.
    pub base_prefix: aios_str,
    /// The tool that owns it.
    pub manager: aios_str,
    /// The folder of the project that it belongs to: a path.
    pub project: aios_str,
    /// Why it was found, in words.
    pub found: aios_str,
    /// The worst finding in one word: an `aios_health`.
    pub health: u32,
    /// A set of `AIOS_ENVIRONMENT_...`.
    pub flags: u32,
    /// How many findings it has.
    pub finding_count: usize,
}

sized!(aios_environment: 216 {
    id: 8, kind: 24, name: 40, prefix: 56, executable: 72, version: 88, implementation: 104,
    architecture: 120, base_prefix: 136, manager: 152, project: 168, found: 184, health: 200,
    flags: 204, finding_count: 208,
});

/// One fact about an environment that somebody should know.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_finding {
    pub struct_size: usize,
    /// Its code ("pyvenv-cfg-missing"). Codes are added, never renamed.
    pub code: aios_str,
    /// The evidence in one sentence.
    pub message: aios_str,
    /// What the code means, in one phrase.
    pub meaning: aios_str,
    /// What it causes.
    pub effect: aios_str,
    /// What to do about it.
    pub remedy: aios_str,
    /// The files and folders concerned.
    pub paths: *const aios_str,
    pub path_count: usize,
    /// How bad it is: an `aios_severity`.
    pub severity: u32,
    pub reserved: u32,
}

sized!(aios_finding: 112 {
    code: 8, message: 24, meaning: 40, effect: 56, remedy: 72, paths: 88, path_count: 96, severity: 104,
    reserved: 108,
});

/// Something that could not be looked at. The rest stands.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_problem {
    pub struct_size: usize,
    /// What it is: a path.
    pub path: aios_str,
    /// Why, in one sentence.
    pub message: aios_str,
}

sized!(aios_problem: 40 { path: 8, message: 24 });

/// What is behind the list.
pub(crate) enum Environments {
    /// What this process looked at, or what is remembered.
    Rows(Vec<Row>, Vec<Problem>),
    /// What another process published, in place.
    Published(Pinned),
}

impl Object for Environments {
    type C = aios_environments;
    const KIND: Kind = Kind::Environments;
}

impl Environments {
    fn len(&self) -> usize {
        match self {
            Environments::Rows(rows, _) => rows.len(),
            Environments::Published(pinned) => pinned.list.len(),
        }
    }

    fn problem_count(&self) -> usize {
        match self {
            Environments::Rows(_, problems) => problems.len(),
            Environments::Published(pinned) => pinned.list.problems().len(),
        }
    }

    fn get(&self, index: usize) -> Result<aios_environment, Error> {
        match self {
            Environments::Rows(rows, _) => Ok(at(rows, index)?.view()),
            Environments::Published(pinned) => {
                pinned.environment(index).ok_or_else(|| beyond(index, self.len()))
            }
        }
    }

    fn finding(&self, environment: usize, index: usize) -> Result<aios_finding, Error> {
        match self {
            Environments::Rows(rows, _) => Ok(at(&at(rows, environment)?.findings, index)?.view()),
            Environments::Published(pinned) => {
                let count = self.get(environment)?.finding_count;
                pinned.finding(environment, index).ok_or_else(|| beyond(index, count))
            }
        }
    }

    fn problem(&self, index: usize) -> Result<aios_problem, Error> {
        match self {
            Environments::Rows(_, problems) => {
                let Problem { path, message } = at(problems, index)?;
                Ok(aios_problem {
                    struct_size: size_of::<aios_problem>(),
                    path: aios_str::of_path(path),
                    message: aios_str::of(message),
                })
            }
            Environments::Published(pinned) => {
                pinned.problem(index).ok_or_else(|| beyond(index, self.problem_count()))
            }
        }
    }

    fn position(&self, prefix: &Path) -> Option<usize> {
        match self {
            Environments::Rows(rows, _) => rows.iter().position(|row| row.prefix == prefix),
            Environments::Published(pinned) => {
                let bytes = prefix.as_os_str().as_encoded_bytes();
                pinned.list.iter().position(|one| one.prefix().bytes() == bytes)
            }
        }
    }
}

/// How many environments there are.
#[unsafe(no_mangle)]
pub extern "C" fn aios_environments_count(
    environments: *const aios_environments,
    count: Option<&mut MaybeUninit<usize>>,
) -> aios_status {
    guard("aios_environments_count", || {
        let count = needed(count, "`count`")?;
        count.write(handle::get::<Environments>(environments)?.len());
        Ok(())
    })
}

/// The environment at an index from 0. `AIOS_STATUS_NOT_FOUND` beyond the last one.
#[unsafe(no_mangle)]
pub extern "C" fn aios_environments_get(
    environments: *const aios_environments,
    index: usize,
    environment: *mut aios_environment,
) -> aios_status {
    guard("aios_environments_get", || {
        let all = handle::get::<Environments>(environments)?;
        fill(environment, &all.get(index)?)
    })
}

/// A finding of an environment, the worst first; both by their indices.
#[unsafe(no_mangle)]
pub extern "C" fn aios_environments_finding(
    environments: *const aios_environments,
    environment: usize,
    index: usize,
    finding: *mut aios_finding,
) -> aios_status {
    guard("aios_environments_finding", || {
        let all = handle::get::<Environments>(environments)?;
        fill(finding, &all.finding(environment, index)?)
    })
}

/// The environment with a prefix, as it was put out or as a user would type it.
#[unsafe(no_mangle)]
pub extern "C" fn aios_environments_by_prefix(
    environments: *const aios_environments,
    prefix: aios_str,
    index: Option<&mut MaybeUninit<usize>>,
) -> aios_status {
    guard("aios_environments_by_prefix", || {
        let index = needed(index, "`index`")?;
        let all = handle::get::<Environments>(environments)?;
        let prefix = prefix.path("`prefix`")?.unwrap_or_default();
        let canonical = || all.position(&aios_core::fs::canonical(&prefix).ok()?);
        let missing = || Error::not_found(format_args!("`{}` is not among them", prefix.display()));
        index.write(all.position(&prefix).or_else(canonical).ok_or_else(missing)?);
        Ok(())
    })
}

/// How many things could not be looked at.
#[unsafe(no_mangle)]
pub extern "C" fn aios_environments_problem_count(
    environments: *const aios_environments,
    count: Option<&mut MaybeUninit<usize>>,
) -> aios_status {
    guard("aios_environments_problem_count", || {
        let count = needed(count, "`count`")?;
        count.write(handle::get::<Environments>(environments)?.problem_count());
        Ok(())
    })
}

/// The problem at an index from 0.
#[unsafe(no_mangle)]
pub extern "C" fn aios_environments_problem(
    environments: *const aios_environments,
    index: usize,
    problem: *mut aios_problem,
) -> aios_status {
    guard("aios_environments_problem", || {
        let all = handle::get::<Environments>(environments)?;
        fill(problem, &all.problem(index)?)
    })
}

/// Closes the list; its views end.
#[unsafe(no_mangle)]
pub extern "C" fn aios_environments_close(environments: *mut aios_environments) -> aios_status {
    guard("aios_environments_close", || handle::close::<Environments>(environments))
}
