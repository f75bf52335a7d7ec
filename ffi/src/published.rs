//! A list of environments that another process published, read in place.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aios_core::Status;
use aios_core::publish::environments::{Environment, Environments, Finding, Path};
use aios_core::publish::{self, View};

use crate::environments::{
    AIOS_ENVIRONMENT_EXTERNALLY_MANAGED, AIOS_ENVIRONMENT_REPAIRABLE, AIOS_ENVIRONMENT_VIRTUAL,
    aios_environment, aios_finding, aios_health, aios_problem, aios_severity,
};
use crate::status::{Error, aios_status};
use crate::view::aios_str;

/// A reader of what is published, which lists keep for as long as they are open.
pub(crate) struct Shared {
    reader: publish::Reader,
    /// Held by whoever pins or unpins.
    gate: Mutex<()>,
}

// SAFETY: what of a reader is not for many threads is its set of used pins, which pinning and dropping a view
// alone read and write. Both happen here, in `Pinned::of` and in its `drop`, which hold the gate. The rest is
// shared memory, which is read by atomics, and fields that never change.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(crate) fn of(reader: publish::Reader) -> Shared {
        Shared { reader, gate: Mutex::default() }
    }

    pub(crate) fn version(&self) -> u64 {
        self.reader.version()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.reader.is_closed()
    }

    pub(crate) fn is_published(&self) -> Result<bool, Error> {
        Ok(self.reader.is_published()?)
    }
}

/// A state that is pinned until this is dropped.
pub(crate) struct Pinned {
    /// Of the bytes of `view`.
    pub(crate) list: Environments<'static>,
    /// Borrows `reader`; taken in `drop`, and nowhere else.
    view: Option<View<'static>>,
    reader: Arc<Shared>,
    /// Of each environment, of each of its findings, the paths: made when the first is asked for.
    paths: OnceLock<Vec<Vec<Box<[aios_str]>>>>,
}

// SAFETY: a view is not for many threads because of the reader that it borrows: see `Shared`. Here it is read only,
// and dropped under the gate.
unsafe impl Send for Pinned {}
// SAFETY: as above.
unsafe impl Sync for Pinned {}

impl Pinned {
    /// Pins what is published now. `None` before anything is.
    pub(crate) fn of(reader: &Arc<Shared>) -> Result<Option<Pinned>, Error> {
        let _pinning = reader.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(view) = reader.reader.pin()? else { return Ok(None) };
        // SAFETY: what is borrowed is the reader, which `Pinned` keeps by its count and does not move, and drops
        // after the view: `drop` takes the view first.
        let view: View<'static> = unsafe { std::mem::transmute::<View<'_>, View<'static>>(view) };
        let bytes: *const [u8] = view.bytes();
        // SAFETY: the bytes are mapped as long as the reader lives, and do not change until the view is dropped;
        // `list`, and what it lends, is used while `self` is there only. Views in C end with their handle.
        let list = Environments::of(unsafe { &*bytes });
        let list = list.map_err(|error| {
            let hint = "end `aios serve`, and start that of this version";
            Error::new(aios_status::TooNew, error, hint)
        })?;
        let reader = Arc::clone(reader);
        Ok(Some(Pinned { list, view: Some(view), reader, paths: OnceLock::new() }))
    }

    pub(crate) fn version(&self) -> u64 {
        self.view.as_ref().map_or(0, View::version)
    }

    pub(crate) fn environment(&self, index: usize) -> Option<aios_environment> {
        self.list.get(index).map(|one| view_of(&one))
    }

    pub(crate) fn finding(&self, environment: usize, index: usize) -> Option<aios_finding> {
        let finding = self.list.get(environment)?.findings().nth(index)?;
        let paths = self.paths.get_or_init(|| self.list.iter().map(|one| paths_of(&one)).collect());
        Some(finding_of(&finding, &paths[environment][index]))
    }

    pub(crate) fn problem(&self, index: usize) -> Option<aios_problem> {
        self.list.problems().nth(index).map(|problem| aios_problem {
            struct_size: size_of::<aios_problem>(),
            path: path(problem.path),
            message: aios_str::of(problem.message),
        })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _unpinning = self.reader.gate.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.view.take());
    }
}

fn path(path: Path<'_>) -> aios_str {
    aios_str::of_bytes(path.bytes())
}

fn paths_of(environment: &Environment<'_>) -> Vec<Box<[aios_str]>> {
    environment.findings().map(|finding| finding.paths().map(path).collect()).collect()
}

fn view_of(one: &Environment<'_>) -> aios_environment {
    let set = |is: bool, flag: u32| if is { flag } else { 0 };
    let some_path = |some: Option<Path<'_>>| some.map_or(aios_str::NONE, path);
    aios_environment {
        struct_size: size_of::<aios_environment>(),
        id: aios_str::of(one.id()),
        kind: aios_str::of(one.kind()),
        name: aios_str::maybe(one.name()),
        prefix: path(one.prefix()),
        executable: some_path(one.executable()),
        version: aios_str::maybe(one.version()),
        implementation: aios_str::maybe(one.implementation()),
        architecture: aios_str::maybe(one.architecture()),
        base_prefix: some_path(one.base_prefix()),
        manager: aios_str::maybe(one.manager()),
        project: some_path(one.project()),
        found: aios_str::maybe(one.found_by().next().map(|found| found.detail)),
        health: match one.status() {
            Status::Healthy => aios_health::Healthy,
            Status::Warning => aios_health::Warning,
            Status::Broken => aios_health::Broken,
        } as u32,
        flags: set(one.is_externally_managed(), AIOS_ENVIRONMENT_EXTERNALLY_MANAGED)
            | set(one.is_virtual(), AIOS_ENVIRONMENT_VIRTUAL)
            | set(one.is_repairable(), AIOS_ENVIRONMENT_REPAIRABLE),
        finding_count: one.findings().len(),
    }
}

fn finding_of(finding: &Finding<'_>, paths: &[aios_str]) -> aios_finding {
    aios_finding {
        struct_size: size_of::<aios_finding>(),
        code: aios_str::of(finding.code()),
        message: aios_str::of(finding.message()),
        meaning: aios_str::of(finding.meaning()),
        effect: aios_str::of(finding.effect()),
        remedy: aios_str::of(finding.remedy()),
        paths: paths.as_ptr(),
        path_count: paths.len(),
        severity: aios_severity::from(finding.severity()) as u32,
        reserved: 0,
    }
}
