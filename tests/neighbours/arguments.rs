use super::*;
use crate::support::{system, write};

/// The prefixes that are reported for these PATHs, after the exit code was compared.
#[track_caller]
fn found(home: &Home, folder: &Path, paths: &[&str], code: i32) -> Vec<String> {
    let args = [&["find", "--format", "json"], paths].concat();
    let answer = run_in(home, folder, &args).exits_with(code);
    assert_eq!(answer.stderr.is_empty(), code == 0, "{answer:?}");
    let document = answer.json();
    let environments = document["environments"].as_array().unwrap();
    for environment in environments {
        assert_eq!(environment["aliases"], serde_json::json!([]), "{paths:?}");
    }
    let prefix = |environment: &Value| environment["prefix"].as_str().unwrap().to_owned();
    environments.iter().map(prefix).collect()
}

#[test]
fn any_place_in_an_environment_means_it() {
    let home = Home::new();
    let venv = healthy(&home);
    home.venv("healthy/other");
    write(&venv.site("module.py"), "");
    let expected = [venv.prefix.to_str().unwrap()];
    for path in [
        ".venv",
        ".venv/",
        ".venv//",
        "./.venv/.",
        ".venv/../.venv",
        ".venv/bin",
        ".venv/bin/",
        ".venv/bin/python",
        ".venv/bin/activate",
        ".venv/bin/webtool",
        ".venv/pyvenv.cfg",
        ".venv/lib",
        ".venv/lib64",
        ".venv/lib/python3.12",
        ".venv/lib/python3.12/site-packages",
        ".venv/lib64/python3.12/site-packages",
        ".venv/lib/python3.12/site-packages/idna",
        ".venv/lib/python3.12/site-packages/module.py",
        ".venv/include",
    ] {
        let path = &system::place(path);
        assert_eq!(found(&home, &home.join("healthy"), &[path], 0), expected, "{path}");
        assert_eq!(found(&home, &home.join("healthy"), &[path, ".venv"], 0), expected, "{path}");
    }
    for (folder, path) in [
        ("", "."),
        ("", "./"),
        ("bin", "."),
        ("bin", ".."),
        ("lib/python3.12/site-packages", "."),
        ("lib/python3.12/site-packages", system::UP_FROM_SITE_PACKAGES),
    ] {
        assert_eq!(
            found(&home, &venv.prefix.join(system::place(folder)), &[path], 0),
            expected,
            "{folder} {path}"
        );
    }
}

#[test]
fn a_folder_of_interpreters_means_their_environments() {
    let home = Home::new();
    let venv = healthy(&home);
    let base = venv.base.prefix.to_str().unwrap();
    let folder = venv.base.prefix.parent().unwrap();
    let name = venv.base.prefix.file_name().unwrap().to_str().unwrap();
    let programs = venv.base.executable().parent().unwrap().to_str().unwrap().to_owned();
    let library = venv.base.library().join("site-packages").to_str().unwrap().to_owned();
    for path in [name, &programs, &library] {
        assert_eq!(found(&home, folder, &[path], 0), [base], "{path}");
    }
}

#[test]
fn what_is_no_environment_is_an_error() {
    let home = Home::new();
    let venv = healthy(&home);
    write(&home.join("notes.txt"), "no interpreter\n");
    write(&home.join("python3"), "#!/bin/sh\nexit 0\n");
    let odd = system::put_odd_files(home.path());
    let expected = [venv.prefix.to_str().unwrap()];
    let none: [&str; 0] = [];
    for path in ["gone", "notes.txt", "python3", "notes.txt/x"].iter().chain(odd) {
        assert_eq!(found(&home, home.path(), &[path], 2), none, "{path}");
        assert_eq!(found(&home, home.path(), &[path, "healthy"], 2), expected, "{path}");
        let answer = run(&home, &["check", "--format", "json", "healthy", path]);
        let problems = answer.exits_with(2).json()["problems"].clone();
        assert_eq!(problems.as_array().unwrap().len(), 1, "{path}: {problems}");
        // For people, the message names what was typed.
        let answer = run(&home, &["check", path]).exits_with(2);
        assert!(answer.stderr.contains(path), "{answer:?}");
    }
    run(&home, &["find", ""]).exits_with(2);
}

#[test]
fn a_folder_without_environments_is_none() {
    let home = Home::new();
    healthy(&home);
    fs::create_dir_all(home.join("empty/bin")).unwrap();
    fs::create_dir_all(home.join("empty/lib")).unwrap();
    let none: [&str; 0] = [];
    for path in ["empty", "empty/bin", "empty/lib"] {
        assert_eq!(found(&home, home.path(), &[path], 0), none, "{path}");
    }
}
