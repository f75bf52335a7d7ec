//! The interpreter: its links and copies made again from the base.

use std::path::{Path, PathBuf};

use super::base::Base;
use super::change::{Change, Content};
use super::{Action, Case, Plan, Step, Unsolved};
use crate::environments::PythonTag;
use crate::environments::facts::{Facts, InterpreterFile, LinkEnd, Scheme, interpreter_tag};
use crate::environments::health::Code;
use crate::environments::image::Format;
use crate::fs;

/// What is repaired by linking the interpreter anew.
pub(super) const CODES: &[Code] = &[
    Code::InterpreterMissing,
    Code::InterpreterDangling,
    Code::InterpreterSymlinkLoop,
    Code::InterpreterCorrupt,
    Code::InterpreterWrongArch,
    Code::InterpreterMinorMismatch,
    Code::BasePythonDamaged,
    Code::PythonwMissing,
];

const EXECUTABLE: u32 = 0o755;

/// `base` is what the environment is to stand on.
pub(super) fn plan(case: &Case<'_>, base: &Base, plan: &mut Plan) {
    let facts = case.subject.facts;
    if !case.has(CODES) || !facts.shape.is_virtual() {
        return;
    }
    let changes = match facts.scheme {
        Scheme::Posix => posix(case, base),
        Scheme::Windows => windows(case, base),
    };
    let reasons: Vec<Code> = CODES.iter().copied().filter(|code| case.has(&[*code])).collect();
    if changes.is_empty() {
        if facts.scheme == Scheme::Windows {
            plan.unsolved.push(Unsolved {
                code: reasons[0],
                hint: format!(
                    "`{}` bundles no launcher for environments; install Python from python.org, or \
                     recreate this environment",
                    base.installation.prefix.display()
                ),
            });
        }
        return;
    }
    let names: Vec<String> = changes
        .iter()
        .filter(|change| !matches!(change, Change::Folder { .. }))
        .flat_map(Change::paths)
        .filter_map(|path| Some(format!("`{}`", path.file_name()?.to_string_lossy())))
        .collect();
    plan.steps.push(Step {
        action: Action::LinkInterpreter,
        reasons,
        what: format!(
            "makes {} lead to `{}`: {}",
            names.join(", "),
            base.executable.display(),
            base.evidence
        ),
        changes,
    });
}

fn posix(case: &Case<'_>, base: &Base) -> Vec<Change> {
    let facts = case.subject.facts;
    let folder = facts.prefix.join("bin");
    let mut changes = Vec::new();
    if facts.scripts.is_none() {
        changes.push(Change::Folder { path: folder.clone() });
    }
    let bad: Vec<&InterpreterFile> =
        facts.interpreters.iter().filter(|file| !is_good(case, file, base)).collect();
    // The one that the others link to leads to the base; the others are right once it is.
    let first = root(facts);
    for file in &bad {
        let path = folder.join(&file.name);
        match &file.link {
            None => changes.push(Change::Write {
                path,
                content: Content::File(base.installation.executable.clone()),
                mode: Some(EXECUTABLE),
            }),
            Some(_) if file.name == first => {
                changes.push(Change::Link { path, target: base.executable.clone() });
            }
            Some(target) if leads_to(facts, target, &first) => {}
            Some(_) => changes.push(Change::Link { path, target: PathBuf::from(&first) }),
        }
    }
    let has = |name: &str| facts.script_entries.iter().any(|entry| entry.name == name);
    if !has("python") {
        // Beside `python3` that works, `python` is one more name of it.
        let good = facts.interpreters.iter().find(|file| is_good(case, file, base));
        let target = good.map_or_else(|| base.executable.clone(), |file| file.name.clone().into());
        changes.push(Change::Link { path: folder.join("python"), target });
    }
    let minor = base.installation.tag.map(|tag| tag.to_string());
    for name in ["python3".to_owned()].into_iter().chain(minor) {
        if !has(&name) && facts.interpreters.is_empty() {
            changes.push(Change::Link { path: folder.join(name), target: "python".into() });
        }
    }
    changes
}

/// It starts, and is what the environment is to stand on.
fn is_good(case: &Case<'_>, file: &InterpreterFile, base: &Base) -> bool {
    let LinkEnd::File { canonical, image: Ok(image), .. } = &file.end else { return false };
    if canonical.starts_with(case.prefix()) {
        let other_minor = |tag: PythonTag| base.installation.tag.is_some_and(|own| own != tag);
        let architecture = base.installation.architecture;
        return image.format != Format::Script
            && (image.architecture.is_none()
                || architecture.is_none()
                || image.architecture == architecture)
            && !(file.link.is_none() && interpreter_tag(file).is_some_and(other_minor));
    }
    *canonical == base.installation.executable
        || case
            .subject
            .catalog
            .at(canonical)
            .is_some_and(|own| own.prefix == base.installation.prefix)
}

/// The name at which the chain of links leaves the folder: `python`, or `python3` on Debian.
fn root(facts: &Facts) -> String {
    let leaves = |file: &&InterpreterFile| {
        file.link.as_ref().is_some_and(|target| sibling(facts, target).is_none())
    };
    let named = facts.interpreters.iter().find(leaves).or(facts.interpreters.first());
    named.map_or_else(|| "python".to_owned(), |file| file.name.clone())
}

fn sibling<'a>(facts: &'a Facts, target: &Path) -> Option<&'a InterpreterFile> {
    facts.interpreters.iter().find(|file| Path::new(&file.name) == target)
}

fn leads_to(facts: &Facts, target: &Path, first: &str) -> bool {
    let mut target = target;
    for _ in 0..=facts.interpreters.len() {
        match sibling(facts, target) {
            Some(file) if file.name == first => return true,
            Some(InterpreterFile { link: Some(next), .. }) => target = next,
            _ => return false,
        }
    }
    false
}

/// The redirector that CPython's installer bundles for `venv`.
fn windows(case: &Case<'_>, base: &Base) -> Vec<Change> {
    let facts = case.subject.facts;
    let bundled = base.installation.prefix.join("Lib").join("venv").join("scripts").join("nt");
    let folder = facts.prefix.join("Scripts");
    let mut changes = Vec::new();
    if facts.scripts.is_none() {
        changes.push(Change::Folder { path: folder.clone() });
    }
    let mut any = false;
    let with_console = CODES.iter().any(|code| *code != Code::PythonwMissing && case.has(&[*code]));
    // Its name until 3.12, and since.
    for (name, sources) in [
        ("python.exe", ["python.exe", "venvlauncher.exe"]),
        ("pythonw.exe", ["pythonw.exe", "venvwlauncher.exe"]),
    ]
    .into_iter()
    .filter(|(name, _)| with_console || *name != "python.exe")
    {
        let source = sources.iter().map(|name| bundled.join(name)).find(|path| fs::is_file(path));
        let Some(source) = source else { continue };
        any = true;
        changes.push(Change::Write {
            path: folder.join(name),
            content: Content::File(source),
            mode: None,
        });
    }
    if any { changes } else { Vec::new() }
}
