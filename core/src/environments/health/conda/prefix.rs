//! The prefix that conda wrote into text files, against the folder that they stand in now.
//!
//! Files vote: a folder renamed by hand leaves the old prefix in all of them, while a single wrong one
//! among many right ones is somebody's edit, not a move.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::super::conda::CondaMeta;
use super::super::super::facts::Scheme;
use super::super::{Code, Report, Subject};
use super::MAX_PATHS;
use crate::fs::{self, Kind};
use crate::host::Platform;

/// A prefix stands near the start of a script or a configuration file.
const MAX_READ_BYTES: u64 = 256 * 1024;

/// Enough for a verdict; an installation of everything has thousands of such files.
const MAX_FILES: usize = 200;

/// Prefixes that no conda environment has: a shebang with one says nothing about a move.
const SYSTEM_PREFIXES: [&str; 5] = ["", "/", "/usr", "/usr/local", "/opt"];

pub(super) fn check(subject: &Subject<'_>, meta: &CondaMeta, report: &mut Report) {
    let foreign = (subject.facts.scheme == Scheme::Windows)
        != (subject.host.platform == Platform::Windows)
        || report.findings.iter().any(|finding| finding.code == Code::ForeignPlatform);
    if foreign {
        return;
    }
    let Some((old, files)) = stale(subject, meta) else { return };
    let count = match files.len() {
        1 => "a file".to_owned(),
        count => format!("{count} files"),
    };
    let message = format!(
        "{count} of this environment name the prefix `{}`, but it stands in `{}`",
        old.display(),
        subject.facts.prefix.display()
    );
    report.add(Code::CondaPrefixStale, message, files.into_iter().take(MAX_PATHS));
}

/// The prefix of old that most of conda's files name, and those that were asked and name it.
pub fn stale(subject: &Subject<'_>, meta: &CondaMeta) -> Option<(PathBuf, Vec<PathBuf>)> {
    let mut votes = Votes::default();
    for path in recorded_texts(meta) {
        let path = subject.facts.prefix.join(path);
        votes.add(subject, path, |_| true);
    }
    // What no record lists was written by pip or somebody else. It counts when the prefix that it
    // names was an environment of conda: one that is gone, or the original of a copy.
    for path in unrecorded_texts(subject, &votes) {
        votes.add(subject, path, |old| is_gone(old) || fs::is_folder(&old.join("conda-meta")));
    }
    let (old, files) = votes.stale.into_iter().max_by_key(|(_, files)| files.len())?;
    (files.len() > votes.right).then_some((old, files))
}

/// A folder that this user may not see is not gone.
fn is_gone(folder: &Path) -> bool {
    folder.metadata().is_err_and(|error| fs::missing(&error))
}

#[derive(Debug, Default)]
struct Votes {
    /// Files that name this environment.
    right: usize,
    /// Files that name another one, by its prefix.
    stale: BTreeMap<PathBuf, Vec<PathBuf>>,
}

impl Votes {
    fn add(&mut self, subject: &Subject<'_>, path: PathBuf, counts: impl Fn(&Path) -> bool) {
        let Some(text) = fs::read_start(&path, MAX_READ_BYTES).ok() else { return };
        if text.contains(&0) {
            return;
        }
        let text = String::from_utf8_lossy(&text).replace('\\', "/");
        if names_this(subject, &text) {
            self.right += 1;
            return;
        }
        let Some(old) = prefix_of_shebang(&text).or_else(|| prefix_of_variable(&text)) else {
            return;
        };
        if fs::canonical(&old).is_ok_and(|old| old == subject.facts.prefix) {
            self.right += 1;
        } else if counts(&old) {
            self.stale.entry(old).or_default().push(path);
        }
    }
}

/// The text files into which conda wrote the prefix; `.pc` files and scripts first, since they name it
/// in a known way.
fn recorded_texts(meta: &CondaMeta) -> Vec<&str> {
    let mut paths: Vec<&str> = meta
        .records
        .iter()
        .flat_map(|record| &record.files)
        .filter(|file| file.prefix_in_text)
        .map(|file| file.path.as_str())
        .collect();
    paths.sort_by_key(|path| !(path.ends_with(".pc") || path.starts_with("bin/")));
    paths.truncate(MAX_FILES);
    paths
}

/// Scripts and `.pc` files that no record lists.
fn unrecorded_texts(subject: &Subject<'_>, known: &Votes) -> Vec<PathBuf> {
    let known: Vec<&PathBuf> = known.stale.values().flatten().collect();
    let files = scripts_and_settings(subject).into_iter();
    files.filter(|path| !known.contains(&path)).take(MAX_FILES).collect()
}

/// What stands in the folders of scripts and of `.pc` files.
pub fn scripts_and_settings(subject: &Subject<'_>) -> Vec<PathBuf> {
    let prefix = &subject.facts.prefix;
    [subject.facts.scheme.scripts(), "lib/pkgconfig"]
        .iter()
        .map(|folder| prefix.join(folder))
        .flat_map(|folder| {
            let entries = fs::list(&folder).unwrap_or_default();
            let files = entries.into_iter().filter(|entry| entry.kind == Kind::File);
            files.map(move |entry| folder.join(entry.name)).collect::<Vec<_>>()
        })
        .collect()
}

/// Whether the text names this environment by any of its names, and not just a longer path that starts
/// the same (`envs/lab` in `envs/lab-renamed`).
fn names_this(subject: &Subject<'_>, text: &str) -> bool {
    let names = std::iter::once(&subject.facts.prefix).chain(&subject.environment.aliases);
    names.filter_map(|name| name.to_str()).any(|name| {
        let name = name.replace('\\', "/");
        text.match_indices(&name).any(|(at, _)| {
            let next = text[at + name.len()..].chars().next();
            next.is_none_or(|next| !next.is_alphanumeric() && !matches!(next, '-' | '_' | '.'))
        })
    })
}

/// `/old` of `#!/old/bin/python3.12`, and of the `sh` form that long paths and blanks need.
fn prefix_of_shebang(text: &str) -> Option<PathBuf> {
    let line = text.strip_prefix("#!")?.lines().next()?.trim();
    let trampoline = || text.lines().nth(1)?.strip_prefix("'''exec' ")?.split('"').nth(1);
    let interpreter = match line {
        "/bin/sh" => trampoline()?,
        line => match line.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next()?,
            None => line.split_ascii_whitespace().next()?,
        },
    };
    let folder = Path::new(interpreter).parent()?;
    let prefix = match folder.ends_with("bin") {
        true => folder.parent()?,
        // Windows has no folder for it.
        false => Some(folder).filter(|_| interpreter.ends_with(".exe"))?,
    };
    is_prefix(prefix).then(|| prefix.to_path_buf())
}

/// `/old` of `prefix=/old`, as `.pc` files and `*-config` scripts have it.
fn prefix_of_variable(text: &str) -> Option<PathBuf> {
    text.lines().find_map(|line| {
        let value = line.trim().strip_prefix("prefix")?.trim_start().strip_prefix('=')?;
        let prefix = Path::new(value.trim().trim_matches(['"', '\'']));
        is_prefix(prefix).then(|| prefix.to_path_buf())
    })
}

fn is_prefix(path: &Path) -> bool {
    path.is_absolute() && !SYSTEM_PREFIXES.iter().any(|system| path == Path::new(system))
}
