//! What `ffi/install` puts below a folder is found by CMake and by pkg-config.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::programs::blocks;
use super::{libraries, of_the_project, succeeded};
use crate::support::Home;

/// Whether a program is there; on a machine of continuous integration it must be.
fn is_there(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").output().is_ok();
    assert!(is_there || std::env::var_os("CI").is_none(), "{program} is missing");
    if !is_there {
        println!("skipped: there is no {program}");
    }
    is_there
}

fn run(command: &mut Command) -> String {
    succeeded(&command.output().unwrap())
}

/// A folder with the library and the program of the page, which is not compiled yet.
fn installed() -> Home {
    let home = Home::new();
    let mut install = Command::new(of_the_project("ffi/install"));
    run(install.arg(home.join("prefix")).env("AIOS_LIBRARIES", libraries()));
    let source = blocks("docs/cpp.md", "cpp").swap_remove(0);
    fs::write(home.join("broken.cpp"), source).unwrap();
    home
}

fn finds_nothing_broken(home: &Home, program: &Path) {
    fs::create_dir_all(home.join("work")).unwrap();
    let said = run(home.command_of(program).arg(home.join("work")));
    assert_eq!(said, "0 broken\n");
}

// Not on Windows: a program under Wine starts no compiler of the machine.
#[cfg(unix)]
#[test]
fn cmake_and_pkg_config_find_what_is_installed() {
    let home = installed();
    if is_there("pkg-config") {
        // What the page says to type.
        let shell = blocks("docs/cpp.md", "sh").swap_remove(1);
        let path = home.join("prefix/lib/pkgconfig");
        let mut command = Command::new("sh");
        run(command.args(["-ec", &shell]).env("PKG_CONFIG_PATH", path).current_dir(home.path()));
        finds_nothing_broken(&home, &home.join("broken"));
    }
    if is_there("cmake") {
        let lists = blocks("docs/cpp.md", "cmake").swap_remove(0);
        fs::write(home.join("CMakeLists.txt"), lists).unwrap();
        let prefix = format!("-DCMAKE_PREFIX_PATH={}", home.join("prefix").display());
        let mut cmake = Command::new("cmake");
        run(cmake.args(["-S", ".", "-B", "build", &prefix]).current_dir(home.path()));
        run(Command::new("cmake").args(["--build", "build"]).current_dir(home.path()));
        finds_nothing_broken(&home, &home.join("build/broken"));
        // A version that is not there is not found.
        let lists = home.join("CMakeLists.txt");
        let text = fs::read_to_string(&lists).unwrap();
        fs::write(&lists, text.replace("find_package(aios 0.1 ", "find_package(aios 9.1 "))
            .unwrap();
        let mut cmake = Command::new("cmake");
        cmake.args(["-S", ".", "-B", "other", &prefix]).current_dir(home.path());
        assert!(!cmake.output().unwrap().status.success());
    }
}
