//! RECORD follows the files that a plan writes: the lines of these files get the new hash and size,
//! every other byte stays.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::change::{Change, Content};
use super::{Case, Plan};
use crate::environments::distributions::{Part, record};
use crate::fs;

/// As much as is read of one by a check.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Runs after all planners: what they wrote into a RECORD is taken into account.
pub(super) fn plan(case: &Case<'_>, plan: &mut Plan) {
    let written = written(plan);
    let names: HashSet<&OsStr> = written.keys().filter_map(|path| path.file_name()).collect();
    let mut changes: Vec<(usize, PathBuf, Vec<u8>)> = Vec::new();
    let sites = &case.subject.installed.sites;
    for (site, distribution) in
        sites.iter().flat_map(|site| site.distributions.iter().map(move |one| (site, one)))
    {
        let Part::Read(lines) = &distribution.record else { continue };
        let of = |recorded: &str| {
            let name = recorded.rsplit('/').next().unwrap_or(recorded);
            let path = names.contains(OsStr::new(name)).then(|| site.folder.join(recorded))?;
            written.get(&plain(&path))
        };
        let Some(step) = lines.files.iter().filter_map(|file| Some(of(&file.path)?.0)).max() else {
            continue;
        };
        let path = distribution.info.join("RECORD");
        let Some(old) = content(plan, &path) else { continue };
        let new = record::rewritten(&old, |recorded| of(recorded).map(|(_, line)| line.clone()));
        changes.extend(new.filter(|new| *new != old).map(|new| (step, path, new)));
    }
    for (step, path, content) in changes {
        put(plan, step, path, content);
    }
}

/// The files that the plan writes: the step that does it last, hash and size.
fn written(plan: &Plan) -> HashMap<PathBuf, (usize, (String, u64))> {
    let mut written = HashMap::new();
    for (at, step) in plan.steps.iter().enumerate() {
        for change in &step.changes {
            if let Change::Write { path, content: Content::Bytes(bytes), .. } = change {
                let hash = format!("sha256={}", URL_SAFE_NO_PAD.encode(Sha256::digest(bytes)));
                written.insert(plain(path), (at, (hash, bytes.len() as u64)));
            }
        }
    }
    written
}

/// What a file will hold after the plan, as far as it is known now.
pub(super) fn content(plan: &Plan, wanted: &Path) -> Option<Vec<u8>> {
    let mut changes = plan.steps.iter().rev().flat_map(|step| step.changes.iter().rev());
    let concerns = |change: &&Change| match change {
        Change::Remove { path } | Change::Rename { from: path, .. } => wanted.starts_with(path),
        change => change.paths().contains(&wanted),
    };
    match changes.find(concerns) {
        Some(Change::Write { content: Content::Bytes(bytes), .. }) => Some(bytes.clone()),
        Some(Change::Mode { .. }) | None => fs::read(wanted, MAX_BYTES).ok(),
        Some(_) => None,
    }
}

/// A file is written once: where the plan writes it already, that content is replaced.
fn put(plan: &mut Plan, step: usize, wanted: PathBuf, new: Vec<u8>) {
    for change in plan.steps.iter_mut().flat_map(|step| step.changes.iter_mut()) {
        if let Change::Write { path, content, .. } = change
            && *path == wanted
        {
            *content = Content::Bytes(new);
            return;
        }
    }
    let change = Change::Write { path: wanted, content: Content::Bytes(new), mode: None };
    plan.steps[step].changes.push(change);
}

/// `/env/lib/python3.12/site-packages/../../../bin/x` is `/env/bin/x`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::super::fabricated::Broken;
    use super::super::{Action, Step};
    use super::*;

    #[test]
    fn lines_follow_what_is_written() {
        let broken = Broken::new();
        let info = broken.install("a", &[("a.py", b"old"), ("b.py", b"b")]);
        let before = std::fs::read_to_string(info.join("RECORD")).unwrap();
        let mut made = Plan::default();
        broken.case(|case| {
            made.steps.push(Step {
                action: Action::RelinkEditable,
                reasons: Vec::new(),
                what: String::new(),
                changes: vec![Change::Write {
                    path: broken.site().join("a.py"),
                    content: Content::Bytes(b"newer".to_vec()),
                    mode: None,
                }],
            });
            plan(case, &mut made);
            // Once more changes nothing.
            plan(case, &mut made);
        });
        let [_, Change::Write { path, content: Content::Bytes(bytes), mode: None }] =
            made.steps[0].changes.as_slice()
        else {
            panic!("{made:?}");
        };
        assert_eq!(*path, info.join("RECORD"));
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(b"newer"));
        let old = before.lines().find(|line| line.starts_with("a.py,")).unwrap();
        let expected = before.replace(old, &format!("a.py,sha256={digest},5"));
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
    }
}
