//! What works is healthy, and reported as Windows writes it.

use super::pythons::{ENVIRONMENTS, Pythons, check, run};
use crate::support::Home;

#[test]
fn environments_that_work_are_healthy() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    for (name, base) in ENVIRONMENTS {
        let prefix = pythons.venv(name);
        let works =
            run(&prefix.join("Scripts/python.exe"), &["-c", "import pip, markupsafe._speedups"]);
        works.exits_with(0);

        let answer = check(&home, &prefix).exits_with(0);
        let environment = answer.environment(&prefix);
        assert_eq!(answer.findings(&prefix), [], "{name}");
        assert_eq!(environment["status"], "healthy");
        assert_eq!(environment["base_prefix"], pythons.base(base).to_str().unwrap());
        assert_eq!(environment["executable"], prefix.join(r"Scripts\python.exe").to_str().unwrap());
        let version = if base == "python311" { "3.11.9" } else { "3.13.2" };
        assert_eq!(environment["version"], version);
        assert_eq!(environment["architecture"], "x86_64");
        let kind = if name == "made-by-uv" { "uv-venv" } else { "virtualenv" };
        assert_eq!(environment["kind"], kind, "{name}");

        let said = home.aios(["check".as_ref(), prefix.as_os_str()]).exits_with(0);
        assert!(
            said.stdout.starts_with(&format!("healthy  {}\r\n", prefix.display()))
                || said.stdout.starts_with(&format!("healthy  {}\n", prefix.display())),
            "{said:?}"
        );
        assert!(!said.stdout.contains(r"\\?\"), "{said:?}");
    }
}

/// Every installed file has the recorded hash.
#[test]
fn deep_finds_nothing_in_them() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    for (name, _) in ENVIRONMENTS {
        let prefix = pythons.venv(name);
        let args = ["check", "--deep", "--format", "json"];
        let answer =
            home.aios(args.map(std::ffi::OsStr::new).into_iter().chain([prefix.as_os_str()]));
        assert_eq!(answer.findings(&prefix), [], "{name}");
        answer.exits_with(0);
    }
}

#[test]
fn installations_are_healthy() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    for (name, version) in [("python311", "3.11.9"), ("python313", "3.13.2")] {
        let prefix = pythons.base(name);
        let answer = check(&home, &prefix).exits_with(0);
        let environment = answer.environment(&prefix);
        assert_eq!(environment["findings"].as_array().unwrap().len(), 0, "{environment}");
        assert_eq!(environment["version"], version);
        assert_eq!(environment["base_prefix"], prefix.to_str().unwrap());
    }
}

#[test]
fn a_walk_finds_them() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    // Other tests put their copies beside these.
    let answer = home.aios([
        "find".as_ref(),
        "--format".as_ref(),
        "json".as_ref(),
        pythons.venv("").as_os_str(),
    ]);
    for (name, _) in ENVIRONMENTS {
        assert_eq!(answer.environment(&pythons.venv(name))["status"], "healthy", "{name}");
    }
}

/// What the interpreters say of themselves, started by the program itself.
#[test]
fn a_probe_agrees() {
    let Some(pythons) = Pythons::here() else { return };
    let home = Home::new();
    for (name, _) in ENVIRONMENTS {
        let prefix = pythons.venv(name);
        let args = ["check", "--probe", "--format", "json"];
        let answer =
            home.aios(args.map(std::ffi::OsStr::new).into_iter().chain([prefix.as_os_str()]));
        let probe = &answer.environment(&prefix)["probe"];
        assert_eq!(answer.findings(&prefix), [], "{name}: {probe}");
        assert_eq!(probe["error"], serde_json::Value::Null, "{name}: {probe}");
        // A copy takes the archive of the standard library beside it for its base; `home` says better.
        let copied = prefix.join("Scripts/python313.zip").exists();
        let differs = if copied { &["base_prefix"][..] } else { &[] };
        assert_eq!(probe["differs"], serde_json::json!(differs), "{name}: {probe}");
    }
}
