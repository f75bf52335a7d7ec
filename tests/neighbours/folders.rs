use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::support::{system, write};

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
                there_and_back(&home.join("work"), &home.join("moved"));
                there_and_back(&site, &away);
                fs::create_dir_all(home.join("short/a/b/c")).unwrap();
                write(&home.join("short/pyvenv.cfg"), "home = /\n");
                while home.join("short").exists() && fs::remove_dir_all(home.join("short")).is_err()
                {
                }
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

/// Renames a folder and back. Windows renames none in which something is open.
fn there_and_back(here: &Path, there: &Path) {
    if fs::rename(here, there).is_ok() {
        while fs::rename(there, here).is_err() {}
    }
}

#[test]
fn crowds_of_siblings() {
    let home = Home::new();
    let healthy = healthy(&home);
    // One in a store that is listed, and in a folder that is walked.
    for folder in ["work", ".virtualenvs"] {
        for number in 0..system::CROWD {
            fs::create_dir_all(home.join(folder).join(format!("{number:06}"))).unwrap();
        }
        Venv::make(&home.join(folder).join("000500/.venv"), &healthy.base);
        Venv::make(&home.join(folder).join("001000"), &healthy.base);
        Venv::make(&home.join(folder).join("zzz"), &healthy.base);
    }
    let answer = run(&home, &["check", "--format", "json", "--workspace", "work"]);
    assert_healthy(&answer, &healthy);
    for prefix in
        ["work/000500/.venv", "work/001000", "work/zzz", ".virtualenvs/001000", ".virtualenvs/zzz"]
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
        (home.join("files"), 2 * system::CROWD),
        (venv.site_packages(), system::CROWD),
        (venv.bin(""), system::CROWD / 2),
        (venv.site("webtool"), system::CROWD / 2),
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
