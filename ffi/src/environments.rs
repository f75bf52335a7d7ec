//! `aios_environments`: environments and what is wrong with each, as a list that never changes.

use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};

use aios_core::engine::State;
use aios_core::environments::inspection::Inspected;
use aios_core::index::fractal;
use aios_core::{Code, Environment, EnvironmentId, Finding, Problem, Severity, Status};

use crate::boundary::{guard, needed};
use crate::handle::{self, Kind, Object};
use crate::sized::{fill, sized};
use crate::status::{Error, aios_status, at};
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
#[derive(Default)]
pub(crate) struct Environments {
    pub(crate) rows: Vec<Row>,
    pub(crate) problems: Vec<Problem>,
}

impl Object for Environments {
    type C = aios_environments;
    const KIND: Kind = Kind::Environments;
}

/// An environment that stands on disk, or one that is remembered, in the texts that go out.
pub(crate) struct Row {
    id: String,
    kind: String,
    name: Option<String>,
    pub(crate) prefix: PathBuf,
    executable: Option<PathBuf>,
    version: Option<String>,
    implementation: Option<String>,
    architecture: Option<String>,
    base_prefix: Option<PathBuf>,
    manager: Option<String>,
    project: Option<PathBuf>,
    found: Option<String>,
    health: aios_health,
    flags: u32,
    findings: Vec<FindingRow>,
}

pub(crate) struct FindingRow {
    code: String,
    message: String,
    /// `None` for one that another version of aios wrote, of a code that this one does not know.
    known: Option<Code>,
    severity: aios_severity,
    paths: Paths,
}

/// Paths with the views of them that go out.
#[derive(Default)]
pub(crate) struct Paths {
    views: Box<[aios_str]>,
    /// What the views lead to.
    _paths: Vec<PathBuf>,
}

impl Paths {
    pub(crate) fn of(paths: Vec<PathBuf>) -> Paths {
        // The bytes of a path stay where they are when the list of paths is moved.
        Paths { views: paths.iter().map(|path| aios_str::of_path(path)).collect(), _paths: paths }
    }

    pub(crate) fn view(&self) -> (*const aios_str, usize) {
        (self.views.as_ptr(), self.views.len())
    }
}

impl From<Severity> for aios_severity {
    fn from(severity: Severity) -> aios_severity {
        match severity {
            Severity::Info => aios_severity::Info,
            Severity::Warning => aios_severity::Warning,
            Severity::Error => aios_severity::Error,
        }
    }
}

impl From<Status> for aios_health {
    fn from(status: Status) -> aios_health {
        match status {
            Status::Healthy => aios_health::Healthy,
            Status::Warning => aios_health::Warning,
            Status::Broken => aios_health::Broken,
        }
    }
}

impl From<&Finding> for FindingRow {
    fn from(finding: &Finding) -> FindingRow {
        FindingRow {
            code: finding.code.as_str().to_owned(),
            message: finding.message.clone(),
            known: Some(finding.code),
            severity: finding.severity.into(),
            paths: Paths::of(finding.paths.clone()),
        }
    }
}

impl Row {
    pub(crate) fn of(inspected: &Inspected) -> Row {
        let Inspected { environment, findings } = inspected;
        let version = environment.version.as_ref().map(ToString::to_string);
        Row {
            id: environment.id.0.clone(),
            kind: environment.kind.as_str().to_owned(),
            name: environment.name.clone(),
            prefix: environment.prefix.clone(),
            executable: environment.executable.clone(),
            version,
            implementation: environment.implementation.map(|one| one.name().to_owned()),
            architecture: environment.architecture.map(|one| one.as_str().to_owned()),
            base_prefix: environment.base_prefix.clone(),
            manager: environment.manager.clone(),
            project: environment.project.clone(),
            found: environment.found_by.first().map(|found| found.detail.clone().into_owned()),
            health: inspected.status().into(),
            flags: flags(environment),
            findings: findings.iter().map(FindingRow::from).collect(),
        }
    }

    /// What is remembered of an environment.
    pub(crate) fn remembered(id: &EnvironmentId, state: &State) -> Result<Row, fractal::Error> {
        let findings = state.findings()?.into_iter().map(|found| FindingRow {
            known: Code::ALL.iter().copied().find(|code| code.as_str() == found.code),
            code: found.code,
            message: found.message,
            severity: match found.severity {
                fractal::Severity::Error => aios_severity::Error,
                fractal::Severity::Warning => aios_severity::Warning,
                _ => aios_severity::Info,
            },
            paths: Paths::of(found.paths),
        });
        Ok(Row {
            findings: findings.collect(),
            id: id.0.clone(),
            kind: state.fact("kind")?.unwrap_or_default(),
            name: state.fact("name")?,
            prefix: state.prefix()?,
            executable: state.path("executable")?,
            version: state.fact("version")?,
            implementation: state.fact("implementation")?,
            architecture: state.fact("architecture")?,
            base_prefix: state.path("base-prefix")?,
            manager: state.fact("manager")?,
            project: state.path("project")?,
            found: None,
            health: state.status().into(),
            flags: 0,
        })
    }

    pub(crate) fn view(&self) -> aios_environment {
        let text = |text: &Option<String>| aios_str::maybe(text.as_deref());
        let path = |path: &Option<PathBuf>| aios_str::maybe_path(path.as_deref());
        aios_environment {
            struct_size: size_of::<aios_environment>(),
            id: aios_str::of(&self.id),
            kind: aios_str::of(&self.kind),
            name: text(&self.name),
            prefix: aios_str::of_path(&self.prefix),
            executable: path(&self.executable),
            version: text(&self.version),
            implementation: text(&self.implementation),
            architecture: text(&self.architecture),
            base_prefix: path(&self.base_prefix),
            manager: text(&self.manager),
            project: path(&self.project),
            found: text(&self.found),
            health: self.health as u32,
            flags: self.flags,
            finding_count: self.findings.len(),
        }
    }
}

fn flags(environment: &Environment) -> u32 {
    let set = |is: bool, flag: u32| if is { flag } else { 0 };
    set(environment.externally_managed, AIOS_ENVIRONMENT_EXTERNALLY_MANAGED)
        | set(environment.is_virtual(), AIOS_ENVIRONMENT_VIRTUAL)
        | set(environment.is_repairable(), AIOS_ENVIRONMENT_REPAIRABLE)
}

impl FindingRow {
    pub(crate) fn view(&self) -> aios_finding {
        let of_code = |text: fn(Code) -> &'static str| aios_str::maybe(self.known.map(text));
        let (paths, path_count) = self.paths.view();
        aios_finding {
            struct_size: size_of::<aios_finding>(),
            code: aios_str::of(&self.code),
            message: aios_str::of(&self.message),
            meaning: of_code(Code::meaning),
            effect: of_code(Code::effect),
            remedy: of_code(Code::remedy),
            paths,
            path_count,
            severity: self.severity as u32,
            reserved: 0,
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
        count.write(handle::get::<Environments>(environments)?.rows.len());
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
        fill(environment, &at(&all.rows, index)?.view())
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
        fill(finding, &at(&at(&all.rows, environment)?.findings, index)?.view())
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
        let canonical = aios_core::fs::canonical(&prefix).ok();
        let is_it = |row: &Row| row.prefix == prefix || Some(&row.prefix) == canonical.as_ref();
        let missing = || Error::not_found(format_args!("`{}` is not among them", prefix.display()));
        index.write(all.rows.iter().position(is_it).ok_or_else(missing)?);
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
        count.write(handle::get::<Environments>(environments)?.problems.len());
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
        let Problem { path, message } = at(&all.problems, index)?;
        fill(
            problem,
            &aios_problem {
                struct_size: size_of::<aios_problem>(),
                path: aios_str::of_path(path),
                message: aios_str::of(message),
            },
        )
    })
}

/// Closes the list; its views end.
#[unsafe(no_mangle)]
pub extern "C" fn aios_environments_close(environments: *mut aios_environments) -> aios_status {
    guard("aios_environments_close", || handle::close::<Environments>(environments))
}

/// For lists of what is remembered: sorted as those of what stands on disk are.
pub(crate) fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| Path::cmp(&a.prefix, &b.prefix).then_with(|| a.id.cmp(&b.id)));
    rows
}
