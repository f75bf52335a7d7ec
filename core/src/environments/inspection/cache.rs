//! What the last run read, so that an unchanged machine is not read again.
//!
//! Two things are kept. Of a walked folder: its stamp and the names in it that a walk goes into; an
//! unchanged folder is not listed again. Of a healthy virtual environment: its record, with the stamp
//! of everything that it was told from; it counts only while all of these stand as they did. Nothing
//! broken is kept, and nothing that changed within the last two seconds before it was read, since a
//! clock tick can hide a second change. A check reads every environment anew, since its packages can
//! change without any folder changing, but opens no file of a distribution that was whole while the
//! stamps of all its files stand.
//!
//! The file is a frame (`wire`) around a bincode payload. It is untrusted like every file: whatever
//! does not decode is no cache.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use serde::{Deserialize, Serialize};

use super::Inspected;
use crate::environments::EnvironmentKind;
use crate::environments::facts::{Facts, Shape};
use crate::environments::health::{Fingerprint, Severity, Whole, whole};
use crate::fs::{self, Entry, Kind, Stamp};
use crate::host::Host;
use crate::wire;

const MAGIC: [u8; 8] = *b"AIOSENVS";

/// Increased whenever the payload or the meaning of a stamp changes.
const VERSION: u32 = 3;

/// A million folders and ten thousand environments stay below this.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Bases on one machine are dozens.
const MAX_GROUNDS: usize = 1000;

/// The payload. What was read borrows from the bytes of the file; what is new owns its text.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Content<'a> {
    /// The program and home folder that it was made by and for.
    made_by: String,
    #[serde(borrow)]
    folders: HashMap<Cow<'a, str>, WalkedFolder<'a>>,
    /// What environments stand on; thousands share a few of these.
    #[serde(borrow)]
    grounds: Vec<Ground<'a>>,
    #[serde(borrow)]
    environments: HashMap<Cow<'a, str>, Remembered<'a>>,
    /// Distributions whose files were whole.
    whole: HashMap<String, Fingerprint>,
}

impl Content<'_> {
    /// Grounds that no environment stands on any more would stay for ever.
    fn drop_unused_grounds(&mut self) {
        let mut places: Vec<Option<usize>> = vec![None; self.grounds.len()];
        let mut kept = Vec::new();
        self.environments.retain(|_, known| {
            let Some(place) = places.get_mut(known.ground) else { return false };
            if place.is_none() {
                *place = index_of(&mut kept, std::mem::take(&mut self.grounds[known.ground]));
            }
            place.is_some_and(|place| {
                known.ground = place;
                true
            })
        });
        self.grounds = kept;
    }
}

/// Where the ground stands among these; added when it is a new one. `None` when there are too many.
fn index_of<'a>(grounds: &mut Vec<Ground<'a>>, ground: Ground<'a>) -> Option<usize> {
    let known = grounds.iter().position(|known| *known == ground);
    known.or_else(|| {
        (grounds.len() < MAX_GROUNDS).then(|| {
            grounds.push(ground);
            grounds.len() - 1
        })
    })
}

/// A folder that a walk listed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WalkedFolder<'a> {
    stamp: Stamp,
    /// The names that a walk goes into: folders, and links (true).
    #[serde(borrow)]
    names: Vec<(Text<'a>, bool)>,
}

impl WalkedFolder<'_> {
    /// The entries that a walk goes into.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let kind = |link: bool| if link { Kind::Link } else { Kind::Folder };
        self.names.iter().map(|(name, link)| name.entry(kind(*link))).collect()
    }
}

/// A name or path, borrowed from the file where it can be: a plain `Cow` would be copied.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    fn own(text: &str) -> Text<'static> {
        Text(Cow::Owned(text.to_owned()))
    }

    fn entry(&self, kind: Kind) -> Entry {
        Entry { name: self.0.as_ref().into(), kind, inode: 0 }
    }
}

/// Absolute paths and their stamps.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Ground<'a>(#[serde(borrow)] Vec<(Text<'a>, Option<Stamp>)>);

/// An environment as it was found.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered<'a> {
    /// What it was told from: relative to the prefix, or of its project and absolute.
    #[serde(borrow)]
    own: Vec<(Text<'a>, Option<Stamp>)>,
    /// Index of what it stands on.
    ground: usize,
    hint: Option<EnvironmentKind>,
    /// Folders in it that no environment has of itself.
    #[serde(borrow)]
    walked: Vec<Text<'a>>,
    /// The encoded record and findings: decoded when they are asked for.
    #[serde(borrow)]
    record: Cow<'a, [u8]>,
}

/// The cache of a run: what the last run left, and what this one adds.
#[derive(Debug)]
pub(super) struct Cache<'a> {
    path: Option<&'a Path>,
    made_by: String,
    old: Content<'a>,
    /// Whether each ground of `old` is as it was; asked once.
    unchanged: Vec<OnceLock<bool>>,
    new: Mutex<Content<'static>>,
    /// Stamps of what many environments share.
    shared: Mutex<HashMap<OsString, Option<Stamp>>>,
    /// What changed later may change again without its stamp telling.
    settled_ns: i64,
}

/// The bytes of the cache file; none when there is no such file.
pub(super) fn read(path: Option<&Path>) -> Vec<u8> {
    path.and_then(|path| fs::read(path, MAX_BYTES).ok()).unwrap_or_default()
}

impl<'a> Cache<'a> {
    /// Of the bytes that [`read`] gave. Whatever is wrong with them, the result is an empty cache.
    pub(super) fn open(host: &Host, path: Option<&'a Path>, bytes: &'a [u8]) -> Cache<'a> {
        let home = host.home.as_deref().map(|home| home.to_string_lossy().into_owned());
        let program = (env!("CARGO_PKG_VERSION"), host.program);
        let made_by = format!("{program:?} {:?} {home:?}", host.platform);
        let old = decode(bytes).filter(|content| content.made_by == made_by).unwrap_or_default();
        Cache {
            path,
            made_by,
            unchanged: old.grounds.iter().map(|_| OnceLock::new()).collect(),
            old,
            new: Mutex::default(),
            shared: Mutex::default(),
            settled_ns: whole::settled_ns(),
        }
    }

    /// What checks know to be whole; given back to [`Cache::write`].
    pub(super) fn take_whole(&mut self) -> Whole {
        Whole::new(std::mem::take(&mut self.old.whole), self.settled_ns)
    }

    /// What a walk goes into in this folder, when it is as it was.
    pub(super) fn folder(&self, folder: &Path) -> Option<&WalkedFolder<'a>> {
        let known = self.old.folders.get(folder.to_str()?)?;
        (Stamp::of(folder) == Some(known.stamp)).then_some(known)
    }

    /// Keeps what a walk goes into. `stamp` was taken before the folder was listed.
    pub(super) fn keep_folder(&self, folder: &Path, stamp: Stamp, entries: &[Entry]) {
        let Some(path) = folder.to_str().filter(|_| self.may_keep([stamp])) else { return };
        let entered = entries.iter().filter(|e| matches!(e.kind, Kind::Folder | Kind::Link));
        let name = |e: &Entry| Some((Text::own(e.name.to_str()?), e.kind == Kind::Link));
        // A name that is no text cannot be kept, and the folder without it would be another one.
        let Some(names) = entered.map(name).collect::<Option<Vec<_>>>() else { return };
        if let Ok(mut new) = self.new.lock() {
            let walked = WalkedFolder { stamp, names };
            new.folders.insert(Cow::Owned(path.to_owned()), walked);
        }
    }

    /// The environment at this prefix, when everything it was told from is as it was, and the
    /// folders in it that a walk goes into.
    pub(super) fn environment(
        &self,
        prefix: &Path,
        hint: Option<EnvironmentKind>,
    ) -> Option<(Inspected, Vec<Entry>)> {
        let known = self.old.environments.get(prefix.to_str()?)?;
        let unchanged = |(relative, stamp): &(Text<'_>, Option<Stamp>)| match relative.0.as_ref() {
            "" => Stamp::of(prefix) == *stamp,
            relative => Stamp::of(&prefix.join(relative)) == *stamp,
        };
        if known.hint != hint
            || !self.is_unchanged(known.ground)
            || !known.own.iter().all(unchanged)
        {
            return None;
        }
        let decoded = bincode::serde::decode_from_slice(&known.record, configuration());
        let ((environment, findings), _) = decoded.ok()?;
        let walked = known.walked.iter().map(|name| name.entry(Kind::Folder)).collect();
        Some((Inspected { environment, findings }, walked))
    }

    /// Whether what environments stand on is as it was.
    fn is_unchanged(&self, ground: usize) -> bool {
        let same = |(path, stamp): &(Text<'_>, Option<Stamp>)| {
            self.shared_stamp(Path::new(path.0.as_ref())) == *stamp
        };
        let ground = self.old.grounds.get(ground).zip(self.unchanged.get(ground));
        ground
            .is_some_and(|(ground, unchanged)| *unchanged.get_or_init(|| ground.0.iter().all(same)))
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
        // Prefix, marker, scripts, site-packages: fewer mean that it was told from something else too.
        let whole = facts.stamps.len() >= 4;
        if self.path.is_none() || facts.shape != Shape::Virtual || !healthy || !whole {
            return;
        }
        let (Some(own), Some(ground)) = (own_stamps(facts, inspected), self.ground(facts)) else {
            return;
        };
        let stamps = own.iter().chain(&ground.0).filter_map(|(_, stamp)| *stamp);
        let record = (&inspected.environment, &inspected.findings);
        let record = bincode::serde::encode_to_vec(record, configuration());
        let (Some(prefix), Ok(record)) = (facts.prefix.to_str(), record) else { return };
        if !self.may_keep(stamps) {
            return;
        }
        let walked = walked.iter().map(|name| Text::own(name)).collect();
        if let Ok(mut new) = self.new.lock() {
            let Some(ground) = index_of(&mut new.grounds, ground) else { return };
            let known = Remembered { own, ground, hint, walked, record: Cow::Owned(record) };
            new.environments.insert(Cow::Owned(prefix.to_owned()), known);
        }
    }

    /// Stamps of what the environment stands on.
    fn ground(&self, facts: &Facts) -> Option<Ground<'static>> {
        let base = facts.base.as_deref()?;
        let mut paths = vec![base.executable.clone(), base.prefix.clone()];
        paths.extend(base.stdlib.clone());
        paths.extend(facts.marker.cfg().and_then(|cfg| cfg.home()));
        let stamped = |path: &PathBuf| Some((Text::own(path.to_str()?), self.shared_stamp(path)));
        paths.iter().map(stamped).collect::<Option<_>>().map(Ground)
    }

    /// Writes what this run read beside what was kept before, if anything is new. Failing is no loss.
    pub(super) fn write(self, whole: Whole) {
        let Some(path) = self.path else { return };
        let Ok(new) = self.new.into_inner() else { return };
        let (whole, any_whole) = whole.into_known();
        if new.folders.is_empty() && new.environments.is_empty() && !any_whole {
            return;
        }
        let mut content = self.old;
        content.made_by = self.made_by;
        content.whole = whole;
        content.folders.extend(new.folders);
        content.environments.extend(new.environments.into_iter().map(|(prefix, mut known)| {
            known.ground += content.grounds.len();
            (prefix, known)
        }));
        content.grounds.extend(new.grounds);
        content.drop_unused_grounds();
        if let Ok(payload) = bincode::serde::encode_to_vec(&content, configuration()) {
            let _ = fs::replace(path, &wire::frame(MAGIC, VERSION, &payload));
        }
    }

    /// Whether anything is kept, and all of this is older than a tick of the clock can hide.
    fn may_keep(&self, stamps: impl IntoIterator<Item = Stamp>) -> bool {
        let settled = self.settled_ns;
        self.path.is_some() && stamps.into_iter().all(|stamp| stamp.modified_ns < settled)
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

/// Stamps of what was read in the prefix, and of what its kind follows from. Copies of an interpreter
/// can change without their folder changing.
fn own_stamps(facts: &Facts, inspected: &Inspected) -> Option<Vec<(Text<'static>, Option<Stamp>)>> {
    let read = facts.stamps.iter();
    let mut own: Vec<_> = read.map(|(path, stamp)| (Text::own(path), *stamp)).collect();
    for file in facts.interpreters.iter().filter(|file| file.link.is_none()) {
        let relative = file.path.strip_prefix(&facts.prefix).ok()?.to_str()?;
        own.push((Text::own(relative), Stamp::of(&file.path)));
    }
    if inspected.environment.project.is_some() {
        let project = facts.prefix.parent()?;
        for path in [project.to_path_buf(), project.join("pyproject.toml")] {
            own.push((Text::own(path.to_str()?), Stamp::of(&path)));
        }
    }
    Some(own)
}

fn configuration() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<{ MAX_BYTES as usize }>()
}

fn decode(framed: &[u8]) -> Option<Content<'_>> {
    let payload = wire::payload(MAGIC, VERSION, framed)?;
    let decoded = bincode::serde::borrow_decode_from_slice(payload, configuration());
    decoded.ok().map(|(content, _)| content)
}
