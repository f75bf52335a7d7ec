//! conda environments: `history` that is gone, and the prefix that conda wrote into files when it
//! installed them.
//!
//! Rewritten are the files whose records say that the prefix was written into them, as text or into
//! binaries, and of what pip wrote the first lines of scripts and the `.pc` files. The records
//! themselves stay: they have the hash of a file before the prefix was written into it.

use std::path::{Path, PathBuf};

use super::change::{Change, Content};
use super::place::{activate::replaced, shebang};
use super::{Action, Case, Plan, Step, Unsolved};
use crate::environments::conda::CondaMeta;
use crate::environments::health::Code;
use crate::environments::health::conda::prefix;
use crate::fs;
use crate::host::Platform;
use crate::system;

/// `libpython` has 30 MiB.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Read for a plan at most, of all files together.
const MAX_TOTAL_BYTES: usize = 1024 * 1024 * 1024;

/// A script or setting that no record lists.
const MAX_TEXT_BYTES: u64 = 4 * 1024 * 1024;

/// Named in a hint at most.
const MAX_NAMED: usize = 5;

pub(super) fn plan(case: &Case<'_>, plan: &mut Plan) {
    if case.has(&[Code::CondaHistoryMissing]) {
        history(case, plan);
    }
    if case.has(&[Code::CondaPrefixStale])
        && let Some(meta) = CondaMeta::read(case.prefix())
        && let Some((old, _)) = prefix::stale(case.subject, &meta)
    {
        place(case, &meta, &old, plan);
    }
}

fn history(case: &Case<'_>, plan: &mut Plan) {
    let path = case.prefix().join("conda-meta/history");
    let code = Code::CondaHistoryMissing;
    if path.symlink_metadata().is_ok() {
        let hint = format!("`{}` is no file: move it away, then repair again", path.display());
        return plan.unsolved.push(Unsolved { code, hint });
    }
    plan.steps.push(Step {
        action: Action::RestoreLayout,
        reasons: vec![code],
        what: "make an empty `conda-meta/history`, by which conda knows an environment".to_owned(),
        changes: vec![Change::Write {
            path,
            content: Content::Bytes(Vec::new()),
            mode: Some(0o644),
        }],
    });
}

/// The old prefix and the present one, as bytes.
#[derive(Clone, Copy)]
struct Prefixes<'a> {
    old: &'a [u8],
    new: &'a [u8],
    platform: Platform,
}

fn place(case: &Case<'_>, meta: &CondaMeta, old: &Path, plan: &mut Plan) {
    // Files of Windows have it with either separator; what they name is compared with one.
    let old = system::native(old.to_path_buf());
    let prefixes = Prefixes {
        old: old.as_os_str().as_encoded_bytes(),
        new: case.prefix().as_os_str().as_encoded_bytes(),
        platform: case.subject.host.platform,
    };
    let (mut changes, mut lost) = (Vec::new(), Vec::new());
    recorded(case, meta, prefixes, &mut changes, &mut lost);
    unrecorded(case, prefixes, &mut changes, &mut lost);
    if !changes.is_empty() {
        let many = if changes.len() == 1 { "" } else { "s" };
        plan.steps.push(Step {
            action: Action::RewritePrefix,
            reasons: vec![Code::CondaPrefixStale],
            what: format!(
                "write the prefix `{}` in the place of `{}` into {} file{many}",
                case.prefix().display(),
                old.display(),
                changes.len()
            ),
            changes,
        });
    }
    if !lost.is_empty() {
        plan.unsolved.push(Unsolved { code: Code::CondaPrefixStale, hint: hint(case, &lost) });
    }
}

fn hint(case: &Case<'_>, lost: &[PathBuf]) -> String {
    let names: Vec<String> = lost
        .iter()
        .take(MAX_NAMED)
        .map(|path| format!("`{}`", fs::relative(path, case.prefix()).display()))
        .collect();
    let more = if lost.len() > MAX_NAMED { ", ..." } else { "" };
    format!(
        "the prefix cannot be written into {}{more}: let conda install these packages again with \
         `conda install --force-reinstall`, or move the environment back",
        names.join(", ")
    )
}

/// What records say that the prefix was written into.
fn recorded(
    case: &Case<'_>,
    meta: &CondaMeta,
    prefixes: Prefixes<'_>,
    changes: &mut Vec<Change>,
    lost: &mut Vec<PathBuf>,
) {
    let mut left = MAX_TOTAL_BYTES;
    for file in meta.records.iter().flat_map(|record| &record.files) {
        let path = case.prefix().join(&file.path);
        let placed = file.prefix_in_text || file.prefix_in_binary.is_some();
        if !placed || file.path.split('/').any(|part| part == "..") || !is_own_file(case, &path) {
            continue;
        }
        let Ok(old) = fs::read(&path, MAX_BYTES.min(left as u64)) else {
            lost.push(path);
            continue;
        };
        left -= old.len();
        let new = match file.prefix_in_binary {
            // macOS runs no binary whose signature does not fit.
            Some(_) if prefixes.platform == Platform::MacOs => {
                memchr::memmem::find(&old, prefixes.old).map_or(Some(old.clone()), |_| None)
            }
            Some(most) => in_binary(&old, prefixes, most),
            None => in_text(&old, prefixes),
        };
        match new {
            Some(new) if new != old => changes.push(write(path, new)),
            Some(_) => {}
            None => lost.push(path),
        }
    }
}

/// First lines of scripts, and `.pc` files, that pip or a package's build wrote.
fn unrecorded(
    case: &Case<'_>,
    prefixes: Prefixes<'_>,
    changes: &mut Vec<Change>,
    lost: &mut Vec<PathBuf>,
) {
    for path in prefix::scripts_and_settings(case.subject) {
        let known = changes.iter().any(|change| change.paths().contains(&path.as_path()));
        if known || lost.contains(&path) || !is_own_file(case, &path) {
            continue;
        }
        let Ok(old) = fs::read(&path, MAX_TEXT_BYTES) else { continue };
        let new = if path.extension().is_some_and(|end| end == "pc") {
            Some(replace_prefix(&old, prefixes))
        } else if path.extension().is_some_and(|end| end == "exe") {
            launcher(&old, prefixes)
        } else {
            first_lines(&old, prefixes)
        };
        match new {
            Some(new) if new != old => changes.push(write(path, new)),
            Some(_) => {}
            None => lost.push(path),
        }
    }
}

/// A regular file in the environment's own folders: no link of its path leads elsewhere.
fn is_own_file(case: &Case<'_>, path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
        && path.parent().is_some_and(|folder| {
            fs::canonical(folder).is_ok_and(|folder| folder.starts_with(case.prefix()))
        })
}

/// A text, and first lines that the kernel can take. `None` where there are none.
fn in_text(text: &[u8], prefixes: Prefixes<'_>) -> Option<Vec<u8>> {
    first_lines(text, prefixes).map(|text| replace_prefix(&text, prefixes))
}

fn first_lines(text: &[u8], prefixes: Prefixes<'_>) -> Option<Vec<u8>> {
    let head = &text[..text.len().min(crate::environments::scripts::HEAD_BYTES as usize)];
    let Some(shebang) = crate::environments::scripts::shebang(head) else {
        return Some(text.to_vec());
    };
    let program = shebang.program.as_os_str().as_encoded_bytes();
    let new = replace_prefix(program, prefixes);
    if new == program {
        return Some(text.to_vec());
    }
    // The form with `'''` is one for Python alone.
    shebang::rewritten(text, &new, prefixes.platform)
        .filter(|new| shebang.python || !new.starts_with(b"#!/bin/sh\n'''"))
}

fn launcher(launcher: &[u8], prefixes: Prefixes<'_>) -> Option<Vec<u8>> {
    let Some(program) = shebang::program_of_launcher(launcher) else {
        return Some(launcher.to_vec());
    };
    let program = program.as_os_str().as_encoded_bytes();
    let new = replace_prefix(program, prefixes);
    match new == program {
        true => Some(launcher.to_vec()),
        false => shebang::rewritten_launcher(launcher, &new),
    }
}

/// Every place where the old prefix ends: not `envs/lab` in `envs/lab-renamed`.
fn replace_prefix(text: &[u8], prefixes: Prefixes<'_>) -> Vec<u8> {
    let text = replace_one(text, prefixes.old, prefixes.new);
    if prefixes.platform != Platform::Windows {
        return text;
    }
    // Settings have `C:/envs/lab` and `C:\\envs\\lab`.
    let by =
        |path: &[u8], by: &[u8]| path.split(|byte| *byte == b'\\').collect::<Vec<_>>().join(by);
    [b"/".as_slice(), b"\\\\"].iter().fold(text, |text, between| {
        replace_one(&text, &by(prefixes.old, between), &by(prefixes.new, between))
    })
}

fn replace_one(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    // `/envs/lab` was moved to `/home/envs/lab`: what is written already has the old one within.
    let within = memchr::memmem::find(new, old);
    let is_new = |before: &[u8], after: &[u8]| {
        within.is_some_and(|at| {
            before.ends_with(&new[..at]) && after.starts_with(&new[at + old.len()..])
        })
    };
    replaced(text, old, new, |before, after| ends(after) && !is_new(before, after))
}

fn ends(after: &[u8]) -> bool {
    after.first().is_none_or(|next| {
        !next.is_ascii_alphanumeric() && !matches!(next, b'-' | b'_' | b'.') && next.is_ascii()
    })
}

/// Strings of C keep their room: what a shorter prefix leaves is NULs behind the string, and a longer
/// one takes from the NULs that conda left there. `None` when there is no room.
fn in_binary(bytes: &[u8], prefixes: Prefixes<'_>, most: usize) -> Option<Vec<u8>> {
    let Prefixes { old, new, .. } = prefixes;
    let mut changed = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = memchr::memmem::find(&bytes[at..], old) {
        let start = at + found;
        let end = start + memchr::memchr(0, &bytes[start..])?;
        let string = &bytes[start..end];
        let text = replace_one(string, old, new);
        let nuls = bytes[end..].iter().take_while(|byte| **byte == 0).count();
        if text.len() > string.len() {
            // One NUL ends the string; the others are room only as far as conda made them.
            let grown = text.len() - string.len();
            if new.len() > most || grown > nuls - 1 {
                return None;
            }
        }
        let room = string.len().max(text.len());
        changed[start..start + room].fill(0);
        changed[start..start + text.len()].copy_from_slice(&text);
        at = end;
    }
    Some(changed)
}

fn write(path: PathBuf, content: Vec<u8>) -> Change {
    Change::Write { path, content: Content::Bytes(content), mode: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fabricated::Broken;
    use super::*;

    fn conda(prefix: &str) -> Broken {
        let broken = Broken::at(prefix);
        std::fs::remove_file(broken.prefix.join("pyvenv.cfg")).unwrap();
        broken.write("conda-meta/history", "");
        broken
    }

    #[test]
    fn history_is_made_again() {
        let broken = conda("home/alice/conda/envs/lab");
        std::fs::remove_file(broken.prefix.join("conda-meta/history")).unwrap();
        assert!(broken.has(Code::CondaHistoryMissing));
        broken.repair(plan);
        assert_eq!(broken.read("conda-meta/history"), "");
        assert!(!broken.has(Code::CondaHistoryMissing));
    }

    #[cfg(unix)]
    const OLD: &str = "/old/envs/lab";

    #[cfg(unix)]
    fn record(files: &[(&str, &str)]) -> String {
        let paths: Vec<String> = files
            .iter()
            .map(|(path, mode)| {
                format!(
                    r#"{{"_path": "{path}", "file_mode": "{mode}", "prefix_placeholder": "/opt/{}"}}"#,
                    "placehold_".repeat(25)
                )
            })
            .collect();
        format!(
            r#"{{"name": "a", "version": "1", "files": [], "paths_data": {{"paths": [{}]}}}}"#,
            paths.join(", ")
        )
    }

    #[cfg(unix)]
    fn moved(prefix: &str) -> Broken {
        let broken = conda(prefix);
        let listed = [("lib/pkgconfig/a.pc", "text"), ("bin/a", "text"), ("lib/liba.so", "binary")];
        broken.write("conda-meta/a-1-0.json", record(&listed));
        broken.write("lib/pkgconfig/a.pc", format!("prefix={OLD}\nlibs={OLD}/lib {OLD}-2\n"));
        broken.write("bin/a", format!("#!{OLD}/bin/python3.12\nHOME = '{OLD}/share'\n"));
        let room = "\0".repeat(255 - OLD.len());
        broken.write("lib/liba.so", format!("\x7fELF\u{1}{OLD}/lib:{OLD}{room}{room}\u{2}end"));
        // Of pip, and of the user.
        broken.write("bin/b", format!("#!{OLD}/bin/python\n# {OLD}\n"));
        broken.write("bin/deploy.sh", format!("#!/bin/sh\n# {OLD}\n"));
        broken.write("etc/app.ini", format!("root = {OLD}\n"));
        broken
    }

    // Not on Windows: the old prefix is one of Unix.
    #[cfg(unix)]
    #[test]
    fn the_prefix_is_written_anew() {
        let broken = moved("home/alice/conda/envs/lab-renamed");
        assert!(broken.has(Code::CondaPrefixStale));
        let size = broken.read("lib/liba.so").len();
        let plan = broken.repair(plan);
        assert_eq!(plan.unsolved, []);
        let new = broken.prefix.to_str().unwrap();
        assert_eq!(
            broken.read("lib/pkgconfig/a.pc"),
            format!("prefix={new}\nlibs={new}/lib {OLD}-2\n")
        );
        assert_eq!(broken.read("bin/a"), format!("#!{new}/bin/python3.12\nHOME = '{new}/share'\n"));
        assert_eq!(broken.read("bin/b"), format!("#!{new}/bin/python\n# {OLD}\n"));
        assert_eq!(broken.read("bin/deploy.sh"), format!("#!/bin/sh\n# {OLD}\n"));
        assert_eq!(broken.read("etc/app.ini"), format!("root = {OLD}\n"));
        if Platform::CURRENT != Platform::MacOs {
            let binary = broken.read("lib/liba.so");
            assert!(binary.starts_with(&format!("\x7fELF\u{1}{new}/lib:{new}\0")), "{binary:?}");
            assert!(binary.ends_with("\0\u{2}end") && binary.len() == size, "{binary:?}");
        }
        assert!(!broken.has(Code::CondaPrefixStale));
        assert_eq!(broken.plan(super::plan).steps, []);
    }

    #[test]
    fn binaries() {
        let check = |bytes: &str, new: &str, expected: Option<&str>| {
            let prefixes =
                Prefixes { old: b"/old", new: new.as_bytes(), platform: Platform::Linux };
            let found = in_binary(bytes.as_bytes(), prefixes, 8);
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{bytes:?}");
        };
        check("a/old/x\0b", "/n", Some("a/n/x\0\0\0b"));
        check("a/old/x\0\0\0b", "/newer", Some("a/newer/x\0b"));
        check("a/old/x\0\0b", "/newer", None);
        check("a/old:/old\0\0\0\0\0b", "/newer", Some("a/newer:/newer\0b"));
        // Longer than what it was built for: the NULs are not conda's.
        check("a/old\0\0\0\0\0\0\0\0\0b", "/very-long", None);
        check("a/older\0b", "/n", Some("a/older\0b"));
        check("a/old", "/n", None);
        check("nothing", "/n", Some("nothing"));
    }

    #[test]
    fn prefixes_within_prefixes() {
        let check = |text: &str, new: &str, expected: &str| {
            let prefixes =
                Prefixes { old: b"/envs/lab", new: new.as_bytes(), platform: Platform::Linux };
            let found = in_text(text.as_bytes(), prefixes).unwrap();
            assert_eq!(String::from_utf8(found.clone()).unwrap(), expected);
            assert_eq!(in_text(&found, prefixes), Some(found));
        };
        let script = |prefix: &str| format!("#!{prefix}/bin/python\n-L{prefix}/lib\n");
        for new in ["/home/envs/lab", "/envs/lab/inner", "/envs/lab-2", "/other"] {
            check(&script("/envs/lab"), new, &script(new));
        }
    }

    proptest! {
        #[test]
        fn binaries_keep_their_size(
            text in "(/old|/|x|\0\0|\u{1}){0,20}", new in "/[a-z]{0,6}"
        ) {
            let prefixes =
                Prefixes { old: b"/old", new: new.as_bytes(), platform: Platform::Linux };
            if let Some(changed) = in_binary(text.as_bytes(), prefixes, 7) {
                prop_assert_eq!(changed.len(), text.len());
            }
        }
    }
}
