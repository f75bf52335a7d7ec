use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};

use super::*;
use crate::environments::repair::carry_out_fresh;

fn carry_out_at_once(disk: &dyn Disk, plan: &Plan) -> Result<Vec<String>, Error> {
    carry_out_fresh(disk, plan, &AtomicBool::default())
}

fn write(path: PathBuf, content: Content, mode: Option<u32>) -> Change {
    Change::Write { path, content, mode }
}

fn bytes(text: &str) -> Content {
    Content::Bytes(text.as_bytes().to_vec())
}

#[test]
fn leads_to_the_same_as_with_a_journal() {
    let (_, after, _) = both_ends();
    let (folder, plan) = staged();
    assert_eq!(carry_out_at_once(&RealDisk, &plan).unwrap(), Vec::<String>::new());
    assert_eq!(relative_tree(&folder, &plan), after);
    assert!(!plan.prefix.join(FOLDER).exists(), "nothing is kept to take it back");
}

#[test]
fn a_call_that_fails_is_told() {
    let (_folder, plan) = staged();
    let counting = Faulty::counting();
    carry_out_at_once(&counting, &plan).unwrap();
    for at in 0..counting.calls() {
        let (_folder, plan) = staged();
        let ended = carry_out_at_once(&Faulty::new(at, true), &plan);
        assert!(matches!(ended, Err(Error::Io { .. })), "{at}: {ended:?}");
    }
}

#[test]
fn it_can_be_stopped_at_any_call() {
    let counting = Faulty::counting();
    carry_out_at_once(&counting, &staged().1).unwrap();
    let mut stopped = 0;
    for at in 0..counting.calls() {
        let (_folder, plan) = staged();
        let stop = Arc::new(AtomicBool::new(false));
        match carry_out_fresh(&Faulty::stopping(at, &stop), &plan, &stop) {
            Err(Error::Stopped) => stopped += 1,
            // Nothing was left to do.
            ended => assert!(ended.is_ok(), "{at}: {ended:?}"),
        }
    }
    assert!(stopped > counting.calls() / 2, "{stopped} of {}", counting.calls());
}

#[test]
fn of_several_steps_the_last_one_writes_a_file() {
    let (_folder, mut plan) = staged();
    let path = plan.prefix.join("lib/shared.txt");
    for (number, step) in plan.steps.iter_mut().enumerate() {
        step.changes.push(write(path.clone(), bytes(&number.to_string()), None));
    }
    carry_out_at_once(&RealDisk, &plan).unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), (plan.steps.len() - 1).to_string());
}

/// A step that installs two files of a wheel, of which the second is to have this content.
fn from_wheel(folder: &Path, prefix: &Path, second: &[u8]) -> Step {
    let archive = folder.join("some-1.0-py3-none-any.whl");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&archive).unwrap());
    for name in ["some/first.py", "some/second.py"] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(b"content").unwrap();
    }
    zip.finish().unwrap();
    let member = |name: &str, expected: &[u8]| {
        let hash = Sha256::digest(expected).into();
        let content =
            Content::Member { archive: archive.clone().into(), name: name.to_owned(), hash };
        write(prefix.join("lib").join(name), content, None)
    };
    let made = Change::Folder { path: prefix.join("lib/some") };
    Step {
        action: Action::Reinstall,
        reasons: Vec::new(),
        what: "install some==1.0".to_owned(),
        changes: vec![made, member("some/first.py", b"content"), member("some/second.py", second)],
    }
}

#[test]
fn a_wheel_that_holds_something_else_is_left_out() {
    let check = |second: &[u8], expected: usize| {
        let (folder, mut plan) = staged();
        plan.steps.insert(1, from_wheel(folder.path(), &plan.prefix, second));
        let left_out = carry_out_at_once(&RealDisk, &plan).unwrap();
        assert_eq!(left_out.len(), expected, "{left_out:?}");
        assert!(left_out.iter().all(|one| one.starts_with("install some==1.0: `some/second.py`")));
        assert_eq!(plan.prefix.join("lib/some").exists(), expected == 0);
        assert_eq!(std::fs::read_to_string(plan.prefix.join("lib/data/x.txt")).unwrap(), "x");
    };
    check(b"content", 0);
    check(b"another", 1);
}

#[test]
fn nothing_is_written_outside() {
    let (folder, plan) = staged();
    let outside = folder.path().canonicalize().unwrap().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let link = plan.prefix.join("linked");
    let into = |path: PathBuf| vec![write(path, bytes("x"), None)];
    let mut all = vec![
        into(outside.join("x")),
        into(plan.prefix.join("../outside/x")),
        into(plan.prefix.join(FOLDER).join("lock")),
    ];
    if crate::system::HAS_LINKS {
        let made = Change::Link { path: link.clone(), target: outside.clone() };
        all.push([vec![made], into(link.join("x"))].concat());
        all.push(vec![Change::Folder { path: link.join("folder") }]);
    }
    for changes in all {
        let step = Step { changes, ..plan.steps[0].clone() };
        let ended = carry_out_at_once(&RealDisk, &Plan { steps: vec![step], ..plan.clone() });
        assert!(matches!(ended, Err(Error::Outside { .. })), "{ended:?}");
    }
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn what_runs_as_its_owner_is_not_made_and_folders_stay() {
    let (_folder, plan) = staged();
    let check = |change: Change| {
        let step = Step { changes: vec![change], ..plan.steps[0].clone() };
        carry_out_at_once(&RealDisk, &Plan { steps: vec![step], ..plan.clone() }).unwrap_err()
    };
    let program = plan.prefix.join("bin/new");
    assert!(matches!(check(write(program.clone(), bytes(""), Some(0o4755))), Error::SetId { .. }));
    assert!(!program.exists());
    let lib = plan.prefix.join("lib");
    assert!(matches!(check(write(lib.clone(), bytes(""), None)), Error::Unexpected { .. }));
    assert!(lib.join("data").exists());
}
