//! A plan with every kind of change, carried out in every way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::change::{Change, Content, State};
use super::disk::{Disk, RealDisk};
use super::*;

mod faulty;
/// The same plan without a journal.
mod fresh;
/// Killed, interrupted, or with a full disk, at each call of the system: nothing may be lost.
mod interrupted;
/// Several repairs, and several rounds of one.
mod sessions;
/// Journals, links and bits that somebody else put there.
mod untrusted;

pub(super) use faulty::Faulty;

/// Everything below the prefix but the repairs: what stands at each path.
fn tree(prefix: &Path) -> BTreeMap<PathBuf, State> {
    fn add(folder: &Path, tree: &mut BTreeMap<PathBuf, State>) {
        for entry in crate::fs::list(folder).unwrap() {
            let path = folder.join(&entry.name);
            if entry.name == FOLDER {
                continue;
            }
            tree.insert(path.clone(), State::of(&path).unwrap());
            if entry.kind == crate::fs::Kind::Folder {
                add(&path, tree);
            }
        }
    }
    let mut all = BTreeMap::new();
    add(prefix, &mut all);
    all
}

/// A folder and a plan with every kind of change, some of which build on others.
fn staged() -> (tempfile::TempDir, Plan) {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().canonicalize().unwrap().join("env");
    let write = |relative: &str, content: &str| {
        let path = prefix.join(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write("pyvenv.cfg", "home = /gone\n");
    write("bin/tool", "#!/old/bin/python\nprint()\n");
    write("bin/other", "#!/old/bin/python\n");
    write("bin/deploy.sh", "#!/bin/sh\n");
    write("lib/~ip/__init__.py", "");
    write("lib/~ip/main.py", "main = 1\n");
    write("lib/~dna/core.py", "core = 1\n");
    write("lib/data", "a file where a folder belongs");
    if crate::system::HAS_LINKS {
        crate::system::symlink(Path::new("/gone/python3"), &prefix.join("bin/python")).unwrap();
    } else {
        write("bin/python", "a copy that is damaged");
    }
    let base = folder.path().join("python3.12");
    std::fs::write(&base, "an interpreter").unwrap();

    let at = |relative: &str| prefix.join(relative);
    let bytes = |text: &str| Content::Bytes(text.as_bytes().to_vec());
    let step = |action, changes| Step { action, reasons: Vec::new(), what: String::new(), changes };
    let plan = Plan {
        prefix: prefix.clone(),
        steps: vec![
            step(
                Action::WriteMarker,
                vec![Change::Write {
                    path: at("pyvenv.cfg"),
                    content: bytes("home = /usr/bin\n"),
                    mode: None,
                }],
            ),
            step(
                Action::LinkInterpreter,
                vec![
                    if crate::system::HAS_LINKS {
                        Change::Link { path: at("bin/python"), target: base.clone() }
                    } else {
                        Change::Write {
                            path: at("bin/python"),
                            content: Content::File(base.clone()),
                            mode: None,
                        }
                    },
                    Change::Write {
                        path: at("bin/python3"),
                        content: Content::File(base),
                        mode: Some(0o755),
                    },
                ],
            ),
            step(
                Action::RewriteShebangs,
                vec![
                    Change::Write {
                        path: at("bin/tool"),
                        content: bytes("#!/new/bin/python\nprint()\n"),
                        mode: Some(0o755),
                    },
                    Change::Mode { path: at("bin/other"), mode: 0o755 },
                ],
            ),
            step(
                Action::RestorePip,
                vec![
                    Change::Rename { from: at("lib/~ip"), to: at("lib/pip") },
                    Change::Remove { path: at("lib/~dna") },
                ],
            ),
            step(
                Action::RestoreLayout,
                vec![
                    Change::Remove { path: at("lib/data") },
                    Change::Folder { path: at("lib/data") },
                    Change::Write {
                        path: at("lib/data/x.txt"),
                        content: bytes("x"),
                        mode: Some(0o600),
                    },
                ],
            ),
        ],
        unsolved: Vec::new(),
    };
    (folder, plan)
}

fn carry_out(disk: &dyn Disk, plan: &Plan) -> Result<Ended, Error> {
    Session::begin(disk, &plan.prefix)?.carry_out(plan, || Verdict::Keep)
}

/// What stands there before, and once the plan is carried out; and the calls that takes.
fn both_ends() -> (BTreeMap<PathBuf, State>, BTreeMap<PathBuf, State>, usize) {
    let (folder, plan) = staged();
    let root = folder.path().canonicalize().unwrap();
    let relative = |tree: BTreeMap<PathBuf, State>| {
        let targets = |state| match state {
            State::Link(target) => {
                State::Link(target.strip_prefix(&root).unwrap_or(&target).into())
            }
            other => other,
        };
        tree.into_iter()
            .map(|(path, state)| (path.strip_prefix(&root).unwrap().to_owned(), targets(state)))
            .collect()
    };
    let before = relative(tree(&plan.prefix));
    let disk = Faulty::counting();
    assert!(matches!(carry_out(&disk, &plan), Ok(Ended::Kept)));
    (before, relative(tree(&plan.prefix)), disk.calls())
}

fn relative_tree(folder: &tempfile::TempDir, plan: &Plan) -> BTreeMap<PathBuf, State> {
    let root = folder.path().canonicalize().unwrap();
    tree(&plan.prefix)
        .into_iter()
        .map(|(path, state)| {
            let state = match state {
                State::Link(to) => State::Link(to.strip_prefix(&root).unwrap_or(&to).into()),
                other => other,
            };
            (path.strip_prefix(&root).unwrap().to_owned(), state)
        })
        .collect()
}

#[test]
fn does_what_the_plan_says() {
    let (folder, plan) = staged();
    let before = tree(&plan.prefix);
    assert!(matches!(carry_out(&RealDisk, &plan), Ok(Ended::Kept)));
    let read = |relative: &str| std::fs::read_to_string(plan.prefix.join(relative)).unwrap();
    assert_eq!(read("pyvenv.cfg"), "home = /usr/bin\n");
    assert_eq!(read("bin/python"), "an interpreter");
    assert_eq!(read("bin/tool"), "#!/new/bin/python\nprint()\n");
    assert_eq!(read("lib/pip/main.py"), "main = 1\n");
    assert_eq!(read("lib/data/x.txt"), "x");
    assert_eq!(read("bin/deploy.sh"), "#!/bin/sh\n");
    assert!(!plan.prefix.join("lib/~dna").exists() && !plan.prefix.join("lib/~ip").exists());
    let past = list(&plan.prefix).unwrap();
    assert_eq!(past.iter().map(|past| past.end).collect::<Vec<_>>(), [End::Done]);
    assert_eq!(past[0].steps[0].0, Action::WriteMarker);

    let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
    assert_eq!(session.undo().unwrap().unwrap().end, End::Undone);
    assert_eq!(tree(&plan.prefix), before);
    assert!(session.undo().unwrap().is_none(), "it was taken back already");
    drop(folder);
}

#[test]
fn what_is_not_accepted_is_rolled_back() {
    let (_folder, plan) = staged();
    let before = tree(&plan.prefix);
    let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
    let ended = session.carry_out(&plan, || {
        assert_ne!(tree(&plan.prefix), before, "it is asked once everything is in place");
        Verdict::TakeBack
    });
    assert!(matches!(ended, Ok(Ended::RolledBack)));
    assert_eq!(tree(&plan.prefix), before);
    assert_eq!(list(&plan.prefix).unwrap()[0].end, End::Undone);
}

#[test]
fn what_somebody_else_changed_is_left_alone() {
    let (_folder, plan) = staged();
    carry_out(&RealDisk, &plan).unwrap();
    let cfg = plan.prefix.join("pyvenv.cfg");
    std::fs::write(&cfg, "home = /mine\n").unwrap();
    let undone = Session::begin(&RealDisk, &plan.prefix).unwrap().undo();
    assert!(matches!(&undone, Err(Error::Changed { path }) if *path == cfg), "{undone:?}");
    assert_eq!(std::fs::read_to_string(&cfg).unwrap(), "home = /mine\n");
}

#[test]
fn each_path_is_changed_once() {
    let (_folder, plan) = staged();
    let before = tree(&plan.prefix);
    let at = |relative: &str| plan.prefix.join(relative);
    let write = |relative: &str| Change::Write {
        path: at(relative),
        content: Content::Bytes(b"again".to_vec()),
        mode: None,
    };
    for second in [
        write("pyvenv.cfg"),
        Change::Mode { path: at("bin/tool"), mode: 0o700 },
        write("lib/pip/main.py"),
        Change::Remove { path: at("bin") },
    ] {
        let mut twice = plan.clone();
        twice.steps[4].changes.push(second.clone());
        let ended = carry_out(&RealDisk, &twice);
        assert!(matches!(ended, Err(Error::Unexpected { .. })), "{second:?}: {ended:?}");
        assert_eq!(tree(&plan.prefix), before);
    }
}

#[cfg(windows)]
#[test]
fn a_file_in_use_is_named() {
    use std::os::windows::fs::OpenOptionsExt;

    const FILE_SHARE_READ: u32 = 1;
    let (_folder, plan) = staged();
    let before = tree(&plan.prefix);
    let path = plan.prefix.join("pyvenv.cfg");
    let held =
        std::fs::OpenOptions::new().read(true).share_mode(FILE_SHARE_READ).open(&path).unwrap();
    let ended = carry_out(&RealDisk, &plan);
    assert!(matches!(&ended, Err(Error::InUse { path: named }) if *named == path), "{ended:?}");
    drop(held);
    assert_eq!(tree(&plan.prefix), before);
}
