//! Small wheels for tests, and plans carried out at once, without a journal.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::record;
use crate::environments::facts::Scheme;
use crate::environments::health::packages::fabricated::Fabricated;
use crate::environments::health::{Code, Depth, Subject, examine};
use crate::environments::repair::change::{Archives, Change};
use crate::environments::repair::{Case, Options, Plan};

/// A wheel in the making.
pub(super) struct Built {
    name: &'static str,
    version: &'static str,
    tag: &'static str,
    header: String,
    files: Vec<(String, Vec<u8>)>,
    programs: Vec<String>,
}

impl Built {
    pub(super) fn new(name: &'static str, version: &'static str, tag: &'static str) -> Built {
        let (header, files, programs) = (String::new(), Vec::new(), Vec::new());
        Built { name, version, tag, header, files, programs }
    }

    pub(super) fn file(mut self, path: &str, content: &[u8]) -> Built {
        self.files.push((path.to_owned(), content.to_vec()));
        self
    }

    pub(super) fn program(mut self, path: &str, content: &[u8]) -> Built {
        self.programs.push(path.to_owned());
        self.file(path, content)
    }

    pub(super) fn requires(mut self, requirement: &str) -> Built {
        self.header.push_str(&format!("Requires-Dist: {requirement}\n"));
        self
    }

    pub(super) fn info(&self) -> String {
        format!("{}-{}.dist-info", self.name.replace('-', "_"), self.version)
    }

    /// Writes the archive. `record` may change what RECORD says.
    pub(super) fn write_with(&self, folder: &Path, edit: impl Fn(String) -> String) -> PathBuf {
        let (name, version) = (self.name, self.version);
        let path = folder.join(format!("{}-{version}-{}.whl", name.replace('-', "_"), self.tag));
        std::fs::create_dir_all(folder).unwrap();
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in self.members(edit) {
            let mode = if self.programs.contains(&path) { 0o755 } else { 0o644 };
            zip.start_file(&*path, SimpleFileOptions::default().unix_permissions(mode)).unwrap();
            zip.write_all(&content).unwrap();
        }
        std::fs::write(&path, zip.finish().unwrap().into_inner()).unwrap();
        path
    }

    pub(super) fn write(&self, folder: &Path) -> PathBuf {
        self.write_with(folder, |record| record)
    }

    /// Writes the files as uv keeps an unpacked wheel.
    pub(super) fn unpack(&self, folder: &Path) {
        for (path, content) in self.members(|record| record) {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }

    fn members(&self, edit: impl Fn(String) -> String) -> Vec<(String, Vec<u8>)> {
        let (name, version, info) = (self.name, self.version, self.info());
        let metadata = format!(
            "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{}\ntext\n",
            self.header
        );
        let wheel = format!("Wheel-Version: 1.0\nTag: {}\n", self.tag);
        let mut members = self.files.clone();
        members.push((format!("{info}/METADATA"), metadata.into_bytes()));
        members.push((format!("{info}/WHEEL"), wheel.into_bytes()));
        let lines = members.iter().map(|(path, content)| record::line_of(path.clone(), content));
        let text = String::from_utf8(record::write(lines.collect(), &info)).unwrap();
        members.push((format!("{info}/RECORD"), edit(text).into_bytes()));
        members
    }
}

/// Where tests put wheels.
pub(super) fn wheelhouse(made: &Fabricated) -> PathBuf {
    made.home().join("wheels")
}

/// What is planned for the environment as it stands.
pub(super) fn plan(made: &Fabricated) -> Plan {
    with_case(made, planned)
}

/// The same, with what the user allows and brings; wheels are where tests put them.
pub(super) fn plan_with(made: &Fabricated, options: Options) -> Plan {
    with_options(made, options, planned)
}

fn planned(case: &Case<'_>) -> Plan {
    let mut plan = Plan::default();
    super::plan(case, &mut plan);
    plan
}

/// The same for an environment of the same place with the layout of Windows.
pub(super) fn plan_on_windows(made: &Fabricated) -> Plan {
    with_case(made, |case| {
        let mut facts = case.subject.facts.clone();
        facts.scheme = Scheme::Windows;
        let Subject { host, environment, installed, catalog, whole, depth, families, .. } =
            *case.subject;
        let facts = &facts;
        let subject =
            &Subject { host, environment, facts, installed, catalog, whole, depth, families };
        let mut plan = Plan::default();
        super::plan(&Case { subject, ..*case }, &mut plan);
        plan
    })
}

/// What no wheel is found for.
pub(super) fn missing(made: &Fabricated) -> Vec<String> {
    with_case(made, super::missing_wheels)
}

pub(super) fn with_case<T>(made: &Fabricated, look: impl FnOnce(&Case<'_>) -> T) -> T {
    with_options(made, Options::default(), look)
}

pub(super) fn with_options<T>(
    made: &Fabricated,
    options: Options,
    look: impl FnOnce(&Case<'_>) -> T,
) -> T {
    let options = Options { wheelhouses: vec![wheelhouse(made)], ..options };
    made.with_subject(Depth::Usual, |subject| {
        let findings = examine(subject).findings;
        look(&Case { subject, findings: &findings, options: &options })
    })
}

/// Carries the plan out.
pub(super) fn apply(plan: &Plan) {
    let mut archives = Archives::default();
    for change in plan.steps.iter().flat_map(|step| &step.changes) {
        match change {
            Change::Write { path, content, .. } => {
                let bytes = content.read(&mut archives).unwrap();
                let _ = std::fs::remove_file(path);
                std::fs::write(path, bytes).unwrap();
            }
            Change::Folder { path } => std::fs::create_dir(path).unwrap(),
            Change::Remove { path } if path.is_dir() => std::fs::remove_dir_all(path).unwrap(),
            Change::Remove { path } => std::fs::remove_file(path).unwrap(),
            Change::Rename { from, to } => {
                assert!(!to.exists(), "{}", to.display());
                std::fs::rename(from, to).unwrap();
            }
            other => panic!("no part of these plans: {other:?}"),
        }
    }
}

/// Plans, carries out, and checks that nothing of packages is wrong afterwards. Gives the plan.
pub(super) fn mend(made: &Fabricated) -> Plan {
    let plan = plan(made);
    assert_eq!(plan.unsolved, []);
    apply(&plan);
    made.expect_healthy();
    plan
}

/// What each step changes, relative to the prefix: `+` writes, `-` removes, `>` renames, `/` makes.
pub(super) fn changed(made: &Fabricated, plan: &Plan) -> Vec<String> {
    let relative = |path: &Path| {
        let path = path.strip_prefix(&made.prefix).unwrap().to_str().unwrap().replace('\\', "/");
        path.replacen("lib/python3.12/site-packages", "SITE", 1)
    };
    let changes = plan.steps.iter().flat_map(|step| &step.changes);
    changes
        .map(|change| match change {
            Change::Write { path, .. } => format!("+{}", relative(path)),
            Change::Folder { path } => format!("/{}", relative(path)),
            Change::Remove { path } => format!("-{}", relative(path)),
            Change::Rename { from, to } => format!("{}>{}", relative(from), relative(to)),
            other => format!("{other:?}"),
        })
        .collect()
}

/// The codes that stay, and their hints.
pub(super) fn unsolved(plan: &Plan) -> Vec<(Code, &str)> {
    plan.unsolved.iter().map(|one| (one.code, one.hint.as_str())).collect()
}
