//! `manifest.json` of a backup: what was there, for programs. This text is its specification.
//!
//! One JSON object in UTF-8. Fields may be added, also in the middle; none is renamed or removed, and none
//! changes its type, within version 1. What has no value is `null`. A path is a string where it is UTF-8, else
//! `{"bytes": "<base64>"}`; it is one of the machine that the backup was made on. A member is the name of
//! another file in the archive.
//!
//! | field | |
//! |---|---|
//! | `schema` | `aios.manifest/1` |
//! | `written_by` | the program, with its version |
//! | `created` | `2026-11-22T06:14:09.123Z` |
//! | `machine` | `platform` (`linux`, `macos`, `windows`), `architecture`, `home` (path or null) |
//! | `active` | identity of the environment that the user chose, or null |
//! | `environments` | sorted by prefix; below |
//! | `interpreters` | which Pythons the environments stand on; below |
//! | `projects` | folders with files that say what to install; below |
//! | `snapshot` | what was remembered: `member` (an image of a context, `docs/format.md`), `number`, `created`; or null |
//! | `left_out` | what could not be looked at or kept: `path`, `message` |
//! | `members` | every other file of the archive: `name`, `bytes`, `sha256` (64 hexadecimal digits) |
//!
//! An **environment**: the fields `id`, `kind`, `name`, `prefix`, `executable`, `version`, `implementation`,
//! `abi_flags`, `architecture`, `base_prefix`, `base_executable`, `manager`, `project`, `created_by`,
//! `externally_managed` and `status` as `aios check` has them, and
//!
//! | field | |
//! |---|---|
//! | `findings` | codes of errors and warnings |
//! | `is_own` | whether somebody made it to install into; else others stand on it, or a system owns it |
//! | `is_copy` | whether its interpreter is a copy, where it could be a link |
//! | `pyvenv_cfg` | member with the bytes of `pyvenv.cfg`, or null |
//! | `requirements` | member with a line for each distribution, for pip and uv, or null |
//! | `wheels` | member with the names of the wheels that are in the archive, for pip and uv, or null |
//! | `conda_explicit` | member with the packages of conda, for `conda create --file`, or null |
//! | `distributions` | `name` (normalized), `version`, `installer` or null, `requested` (whether it was asked for by name), `tags` (of its wheel), `direct_url` (the object of PEP 610 without secrets, or null), `checkout` (of the project that it links to or was built from, or null), `edited` (with wheels: whether files are not as they were installed; what was edited is in no wheel), `wheel` (`member`, and `rebuilt`: whether it was built again of what is installed, or is byte for byte the file that it was installed from; or null), `links` (of an editable install what leads to the project: `path`, `content`) |
//! | `loose` | what lies in site-packages and belongs to no distribution: `name`, `content` (null where it is not in the backup) |
//! | `conda` | `name` (with version and build), `url` or null, `md5` or null |
//!
//! An **interpreter**: `version`, `implementation`, `abi_flags`, `architecture`, `prefix`, `kind` (each may be
//! null) and `needed_by` (identities of environments).
//!
//! A **project**: `path`, `checkout` or null, `files` (`name`, `member`).
//!
//! A **checkout**: `system` (`git`, `hg`), `root` (path), `commit`, `branch`, `remote` (each may be null).

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::checkout::Checkout;
use super::saved_path::SavedPath;
use crate::environments::{EnvironmentId, Problem, Status};

/// What this program writes, and the newest that it reads.
pub const SCHEMA: &str = "aios.manifest/1";
/// 10,000 environments with 30 distributions take 25 MiB.
pub(super) const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// More is of no machine.
const MAX_ENVIRONMENTS: usize = 100_000;

/// What was on the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct Manifest {
    pub schema: String,
    pub written_by: String,
    pub created: String,
    pub machine: Machine,
    #[serde(default)]
    pub active: Option<EnvironmentId>,
    pub environments: Vec<SavedEnvironment>,
    pub interpreters: Vec<Interpreter>,
    pub projects: Vec<Project>,
    pub snapshot: Option<SavedSnapshot>,
    pub left_out: Vec<LeftOut>,
    pub members: Vec<Member>,
}

/// The machine that the backup was made on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct Machine {
    pub platform: String,
    pub architecture: String,
    pub home: Option<SavedPath>,
}

/// An environment or installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct SavedEnvironment {
    pub id: EnvironmentId,
    pub kind: String,
    pub name: Option<String>,
    pub prefix: SavedPath,
    pub executable: Option<SavedPath>,
    pub version: Option<String>,
    pub implementation: Option<String>,
    pub abi_flags: String,
    pub architecture: Option<String>,
    pub base_prefix: Option<SavedPath>,
    pub base_executable: Option<SavedPath>,
    pub manager: Option<String>,
    pub project: Option<SavedPath>,
    pub created_by: Option<String>,
    pub externally_managed: bool,
    pub status: Status,
    pub findings: Vec<String>,
    pub is_own: bool,
    pub is_copy: bool,
    pub pyvenv_cfg: Option<String>,
    pub requirements: Option<String>,
    pub wheels: Option<String>,
    pub conda_explicit: Option<String>,
    pub distributions: Vec<SavedDistribution>,
    #[serde(default)]
    pub loose: Vec<SavedLoose>,
    pub conda: Vec<CondaPackage>,
}

/// What was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct SavedDistribution {
    pub name: String,
    pub version: String,
    pub installer: Option<String>,
    pub requested: bool,
    pub tags: Vec<String>,
    pub direct_url: Option<serde_json::Value>,
    pub checkout: Option<Checkout>,
    #[serde(default)]
    pub edited: bool,
    pub wheel: Option<SavedWheel>,
    pub links: Vec<SavedLink>,
}

/// A wheel in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct SavedWheel {
    pub member: String,
    pub rebuilt: bool,
}

/// A file that leads to a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct SavedLink {
    pub path: String,
    pub content: String,
}

/// A file or folder of site-packages that belongs to no distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct SavedLoose {
    pub name: String,
    pub content: Option<String>,
}

/// What conda installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct CondaPackage {
    pub name: String,
    pub url: Option<String>,
    pub md5: Option<String>,
}

/// A Python that environments stand on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct Interpreter {
    pub version: Option<String>,
    pub implementation: Option<String>,
    pub abi_flags: String,
    pub architecture: Option<String>,
    pub prefix: Option<SavedPath>,
    pub kind: Option<String>,
    pub needed_by: Vec<EnvironmentId>,
}

/// A folder with files that say what to install.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct Project {
    pub path: SavedPath,
    pub checkout: Option<Checkout>,
    pub files: Vec<ProjectFile>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct ProjectFile {
    pub name: String,
    pub member: String,
}

/// What was remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct SavedSnapshot {
    pub member: String,
    pub number: u64,
    pub created: String,
}

/// What is not in the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct LeftOut {
    pub path: SavedPath,
    pub message: String,
}

impl From<&Problem> for LeftOut {
    fn from(problem: &Problem) -> LeftOut {
        LeftOut { path: SavedPath::from(&problem.path), message: problem.message.clone() }
    }
}

/// A file of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are specified above")]
pub struct Member {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

/// What the manifest of a newer program has in common with ours.
#[derive(Deserialize)]
struct Start {
    schema: String,
}

/// Why the bytes are no manifest of ours.
#[derive(Debug)]
pub(super) enum NotRead {
    /// As the end of a sentence that begins with the name.
    Bad(String),
    TooNew(String),
}

impl Manifest {
    pub(super) fn parse(bytes: &[u8]) -> Result<Manifest, NotRead> {
        let bad = |error: serde_json::Error| NotRead::Bad(format!("is no manifest: {error}"));
        let Start { schema } = serde_json::from_slice(bytes).map_err(bad)?;
        if schema != SCHEMA {
            let is_ours = schema.strip_prefix("aios.manifest/").is_some_and(|version| {
                !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit())
            });
            return Err(match is_ours {
                true => NotRead::TooNew(schema),
                false => NotRead::Bad("is no manifest of a backup".to_owned()),
            });
        }
        let manifest: Manifest = serde_json::from_slice(bytes).map_err(bad)?;
        manifest.check().map_err(NotRead::Bad)?;
        Ok(manifest)
    }

    /// What the types do not say: identities are of one environment each, and members are there.
    fn check(&self) -> Result<(), String> {
        if self.environments.len() > MAX_ENVIRONMENTS {
            return Err(format!("has more than {MAX_ENVIRONMENTS} environments"));
        }
        let mut ids = HashSet::new();
        if let Some(twice) = self.environments.iter().find(|one| !ids.insert(&one.id)) {
            return Err(format!("has two environments with the identity `{}`", twice.id));
        }
        let members = self.by_name();
        if members.len() != self.members.len() {
            return Err("lists a file twice".to_owned());
        }
        match self.references().find(|name| !members.contains_key(name)) {
            Some(name) => Err(format!("does not list `{name}`, which it names")),
            None => Ok(()),
        }
    }

    /// The members that others name.
    fn references(&self) -> impl Iterator<Item = &str> {
        let of_environments = self
            .environments
            .iter()
            .flat_map(|one| [&one.pyvenv_cfg, &one.requirements, &one.wheels, &one.conda_explicit])
            .flatten();
        let installed = self.environments.iter().flat_map(|one| &one.distributions);
        let of_wheels = installed.filter_map(|one| Some(&one.wheel.as_ref()?.member));
        let files = self.projects.iter().flat_map(|project| &project.files);
        let of_snapshot = self.snapshot.iter().map(|snapshot| &snapshot.member);
        let of_projects = files.map(|file| &file.member);
        of_environments.chain(of_wheels).chain(of_projects).chain(of_snapshot).map(String::as_str)
    }

    /// The members that are wheels which were built again.
    pub fn rebuilt_wheels(&self) -> BTreeSet<&str> {
        let installed = self.environments.iter().flat_map(|one| &one.distributions);
        let wheels = installed.filter_map(|one| one.wheel.as_ref());
        wheels.filter(|wheel| wheel.rebuilt).map(|wheel| wheel.member.as_str()).collect()
    }

    /// Every member by its name.
    pub(super) fn by_name(&self) -> HashMap<&str, &Member> {
        self.members.iter().map(|member| (member.name.as_str(), member)).collect()
    }
}

impl SavedEnvironment {
    /// `3.12`
    pub fn minor(&self) -> Option<String> {
        let version = self.version.as_deref()?;
        Some(version.split('.').take(2).collect::<Vec<_>>().join("."))
    }

    /// Whether conda or pixi made it.
    pub fn is_of_conda(&self) -> bool {
        ["conda-base", "conda-env", "pixi"].contains(&self.kind.as_str())
    }
}
