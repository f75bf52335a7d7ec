//! What the last run read, so that an unchanged machine is not read again.
//!
//! Two things are kept. Of a walked folder: its stamp and the names in it that a walk goes into; an
//! unchanged folder is not listed again. Of a virtual environment: its record and findings, with the
//! stamp of everything that they were told from (`sources`) and what its base answered; they count only
//! while all of these stand as they did. Nothing is kept whose findings were told from more than that, and
//! nothing that changed within the last two seconds before it was read, since a clock tick can hide a
//! second change. Of other environments that are checked, distributions are remembered each by itself: no file
//! of one that was whole is opened while the stamps of all its files stand.
//!
//! `find` and `check` have a file each: a frame (`wire`) around a bincode payload. It is untrusted like
//! every file: whatever does not decode is no cache.

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::sources::{self, Linked, Sources, Stamped, stands};
use super::{Inspected, Seal};
use crate::environments::EnvironmentKind;
use crate::environments::facts::{Facts, InterpreterFile, Known, LinkEnd, Scheme, Shape};
use crate::environments::health::{Depth, Finding, Fingerprint, Severity, Subject, Whole, whole};
use crate::environments::pyvenv_cfg::PyvenvCfg;
use crate::fs::{self, Entry, Folder, Kind, Stamp};
use crate::host::Host;
use crate::wire;

const MAGIC: [u8; 8] = *b"AIOSENVS";

/// Increased whenever the payload or the meaning of a stamp changes.
const VERSION: u32 = 4;

/// A million folders and ten thousand environments stay below this.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Bases on one machine are dozens.
const MAX_GROUNDS: usize = 1000;

/// Distributions whose files environments share.
const MAX_SHARED: usize = 20_000;

/// The payload. What was read borrows from the bytes of the file; what is new owns its text.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Content<'a> {
    /// The program, the home folder and the user that it was made by and for.
    made_by: String,
    #[serde(borrow)]
    folders: HashMap<Text<'a>, WalkedFolder<'a>>,
    /// What environments stand on, each an encoded [`Ground`]; thousands share a few of these.
    #[serde(borrow)]
    grounds: Vec<Bytes<'a>>,
    /// Files in site-packages that environments share, of one distribution each: encoded stamps.
    #[serde(borrow)]
    shared: Vec<Bytes<'a>>,
    #[serde(borrow)]
    environments: HashMap<Text<'a>, Remembered<'a>>,
    /// Distributions whose files were whole.
    whole: HashMap<String, Fingerprint>,
}

/// What this run adds.
#[derive(Debug, Default)]
struct Added {
    folders: HashMap<Text<'static>, WalkedFolder<'static>>,
    grounds: Table,
    shared: Table,
    environments: HashMap<Text<'static>, Remembered<'static>>,
}

/// Encoded values, each once and by its place.
#[derive(Debug, Default)]
struct Table(HashMap<Vec<u8>, usize>);

impl Table {
    /// Where the value stands, added when it is new. `None` when there are too many.
    fn place(&mut self, value: &[u8], most: usize) -> Option<usize> {
        let next = self.0.len();
        let known = self.0.get(value).copied();
        known.or_else(|| (next < most).then(|| *self.0.entry(value.to_vec()).or_insert(next)))
    }

    fn into_values(self) -> Vec<Bytes<'static>> {
        let mut values: Vec<_> = self.0.into_iter().collect();
        values.sort_unstable_by_key(|(_, place)| *place);
        values.into_iter().map(|(value, _)| Bytes(Cow::Owned(value))).collect()
    }
}

/// Values of the last run that are still referred to, on their way into a [`Table`].
struct Moving<'o> {
    old: &'o [Bytes<'o>],
    places: HashMap<usize, Option<usize>>,
}

impl Moving<'_> {
    fn place(&mut self, old: usize, table: &mut Table, most: usize) -> Option<usize> {
        let place = || table.place(&self.old.get(old)?.0, most);
        *self.places.entry(old).or_insert_with(place)
    }
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    pub(super) fn own(text: &str) -> Text<'static> {
        Text(Cow::Owned(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn entry(&self, kind: Kind) -> Entry {
        Entry { name: self.as_str().into(), kind, inode: 0 }
    }
}

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Something encoded, borrowed from the file where it can be.
#[derive(Debug, Deserialize)]
struct Bytes<'a>(#[serde(borrow)] Cow<'a, [u8]>);

// Derived, it would be written byte by byte.
impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

/// What an environment stands on: questions, and digests of the answers.
#[derive(Debug, Serialize, Deserialize)]
struct Ground<'a>(#[serde(borrow)] Vec<(Text<'a>, Question, Digest)>);

/// What is asked of an absolute path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Question {
    /// Where it ends, and which installation is there.
    Interpreter,
    /// Which interpreters are in it.
    Home,
}

type Digest = [u8; 16];

/// An environment as it was found.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered<'a> {
    /// Place of what it stands on.
    ground: usize,
    /// Places of the files that it shares with others.
    shared: Vec<usize>,
    /// An encoded [`Told`], and after it the record and its findings: decoded when they are asked for.
    #[serde(borrow)]
    told: Bytes<'a>,
}

/// What an answer was told from.
#[derive(Debug, Serialize, Deserialize)]
struct Told<'a> {
    hint: Option<EnvironmentKind>,
    #[serde(borrow)]
    sources: Sources<'a>,
    /// Folders in it that no environment has of itself.
    #[serde(borrow)]
    walked: Vec<Text<'a>>,
}

/// The cache of a run: what the last run left, and what this one adds.
#[derive(Debug)]
pub(super) struct Cache<'a> {
    path: Option<PathBuf>,
    made_by: String,
    known: &'a Known,
    old: Content<'a>,
    /// Whether each ground of `old` is as it was, and the same of what is shared; asked once.
    grounds: Vec<OnceLock<bool>>,
    shared: Vec<OnceLock<bool>>,
    new: Mutex<Added>,
    /// Digests of answers that many environments share.
    answers: [Mutex<HashMap<OsString, Digest>>; 2],
    linked: Linked,
    /// What changed later may change again without its stamp telling.
    settled_ns: i64,
}

/// The file of the answers of one depth.
pub(super) fn file(path: Option<&Path>, depth: Depth) -> Option<PathBuf> {
    match depth {
        Depth::Outline => path.map(Path::to_path_buf),
        Depth::Usual | Depth::Deep => path.map(|path| path.with_file_name("checks.cache")),
    }
}

/// The bytes of the cache file; none when there is no such file.
pub(super) fn read(path: Option<&Path>) -> Vec<u8> {
    path.and_then(|path| fs::read(path, MAX_BYTES).ok()).unwrap_or_default()
}

impl<'a> Cache<'a> {
    /// Of the bytes that [`read`] gave. Whatever is wrong with them, the result is an empty cache.
    pub(super) fn open(
        host: &Host,
        path: Option<PathBuf>,
        bytes: &'a [u8],
        known: &'a Known,
    ) -> Cache<'a> {
        let home = host.home.as_deref().map(|home| home.to_string_lossy().into_owned());
        let program = (env!("CARGO_PKG_VERSION"), host.program);
        let made_by = format!("{program:?} {:?} {home:?} {:?}", host.platform, host.user);
        let old = decode(bytes).filter(|content| content.made_by == made_by).unwrap_or_default();
        Cache {
            path,
            made_by,
            known,
            grounds: old.grounds.iter().map(|_| OnceLock::new()).collect(),
            shared: old.shared.iter().map(|_| OnceLock::new()).collect(),
            old,
            new: Mutex::default(),
            answers: Default::default(),
            linked: Linked::default(),
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
            new.folders.insert(Text::own(path), WalkedFolder { stamp, names });
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
        let (told, record): (Told<'_>, _) = decoded(&known.told.0)?;
        let shared = |site: &Folder| known.shared.iter().all(|at| self.is_shared(*at, site));
        if told.hint != hint || !self.is_ground(known.ground) || !told.sources.stand(prefix, shared)
        {
            return None;
        }
        let ((environment, findings), _) = decoded(record)?;
        let walked = told.walked.iter().map(|name| name.entry(Kind::Folder)).collect();
        let ground = &self.old.grounds.get(known.ground)?.0;
        let shared = known.shared.iter().filter_map(|at| Some(&*self.old.shared.get(*at)?.0));
        let seal = told.sources.are_of_check().then(|| seal(&known.told.0, ground, shared));
        Some((Inspected { environment, findings, hint, seal }, walked))
    }

    /// Whether what environments stand on is as it was.
    fn is_ground(&self, place: usize) -> bool {
        let same = || {
            let ground = self.old.grounds.get(place).and_then(|ground| decoded(&ground.0));
            let same = |(path, question, answer): &(Text<'_>, Question, Digest)| {
                self.answer(Path::new(path.as_str()), *question) == *answer
            };
            ground.is_some_and(|(Ground(asked), _)| asked.iter().all(same))
        };
        self.grounds.get(place).is_some_and(|known| *known.get_or_init(same))
    }

    /// Whether files that environments share are as they were: looked at in the first one whose
    /// folders are.
    fn is_shared(&self, place: usize, site: &Folder) -> bool {
        let same = || {
            let stamps = self.old.shared.get(place).and_then(|stamps| decoded(&stamps.0));
            stamps.is_some_and(|(stamps, _): (Vec<Stamped<'_>>, _)| {
                stamps.iter().all(|stamped| stands(site, stamped))
            })
        };
        self.shared.get(place).is_some_and(|known| *known.get_or_init(same))
    }

    /// Keeps what was found of a virtual environment, where it can be seen whether it changes, and returns
    /// its seal. `followed` are places outside of it that it was told from too.
    pub(super) fn keep_environment(
        &self,
        subject: &Subject<'_>,
        findings: &[Finding],
        hint: Option<EnvironmentKind>,
        followed: &[PathBuf],
        walked: &[&str],
    ) -> Option<Seal> {
        let facts = subject.facts;
        // Prefix, marker, scripts, site-packages: fewer mean that it was told from something else too.
        let whole = facts.stamps.len() >= 4;
        if self.path.is_none() || facts.shape != Shape::Virtual || !whole {
            return None;
        }
        let (sources, shared) = match subject.depth {
            Depth::Outline if findings.iter().all(|finding| finding.severity == Severity::Info) => {
                sources::of_outline(facts, subject.environment).map(|sources| (sources, Vec::new()))
            }
            Depth::Usual => sources::of_check(subject, findings, followed, &self.linked),
            _ => None,
        }?;
        let ground = self.ground(facts)?;
        let shared_stamps = shared.iter().flatten().filter_map(|(_, stamp)| *stamp);
        if !self.may_keep(sources.stamps().chain(shared_stamps)) {
            return None;
        }
        let walked = walked.iter().map(|name| Text::own(name)).collect();
        let is_of_check = sources.are_of_check();
        // Room for what most need: growing costs more than the rest.
        let mut told = Vec::with_capacity(2048);
        encode(&Told { hint, sources, walked }, &mut told)?;
        encode(&(subject.environment, findings), &mut told)?;
        told.shrink_to_fit();
        let ground = encoded(&ground)?;
        let shared: Vec<Vec<u8>> = shared.iter().map(encoded).collect::<Option<_>>()?;
        let parts = shared.iter().map(Vec::as_slice);
        let seal = is_of_check.then(|| seal(&told, &ground, parts));
        let (prefix, told) = (Text::own(facts.prefix.to_str()?), Bytes(Cow::Owned(told)));
        let mut new = self.new.lock().ok()?;
        let ground = new.grounds.place(&ground, MAX_GROUNDS)?;
        let place = |shared: &Vec<u8>| new.shared.place(shared, MAX_SHARED);
        let shared = shared.iter().map(place).collect::<Option<_>>()?;
        new.environments.insert(prefix, Remembered { ground, shared, told });
        seal
    }

    /// What the environment stands on. `None` when its base was found by other ways than its links.
    fn ground(&self, facts: &Facts) -> Option<Ground<'static>> {
        let base = facts.base.as_deref()?;
        let is_base = |file: &InterpreterFile| match &file.end {
            LinkEnd::File { canonical, .. } => *canonical == base.executable,
            _ => false,
        };
        if !facts.interpreters.iter().any(is_base) {
            return None;
        }
        let mut asked: Vec<(&Path, Question)> = vec![(&base.executable, Question::Interpreter)];
        let links = facts.interpreters.iter().filter_map(|file| file.link.as_deref());
        asked.extend(
            links.filter(|link| link.is_absolute()).map(|link| (link, Question::Interpreter)),
        );
        let home = facts.marker.cfg().and_then(PyvenvCfg::home).filter(|home| home.is_absolute());
        asked.extend(home.as_deref().map(|home| (home, Question::Home)));
        let answered = |(path, question): (&Path, Question)| {
            Some((Text::own(path.to_str()?), question, self.answer(path, question)))
        };
        asked.into_iter().map(answered).collect::<Option<_>>().map(Ground)
    }

    /// A digest of what is known of a base, read in this run.
    fn answer(&self, path: &Path, question: Question) -> Digest {
        let answers = &self.answers[question as usize];
        let known = |path| answers.lock().ok()?.get(path).copied();
        if let Some(known) = known(path.as_os_str()) {
            return known;
        }
        let answer = match question {
            Question::Interpreter => {
                let end = self.known.ends.follow(path);
                // Also what it is to whom it lets in.
                let stamp = Stamp::of(path);
                format!("{end:?} {stamp:?} {:?}", self.known.installations.of(&end))
            }
            // Only POSIX environments are kept.
            Question::Home => format!("{:?}", self.known.installations.home(path, Scheme::Posix)),
        };
        let mut digest = Digest::default();
        digest.copy_from_slice(&Sha256::digest(answer.as_bytes())[..16]);
        if let Ok(mut known) = answers.lock() {
            known.insert(path.as_os_str().to_owned(), digest);
        }
        digest
    }

    /// Writes what this run read beside what was kept before, if anything is new. Failing is no loss.
    pub(super) fn write(self, whole: Whole) {
        let Some(path) = self.path else { return };
        let Ok(mut new) = self.new.into_inner() else { return };
        let (whole, any_whole) = whole.into_known();
        if new.folders.is_empty() && new.environments.is_empty() && !any_whole {
            return;
        }
        let mut folders = self.old.folders;
        folders.extend(new.folders);
        let mut grounds = Moving { old: &self.old.grounds, places: HashMap::new() };
        let mut shared = Moving { old: &self.old.shared, places: HashMap::new() };
        let mut environments = self.old.environments;
        environments.retain(|prefix, known| {
            let ground = grounds.place(known.ground, &mut new.grounds, MAX_GROUNDS);
            let place = |at: &usize| shared.place(*at, &mut new.shared, MAX_SHARED);
            let places = known.shared.iter().map(place).collect::<Option<_>>();
            let (Some(ground), Some(shared)) = (ground, places) else { return false };
            (known.ground, known.shared) = (ground, shared);
            !new.environments.contains_key(prefix)
        });
        environments.extend(new.environments);
        let content = Content {
            made_by: self.made_by,
            folders,
            grounds: new.grounds.into_values(),
            shared: new.shared.into_values(),
            environments,
            whole,
        };
        let mut payload = Vec::with_capacity(1024 * 1024);
        if encode(&content, &mut payload).is_some() {
            let _ = fs::replace(&path, &wire::frame(MAGIC, VERSION, &payload));
        }
    }

    /// Whether anything is kept, and all of this is older than a tick of the clock can hide.
    fn may_keep(&self, stamps: impl IntoIterator<Item = Stamp>) -> bool {
        let settled = self.settled_ns;
        self.path.is_some() && stamps.into_iter().all(|stamp| stamp.modified_ns < settled)
    }
}

/// Of what an environment was told from and what was told, all of it encoded.
fn seal<'b>(told: &'b [u8], ground: &'b [u8], shared: impl Iterator<Item = &'b [u8]>) -> Seal {
    let mut hasher = blake3::Hasher::new();
    for part in [told, ground].into_iter().chain(shared) {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    *hasher.finalize().as_bytes()
}

fn configuration() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<{ MAX_BYTES as usize }>()
}

fn encoded(value: &impl Serialize) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(512);
    encode(value, &mut bytes).map(|()| bytes)
}

fn encode(value: &impl Serialize, to: &mut Vec<u8>) -> Option<()> {
    bincode::serde::encode_into_std_write(value, to, configuration()).ok().map(|_| ())
}

/// The value, and the bytes that follow it.
fn decoded<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Option<(T, &'b [u8])> {
    let (value, read) = bincode::serde::borrow_decode_from_slice(bytes, configuration()).ok()?;
    Some((value, bytes.get(read..)?))
}

fn decode(framed: &[u8]) -> Option<Content<'_>> {
    let payload = wire::payload(MAGIC, VERSION, framed)?;
    decoded(payload).map(|(content, _)| content)
}
