//! Links, special files and rights of Unix.

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::process::Stdio;

use super::files::{Odd, check, check_as};
use super::*;
use crate::support::system::{fifo, set_mode, symlink};
use crate::support::write;

// Not on Windows: programs are not links there.
#[test]
fn a_folder_of_links_to_interpreters_means_their_environments() {
    let home = Home::new();
    let base = home.base();
    fs::create_dir_all(home.join("tools/bin")).unwrap();
    symlink(base.executable(), home.join("tools/bin/python3.12")).unwrap();
    for path in ["tools/bin", "tools/bin/python3.12"] {
        let answer = run(&home, &["find", "--format", "json", path]).exits_with(0);
        assert_eq!(answer.environment(&base.prefix)["status"], "healthy", "{path}");
    }
}

// Not on Windows: no folder holds a fifo.
#[test]
fn fifos() {
    check(Odd("fifo", fifo));
}

// Not on Windows: no folder holds a socket.
#[test]
fn sockets() {
    check(Odd("socket", |path| {
        // The name of a socket is short; afterwards it may be moved.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        UnixListener::bind(folder.path().join("s")).unwrap();
        fs::rename(folder.path().join("s"), path).unwrap();
    }));
}

// Not on Windows: no link leads to a device.
#[test]
fn links_to_devices() {
    check(Odd("link to a device", |path| symlink("/dev/zero", path).unwrap()));
}

// Not on Windows: no folder holds a device.
#[test]
fn devices() {
    let put = |path: &Path| {
        let zero = ["c", "1", "5"];
        assert!(Command::new("mknod").arg(path).args(zero).status().unwrap().success());
    };
    let probe = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = probe.path().join("zero");
    if !is_root() || std::panic::catch_unwind(|| put(&path)).is_err() {
        return eprintln!("skipped: this user may not make devices");
    }
    check(Odd("device", put));
}

// Not on Windows: rights are not modes, and are not judged.
#[test]
fn unreadable_files() {
    if can_lack_rights() {
        let put = |path: &Path| {
            write(path, "");
            set_mode(path, 0o000);
        };
        check_as(Odd("unreadable file", put), &run_as_nobody);
    }
}

// Not on Windows: a link takes a right that users lack, and Wine makes none.
#[test]
fn links_that_end_nowhere() {
    let to_itself = |path: &Path| symlink(path.file_name().unwrap(), path).unwrap();
    check(Odd("link to itself", to_itself));
    check(Odd("link to nowhere", |path| symlink("nowhere", path).unwrap()));
}

// Not on Windows: a link takes a right that users lack, and Wine makes none.
#[test]
fn circles() {
    let home = Home::new();
    let healthy = healthy(&home);
    symlink(".", home.join("self")).unwrap();
    symlink("..", home.join("healthy/up")).unwrap();
    symlink(home.path(), home.join("home")).unwrap();
    symlink("b", home.join("a")).unwrap();
    symlink("a", home.join("b")).unwrap();
    let [prefix, site, library, bin, lib, name] =
        ["prefix", "site", "library", "bin", "lib", "name"].map(|n| home.venv(format!("c/{n}")));
    // Folders of an environment that lead back to it.
    symlink(&prefix.prefix, prefix.site("again")).unwrap();
    symlink(".", site.site("webtool2")).unwrap();
    remove(&library.site_packages());
    symlink("..", library.site_packages()).unwrap();
    remove(&bin.bin(""));
    symlink(".", bin.prefix.join("bin")).unwrap();
    remove(&lib.prefix.join("lib"));
    symlink(&lib.prefix, lib.prefix.join("lib")).unwrap();
    remove(&name.site_packages());
    symlink("site-packages", name.site_packages()).unwrap();
    for depth in [&["."][..], &["--deep", "."]] {
        let answer = run(&home, &[&["check", "--format", "json"], depth].concat());
        assert_healthy(&answer.exits_with(1), &healthy);
    }
    let answer = checked(&home);
    for fine in [&prefix, &site] {
        assert_healthy(&answer, fine);
    }
    for broken in [&library, &bin, &lib, &name] {
        assert_eq!(answer.environment(&broken.prefix)["status"], "broken", "{:?}", broken.prefix);
    }
}

// Not on Windows: a link takes a right that users lack, and Wine makes none.
#[test]
fn one_environment_by_many_names() {
    let home = Home::new();
    let healthy = healthy(&home);
    for number in 0..2_000 {
        symlink(&healthy.prefix, home.join(format!("name{number:04}"))).unwrap();
    }
    // The packages of one, seen from others.
    for number in 0..20 {
        let venv = home.venv(format!("lodger{number}/.venv"));
        remove(&venv.site_packages());
        symlink(healthy.site_packages(), venv.site_packages()).unwrap();
    }
    let answer = checked(&home);
    assert_healthy(&answer, &healthy);
    let aliases = answer.environment(&healthy.prefix)["aliases"].as_array().unwrap().len();
    assert_eq!(aliases, 2_000);
    assert_eq!(answer.json()["environments"].as_array().unwrap().len(), 1 + 1 + 20);
}

// Not on Windows: rights are not modes, and are not judged.
#[test]
fn folders_without_rights() {
    if !can_lack_rights() {
        return;
    }
    let home = Home::new();
    open_to_all(&home);
    let healthy = healthy(&home);
    let places = [
        "",
        "bin",
        "lib",
        "lib/python3.12",
        "lib/python3.12/site-packages",
        "lib/python3.12/site-packages/webtool",
        "lib/python3.12/site-packages/webtool-1.2.0.dist-info",
    ];
    let mut denied = Vec::new();
    for (number, place) in places.iter().enumerate() {
        for mode in [0o000, 0o111, 0o444] {
            let venv = home.venv(format!("work/{number}-{mode:o}/.venv"));
            let path: PathBuf = venv.prefix.join(place).components().collect();
            set_mode(&path, mode);
            denied.push((venv.prefix, path, mode));
        }
    }
    fs::create_dir_all(home.join("work/secret/below")).unwrap();
    set_mode(&home.join("work/secret"), 0o000);
    let answer = run_as_nobody(&home, &["check", "--format", "json", "--deep", "."]);
    let by_name = run_as_nobody(&home, &["check", "--format", "json", "work/secret", "healthy"]);
    for (_, path, _) in &denied {
        set_mode(path, 0o755);
    }
    set_mode(&home.join("work/secret"), 0o755);
    let answer = answer.exits_with(1);
    assert_healthy(&answer, &healthy);
    assert_healthy(&by_name.exits_with(2), &healthy);
    assert!(is_reported(&answer, &home.join("work/secret")));
    for (prefix, path, mode) in denied {
        // What may be entered and not listed hides nothing from Python but modules in it.
        let harmless = mode == 0o111 && !path.ends_with("site-packages") && path != prefix;
        assert!(harmless || is_reported(&answer, &path), "{path:?} {mode:o}: {answer:?}");
    }
}

/// Runs the program as nobody, where the tests run as root: root may read everything.
fn run_as_nobody(home: &Home, args: &[&str]) -> Answer {
    open_to_all(home);
    let mut command = home.command();
    if is_root() {
        let program = command.get_program().to_owned();
        command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
        command.env_clear().env("HOME", home.path()).stdin(Stdio::null());
    }
    command.current_dir(home.path()).args(args);
    answer_of(command)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Whether rights can be tested: as root it takes `setpriv`, and a program that others may reach.
fn can_lack_rights() -> bool {
    if !is_root() {
        return true;
    }
    let home = Home::new();
    open_to_all(&home);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    command.arg(env!("CARGO_BIN_EXE_aios")).arg("--version").current_dir(home.path());
    let can = command.output().is_ok_and(|output| output.status.success());
    if !can {
        eprintln!("skipped: root may read everything, and cannot become another user here");
    }
    can
}

/// Lets another user into the temporary folder.
fn open_to_all(home: &Home) {
    set_mode(home.path(), 0o755);
}

// Not on Windows: Wine takes minutes to open a folder that deep; Windows has a longest path too.
#[test]
fn a_path_longer_than_the_system_takes() {
    let home = Home::new();
    let healthy = healthy(&home);
    let base = home.base();
    // Made from its end: 2,000 names of 200 bytes are longer than any path may be.
    let (deep, aside) = (home.join("deep"), home.join("aside"));
    fs::create_dir(&deep).unwrap();
    for _ in 0..2_000 {
        fs::create_dir(&aside).unwrap();
        fs::rename(&deep, aside.join("n".repeat(200))).unwrap();
        fs::rename(&aside, &deep).unwrap();
    }
    // And within reach, though deep.
    let near = home.join("near").join("d/".repeat(50));
    Venv::make(&near.join(".venv"), &base);
    let answer = checked(&home).exits_with(0);
    assert_healthy(&answer, &healthy);
    answer.environment(&near.join(".venv"));
    assert!(is_reported(&answer, &home.join("deep")), "{answer:?}");
    // The standard library cannot remove it by its path.
    remove_deep(&home.join("deep"));
}

/// Removes a chain of folders, each the only one in the one before.
fn remove_deep(folder: &Path) {
    while let Some(entry) = fs::read_dir(folder).unwrap().next() {
        let below = entry.unwrap().path();
        let aside = folder.with_extension("aside");
        fs::rename(&below, &aside).unwrap();
        fs::remove_dir(folder).unwrap();
        fs::rename(&aside, folder).unwrap();
    }
    fs::remove_dir(folder).unwrap();
}
