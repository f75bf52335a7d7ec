//! `aios backup`: one file of what the environments are, and what becomes of it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use aios_core::engine;
use aios_core::snapshot::Image;
use zip::ZipArchive;

use crate::support::{Distribution, Home, Venv, write};

mod killed;
mod originals;
mod restore;
mod rolling;
mod typed;
mod wheels;
mod whole_home;

const SECRET: &str = "s3cret-of-mine";

/// `work/api/.venv` with a distribution from a place with a password, `work/model/.venv`, which is broken.
fn home() -> Home {
    let home = Home::new();
    let api = home.venv("work/api/.venv");
    from_private_place(&api);
    write(&home.join("work/api/requirements.txt"), "idna==3.7\n");
    let lost = home.venv("work/model/.venv");
    fs::remove_file(lost.cfg()).unwrap();
    home
}

fn from_private_place(venv: &Venv) {
    venv.install(&Distribution { name: "private", version: "1.0", ..Distribution::default() });
    let info = venv.site("private-1.0.dist-info");
    let url = format!("https://me:{SECRET}@example.org/private-1.0-py3-none-any.whl");
    write(&info.join("direct_url.json"), format!("{{\"url\": \"{url}\", \"archive_info\": {{}}}}"));
    let mut record = fs::read_to_string(info.join("RECORD")).unwrap();
    record.push_str("private-1.0.dist-info/direct_url.json,,\n");
    write(&info.join("RECORD"), record);
}

/// Every file of the archive, as any program reads it.
fn unpacked(file: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(fs::File::open(file).unwrap()).unwrap();
    let mut members = Vec::new();
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        members.push((member.name().unwrap().to_string(), bytes));
    }
    members
}

/// The environments that the image of what was remembered has.
fn remembered(file: &Path) -> Vec<PathBuf> {
    let members = unpacked(file);
    let (_, bytes) = members.into_iter().find(|(name, _)| name == "snapshot.aios").unwrap();
    let image = Image::of(bytes).unwrap();
    let environments = engine::environments(&image.tree()).unwrap();
    environments.iter().map(|(_, state)| state.prefix().unwrap()).collect()
}

#[test]
fn made_shown_and_verified() {
    let home = home();
    let file = home.join("before.aiosb");
    let made = home.aios(["backup", "create", "before.aiosb", "work"]).exits_with(0);
    let text = made.shown();
    for expected in [
        "2 environments, ",
        "1 file of 1 project, snapshot 1",
        "read back: ",
        "1 broken environment",
    ] {
        assert!(text.contains(expected), "{expected}: {made:?}");
    }

    let shown = home.aios(["backup", "show", "before.aiosb"]).exits_with(0).shown();
    for expected in
        ["~/work/api/.venv", "broken", "they stand on", "3.12.3", "~/work/api: requirements.txt"]
    {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let document =
        home.aios(["backup", "show", "before.aiosb", "--format", "json"]).exits_with(0).json();
    assert_eq!(document["schema"], "aios.backup/1");
    assert_eq!(Path::new(document["file"].as_str().unwrap()), file);
    let api = &document["environments"][0];
    assert_eq!(Path::new(api["prefix"].as_str().unwrap()), home.join("work/api/.venv"));
    assert_eq!((&api["kind"], &api["status"]), (&"venv".into(), &"healthy".into()));
    let private =
        api["distributions"].as_array().unwrap().iter().find(|one| one["name"] == "private");
    let url = "https://example.org/private-1.0-py3-none-any.whl";
    assert_eq!(private.unwrap()["direct_url"]["url"], url);
    let broken = &document["environments"][1];
    assert_eq!(broken["findings"][0], "pyvenv-cfg-missing");

    let verified = home.aios(["backup", "verify", "before.aiosb"]).exits_with(0);
    assert!(verified.shown().contains("before.aiosb is whole: "), "{verified:?}");
    let names: Vec<String> = unpacked(&file).into_iter().map(|(name, _)| name).collect();
    assert!(
        names.iter().any(|name| name == "environments/01-api-venv/requirements.txt"),
        "{names:?}"
    );
    let members = document["members"].as_array().unwrap().len();
    assert_eq!(names.len(), members + 1);
}

/// What is remembered holds the files of installers as they are; what leaves the machine does not.
#[test]
fn no_password_leaves_the_machine() {
    let home = home();
    home.aios(["backup", "create", "all.aiosb", "--workspace", "work"]).exits_with(0);
    home.aios(["backup", "create", "one.aiosb", "work/api/.venv"]).exits_with(0);
    let has_secret =
        |bytes: &[u8]| bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
    let stores = crate::support::tree(home.path());
    let stores = stores.keys().filter(|path| path.to_string_lossy().contains("context"));
    let in_store =
        stores.filter(|path| fs::read(home.join(path)).is_ok_and(|bytes| has_secret(&bytes)));
    assert!(in_store.count() > 0, "the test would not see it");
    for file in ["all.aiosb", "one.aiosb"] {
        for (name, bytes) in unpacked(&home.join(file)) {
            assert!(!has_secret(&bytes), "{file}: {name}");
        }
    }
    assert!(remembered(&home.join("all.aiosb")).len() > 1);
    assert_eq!(remembered(&home.join("one.aiosb")), [home.join("work/api/.venv")]);
}

#[test]
fn nothing_is_written_when_it_would_not_be_all() {
    let home = home();
    write(&home.join("mine.txt"), "mine");
    write(&home.join("empty/x"), "");
    let check = |args: &[&str], expected: &str| {
        let before = fs::read_dir(home.path()).unwrap().count();
        let answer = home.aios([&["backup", "create"], args].concat()).exits_with(2);
        assert!(answer.stderr.contains(expected), "{answer:?}");
        assert_eq!(answer.stdout, "");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), before, "{args:?}");
    };
    // Remembering makes its folder once.
    home.aios(["check", "work"]);
    check(&["mine.txt", "work"], "`aios backup create` never writes over anything");
    check(&["x.aiosb", "work", "nowhere"], "does not exist");
    check(&["x.aiosb", "empty"], "holds no environment");
    check(&["nowhere/x.aiosb", "work"], "is no folder");
    assert_eq!(fs::read_to_string(home.join("mine.txt")).unwrap(), "mine");
}

#[test]
fn a_damaged_one_is_told_from_a_whole_one() {
    let home = home();
    home.aios(["backup", "create", "x.aiosb", "work"]).exits_with(0);
    let file = home.join("x.aiosb");
    let whole = fs::read(&file).unwrap();
    let check = |code: i32, expected: &str| {
        let answer = home.aios(["backup", "verify", "x.aiosb"]).exits_with(code);
        let said = format!("{}{}", answer.stdout, answer.stderr);
        assert!(said.contains(expected), "{answer:?}");
    };
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    check(2, "was cut short");
    fs::write(&file, b"age-encryption.org/v1\n").unwrap();
    check(2, "header of age that has no end");
    fs::write(&file, "text").unwrap();
    check(2, "is no backup");
    fs::remove_file(&file).unwrap();
    check(2, "cannot read");

    // One bit of one member, and the rest is as it was.
    let mut archive = ZipArchive::new(std::io::Cursor::new(&whole)).unwrap();
    let member = archive.by_name("RECOVER.txt").unwrap();
    let at = member.data_start().unwrap() as usize + 100;
    drop(member);
    let mut damaged = whole.clone();
    damaged[at] ^= 4;
    fs::write(&file, &damaged).unwrap();
    check(1, "damaged  RECOVER.txt");
    let answer =
        home.aios(["backup", "verify", "x.aiosb", "--format", "json"]).exits_with(1).json();
    assert_eq!(answer["schema"], "aios.backup-verify/1");
    assert_eq!(answer["damaged"][0]["name"], "RECOVER.txt");
    home.aios(["backup", "show", "x.aiosb"]).exits_with(0);
}

#[test]
fn without_memory_it_has_all_else() {
    let home = Home::forgetful();
    home.venv("work/.venv");
    let made =
        home.aios(["backup", "create", "x.aiosb", "work", "--format", "json"]).exits_with(0).json();
    assert_eq!(made["snapshot"], serde_json::Value::Null);
    assert_eq!(made["environments"].as_array().unwrap().len(), 1);
    home.aios(["backup", "verify", "x.aiosb"]).exits_with(0);
}

#[test]
fn encrypted_with_a_passphrase() {
    let home = Home::forgetful();
    home.venv("work/.venv");
    write(&home.join("secret"), "correct horse\nnot this\n");
    write(&home.join("wrong"), "correct house\n");
    write(&home.join("empty"), "\n");
    let create = ["backup", "create", "x.aiosb", "work", "--passphrase-file"];
    let made = home.aios(create.iter().chain(&["secret"])).exits_with(0);
    assert!(made.stdout.contains("encrypted with a passphrase or for keys"), "{made:?}");
    let bytes = fs::read(home.join("x.aiosb")).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
    let check = |args: &[&str], code: i32, expected: &str| {
        let answer = home.aios([&["backup", "verify", "x.aiosb"], args].concat()).exits_with(code);
        let said = format!("{}{}", answer.stdout, answer.stderr);
        assert!(said.contains(expected), "{answer:?}");
    };
    check(&["--passphrase-file", "secret"], 0, "is whole");
    check(&["--passphrase-file", "wrong"], 2, "does not open with this");
    check(&["--passphrase-file", "empty"], 2, "the first line of `empty` is empty");
    check(&["--passphrase-file", "nowhere"], 2, "cannot read `nowhere`");
    check(&["--identity", "wrong"], 2, "line 1 of `wrong` is no key");
    check(&[], 2, "`--passphrase-file FILE` reads the passphrase");
    let answer = home.aios(["backup", "create", "y.aiosb", "work", "--encrypt"]).exits_with(2);
    assert!(answer.stderr.contains("there is no terminal to ask on"), "{answer:?}");
    assert!(!home.join("y.aiosb").exists());
}

#[test]
fn encrypted_for_a_key() {
    let home = Home::forgetful();
    home.venv("work/.venv");
    // Of `age-keygen`; nobody uses it.
    const KEY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
    const PUBLIC: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    write(&home.join("key.txt"), format!("# public key: {PUBLIC}\n{KEY}\n"));
    let create = ["backup", "create", "x.aiosb", "work", "--recipient"];
    home.aios(create.iter().chain(&[PUBLIC])).exits_with(0);
    let with_key = ["--identity", "key.txt"];
    for command in ["show", "verify"] {
        home.aios(["backup", command, "x.aiosb"].iter().chain(&with_key)).exits_with(0);
    }
    let show = ["backup", "show", "x.aiosb", "--format", "json"];
    let shown = home.aios(show.iter().chain(&with_key)).exits_with(0).json();
    assert_eq!(shown["encrypted"], true);
    let plan = ["backup", "restore", "x.aiosb", "--dry-run", "--to", "to"];
    let answer = home.aios(plan.iter().chain(&with_key)).exits_with(0);
    assert!(answer.stdout.contains("1 of 1 environment can be made here"), "{answer:?}");
    let answer = home.aios(["backup", "show", "x.aiosb"]).exits_with(2);
    assert!(answer.stderr.contains("`--identity FILE`"), "{answer:?}");
    let answer = home.aios(create.iter().chain(&["age1nothing"])).exits_with(2);
    assert!(answer.stderr.contains("age1nothing"), "{answer:?}");
}
