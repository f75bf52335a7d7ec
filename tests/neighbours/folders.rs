use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::support::write;

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
        let answer = run(&home, As::Us, &[&["check", "--format", "json"], depth].concat());
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
    let answer = run(&home, As::Nobody, &["check", "--format", "json", "--deep", "."]);
    let by_name = run(&home, As::Nobody, &["check", "--format", "json", "work/secret", "healthy"]);
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

/// Folders come and go while the program looks at them.
#[test]
fn folders_that_vanish() {
    let home = Home::new();
    let healthy = healthy(&home);
    let venv = home.venv("work/.venv");
    let end = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (site, away) = (venv.site_packages(), venv.prefix.join("away"));
            while !end.load(Ordering::Relaxed) {
                fs::rename(home.join("work"), home.join("moved")).unwrap();
                fs::rename(home.join("moved"), home.join("work")).unwrap();
                fs::rename(&site, &away).unwrap();
                fs::rename(&away, &site).unwrap();
                fs::create_dir_all(home.join("short/a/b/c")).unwrap();
                write(&home.join("short/pyvenv.cfg"), "home = /\n");
                fs::remove_dir_all(home.join("short")).unwrap();
            }
        });
        // A panic must not leave the thread behind, or the scope never ends.
        let result = std::panic::catch_unwind(|| {
            for _ in 0..15 {
                assert_healthy(&checked(&home), &healthy);
            }
        });
        end.store(true, Ordering::Relaxed);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn crowds_of_siblings() {
    let home = Home::new();
    let healthy = healthy(&home);
    // One in a store that is listed, and in a folder that is walked.
    for folder in ["work", ".virtualenvs"] {
        for number in 0..50_000 {
            fs::create_dir_all(home.join(folder).join(format!("{number:06}"))).unwrap();
        }
        Venv::make(&home.join(folder).join("000500/.venv"), &healthy.base);
        Venv::make(&home.join(folder).join("010000"), &healthy.base);
        Venv::make(&home.join(folder).join("zzz"), &healthy.base);
    }
    let answer = run(&home, As::Us, &["check", "--format", "json", "--workspace", "work"]);
    assert_healthy(&answer, &healthy);
    for prefix in
        ["work/000500/.venv", "work/010000", "work/zzz", ".virtualenvs/010000", ".virtualenvs/zzz"]
    {
        assert_eq!(answer.environment(&home.join(prefix))["status"], "healthy");
    }
}

#[test]
fn crowds_of_files() {
    let home = Home::new();
    let healthy = healthy(&home);
    let venv = home.venv("crowd/.venv");
    fs::create_dir_all(home.join("files")).unwrap();
    let empty = home.join("files/empty");
    write(&empty, "");
    // Links take less time than files.
    for (folder, count) in [
        (home.join("files"), 100_000),
        (venv.site_packages(), 60_000),
        (venv.bin(""), 20_000),
        (venv.site("webtool"), 20_000),
    ] {
        for number in 0..count {
            let name = folder.join(format!("f{number:06}"));
            if number % 60_000 == 0 { write(&name, "") } else { link(&empty, &name) }
        }
    }
    let answer = checked(&home);
    assert_healthy(&answer, &healthy);
    assert_healthy(&answer, &venv);
}

fn link(from: &Path, to: &Path) {
    // A file has 65,000 names on some file systems.
    fs::hard_link(from, to).or_else(|_| File::create(to).map(drop)).unwrap();
}

#[test]
fn a_path_longer_than_the_system_takes() {
    let home = Home::new();
    let healthy = healthy(&home);
    let base = home.base();
    // Made with short names: 2,000 of them are longer than any path may be.
    let mut folder =
        rustix::fs::open(home.path(), rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty())
            .unwrap();
    let names = ["deep".to_owned(), "n".repeat(200)];
    for level in 0..2_000 {
        let name = &names[level.min(1)];
        let mode = rustix::fs::Mode::from_raw_mode(0o755);
        rustix::fs::mkdirat(&folder, name, mode).unwrap();
        folder = rustix::fs::openat(
            &folder,
            name,
            rustix::fs::OFlags::DIRECTORY,
            rustix::fs::Mode::empty(),
        )
        .unwrap();
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
