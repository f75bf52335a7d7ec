//! Names that change places, killed at every call. What is made with a real Python is in the integration
//! tests.

use std::ffi::OsStr;
use std::io;

use super::names::MARK;
use super::*;
use crate::environments::repair::RealDisk;
use crate::environments::repair::tests::Faulty;
use crate::fs;
use crate::host::Platform;

/// A disk on which two names cannot change at once.
#[derive(Debug)]
struct WithoutExchange<'a>(&'a Faulty);

impl Disk for WithoutExchange<'_> {
    fn create(&self, path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
        self.0.create(path, content, mode)
    }
    fn copy(&self, from: &Path, to: &Path, mode: u32) -> io::Result<()> {
        self.0.copy(from, to, mode)
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.hard_link(from, to)
    }
    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.0.symlink(target, path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.0.set_mode(path, mode)
    }
    fn take_owner(&self, path: &Path, of: &Path) -> io::Result<()> {
        self.0.take_owner(path, of)
    }
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.0.make_folder(path)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.0.remove_file(path)
    }
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.0.remove_folder(path)
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.0.sync_folder(path)
    }
}

/// A folder with an environment, and a new one beside it that is not marked yet.
fn beside() -> (tempfile::TempDir, Names) {
    let folder = tempfile::tempdir().unwrap();
    let prefix = fs::canonical(folder.path()).unwrap().join(".venv");
    let names = Names::free(&prefix);
    for (place, story) in [(&prefix, "old"), (&names.new, "new")] {
        std::fs::create_dir(place).unwrap();
        std::fs::write(place.join("story"), story).unwrap();
    }
    (folder, names)
}

/// Which of the two stands at a path.
fn story(path: &Path) -> Option<String> {
    std::fs::read_to_string(path.join("story")).ok()
}

/// What stands at the place once this was killed at each of its calls, and then ended in one of two ways.
fn killed_everywhere(work: impl Fn(&dyn Disk, &Names) -> Result<(), Error>, exchanges: bool) {
    let run = |after: usize, names: &Names| {
        let faulty = Faulty::dying_after(after);
        match exchanges {
            true => work(&faulty, names),
            false => work(&WithoutExchange(&faulty), names),
        }
    };
    for ending in ["resume", "undo"] {
        for after in 0.. {
            assert!(after < 100, "it ends");
            let (_folder, names) = beside();
            let ended = run(after, &names);
            let prefix = &names.prefix;
            if exchanges && Platform::CURRENT != Platform::Windows {
                assert!(story(prefix).is_some(), "after {after} calls nothing stands there");
            }
            for _ in 0..2 {
                let stand = stand(prefix);
                match ending {
                    "resume" => resume(&RealDisk, &stand).unwrap(),
                    _ => undo(&RealDisk, &stand).unwrap(),
                };
                if ending == "undo" {
                    break;
                }
            }
            let at_place = story(prefix).unwrap();
            if ending == "undo" {
                assert_eq!(at_place, "old", "killed after {after} calls");
            } else if at_place == "new" {
                assert_eq!(story(&names.old).unwrap(), "old", "killed after {after} calls");
                assert_eq!(stand(prefix), Stand::Done(names.clone()));
            } else {
                assert_eq!(stand(prefix), Stand::Nothing, "killed after {after} calls");
                assert!(!names.new.exists(), "what is of no use is removed");
            }
            if ended.is_ok() {
                break;
            }
        }
    }
}

#[test]
fn a_kill_leaves_the_old_or_the_new_one() {
    for exchanges in [true, false] {
        let work = |disk: &dyn Disk, names: &Names| {
            finish(disk, names)?;
            swap(disk, names)
        };
        killed_everywhere(work, exchanges);
    }
}

#[test]
fn a_killed_undo_is_gone_on_with() {
    for exchanges in [true, false] {
        for after in 0..100 {
            let (_folder, names) = beside();
            finish(&RealDisk, &names).unwrap();
            swap(&RealDisk, &names).unwrap();
            assert_eq!(story(&names.prefix).unwrap(), "new");
            let faulty = Faulty::dying_after(after);
            let done = stand(&names.prefix);
            let ended = match exchanges {
                true => undo(&faulty, &done),
                false => undo(&WithoutExchange(&faulty), &done),
            };
            undo(&RealDisk, &stand(&names.prefix)).unwrap();
            assert_eq!(story(&names.prefix).unwrap(), "old", "killed after {after} calls");
            if ended.is_ok() {
                assert_eq!(story(&names.undone).unwrap(), "new");
                break;
            }
        }
    }
}

#[test]
fn names_are_not_used_twice() {
    let (_folder, names) = beside();
    assert!(names.new.ends_with(".venv.aios-new-1"));
    finish(&RealDisk, &names).unwrap();
    swap(&RealDisk, &names).unwrap();
    let second = Names::free(&names.prefix);
    assert!(second.new.ends_with(".venv.aios-new-2"));
    // Also when nobody keeps the old one.
    std::fs::remove_dir_all(&names.old).unwrap();
    assert_eq!(Names::free(&names.prefix), second);
    assert_eq!(stand(&names.prefix), Stand::Nothing);
}

#[test]
fn what_stands_aside_is_told_by_its_name() {
    let (_folder, names) = beside();
    let folder = names.prefix.parent().unwrap();
    let is_aside = |name: &OsStr| is_aside(folder, name);
    for aside in [&names.new, &names.old, &names.undone] {
        assert!(is_aside(aside.file_name().unwrap()), "{}", aside.display());
    }
    // Nothing stands at `other`.
    for name in
        [".venv", ".venv.aios-old", ".venv.aios-mine-1", ".venv.aios-old-b", "other.aios-old-1"]
    {
        assert!(!is_aside(OsStr::new(name)), "{name}");
    }
}

#[test]
fn a_mark_of_another_number_counts_for_nothing() {
    let (_folder, names) = beside();
    finish(&RealDisk, &names).unwrap();
    std::fs::write(names.new.join(FOLDER).join(MARK), "7").unwrap();
    assert_eq!(stand(&names.prefix), Stand::Unfinished(names.clone()));
    std::fs::rename(&names.new, &names.old).unwrap();
    assert_eq!(stand(&names.prefix), Stand::Nothing, "an old one that somebody put there");
}

#[test]
fn made_as_the_old_one_was() {
    let like = |text: &str| {
        let cfg = PyvenvCfg::parse(text.as_bytes());
        Making::like(Some(&cfg), false)
    };
    assert_eq!(Making::like(None, false), Making::default());
    assert_eq!(like("home = /x\n"), Making::default());
    assert_eq!(like("virtualenv = 20.29.1\n").maker, Maker::Virtualenv);
    let by_uv = like("uv = 0.9.2\nprompt = 'api'\ninclude-system-site-packages = true\n");
    let expected =
        Making { maker: Maker::Uv, inherits: true, prompt: Some("api".to_owned()), copies: false };
    assert_eq!(by_uv, expected);
}
