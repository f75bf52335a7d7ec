//! `aios import` and `aios export`: lists of environments of another program.

use std::fs;
use std::path::Path;

use aios_core::environments::repair::{Disk, RealDisk};
use serde_json::{Value, json};

use crate::support::{Home, tree, write};

fn write_list(home: &Home, list: &Value) {
    write(&home.join("python_environments.json"), list.to_string());
}

fn import(home: &Home, code: i32) -> Value {
    let args = ["import", "python_environments.json", "--format", "json"];
    home.aios(args).exits_with(code).json()
}

/// What the program says of the entry with this identity.
fn of<'a>(imported: &'a Value, id: &str) -> &'a Value {
    let all = imported["entries"].as_array().unwrap();
    all.iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("{id}: {imported}"))
}

#[test]
fn each_entry_is_looked_for() {
    let home = Home::new();
    let api = home.venv("work/api/.venv");
    let lost = home.venv("work/lost/.venv");
    fs::remove_file(lost.cfg()).unwrap();
    let place = |name: &str| home.join(name).to_str().unwrap().to_owned();
    let python = |prefix: &Path| prefix.join("bin").join("python").to_str().unwrap().to_owned();
    let entry = |id: &str, prefix: &str, packages: Value| {
        json!({"id": id, "name": id, "python_path": python(Path::new(prefix)), "version": "3.12.3",
            "is_virtual": true, "virtual_env_path": prefix, "packages": packages,
            "is_active": id == "api", "last_verified": null, "health_status": "healthy"})
    };
    let installed = json!(["idna==3.7"]);
    let other = json!(["idna==9.9", "no-such-thing"]);
    write_list(
        &home,
        &json!({
            "api": entry("api", &place("work/api/.venv"), installed.clone()),
            "other": entry("other", &place("work/api/.venv"), other),
            "lost": entry("lost", &place("work/lost/.venv"), json!([])),
            "gone": entry("gone", &place("work/gone/.venv"), json!([])),
            "forged": {"id": "forged", "python_path": "relative/python"},
        }),
    );
    let imported = import(&home, 1);
    assert_eq!(imported["schema"], "aios.import/1");
    let check = |id: &str, found: &str| assert_eq!(of(&imported, id)["found"], found, "{imported}");
    check("api", "healthy");
    check("lost", "broken");
    check("gone", "gone");
    check("forged", "refused");
    assert_eq!(of(&imported, "api")["missing"], json!([]));
    assert_eq!(of(&imported, "other")["missing"], json!(["idna==9.9", "no-such-thing"]));
    assert_eq!(Path::new(imported["active"].as_str().unwrap()), api.prefix);
    let active = home.aios(["active", "--format", "json"]).exits_with(0).json();
    assert_eq!(Path::new(active["active"]["prefix"].as_str().unwrap()), api.prefix);
    // Remembered, and nothing that was not in the list.
    home.aios(["history", "work/api/.venv"]).exits_with(0);
    let text = home.aios(["import", "python_environments.json"]).exits_with(1);
    assert!(text.shown().contains("3 of 5 environments still there"), "{text:?}");

    let whole = json!({"environments": [entry("api", &place("work/api/.venv"), installed)]});
    write_list(&home, &whole);
    import(&home, 0);
}

#[test]
fn a_path_of_a_list_is_not_run() {
    let home = Home::forgetful();
    let script = home.join("work/planted/bin/python");
    write(&script, format!("#!/bin/sh\ntouch {}/ran\n", home.path().display()));
    RealDisk.set_mode(&script, 0o755).unwrap();
    write_list(&home, &json!([{"id": "x", "python_path": script}]));
    import(&home, 1);
    assert!(!home.join("ran").exists());
}

#[test]
fn what_is_no_list_is_an_error_and_changes_nothing() {
    let home = Home::forgetful();
    for text in ["", "{", "3", &"[".repeat(200_000)] {
        write(&home.join("python_environments.json"), text);
        let before = tree(home.path());
        let answer = home.aios(["import", "python_environments.json"]).exits_with(2);
        assert!(answer.stderr.contains("is no list of environments"), "{answer:?}");
        assert_eq!(tree(home.path()), before);
    }
    let answer = home.aios(["import", "nowhere.json"]).exits_with(2);
    assert!(answer.stderr.contains("cannot read `"), "{answer:?}");
}

#[test]
fn what_is_exported_is_imported() {
    let home = Home::new();
    let api = home.venv("work/api/.venv");
    home.venv("work/model/.venv");
    home.aios(["active", "set", "work/api/.venv"]).exits_with(0);
    let exported = home.aios(["export", "--format", "python-environments", "work"]).exits_with(0);
    let list = exported.json();
    assert_eq!(list.as_object().unwrap().len(), 2, "{list}");
    let entry = list.as_object().unwrap().values().find(|one| one["is_active"] == true).unwrap();
    assert_eq!(Path::new(entry["virtual_env_path"].as_str().unwrap()), api.prefix);
    assert_eq!((&entry["version"], &entry["health_status"]), (&"3.12.3".into(), &"healthy".into()));
    assert!(entry["packages"].as_array().unwrap().contains(&"idna==3.7".into()), "{entry}");
    let fields: Vec<&str> = entry.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "id",
        "name",
        "python_path",
        "version",
        "is_virtual",
        "virtual_env_path",
        "packages",
        "is_active",
        "last_verified",
        "health_status",
    ];
    expected.sort_unstable();
    let mut fields = fields;
    fields.sort_unstable();
    assert_eq!(fields, expected);
    home.aios(["active", "clear"]).exits_with(0);
    write(&home.join("python_environments.json"), &exported.stdout);
    let imported = import(&home, 0);
    assert_eq!(Path::new(imported["active"].as_str().unwrap()), api.prefix);
}
