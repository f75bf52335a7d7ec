//! One site-packages folder: which of its entries are distributions, and their metadata.
//!
//! A folder is listed once; a file is only opened when the listing has it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::shared::{Files, Format, Parsed};
use super::{
    Content, Distribution, Metadata, Part, Record, Shared, Site, Wheel, direct_url, egg,
    entry_points, metadata, name, record, wheel,
};
use crate::fs::{self, Entry, Folder, Identity, Kind};

const METADATA: Format<Metadata> = Format {
    usual_bytes: metadata::USUAL_BYTES,
    max_bytes: metadata::MAX_BYTES,
    enough: metadata::header,
    parse: metadata::parse,
};

const RECORD: Format<Record> = whole(record::MAX_BYTES, record::parse);
const WHEEL: Format<Wheel> = whole(wheel::MAX_BYTES, wheel::parse);

const fn whole<T>(max_bytes: u64, parse: fn(&[u8]) -> Result<T, String>) -> Format<T> {
    Format { usual_bytes: max_bytes, max_bytes, enough: |_| None, parse }
}

const fn text(max_bytes: u64) -> Format<Vec<u8>> {
    whole(max_bytes, |bytes| Ok(bytes.to_vec()))
}

/// Reads the folder. An entry that cannot be read is a distribution with parts that say so.
pub(super) fn read(folder: &Path, shared: &Shared) -> io::Result<Site> {
    let opened = Folder::open(folder.to_path_buf())?;
    let mut entries = opened.entries()?;
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let device = opened.device();
    let distributions =
        entries.iter().filter_map(|entry| distribution(&opened, device, entry, shared)).collect();
    let open = Some(Arc::new(opened));
    let looks = shared.looks();
    Ok(Site { folder: folder.to_path_buf(), entries, distributions, open, looks })
}

fn distribution(
    site: &Folder,
    device: Option<u64>,
    entry: &Entry,
    shared: &Shared,
) -> Option<Distribution> {
    let folder = site.path();
    let file_name = entry.name.to_str()?;
    // pip renames what it is about to remove: `~ip-23.0.dist-info` is no distribution.
    if file_name.starts_with(['~', '-', '.']) {
        return None;
    }
    let (stem, form) = file_name.rsplit_once('.')?;
    let path = || folder.join(file_name);
    match form {
        "dist-info" => Some(dist_info(site, device, file_name, stem, shared)),
        "egg-info" => Some(egg_info(path(), stem, entry.kind, shared)),
        "egg" => Some(egg_info(path().join("EGG-INFO"), stem, entry.kind, shared)),
        "egg-link" => egg_link(path(), stem, shared),
        _ => None,
    }
}

fn dist_info(
    site: &Folder,
    device: Option<u64>,
    file_name: &str,
    stem: &str,
    shared: &Shared,
) -> Distribution {
    let lost = |holds_files, metadata, record| Distribution {
        info: site.path().join(file_name),
        holds_files,
        content: Arc::new(Content::without_files(name::split_stem(stem), metadata, record)),
        listed: Listed::default(),
        seen: None,
    };
    let opened = site
        .folder(file_name)
        .and_then(|folder| Ok((Listed::of(&folder, device)?, folder.seen()?, folder)));
    let ((listed, holds_files), seen, folder) = match opened {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return lost(false, Part::Denied, Part::Denied);
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            let reason = "cannot be there: it is a file, not a folder".to_owned();
            return lost(false, Part::Bad(reason), Part::Missing);
        }
        Err(_) => return lost(false, Part::Missing, Part::Missing),
    };
    let content = match listed.identity().and_then(|identity| shared.content(&identity)) {
        Some(content) => content,
        None => read_content(folder.path(), stem, &listed, shared),
    };
    Distribution { info: folder.into_path(), holds_files, content, listed, seen: Some(seen) }
}

/// The files of a `.dist-info` folder that are read.
const FILES: [&str; 6] =
    ["METADATA", "RECORD", "WHEEL", "INSTALLER", "entry_points.txt", "direct_url.json"];

/// Which of them is WHEEL.
const WHEEL_AT: usize = 2;

/// Which of the files of a `.dist-info` folder that are read are there, and what its listing tells of
/// them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Listed([Option<Option<Identity>>; FILES.len()]);

impl Listed {
    /// Their names, each with its identity where the listing tells it.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<Identity>)> {
        FILES.iter().zip(self.0).filter_map(|(name, listed)| Some((*name, listed?)))
    }

    /// Whether a file of this name is read, if it is there.
    pub fn is_read(name: &str) -> bool {
        FILES.contains(&name)
    }

    /// WHEEL, where the listing tells which file it is.
    pub fn wheel(&self) -> Option<Identity> {
        self.0[WHEEL_AT].flatten()
    }

    /// Also tells whether anything is in the folder.
    fn of(folder: &Folder, device: Option<u64>) -> io::Result<(Listed, bool)> {
        let mut listed = [None; FILES.len()];
        let mut any = false;
        folder.each_entry(|name, kind, inode| {
            any = true;
            let Some(at) = FILES.iter().position(|file| name == *file) else { return };
            // A link's own number says nothing of the file at its end.
            let plain = kind == Kind::File && inode != 0;
            listed[at] = Some(device.filter(|_| plain).map(|device| Identity { device, inode }));
        })?;
        Ok((Listed(listed), any))
    }

    /// All of them together, where each has an identity.
    fn identity(&self) -> Option<Files> {
        let mut identity = [0; FILES.len() + 1];
        for (at, file) in self.0.iter().enumerate() {
            if let Some(known) = file {
                let known = (*known)?;
                identity[0] = known.device;
                identity[at + 1] = known.inode;
            }
        }
        Some(identity)
    }
}

fn read_content(info: &Path, stem: &str, listed: &Listed, shared: &Shared) -> Arc<Content> {
    let mut all_linked = true;
    let [metadata, record, wheel, installer, scripts, source] = listed.0;
    let metadata = read_listed(info, 0, metadata, &shared.metadata, METADATA, &mut all_linked);
    let record = read_listed(info, 1, record, &shared.record, RECORD, &mut all_linked);
    let wheel = read_listed(info, WHEEL_AT, wheel, &shared.wheel, WHEEL, &mut all_linked);
    let installer = read_listed(info, 3, installer, &shared.text, text(1024), &mut all_linked);
    let limit = text(entry_points::MAX_BYTES);
    let scripts = read_listed(info, 4, scripts, &shared.text, limit, &mut all_linked);
    let limit = text(direct_url::MAX_BYTES);
    let source = read_listed(info, 5, source, &shared.text, limit, &mut all_linked);
    let (name, version) = match metadata.get() {
        Some(metadata) => (name::normalize(&metadata.name), metadata.version.clone()),
        None => name::split_stem(stem),
    };
    // Without METADATA its name is that of the folder.
    let is_lasting = all_linked && metadata.get().is_some();
    let content = Arc::new(Content {
        name,
        version,
        metadata,
        record,
        installer: installer.get().and_then(|bytes| installer_of(bytes)),
        wheel: match wheel {
            Part::Read(wheel) => Some(wheel),
            _ => None,
        },
        commands: scripts.get().map(|bytes| entry_points::parse(bytes)).unwrap_or_default(),
        editable: source.get().and_then(|bytes| direct_url::editable(bytes)),
    });
    if let Some(identity) = listed.identity().filter(|_| is_lasting) {
        shared.keep_content(identity, &content);
    }
    content
}

/// Reads one of [`FILES`] if it is listed. Clears `all_linked` when the file has one name only.
fn read_listed<T>(
    info: &Path,
    file: usize,
    listed: Option<Option<Identity>>,
    parsed: &Parsed<T>,
    format: Format<T>,
    all_linked: &mut bool,
) -> Part<T> {
    let Some(identity) = listed else { return Part::Missing };
    let (part, linked) = parsed.read(&fs::below(info, FILES[file]), identity, format);
    *all_linked &= linked;
    part
}

fn installer_of(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes).trim().to_lowercase();
    (!text.is_empty() && !text.contains('\0')).then_some(text)
}

/// An egg's PKG-INFO: in its folder, or the `.egg-info` itself when that is a file.
fn egg_info(info: PathBuf, stem: &str, kind: Kind, shared: &Shared) -> Distribution {
    let content = Arc::new(egg_content(&info, stem, kind, shared));
    Distribution { info, holds_files: false, content, listed: Listed::default(), seen: None }
}

fn egg_content(info: &Path, stem: &str, kind: Kind, shared: &Shared) -> Content {
    let is_file = kind == Kind::File;
    let pkg_info = if is_file { info.to_path_buf() } else { info.join("PKG-INFO") };
    let (mut metadata, _) = shared.metadata.read(&pkg_info, None, METADATA);
    let requires = if is_file {
        Part::Missing
    } else {
        shared.text.read(&info.join("requires.txt"), None, text(egg::MAX_BYTES)).0
    };
    let (mut name, mut version) = name::split_egg_stem(stem);
    if let Part::Read(read) = &metadata {
        name = name::normalize(&read.name);
        version = read.version.clone();
        if let Some(lines) = requires.get().filter(|_| read.requires.is_empty()) {
            let mut whole = Metadata::clone(read);
            whole.requires = egg::requires(lines);
            whole.requirements = metadata::parse_requirements(&whole.requires);
            metadata = Part::Read(Arc::new(whole));
        }
    }
    Content::without_files((name, version), metadata, Part::Missing)
}

/// A project that `setup.py develop` linked: its metadata stands in the project.
fn egg_link(link: PathBuf, stem: &str, shared: &Shared) -> Option<Distribution> {
    let bytes = fs::read(&link, egg::MAX_BYTES).ok()?;
    let target = egg::link_target(&bytes, link.parent()?)?;
    let name = name::normalize(stem);
    let info = fs::list(&target).unwrap_or_default().into_iter().find(|entry| {
        entry.name.to_str().and_then(|name| name.strip_suffix(".egg-info")).is_some_and(|project| {
            name::split_egg_stem(project).0 == name || name::normalize(project) == name
        })
    });
    let mut content = match info {
        Some(entry) => egg_content(&target.join(&entry.name), stem, entry.kind, shared),
        None => egg_content(&link, stem, Kind::File, shared),
    };
    content.name = name;
    if content.metadata.get().is_none() {
        content.version.clear();
        content.metadata = Part::Missing;
    }
    content.editable = Some(target);
    let content = Arc::new(content);
    Some(Distribution {
        info: link,
        holds_files: false,
        content,
        listed: Listed::default(),
        seen: None,
    })
}
