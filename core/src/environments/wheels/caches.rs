//! The caches of pip and uv, and folders with wheels.
//!
//! ```text
//! pip/wheels/aa/bb/cc/ddd/x-1.0-py3-none-any.whl      what pip built
//! pip/http-v2/a/b/c/d/e/abcde0123.body                what pip 23.3 and later fetched: wheels, lists, sources
//! pip/http/a/b/c/d/e/abcde0123                        what earlier ones did ([`super::span`])
//! uv/archive-v0/Xy0z/                                 each wheel that uv fetched or built, unpacked
//! uv/sdists-v9/pypi/x/1.0/Xy0z/x-1.0-py3-none-any.whl what uv built
//! ```
//!
//! Names of what was fetched are hashes of addresses: what it is shows its content. Caches of years hold ten
//! thousands of them, so they are listed by whoever found nothing elsewhere.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use pep440_rs::Version;

use super::location::Location;
use super::name::{self, WheelName};
use crate::environments::distributions::normalize;
use crate::fs::{self, Kind};
use crate::host::{Host, Platform};

/// Entries that are looked at, of all folders of one search together.
const MAX_ENTRIES: usize = 200_000;
/// pip has four levels above what it built, and five above what it fetched; uv has up to six.
const MAX_DEPTH: usize = 7;
/// WHEEL of an unpacked wheel.
const MAX_WHEEL_BYTES: u64 = 64 * 1024;

/// A wheel that was found, not opened.
#[derive(Debug, Clone)]
pub(in crate::environments) struct Found {
    /// Normalized.
    pub(in crate::environments) name: String,
    /// As its name has it.
    pub(in crate::environments) version: Version,
    /// The file, or the folder that it was unpacked into.
    pub(in crate::environments) location: Location,
    /// `cp312-cp312-linux_x86_64`; `None` for a folder, whose WHEEL tells.
    pub(in crate::environments) tag: Option<String>,
}

impl Found {
    fn of(file: &str, location: Location) -> Option<Found> {
        let WheelName { name, version, tag } = WheelName::parse(file)?;
        Some(Found { name, version, location, tag: Some(tag) })
    }

    /// The wheel that stands there, by its name.
    pub(in crate::environments) fn at(location: Location) -> Option<Found> {
        let name = location.file_name()?.to_owned();
        Found::of(&name, location)
    }
}

/// One search: bounded, however many folders it goes through.
#[derive(Debug)]
pub(in crate::environments) struct Search {
    left: usize,
    /// What was found so far.
    pub(in crate::environments) found: Vec<Found>,
}

impl Search {
    /// Nothing was read yet.
    pub(in crate::environments) fn new() -> Search {
        Search { left: MAX_ENTRIES, found: Vec::new() }
    }

    /// Wheels in a folder, by their names.
    pub(in crate::environments) fn folder(&mut self, folder: &Path) {
        self.walk(folder, 1, &|name, path| Found::of(name, path.to_path_buf().into()));
    }

    /// Wheels that pip built.
    pub(in crate::environments) fn built_by_pip(&mut self, host: &Host) {
        if let Some(cache) = pip_cache(host) {
            let named = |name: &str, path: &Path| Found::of(name, path.to_path_buf().into());
            self.walk(&cache.join("wheels"), MAX_DEPTH, &named);
        }
    }

    /// Wheels that pip fetched: the ends of all files that are archives are read.
    pub(in crate::environments) fn fetched_by_pip(&mut self, host: &Host) {
        let Some(cache) = pip_cache(host) else { return };
        let by_content =
            |_: &str, path: &Path| Found::of(&name::by_content(path)?, path.to_path_buf().into());
        let bodies =
            |name: &str, path: &Path| by_content(name, path).filter(|_| name.ends_with(".body"));
        self.walk(&cache.join("http-v2"), MAX_DEPTH, &bodies);
        self.walk(&cache.join("http"), MAX_DEPTH, &by_content);
    }

    /// Wheels that uv built.
    pub(in crate::environments) fn built_by_uv(&mut self, host: &Host) {
        let Some(cache) = uv_cache(host) else { return };
        let named = |name: &str, path: &Path| Found::of(name, path.to_path_buf().into());
        for entry in fs::list(&cache).unwrap_or_default() {
            if entry.name.to_string_lossy().starts_with("sdists-v") {
                self.walk(&cache.join(&entry.name), MAX_DEPTH, &named);
            }
        }
    }

    /// Wheels that uv unpacked.
    pub(in crate::environments) fn unpacked_by_uv(&mut self, host: &Host) {
        if let Some(cache) = uv_cache(host) {
            self.unpacked(&cache.join("archive-v0"));
        }
    }

    /// Folders that uv unpacked wheels into: each holds one `.dist-info`.
    pub(in crate::environments) fn unpacked(&mut self, folder: &Path) {
        for entry in fs::list(folder).unwrap_or_default() {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let path = folder.join(&entry.name);
            let inside = fs::list_unsorted(&path).unwrap_or_default();
            let stem = inside.iter().find_map(|one| one.name.to_str()?.strip_suffix(".dist-info"));
            if let Some((name, version)) = stem.and_then(|stem| stem.rsplit_once('-'))
                && let Ok(version) = Version::from_str(version)
            {
                let location = path.into();
                self.found.push(Found { name: normalize(name), version, location, tag: None });
            }
        }
    }

    fn walk(&mut self, folder: &Path, depth: usize, found: &dyn Fn(&str, &Path) -> Option<Found>) {
        for entry in fs::list(folder).unwrap_or_default() {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let Some(name) = entry.name.to_str() else { continue };
            let path = folder.join(name);
            // `src` is what uv built from.
            if entry.kind == Kind::Folder && depth > 1 && name != "src" {
                self.walk(&path, depth - 1, found);
            } else if entry.kind != Kind::Folder {
                self.found.extend(found(name, &path));
            }
        }
    }
}

/// What WHEEL of an unpacked wheel lists.
pub(in crate::environments) fn unpacked_tags(folder: &Path) -> Vec<String> {
    let entries = fs::list_unsorted(folder).unwrap_or_default();
    let info = entries.iter().find(|entry| entry.name.to_string_lossy().ends_with(".dist-info"));
    let text = info
        .and_then(|info| fs::read_text(&folder.join(&info.name).join("WHEEL"), MAX_WHEEL_BYTES));
    name::tags(&text.unwrap_or_default())
}

fn pip_cache(host: &Host) -> Option<PathBuf> {
    host.variable_path("PIP_CACHE_DIR").or_else(|| match host.platform {
        Platform::Linux => Some(xdg_cache(host)?.join("pip")),
        Platform::MacOs => host.home_place("Library/Caches/pip"),
        Platform::Windows => Some(local_app_data(host)?.join("pip").join("Cache")),
    })
}

fn uv_cache(host: &Host) -> Option<PathBuf> {
    host.variable_path("UV_CACHE_DIR").or_else(|| match host.platform {
        Platform::Windows => Some(local_app_data(host)?.join("uv").join("cache")),
        Platform::Linux | Platform::MacOs => Some(xdg_cache(host)?.join("uv")),
    })
}

fn xdg_cache(host: &Host) -> Option<PathBuf> {
    host.variable_path("XDG_CACHE_HOME").or_else(|| host.home_place(".cache"))
}

fn local_app_data(host: &Host) -> Option<PathBuf> {
    host.variable_path("LOCALAPPDATA").or_else(|| host.home_place("AppData/Local"))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    const WHEEL: &[u8] = b"Wheel-Version: 1.0\nTag: py2-none-any\nTag: py3-none-any\n";

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// What is found where pip keeps this.
    fn found(place: &str, bytes: &[u8]) -> Vec<String> {
        let home = tempfile::tempdir().unwrap();
        let mut host = Host::empty(Platform::CURRENT, home.path());
        host.variables.insert("PIP_CACHE_DIR".into(), home.path().into());
        let path = home.path().join(place);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        let mut search = Search::new();
        search.fetched_by_pip(&host);
        let shown = |one: Found| format!("{} {} {}", one.name, one.version, one.tag.unwrap());
        search.found.into_iter().map(shown).collect()
    }

    #[test]
    fn what_pip_fetched_is_known_by_its_content() {
        let six = archive(&[("six.py", b""), ("six-1.0.dist-info/WHEEL", WHEEL)]);
        let expected = ["six 1.0 py2.py3-none-any"];
        assert_eq!(found("http-v2/a/b/c/d/e/abcde0.body", &six), expected);
        assert_eq!(found("http-v2/a/b/c/d/e/abcde0", &six), [""; 0]);
        assert_eq!(found("http/a/b/c/d/e/abcde0", &six), expected);
        let mut length = (six.len() as u32).to_le_bytes();
        length.reverse();
        let answer =
            [b"cc=4,\x82\xa8response\x87\xa4body\xc6", &length[..], &six, b"\xa7headers\x80"];
        assert_eq!(found("http/a/b/c/d/e/abcde0", &answer.concat()), expected);
    }

    #[test]
    fn what_is_no_wheel_is_passed_over() {
        let six = archive(&[("six.py", b""), ("six-1.0.dist-info/WHEEL", WHEEL)]);
        let info = |name: &str| archive(&[(name, WHEEL)]);
        let bomb = [WHEEL, &vec![b'\n'; 1 << 20]].concat();
        let two = [("six-1.0.dist-info/WHEEL", WHEEL), ("six-2.0.dist-info/WHEEL", WHEEL)];
        let checks: [(&str, Vec<u8>); 12] = [
            ("nothing", Vec::new()),
            ("a list", b"{\"files\": []}".to_vec()),
            ("no zip after its start", [b"PK\x03\x04".as_slice(), &[0; 100]].concat()),
            ("cut short", six[..six.len() - 1].to_vec()),
            ("without its start", six[4..].to_vec()),
            (
                "an answer cut short",
                b"cc=4,\x82\xa8response\x87\xa4body\xc6\xff\xff\xff\xffPK".to_vec(),
            ),
            ("no metadata", archive(&[("six.py", b"")])),
            ("two", archive(&two)),
            ("a bomb", archive(&[("six-1.0.dist-info/WHEEL", &bomb)])),
            ("no tags", archive(&[("six-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\n")])),
            ("a version that is none", info("six-one.dist-info/WHEEL")),
            ("a name that leads out", info("../six-1.0.dist-info/WHEEL")),
        ];
        for (what, bytes) in checks {
            assert_eq!(found("http/a/b/c/d/e/abcde0", &bytes), [""; 0], "{what}");
        }
    }

    #[test]
    fn a_search_ends() {
        let home = tempfile::tempdir().unwrap();
        for number in 0..30 {
            std::fs::write(home.path().join(format!("six-{number}-py3-none-any.whl")), b"")
                .unwrap();
        }
        let mut search = Search { left: 20, ..Search::new() };
        search.folder(home.path());
        search.folder(home.path());
        assert_eq!(search.found.len(), 20);
    }
}
