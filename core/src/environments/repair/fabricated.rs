//! A broken environment for tests of planners: read, judged and planned for as a real one is.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::change::{Change, Content};
use super::{Case, Options, Plan};
use crate::environments::catalog::Catalog;
use crate::environments::distributions::{Shared, read_for};
use crate::environments::facts::{self, Known};
use crate::environments::health::{self, Code, Depth, Families, Subject, Whole};
use crate::environments::{Environment, EnvironmentKind};
use crate::fs;
use crate::host::{Host, Platform};
use crate::system;

/// The layout of this system.
const WINDOWS: bool = matches!(Platform::CURRENT, Platform::Windows);
pub(super) const SCRIPTS: &str = if WINDOWS { "Scripts" } else { "bin" };
pub(super) const PYTHON: &str = if WINDOWS { "python.exe" } else { "python" };
pub(super) const SITE: &str =
    if WINDOWS { "Lib/site-packages" } else { "lib/python3.12/site-packages" };

pub(super) struct Broken {
    folder: TempDir,
    pub(super) prefix: PathBuf,
    pub(super) host: Host,
}

impl Broken {
    /// `home/alice/proj/.venv` with `pyvenv.cfg`, an interpreter that does not matter, site-packages.
    pub(super) fn new() -> Broken {
        Broken::at("home/alice/proj/.venv")
    }

    /// The same, elsewhere.
    pub(super) fn at(relative: &str) -> Broken {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonical(folder.path()).unwrap();
        let prefix = root.join(relative);
        let mut host = Host::empty(Platform::CURRENT, root);
        host.home = Some(prefix.ancestors().nth(2).unwrap().to_path_buf());
        let broken = Broken { folder, prefix, host };
        broken.write("pyvenv.cfg", "home = /usr/bin\nversion = 3.12.1\n");
        broken.write(&format!("{SCRIPTS}/{PYTHON}"), "");
        std::fs::create_dir_all(broken.site()).unwrap();
        broken
    }

    pub(super) fn root(&self) -> PathBuf {
        fs::canonical(self.folder.path()).unwrap()
    }

    pub(super) fn site(&self) -> PathBuf {
        self.prefix.join(SITE)
    }

    /// Writes a file, by a path relative to the prefix.
    pub(super) fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.prefix.join(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The same, with these permission bits.
    pub(super) fn write_mode(&self, relative: &str, content: impl AsRef<[u8]>, mode: u32) {
        system::set_mode(&self.write(relative, content), mode).unwrap();
    }

    pub(super) fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.prefix.join(relative)).unwrap()
    }

    /// Installs a distribution of these files, relative to site-packages, in version 1.0.
    pub(super) fn install(&self, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        let info = format!("{name}-1.0.dist-info");
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n");
        let own = [
            (format!("{info}/METADATA"), metadata.into_bytes()),
            (format!("{info}/INSTALLER"), b"pip\n".to_vec()),
        ];
        let given = files.iter().map(|(path, content)| ((*path).to_owned(), content.to_vec()));
        let mut record = String::new();
        for (path, content) in given.chain(own) {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&content));
            record.push_str(&format!("{path},sha256={hash},{}\n", content.len()));
            let target = self.site().join(&path);
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::write(target, content).unwrap();
        }
        record.push_str(&format!("{info}/RECORD,,\n"));
        std::fs::write(self.site().join(&info).join("RECORD"), record).unwrap();
        self.site().join(info)
    }

    /// Reads and judges it, and hands over what a planner gets.
    pub(super) fn case<T>(&self, look: impl FnOnce(&Case<'_>) -> T) -> T {
        let known = Known::default();
        let opened = fs::Folder::open(self.prefix.clone()).unwrap();
        let entries = fs::list(&self.prefix).unwrap();
        let facts = facts::read(&self.host, &opened, entries, None, true, &known).unwrap();
        let site_packages: Vec<PathBuf> = facts.site_packages().map(Path::to_path_buf).collect();
        let environment = environment(&self.prefix, site_packages, facts.owner);
        let (installed, _) =
            read_for(&self.host, &facts, &environment.site_packages, &Shared::new());
        let catalog = Catalog::new(&self.host, &known);
        let whole = Whole::default();
        let subject = Subject {
            host: &self.host,
            environment: &environment,
            facts: &facts,
            installed: &installed,
            catalog: &catalog,
            whole: &whole,
            depth: Depth::Usual,
            families: &Families::of(&installed),
        };
        let findings = health::examine(&subject).findings;
        look(&Case { subject: &subject, findings: &findings, options: &Options::default() })
    }

    /// What is wrong with it by one code.
    pub(super) fn has(&self, code: Code) -> bool {
        self.case(|case| case.has(&[code]))
    }

    /// What one planner plans, and RECORD after it.
    pub(super) fn plan(&self, planner: fn(&Case<'_>, &mut Plan)) -> Plan {
        let mut plan = Plan::default();
        self.case(|case| {
            planner(case, &mut plan);
            super::record::plan(case, &mut plan);
        });
        plan
    }

    /// Plans and carries out, without a journal.
    pub(super) fn repair(&self, planner: fn(&Case<'_>, &mut Plan)) -> Plan {
        let plan = self.plan(planner);
        for change in plan.steps.iter().flat_map(|step| &step.changes) {
            assert!(change.paths().iter().all(|path| path.starts_with(&self.prefix)), "{change:?}");
            match change {
                Change::Write { path, content: Content::Bytes(bytes), mode } => {
                    let old = path.symlink_metadata().ok().map(|metadata| system::mode(&metadata));
                    // Other names of the file keep what they have.
                    let _ = std::fs::remove_file(path);
                    std::fs::write(path, bytes).unwrap();
                    if let Some(mode) = mode.or(old) {
                        system::set_mode(path, mode).unwrap();
                    }
                }
                Change::Mode { path, mode } => system::set_mode(path, *mode).unwrap(),
                other => panic!("{other:?}"),
            }
        }
        plan
    }
}

fn environment(prefix: &Path, site_packages: Vec<PathBuf>, owner: Option<u32>) -> Environment {
    let bare = Environment::bare(EnvironmentKind::Venv, prefix.to_path_buf());
    Environment { site_packages, owner, ..bare }
}
