//! The program, run in fabricated homes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use crate::support::{Answer, Home, Venv, system, write};

/// Links, modes, scripts and signals.
#[cfg(unix)]
mod unix;

#[test]
fn exit_codes() {
    let home = Home::new();
    home.venv("good/.venv");
    fs::remove_file(home.venv("bad/.venv").cfg()).unwrap();
    let check = |args: &str, code: i32| {
        home.aios(args.split(' ')).exits_with(code);
    };
    check("find good", 0);
    check("find bad", 0);
    check("check good", 0);
    check("check bad/.venv", 1);
    check("check good/.venv bad/.venv", 1);
    check("check --format json bad", 1);
    check("check --quiet bad", 1);
    check("find gone", 2);
    check("find --workspace gone", 2);
    check("find --no-such-option", 2);
    check("find good --workspace bad", 2);
    check("check --explain env-moved", 0);
    check("check --explain no-such-code", 2);
    check("--version", 0);
}

#[test]
fn a_missing_path_does_not_hide_the_others() {
    let home = Home::new();
    let venv = home.venv("good/.venv");
    let answer = home.aios(["check", "--format", "json", "gone", "good"]).exits_with(2);
    assert_eq!(answer.environment(&venv.prefix)["status"], "healthy");
    assert_eq!(answer.json()["problems"][0]["path"], "gone");
    assert!(answer.stderr.contains("error: `gone` does not exist\nhint: "), "{answer:?}");
}

#[test]
fn paths_that_are_all_missing_do_not_mean_the_whole_machine() {
    let home = Home::new();
    home.venv("good/.venv");
    let answer = home.aios(["find", "--format", "json", "gone"]).exits_with(2);
    assert_eq!(answer.json()["environments"], serde_json::json!([]));
}

#[test]
fn an_interpreter_names_its_environment() {
    let home = Home::new();
    let venv = home.venv("good/.venv");
    let answer =
        home.aios(["find", "--format", "json", venv.python().to_str().unwrap()]).exits_with(0);
    assert_eq!(answer.environment(&venv.prefix)["version"], "3.12.3");
}

#[test]
fn the_current_folder_is_a_workspace() {
    let home = Home::new();
    let venv = home.venv("here/deep/below/.venv");
    let mut command = home.command();
    command.args(["find", "--format", "json"]).current_dir(home.join("here"));
    let answer = Answer::of(command.output().unwrap()).exits_with(0);
    assert_eq!(answer.environment(&venv.prefix)["kind"], "venv");
}

#[test]
fn workspaces_are_added_to_the_known_places() {
    let home = Home::new();
    let outside = Home::new();
    let venv = outside.venv("project/.venv");
    let tool = home.venv(format!("{}/ruff", system::UV_TOOLS));
    write(&tool.prefix.join("uv-receipt.toml"), "[tool]\nrequirements = [{ name = \"ruff\" }]\n");
    let mut command = home.command();
    command.args(["find", "--format", "json", "--workspace"]).arg(outside.path());
    let answer = Answer::of(command.output().unwrap()).exits_with(0);
    answer.environment(&venv.prefix);
    assert_eq!(answer.environment(&tool.prefix)["kind"], "uv-tool");
}

#[test]
fn the_document_for_programs() {
    let home = Home::new();
    let venv = home.venv("project/.venv");
    let answer = home.aios(["check", "--format", "json", "project/.venv"]).exits_with(0);
    assert_eq!(answer.json()["schema"], "aios.check/1");
    assert_eq!(
        answer.stdout.lines().next().unwrap(),
        r#"{"schema":"aios.check/1","environments":["#
    );
    let environment = answer.environment(&venv.prefix);
    let fields = environment.as_object().unwrap();
    for field in [
        "id",
        "kind",
        "name",
        "prefix",
        "executable",
        "version",
        "implementation",
        "abi_flags",
        "architecture",
        "base_prefix",
        "base_executable",
        "manager",
        "project",
        "aliases",
        "found_by",
        "status",
        "findings",
    ] {
        assert!(fields.contains_key(field), "{field} is missing: {environment}");
    }
    assert_eq!(environment["id"].as_str().unwrap().len(), 16);
    assert_eq!(environment["executable"], venv.python().to_str().unwrap());
    assert_eq!(environment["base_prefix"], venv.base.prefix.to_str().unwrap());
    assert_eq!(environment["base_executable"], venv.base.executable().to_str().unwrap());
    assert_eq!(environment["implementation"], "cpython");
    assert_eq!(environment["abi_flags"], "");
    assert_eq!(environment["found_by"][0]["source"], "argument");
}

#[test]
fn every_run_says_the_same() {
    let home = Home::new();
    for name in ["b", "a/.venv", "c/d/.tox/py312"] {
        home.venv(name);
    }
    let first = home.aios(["find", "--format", "json", "."]).stdout;
    for _ in 0..3 {
        assert_eq!(home.aios(["find", "--format", "json", "."]).stdout, first);
        assert_eq!(home.aios(["find", "--format", "json", "--no-cache", "."]).stdout, first);
    }
}

#[test]
fn text_for_people() {
    let home = Home::new();
    home.venv("good/.venv");
    fs::remove_file(home.venv("bad/.venv").cfg()).unwrap();
    let answer = home.aios(["find", "good", "bad"]);
    let header = answer.stdout.lines().next().unwrap();
    let columns: Vec<&str> = header.split_whitespace().collect();
    assert_eq!(columns, ["kind", "version", "status", "path"]);
    assert!(answer.shown().contains("3.12.3   healthy  ~/good/.venv\n"), "{}", answer.stdout);
    assert!(answer.shown().contains("broken   ~/bad/.venv\n"), "{}", answer.stdout);

    let answer = home.aios(["check", "good", "bad"]);
    assert!(answer.stdout.contains("error  pyvenv-cfg-missing"), "{}", answer.stdout);
    assert!(answer.stdout.contains("causes: ") && answer.stdout.contains("do: "));
    assert!(answer.stdout.contains(": 1 broken, 1 healthy\n"), "{}", answer.stdout);
    assert!(answer.shown().ends_with("    aios repair ~/bad/.venv\n"), "{}", answer.stdout);
    assert_eq!(answer.stderr, "");
}

#[test]
fn quiet_is_silent_when_all_is_well() {
    let home = Home::new();
    home.venv("good/.venv");
    for command in ["find", "check"] {
        let answer = home.aios([command, "--quiet", "good"]).exits_with(0);
        assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), ("", ""));
    }
}

#[test]
fn colour_only_where_it_is_wanted() {
    let home = Home::new();
    home.venv("good/.venv");
    let check = |args: &[&str], variables: &[(&str, &str)], expected: bool| {
        let mut command = home.command();
        command.args(args).arg("good").envs(variables.iter().copied());
        let answer = Answer::of(command.output().unwrap());
        assert_eq!(answer.stdout.contains('\x1b'), expected, "{args:?} {variables:?}");
    };
    check(&["find"], &[], false);
    check(&["find", "--color", "always"], &[], true);
    check(&["find", "--color", "never"], &[("CLICOLOR_FORCE", "1")], false);
    check(&["find"], &[("CLICOLOR_FORCE", "1")], true);
    check(&["find", "--format", "json", "--color", "always"], &[], false);
}

#[test]
fn unusual_names() {
    let home = Home::new();
    let names: Vec<OsString> = system::unusual_names();
    for name in &names {
        Venv::make(&home.join("odd").join(name), &home.base());
    }
    let answer = home.aios(["find", "--format", "json", "odd"]).exits_with(0);
    let document = answer.json();
    let mut found: Vec<Vec<u8>> = Vec::new();
    for environment in document["environments"].as_array().unwrap() {
        found.push(bytes_of(&environment["prefix"]));
        assert_eq!(environment["status"], "healthy", "{environment}");
    }
    for name in &names {
        let prefix = home.join("odd").join(name);
        assert!(found.iter().any(|one| one == prefix.as_os_str().as_encoded_bytes()), "{prefix:?}");
    }
    for args in [["find", "odd"], ["check", "odd"]] {
        let text = home.aios(args).stdout;
        let raw = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(raw), "{text:?}");
        assert!(!text.contains("\nbreak"), "{text:?}");
    }
    let text = home.aios(["find", "odd"]).stdout;
    for name in names.iter().filter(|name| name.to_str().is_none()) {
        let readable: String = name.to_string_lossy().chars().take_while(char::is_ascii).collect();
        assert!(text.contains(&format!("{readable}\\x")), "{name:?}");
    }
    // Each can be named again.
    for name in &names {
        let mut command = home.command();
        command.args(["check", "--"]).arg(name);
        let answer = Answer::of(command.current_dir(home.join("odd")).output().unwrap());
        assert!(answer.exits_with(0).shown().starts_with("healthy  ~/odd/"));
    }
}

/// A path as the JSON format has it.
fn bytes_of(path: &serde_json::Value) -> Vec<u8> {
    use base64::Engine;
    match path {
        serde_json::Value::String(text) => text.clone().into_bytes(),
        other => base64::engine::general_purpose::STANDARD
            .decode(other["bytes"].as_str().expect("bytes"))
            .unwrap(),
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let home = Home::new();
    // More output than a pipe holds.
    let base = home.base();
    for number in 0..300 {
        Venv::make(&home.join(format!("many/environment-with-a-long-name-{number}")), &base);
    }
    for args in [["find", "--format", "json", "many"], ["check", "--format", "json", "many"]] {
        let mut child = home
            .command()
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        Answer::of(child.wait_with_output().unwrap()).exits_with(0);
    }
}

#[test]
fn a_disk_that_is_full_is_an_error() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        return eprintln!("skipped: this system has no /dev/full");
    };
    let home = Home::new();
    let mut command = home.command();
    command.args(["find", home.path().to_str().unwrap()]).stdout(full).stderr(Stdio::piped());
    let answer = Answer::of(command.spawn().unwrap().wait_with_output().unwrap()).exits_with(2);
    assert!(answer.stderr.starts_with("error: cannot write to stdout: "), "{answer:?}");
}

#[test]
fn without_home_and_variables() {
    let home = Home::new();
    let venv = home.venv("good/.venv");
    let mut command = home.command();
    command.env_clear().args(["check", "--format", "json"]).arg(&venv.prefix);
    Answer::of(command.output().unwrap()).exits_with(0).environment(&venv.prefix);
}

#[test]
fn an_empty_folder_holds_no_environment() {
    let home = Home::new();
    fs::create_dir(home.join("empty")).unwrap();
    let answer = home.aios(["find", "empty"]).exits_with(0);
    assert_eq!(answer.stdout, "no Python environment was found\n");
    let answer = home.aios(["check", "--format", "json", "empty"]).exits_with(0);
    assert_eq!(
        answer.stdout,
        "{\"schema\":\"aios.check/1\",\"environments\":[],\"problems\":[]}\n"
    );
}

#[test]
fn nothing_that_is_found_is_run() {
    let home = Home::new();
    let venv = home.venv("trap/.venv");
    let mark = home.join("was-run");
    let trap = format!("#!/bin/sh\ntouch '{}'\n", mark.display());
    let scripts = ["pip", "webtool"].map(|name| venv.script(name));
    for path in system::INTERPRETERS.iter().map(|name| venv.bin(name)).chain(scripts) {
        fs::remove_file(&path).ok();
        system::write_program(&path, &trap);
    }
    write(&venv.site("trap.pth"), format!("import os; os.system('touch {}')\n", mark.display()));
    for args in [["find", "trap"], ["check", "trap"]] {
        let answer = home.aios(args);
        assert!(matches!(answer.code, Some(0 | 1)), "{answer:?}");
    }
    home.aios(["check", "--deep", "trap"]);
    assert!(!mark.exists());
}

#[test]
fn only_the_cache_and_what_is_remembered_are_written() {
    let home = Home::new();
    home.venv("good/.venv");
    fs::remove_file(home.venv("bad/.venv").cfg()).unwrap();
    let before = tree(home.path());
    home.aios(["check", "--deep", "--no-cache", "."]);
    home.aios(["find", "--no-cache", "."]);
    assert_eq!(tree(home.path()), before);
    home.aios(["check", "."]);
    let own = [home.join(system::CACHES), home.join(system::REMEMBERED)];
    let others = |mut tree: BTreeMap<PathBuf, _>| {
        let is_own =
            |path: &Path| own.iter().any(|one| path.starts_with(one) || one.starts_with(path));
        tree.retain(|path, _| !is_own(path));
        tree
    };
    assert_eq!(others(tree(home.path())), others(before));
}

/// Every path below a folder with its size, time of change and, for a link, its target.
fn tree(folder: &Path) -> BTreeMap<PathBuf, (u64, SystemTime, Option<PathBuf>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let facts = (metadata.len(), metadata.modified().unwrap(), fs::read_link(&path).ok());
        found.insert(path, facts);
    }
    found
}

#[test]
fn a_cache_that_cannot_be_used_is_no_error() {
    // On Windows what is remembered would stand beside it.
    let home = Home::forgetful();
    let venv = home.venv("good/.venv");
    let expected = home.aios(["check", "--format", "json", "--no-cache", "good"]).stdout;
    let check = |cache: &Path| {
        let mut command = home.command();
        command.env(system::CACHE_VARIABLE, cache).args(["check", "--format", "json", "good"]);
        let answer = Answer::of(command.output().unwrap()).exits_with(0);
        assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), (expected.as_str(), ""));
    };
    // A folder that cannot be made, a file in its place, and a cache full of nonsense.
    check(Path::new("/dev/null/cache"));
    write(&home.join("a-file"), "");
    check(&home.join("a-file"));
    for nonsense in [&b""[..], b"nonsense", &[0; 4096], &[0xff; 70_000]] {
        write(&home.join("xdg/aios/checks.cache"), nonsense);
        check(&home.join("xdg"));
        // And the one that was written in its place.
        check(&home.join("xdg"));
    }
    // Cut short at many places.
    let whole = fs::read(home.join("xdg/aios/checks.cache")).unwrap_or_default();
    for length in (0..whole.len()).step_by(whole.len() / 20 + 1) {
        write(&home.join("xdg/aios/checks.cache"), &whole[..length]);
        check(&home.join("xdg"));
    }
    drop(venv);
}

/// A distribution of enough files for a check to remember that they were whole.
fn install_many(venv: &crate::support::Venv) {
    let mut record = String::new();
    for number in 0..20 {
        write(&venv.site(&format!("many/m{number}.py")), "x = 1\n");
        record += &format!("many/m{number}.py,,6\n");
    }
    write(&venv.site("many-1.0.dist-info/METADATA"), "Name: many\nVersion: 1.0\n");
    write(&venv.site("many-1.0.dist-info/INSTALLER"), "pip\n");
    write(&venv.site("many-1.0.dist-info/RECORD"), record + "many-1.0.dist-info/RECORD,,\n");
}

#[test]
fn a_cache_in_use_sees_every_change() {
    let home = Home::new();
    let venv = home.venv("good/.venv");
    install_many(&venv);
    // What is younger than two seconds is not kept; everything here is until then.
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    let caches =
        ["environments.cache", "checks.cache"].map(|name| home.join("xdg/aios").join(name));
    let ask = |question: &str| {
        let mut command = home.command();
        command
            .env(system::CACHE_VARIABLE, home.join("xdg"))
            .args([question, "--format", "json", "good"]);
        Answer::of(command.output().unwrap())
    };
    let (found, checked) = (ask("find").exits_with(0).stdout, ask("check").exits_with(0).stdout);
    let read = || caches.each_ref().map(|cache| fs::read(cache).unwrap());
    let kept = read();
    let name = format!("good{}.venv", std::path::MAIN_SEPARATOR);
    for (cache, text) in kept.iter().zip([name.as_str(), "many-1.0.dist-info"]) {
        let holds = cache.windows(text.len()).any(|part| part == text.as_bytes());
        // Not on Windows: a time of change that programs cannot set is what it trusts.
        assert!(holds || cfg!(windows), "nothing was kept: {text}");
    }
    // The same answers from it, and nothing new to keep.
    assert_eq!(ask("find").stdout, found);
    assert_eq!(ask("check").stdout, checked);
    assert_eq!(read(), kept);
    // In place, of the same length: no folder changes.
    write(&venv.site("many/m7.py"), [0; 6]);
    assert!(ask("check").exits_with(1).stdout.contains("package-file-corrupt"));
    write(&venv.site("many/m7.py"), "x = 1\n");
    ask("check").exits_with(0);
    let cfg = fs::read(venv.cfg()).unwrap();
    write(&venv.cfg(), "");
    assert!(ask("find").stdout.contains("\"broken\""));
    write(&venv.cfg(), cfg);
    fs::remove_dir_all(venv.site_packages().parent().unwrap()).unwrap();
    assert!(ask("find").stdout.contains("\"broken\""));
}

#[test]
fn the_cache_sees_what_changed() {
    let home = Home::new();
    let venv = home.venv("good/.venv");
    home.aios(["check", "good"]).exits_with(0);
    let cfg = fs::read(venv.cfg()).unwrap();
    fs::remove_file(venv.cfg()).unwrap();
    home.aios(["check", "good"]).exits_with(1);
    write(&venv.cfg(), cfg);
    home.aios(["check", "good"]).exits_with(0);
    fs::remove_file(venv.site("idna/core.py")).unwrap();
    home.aios(["check", "good"]).exits_with(1);
}

#[test]
fn probing_needs_names() {
    let home = Home::new();
    let answer = home.aios(["check", "--probe"]).exits_with(2);
    assert!(answer.stderr.contains("only those that you name"), "{answer:?}");
    assert_eq!(answer.stdout, "");
}
