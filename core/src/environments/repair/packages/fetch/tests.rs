//! What is run, with what, and what it may not be. The runs themselves are in the integration tests, with
//! a real pip.

use super::*;
use crate::environments::PythonTag;
use crate::environments::health::packages::fabricated::Fabricated;
use crate::environments::repair::packages::fabricated::with_case;

fn strings(arguments: &[OsString]) -> Vec<&str> {
    arguments.iter().map(|one| one.to_str().unwrap()).collect()
}

/// The arguments of a tool, for an environment of 3.12 and one wheel.
fn arguments(tool: &Tool, made: &Fabricated) -> Vec<OsString> {
    with_case(made, |case| {
        let target = Target::of(case.subject).unwrap();
        assert_eq!(target.tag, PythonTag::cpython(3, 12));
        let folder = Path::new("F");
        let stop = &AtomicBool::new(false);
        let errand = Errand { case, target: &target, tool, folder, stop };
        errand.arguments(&["idna==3.10".to_owned()])
    })
}

#[test]
fn what_is_run() {
    let made = Fabricated::new();
    let python = PathBuf::from("P");
    let pip = |native, version_2| Tool::Pip { python: python.clone(), native, version_2 };
    let own = arguments(&pip(true, false), &made);
    let own = strings(&own);
    assert_eq!(own[..4], ["-I", "-m", "pip", "download"]);
    assert!(own.contains(&"--no-deps") && own.ends_with(&["idna==3.10"]), "{own:?}");
    assert!(!own.iter().any(|one| one.starts_with("--platform")), "{own:?}");
    let other = arguments(&pip(false, true), &made);
    let other = strings(&other);
    assert_eq!(other[..3], ["-E", "-s", "-m"]);
    assert!(other.iter().any(|one| one.starts_with("--python-version=3.12")), "{other:?}");
    assert!(other.iter().any(|one| one.starts_with("--platform")), "{other:?}");
    let uv = arguments(&Tool::Uv { uv: "U".into(), python }, &made);
    assert!(strings(&uv).contains(&"--no-config"), "{uv:?}");
}

#[test]
fn only_names_are_asked_for() {
    for pin in ["idna==3.10", "six>=1", "pip", "torch==2.1+cpu", "a-b.c"] {
        assert!(is_by_name(pin), "{pin}");
    }
    for pin in [
        "idna @ https://example.org/evil.whl",
        "--index-url=https://example.org",
        "-r/etc/passwd",
        "./evil.whl",
        "https://example.org/evil.whl",
        "",
    ] {
        assert!(!is_by_name(pin), "{pin}");
    }
}

#[test]
fn what_is_no_name_is_not_fetched() {
    let made = Fabricated::new();
    let fetched = with_case(&made, |case| {
        fetch(
            case,
            &["x @ https://example.org/x".to_owned()],
            Path::new("F"),
            &AtomicBool::new(false),
        )
    });
    assert!(fetched.wheelhouses.is_empty());
    assert_eq!(fetched.unavailable.len(), 1);
}

#[test]
fn what_is_said_in_one_line() {
    let check = |said: &str, unknown: bool, expected: &str| {
        assert_eq!((lacks_wheel(said), quoted(said).as_str()), (unknown, expected), "{said}");
    };
    check(
        "WARNING: x\nERROR: Could not find it\nERROR: No matching distribution found for idna==0\n",
        true,
        "Could not find it; No matching distribution found for idna==0",
    );
    check(
        "WARNING: Retrying after connection broken by 'refused': /simple/idna/\nERROR: No matching \
         distribution found for idna==3.10\n",
        false,
        "connection broken by 'refused': /simple/idna/",
    );
    check(
        "Using CPython 3.12.1\nerror: No solution found\n  cause: no usable wheels\n",
        true,
        "error: No solution found cause: no usable wheels",
    );
    check("", false, "it says nothing");
    assert!(quoted(&"ä".repeat(1000)).len() < 1000);
}
