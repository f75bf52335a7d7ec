//! Reads a prefix: few system calls, no judgement.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Facts, InterpreterFile, Known, Library, LinkEnd, Marker, Scheme, Shape};
use crate::environments::installation::{self, Installation};
use crate::environments::python::PythonTag;
use crate::environments::pyvenv_cfg::{self, PyvenvCfg};
use crate::fs::{self, Entry, Folder, Kind, ReadError, Stamp};
use crate::host::{Host, Platform};

/// Whether a folder with these entries is worth a closer look: the cheap question that a walk asks
/// of every folder.
pub fn could_be(entries: &[Entry]) -> bool {
    let (mut scripts, mut library) = (false, false);
    for entry in entries {
        match entry.name.to_str() {
            Some("pyvenv.cfg" | "conda-meta" | "python.exe") => return true,
            Some("bin" | "Scripts") => scripts = true,
            Some("lib" | "Lib" | "lib64") => library = true,
            _ => {}
        }
    }
    scripts && library
}

/// Reads what stands at a prefix (opened by its canonical path) with these entries.
/// `wanted` picks one of several installations in one prefix, as in `/usr/local`.
///
/// `Err` gives the entries back when it is no environment. A folder that was `named` by somebody counts as one with less
/// evidence than a folder that a walk comes across.
pub fn read(
    host: &Host,
    opened: &Folder,
    entries: Vec<Entry>,
    wanted: Option<PythonTag>,
    named: bool,
    known: &Known,
) -> Result<Facts, Vec<Entry>> {
    let prefix = opened.path();
    let entry = |name: &str| entries.iter().find(|entry| entry.name == name);
    let scheme = scheme(host, &entries);
    let own = opened.stamp();
    let mut stamps = vec![(String::new(), own.map(|(stamp, _)| stamp))];
    let marker = match entry("pyvenv.cfg") {
        Some(_) => read_marker(opened, &mut stamps),
        None => Marker::Missing,
    };
    // The cheap question first: most folders with `bin` and `lib` have nothing to do with Python.
    if matches!(marker, Marker::Missing) && !named && !looks_like_python(prefix, scheme, &entries) {
        return Err(entries);
    }
    let conda = entry("conda-meta").is_some_and(|entry| entry.kind != Kind::File);
    let scripts = entry(scheme.scripts()).and_then(|_| opened.folder(scheme.scripts()).ok());
    if let Some(folder) = scripts.as_ref().filter(|_| known.keep_stamps) {
        stamps.push((scheme.scripts().to_owned(), folder.stamp().map(|(stamp, _)| stamp)));
    }
    let script_entries = scripts.as_ref().and_then(|folder| folder.entries().ok());
    let scripts = scripts.filter(|_| script_entries.is_some());
    let mut script_entries = script_entries.unwrap_or_default();
    script_entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let listings = match (scheme, &scripts) {
        (Scheme::Posix, Some(scripts)) => vec![(scripts, script_entries.as_slice())],
        (Scheme::Posix, None) => Vec::new(),
        (Scheme::Windows, Some(scripts)) => {
            vec![(scripts, script_entries.as_slice()), (opened, entries.as_slice())]
        }
        (Scheme::Windows, None) => vec![(opened, entries.as_slice())],
    };
    let is_read = matches!(marker, Marker::Read(_));
    let mut interpreters = interpreters(scheme, &listings, known, known.outline && is_read);
    let own_library = own_library(opened, scheme, &interpreters, &mut stamps);
    if known.outline && is_read && own_library.is_none() {
        interpreters = self::interpreters(scheme, &listings, known, false);
    }
    let scripts = scripts.map(|folder| folder.into_path());
    let libraries = match own_library {
        Some(library) if is_read => vec![library],
        _ => libraries(host, prefix, scheme, &entries),
    };
    let mut facts = Facts {
        prefix: prefix.to_path_buf(),
        shape: Shape::Virtual,
        scheme,
        entries,
        marker,
        scripts,
        script_entries,
        interpreters,
        libraries,
        version: None,
        tag: None,
        stdlib: None,
        home: None,
        base: None,
        owner: own.and_then(|(_, owner)| owner),
        stamps,
    };
    match shape(&facts, conda, named) {
        Some(shape) => facts.shape = shape,
        None => return Err(facts.entries),
    }
    facts.choose(wanted);
    let home = facts.marker.cfg().and_then(PyvenvCfg::home).filter(|home| home.is_absolute());
    facts.home = home.map(|home| known.installations.home(&home, scheme));
    facts.base = base(&facts, known);
    facts.stdlib = facts.base.as_ref().and_then(|base| base.stdlib.clone());
    facts.tag = facts.tag.or_else(|| facts.base.as_ref().and_then(|base| base.tag));
    facts.version = version(&facts);
    Ok(facts)
}

/// A library folder of Python, or `conda-meta`, or a Windows interpreter.
fn looks_like_python(prefix: &Path, scheme: Scheme, entries: &[Entry]) -> bool {
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    let in_folder = |lib: &str| {
        has(lib)
            && fs::list_unsorted(&prefix.join(lib)).unwrap_or_default().iter().any(|entry| {
                let name = entry.name.to_str();
                name == Some("site-packages") || name.and_then(PythonTag::from_name).is_some()
            })
    };
    match scheme {
        _ if has("conda-meta") => true,
        Scheme::Posix => in_folder("lib") || in_folder("lib64"),
        Scheme::Windows => has("python.exe") || in_folder("Lib") || in_folder("lib"),
    }
}

/// `lib/python3.12/site-packages` of the interpreter's own minor version, without listing `lib`.
fn own_library(
    prefix: &Folder,
    scheme: Scheme,
    interpreters: &[InterpreterFile],
    stamps: &mut Vec<(String, Option<Stamp>)>,
) -> Option<Library> {
    let tag = interpreters.iter().find_map(interpreter_tag).filter(|_| scheme == Scheme::Posix)?;
    let folder = format!("lib/{tag}");
    let site = format!("{folder}/site-packages");
    // A marker says that it is no installation: whether `os.py` is here does not matter.
    stamps.push((site.clone(), Some(prefix.folder_below(&site)?)));
    Some(Library {
        folder: fs::below(prefix.path(), folder),
        tag: Some(tag),
        stdlib: false,
        site_packages: Some(fs::below(prefix.path(), site)),
        not_a_folder: None,
    })
}

fn scheme(host: &Host, entries: &[Entry]) -> Scheme {
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    if has("bin") && !has("Scripts") {
        Scheme::Posix
    } else if has("Scripts")
        || has("python.exe")
        || (host.platform == Platform::Windows && !has("lib64"))
    {
        Scheme::Windows
    } else {
        Scheme::Posix
    }
}

fn read_marker(prefix: &Folder, stamps: &mut Vec<(String, Option<Stamp>)>) -> Marker {
    match prefix.read("pyvenv.cfg", pyvenv_cfg::MAX_BYTES) {
        Ok((bytes, stamp)) => {
            stamps.push(("pyvenv.cfg".to_owned(), Some(stamp)));
            Marker::Read(PyvenvCfg::parse(&bytes))
        }
        Err(ReadError::NotAFile { what, .. }) => Marker::NotAFile(what),
        Err(ReadError::TooLarge { bytes, .. }) => Marker::TooLarge(bytes),
        Err(error) if error.is_missing() => Marker::Missing,
        Err(error) if error.is_denied() => Marker::Denied,
        Err(ReadError::Io { source, .. }) => Marker::Unreadable(source.to_string()),
    }
}

fn libraries(host: &Host, prefix: &Path, scheme: Scheme, entries: &[Entry]) -> Vec<Library> {
    match scheme {
        Scheme::Windows => {
            let Some(lib) = entries.iter().find(|e| e.name == "Lib" || e.name == "lib") else {
                return Vec::new();
            };
            let folder = prefix.join(&lib.name);
            if !fs::is_folder(&folder) {
                return Vec::new();
            }
            vec![library(folder, installation::windows_tag(prefix))]
        }
        Scheme::Posix => {
            let mut found = Vec::new();
            for entry in entries.iter().filter(|e| e.name == "lib" || e.name == "lib64") {
                if entry.kind == Kind::Folder || (entry.name == "lib" && entry.kind == Kind::Link) {
                    posix_libraries(&prefix.join(&entry.name), &mut found);
                }
            }
            debian_packages(host, prefix, &mut found);
            found
        }
    }
}

fn posix_libraries(lib: &Path, found: &mut Vec<Library>) {
    for entry in fs::list(lib).unwrap_or_default() {
        let Some(name) = entry.name.to_str() else { continue };
        if let Some(tag) = PythonTag::from_name(name)
            && entry.kind != Kind::File
        {
            found.push(library(lib.join(name), Some(tag)));
        }
    }
}

fn library(folder: PathBuf, tag: Option<PythonTag>) -> Library {
    let site = folder.join("site-packages");
    let (site_packages, not_a_folder) = match std::fs::metadata(&site) {
        Ok(metadata) if metadata.is_dir() => (Some(site), None),
        Ok(metadata) => (None, Some(fs::what_is(metadata.file_type()))),
        Err(_) => (None, None),
    };
    let stdlib = fs::is_file(&folder.join("os.py"));
    Library { folder, tag, stdlib, site_packages, not_a_folder }
}

/// Debian installs packages for all minor versions into `lib/python3/dist-packages`, and what pip
/// installs into `/usr/local/lib/python3.11/dist-packages`.
fn debian_packages(host: &Host, prefix: &Path, found: &mut Vec<Library>) {
    if *prefix != host.place("/usr") {
        return;
    }
    let mut places = vec![(prefix.join("lib/python3"), None)];
    for tag in found.iter().filter_map(|library| library.tag) {
        places.push((host.place("/usr/local/lib").join(tag.to_string()), Some(tag)));
    }
    for (folder, tag) in places {
        let packages = folder.join("dist-packages");
        if fs::is_folder(&packages) {
            found.push(Library {
                folder,
                tag,
                stdlib: false,
                site_packages: Some(packages),
                not_a_folder: None,
            });
        }
    }
}

/// The interpreters in these folders, `python` before `python3` before `python3.12`; up to the first one
/// that tells its minor version, if that is enough.
fn interpreters(
    scheme: Scheme,
    listings: &[(&Folder, &[Entry])],
    known: &Known,
    one_is_enough: bool,
) -> Vec<InterpreterFile> {
    let mut found = Vec::new();
    for (folder, listing) in listings {
        let named = |entry: &&Entry| entry.name.to_str().is_some_and(|n| is_interpreter(n, scheme));
        let mut names: Vec<&Entry> = listing.iter().filter(named).collect();
        names.sort_by(|a, b| preference(&a.name).cmp(&preference(&b.name)));
        for (entry, (link, end)) in names.iter().zip(known.ends.follow_names(folder, &names)) {
            let name = entry.name.to_string_lossy().into_owned();
            let path = fs::below(folder.path(), &entry.name);
            let file = InterpreterFile { path, name, link, end };
            let tells =
                matches!(file.end, LinkEnd::File { .. }) && interpreter_tag(&file).is_some();
            found.push(file);
            if one_is_enough && tells {
                return found;
            }
        }
    }
    if listings.len() > 1 {
        found.sort_by(|a, b| preference(a.name.as_ref()).cmp(&preference(b.name.as_ref())));
    }
    found
}

/// Smaller is better: `python` before `python3` before `python3.12`, and a newer minor before an older.
fn preference(name: &std::ffi::OsStr) -> (bool, usize, std::cmp::Reverse<&[u8]>) {
    let name = name.as_encoded_bytes();
    let stem = name.strip_suffix(b".exe").unwrap_or(name);
    (!stem.starts_with(b"python"), stem.len(), std::cmp::Reverse(stem))
}

/// `python`, `python3`, `python3.12`, `pypy3`, `graalpy`; not `python3.12-config` or `pythonw.exe`.
fn is_interpreter(name: &str, scheme: Scheme) -> bool {
    let stem = match scheme {
        Scheme::Posix => name,
        Scheme::Windows => match name.to_ascii_lowercase().strip_suffix(".exe") {
            Some(_) => &name[..name.len() - 4],
            None => return false,
        },
    };
    ["python", "pypy", "graalpy"].iter().any(|start| {
        stem.strip_prefix(start).is_some_and(|rest| {
            rest.is_empty() || rest == "2" || rest == "3" || PythonTag::from_name(stem).is_some()
        })
    })
}

fn shape(facts: &Facts, conda: bool, named: bool) -> Option<Shape> {
    if conda {
        return Some(Shape::Conda);
    }
    let scripts = facts.scripts.is_some();
    let has_script = |name: &str| facts.script_entries.iter().any(|entry| entry.name == name);
    let packages = facts.libraries.iter().any(|library| library.site_packages.is_some());
    if !matches!(facts.marker, Marker::Missing) {
        // A lone `pyvenv.cfg` is test data, unless somebody says that it is an environment.
        return (scripts || !facts.libraries.is_empty() || named).then_some(Shape::Virtual);
    }
    if facts.libraries.iter().any(|library| fs::is_file(&library.folder.join("orig-prefix.txt"))) {
        return Some(Shape::OldVirtualenv);
    }
    let activates =
        has_script("activate") || has_script("activate.bat") || has_script("Activate.ps1");
    let interpreter = !facts.interpreters.is_empty();
    if facts.libraries.iter().any(|library| library.stdlib) && interpreter {
        return Some(Shape::Installation);
    }
    // `bin/python` is a link out of the prefix: what an environment has and an installation has not.
    let links_out = facts.interpreters.iter().any(|file| match (&file.link, &file.end) {
        (Some(_), LinkEnd::File { canonical, .. }) => !canonical.starts_with(&facts.prefix),
        (Some(link), LinkEnd::Gone(_)) => link.is_absolute() || link.starts_with(".."),
        _ => false,
    });
    if (packages && (activates || (links_out && has_script("python"))))
        || (activates && (interpreter || !facts.libraries.is_empty()))
    {
        return Some(Shape::Virtual);
    }
    (named && interpreter && !facts.libraries.is_empty()).then_some(Shape::Installation)
}

impl Facts {
    /// Settles which library and which interpreter are meant where there are several.
    fn choose(&mut self, wanted: Option<PythonTag>) {
        let of_interpreter = |file: &InterpreterFile| interpreter_tag(file);
        if self.shape == Shape::Installation {
            let stdlib = |library: &&Library| library.stdlib && library.tag.is_some();
            let tag = wanted
                .or_else(|| self.interpreters.iter().find_map(of_interpreter))
                .or_else(|| self.libraries.iter().filter(stdlib).filter_map(|l| l.tag).max());
            if let Some(tag) = tag {
                self.interpreters.retain(|file| of_interpreter(file).is_none_or(|own| own == tag));
                self.libraries.retain(|library| library.tag.is_none_or(|own| own == tag));
            }
            self.tag = tag;
            return;
        }
        let running = self.interpreters.iter().find_map(of_interpreter);
        let version = self.marker.cfg().and_then(PyvenvCfg::version);
        let key = |library: &Library| {
            let tag = library.tag;
            (
                library.site_packages.is_none(),
                tag.is_none() || tag != running,
                !tag.is_some_and(|tag| version.as_ref().is_some_and(|v| v.is_of(tag))),
                std::cmp::Reverse(tag),
            )
        };
        self.libraries.sort_by_key(key);
        let cfg_tag = version.map(|v| PythonTag::cpython(v.major, v.minor));
        self.tag = self
            .libraries
            .iter()
            .find_map(|library| library.tag)
            .or(running)
            .or(cfg_tag)
            .or_else(|| self.tag_of_scripts());
    }

    /// The minor version that the names in `Scripts` tell: on Windows no folder has it, and without
    /// `pyvenv.cfg` nothing else does. A copied interpreter has its library beside it (`python312.dll`);
    /// installers write launchers with the version in their names (`pip3.12.exe`).
    fn tag_of_scripts(&self) -> Option<PythonTag> {
        if self.scheme != Scheme::Windows {
            return None;
        }
        let by_launchers = || {
            let mut tags: Vec<PythonTag> = self
                .script_entries
                .iter()
                .filter_map(|entry| {
                    let name = entry.name.to_str()?.to_ascii_lowercase();
                    let version = name.strip_suffix(".exe")?.strip_prefix("pip")?;
                    PythonTag::from_name(&format!("python{}", version.trim_start_matches('-')))
                })
                .collect();
            tags.dedup();
            (tags.len() == 1).then(|| tags[0])
        };
        installation::tag_of_library(&self.script_entries).or_else(by_launchers)
    }
}

/// What the interpreter at the end of a link is, by its names.
pub(crate) fn interpreter_tag(file: &InterpreterFile) -> Option<PythonTag> {
    let by_end = match &file.end {
        LinkEnd::File { canonical, .. } | LinkEnd::Gone(canonical) => {
            canonical.file_name().and_then(|name| name.to_str()).and_then(PythonTag::from_name)
        }
        _ => None,
    };
    by_end.or_else(|| PythonTag::from_name(&file.name))
}

/// The installation that the environment stands on: where its interpreter's link ends, else `home`.
fn base(facts: &Facts, known: &Known) -> Option<Arc<Installation>> {
    let of_interpreter = || {
        facts.interpreters.iter().find_map(|file| match &file.end {
            LinkEnd::File { canonical, .. } => {
                let own = canonical.starts_with(&facts.prefix);
                (own != facts.shape.is_virtual()).then(|| known.installations.of(&file.end))?
            }
            _ => None,
        })
    };
    let direct = of_interpreter();
    if !facts.shape.is_virtual() || direct.as_ref().is_some_and(|base| base.stdlib.is_some()) {
        return direct.or_else(|| own_installation(facts, known));
    }
    let home = facts.marker.cfg().and_then(PyvenvCfg::home).filter(|home| home.is_absolute());
    home.and_then(|home| in_home(&home, facts, known)).or(direct)
}

/// Installations that are reached through another folder (Homebrew's links): their own library.
fn own_installation(facts: &Facts, known: &Known) -> Option<Arc<Installation>> {
    facts.interpreters.iter().find_map(|file| known.installations.of(&file.end))
}

/// The interpreter in `home` that fits: of the library's minor version first.
pub(crate) fn in_home(home: &Path, facts: &Facts, known: &Known) -> Option<Arc<Installation>> {
    let names: Vec<String> = match facts.scheme {
        Scheme::Posix => facts
            .tag
            .map(|tag| tag.to_string())
            .into_iter()
            .chain(["python3".to_owned(), "python".to_owned()])
            .collect(),
        Scheme::Windows => vec!["python.exe".to_owned()],
    };
    names.iter().find_map(|name| {
        let end = known.ends.follow(&home.join(name));
        let installation = known.installations.of(&end)?;
        // `home` may itself be the folder of another virtual environment's scripts.
        let nested = home.parent().map(|prefix| prefix.join("pyvenv.cfg"));
        if installation.stdlib.is_some() || nested.is_none() {
            return Some(installation);
        }
        let cfg = PyvenvCfg::parse(&fs::read(&nested?, pyvenv_cfg::MAX_BYTES).ok()?);
        let outer = cfg.home().filter(|outer| outer.is_absolute() && outer != home)?;
        known.installations.of(&known.ends.follow(&outer.join(name)))
    })
}

/// What conda says that it installed: `conda-meta/python-3.11.7-hab00c5b_1_cpython.json`.
fn conda_version(facts: &Facts) -> Option<crate::environments::PythonVersion> {
    if !facts.is_conda() {
        return None;
    }
    fs::list(&facts.prefix.join("conda-meta")).ok()?.iter().find_map(|entry| {
        entry.name.to_str()?.strip_prefix("python-")?.split('-').next()?.parse().ok()
    })
}

/// As exact as files tell it, of what runs; else what `pyvenv.cfg` says; else the minor version.
fn version(facts: &Facts) -> Option<crate::environments::PythonVersion> {
    let minor = facts.tag.map(|tag| crate::environments::PythonVersion {
        major: tag.major,
        minor: tag.minor,
        patch: None,
        suffix: String::new(),
    });
    let fits = |version: &crate::environments::PythonVersion| {
        facts.tag.is_none_or(|tag| version.is_of(tag))
    };
    let of_base = facts.base.as_ref().and_then(|base| base.version.clone()).filter(fits);
    let of_base = of_base.or_else(|| conda_version(facts).filter(fits));
    let of_cfg = facts.marker.cfg().and_then(PyvenvCfg::version).filter(fits);
    match of_base {
        Some(version) if version.patch.is_some() => Some(version),
        other => of_cfg.or(other).or(minor),
    }
}
