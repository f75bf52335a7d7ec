//! The real Pythons, and copies of them to break.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Answer, Home};

/// The environments that `ci/windows-python` makes, and the base of each.
pub(super) const ENVIRONMENTS: [(&str, &str); 4] = [
    ("redirect311", "python311"),
    ("redirect313", "python313"),
    ("copied-313", "python313"),
    ("made-by-uv", "python313"),
];

/// What `ci/windows-python` made.
pub(super) struct Pythons {
    folder: PathBuf,
}

impl Pythons {
    /// `None`, with a word to whoever reads the output, where there are none.
    pub(super) fn here() -> Option<Pythons> {
        match std::env::var_os("AIOS_WINDOWS_PYTHONS") {
            Some(folder) => {
                Some(Pythons { folder: aios_core::fs::canonical(Path::new(&folder)).unwrap() })
            }
            None => {
                let how = "AIOS_WINDOWS_PYTHONS is not set: `ci/windows-python DIR` makes the Pythons, \
                           and `ci/windows` names them";
                assert!(std::env::var_os("CI").is_none(), "{how}");
                eprintln!("skipped: {how}");
                None
            }
        }
    }

    pub(super) fn base(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn venv(&self, name: &str) -> PathBuf {
        self.folder.join("venvs").join(name)
    }

    /// A copy of an environment that works where it is.
    pub(super) fn twin(&self, of: &str) -> Twin {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{number:0width$}", width = of.len() - 1);
        let twin = Twin { prefix: self.venv(&name), of: of.to_owned() };
        remove(&twin.prefix);
        copy(&self.venv(of), &twin.prefix);
        // The names are of one length, so that archives and recorded sizes stay right.
        for entry in fs::read_dir(twin.scripts("")).unwrap() {
            let path = entry.unwrap().path();
            let content = fs::read(&path).unwrap();
            let renamed = replaced(&content, of.as_bytes(), name.as_bytes());
            if renamed != content {
                rewrite(&path, renamed);
            }
        }
        twin
    }
}

/// A copy of an environment, which goes away with the test.
pub(super) struct Twin {
    pub(super) prefix: PathBuf,
    of: String,
}

impl Twin {
    pub(super) fn cfg(&self) -> PathBuf {
        self.prefix.join("pyvenv.cfg")
    }

    pub(super) fn scripts(&self, name: &str) -> PathBuf {
        self.prefix.join("Scripts").join(name)
    }

    /// `Lib\site-packages\<path>`
    pub(super) fn site(&self, path: &str) -> PathBuf {
        self.prefix.join("Lib").join("site-packages").join(path)
    }

    /// The only `.pyd` of a package in it.
    pub(super) fn extension(&self) -> PathBuf {
        let is_extension = |path: &PathBuf| path.extension().is_some_and(|end| end == "pyd");
        let entries = fs::read_dir(self.site("markupsafe")).unwrap();
        entries.map(|entry| entry.unwrap().path()).find(is_extension).expect("a .pyd")
    }

    /// Where an environment stands that this one may be confused with.
    pub(super) fn original(&self) -> PathBuf {
        self.prefix.with_file_name(&self.of)
    }

    /// Applies `edit` to the text of `pyvenv.cfg`.
    pub(super) fn edit_cfg(&self, edit: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(self.cfg()).unwrap();
        rewrite(&self.cfg(), edit(text));
    }

    /// Gives it another name.
    pub(super) fn rename(&mut self, name: &str) {
        let renamed = self.prefix.with_file_name(name);
        remove(&renamed);
        fs::rename(&self.prefix, &renamed).unwrap();
        self.prefix = renamed;
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        // A program that has just ended may still be there; the next run removes what is left.
        let _ = fs::remove_dir_all(&self.prefix);
    }
}

/// What a program said, and how it ended. Its environment is that of the test.
pub(super) fn run(program: &Path, args: &[&str]) -> Answer {
    let mut command = Command::new(program);
    command.args(args).env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
    Answer::of(command.output().unwrap())
}

/// `check --format json` of one path.
pub(super) fn check(home: &Home, path: &Path) -> Answer {
    Answer::of(home.command().args(["check", "--format", "json"]).arg(path).output().unwrap())
}

/// Puts a file in the place of one that may be a name of somebody else's.
pub(super) fn rewrite(path: &Path, content: impl AsRef<[u8]>) {
    let _ = fs::remove_file(path);
    fs::write(path, content).unwrap();
}

/// Sources get a second name, which costs less than a copy: see [`rewrite`]. Of a program that runs no
/// name can be removed.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false if to.extension().is_some_and(|end| end == "py") => {
                fs::hard_link(entry.path(), &to).unwrap();
            }
            false => fs::copy(entry.path(), &to).map(drop).unwrap(),
        }
    }
}

fn remove(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            panic!("cannot remove `{}`: {error}", folder.display())
        }
        _ => {}
    }
}

pub(super) fn replaced(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(old.len()).position(|window| window == old) {
        result.extend(&rest[..at]);
        result.extend(new);
        rest = &rest[at + old.len()..];
    }
    result.extend(rest);
    result
}
