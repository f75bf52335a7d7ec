//! `conda-meta`: the records of the packages that conda, mamba or pixi installed.
//!
//! ```text
//! conda-meta/history
//! conda-meta/python-3.12.1-hab00c5b_1_cpython.json
//! {"name": "python", "version": "3.12.1", "files": ["bin/python3.12"],
//!  "paths_data": {"paths": [{"_path": "lib/pkgconfig/python3.pc", "file_mode": "text",
//!                            "prefix_placeholder": "/opt/anaconda1anaconda2anaconda3"}]}}
//! ```

use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::fs::{self, Kind, ReadError};

/// The largest records list some tens of thousands of files in a few megabytes.
pub(crate) const MAX_RECORD_BYTES: u64 = 16 * 1024 * 1024;

/// More files than any package has. An element takes three bytes of text and seventy of memory.
const MAX_FILES: usize = 200_000;

/// One package, as far as checks need it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CondaRecord {
    /// conda's name of the package, which is not always the distribution's.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it installed, relative to the prefix.
    pub files: Vec<CondaFile>,
}

/// One file of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CondaFile {
    /// Relative to the prefix, `/`-separated.
    pub path: String,
    /// The prefix was written into it when it was installed, as text. Into binaries it is written
    /// too, with NULs behind it; those are not text.
    pub prefix_in_text: bool,
    /// How long the prefix of a binary may be: as long as the one that it was built with.
    pub prefix_in_binary: Option<usize>,
}

impl CondaRecord {
    /// Reads the content of a record. `Err` says why it is none, as the end of a sentence that starts
    /// with the file's name.
    pub fn parse(bytes: &[u8]) -> Result<CondaRecord, String> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err("is empty".to_owned());
        }
        if bytes.contains(&0) {
            return Err(if bytes.iter().all(|byte| *byte == 0) {
                "is filled with NULs".to_owned()
            } else {
                "holds NULs".to_owned()
            });
        }
        let raw: RawRecord = serde_json::from_slice(bytes).map_err(|error| {
            if error.is_eof() {
                format!("is cut short: its JSON does not end (line {})", error.line())
            } else {
                format!("is not the JSON of a package: {error}")
            }
        })?;
        if raw.name.is_empty() {
            return Err("names no package".to_owned());
        }
        Ok(CondaRecord {
            name: raw.name,
            version: raw.version,
            files: raw.paths_data.merge(raw.files),
        })
    }
}

/// The JSON, where every part may be absent or null.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawRecord {
    name: String,
    version: String,
    #[serde(deserialize_with = "bounded")]
    files: Vec<String>,
    paths_data: RawPaths,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawPaths {
    #[serde(deserialize_with = "bounded")]
    paths: Vec<RawPath>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawPath {
    #[serde(rename = "_path")]
    path: String,
    prefix_placeholder: Option<String>,
    file_mode: Option<String>,
}

impl RawPaths {
    /// The typed list; records of old versions have only names.
    fn merge(self, files: Vec<String>) -> Vec<CondaFile> {
        if self.paths.is_empty() {
            return files
                .into_iter()
                .map(|path| CondaFile { path, ..CondaFile::default() })
                .collect();
        }
        self.paths
            .into_iter()
            .map(|raw| {
                let placeholder = raw.prefix_placeholder.filter(|text| !text.is_empty());
                let mode = raw.file_mode.as_deref();
                CondaFile {
                    path: raw.path,
                    prefix_in_text: placeholder.is_some() && mode == Some("text"),
                    prefix_in_binary: placeholder
                        .filter(|_| mode == Some("binary"))
                        .map(|text| text.len()),
                }
            })
            .collect()
    }
}

/// A list of files, or null, that ends when it grows out of bounds.
pub(crate) fn bounded<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct Bounded<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MAX_FILES} files")
        }

        fn visit_unit<E>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut files = Vec::new();
            while let Some(file) = list.next_element()? {
                if files.len() == MAX_FILES {
                    return Err(A::Error::invalid_length(MAX_FILES + 1, &self));
                }
                files.push(file);
            }
            Ok(files)
        }
    }

    deserializer.deserialize_any(Bounded(PhantomData))
}

/// What stands in `conda-meta`.
#[derive(Debug, Clone, Default)]
pub struct CondaMeta {
    /// The records that could be read, in the order of their names.
    pub records: Vec<CondaRecord>,
    /// Files that should hold one and do not: path and reason.
    pub corrupt: Vec<(PathBuf, String)>,
    /// Files that this user may not read.
    pub denied: Vec<PathBuf>,
    /// Whether `history` is there, by which conda knows an environment.
    pub has_history: bool,
}

impl CondaMeta {
    /// Reads `conda-meta` below a prefix; `None` when there is none that can be listed.
    pub fn read(prefix: &Path) -> Option<CondaMeta> {
        let folder = prefix.join("conda-meta");
        let mut meta = CondaMeta::default();
        for entry in fs::list(&folder).ok()? {
            let Some(name) = entry.name.to_str() else { continue };
            if name == "history" {
                meta.has_history = entry.kind != Kind::Folder;
            } else if name.ends_with(".json") && !name.starts_with('.') {
                let path = folder.join(name);
                match fs::read(&path, MAX_RECORD_BYTES) {
                    Ok(bytes) => match CondaRecord::parse(&bytes) {
                        Ok(record) => meta.records.push(record),
                        Err(reason) => meta.corrupt.push((path, reason)),
                    },
                    Err(error) if error.is_denied() => meta.denied.push(path),
                    Err(error) => {
                        meta.corrupt.extend(reason(&error, entry.kind).map(|why| (path, why)));
                    }
                }
            }
        }
        Some(meta)
    }
}

/// What is wrong with a file that could not be read; nothing when it is gone meanwhile.
fn reason(error: &ReadError, kind: Kind) -> Option<String> {
    match error {
        _ if kind == Kind::Link && error.leads_nowhere() => {
            Some("is a link that leads nowhere".to_owned())
        }
        ReadError::NotAFile { what, .. } => Some(format!("is {what}, not a regular file")),
        ReadError::TooLarge { bytes, .. } => Some(format!("is too large: {bytes} bytes")),
        ReadError::Io { .. } => None,
    }
}

/// `ujson` and `5.10.0` of `ujson-5.10.0-py312h3_0.json`: what a record is about that cannot be read.
pub fn name_and_version(file: &Path) -> Option<(String, String)> {
    let mut parts = file.file_stem()?.to_str()?.rsplitn(3, '-');
    let (_build, version, name) = (parts.next()?, parts.next()?, parts.next()?);
    Some((name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_records() {
        // A file into which the prefix is written as text is marked with a star.
        let check = |text: &str, expected: Result<&str, &str>| {
            let parsed = CondaRecord::parse(text.as_bytes()).map(|record| {
                let names = record.files.iter().map(|file| {
                    format!(" {}{}", file.path, if file.prefix_in_text { "*" } else { "" })
                });
                record.name + &names.collect::<String>()
            });
            assert_eq!(parsed.as_deref().map_err(String::as_str), expected, "{text}");
        };
        check(
            r#"{"name": "six", "files": ["a.py", "b"], "paths_data": {"paths_version": 1, "paths": [
                {"_path": "a.py", "size_in_bytes": 4},
                {"_path": "b", "file_mode": "text", "prefix_placeholder": "/opt/p"},
                {"_path": "c", "file_mode": "binary", "prefix_placeholder": "/opt/p"}]}}"#,
            Ok("six a.py b* c"),
        );
        check(r#"{"name": "six", "files": ["a"]}"#, Ok("six a"));
        check(r#"{"name": "six", "files": null, "depends": []}"#, Ok("six"));
        check("", Err("is empty"));
        check(" \n", Err("is empty"));
        check("\0\0", Err("is filled with NULs"));
        check("{\"name\": \"six\"\0\0", Err("holds NULs"));
        check("{\"name\": \"six\",\n \"fi", Err("is cut short: its JSON does not end (line 2)"));
        check("{}", Err("names no package"));
        check("<html>", Err("is not the JSON of a package: expected value at line 1 column 1"));
    }

    #[test]
    fn survives_depth() {
        let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
        assert!(CondaRecord::parse(deep("[", "]").as_bytes()).is_err());
        assert!(CondaRecord::parse(deep("{\"name\":", "}").as_bytes()).is_err());
        // What is not read is not followed either.
        let unknown = format!("{{\"name\": \"six\", \"x\": {}}}", deep("[", "]"));
        assert_eq!(CondaRecord::parse(unknown.as_bytes()).unwrap().name, "six");
    }

    #[test]
    fn takes_names_of_files_apart() {
        let check = |name: &str, expected: Option<(&str, &str)>| {
            let expected = expected.map(|(name, version)| (name.to_owned(), version.to_owned()));
            assert_eq!(name_and_version(Path::new(name)), expected);
        };
        check("conda-meta/ujson-5.10.0-py312_0.json", Some(("ujson", "5.10.0")));
        check("ca-certificates-2024.1-0.json", Some(("ca-certificates", "2024.1")));
        check("state.json", None);
    }

    proptest! {
        #[test]
        fn survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = CondaRecord::parse(&bytes);
        }

        #[test]
        fn survives_any_json_like_text(text in r#"\{("(name|files|paths_data|paths|_path)": ?[\[{"0-9a-z\]},]{0,6},?){0,6}\}?"#) {
            let _ = CondaRecord::parse(text.as_bytes());
        }
    }
}
