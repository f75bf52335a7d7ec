//! The disk is full: a real one, of every size from what the environment takes to what its repair takes,
//! in bytes and in files.
//!
//! Not on Windows: a small disk is a mount in a namespace of its own.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};

use super::{Broken, broken_by, outcome};
use crate::support::{Answer, Tree, differences, timeless, tree};

/// Mounts a small disk, copies the project to it, repairs it there, and copies it to where a test sees it.
/// `$0` is the program.
const SCRIPT: &str = r#"
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t tmpfs -o "$1" tmpfs project || exit 91
cp -a stage/. project 2>/dev/null || exit 92
"$0" repair --yes --wheelhouse wheels --format json project/.venv
status=$?
cp -a project/. result || exit 93
exit $status
"#;
const NO_MOUNT: i32 = 91;
const TOO_SMALL: i32 = 92;

/// A page; room is given in pages.
const PAGE_BYTES: u64 = 4096;

#[test]
fn every_size_of_a_disk() {
    let broken = broken_by(&[
        "pyvenv.cfg was deleted",
        "a virus scanner took the interpreter",
        "activate names the place of the build",
        "pip/_internal is gone",
        "idna/core.py is NULs after a power cut",
    ]);
    let before = broken.tree();
    broken.repair(&["--yes", "--wheelhouse", "wheels"]).exits_with(0);
    let after = timeless(&broken.tree());
    broken.repair(&["--undo"]).exits_with(0);
    fs::remove_dir_all(broken.venv.prefix.join(".aios-repair")).unwrap();
    fs::rename(broken.home.join("project"), broken.home.join("stage")).unwrap();
    fs::create_dir(broken.home.join("project")).unwrap();

    let pages: u64 = files(&broken.home.join("stage")).map(|len| len.div_ceil(PAGE_BYTES)).sum();
    let bytes = (pages..).map(|pages| format!("size={}", pages * PAGE_BYTES));
    grow(&broken, &before, &after, bytes);
    let nodes = before.len() as u64;
    grow(&broken, &before, &after, (nodes..).map(|nodes| format!("nr_inodes={nodes}")));
}

/// Larger and larger disks, until the repair works.
fn grow(broken: &Broken, before: &Tree, after: &Tree, sizes: impl Iterator<Item = String>) {
    let result = broken.home.join("result");
    let mut full = 0;
    for size in sizes.take(150) {
        let _ = fs::remove_dir_all(&result);
        fs::create_dir(&result).unwrap();
        let starter = ["/usr/bin/unshare", "--map-root-user", "--mount", "/bin/sh", "-c", SCRIPT];
        let answer = Answer::of(broken.home.command_after(&starter).arg(&size).output().unwrap());
        let there = || -> Tree {
            let at = |path: PathBuf| {
                broken.venv.prefix.join(path.strip_prefix(result.join(".venv")).unwrap())
            };
            tree(&result.join(".venv")).into_iter().map(|(path, node)| (at(path), node)).collect()
        };
        match answer.code {
            Some(0) => {
                assert_eq!(differences(after, &timeless(&there())), "", "{size}");
                assert!(full > 3, "{size}: the disk was full {full} times only");
                return;
            }
            Some(NO_MOUNT) => return eprintln!("skipped: nothing can be mounted here: {answer:?}"),
            Some(TOO_SMALL) => continue,
            Some(2) => {
                full += 1;
                assert_eq!(differences(before, &there()), "", "{size}");
                assert_eq!(outcome(&answer), "failed", "{size}");
                assert!(answer.stdout.contains("No space left"), "{size}: {answer:?}");
            }
            _ => panic!("{size}: {answer:?}"),
        }
    }
    panic!("no disk was large enough");
}

/// Their lengths.
fn files(folder: &Path) -> impl Iterator<Item = u64> {
    let all = tree(folder).into_keys().filter(|path| path.is_file() && !path.is_symlink());
    all.map(|path| fs::metadata(path).unwrap().len())
}
