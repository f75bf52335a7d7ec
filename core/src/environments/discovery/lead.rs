//! What a source writes: leads in order, and the files it relied on and could not read.

use std::path::{Path, PathBuf};

use super::super::{EnvironmentKind, Problem, Source};
use super::jsonc;
use crate::fs;

/// Where to look, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// What to look at.
    pub target: Target,
    /// Which source named it.
    pub source: Source,
    /// Why, in words that complete "found because ...": the variable, the file that names it.
    pub detail: String,
    /// What an environment there is, when its place alone says so.
    pub kind: Option<EnvironmentKind>,
}

/// What a lead names. Nothing needs to exist there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The prefix of an environment or installation.
    Prefix(PathBuf),
    /// An interpreter; its prefix follows from it.
    Executable(PathBuf),
    /// A folder whose children are prefixes (`~/.virtualenvs`).
    Children(PathBuf),
    /// A folder to walk as deep as the limits allow.
    Tree(PathBuf),
}

/// What the sources write to.
#[derive(Debug, Default)]
pub struct Leads {
    /// In the order of precedence.
    pub leads: Vec<Lead>,
    /// Files that name environments and could not be read.
    pub problems: Vec<Problem>,
}

impl Leads {
    /// Adds a lead, unless an earlier one names the same folder to list or walk: that would be read
    /// twice and give nothing more. A prefix may be named often, each time with a reason of its own.
    pub(super) fn add(
        &mut self,
        target: Target,
        source: Source,
        kind: Option<EnvironmentKind>,
        detail: impl Into<String>,
    ) {
        let once = matches!(target, Target::Children(_) | Target::Tree(_));
        if once && self.leads.iter().any(|lead| lead.target == target) {
            return;
        }
        self.leads.push(Lead { target, source, detail: detail.into(), kind });
    }

    /// The text of a file that names environments. A missing file is `None`, and so is an unreadable
    /// one, but that is a problem: environments may go unseen for it.
    pub(super) fn text(&mut self, path: &Path, limit: u64) -> Option<String> {
        let bytes = match fs::read(path, limit) {
            Ok(bytes) => bytes,
            Err(error) => {
                if !error.is_missing() {
                    self.problems.push(Problem::new(path, error.to_string()));
                }
                return None;
            }
        };
        match String::from_utf8(bytes) {
            // Windows editors start a file with a byte order mark.
            Ok(text) => Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
            Err(_) => {
                self.unusable(path, "is not UTF-8 text");
                None
            }
        }
    }

    /// The content of a TOML file, under the terms of [`Leads::text`].
    pub(super) fn toml(&mut self, path: &Path, limit: u64) -> Option<toml::Table> {
        match self.text(path, limit)?.parse() {
            Ok(table) => Some(table),
            Err(error) => {
                self.unusable(path, &format!("is not TOML: {}", error.message()));
                None
            }
        }
    }

    /// The content of a JSON file with or without comments, under the terms of [`Leads::text`].
    pub(super) fn json(&mut self, path: &Path, limit: u64) -> Option<serde_json::Value> {
        let text = self.text(path, limit)?;
        // Plain JSON is the rule, so the text is rewritten only when it is not.
        let parsed =
            serde_json::from_str(&text).or_else(|_| serde_json::from_str(&jsonc::to_json(&text)));
        match parsed {
            Ok(value) => Some(value),
            // An editor makes an empty file and means no settings.
            Err(_) if text.trim().is_empty() => None,
            Err(error) => {
                self.unusable(path, &format!("is not JSON: {error}"));
                None
            }
        }
    }

    /// Notes that a file is there and says nothing that can be used.
    pub(super) fn unusable(&mut self, path: &Path, why: &str) {
        self.problems.push(Problem::new(path, format!("`{}` {why}", path.display())));
    }
}
