//! Which commit of a repository a project stands at, as the files of Git and Mercurial tell. Neither is run, so
//! what was changed since is not known.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::saved_path::SavedPath;
use super::secrets;
use crate::fs;

/// Folders above a project in which its repository is looked for.
const MOST_LEVELS: usize = 32;
/// HEAD, a reference, a link to another folder.
const MAX_LINE_BYTES: u64 = 4096;
/// The configurations of repositories stay below 100 KiB.
const MAX_CONFIG_BYTES: u64 = 1024 * 1024;
/// Repositories with 100,000 references have 10 MiB of them.
const MAX_PACKED_BYTES: u64 = 32 * 1024 * 1024;

/// The state of a working copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// `git` or `hg`.
    pub system: String,
    /// The top folder of the working copy.
    pub root: SavedPath,
    /// What is checked out, in hexadecimal digits.
    pub commit: Option<String>,
    /// The branch, where one is checked out.
    pub branch: Option<String>,
    /// Where it came from, without names and passwords.
    pub remote: Option<String>,
}

/// The repository that a folder is in.
pub(super) fn of(folder: &Path) -> Option<Checkout> {
    folder.ancestors().take(MOST_LEVELS).find_map(|root| git(root).or_else(|| mercurial(root)))
}

fn git(root: &Path) -> Option<Checkout> {
    let dot_git = root.join(".git");
    let own = if fs::is_folder(&dot_git) {
        dot_git
    } else {
        // Of a worktree or a submodule: `gitdir: ../.git/worktrees/x`.
        let text = line(&dot_git)?;
        root.join(text.strip_prefix("gitdir:")?.trim())
    };
    if !fs::is_local(&own) {
        return None;
    }
    let shared = line(&own.join("commondir")).map(|folder| own.join(folder));
    let shared = shared.filter(|folder| fs::is_local(folder)).unwrap_or_else(|| own.clone());
    let head = line(&own.join("HEAD"))?;
    let reference = head.strip_prefix("ref:").map(str::trim).filter(|name| is_reference(name));
    let commit = match reference {
        Some(name) => commit_of(name, &[&own, &shared]),
        None => Some(head.clone()).filter(|text| is_commit(text)),
    };
    let branch = reference.and_then(|name| name.strip_prefix("refs/heads/")).map(str::to_owned);
    Some(Checkout {
        system: "git".to_owned(),
        root: SavedPath::from(root),
        commit,
        branch,
        remote: origin(&shared),
    })
}

fn commit_of(reference: &str, folders: &[&PathBuf]) -> Option<String> {
    let loose = folders.iter().find_map(|folder| line(&folder.join(reference)));
    let packed = || {
        let packed = folders
            .iter()
            .find_map(|folder| fs::read_text(&folder.join("packed-refs"), MAX_PACKED_BYTES))?;
        let lines = packed.lines().filter_map(|line| line.split_once(' '));
        let mut commits =
            lines.filter(|(_, name)| *name == reference).map(|(commit, _)| commit.to_owned());
        commits.next()
    };
    loose.filter(|text| is_commit(text)).or_else(packed).filter(|text| is_commit(text))
}

/// The URL of the remote repository that is called `origin`.
fn origin(folder: &Path) -> Option<String> {
    let text = fs::read_text(&folder.join("config"), MAX_CONFIG_BYTES)?;
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[remote \"origin\"]";
        } else if let Some((key, url)) = line.split_once('=').filter(|_| inside)
            && key.trim() == "url"
        {
            let url = secrets::without_text(url.trim());
            return Some(url).filter(|url| is_shown(url));
        }
    }
    None
}

/// `.hg/dirstate` starts with the 20 bytes of the commit that the working copy is at.
fn mercurial(root: &Path) -> Option<Checkout> {
    let folder = root.join(".hg");
    let start = fs::read_start(&folder.join("dirstate"), 20).ok()?;
    let commit = (start.len() == 20 && start.iter().any(|byte| *byte != 0))
        .then(|| start.iter().map(|byte| format!("{byte:02x}")).collect());
    Some(Checkout {
        system: "hg".to_owned(),
        root: SavedPath::from(root),
        commit,
        branch: line(&folder.join("branch")),
        remote: None,
    })
}

/// The one line of a small file.
fn line(path: &Path) -> Option<String> {
    let text = fs::read_text(path, MAX_LINE_BYTES)?;
    let line = text.lines().next()?.trim().to_owned();
    is_shown(&line).then_some(line)
}

fn is_shown(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

fn is_commit(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A name below `refs`, and nothing that leads out of it.
fn is_reference(name: &str) -> bool {
    name.starts_with("refs/")
        && !name.contains('\\')
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};

    use super::*;

    const COMMIT: &str = "4f2c0123456789abcdef0123456789abcdef0123";

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, content).unwrap();
        }
        folder
    }

    #[test]
    fn git_by_its_files() {
        let check = |files: &[(&str, &str)], commit: Option<&str>, branch: Option<&str>| {
            let folder = folder(files);
            create_dir_all(folder.path().join("src/deep")).unwrap();
            let found = of(&folder.path().join("src/deep")).unwrap();
            assert_eq!(
                (found.commit.as_deref(), found.branch.as_deref(), found.root.as_path()),
                (commit, branch, folder.path()),
                "{files:?}"
            );
        };
        let on_main = (".git/HEAD", "ref: refs/heads/main\n");
        let packed = format!("# pack-refs with: peeled\n{COMMIT} refs/heads/main\n^00\n");
        check(&[on_main, (".git/refs/heads/main", COMMIT)], Some(COMMIT), Some("main"));
        check(&[on_main, (".git/packed-refs", &packed)], Some(COMMIT), Some("main"));
        check(&[on_main], None, Some("main"));
        check(&[(".git/HEAD", COMMIT)], Some(COMMIT), None);
        check(&[(".git/HEAD", "ref: refs/../../secret")], None, None);
        check(
            &[
                (".git", "gitdir: real/worktrees/x"),
                ("real/worktrees/x/HEAD", "ref: refs/heads/a/b"),
                ("real/worktrees/x/commondir", "../.."),
                ("real/refs/heads/a/b", COMMIT),
            ],
            Some(COMMIT),
            Some("a/b"),
        );
    }

    #[test]
    fn the_remote_has_no_password() {
        let config = "[core]\n\turl = no\n[remote \"origin\"]\n\turl = https://me:secret@example.org/x.git\n";
        let folder = folder(&[(".git/HEAD", COMMIT), (".git/config", config)]);
        let found = of(folder.path()).unwrap();
        assert_eq!(found.remote.as_deref(), Some("https://example.org/x.git"));
    }

    #[test]
    fn mercurial_by_its_files() {
        let folder = folder(&[(".hg/branch", "default\n")]);
        write(folder.path().join(".hg/dirstate"), [[0xab; 20], [0; 20]].concat()).unwrap();
        let found = of(folder.path()).unwrap();
        assert_eq!(found.commit, Some("ab".repeat(20)));
        assert_eq!((found.system.as_str(), found.branch.as_deref()), ("hg", Some("default")));
    }
}
