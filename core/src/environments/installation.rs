//! Installations: an interpreter with a standard library of its own. What a virtual environment
//! stands on; each is read once a run.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::facts::{LinkEnd, Scheme};
use super::image::{self, Format};
use super::{Architecture, EnvironmentId, PythonTag, PythonVersion};
use crate::fs::{self, Kind};

/// What is known of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Its identity.
    pub id: EnvironmentId,
    /// `sys.prefix`, canonical.
    pub prefix: PathBuf,
    /// The interpreter, canonical.
    pub executable: PathBuf,
    /// Minor version and ABI, where a name or a library folder tells them.
    pub tag: Option<PythonTag>,
    /// As exact as its files tell it.
    pub version: Option<PythonVersion>,
    /// What its interpreter is built for.
    pub architecture: Option<Architecture>,
    /// `lib/python3.12`, when it is there.
    pub stdlib: Option<PathBuf>,
    /// What is missing of the standard library; `None` when it is whole.
    pub damage: Option<Damage>,
    /// Whether it is a conda environment.
    pub conda: bool,
}

/// The folder that `home` in `pyvenv.cfg` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// It holds these interpreters (`python3`, `python3.12`).
    Interpreters(Vec<String>),
    /// Why there are none ("does not exist").
    Unusable(&'static str),
    /// The system did not let us look.
    Unread,
}

/// What is missing of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// In one phrase, with paths in backticks.
    pub what: String,
    /// The missing or empty files.
    pub paths: Vec<PathBuf>,
}

/// Installations that were read before.
#[derive(Debug, Default)]
pub struct Installations {
    /// By the bytes of the path: hashing a `Path` walks its components.
    known: Mutex<HashMap<OsString, Option<Arc<Installation>>>>,
    homes: Mutex<HashMap<OsString, Arc<Home>>>,
}

impl Installations {
    /// The installation of an interpreter, given by its canonical path and header.
    pub fn of(&self, end: &LinkEnd) -> Option<Arc<Installation>> {
        let LinkEnd::File { canonical, bytes, image: Ok(image), .. } = end else { return None };
        if let Some(known) = self.known.lock().ok()?.get(canonical.as_os_str()) {
            return known.clone();
        }
        let read = read(canonical, image.format, image.architecture, *bytes).map(Arc::new);
        self.known.lock().ok()?.insert(canonical.as_os_str().to_owned(), read.clone());
        read
    }

    /// What is in the folder that `home` names.
    pub fn home(&self, folder: &Path, scheme: Scheme) -> Arc<Home> {
        let Ok(mut homes) = self.homes.lock() else { return Arc::new(Home::Unread) };
        if let Some(known) = homes.get(folder.as_os_str()) {
            return Arc::clone(known);
        }
        let home = Arc::new(read_home(folder, scheme));
        homes.insert(folder.as_os_str().to_owned(), Arc::clone(&home));
        home
    }
}

fn read_home(folder: &Path, scheme: Scheme) -> Home {
    let is_interpreter = |name: &str| {
        let stem = name.strip_suffix(".exe").unwrap_or(name);
        matches!(stem, "python" | "python3" | "pypy" | "pypy3" | "graalpy" | "python2")
            || PythonTag::from_name(stem).is_some()
    };
    let windows = scheme == Scheme::Windows;
    // Its interpreters only start those that its own `home` names: in a ring, without end.
    if windows && folder.parent().is_some_and(|prefix| fs::is_file(&prefix.join("pyvenv.cfg"))) {
        return Home::Unusable("belongs to a virtual environment, not to an installation");
    }
    let entries = match fs::list(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            return Home::Unusable("is not a folder");
        }
        Err(error) if fs::leads_nowhere(&error) => return Home::Unusable("does not exist"),
        Err(_) => return Home::Unread,
    };
    let interpreters: Vec<String> = entries
        .iter()
        .filter_map(|entry| entry.name.to_str())
        .filter(|name| is_interpreter(name) && name.ends_with(".exe") == windows)
        .filter(|name| fs::is_file(&folder.join(name)))
        .map(str::to_owned)
        .collect();
    if interpreters.is_empty() {
        Home::Unusable("holds no interpreter")
    } else {
        Home::Interpreters(interpreters)
    }
}

fn read(
    executable: &Path,
    format: Format,
    architecture: Option<Architecture>,
    bytes: u64,
) -> Option<Installation> {
    let folder = executable.parent()?;
    let named = executable.file_name()?.to_str().and_then(PythonTag::from_name);
    let (scheme, prefix) = match folder.file_name().and_then(|name| name.to_str()) {
        Some("bin") => (Scheme::Posix, folder.parent()?),
        _ => (Scheme::Windows, folder),
    };
    let (stdlib, tag) = match scheme {
        Scheme::Posix => posix_library(prefix, named),
        Scheme::Windows => windows_library(prefix, named),
    };
    let version = tag.and_then(|tag| exact_version(prefix, executable, stdlib.as_deref(), tag));
    // A script that stands in for an interpreter (Nix, wrappers) has its library elsewhere.
    let damage = match (format, &stdlib, tag) {
        (Format::Script | Format::Unread, ..) => None,
        (Format::Pe, Some(_), None) => library_gone(prefix),
        (_, _, None) => None,
        (_, stdlib, Some(tag)) => damage(prefix, scheme, stdlib.as_deref(), tag, bytes),
    };
    let conda = fs::is_folder(&prefix.join("conda-meta"));
    Some(Installation {
        id: EnvironmentId::of(prefix, tag.filter(|_| !conda)),
        prefix: prefix.to_path_buf(),
        executable: executable.to_path_buf(),
        tag,
        version,
        architecture,
        stdlib,
        damage,
        conda,
    })
}

/// `lib/python3.12`, by the interpreter's name, or else the only one there is.
fn posix_library(prefix: &Path, named: Option<PythonTag>) -> (Option<PathBuf>, Option<PythonTag>) {
    let places = ["lib", "lib64"].map(|lib| prefix.join(lib));
    if let Some(tag) = named {
        let found =
            places.iter().map(|lib| lib.join(tag.to_string())).find(|lib| fs::is_folder(lib));
        return (found, named);
    }
    let mut tags: Vec<(PythonTag, PathBuf)> = Vec::new();
    for lib in places {
        for entry in fs::list(&lib).unwrap_or_default() {
            if let Some(tag) = entry.name.to_str().and_then(PythonTag::from_name) {
                tags.push((tag, lib.join(&entry.name)));
            }
        }
    }
    tags.sort_by_key(|(tag, folder)| {
        (!fs::is_file(&folder.join("os.py")), std::cmp::Reverse(*tag))
    });
    match tags.into_iter().next() {
        Some((tag, folder)) => (Some(folder), Some(tag)),
        None => (None, None),
    }
}

/// `Lib`, and the minor version from `python312.dll` or `python312.zip` beside the interpreter.
fn windows_library(
    prefix: &Path,
    named: Option<PythonTag>,
) -> (Option<PathBuf>, Option<PythonTag>) {
    let stdlib = Some(prefix.join("Lib")).filter(|lib| fs::is_folder(lib));
    let tag = named.or_else(|| windows_tag(prefix));
    (stdlib, tag)
}

/// The minor version that `python312.dll` (or `python313t.dll`, `python312.zip`) names.
pub(super) fn windows_tag(folder: &Path) -> Option<PythonTag> {
    tag_of_library(&fs::list(folder).ok()?)
}

/// The same for a folder that was listed.
pub(super) fn tag_of_library(entries: &[fs::Entry]) -> Option<PythonTag> {
    entries.iter().filter(|entry| entry.kind == Kind::File).find_map(|entry| {
        let name = entry.name.to_str()?.to_ascii_lowercase();
        let digits = name
            .strip_prefix("python3")?
            .strip_suffix(".dll")
            .or_else(|| name.strip_prefix("python3")?.strip_suffix(".zip"))?;
        PythonTag::from_name(&format!("python3.{digits}"))
    })
}

/// The exact version: header, PEP 739, conda, the name of the folder, the binary itself.
fn exact_version(
    prefix: &Path,
    executable: &Path,
    stdlib: Option<&Path>,
    tag: PythonTag,
) -> Option<PythonVersion> {
    let fits = |version: &PythonVersion| version.is_of(tag) && version.patch.is_some();
    patchlevel(&prefix.join("include").join(tag.to_string()).join("patchlevel.h"))
        .or_else(|| patchlevel(&prefix.join("include/patchlevel.h")))
        .filter(fits)
        .or_else(|| build_details(&stdlib?.join("build-details.json")).filter(fits))
        .or_else(|| folder_version(prefix).filter(fits))
        .or_else(|| binary_version(prefix, executable, tag))
        .or(Some(PythonVersion {
            major: tag.major,
            minor: tag.minor,
            patch: None,
            suffix: String::new(),
        }))
}

/// `#define PY_VERSION "3.12.1"` of `patchlevel.h`.
fn patchlevel(header: &Path) -> Option<PythonVersion> {
    let text = fs::read_text(header, 64 * 1024)?;
    let line = text.lines().find(|line| line.split_whitespace().nth(1) == Some("PY_VERSION"))?;
    line.split('"').nth(1)?.parse().ok()
}

/// `language.version_info` of `build-details.json` (PEP 739).
fn build_details(file: &Path) -> Option<PythonVersion> {
    let details: Value = serde_json::from_slice(&fs::read(file, 1024 * 1024).ok()?).ok()?;
    let info = details.get("language")?.get("version_info")?;
    let part = |name: &str| info.get(name)?.as_u64();
    let level = match info.get("releaselevel").and_then(Value::as_str) {
        Some("final") | None => String::new(),
        Some(level) => format!(".{level}.{}", part("serial").unwrap_or(0)),
    };
    format!("{}.{}.{}{level}", part("major")?, part("minor")?, part("micro")?).parse().ok()
}

/// `3.12.1`, `cpython-3.12.1-linux-x86_64-gnu`, `cpython@3.12.1`, `3.14.0t`.
fn folder_version(prefix: &Path) -> Option<PythonVersion> {
    let name = prefix.file_name()?.to_str()?;
    name.split(['-', '@', '+']).find_map(|part| part.trim_end_matches('t').parse().ok())
}

fn binary_version(prefix: &Path, executable: &Path, tag: PythonTag) -> Option<PythonVersion> {
    let mut places = vec![executable.to_path_buf()];
    let xy = tag.xy();
    for library in [format!("lib/libpython{xy}.so.1.0"), format!("lib/libpython{xy}.dylib")] {
        places.push(prefix.join(library));
    }
    places.push(prefix.join(format!("python{}.dll", xy.replace('.', ""))));
    places.iter().find_map(|place| image::embedded_version(place, tag))
}

/// Without one of these no interpreter starts.
const ESSENTIAL: [&str; 14] = [
    "os.py",
    "site.py",
    "codecs.py",
    "io.py",
    "abc.py",
    "stat.py",
    "types.py",
    "genericpath.py",
    "encodings/__init__.py",
    "encodings/aliases.py",
    "encodings/utf_8.py",
    "importlib/__init__.py",
    "collections/__init__.py",
    "functools.py",
];

/// A shared build's interpreter is a stub of a few kilobytes; all else is in `libpython`.
const STUB_BYTES: u64 = 256 * 1024;

fn damage(
    prefix: &Path,
    scheme: Scheme,
    stdlib: Option<&Path>,
    tag: PythonTag,
    bytes: u64,
) -> Option<Damage> {
    if scheme == Scheme::Windows
        && let Some(damage) = library_corrupt(prefix)
    {
        return Some(damage);
    }
    let archive = match scheme {
        Scheme::Posix => prefix.join(format!("lib/python{}{}.zip", tag.major, tag.minor)),
        Scheme::Windows => prefix.join(format!("python{}{}.zip", tag.major, tag.minor)),
    };
    if fs::is_file(&archive) {
        return None;
    }
    let Some(stdlib) = stdlib else {
        let expected = match scheme {
            Scheme::Posix => prefix.join("lib").join(tag.to_string()),
            Scheme::Windows => prefix.join("Lib"),
        };
        let what = format!("its standard library `{}` is gone", expected.display());
        return Some(Damage { what, paths: vec![expected] });
    };
    let lacking: Vec<PathBuf> = ESSENTIAL
        .iter()
        .map(|file| stdlib.join(file))
        .filter(|file| absent_or_empty(file))
        .collect();
    // Python 2.7 has no `importlib/__init__.py` worth requiring; only the oldest parts are judged.
    let lacking: Vec<PathBuf> = match tag.major {
        2 => lacking
            .into_iter()
            .filter(|file| file.ends_with("os.py") || file.ends_with("site.py"))
            .collect(),
        _ => lacking,
    };
    if let Some(first) = lacking.first() {
        let what = match lacking.len() {
            1 => format!("`{}` is missing or empty", first.display()),
            count => format!(
                "{count} essential parts of its standard library are missing or empty, first `{}`",
                first.display()
            ),
        };
        return Some(Damage { what, paths: lacking });
    }
    missing_library(prefix, scheme, tag, bytes)
}

/// A shared build below a prefix of its own whose `libpython` is gone cannot start.
fn missing_library(prefix: &Path, scheme: Scheme, tag: PythonTag, bytes: u64) -> Option<Damage> {
    if scheme != Scheme::Posix || bytes == 0 || bytes > STUB_BYTES || prefix.ends_with("usr") {
        return None;
    }
    let stem = format!("libpython{}", tag.xy());
    let lib = prefix.join("lib");
    let listing = fs::list(&lib).ok()?;
    let named = |entry: &fs::Entry| entry.name.to_str().is_some_and(|name| name.starts_with(&stem));
    let linker_leftover = listing.iter().any(|entry| {
        entry
            .name
            .to_str()
            .is_some_and(|name| name.starts_with("libpython3") && name.contains(".so"))
    });
    // Only where the installation is known to ship it: `libpython3.so` stays behind.
    (linker_leftover && !listing.iter().any(named)).then(|| Damage {
        what: format!("its library `{}/{stem}.so` is gone", lib.display()),
        paths: vec![lib.join(format!("{stem}.so.1.0"))],
    })
}

/// `python312.dll`, which holds the interpreter on Windows: `python.exe` only starts it. `python3.dll`, of
/// the stable ABI, hands on to it.
pub(super) fn is_library_of_windows(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.strip_prefix("python3").and_then(|rest| rest.strip_suffix(".dll")).is_some_and(|digits| {
        let digits = digits.trim_end_matches('t');
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether the libraries of an installation were put here: what came with the interpreter's own.
pub(super) fn has_libraries_of_windows(entries: &[fs::Entry]) -> bool {
    entries.iter().any(|entry| {
        ["python3.dll", "vcruntime140.dll"].iter().any(|name| entry.name.eq_ignore_ascii_case(name))
    })
}

fn library_gone(prefix: &Path) -> Option<Damage> {
    let entries = fs::list(prefix).ok()?;
    has_libraries_of_windows(&entries).then(|| Damage {
        what: format!("no `python3*.dll` is in `{}`, and its programs load it", prefix.display()),
        paths: vec![prefix.to_path_buf()],
    })
}

fn library_corrupt(prefix: &Path) -> Option<Damage> {
    let entries = fs::list(prefix).ok()?;
    let names = entries.iter().filter(|entry| entry.kind == Kind::File);
    names.filter(|entry| entry.name.to_str().is_some_and(is_library_of_windows)).find_map(|entry| {
        let path = prefix.join(&entry.name);
        let reason = image::read(&path).err()?;
        Some(Damage { what: format!("`{}` {reason}", path.display()), paths: vec![path] })
    })
}

fn absent_or_empty(file: &Path) -> bool {
    match std::fs::metadata(file) {
        Ok(metadata) => metadata.len() == 0 && !file.ends_with("__init__.py"),
        Err(error) => fs::missing(&error),
    }
}
