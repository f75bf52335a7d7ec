//! A machine made by hand, for the tests of both formats.

use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use aios_core::environments::inspection::{Inspected, Inspection};
use aios_core::environments::{Architecture, Implementation};
use aios_core::{
    Code, Environment, EnvironmentId, EnvironmentKind, Finding, Found, Problem, Source,
};

use super::{Probes, Seen};

/// A broken environment, a damaged one, a healthy one with an odd name, and the base of all.
pub(super) fn machine() -> Seen {
    let broken = Environment {
        name: Some("web".to_owned()),
        version: "3.14.0".parse().ok(),
        abi_flags: "t".to_owned(),
        manager: Some("uv".to_owned()),
        project: Some(PathBuf::from("/home/u/web")),
        created_by: Some("uv 0.9.2".to_owned()),
        ..environment(1, EnvironmentKind::UvVenv, "/home/u/web/.venv314t")
    };
    let damaged = environment(2, EnvironmentKind::Venv, "/home/u/work/api/.venv");
    let odd = Environment {
        aliases: vec![PathBuf::from("/srv/odd")],
        ..environment(3, EnvironmentKind::Virtualenv, "/home/u/zoo/a\nb \x1b[31mred")
    };
    let mut base = environment(4, EnvironmentKind::System, "/usr");
    base.executable = base.base_executable.clone();
    base.externally_managed = true;
    base.owner = Some(0);
    let missing = |file: &str| {
        let message = format!("RECORD of numpy 2.1.0 lists `{file}`, which is not there");
        finding(Code::PackageFilesMissing, message, [PathBuf::from(file)])
            .reinstalling(["numpy==2.1.0".to_owned()])
    };
    let inspection = Inspection {
        environments: vec![
            inspected(
                broken,
                vec![finding(
                    Code::PyvenvCfgMissing,
                    "`/home/u/web/.venv314t` holds `bin/python` and `lib/python3.14t`, but no \
                     `pyvenv.cfg`",
                    [PathBuf::from("/home/u/web/.venv314t/pyvenv.cfg")],
                )],
            ),
            inspected(
                damaged,
                vec![
                    missing("numpy/linalg/__init__.py"),
                    missing("numpy/fft/__init__.py"),
                    missing("numpy/ma/core.py"),
                    missing("numpy/version.py"),
                    finding(
                        Code::DistTildeLeftover,
                        "`~ip` was left in `site-packages`",
                        [PathBuf::from("/home/u/work/api/.venv/lib/python3.12/site-packages/~ip")],
                    ),
                    finding(Code::Lib64LinkMissing, "there is no `lib64`", []),
                ],
            ),
            inspected(odd, Vec::new()),
            inspected(base, Vec::new()),
        ],
        problems: vec![Problem::new("/home/u/secret", "cannot be read: permission denied")],
    };
    Seen { inspection, probes: Probes::default() }
}

/// With its paths as they stand here: `Finding::new` gives them the separators of the system.
fn finding(
    code: Code,
    message: impl Into<String>,
    paths: impl IntoIterator<Item = PathBuf> + Clone,
) -> Finding {
    Finding { paths: paths.clone().into_iter().collect(), ..Finding::new(code, message, paths) }
}

fn inspected(environment: Environment, findings: Vec<Finding>) -> Inspected {
    Inspected { environment, findings, hint: None, seal: None }
}

fn environment(number: u64, kind: EnvironmentKind, prefix: &str) -> Environment {
    let prefix = Path::new(prefix);
    Environment {
        id: EnvironmentId(format!("{number:016x}")),
        kind,
        name: None,
        prefix: prefix.to_path_buf(),
        executable: Some(format!("{}/bin/python", prefix.display()).into()),
        version: "3.12.3".parse().ok(),
        implementation: Some(Implementation::CPython),
        abi_flags: String::new(),
        architecture: Some(Architecture::X86_64),
        base_prefix: Some(PathBuf::from("/usr")),
        base_executable: Some(PathBuf::from("/usr/bin/python3.12")),
        base_id: Some(EnvironmentId(format!("{:016x}", 4))),
        manager: None,
        project: None,
        aliases: Vec::new(),
        found_by: vec![Found { source: Source::Workspace, detail: "a walk of `/home/u`".into() }],
        site_packages: vec![format!("{}/lib/python3.12/site-packages", prefix.display()).into()],
        created_by: None,
        externally_managed: false,
        owner: Some(1000),
    }
}

/// Compares with `tests/golden/<name>`; with `AIOS_BLESS` set, writes it.
pub(super) fn golden(name: &str, actual: &str) {
    let actual = &actual.replace(&format!("~{MAIN_SEPARATOR}"), "~/");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("AIOS_BLESS").is_some() {
        std::fs::write(&file, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        expected == *actual,
        "{} differs; if that is meant, run the test with AIOS_BLESS=1\n--- is\n{actual}",
        file.display()
    );
}
