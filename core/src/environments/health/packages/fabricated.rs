//! A fabricated environment for tests: installs distributions as pip does, then is broken by a test.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest as _;
use tempfile::TempDir;

use crate::environments::catalog::Catalog;
use crate::environments::distributions::{Shared, read_for};
use crate::environments::facts::{Facts, Known, Library, Marker, Scheme, Shape};
use crate::environments::health::{
    Code, Depth, Finding, Report, Severity, Subject, dependencies, editables, packages,
};
use crate::environments::pyvenv_cfg::PyvenvCfg;
use crate::environments::{Environment, EnvironmentKind, PythonTag};
use crate::fs;
use crate::host::{Host, Platform};

pub(in crate::environments) struct Fabricated {
    folder: TempDir,
    pub(in crate::environments) prefix: PathBuf,
    pub(in crate::environments) site: PathBuf,
    pub(in crate::environments) kind: EnvironmentKind,
    pub(in crate::environments) cfg: &'static str,
}

impl Fabricated {
    /// `home/alice/proj/.venv` with an empty site-packages and an empty `bin`.
    pub(in crate::environments) fn new() -> Fabricated {
        let folder = tempfile::tempdir().unwrap();
        let prefix = fs::canonical(folder.path()).unwrap().join("home/alice/proj/.venv");
        let site = prefix.join("lib/python3.12/site-packages");
        let made = Fabricated {
            folder,
            prefix,
            site,
            kind: EnvironmentKind::Venv,
            cfg: "include-system-site-packages = false\n",
        };
        std::fs::create_dir_all(&made.site).unwrap();
        made.write("bin/python", b"");
        made
    }

    /// The home folder that the project stands in.
    pub(in crate::environments) fn home(&self) -> PathBuf {
        self.prefix.ancestors().nth(2).unwrap().to_path_buf()
    }

    /// The base's site-packages.
    pub(in crate::environments) fn base_site(&self) -> PathBuf {
        self.stdlib().join("site-packages")
    }

    /// The base's standard library.
    pub(in crate::environments) fn stdlib(&self) -> PathBuf {
        fs::canonical(self.folder.path()).unwrap().join("opt/python/lib/python3.12")
    }

    /// Writes a file, by a path relative to the prefix.
    pub(in crate::environments) fn write(&self, path: &str, content: &[u8]) {
        put(&self.prefix.join(path), content);
    }

    /// Installs a distribution of these files, relative to site-packages.
    pub(in crate::environments) fn install(
        &self,
        name: &str,
        version: &str,
        header: &str,
        files: &[(&str, &[u8])],
    ) -> PathBuf {
        install_into(&self.site, name, version, header, files)
    }

    /// Judges the environment by the three families that look at distributions.
    pub(in crate::environments) fn check(&self, depth: Depth) -> Vec<Finding> {
        self.with_subject(depth, |subject| {
            let mut report = Report::default();
            packages::check(subject, &mut report);
            dependencies::check(subject, &mut report);
            editables::check(subject, &mut report);
            report.findings
        })
    }

    /// Reads the environment for whoever looks at it.
    pub(in crate::environments) fn with_subject<T>(
        &self,
        depth: Depth,
        look: impl FnOnce(&Subject<'_>) -> T,
    ) -> T {
        let mut host = Host::empty(Platform::Linux, self.folder.path());
        host.home = Some(self.home());
        let facts = self.facts();
        let environment = self.environment(&facts);
        let (installed, problems) =
            read_for(&host, &facts, &environment.site_packages, &Shared::new());
        assert_eq!(problems, []);
        let known = Known::default();
        let catalog = Catalog::new(&host, &known);
        let whole = crate::environments::health::Whole::default();
        let subject = Subject {
            host: &host,
            environment: &environment,
            facts: &facts,
            installed: &installed,
            catalog: &catalog,
            whole: &whole,
            depth,
            families: &packages::Families::of(&installed),
        };
        look(&subject)
    }

    /// The codes found, each with its distributions to install again.
    pub(in crate::environments) fn expect(&self, expected: &[(Code, &str)]) {
        let found = self.check(Depth::Usual);
        let short: Vec<(Code, String)> = found
            .iter()
            .map(|finding| (finding.code, finding.repair.distributions.join(" ")))
            .collect();
        let expected: Vec<(Code, String)> =
            expected.iter().map(|(code, pins)| (*code, (*pins).to_owned())).collect();
        assert_eq!(short, expected, "{found:#?}");
    }

    /// That nothing worse than information is found.
    pub(in crate::environments) fn expect_healthy(&self) {
        for depth in [Depth::Usual, Depth::Deep] {
            let found = self.check(depth);
            assert!(found.iter().all(|finding| finding.severity == Severity::Info), "{found:#?}");
        }
    }

    fn facts(&self) -> Facts {
        let tag = PythonTag::cpython(3, 12);
        let bin = self.prefix.join("bin");
        Facts {
            prefix: self.prefix.clone(),
            shape: match fs::is_folder(&self.prefix.join("conda-meta")) {
                true => Shape::Conda,
                false => Shape::Virtual,
            },
            scheme: Scheme::Posix,
            entries: fs::list(&self.prefix).unwrap(),
            marker: Marker::Read(PyvenvCfg::parse(self.cfg.as_bytes())),
            scripts: fs::is_folder(&bin).then(|| bin.clone()),
            script_entries: fs::list(&bin).unwrap_or_default(),
            interpreters: Vec::new(),
            libraries: vec![Library {
                folder: self.prefix.join("lib/python3.12"),
                tag: Some(tag),
                stdlib: self.kind != EnvironmentKind::Venv,
                site_packages: fs::is_folder(&self.site).then(|| self.site.clone()),
                not_a_folder: None,
            }],
            version: None,
            tag: Some(tag),
            stdlib: Some(self.stdlib()),
            home: None,
            base: None,
            owner: None,
            stamps: Vec::new(),
        }
    }

    fn environment(&self, facts: &Facts) -> Environment {
        Environment {
            base_prefix: (self.kind != EnvironmentKind::Venv).then(|| self.prefix.clone()),
            site_packages: facts.site_packages().map(Path::to_path_buf).collect(),
            ..Environment::bare(self.kind, self.prefix.clone())
        }
    }
}

/// Installs into any folder, as pip does: METADATA, RECORD, INSTALLER. Returns the `.dist-info`.
pub(in crate::environments) fn install_into(
    site: &Path,
    name: &str,
    version: &str,
    header: &str,
    files: &[(&str, &[u8])],
) -> PathBuf {
    let folder = format!("{}-{version}.dist-info", name.replace('-', "_"));
    let metadata =
        format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{header}\ntext\n");
    let own = [
        (format!("{folder}/METADATA"), metadata.into_bytes()),
        (format!("{folder}/INSTALLER"), b"pip\n".to_vec()),
        (format!("{folder}/WHEEL"), b"Wheel-Version: 1.0\nTag: py3-none-any\n".to_vec()),
    ];
    let mut record = String::new();
    let given = files.iter().map(|(path, content)| ((*path).to_owned(), content.to_vec()));
    for (path, content) in given.chain(own) {
        let digest = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(&content));
        put(&site.join(&path), &content);
        record.push_str(&format!("{path},sha256={digest},{}\n", content.len()));
    }
    record.push_str(&format!("{folder}/RECORD,,\n"));
    put(&site.join(&folder).join("RECORD"), record.as_bytes());
    site.join(folder)
}

fn put(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}
