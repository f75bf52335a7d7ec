//! Backups that are made unasked, and which of them serves.

use std::fs;
use std::path::PathBuf;

use crate::support::Home;

/// Those of a kind, the oldest first.
fn made(home: &Home, kind: &str) -> Vec<PathBuf> {
    let all = crate::support::tree(home.path()).into_keys();
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        path.parent().is_some_and(|folder| folder.ends_with("backups")) && name.starts_with(kind)
    };
    let mut found: Vec<PathBuf> = all.filter(is_one).map(|path| home.join(path)).collect();
    found.sort();
    found
}

#[test]
fn before_a_repair_the_environment_is_backed_up() {
    let home = Home::new();
    let api = home.venv("work/api/.venv");
    home.aios(["check", "work"]).exits_with(0);
    fs::remove_file(api.cfg()).unwrap();
    home.aios(["repair", "--dry-run", "work/api/.venv"]);
    assert!(made(&home, "repair-").is_empty(), "nothing was changed");
    home.aios(["repair", "--yes", "work/api/.venv"]).exits_with(0);
    let [file] = &*made(&home, "repair-") else { panic!("not one backup") };
    let file = file.to_str().unwrap();
    home.aios(["backup", "verify", file]).exits_with(0);
    let shown = home.aios(["backup", "show", file, "--format", "json"]).exits_with(0).json();
    assert_eq!(shown["environments"].as_array().unwrap().len(), 1);
    assert_eq!(shown["environments"][0]["status"], "broken");
    assert_eq!(shown["environments"][0]["findings"][0], "pyvenv-cfg-missing");
}

#[test]
fn without_a_name_the_newest_whole_one_serves() {
    let home = Home::new();
    let api = home.venv("work/api/.venv");
    let answer = home.aios(["backup", "show"]).exits_with(2);
    assert!(answer.stderr.contains("no whole backup is in"), "{answer:?}");
    // Where a service makes them; one of a repair shows the folder.
    home.aios(["check", "work"]).exits_with(0);
    fs::remove_file(api.cfg()).unwrap();
    home.aios(["repair", "--yes", "work/api/.venv"]).exits_with(0);
    let folder = made(&home, "repair-")[0].parent().unwrap().to_path_buf();
    let [first, second] = [1_795_000_000_000_u64, 1_795_100_000_000].map(|time| {
        let file = folder.join(format!("all-{time}.aiosb"));
        home.aios(["backup", "create", file.to_str().unwrap(), "work"]).exits_with(0);
        file
    });
    let check = |expected: &std::path::Path, words: &str| {
        for command in ["show", "verify"] {
            let answer = home.aios(["backup", command]).exits_with(0);
            assert!(answer.stderr.contains(expected.to_str().unwrap()), "{answer:?}");
            assert!(answer.stderr.contains(words), "{answer:?}");
        }
    };
    check(&second, "takes `");
    let mut bytes = fs::read(&second).unwrap();
    let at = bytes.len() / 3;
    bytes[at] ^= 0x10;
    fs::write(&second, &bytes).unwrap();
    check(&first, "which is older and whole");
    fs::write(&second, "").unwrap();
    check(&first, "is of no use");
    let plan = home.aios(["backup", "restore", "--dry-run", "--to", "to"]).exits_with(0);
    assert!(plan.stdout.contains("1 of 1 environment can be made here"), "{plan:?}");
    fs::remove_file(&first).unwrap();
    home.aios(["backup", "restore", "--to", "to"]).exits_with(2);
    assert!(!home.join("to").exists());
}

#[test]
fn a_repair_goes_by_a_backup_where_the_store_is_lost() {
    let home = Home::new();
    let api = home.venv("work/api/.venv");
    home.aios(["check", "work"]).exits_with(0);
    let store = crate::support::tree(home.path())
        .into_keys()
        .find(|path| path.file_name().is_some_and(|name| name == "context-0000000000000001.aios"))
        .unwrap();
    let folder = home.join(store.parent().unwrap().parent().unwrap()).join("backups");
    fs::create_dir_all(&folder).unwrap();
    for (time, of) in [(1_795_000_000_000_u64, "work"), (1_795_100_000_000, "work/api")] {
        let file = folder.join(format!("all-{time}.aiosb"));
        home.aios(["backup", "create", file.to_str().unwrap(), of]).exits_with(0);
    }
    let newest = folder.join("all-1795100000000.aiosb");
    fs::write(&newest, "PK").unwrap();
    fs::write(home.join(&store), vec![7; 20_000]).unwrap();
    let cfg = fs::read_to_string(api.cfg()).unwrap();
    fs::remove_file(api.cfg()).unwrap();

    let repaired = home.aios(["repair", "--yes", "work/api/.venv"]).exits_with(0);
    assert!(repaired.stdout.contains("as remembered by the backup of"), "{repaired:?}");
    assert!(repaired.stderr.contains("what is remembered is not used"), "{repaired:?}");
    assert!(repaired.stderr.contains(newest.to_str().unwrap()), "{repaired:?}");
    assert_eq!(fs::read_to_string(api.cfg()).unwrap(), cfg);
}
