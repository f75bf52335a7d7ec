//! An environment made by hand in a temporary folder, for tests of one family of checks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::catalog::Catalog;
use super::super::distributions::{
    Content, Distribution, Installed, Listed, Metadata, Part, Record, RecordedFile, Site, Wheel,
};
use super::super::facts::{Facts, Known, Library, Marker, Scheme, Shape};
use super::super::pyvenv_cfg::PyvenvCfg;
use super::super::{Architecture, Environment, EnvironmentKind, Implementation, PythonTag};
use super::{Depth, Families, Report, Subject};
use crate::fs;
use crate::host::{Host, Platform};

/// A virtual environment of CPython 3.12 on Linux, with everything that a test may change.
pub(super) struct Staged {
    /// Holds the environment in `env` and its base in `base`.
    pub(super) folder: tempfile::TempDir,
    pub(super) host: Host,
    pub(super) environment: Environment,
    pub(super) facts: Facts,
    pub(super) distributions: Vec<Distribution>,
}

impl Staged {
    pub(super) fn new() -> Staged {
        Staged::of(PythonTag::cpython(3, 12))
    }

    pub(super) fn of(tag: PythonTag) -> Staged {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonical(folder.path()).unwrap();
        let (prefix, base) = (root.join("env"), root.join("base"));
        let library = prefix.join("lib").join(tag.to_string());
        let stdlib = base.join("lib").join(tag.to_string());
        let site_packages = library.join("site-packages");
        std::fs::create_dir_all(&site_packages).unwrap();
        std::fs::create_dir_all(stdlib.join("lib-dynload")).unwrap();
        let facts = Facts {
            prefix: prefix.clone(),
            shape: Shape::Virtual,
            scheme: Scheme::Posix,
            entries: Vec::new(),
            marker: Marker::Read(PyvenvCfg::parse(b"home = /usr/bin\n")),
            scripts: None,
            script_entries: Vec::new(),
            interpreters: Vec::new(),
            libraries: vec![Library {
                folder: library,
                tag: Some(tag),
                stdlib: false,
                site_packages: Some(site_packages.clone()),
                not_a_folder: None,
            }],
            version: None,
            tag: Some(tag),
            stdlib: Some(stdlib),
            home: None,
            base: None,
            owner: None,
            stamps: Vec::new(),
        };
        let environment = Environment {
            implementation: Some(Implementation::CPython),
            abi_flags: if tag.free_threaded { "t".to_owned() } else { String::new() },
            architecture: Some(Architecture::X86_64),
            base_prefix: Some(base),
            site_packages: vec![site_packages],
            ..Environment::bare(EnvironmentKind::Venv, prefix)
        };
        let host = Host::empty(Platform::Linux, root);
        Staged { folder, host, environment, facts, distributions: Vec::new() }
    }

    pub(super) fn prefix(&self) -> &Path {
        &self.facts.prefix
    }

    pub(super) fn site(&self) -> PathBuf {
        self.environment.site_packages[0].clone()
    }

    /// Writes a file below the environment, with the folders above it.
    pub(super) fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        write(&self.prefix().join(relative), content)
    }

    /// Writes a file below site-packages.
    pub(super) fn write_site(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        write(&self.site().join(relative), content)
    }

    /// Writes a file below the base's standard library.
    pub(super) fn write_stdlib(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        write(&self.facts.stdlib.clone().unwrap().join(relative), content)
    }

    /// Adds a distribution whose RECORD lists these files with their sizes on disk, if they are there.
    pub(super) fn install(
        &mut self,
        name: &str,
        version: &str,
        tags: &[&str],
        files: &[&str],
    ) -> &mut Content {
        let info = self.site().join(format!("{name}-{version}.dist-info"));
        std::fs::create_dir_all(&info).unwrap();
        let recorded = |path: &&str| {
            let bytes =
                std::fs::metadata(self.site().join(path)).ok().map(|metadata| metadata.len());
            RecordedFile::new((*path).to_owned(), None, bytes)
        };
        let record = Record::of(files.iter().map(recorded).collect());
        let pure = tags.iter().any(|tag| tag.ends_with("-none-any"));
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        self.distributions.push(Distribution {
            info,
            holds_files: true,
            content: Arc::new(Content {
                name: name.to_owned(),
                version: version.to_owned(),
                metadata: Part::Read(Arc::new(Metadata {
                    name: name.to_owned(),
                    version: version.to_owned(),
                    ..Metadata::default()
                })),
                record: Part::Read(Arc::new(record)),
                installer: Some("pip".to_owned()),
                wheel: Some(Arc::new(Wheel { pure, tags })),
                commands: Vec::new(),
                editable: None,
            }),
            listed: Listed::default(),
            seen: None,
        });
        Arc::get_mut(&mut self.distributions.last_mut().unwrap().content).unwrap()
    }

    /// What one family finds.
    pub(super) fn check(&self, check: fn(&Subject<'_>, &mut Report)) -> Report {
        let mut report = Report::default();
        self.check_into(check, &mut report);
        report
    }

    /// The same, after others have reported.
    pub(super) fn check_into(&self, check: fn(&Subject<'_>, &mut Report), report: &mut Report) {
        let folder = self.site();
        let installed = Installed {
            sites: vec![Site {
                entries: fs::list(&folder).unwrap_or_default(),
                folder,
                distributions: self.distributions.clone(),
                open: None,
                looks: None,
            }],
            ..Installed::default()
        };
        let known = Known::default();
        let catalog = Catalog::new(&self.host, &known);
        let whole = crate::environments::health::Whole::default();
        let subject = Subject {
            host: &self.host,
            environment: &self.environment,
            facts: &self.facts,
            installed: &installed,
            catalog: &catalog,
            whole: &whole,
            depth: Depth::Usual,
            families: &Families::of(&installed),
        };
        check(&subject, report);
    }

    /// What one family finds: code and message of each finding.
    pub(super) fn messages(&self, check: fn(&Subject<'_>, &mut Report)) -> Vec<String> {
        let report = self.check(check);
        report.findings.iter().map(|found| format!("{}: {}", found.code, found.message)).collect()
    }
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    path.to_path_buf()
}
