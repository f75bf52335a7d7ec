//! An environment that was moved, renamed or copied: its scripts name the present place again.
//!
//! Rewritten are activate scripts, and the first lines of the scripts that `check` counts: those that
//! an installer wrote, and those of the user that start the same old interpreter. Everything else of a
//! file stays as it is, and so does every other file.

use std::path::{Path, PathBuf};

use super::change::{Change, Content};
use super::{Action, Case, Plan, Step, Unsolved};
use crate::environments::facts::Scheme;
use crate::environments::health::{Code, Scripts};
use crate::fs::{self, Kind};

pub(super) mod activate;
pub(super) mod shebang;

use activate::{Move, Shell};

const CODES: [Code; 3] = [Code::EnvMoved, Code::ActivatePathStale, Code::ScriptShebangStale];

/// Scripts are small; a launcher holds a stub and an archive of one file.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Named in a hint at most.
const MAX_NAMED: usize = 5;

pub(super) fn plan(case: &Case<'_>, plan: &mut Plan) {
    let facts = case.subject.facts;
    let reasons: Vec<Code> = CODES.into_iter().filter(|code| case.has(&[*code])).collect();
    let (false, Some(folder)) = (reasons.is_empty(), facts.scripts.as_deref()) else { return };
    let read = Scripts::read(facts, folder);
    let places = old_places(case, &read);
    let mut lost = Vec::new();
    let activates = activates(case, folder, &places, &read, &mut lost);
    let mut first_lines = first_lines(case, folder, &read, &mut lost);
    if facts.scheme == Scheme::Windows {
        first_lines.extend(launchers(case, folder, &places, &mut lost));
    }
    let now = facts.prefix.display();
    push(plan, Action::RewriteActivate, &reasons, activates, |count| {
        format!("write `{now}` into {count} activate script{}", plural(count))
    });
    push(plan, Action::RewriteShebangs, &reasons, first_lines, |count| {
        format!("let {count} script{} start the interpreter in `{now}`", plural(count))
    });
    if !lost.is_empty() {
        plan.unsolved.push(Unsolved { code: reasons[0], hint: hint(&lost, folder) });
    }
}

/// Lets the scripts and the marker of an environment that will be moved name the place where it will be.
pub(super) fn settle(case: &Case<'_>, place: &Path, plan: &mut Plan) {
    let facts = case.subject.facts;
    let (old, new) =
        (facts.prefix.as_os_str().as_encoded_bytes(), place.as_os_str().as_encoded_bytes());
    let prompt = facts.marker.cfg().is_none_or(|cfg| cfg.get("prompt").is_none());
    let mut changes = Vec::new();
    let folder = facts.scripts.as_deref().unwrap_or(&facts.prefix);
    for entry in facts.script_entries.iter().filter(|entry| entry.kind == Kind::File) {
        let Some(shell) = entry.name.to_str().and_then(Shell::of) else { continue };
        let path = folder.join(&entry.name);
        let Ok(script) = fs::read(&path, MAX_BYTES) else { continue };
        if let Some(text) = activate::rewritten(&script, shell, Move { old, new, prompt }) {
            changes.push(write(path, text));
        }
    }
    let command = facts.marker.cfg().and_then(|cfg| Some((cfg, cfg.get("command")?)));
    if let Some((cfg, command)) = command {
        let named = command.replace(&*facts.prefix.to_string_lossy(), &place.to_string_lossy());
        let text = cfg.edited(&[("command", &named)]);
        changes.push(write(facts.prefix.join("pyvenv.cfg"), text.into_bytes()));
    }
    let what =
        format!("writes `{}` into {} files of the new environment", place.display(), changes.len());
    if !changes.is_empty() {
        plan.steps.push(Step {
            action: Action::RewriteActivate,
            reasons: Vec::new(),
            what,
            changes,
        });
    }
}

fn push(
    plan: &mut Plan,
    action: Action,
    reasons: &[Code],
    changes: Vec<Change>,
    what: impl Fn(usize) -> String,
) {
    let of_activate = |code: &Code| *code != Code::ScriptShebangStale;
    let of_first_lines = |code: &Code| *code != Code::ActivatePathStale;
    let own: Vec<Code> = match action {
        Action::RewriteActivate => reasons.iter().copied().filter(of_activate).collect(),
        _ => reasons.iter().copied().filter(of_first_lines).collect(),
    };
    if !changes.is_empty() {
        // A launcher may be stale where the finding is about activate scripts alone, and the reverse.
        let reasons = if own.is_empty() { reasons.to_vec() } else { own };
        plan.steps.push(Step { action, reasons, what: what(changes.len()), changes });
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn hint(lost: &[PathBuf], folder: &Path) -> String {
    let names: Vec<String> = lost
        .iter()
        .take(MAX_NAMED)
        .map(|path| format!("`{}`", path.strip_prefix(folder).unwrap_or(path).display()))
        .collect();
    let more = if lost.len() > MAX_NAMED { ", ..." } else { "" };
    format!(
        "{}{more} cannot be rewritten: install the package that each belongs to again, or move the \
         environment back",
        names.join(", ")
    )
}

/// Where the environment was, by all of its scripts.
fn old_places(case: &Case<'_>, read: &Scripts) -> Vec<PathBuf> {
    let of_programs = read.stale.iter().filter_map(|(_, program)| {
        let folder = program.parent()?;
        // `/usr/bin/python3` in a script tells of no environment.
        let is_ours = folder.file_name() == case.subject.facts.scripts.as_ref()?.file_name();
        is_ours.then(|| folder.parent().map(Path::to_path_buf))?
    });
    let strayed = read.strayed.iter().map(|(_, place)| place.clone());
    let mut places: Vec<PathBuf> = Vec::new();
    for place in strayed.chain(of_programs) {
        let is_root = place.parent().is_none();
        if !is_root && place != case.subject.facts.prefix && !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

fn activates(
    case: &Case<'_>,
    folder: &Path,
    places: &[PathBuf],
    read: &Scripts,
    lost: &mut Vec<PathBuf>,
) -> Vec<Change> {
    let facts = case.subject.facts;
    let new = facts.prefix.as_os_str().as_encoded_bytes();
    // `venv --prompt`: the user's own.
    let prompt = facts.marker.cfg().is_none_or(|cfg| cfg.get("prompt").is_none());
    let mut changes = Vec::new();
    for entry in facts.script_entries.iter().filter(|entry| entry.kind == Kind::File) {
        let Some(shell) = entry.name.to_str().and_then(Shell::of) else { continue };
        let path = folder.join(&entry.name);
        let Ok(script) = fs::read(&path, MAX_BYTES) else { continue };
        let mut text = script.clone();
        for place in places {
            let old = place.as_os_str().as_encoded_bytes();
            text = activate::rewritten(&text, shell, Move { old, new, prompt }).unwrap_or(text);
        }
        if text != script {
            changes.push(write(path, text));
        } else if read.strayed.iter().any(|(strayed, _)| *strayed == path) {
            lost.push(path);
        }
    }
    changes
}

fn first_lines(
    case: &Case<'_>,
    folder: &Path,
    read: &Scripts,
    lost: &mut Vec<PathBuf>,
) -> Vec<Change> {
    let platform = case.subject.host.platform;
    let mut changes = Vec::new();
    for (path, program) in &read.stale {
        let program = own_program(case, folder, program);
        let Ok(script) = fs::read(path, MAX_BYTES) else {
            lost.push(path.clone());
            continue;
        };
        match shebang::rewritten(&script, program.as_os_str().as_encoded_bytes(), platform) {
            Some(text) => changes.push(write(path.clone(), text)),
            None => lost.push(path.clone()),
        }
    }
    changes
}

/// Launchers that start an interpreter of an old place.
fn launchers(
    case: &Case<'_>,
    folder: &Path,
    places: &[PathBuf],
    lost: &mut Vec<PathBuf>,
) -> Vec<Change> {
    let lower = |path: &Path| path.to_string_lossy().to_lowercase();
    let mut changes = Vec::new();
    for entry in case.subject.facts.script_entries.iter().filter(|entry| entry.kind == Kind::File) {
        let name = entry.name.to_string_lossy();
        if !name.ends_with(".exe") || name.starts_with("python") {
            continue;
        }
        let path = folder.join(&entry.name);
        let Ok(launcher) = fs::read(&path, MAX_BYTES) else { continue };
        let Some(old) = shebang::program_of_launcher(&launcher) else {
            // The place stands in a resource of the image.
            if places.iter().any(|place| names(&launcher, place)) {
                lost.push(path);
            }
            continue;
        };
        let is_old =
            places.iter().any(|place| lower(&old).starts_with(&format!("{}\\", lower(place))));
        if !is_old {
            continue;
        }
        let program = own_program(case, folder, &old);
        let program = program.as_os_str().as_encoded_bytes();
        match shebang::rewritten_launcher(&launcher, program) {
            Some(new) => changes.push(write(path, new)),
            None => lost.push(path),
        }
    }
    changes
}

/// Whether the bytes hold the place, as UTF-8 or as UTF-16.
fn names(launcher: &[u8], place: &Path) -> bool {
    let place = format!("{}\\", place.display());
    let wide: Vec<u8> = place.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [place.as_bytes(), &wide].iter().any(|text| memchr::memmem::find(launcher, text).is_some())
}

/// The interpreter of this environment that has the name of the old one, else the best there is.
fn own_program(case: &Case<'_>, folder: &Path, old: &Path) -> PathBuf {
    let facts = case.subject.facts;
    let name = shebang::name_of(old);
    let same = facts.script_entries.iter().find(|entry| {
        let own = entry.name.as_encoded_bytes();
        own == name || facts.scheme == Scheme::Windows && own.eq_ignore_ascii_case(name)
    });
    if let Some(entry) = same {
        return folder.join(&entry.name);
    }
    match facts.interpreter() {
        Some(interpreter) => folder.join(&interpreter.name),
        // It is made again under its plain name.
        None if facts.scheme == Scheme::Windows => folder.join("python.exe"),
        None => folder.join("python"),
    }
}

fn write(path: PathBuf, content: Vec<u8>) -> Change {
    Change::Write { path, content: Content::Bytes(content), mode: None }
}

#[cfg(test)]
mod tests;
