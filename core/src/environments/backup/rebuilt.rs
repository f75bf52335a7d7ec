//! Installed distributions as the wheels that they came from, built again from RECORD.
//!
//! ```text
//! idna/core.py                             as it is
//! ../../../bin/idna                        left out: an installer writes it for the entry point
//! ../../../bin/tool                        tool-1.0.data/scripts/tool, with `#!python` in its first line
//! ../../../share/man/man1/tool.1           tool-1.0.data/data/share/man/man1/tool.1
//! tool-1.0.dist-info/INSTALLER             left out, with REQUESTED, direct_url.json and bytecode
//! tool-1.0.virtualenv                      left out: a mark of virtualenv
//! ```
//!
//! Such a wheel installs what was installed. It is not, byte for byte, the file that was published: its hash is
//! another one, so it is marked. What differs from RECORD was edited, and no wheel is made of that. A file without a
//! hash in RECORD is taken as it is.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::Error;
use super::directory::is_plain;
use super::wheels::{Work, copy};
use crate::environments::Environment;
use crate::environments::distributions::{Distribution, RecordedFile, Role, Site};
use crate::environments::health::packages::{Places, is_recorded_throughout};
use crate::environments::repair::installed_record;
use crate::environments::wheels::name::file_name;
use crate::fs;
use crate::system;

/// Scripts are small; larger ones are programs, which name no interpreter.
const MAX_SCRIPT_BYTES: u64 = 1024 * 1024;
/// Files of metadata that an installer leaves.
const OF_INSTALLER: [&str; 7] = [
    "RECORD",
    "RECORD.jws",
    "RECORD.p7s",
    "INSTALLER",
    "REQUESTED",
    "direct_url.json",
    "uv_cache.json",
];

/// A wheel that is to be built.
#[derive(Debug)]
pub(super) struct Rebuilt {
    /// What it will be called.
    name: String,
    /// `idna-3.7.dist-info`
    info: String,
    /// By their names in the wheel.
    files: BTreeMap<String, Source>,
}

/// A file of a wheel.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    recorded: RecordedFile,
    is_script: bool,
}

/// Why there can be no wheel.
#[derive(Debug)]
pub(super) enum Unfit {
    /// Its metadata does not say what it is.
    Unknown(String),
    /// A file is not as it was installed; as RECORD names it.
    Edited(String),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Unknown(why) => f.write_str(why),
            Unfit::Edited(path) => write!(f, "`{path}` is not as it was installed"),
        }
    }
}

impl Rebuilt {
    /// Plans the wheel of a distribution. All of it is compared with RECORD now: a wheel that is begun is written to
    /// its end.
    pub(super) fn of(
        environment: &Environment,
        site: &Site,
        one: &Distribution,
    ) -> Result<Rebuilt, Unfit> {
        let unknown = |why: &str| Unfit::Unknown(why.to_owned());
        let (Some(record), Some(wheel)) = (one.record.get(), &one.wheel) else {
            return Err(unknown("it has no RECORD, or no WHEEL"));
        };
        let name = file_name(&one.folder_name(), None, &wheel.tags);
        let name = name.filter(|name| is_plain(&format!("wheels/00/{name}")));
        let name = name.ok_or_else(|| unknown("its name or its tags are of no wheel"))?;
        let folders = Folders::of(environment, site, one);
        let places = Places::of_prefix(site, &environment.prefix);
        let mut files = BTreeMap::new();
        for recorded in record.files.iter().filter(|file| file.role != Role::Bytecode) {
            let outside = || Unfit::Unknown(format!("`{}` lies outside of it", recorded.path));
            let path = places.resolve(recorded).ok_or_else(outside)?;
            let Some((inside, is_script)) = folders.name_of(one, &path) else { continue };
            if !is_recorded_throughout(&path, recorded) {
                return Err(Unfit::Edited(recorded.path.clone()));
            }
            let mut recorded = recorded.clone();
            if recorded.hash.is_none() {
                let hash = hash_of(&path).map_err(|error| Unfit::Unknown(error.to_string()))?;
                recorded.hash = Some(hash);
            }
            files.insert(inside, Source { path, recorded, is_script });
        }
        Ok(Rebuilt { name, info: one.folder_name(), files })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Of what is in it.
    pub(super) fn key(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(&self.name);
        for (name, file) in &self.files {
            // A script names the environment that it is in.
            let content = file.recorded.hash.as_deref().filter(|_| !file.is_script);
            hash.update([0]);
            hash.update(name);
            hash.update([0]);
            hash.update(content.unwrap_or_default());
        }
        hash.finalize().into()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.values().filter_map(|file| file.recorded.bytes).sum()
    }

    /// Builds it; for messages as the member that it will be.
    pub(super) fn write(
        &self,
        member: &str,
        out: &mut dyn Write,
        work: &Work,
    ) -> Result<(), Error> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::Io { what: "read", path, source }
        };
        let mut zip = ZipWriter::new_stream(out);
        let mut lines = Vec::new();
        for (name, file) in &self.files {
            let written = file.write(name, &mut zip, work);
            if work.is_stopped() {
                return Err(Error::Stopped);
            }
            lines.push(written.map_err(failed(&file.path))?);
        }
        let record = format!("{}/RECORD", self.info);
        let text = installed_record(lines, &self.info);
        let ended = begin(&mut zip, &record, false)
            .and_then(|()| zip.write_all(&text))
            .and_then(|()| zip.finish().map(drop).map_err(io::Error::other));
        ended.map_err(failed(Path::new(member)))
    }
}

fn begin<W: Write>(
    zip: &mut ZipWriter<StreamWriter<W>>,
    name: &str,
    is_program: bool,
) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        // Twice as fast as the usual one, and a tenth larger.
        .compression_level(Some(1))
        .unix_permissions(if is_program { 0o755 } else { 0o644 });
    zip.start_file(name, options).map_err(io::Error::other)
}

impl Source {
    /// Puts the file into the wheel, and gives its line of RECORD.
    fn write<W: Write>(
        &self,
        name: &str,
        zip: &mut ZipWriter<StreamWriter<W>>,
        work: &Work,
    ) -> io::Result<RecordedFile> {
        let (mut file, metadata) = fs::open(&self.path).map_err(io::Error::other)?;
        begin(zip, name, self.is_script || system::is_executable(&metadata))?;
        let mut script = Vec::new();
        let (hash, bytes) = if self.is_script && metadata.len() <= MAX_SCRIPT_BYTES {
            file.read_to_end(&mut script)?;
            let script = without_interpreter(&script);
            zip.write_all(&script)?;
            (Sha256::digest(&script), script.len() as u64)
        } else {
            copy(&mut file, zip, work)?
        };
        let hash = recorded_hash(&hash);
        let recorded = self.recorded.hash.as_deref().filter(|one| one.starts_with("sha256="));
        if !self.is_script && recorded.is_some_and(|recorded| recorded != hash) {
            return Err(io::Error::other("it was changed while it was read"));
        }
        Ok(RecordedFile::new(name.to_owned(), Some(hash), Some(bytes)))
    }
}

/// As RECORD has it.
fn recorded_hash(hash: &[u8]) -> String {
    format!("sha256={}", URL_SAFE_NO_PAD.encode(hash))
}

/// That of what stands there now.
fn hash_of(path: &Path) -> Result<String, fs::ReadError> {
    let (mut file, _) = fs::open(path)?;
    let mut hash = Sha256::new();
    let read = io::copy(&mut file, &mut hash);
    read.map_err(|source| fs::ReadError::Io { path: path.to_path_buf(), source })?;
    Ok(recorded_hash(&hash.finalize()))
}

/// A script as a wheel has it: installers write the interpreter of the environment into its first line.
fn without_interpreter(script: &[u8]) -> Vec<u8> {
    const LONG: &[u8] = b"#!/bin/sh\n'''exec' ";
    const LONG_END: &[u8] = b"\n' '''\n";
    let body = match memchr::memmem::find(script, LONG_END) {
        // Three lines, where a path has blanks or is too long for the kernel.
        Some(end) if script.starts_with(LONG) => &script[end + LONG_END.len()..],
        _ => {
            let end = memchr::memchr(b'\n', script).map_or(script.len(), |at| at + 1);
            let first = script[..end].to_ascii_lowercase();
            if !first.starts_with(b"#!") || memchr::memmem::find(&first, b"python").is_none() {
                return script.to_vec();
            }
            &script[end..]
        }
    };
    [b"#!python\n", body].concat()
}

/// Where the files of an installed wheel are, beside site-packages.
struct Folders<'a> {
    site: &'a Path,
    scripts: PathBuf,
    headers: PathBuf,
    prefix: &'a Path,
    /// `idna-3.7`
    stem: String,
}

impl<'a> Folders<'a> {
    fn of(environment: &'a Environment, site: &'a Site, one: &Distribution) -> Folders<'a> {
        let prefix = environment.prefix.as_path();
        let is_windows = site.folder.parent() == Some(&prefix.join("Lib"));
        let usual = prefix.join(if is_windows { "Scripts" } else { "bin" });
        let library = site.folder.parent().and_then(Path::file_name).unwrap_or_default();
        let headers = match is_windows {
            true => prefix.join("Include"),
            false => prefix.join("include").join("site").join(library),
        };
        let stem = one.folder_name().trim_end_matches(".dist-info").to_owned();
        Folders { site: &site.folder, scripts: usual, headers, prefix, stem }
    }

    /// The name of a file in the wheel, and whether it is a script. `None` for what an installer writes.
    fn name_of(&self, one: &Distribution, path: &Path) -> Option<(String, bool)> {
        if let Ok(below) = path.strip_prefix(self.site) {
            let name = joined(below)?;
            let own = name.split_once('/').filter(|(top, _)| *top == one.folder_name());
            let is_of_installer = own.is_some_and(|(_, name)| OF_INSTALLER.contains(&name));
            let is_mark = name.strip_suffix(".virtualenv") == Some(&self.stem);
            return (!is_of_installer && !is_mark).then_some((name, false));
        }
        let data =
            |key: &str, below: &Path| Some(format!("{}.data/{key}/{}", self.stem, joined(below)?));
        if let Ok(below) = path.strip_prefix(&self.scripts) {
            let file = below.to_str()?;
            let ends = [".exe", "-script.py", "-script.pyw", ".exe.manifest"];
            let stem = ends.iter().find_map(|end| file.strip_suffix(end)).unwrap_or(file);
            let is_command = |name: &String| name == stem || name == file;
            // pip's own has more names than it declares: `pip3.12`.
            let is_of_pip = one.name == "pip" && stem.starts_with("pip");
            if one.commands.iter().any(is_command) || is_of_pip {
                return None;
            }
            return Some((data("scripts", below)?, true));
        }
        if let Ok(below) = path.strip_prefix(&self.headers) {
            // The folder of the distribution.
            let below: PathBuf = below.components().skip(1).collect();
            return Some((data("headers", &below)?, false));
        }
        Some((data("data", path.strip_prefix(self.prefix).ok()?)?, false))
    }
}

/// A path below a folder, with `/`.
fn joined(below: &Path) -> Option<String> {
    let names: Option<Vec<&str>> = below.iter().map(|name| name.to_str()).collect();
    names.filter(|names| !names.is_empty()).map(|names| names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_of_scripts() {
        let check = |script: &str, expected: &str| {
            assert_eq!(
                String::from_utf8(without_interpreter(script.as_bytes())).unwrap(),
                expected
            );
        };
        check("#!/home/me/.venv/bin/python3\nx = 1\n", "#!python\nx = 1\n");
        check("#!C:\\venv\\Scripts\\Python.exe\r\nx = 1\r\n", "#!python\nx = 1\r\n");
        let long = "#!/bin/sh\n'''exec' \"/home/my name/bin/python\" \"$0\" \"$@\"\n' '''\nx = 1\n";
        check(long, "#!python\nx = 1\n");
        check("#!/bin/sh\necho\n", "#!/bin/sh\necho\n");
        check("", "");
    }
}
