//! What the last run read, so that an unchanged machine is not read again.
//!
//! Two things are kept. Of a walked folder: its stamp and the names in it that a walk goes into; an
//! unchanged folder is not listed again. Of a healthy virtual environment: its record, with the stamp
//! of everything that it was told from; it counts only while all of these stand as they did. Nothing
//! broken is kept, and nothing that changed within the last two seconds before it was read, since a
//! clock tick can hide a second change. A check reads every environment anew: its packages can
//! change without any folder changing.
//!
//! The file is a frame (`wire`) around a bincode payload. It is untrusted like every file: whatever
//! does not decode is no cache.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::Inspected;
use crate::environments::facts::{Facts, Shape};
use crate::environments::health::{Finding, Severity};
use crate::environments::{Environment, EnvironmentKind};
use crate::fs::{self, Entry, Kind, Stamp};
use crate::host::Host;
use crate::wire;

const MAGIC: [u8; 8] = *b"AIOSENVS";

/// Increased whenever the payload or the meaning of a stamp changes.
const VERSION: u32 = 1;

/// A million folders and ten thousand environments stay below this.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// A change this young may be followed by another one within the same tick of the clock.
const SETTLED_NS: i64 = 2_000_000_000;

/// The payload.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    /// The program and home folder that it was made by and for.
    made_by: String,
    folders: HashMap<String, WalkedFolder>,
    environments: HashMap<String, Remembered>,
}

/// A folder that a walk listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct WalkedFolder {
    stamp: Stamp,
    /// Whether it may be an environment or holds settings of an editor: then it is listed again.
    look_again: bool,
    /// The names that a walk goes into: folders, and links (true).
    names: Vec<(String, bool)>,
}

impl WalkedFolder {
    /// The entries that a walk goes into.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let kind = |link: bool| if link { Kind::Link } else { Kind::Folder };
        let entry = |(name, link): &(String, bool)| Entry {
            name: name.into(),
            kind: kind(*link),
            inode: 0,
        };
        self.names.iter().map(entry).collect()
    }
}

/// An environment as it was found.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Remembered {
    /// Relative to the prefix.
    own: Vec<(String, Option<Stamp>)>,
    /// What it stands on and belongs to; absolute.
    others: Vec<(PathBuf, Option<Stamp>)>,
    hint: Option<EnvironmentKind>,
    /// Folders in it that no environment has of itself.
    walked: Vec<String>,
    environment: Environment,
    findings: Vec<Finding>,
}

/// The cache of a run: what the last run left, and what this one adds.
#[derive(Debug)]
pub(super) struct Cache {
    path: Option<PathBuf>,
    made_by: String,
    old: Content,
    new: Mutex<Content>,
    /// Stamps of what many environments share.
    shared: Mutex<HashMap<OsString, Option<Stamp>>>,
    started_ns: i64,
}

impl Cache {
    /// Reads the file, when there is one. Whatever is wrong with it, the result is an empty cache.
    pub(super) fn open(host: &Host, path: Option<&Path>) -> Cache {
        let home = host.home.as_deref().map(|home| home.to_string_lossy().into_owned());
        let made_by = format!("{} {:?} {home:?}", env!("CARGO_PKG_VERSION"), host.platform);
        let old = path
            .and_then(|path| decode(&fs::read(path, MAX_BYTES).ok()?))
            .filter(|content| content.made_by == made_by)
            .unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Cache {
            path: path.map(Path::to_path_buf),
            made_by,
            old,
            new: Mutex::default(),
            shared: Mutex::default(),
            started_ns: i64::try_from(now.as_nanos()).unwrap_or(i64::MAX),
        }
    }

    /// Whether anything is kept at all.
    pub(super) fn is_on(&self) -> bool {
        self.path.is_some()
    }

    /// What a walk goes into in this folder, when it is as it was.
    pub(super) fn folder(&self, folder: &Path) -> Option<&WalkedFolder> {
        let known = self.old.folders.get(folder.to_str()?)?;
        (!known.look_again && Stamp::of(folder) == Some(known.stamp)).then_some(known)
    }

    /// Keeps what a walk goes into. `stamp` was taken before the folder was listed.
    pub(super) fn keep_folder(
        &self,
        folder: &Path,
        stamp: Stamp,
        look_again: bool,
        entries: &[Entry],
    ) {
        let Some(path) = folder.to_str().filter(|_| self.is_on() && self.is_settled(stamp)) else {
            return;
        };
        let mut names = Vec::new();
        for entry in entries {
            if matches!(entry.kind, Kind::Folder | Kind::Link) {
                let Some(name) = entry.name.to_str() else { return };
                names.push((name.to_owned(), entry.kind == Kind::Link));
            }
        }
        if let Ok(mut new) = self.new.lock() {
            new.folders.insert(path.to_owned(), WalkedFolder { stamp, look_again, names });
        }
    }

    /// The environment at this prefix, when everything it was told from is as it was, and the names
    /// of the folders in it that a walk goes into.
    pub(super) fn environment(
        &self,
        prefix: &Path,
        hint: Option<EnvironmentKind>,
    ) -> Option<(Inspected, Vec<Entry>)> {
        let known =
            self.old.environments.get(prefix.to_str()?).filter(|known| known.hint == hint)?;
        let mut path = prefix.to_path_buf();
        for (relative, stamp) in &known.own {
            let now = if relative.is_empty() {
                Stamp::of(prefix)
            } else {
                path.push(relative);
                let now = Stamp::of(&path);
                path.clear();
                path.push(prefix);
                now
            };
            if now != *stamp {
                return None;
            }
        }
        if known.others.iter().any(|(other, stamp)| self.shared_stamp(other) != *stamp) {
            return None;
        }
        let environment = known.environment.clone();
        let walked = known.walked.iter();
        let entries = walked.map(|name| Entry { name: name.into(), kind: Kind::Folder, inode: 0 });
        Some((Inspected { environment, findings: known.findings.clone() }, entries.collect()))
    }

    /// Keeps a healthy virtual environment.
    pub(super) fn keep_environment(
        &self,
        facts: &Facts,
        hint: Option<EnvironmentKind>,
        inspected: &Inspected,
        walked: &[&str],
    ) {
        let healthy = inspected.findings.iter().all(|finding| finding.severity == Severity::Info);
        let own_stamps =
            facts.stamps.len() >= 4 && facts.stamps.iter().all(|(_, stamp)| stamp.is_some());
        let Some(base) = facts.base.as_deref() else { return };
        if !self.is_on() || facts.shape != Shape::Virtual || !healthy || !own_stamps {
            return;
        }
        let mut own = facts.stamps.clone();
        // Copies of an interpreter can change without their folder changing.
        for file in facts.interpreters.iter().filter(|file| file.link.is_none()) {
            let Ok(relative) = file.path.strip_prefix(&facts.prefix) else { return };
            let Some(relative) = relative.to_str() else { return };
            own.push((relative.to_owned(), Stamp::of(&file.path)));
        }
        let mut others = vec![base.executable.clone(), base.prefix.clone()];
        others.extend(base.stdlib.clone());
        others.extend(facts.marker.cfg().and_then(|cfg| cfg.home()));
        if let Some(parent) =
            facts.prefix.parent().filter(|_| inspected.environment.project.is_some())
        {
            // The kind may follow from the project's files.
            others.push(parent.to_path_buf());
            others.push(parent.join("pyproject.toml"));
        }
        let others: Vec<_> =
            others.into_iter().map(|path| (self.shared_stamp(&path), path)).collect();
        let settled =
            own.iter().map(|(_, stamp)| stamp).chain(others.iter().map(|(stamp, _)| stamp));
        if !settled.flatten().all(|stamp| self.is_settled(*stamp))
            || !is_text(&inspected.environment)
        {
            return;
        }
        let Some(prefix) = facts.prefix.to_str() else { return };
        let remembered = Remembered {
            own,
            others: others.into_iter().map(|(stamp, path)| (path, stamp)).collect(),
            hint,
            walked: walked.iter().map(|name| (*name).to_owned()).collect(),
            environment: inspected.environment.clone(),
            findings: inspected.findings.clone(),
        };
        if let Ok(mut new) = self.new.lock() {
            new.environments.insert(prefix.to_owned(), remembered);
        }
    }

    /// Writes what this run read to what was kept before, if anything was. Failing is no loss.
    pub(super) fn write(self) {
        let Some(path) = &self.path else { return };
        let Ok(new) = self.new.into_inner() else { return };
        if new.folders.is_empty() && new.environments.is_empty() {
            return;
        }
        let mut content = self.old;
        content.made_by = self.made_by;
        content.folders.extend(new.folders);
        content.environments.extend(new.environments);
        if let Some(framed) = encode(&content) {
            let _ = fs::replace(path, &framed);
        }
    }

    fn is_settled(&self, stamp: Stamp) -> bool {
        stamp.modified_ns < self.started_ns - SETTLED_NS
    }

    fn shared_stamp(&self, path: &Path) -> Option<Stamp> {
        let Ok(mut shared) = self.shared.lock() else { return None };
        if let Some(known) = shared.get(path.as_os_str()) {
            return *known;
        }
        let stamp = Stamp::of(path);
        shared.insert(path.as_os_str().to_owned(), stamp);
        stamp
    }
}

/// serde writes no path that is not UTF-8.
fn is_text(environment: &Environment) -> bool {
    let paths = [
        &environment.executable,
        &environment.base_prefix,
        &environment.base_executable,
        &environment.project,
    ];
    paths
        .into_iter()
        .flatten()
        .chain(&environment.site_packages)
        .all(|path| path.to_str().is_some())
}

fn configuration() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<{ MAX_BYTES as usize }>()
}

fn encode(content: &Content) -> Option<Vec<u8>> {
    let payload = bincode::serde::encode_to_vec(content, configuration()).ok()?;
    Some(wire::frame(MAGIC, VERSION, &payload))
}

fn decode(framed: &[u8]) -> Option<Content> {
    let payload = wire::payload(MAGIC, VERSION, framed)?;
    bincode::serde::decode_from_slice(payload, configuration()).ok().map(|(content, _)| content)
}
