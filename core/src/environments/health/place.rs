//! Whether the environment is where its scripts say: moved, renamed or copied environments, stale
//! first lines, lost execute bits.
//!
//! Many symptoms have one cause, so that the cause is reported: `env-moved`, not forty stale scripts.

use std::path::{Path, PathBuf};

use super::{Code, Report, Subject};
use crate::environments::facts::{Facts, Scheme};
use crate::environments::scripts::{self, HEAD_BYTES, TAIL_BYTES};
use crate::fs::{self, Kind};
use crate::system::is_executable;

/// Paths named by a finding at most; the message has the full count.
const MOST_PATHS: usize = 20;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    let facts = subject.facts;
    if !facts.shape.is_virtual() || super::layout::is_foreign(subject) {
        return;
    }
    let Some(folder) = facts.scripts.as_deref() else { return };
    let read = Scripts::read(facts, folder);
    report.followed.extend(read.followed.iter().cloned());
    moved(facts, &read, report);
    if facts.scheme == Scheme::Posix {
        not_executable(&read, report);
    }
}

/// What the scripts of an environment say of its place.
#[derive(Debug, Default)]
pub struct Scripts {
    /// Activate scripts that name another place, and that place.
    pub strayed: Vec<(PathBuf, PathBuf)>,
    /// Activate scripts that name this place.
    at_home: usize,
    /// Scripts whose first line starts an interpreter of another place, and that interpreter.
    pub stale: Vec<(PathBuf, PathBuf)>,
    /// Scripts whose first line starts an interpreter of this place.
    fresh: usize,
    /// Installed scripts without an execute bit.
    pub not_executable: Vec<PathBuf>,
    /// Installed scripts with one.
    executable: usize,
    /// Places with another name than this one's, whose links were followed.
    followed: Vec<PathBuf>,
}

impl Scripts {
    /// Reads the scripts in the folder of scripts.
    pub fn read(facts: &Facts, folder: &Path) -> Scripts {
        let mut read = Scripts::default();
        // Scripts that their user wrote: judged only if they agree with the installed ones.
        let mut others: Vec<(PathBuf, PathBuf)> = Vec::new();
        for entry in facts.script_entries.iter().filter(|entry| entry.kind == Kind::File) {
            let path = || folder.join(&entry.name);
            let name = entry.name.to_string_lossy();
            if is_activate(&name) {
                read.activate(facts, path());
            } else if is_interpreter(&name) {
                // Judged by itself.
            } else if facts.scheme == Scheme::Windows && name.to_lowercase().ends_with(".exe") {
                read.launcher(facts, folder, path());
            } else {
                read.script(facts, folder, path(), &mut others);
            }
        }
        let old: Vec<&Path> =
            read.stale.iter().filter_map(|(_, program)| program.parent()).collect();
        let agreeing = others.into_iter().filter(|(_, program)| {
            program.parent().is_some_and(|folder| old.contains(&folder))
                || read.strayed.iter().any(|(_, place)| program.starts_with(place))
        });
        let agreeing: Vec<_> = agreeing.collect();
        read.stale.extend(agreeing);
        read
    }

    fn activate(&mut self, facts: &Facts, path: PathBuf) {
        let Ok(text) = fs::read_start(&path, 64 * 1024) else { return };
        match scripts::virtual_env(&text) {
            Some(place) if self.is_same(&place, &facts.prefix) => self.at_home += 1,
            Some(place) => self.strayed.push((path, place)),
            None => {}
        }
    }

    fn launcher(&mut self, facts: &Facts, folder: &Path, path: PathBuf) {
        let tail = fs::read_end(&path, TAIL_BYTES).ok();
        let script = tail.and_then(|tail| scripts::of_launcher(&tail));
        let shebang = script.and_then(|script| scripts::shebang(&script));
        match shebang.filter(|shebang| shebang.python) {
            Some(shebang) if self.is_ours(&shebang.program, folder, facts) => self.fresh += 1,
            Some(shebang) => self.stale.push((path, shebang.program)),
            None => {}
        }
    }

    fn script(
        &mut self,
        facts: &Facts,
        folder: &Path,
        path: PathBuf,
        others: &mut Vec<(PathBuf, PathBuf)>,
    ) {
        let Ok((file, metadata)) = fs::open(&path) else { return };
        let mut head = Vec::new();
        if std::io::Read::read_to_end(&mut std::io::Read::take(file, HEAD_BYTES), &mut head)
            .is_err()
        {
            return;
        }
        let generated = scripts::is_generated(&head);
        let shebang = scripts::shebang(&head).filter(|shebang| shebang.python);
        let ours =
            shebang.as_ref().is_some_and(|shebang| self.is_ours(&shebang.program, folder, facts));
        if generated || ours {
            if is_executable(&metadata) {
                self.executable += 1;
            } else {
                self.not_executable.push(path.clone());
            }
        }
        match shebang {
            Some(_) if ours => self.fresh += 1,
            Some(shebang) if generated => self.stale.push((path, shebang.program)),
            Some(shebang) => others.push((path, shebang.program)),
            None => {}
        }
    }

    /// Whether a place is this one, by its name or by where its links lead.
    fn is_same(&mut self, place: &Path, own: &Path) -> bool {
        if place == own {
            return true;
        }
        if !self.followed.iter().any(|known| known == place) {
            self.followed.push(place.to_path_buf());
        }
        fs::canonical(place).is_ok_and(|canonical| canonical == own)
    }

    /// Whether a program is in this environment's folder of scripts.
    fn is_ours(&mut self, program: &Path, folder: &Path, facts: &Facts) -> bool {
        let Some(place) = program.parent() else { return false };
        let lower = |path: &Path| path.to_string_lossy().to_lowercase();
        facts.scheme == Scheme::Windows && lower(place) == lower(folder)
            || self.is_same(place, folder)
    }
}

fn is_activate(name: &str) -> bool {
    matches!(
        name,
        "activate"
            | "activate.csh"
            | "activate.fish"
            | "activate.bat"
            | "activate.nu"
            | "activate.xsh"
    )
}

/// `python`, `python3.12`, `pythonw`; not `python-config`.
fn is_interpreter(name: &str) -> bool {
    name.strip_prefix("python").is_some_and(|rest| {
        rest.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'w' | b't' | b'm'))
    })
}

fn moved(facts: &Facts, read: &Scripts, report: &mut Report) {
    let paths = |from: &[(PathBuf, PathBuf)]| -> Vec<PathBuf> {
        from.iter().map(|(path, _)| path.clone()).take(MOST_PATHS).collect()
    };
    if read.strayed.is_empty() && read.stale.is_empty() {
        return;
    }
    let from_scripts = || {
        let (_, program) = read.stale.first()?;
        // `/old/.venv/bin/python` was `/old/.venv`.
        program.parent()?.parent().map(Path::to_path_buf)
    };
    let agrees = |place: &Path| {
        read.stale.is_empty() && read.fresh == 0
            || read.stale.iter().any(|(_, program)| program.starts_with(place))
    };
    let whole_moved = match read.strayed.first() {
        Some((_, place)) if agrees(place) => Some(place.clone()),
        // No activate script is left to ask: all scripts agree on another place.
        None if read.at_home == 0 && read.fresh == 0 => from_scripts(),
        _ => None,
    };
    if let Some(place) = whole_moved {
        let is_there = if place.join("pyvenv.cfg").exists() { "is still there" } else { "is gone" };
        let message = format!(
            "made as `{}` (which {is_there}) and now at `{}`: {} of its scripts name the old place",
            place.display(),
            facts.prefix.display(),
            read.strayed.len() + read.stale.len()
        );
        let mut all = paths(&read.strayed);
        all.extend(paths(&read.stale));
        all.truncate(MOST_PATHS);
        return report.add(Code::EnvMoved, message, all);
    }
    if let Some((_, place)) = read.strayed.first() {
        let count = read.strayed.len();
        let message = format!(
            "{count} activate script{} `{}`",
            plural(count, "s name", " names"),
            place.display()
        );
        report.add(Code::ActivatePathStale, message, paths(&read.strayed));
    }
    if let Some((_, program)) = read.stale.first() {
        let count = read.stale.len();
        let total = count + read.fresh;
        let message = format!(
            "{count} of {total} scripts start `{}`, which is not this environment's",
            program.display()
        );
        report.add(Code::ScriptShebangStale, message, paths(&read.stale));
    }
}

fn plural<'a>(count: usize, many: &'a str, one: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

fn not_executable(read: &Scripts, report: &mut Report) {
    let count = read.not_executable.len();
    if count > 0 {
        let total = count + read.executable;
        let message = format!("{count} of {total} installed scripts have no execute bit");
        let paths: Vec<PathBuf> = read.not_executable.iter().take(MOST_PATHS).cloned().collect();
        report.add(Code::ScriptNotExecutable, message, paths);
    }
}
