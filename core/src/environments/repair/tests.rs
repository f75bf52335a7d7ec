//! A repair that is killed, or whose disk fails, at each call of the system: nothing may be lost.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::change::{Change, Content, State};
use super::disk::{Disk, RealDisk};
use super::journal::{Journal, Recorded, mode_is};
use super::*;

/// Fails at one call: once, as a full disk does, or from then on, as a killed process does.
#[derive(Debug)]
pub(super) struct Faulty {
    calls: Cell<usize>,
    at: usize,
    dies: bool,
    /// Set at that call, as Ctrl-C does; then no call fails.
    stop: Option<Arc<AtomicBool>>,
}

impl Faulty {
    fn new(at: usize, dies: bool) -> Faulty {
        Faulty { calls: Cell::new(0), at, dies, stop: None }
    }

    /// Every call after so many fails, as after a kill.
    pub(super) fn dying_after(calls: usize) -> Faulty {
        Faulty::new(calls, true)
    }

    /// Counts all calls and fails at none.
    fn counting() -> Faulty {
        Faulty::new(usize::MAX, false)
    }

    fn call(&self, real: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let call = self.calls.replace(self.calls.get() + 1);
        if let Some(stop) = &self.stop {
            stop.fetch_or(call == self.at, Ordering::Relaxed);
            return real();
        }
        if call == self.at || self.dies && call > self.at {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        real()
    }
}

impl Disk for Faulty {
    fn create(&self, path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
        if self.stop.is_none() && self.calls.get() == self.at {
            // A write that ends early leaves what it wrote.
            RealDisk.create(path, &content[..content.len() / 2], mode)?;
        }
        self.call(|| RealDisk.create(path, content, mode))
    }
    fn copy(&self, from: &Path, to: &Path, mode: u32) -> io::Result<()> {
        if self.stop.is_none() && self.calls.get() == self.at {
            RealDisk.create(to, b"half", mode)?;
        }
        self.call(|| RealDisk.copy(from, to, mode))
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| RealDisk.hard_link(from, to))
    }
    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.call(|| RealDisk.symlink(target, path))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| RealDisk.rename(from, to))
    }
    fn exchange(&self, a: &Path, b: &Path) -> io::Result<()> {
        self.call(|| RealDisk.exchange(a, b))
    }
    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.call(|| RealDisk.set_mode(path, mode))
    }
    fn take_owner(&self, path: &Path, of: &Path) -> io::Result<()> {
        self.call(|| RealDisk.take_owner(path, of))
    }
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.call(|| RealDisk.make_folder(path))
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.call(|| RealDisk.remove_file(path))
    }
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.call(|| RealDisk.remove_folder(path))
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.call(|| RealDisk.sync_folder(path))
    }
}

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
    (before, relative(tree(&plan.prefix)), disk.calls.get())
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
fn a_full_disk_at_any_call_leaves_everything_as_it_was() {
    let (before, _, calls) = both_ends();
    for at in 0..calls {
        let (folder, plan) = staged();
        let ended = carry_out(&Faulty::new(at, false), &plan);
        let now = relative_tree(&folder, &plan);
        match ended {
            // Hard links have a fallback.
            Ok(_) => assert_ne!(now, before, "call {at}"),
            Err(_) => assert_eq!(now, before, "call {at}: {ended:?}"),
        }
        // And the next attempt works.
        if ended.is_err() {
            let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
            if session.undo().unwrap().is_some() {
                assert_eq!(relative_tree(&folder, &plan), before, "call {at}");
            }
            assert!(
                matches!(session.carry_out(&plan, || Verdict::Keep), Ok(Ended::Kept)),
                "call {at}"
            );
        }
    }
}

#[test]
fn a_kill_at_any_call_is_undone_or_gone_on_with() {
    let (before, after, calls) = both_ends();
    let mut resumed = 0;
    for at in 0..calls {
        for go_on in [false, true] {
            let (folder, plan) = staged();
            let _ = carry_out(&Faulty::new(at, true), &plan);
            let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
            let past = if go_on { session.resume(|| false) } else { session.undo() };
            let past = past.unwrap_or_else(|error| panic!("call {at}, go on {go_on}: {error}"));
            let now = relative_tree(&folder, &plan);
            match past.map(|past| past.end) {
                Some(End::Done) => assert_eq!(now, after, "call {at}"),
                // It was killed in its last call, and is done.
                None if go_on && list(&plan.prefix).unwrap().iter().any(|p| p.end == End::Done) => {
                    assert_eq!(now, after, "call {at}");
                }
                // Taken back, or it had not begun to change anything.
                Some(_) | None => assert_eq!(now, before, "call {at}, go on {go_on}"),
            }
            resumed += usize::from(go_on && now == after);
        }
    }
    assert!(resumed > 10, "most kills are within the changes: {resumed} of {calls}");
}

#[test]
fn a_kill_while_it_is_taken_back_loses_nothing_either() {
    let (before, after, _) = both_ends();
    let counting = Faulty::counting();
    let (_folder, plan) = staged();
    carry_out(&RealDisk, &plan).unwrap();
    Session::begin(&counting, &plan.prefix).unwrap().undo().unwrap();
    for at in 0..counting.calls.get() {
        for go_on in [false, true] {
            let (folder, plan) = staged();
            carry_out(&RealDisk, &plan).unwrap();
            if let Ok(session) = Session::begin(&Faulty::new(at, true), &plan.prefix) {
                let _ = session.undo();
            }
            let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
            let ended = if go_on { session.resume(|| false) } else { session.undo() };
            ended.unwrap_or_else(|error| panic!("call {at}, go on {go_on}: {error}"));
            let now = relative_tree(&folder, &plan);
            assert!(now == before || now == after, "call {at}, go on {go_on}: {now:#?}");
            assert!(go_on || now == before, "call {at}");
        }
    }
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
fn one_repair_at_a_time() {
    let (_folder, plan) = staged();
    let first = Session::begin(&RealDisk, &plan.prefix).unwrap();
    let second = Session::begin(&RealDisk, &plan.prefix);
    assert!(matches!(second, Err(Error::Busy { .. })));
    drop(first);
    assert!(Session::begin(&RealDisk, &plan.prefix).is_ok());
}

#[test]
fn an_interrupted_repair_comes_first() {
    let (_folder, plan) = staged();
    let (_, _, calls) = both_ends();
    let _ = carry_out(&Faulty::new(calls - 4, true), &plan);
    assert_eq!(list(&plan.prefix).unwrap()[0].end, End::Interrupted);
    assert!(matches!(carry_out(&RealDisk, &plan), Err(Error::Interrupted { .. })));
}

#[test]
fn nothing_outside_of_the_environment_is_changed() {
    let (folder, mut plan) = staged();
    let outside = folder.path().canonicalize().unwrap().join("other");
    for path in [outside, plan.prefix.join("../other"), plan.prefix.join(FOLDER).join("lock")] {
        plan.steps[0].changes = vec![Change::Write {
            path: path.clone(),
            content: Content::Bytes(Vec::new()),
            mode: None,
        }];
        let ended = carry_out(&RealDisk, &plan);
        assert!(matches!(ended, Err(Error::Outside { .. })), "{}", path.display());
    }
}

#[test]
fn a_journal_that_leads_out_counts_for_nothing() {
    let (folder, plan) = staged();
    carry_out(&RealDisk, &plan).unwrap();
    // The same journal in another environment names paths outside of it.
    let other = folder.path().canonicalize().unwrap().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::rename(plan.prefix.join(FOLDER), other.join(FOLDER)).unwrap();
    let before = tree(&plan.prefix);
    let undone = Session::begin(&RealDisk, &other).unwrap().undo();
    assert!(matches!(undone, Ok(None)), "{undone:?}");
    assert_eq!(tree(&plan.prefix), before);
}

#[test]
fn links_do_not_lead_out() {
    if !crate::system::HAS_LINKS {
        return;
    }
    let (folder, mut plan) = staged();
    let outside = folder.path().canonicalize().unwrap().join("outside");
    std::fs::create_dir(&outside).unwrap();
    crate::system::symlink(&outside, &plan.prefix.join("linked")).unwrap();
    plan.steps[0].changes = vec![Change::Write {
        path: plan.prefix.join("linked/x"),
        content: Content::Bytes(Vec::new()),
        mode: None,
    }];
    assert!(matches!(carry_out(&RealDisk, &plan), Err(Error::Outside { .. })));
    std::fs::remove_dir_all(plan.prefix.join(FOLDER)).unwrap();
    crate::system::symlink(&outside, &plan.prefix.join(FOLDER)).unwrap();
    assert!(matches!(carry_out(&RealDisk, &plan), Err(Error::Outside { .. })));
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
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

/// What is planned once a first plan is in place belongs to the same repair.
#[test]
fn rounds_are_taken_back_together() {
    let (_folder, plan) = staged();
    let before = tree(&plan.prefix);
    let later = Plan {
        prefix: plan.prefix.clone(),
        steps: vec![Step {
            action: Action::RestoreLayout,
            reasons: Vec::new(),
            what: String::new(),
            changes: vec![Change::Remove { path: plan.prefix.join("lib/data/x.txt") }],
        }],
        unsolved: Vec::new(),
    };
    let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
    session.carry_out(&plan, || Verdict::GoOn).unwrap();
    let ends = || list(&plan.prefix).unwrap().iter().map(|past| past.end).collect::<Vec<_>>();
    assert_eq!(ends(), [End::Interrupted], "it is not at its end");
    session.carry_out(&later, || Verdict::Keep).unwrap();
    assert_eq!(ends(), [End::Done, End::Done]);
    assert_eq!(session.prune(1).unwrap(), 0, "it is one repair");
    let undone = session.undo().unwrap().unwrap();
    assert_eq!(undone.steps.len(), plan.steps.len() + 1);
    assert_eq!(tree(&plan.prefix), before);
}

#[test]
fn old_repairs_are_pruned() {
    let (_folder, plan) = staged();
    for _ in 0..3 {
        let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
        session.carry_out(&plan, || Verdict::TakeBack).unwrap();
    }
    let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
    assert_eq!(session.prune(1).unwrap(), 2);
    assert_eq!(list(&plan.prefix).unwrap().len(), 1);
    assert_eq!(session.prune(0).unwrap(), 1);
}

#[test]
fn an_interrupt_at_any_call_is_taken_back() {
    let (before, after, calls) = both_ends();
    let mut stopped = 0;
    for at in 0..calls {
        let (folder, plan) = staged();
        let stop = Arc::new(AtomicBool::new(false));
        let disk = Faulty { stop: Some(Arc::clone(&stop)), ..Faulty::new(at, false) };
        let session = Session::begin(&disk, &plan.prefix).unwrap().stopped_by(&stop);
        let ended = session.carry_out(&plan, || Verdict::Keep);
        let now = relative_tree(&folder, &plan);
        match ended {
            Err(Error::Stopped) => {
                assert_eq!(now, before, "call {at}");
                stopped += 1;
            }
            // The press came after the last change.
            Ok(Ended::Kept) => assert_eq!(now, after, "call {at}"),
            other => panic!("call {at}: {other:?}"),
        }
        let past = list(&plan.prefix).unwrap();
        assert!(past.iter().all(|past| past.end != End::Interrupted), "call {at}: {past:?}");
    }
    assert!(stopped > calls / 2, "most presses are within the changes: {stopped} of {calls}");
}

#[test]
fn going_on_can_be_interrupted_and_gone_on_with() {
    let (_, after, calls) = both_ends();
    let (folder, plan) = staged();
    let _ = carry_out(&Faulty::new(calls / 2, true), &plan);
    let stop = AtomicBool::new(true);
    let session = Session::begin(&RealDisk, &plan.prefix).unwrap().stopped_by(&stop);
    assert!(matches!(session.resume(|| false), Err(Error::Stopped)));
    assert_eq!(list(&plan.prefix).unwrap()[0].end, End::Interrupted);
    stop.store(false, Ordering::Relaxed);
    assert_eq!(session.resume(|| false).unwrap().unwrap().end, End::Done);
    assert_eq!(relative_tree(&folder, &plan), after);
}

/// Rewrites the journal of the only repair, as somebody who may write into the environment can.
fn planted(prefix: &Path, edit: impl Fn(&mut Recorded)) {
    let name = list(prefix).unwrap()[0].name.clone();
    let folder = prefix.join(FOLDER).join(name);
    let mut journal = Journal::read(&folder).unwrap().unwrap();
    journal.steps.iter_mut().flat_map(|step| &mut step.changes).for_each(edit);
    journal.rewrite(&RealDisk).unwrap();
}

#[test]
fn a_journal_gives_no_rights_of_others() {
    type Edit = fn(&mut Recorded);
    let edits: [Edit; 4] = [
        |change| {
            if let Recorded::Mode { after, .. } = change {
                *after |= 0o4000;
            }
        },
        |change| {
            if let Recorded::Mode { before, .. } = change {
                *before |= 0o2000;
            }
        },
        |change| {
            if let Recorded::Put { after: State::File { mode, .. }, .. } = change {
                *mode = 0o4755;
            }
        },
        |change| {
            if let Recorded::Put { before: State::File { mode, .. }, .. } = change {
                *mode |= 0o2000;
            }
        },
    ];
    for (number, edit) in edits.iter().enumerate() {
        let (_folder, plan) = staged();
        carry_out(&RealDisk, &plan).unwrap();
        let after = tree(&plan.prefix);
        planted(&plan.prefix, edit);
        let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
        assert!(matches!(session.undo(), Ok(None)), "edit {number}");
        assert_eq!(tree(&plan.prefix), after, "edit {number}");
    }
}

#[test]
fn no_file_with_rights_of_others_is_put_in_place() {
    let (_folder, plan) = staged();
    let tool = plan.prefix.join("bin/tool");
    crate::system::set_mode(&tool, 0o4755).unwrap();
    if mode_is(&tool, 0).unwrap() {
        return; // There are no such bits.
    }
    assert!(matches!(carry_out(&RealDisk, &plan), Err(Error::SetId { path }) if path == tool));
    crate::system::set_mode(&tool, 0o755).unwrap();
    // The journal is as it was written, what it is to put in place is not.
    let (_, _, calls) = both_ends();
    let _ = carry_out(&Faulty::new(calls / 2, true), &plan);
    let name = list(&plan.prefix).unwrap()[0].name.clone();
    for number in 0..10 {
        let new = plan.prefix.join(FOLDER).join(&name).join(format!("new/{number}"));
        if new.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            crate::system::set_mode(&new, 0o4755).unwrap();
        }
    }
    let resumed = Session::begin(&RealDisk, &plan.prefix).unwrap().resume(|| false);
    assert!(matches!(resumed, Err(Error::Changed { .. })), "{resumed:?}");
    let set_id = |path: &PathBuf| matches!(State::of(path), Ok(State::File { mode, .. }) if mode & 0o4000 != 0);
    // What was linked before the kill shares its bits with what was linked.
    let late = plan.prefix.join("lib/data/x.txt");
    assert!(!set_id(&late), "{}", late.display());
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

#[test]
fn a_name_in_a_command_to_type_is_no_command() {
    let windows = crate::host::Platform::CURRENT == crate::host::Platform::Windows;
    let check = |path: &str, unix: &str, on_windows: &str| {
        let expected = if windows { on_windows } else { unix };
        assert_eq!(super::quoted(Path::new(path)), expected, "{path}");
    };
    check("a/.venv-3.12", "a/.venv-3.12", "a/.venv-3.12");
    check("my project", "'my project'", "\"my project\"");
    check("$(touch z)", "'$(touch z)'", "\"$(touch z)\"");
    check("it's", "'it'\\''s'", "\"it's\"");
}
