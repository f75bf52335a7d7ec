//! What comes back, and what is only said.

use aios_core::index::fractal::Value as Entry;

use super::*;
use crate::support::tree;

fn put(machine: &Machine, key: &str, value: &str) {
    let mut engine = machine.engine();
    let path: &[&[u8]] = &[b"context", b"editor", key.as_bytes()];
    engine.context().put(path, &Entry::of(1, value.as_bytes())).unwrap();
    engine.context().commit().unwrap();
}

fn get(machine: &Machine, key: &str) -> Option<String> {
    let mut engine = machine.engine();
    let path: &[&[u8]] = &[b"context", b"editor", key.as_bytes()];
    let value = engine.context().get(path).unwrap();
    value.map(|value| String::from_utf8(value.bytes.to_vec()).unwrap())
}

#[test]
fn entries_of_other_programs_come_back() {
    let machine = Machine::new();
    put(&machine, "theme", "dark");
    machine.json("snapshot take --name dark work");
    put(&machine, "theme", "light");
    put(&machine, "size", "12");
    machine.take();

    let differs = machine.json("snapshot diff dark last");
    let entry = |key: &str, how: &str| json!({"path": ["editor", key], "how": how});
    assert_eq!(differs["entries"], json!([entry("size", "added"), entry("theme", "changed")]));
    assert_eq!(differs["environments"], json!([]));
    let text = machine.text("snapshot diff dark");
    assert!(text.contains("entries of other programs: 1 new, 1 changed new editor/size"), "{text}");
    let text = machine.text("snapshot list");
    assert!(text.contains("2 entries of other programs"), "{text}");
    assert_eq!(machine.json("snapshot show last")["entries"], 2);

    let restored = machine.json("snapshot restore dark");
    assert_eq!((&restored["schema"], &restored["saved"]), (&json!("aios.restore/1"), &json!(3)));
    assert_eq!(restored["entries"], json!([entry("size", "removed"), entry("theme", "changed")]));
    assert_eq!((get(&machine, "theme").as_deref(), get(&machine, "size")), (Some("dark"), None));
    // And back again.
    let text = machine.text("snapshot restore 3");
    assert!(text.contains("they are as they were; to go back: aios snapshot restore 5"), "{text}");
    assert_eq!(
        (get(&machine, "theme").as_deref(), get(&machine, "size").as_deref()),
        (Some("light"), Some("12"))
    );
    let text = machine.text("snapshot restore 3");
    assert!(text.ends_with("everything is as it was then"), "{text}");
}

#[test]
fn of_an_environment_it_is_said_what_to_do() {
    let machine = Machine::new();
    put(&machine, "theme", "dark");
    machine.take();
    put(&machine, "theme", "light");
    upgrade_idna(&machine.venv);
    remove_webtool(&machine.venv);
    fs::remove_file(machine.venv.cfg()).unwrap();
    let before = tree(&machine.home.join("work"));
    let restored = machine.json("snapshot restore 1 work/.venv");
    let one = &restored["environments"][0];
    assert_eq!(path_of(&one["prefix"]), machine.venv.prefix);
    assert_eq!(
        (&one["status_before"], &one["status_after"]),
        (&json!("broken"), &json!("healthy"))
    );
    let changes = happened(&one["changes"]);
    for change in [
        "distribution changed idna 4.0 3.7",
        "distribution added webtool - 1.2.0",
        "finding removed pyvenv-cfg-missing - -",
        "file added pyvenv.cfg - -",
    ] {
        assert!(changes.contains(&change.to_owned()), "`{change}` is not in {changes:?}");
    }
    // What was named is an environment: nothing else is touched.
    assert_eq!((&restored["saved"], &restored["entries"]), (&json!(null), &json!([])));
    assert_eq!(get(&machine, "theme").as_deref(), Some("light"));
    let text = machine.text("snapshot restore 1 work");
    for part in [
        "broken ",
        "mends pyvenv-cfg-missing",
        "install idna 3.7 in the place of 4.0",
        "install webtool 1.2.0",
        "bring pyvenv.cfg back",
        "1 environment is not as it was; nothing on disk was changed. To change it",
        "aios snapshot restore 1 --apply",
    ] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    assert_eq!(tree(&machine.home.join("work")), before);
    fs::remove_dir_all(machine.home.join("work")).unwrap();
    let text = machine.text("snapshot restore 1");
    assert!(text.contains("make it again: venv, Python 3.12.3, 4 distributions"), "{text}");
}
