//! One wheel, open: what it holds, where each file of it belongs, and whether its bytes are those that
//! its RECORD names.
//!
//! ```text
//! tabulate/version.py                       to site-packages
//! tabulate-0.9.0.dist-info/METADATA         to site-packages
//! tabulate-0.9.0.data/scripts/tool          to the folder of scripts
//! ```
//!
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::folders::Folders;
use super::install;
use super::record::line_of;
use super::wheels::Origin;
use crate::environments::distributions::entry_points::{self, Command};
use crate::environments::distributions::{Metadata, Record, RecordedFile, metadata, record};
use crate::environments::health::packages::{are_as_recorded, gives_recorded};
use crate::environments::repair::change::Content;
use crate::environments::wheels::archive::{Archive, MAX_MEMBER_BYTES, is_plain};
use crate::environments::wheels::location::Location;

/// METADATA with its description, RECORD, `entry_points.txt`.
const MAX_METADATA_BYTES: u64 = 8 * 1024 * 1024;

/// A script of a wheel; programs that are larger are no Python.
const MAX_SCRIPT_BYTES: u64 = 1024 * 1024;

/// A wheel whose metadata was read.
#[derive(Debug)]
pub(super) struct Wheel {
    /// The file, or the folder that it was unpacked into.
    pub(super) location: Location,
    /// `idna-3.10.dist-info`.
    pub(super) info: String,
    /// What METADATA says.
    pub(super) metadata: Metadata,
    /// What `entry_points.txt` declares.
    pub(super) commands: Vec<Command>,
    origin: Origin,
    record: Record,
    archive: RefCell<Archive>,
}

fn unreadable(error: std::io::Error) -> String {
    format!("cannot be read: {error}")
}

/// One file that a wheel installs.
#[derive(Debug)]
pub(super) struct Member<'a> {
    /// As the wheel's RECORD names it, with size and hash.
    pub(super) source: &'a RecordedFile,
    /// Where it belongs.
    pub(super) path: PathBuf,
    /// As the RECORD of the installed distribution names it.
    pub(super) recorded: String,
    /// Whether it is a script whose first line names the interpreter.
    pub(super) script: bool,
}

impl Wheel {
    /// Opens a wheel. `Err` says what is wrong with it, as the end of a sentence.
    pub(super) fn open(location: &Location, origin: Origin) -> Result<Wheel, String> {
        let archive = Archive::open(location).map_err(unreadable)?;
        Ok(Wheel { origin, ..Wheel::read_metadata(location.clone(), archive, None)? })
    }

    /// The files of an editable install of the project at `path`, as the wheel that they came in.
    pub(super) fn of_links(
        path: &Path,
        mut files: BTreeMap<String, Vec<u8>>,
    ) -> Result<Wheel, String> {
        files.retain(|name, _| {
            let name = name.rsplit_once(".dist-info/").map_or("", |(_, name)| name);
            name != "RECORD" && !install::OF_INSTALLERS.contains(&name)
        });
        let lines = files.iter().map(|(name, bytes)| line_of(name.clone(), bytes));
        let record = Record::of(lines.collect());
        Wheel::read_metadata(path.to_path_buf().into(), Archive::Memory(files), Some(record))
    }

    fn read_metadata(
        location: Location,
        mut archive: Archive,
        record: Option<Record>,
    ) -> Result<Wheel, String> {
        let info = archive.info().map_err(unreadable)?;
        let mut read = |name: &str| {
            archive
                .read(&format!("{info}/{name}"), MAX_METADATA_BYTES)
                .map_err(|error| format!("has no readable {name}: {error}"))
        };
        let metadata = metadata::parse(&read("METADATA")?)?;
        let record = match record {
            Some(record) => record,
            None => record::parse(&read("RECORD")?)?,
        };
        let commands = read("entry_points.txt").map(|bytes| entry_points::commands(&bytes));
        Ok(Wheel {
            location,
            metadata,
            record,
            commands: commands.unwrap_or_default(),
            origin: Origin::Own,
            archive: RefCell::new(archive),
            info,
        })
    }

    /// Where it is, for people.
    pub(super) fn shown(&self) -> String {
        match self.origin {
            Origin::Fetched => "a wheel that was fetched".to_owned(),
            _ => self.location.to_string(),
        }
    }

    /// Every file that it installs, but RECORD and its signatures. `Err` when one belongs nowhere.
    pub(super) fn members(&self, folders: &Folders) -> Result<Vec<Member<'_>>, String> {
        let stem = self.info.strip_suffix(".dist-info").unwrap_or(&self.info);
        let data = format!("{stem}.data");
        let mut members = Vec::new();
        for source in self.listed() {
            let name = source.path.as_str();
            if !is_plain(name) {
                return Err(format!("lists `{name}`, which is no name of a file in a wheel"));
            }
            let (scheme, relative) = match name.strip_prefix(&data) {
                Some(rest) => match rest.strip_prefix('/').and_then(|rest| rest.split_once('/')) {
                    Some((scheme, relative)) => (scheme, relative),
                    None => return Err(format!("lists `{name}`, which belongs nowhere")),
                },
                None => ("purelib", name),
            };
            let path = folders
                .of(scheme, stem)
                .map(|folder| crate::fs::below(&folder, relative))
                .ok_or_else(|| format!("lists `{name}`, which belongs nowhere"))?;
            let recorded = folders
                .recorded(&path)
                .ok_or_else(|| format!("lists `{name}`, which lies outside of the environment"))?;
            if folders.is_of_environment(&path) {
                return Err(format!("lists `{name}`, which is the environment's own"));
            }
            let script = scheme == "scripts" && self.starts_with_python(name);
            members.push(Member { source, path, recorded, script });
        }
        Ok(members)
    }

    fn starts_with_python(&self, name: &str) -> bool {
        let head = self.archive.borrow_mut().read(name, MAX_SCRIPT_BYTES);
        head.is_ok_and(|head| head.starts_with(b"#!python"))
    }

    /// The bytes of a member. `Err` when they are not those that RECORD names.
    pub(super) fn read(&self, source: &RecordedFile) -> Result<Vec<u8>, String> {
        let name = &source.path;
        // RECORD tells the size: what unpacks to more is not what was published.
        let limit = source.bytes.unwrap_or(MAX_MEMBER_BYTES);
        let bytes = self
            .archive
            .borrow_mut()
            .read(name, limit)
            .map_err(|error| format!("holds no readable `{name}`: {error}"))?;
        match are_as_recorded(&bytes, source) {
            Some(true) => Ok(bytes),
            Some(false) => Err(format!("holds a `{name}` that is not the one of its RECORD")),
            None => Err(format!("has no hash of `{name}` in its RECORD")),
        }
    }

    /// A script of the wheel, which starts with these lines here.
    pub(super) fn script(&self, source: &RecordedFile, shebang: &[u8]) -> Result<Vec<u8>, String> {
        let bytes = self.read(source)?;
        let body = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        Ok([shebang, &bytes[body..]].concat())
    }

    /// A member as the content of a file, after its bytes were compared. Where no other wheel would do, that is left to
    /// whoever writes them.
    pub(super) fn content(&self, source: &RecordedFile) -> Result<Content, String> {
        let is_only = self.origin == Origin::Own;
        if let Some(hash) = source.sha256().filter(|_| is_only && self.has_members()) {
            let (archive, name) = (self.location.clone(), source.path.clone());
            return Ok(Content::Member { archive, name, hash });
        }
        let bytes = self.read(source)?;
        if !self.has_members() {
            return Ok(Content::Bytes(bytes));
        }
        Ok(Content::Member {
            archive: self.location.clone(),
            name: source.path.clone(),
            hash: Sha256::digest(&bytes).into(),
        })
    }

    /// Whether it lies on disk.
    fn has_members(&self) -> bool {
        !matches!(*self.archive.borrow(), Archive::Memory(_))
    }

    /// Whether the member is marked as a program.
    pub(super) fn is_executable(&self, source: &RecordedFile) -> bool {
        self.archive.borrow_mut().is_executable(&source.path)
    }

    /// Every line of the wheel's RECORD, but those of RECORD and its signatures.
    pub(super) fn listed(&self) -> impl Iterator<Item = &RecordedFile> {
        let own = |name: &str| format!("{}/{name}", self.info);
        let skipped = [own("RECORD"), own("RECORD.jws"), own("RECORD.p7s")];
        self.record.files.iter().filter(move |file| !skipped.contains(&file.path))
    }

    /// The names of all files in it; an error when one stands there twice.
    pub(super) fn files(&self) -> std::io::Result<Vec<String>> {
        self.archive.borrow().files()
    }

    /// Whether the bytes of a member are those that RECORD names. They are not kept.
    pub(super) fn holds(&self, source: &RecordedFile) -> bool {
        let limit = source.bytes.unwrap_or(MAX_MEMBER_BYTES).min(MAX_MEMBER_BYTES);
        let mut archive = self.archive.borrow_mut();
        let content = archive.open_member(&source.path);
        content.is_ok_and(|content| gives_recorded(&mut content.take(limit + 1), source))
    }

    /// The line of the wheel's RECORD for a member.
    pub(super) fn find(&self, name: &str) -> Option<&RecordedFile> {
        self.record.files.iter().find(|file| file.path == name)
    }
}
