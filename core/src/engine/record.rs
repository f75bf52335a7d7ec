//! Writes what is known of one environment into the tree.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::layout::{
    CONDA, DISTRIBUTIONS, ENVIRONMENTS, FACTS, FILES, FINDINGS, INSTANCE, NAME, Tag, VERSION,
    VOLATILE, severity,
};
use super::outline::{Listed, Outline, is_small_text};
use crate::environments::distributions::{RecordedFile, Role, direct_url, of_folder, record};
use crate::environments::health::Code;
use crate::environments::inspection::Inspected;
use crate::environments::{Environment, health::Finding, scripts};
use crate::fs::{Entry, Kind};
use crate::index::fractal::{self, MAX_KEY_BYTES, Severity, Tree, Value};
use crate::snapshot::Context;

/// RECORD of the largest distributions stays below 1 MiB.
const MAX_RECORD_BYTES: u64 = 8 << 20;
/// Files that are recorded with their content.
const MAX_CONTENT_BYTES: u64 = 64 << 10;
/// Of an editable install: metadata, and a file or two that lead to the project.
const MOST_LINKING_FILES: usize = 64;
/// A finding names a few paths; one of a whole distribution may name all of its files.
const MOST_PATHS: usize = 16;

/// Of all RECORDs that are kept taken apart: some 25 MiB.
const MOST_KNOWN_FILES: usize = 100_000;

/// Scripts that name the place of the environment.
const ACTIVATE: [&str; 3] = ["activate", "activate.bat", "activate.fish"];

/// The names of the files of metadata that differ between two installs of the same distribution.
pub(super) const OF_INSTALLERS: [&str; 5] =
    ["RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"];

/// The tree of an environment, in the store of the context; it is not put anywhere yet.
pub(super) fn tree_of(
    context: &mut Context,
    inspected: &Inspected,
    outline: &Outline,
    known: &mut Known,
) -> Result<Tree, fractal::Error> {
    // One of each name: `lib` and `lib64` may both have it.
    let sites = outline.sites.iter().rev();
    let held: BTreeMap<String, Held> =
        sites.flat_map(|site| held(site, known)).map(|one| (one.folder.clone(), one)).collect();
    let mut builder = context.builder();
    let names: BTreeSet<&String> = outline.conda.iter().collect();
    for name in names {
        builder.push(&[CONDA, name.as_bytes()], &value(Tag::Text, b""))?;
    }
    for (folder, held) in &held {
        let [one, two] = [DISTRIBUTIONS, folder.as_bytes()];
        for (path, file) in &held.lines.files {
            builder.push(&[one, two, FILES, path.as_bytes()], &file.value())?;
        }
        builder.push(&[one, two, NAME], &value(Tag::Text, held.name.as_bytes()))?;
        builder.push(&[one, two, VERSION], &value(Tag::Text, held.version.as_bytes()))?;
    }
    let mut facts = facts(inspected);
    if let Some(place) = made_as(&inspected.environment, outline) {
        facts.insert("made-as", place);
    }
    for (field, bytes) in facts {
        let severity = if field == "status" { worst(&inspected.findings) } else { Severity::None };
        builder
            .push(&[FACTS, field.as_bytes()], &Value { severity, ..value(Tag::Text, &bytes) })?;
    }
    for (path, file) in rest(&inspected.environment, outline, &held) {
        builder.push(&[FILES, path.as_bytes()], &file.value())?;
    }
    for (key, (bytes, severity)) in findings(&inspected.findings) {
        let value = Value { severity, ..value(Tag::Finding, &bytes) };
        builder.push(&[FINDINGS, key.as_bytes()], &value)?;
    }
    for (folder, held) in &held {
        for (path, file) in &held.instance {
            builder.push(&[INSTANCE, folder.as_bytes(), path.as_bytes()], &file.value())?;
        }
    }
    for (folder, held) in &held {
        for (path, file) in &held.lines.volatile {
            builder.push(&[VOLATILE, folder.as_bytes(), path.as_bytes()], &file.value())?;
        }
    }
    Ok(builder.finish())
}

/// The path of an environment in the context.
pub(super) fn place(id: &str) -> [&[u8]; 2] {
    [ENVIRONMENTS, id.as_bytes()]
}

fn value(tag: Tag, bytes: &[u8]) -> Value<'_> {
    Value::of(tag as u16, bytes)
}

/// The worst of what is recorded.
fn worst(findings: &[Finding]) -> Severity {
    lasting(findings).map(|one| severity(one.severity)).max().unwrap_or_default()
}

/// What the variables of this process do is no state of the environment.
pub(super) fn lasting(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    let of_process = [Code::EnvVarPythonhome, Code::EnvVarPythonpath];
    findings.iter().filter(move |one| !of_process.contains(&one.code))
}

/// By field. How an environment was found, and by what other names, is no state of it.
pub(super) fn facts(inspected: &Inspected) -> BTreeMap<&'static str, Vec<u8>> {
    let environment = &inspected.environment;
    let text = |text: &str| text.as_bytes().to_vec();
    let path = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
    let status = match worst(&inspected.findings) {
        Severity::Error => "broken",
        Severity::Warning => "warning",
        _ => "healthy",
    };
    let fields = [
        ("abi-flags", Some(text(&environment.abi_flags))),
        ("architecture", environment.architecture.map(|one| text(one.as_str()))),
        ("base-executable", environment.base_executable.as_deref().map(path)),
        ("base-prefix", environment.base_prefix.as_deref().map(path)),
        ("created-by", environment.created_by.as_deref().map(text)),
        ("executable", environment.executable.as_deref().map(path)),
        ("implementation", environment.implementation.map(|one| text(one.name()))),
        ("kind", Some(text(environment.kind.as_str()))),
        ("manager", environment.manager.as_deref().map(text)),
        ("name", environment.name.as_deref().map(text)),
        ("prefix", Some(path(&environment.prefix))),
        ("project", environment.project.as_deref().map(path)),
        ("status", Some(text(status))),
        ("version", environment.version.as_ref().map(|one| text(&one.to_string()))),
    ];
    let present = fields.into_iter().filter_map(|(field, bytes)| Some((field, bytes?)));
    present.filter(|(_, bytes)| !bytes.is_empty()).collect()
}

/// The place that the activate scripts name, where that is another one.
fn made_as(environment: &Environment, outline: &Outline) -> Option<Vec<u8>> {
    let scripts = outline.scripts.as_ref()?;
    let place = ACTIVATE.iter().find_map(|name| {
        let (text, _) = scripts.folder.read(name, MAX_CONTENT_BYTES).ok()?;
        scripts::virtual_env(&text)
    })?;
    (place != environment.prefix).then(|| place.into_os_string().into_encoded_bytes())
}

/// By code, and number among those of one code.
fn findings(all: &[Finding]) -> BTreeMap<String, (Vec<u8>, Severity)> {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let encoded = lasting(all).map(|finding| {
        let number = numbers.entry(finding.code.as_str()).or_default();
        *number += 1;
        let mut bytes = finding.message.replace('\0', " ").into_bytes();
        for path in finding.paths.iter().take(MOST_PATHS) {
            bytes.push(0);
            bytes.extend_from_slice(path.as_os_str().as_encoded_bytes());
        }
        (format!("{} {number:04}", finding.code), (bytes, severity(finding.severity)))
    });
    encoded.collect()
}

/// One distribution, as its metadata tells it.
struct Held {
    folder: String,
    name: String,
    version: String,
    lines: Rc<Lines>,
    instance: Files,
}

/// What a RECORD lists.
#[derive(Debug, Default)]
struct Lines {
    /// What is the same wherever this version is installed.
    files: Files,
    instance: Files,
    volatile: Files,
    /// First names of its paths: what it owns in site-packages.
    tops: HashSet<String>,
}

/// RECORDs that were taken apart, by the folder and their bytes: environments have many in common.
#[derive(Debug, Default)]
pub(super) struct Known {
    lines: HashMap<(String, blake3::Hash), Rc<Lines>>,
    files: usize,
}

impl Known {
    fn lines(&mut self, folder: &str, record: &[u8], hash: blake3::Hash) -> Rc<Lines> {
        let key = (folder.to_owned(), hash);
        if let Some(known) = self.lines.get(&key) {
            return Rc::clone(known);
        }
        let files = record::parse(record).map(|record| record.files).unwrap_or_default();
        let number = files.len();
        let lines = Rc::new(Lines::of(folder, files));
        if self.files + number <= MOST_KNOWN_FILES {
            self.files += number;
            self.lines.insert(key, Rc::clone(&lines));
        }
        lines
    }
}

/// In the order of their paths.
type Files = BTreeMap<String, File>;

#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    tag: Tag,
    bytes: Vec<u8>,
    size: u64,
}

impl File {
    fn of(recorded: &RecordedFile) -> File {
        let hash = recorded.hash.as_deref().unwrap_or_default();
        let sha256 =
            hash.strip_prefix("sha256=").and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        File {
            tag: Tag::File,
            bytes: sha256.unwrap_or_else(|| hash.as_bytes().to_vec()),
            size: recorded.bytes.unwrap_or_default(),
        }
    }

    fn content(bytes: Vec<u8>) -> File {
        File { tag: Tag::Content, size: bytes.len() as u64, bytes }
    }

    fn value(&self) -> Value<'_> {
        Value { weight: self.size, ..value(self.tag, &self.bytes) }
    }
}

/// The distributions of a folder.
fn held(site: &Listed, known: &mut Known) -> Vec<Held> {
    let folders = site.entries.iter().filter_map(|entry| {
        let folder = entry.name.to_str()?;
        let (name, version) = of_folder(folder)?;
        Some((folder, name, version))
    });
    folders.map(|(folder, name, version)| held_in(site, folder, (name, version), known)).collect()
}

fn held_in(
    site: &Listed,
    folder: &str,
    (name, version): (String, String),
    known: &mut Known,
) -> Held {
    let read = |name: &str, limit| {
        site.folder.read(&format!("{folder}/{name}"), limit).ok().map(|(bytes, _)| bytes)
    };
    let record = read("RECORD", MAX_RECORD_BYTES);
    let hash = record.as_deref().map(blake3::hash);
    let lines = match (&record, hash) {
        (Some(bytes), Some(hash)) => known.lines(folder, bytes, hash),
        _ => Rc::new(Lines::of(folder, Vec::new())),
    };
    let instance = lines.instance.clone();
    let mut held = Held { folder: folder.to_owned(), name, version, lines, instance };
    if let (Some(bytes), Some(hash)) = (&record, hash) {
        // Its own line has no hash.
        let hash = [b"blake3=".as_slice(), hash.to_hex().as_bytes()].concat();
        let file = File { tag: Tag::File, bytes: hash, size: bytes.len() as u64 };
        held.instance.insert("RECORD".to_owned(), file);
    }
    for name in OF_INSTALLERS.iter().skip(1) {
        if held.instance.contains_key(*name)
            && let Some(bytes) = read(name, MAX_CONTENT_BYTES)
        {
            held.instance.insert((*name).to_owned(), File::content(bytes));
        }
    }
    let direct_url = held.instance.get("direct_url.json");
    if direct_url.is_some_and(|file| direct_url::editable(&file.bytes).is_some()) {
        held.keep_content(site);
    }
    held
}

impl Lines {
    fn of(folder: &str, files: Vec<RecordedFile>) -> Lines {
        let mut lines = Lines { tops: HashSet::from([folder.to_owned()]), ..Lines::default() };
        for file in files {
            lines.add(folder, file);
        }
        lines
    }

    fn add(&mut self, folder: &str, file: RecordedFile) {
        if file.path.is_empty() || file.path.len() > MAX_KEY_BYTES {
            return;
        }
        let value = File::of(&file);
        let of_metadata = file.path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
        let of_installer = of_metadata.filter(|name| OF_INSTALLERS.contains(name));
        let top = file.path.split('/').next().unwrap_or_default();
        if !self.tops.contains(top) {
            self.tops.insert(top.to_owned());
        }
        if let Some(name) = of_installer {
            self.instance.insert(name.to_owned(), value);
        } else if file.role == Role::Bytecode {
            self.volatile.insert(file.path, value);
        } else if file.plain {
            self.files.insert(file.path, value);
        } else {
            // Scripts name the environment in their first lines.
            self.instance.insert(file.path, value);
        }
    }
}

impl Held {
    /// Keeps what the files hold: no wheel brings what links to a project.
    fn keep_content(&mut self, site: &Listed) {
        for path in self.lines.files.keys().take(MOST_LINKING_FILES) {
            if let Ok((bytes, _)) = site.folder.read(path, MAX_CONTENT_BYTES) {
                self.instance.insert(path.clone(), File::content(bytes));
            }
        }
    }

    /// The names that it has among the scripts.
    fn scripts<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        let outside = self.instance.keys().filter(|path| path.starts_with("../"));
        outside.filter_map(move |path| {
            let (above, name) = path.rsplit_once('/')?;
            above.trim_start_matches("../").eq_ignore_ascii_case(folder).then_some(name)
        })
    }
}

/// What belongs to no distribution, by its path from the prefix.
fn rest(environment: &Environment, outline: &Outline, held: &BTreeMap<String, Held>) -> Files {
    let mut files = Files::new();
    let cfg = crate::fs::read(&environment.prefix.join("pyvenv.cfg"), MAX_CONTENT_BYTES);
    if let Ok(bytes) = cfg {
        files.insert("pyvenv.cfg".to_owned(), File::content(bytes));
    }
    if let Some(listed) = &outline.scripts {
        let owned: HashSet<&str> =
            held.values().flat_map(|one| one.scripts(&listed.below)).collect();
        add_rest(listed, |name| owned.contains(name), &mut files);
    }
    let owned: HashSet<&str> =
        held.values().flat_map(|one| &one.lines.tops).map(String::as_str).collect();
    for site in &outline.sites {
        add_rest(site, |name| name == "__pycache__" || owned.contains(name), &mut files);
    }
    files
}

fn add_rest(listed: &Listed, is_owned: impl Fn(&str) -> bool, files: &mut Files) {
    for entry in &listed.entries {
        let name = entry.name.to_string_lossy();
        let path = format!("{}/{name}", listed.below);
        if !is_owned(&name) && path.len() <= MAX_KEY_BYTES {
            files.insert(path, one(listed, entry, &name));
        }
    }
}

fn one(listed: &Listed, entry: &Entry, name: &str) -> File {
    let nothing = |tag| File { tag, bytes: Vec::new(), size: 0 };
    match entry.kind {
        Kind::Folder => nothing(Tag::Folder),
        Kind::Link => {
            let target = listed.folder.read_link(&entry.name).unwrap_or_default();
            File { bytes: target.as_os_str().as_encoded_bytes().to_vec(), ..nothing(Tag::Link) }
        }
        Kind::File if is_small_text(name) => {
            let read = listed.folder.read(name, MAX_CONTENT_BYTES);
            read.map_or_else(|_| nothing(Tag::File), |(bytes, _)| File::content(bytes))
        }
        Kind::File => {
            let size = listed.folder.look_at_link(&entry.name).map_or(0, |seen| seen.stamp.bytes);
            File { size, ..nothing(Tag::File) }
        }
        Kind::Other => nothing(Tag::File),
    }
}
