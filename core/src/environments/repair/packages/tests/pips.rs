//! pip itself.

use super::*;

const PIP: [(&str, &[u8]); 3] = [
    ("pip/__init__.py", b"__version__ = '24.0'\n"),
    ("pip/__main__.py", b"import pip\n"),
    ("pip/_internal/cli/main.py", b"def main():\n    pass\n"),
];

const POINTS: &[u8] =
    b"[console_scripts]\npip = pip._internal.cli.main:main\npip3 = pip._internal.cli.main:main\n";

fn pip(version: &'static str) -> Built {
    let built = Built::new("pip", version, "py3-none-any");
    PIP.iter()
        .fold(built, |built, (path, content)| built.file(path, content))
        .file(&format!("pip-{version}.dist-info/entry_points.txt"), POINTS)
}

fn bundle(made: &Fabricated, version: &'static str) {
    pip(version).write(&made.stdlib().join("ensurepip/_bundled"));
}

#[test]
fn half_a_pip_is_completed_from_the_base() {
    let made = Fabricated::new();
    bundle(&made, "24.0");
    made.write("lib/python3.12/site-packages/pip/__init__.py", PIP[0].1);
    made.write("lib/python3.12/site-packages/pip/__main__.py", b"# of another version\n");
    made.write("lib/python3.12/site-packages/pip/old.py", b"");
    let plan = mend(&made);
    assert_eq!(plan.steps[0].action, Action::RestorePip);
    let changed = changed(&made, &plan);
    for expected in [
        "+SITE/pip/__main__.py",
        "+SITE/pip/_internal/cli/main.py",
        "-SITE/pip/old.py",
        "+bin/pip",
        "+bin/pip3",
        "+bin/pip3.12",
    ] {
        assert!(changed.iter().any(|one| one == expected), "{expected} {changed:?}");
    }
    assert!(!changed.contains(&"+SITE/pip/__init__.py".to_owned()), "{changed:?}");
}

#[test]
fn a_pip_that_is_not_bundled_gets_its_name_back() {
    let made = Fabricated::new();
    bundle(&made, "24.0");
    let info = made.install("pip", "25.0", "", &PIP);
    std::fs::rename(made.site.join("pip"), made.site.join("~ip")).unwrap();
    std::fs::rename(info, made.site.join("~ip-25.0.dist-info")).unwrap();
    let plan = mend(&made);
    assert_eq!(
        changed(&made, &plan),
        ["SITE/~ip>SITE/pip", "SITE/~ip-25.0.dist-info>SITE/pip-25.0.dist-info"]
    );
    assert_eq!(plan.steps[0].reasons, [Code::PipMissing, Code::DistTildeLeftover]);
}

#[test]
fn a_pip_that_is_bundled_is_installed_again() {
    let made = Fabricated::new();
    bundle(&made, "24.0");
    std::fs::create_dir(made.site.join("~ip")).unwrap();
    let plan = mend(&made);
    assert_eq!(changed(&made, &plan)[0], "-SITE/~ip");
    assert_eq!(plan.steps[1].action, Action::RestorePip);
    assert!(made.site.join("pip-24.0.dist-info/RECORD").is_file());
}

#[test]
fn the_files_of_the_same_version_are_given_back_alone() {
    let made = Fabricated::new();
    made.install("pip", "24.0", "", &PIP);
    bundle(&made, "24.0");
    std::fs::remove_dir_all(made.site.join("pip/_internal")).unwrap();
    let plan = mend(&made);
    assert_eq!(
        changed(&made, &plan),
        ["/SITE/pip/_internal", "/SITE/pip/_internal/cli", "+SITE/pip/_internal/cli/main.py"]
    );
}

#[test]
fn without_any_wheel_of_pip() {
    let made = Fabricated::new();
    std::fs::create_dir(made.site.join("~ip")).unwrap();
    let plan = plan(&made);
    assert!(
        unsolved(&plan).iter().any(|(code, hint)| {
            *code == Code::PipMissing && hint.starts_with("pip (a wheel for")
        }),
        "{plan:?}"
    );
}
