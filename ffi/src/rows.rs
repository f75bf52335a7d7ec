//! Environments in the texts that go out, whether they stand on disk or are remembered.

use std::path::{Path, PathBuf};

use aios_core::engine::State;
use aios_core::environments::inspection::Inspected;
use aios_core::index::fractal;
use aios_core::{Code, Environment, EnvironmentId, Finding, Severity, Status};

use crate::environments::{
    AIOS_ENVIRONMENT_EXTERNALLY_MANAGED, AIOS_ENVIRONMENT_REPAIRABLE, AIOS_ENVIRONMENT_VIRTUAL,
    aios_environment, aios_finding, aios_health, aios_severity,
};
use crate::view::aios_str;

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
    pub(crate) findings: Vec<FindingRow>,
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
        let Inspected { environment, findings, .. } = inspected;
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

/// For lists of what is remembered: sorted as those of what stands on disk are.
pub(crate) fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| Path::cmp(&a.prefix, &b.prefix).then_with(|| a.id.cmp(&b.id)));
    rows
}
