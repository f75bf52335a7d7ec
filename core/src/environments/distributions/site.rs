//! One site-packages folder: which of its entries are distributions, and their metadata.
//!
//! A folder is listed once; a file is only opened when the listing has it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::shared::{Format, Identity, Parsed};
use super::{
    Distribution, Metadata, Part, Record, Shared, Site, Wheel, direct_url, egg, entry_points,
    metadata, name, record, wheel,
};
use crate::fs::{self, Entry, Folder, Kind};

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
    Ok(Site { folder: folder.to_path_buf(), entries, distributions })
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
    let path = folder.join(file_name);
    match form {
        "dist-info" => Some(dist_info(site, device, file_name, stem, shared)),
        "egg-info" => Some(egg_info(&path, stem, entry.kind, shared)),
        "egg" => Some(egg_info(&path.join("EGG-INFO"), stem, entry.kind, shared)),
        "egg-link" => egg_link(&path, stem, shared),
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
    let info = &site.path().join(file_name);
    let (name, version) = name::split_stem(stem);
    let mut found = Distribution {
        info: info.to_path_buf(),
        info_entries: Vec::new(),
        name,
        version,
        metadata: Part::Missing,
        record: Part::Missing,
        installer: None,
        wheel: None,
        commands: Vec::new(),
        editable: None,
    };
    match site.folder(file_name).and_then(|folder| folder.entries()) {
        Ok(mut entries) => {
            entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            found.info_entries = entries;
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            found.metadata = Part::Denied;
            found.record = Part::Denied;
            return found;
        }
        Err(error) => {
            if error.kind() == io::ErrorKind::NotADirectory {
                found.metadata = Part::Bad("cannot be there: it is a file, not a folder".into());
            }
            return found;
        }
    }
    let listed = |name: &str| {
        let entries = &found.info_entries;
        let at = entries.binary_search_by(|entry| entry.name.as_os_str().cmp(name.as_ref()));
        let entry = at.ok().map(|at| &entries[at])?;
        // A link's own number says nothing of the file at its end.
        let plain = entry.kind == Kind::File && entry.inode != 0;
        let identity =
            device.filter(|_| plain).map(|device| Identity { device, inode: entry.inode });
        Some((info.join(name), identity))
    };
    let metadata = read_listed(listed("METADATA"), &shared.metadata, METADATA);
    let record = read_listed(listed("RECORD"), &shared.record, RECORD);
    let wheel = read_listed(listed("WHEEL"), &shared.wheel, WHEEL);
    let installer = read_listed(listed("INSTALLER"), &shared.text, text(1024));
    let scripts = listed("entry_points.txt");
    let scripts = read_listed(scripts, &shared.text, text(entry_points::MAX_BYTES));
    let source = listed("direct_url.json");
    let source = read_listed(source, &shared.text, text(direct_url::MAX_BYTES));
    if let Some(metadata) = metadata.get() {
        found.name = name::normalize(&metadata.name);
        found.version = metadata.version.clone();
    }
    found.installer = installer.get().and_then(|bytes| installer_of(bytes));
    found.wheel = match wheel {
        Part::Read(wheel) => Some(wheel),
        _ => None,
    };
    found.commands = scripts.get().map(|bytes| entry_points::parse(bytes)).unwrap_or_default();
    found.editable = source.get().and_then(|bytes| direct_url::editable(bytes));
    found.metadata = metadata;
    found.record = record;
    found
}

fn read_listed<T>(
    listed: Option<(PathBuf, Option<Identity>)>,
    parsed: &Parsed<T>,
    format: Format<T>,
) -> Part<T> {
    listed.map_or(Part::Missing, |(path, identity)| parsed.read(&path, identity, format))
}

fn installer_of(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes).trim().to_lowercase();
    (!text.is_empty() && !text.contains('\0')).then_some(text)
}

/// An egg's PKG-INFO: in its folder, or the `.egg-info` itself when that is a file.
fn egg_info(info: &Path, stem: &str, kind: Kind, shared: &Shared) -> Distribution {
    let (name, version) = name::split_egg_stem(stem);
    let is_file = kind == Kind::File;
    let pkg_info = if is_file { info.to_path_buf() } else { info.join("PKG-INFO") };
    let mut metadata = shared.metadata.read(&pkg_info, None, METADATA);
    let requires = if is_file {
        Part::Missing
    } else {
        shared.text.read(&info.join("requires.txt"), None, text(egg::MAX_BYTES))
    };
    let (mut name, mut version) = (name, version);
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
    Distribution {
        info: info.to_path_buf(),
        info_entries: Vec::new(),
        name,
        version,
        metadata,
        record: Part::Missing,
        installer: None,
        wheel: None,
        commands: Vec::new(),
        editable: None,
    }
}

/// A project that `setup.py develop` linked: its metadata stands in the project.
fn egg_link(link: &Path, stem: &str, shared: &Shared) -> Option<Distribution> {
    let bytes = fs::read(link, egg::MAX_BYTES).ok()?;
    let target = egg::link_target(&bytes, link.parent()?)?;
    let name = name::normalize(stem);
    let info = fs::list(&target).unwrap_or_default().into_iter().find(|entry| {
        entry.name.to_str().and_then(|name| name.strip_suffix(".egg-info")).is_some_and(|project| {
            name::split_egg_stem(project).0 == name || name::normalize(project) == name
        })
    });
    let mut found = match info {
        Some(entry) => egg_info(&target.join(&entry.name), stem, entry.kind, shared),
        None => egg_info(link, stem, Kind::File, shared),
    };
    found.name = name;
    found.info = link.to_path_buf();
    if found.metadata.get().is_none() {
        found.version.clear();
        found.metadata = Part::Missing;
    }
    found.editable = Some(target);
    Some(found)
}
