//! Which version of a distribution that is gone was installed? What an interrupted pip left, and the
//! project's own files, may tell.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;

use pep440_rs::Version;
use pep508_rs::VersionOrUrl;

use crate::environments::distributions::{Requirement, normalize};
use crate::environments::health::Subject;
use crate::fs;

/// Lock files of large projects hold some MiB.
const MAX_LOCK_BYTES: u64 = 8 * 1024 * 1024;

/// More packages than any project locks.
const MAX_PINS: usize = 100_000;

/// Files named `requirements*.txt` that are read.
const MAX_REQUIREMENTS_FILES: usize = 8;

/// Versions that files name, read when the first one is asked for.
pub(super) struct Pins<'a> {
    subject: &'a Subject<'a>,
    found: Option<HashMap<String, String>>,
}

impl<'a> Pins<'a> {
    /// Nothing read yet.
    pub(super) fn of(subject: &'a Subject<'a>) -> Pins<'a> {
        Pins { subject, found: None }
    }

    /// The version that files name, when the requirement accepts it.
    pub(super) fn version(&mut self, name: &str, requirement: &Requirement) -> Option<String> {
        let subject = self.subject;
        let version = self.found.get_or_insert_with(|| read(subject)).get(name)?;
        let parsed = Version::from_str(version).ok()?;
        match &requirement.version_or_url {
            Some(VersionOrUrl::VersionSpecifier(specifiers)) if !specifiers.contains(&parsed) => {
                None
            }
            _ => Some(version.clone()),
        }
    }
}

fn read(subject: &Subject<'_>) -> HashMap<String, String> {
    let mut pins = HashMap::new();
    let prefix = &subject.facts.prefix;
    let project = subject.environment.project.as_deref().or_else(|| prefix.parent());
    if let Some(project) = project {
        // Later ones win: locks are exact about what was installed.
        read_requirements(project, &mut pins);
        for lock in ["pylock.toml", "pdm.lock", "poetry.lock", "uv.lock"] {
            read_lock(&project.join(lock), &mut pins);
        }
    }
    for site in &subject.installed.sites {
        for entry in &site.entries {
            let name = entry.name.to_string_lossy();
            if let Some(stem) = name.strip_suffix(".dist-info").filter(|stem| stem.starts_with('~'))
                && let Some(text) =
                    fs::read_start(&site.folder.join(&entry.name).join("METADATA"), 16 * 1024)
                        .ok()
                        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            {
                let field = |field: &str| {
                    text.lines().find_map(|line| line.strip_prefix(field)).map(str::trim)
                };
                if let (Some(name), Some(version)) = (field("Name:"), field("Version:"))
                    && stem.ends_with(version)
                {
                    pins.insert(normalize(name), version.to_owned());
                }
            }
        }
    }
    pins
}

fn read_requirements(project: &Path, pins: &mut HashMap<String, String>) {
    let files = fs::list(project).unwrap_or_default().into_iter().filter(|entry| {
        let name = entry.name.to_string_lossy();
        name.starts_with("requirements") && name.ends_with(".txt")
    });
    for entry in files.take(MAX_REQUIREMENTS_FILES) {
        let text = fs::read_text(&project.join(&entry.name), MAX_LOCK_BYTES).unwrap_or_default();
        for line in text.lines() {
            let line = line.split(['#', ';']).next().unwrap_or(line);
            let Some((name, version)) = line.split_once("==") else { continue };
            let name = name.split('[').next().unwrap_or(name);
            let version = version.split_whitespace().next().unwrap_or_default();
            if Version::from_str(version).is_ok() {
                add(pins, name, version);
            }
        }
    }
}

fn read_lock(path: &Path, pins: &mut HashMap<String, String>) {
    let Some(text) = fs::read_text(path, MAX_LOCK_BYTES) else { return };
    for (name, version) in locked(&text) {
        add(pins, name, version);
    }
}

fn add(pins: &mut HashMap<String, String>, name: &str, version: &str) {
    if pins.len() < MAX_PINS {
        pins.insert(normalize(name), version.to_owned());
    }
}

/// Name and version of each `[[package]]`. Every tool writes these two as lines of their own, and a
/// whole document takes seventy times the memory of its text.
fn locked(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut name = None;
    let mut in_package = false;
    text.lines().filter_map(move |line| {
        if line.starts_with('[') {
            in_package = matches!(line.trim_end(), "[[package]]" | "[[packages]]");
            name = None;
            return None;
        }
        let (key, value) = line.split_once('=').filter(|_| in_package)?;
        let value = value.trim();
        let unquoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
        let value = unquoted('"').or_else(|| unquoted('\''))?;
        match key.trim() {
            "name" => {
                name = Some(value);
                None
            }
            "version" => Some((name?, value)),
            _ => None,
        }
    })
}
