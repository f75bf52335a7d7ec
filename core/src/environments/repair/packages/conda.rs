//! Records of conda packages that do not parse: put together again from what is left of them, from
//! conda's cache of packages, and from the files on disk.
//!
//! ```text
//! conda-meta/ujson-5.10.0-0.json                  cut off within `paths_data`
//! pkgs/ujson-5.10.0-0/info/repodata_record.json   the same fields, where the cache has the package
//! pkgs/ujson-5.10.0-0/info/paths.json             the same `paths_data`
//! ```

use std::path::{Path, PathBuf};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Draft;
use crate::environments::conda::{self, CondaRecord};
use crate::environments::health::Code;
use crate::environments::health::packages::Places;
use crate::environments::repair::Action;
use crate::environments::repair::change::Content;
use crate::environments::wheels::archive::is_plain;
use crate::fs;

/// Of a package; larger ones are given up.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Plans the records that can be put together; for the others conda has to install the package again.
pub(super) fn plan(draft: &mut Draft<'_>) {
    let paths = draft.of(Code::CondaMetaCorrupt).flat_map(|finding| &finding.paths);
    for path in paths {
        let name = path.file_name().unwrap_or_default().display();
        match rebuilt(draft, path) {
            Some((bytes, source)) => {
                let what = format!("write `conda-meta/{name}` again from {source}");
                let mut changes = draft.changes();
                match changes.write(path, Content::Bytes(bytes), None) {
                    Ok(()) => {
                        draft.step(Action::RestoreFiles, &[Code::CondaMetaCorrupt], what, changes);
                    }
                    Err(hint) => draft.unsolved(Code::CondaMetaCorrupt, hint),
                }
            }
            None => {
                let spec = conda::name_and_version(path)
                    .map_or_else(String::new, |(name, version)| format!(" {name}={version}"));
                let prefix = draft.case.prefix().display();
                let hint = format!(
                    "too little is left of `{name}`: `conda install --force-reinstall -p \"{prefix}\"{spec}`"
                );
                draft.unsolved(Code::CondaMetaCorrupt, hint);
            }
        }
    }
}

/// The record, and what it was put together from.
fn rebuilt(draft: &Draft<'_>, path: &Path) -> Option<(Vec<u8>, &'static str)> {
    let stem = path.file_stem()?.to_str()?;
    let (rest, build) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    let bytes = fs::read(path, conda::MAX_RECORD_BYTES).ok()?;
    let mut fields = whole_fields(&bytes);
    let cache = cached_package(draft, &fields, stem);
    let cached =
        cache.as_deref().and_then(|cache| object(&cache.join("info/repodata_record.json")));
    let source = match cached {
        Some(_) => "conda's cache of packages",
        None => "what is left of it and the files on disk",
    };
    for (key, value) in cached.into_iter().flatten() {
        fields.entry(key).or_insert(value);
    }
    // Without a channel conda does not know the package for one of its own.
    if !fields.contains_key("channel") && !fields.contains_key("url") {
        return None;
    }
    for (key, value) in [("name", name), ("version", version), ("build", build)] {
        fields.insert(key.to_owned(), value.into());
    }
    let number = build.rsplit('_').next().and_then(|number| number.parse::<u64>().ok());
    fields.entry("build_number").or_insert_with(|| number.unwrap_or(0).into());
    fields.entry("requested_spec").or_insert_with(|| "None".into());
    if !fields.contains_key("files") {
        let files = files_of(draft, cache.as_deref(), (name, version))?;
        fields.insert("files".to_owned(), files.into());
    }
    if !fields.contains_key("paths_data") {
        let known = cache.and_then(|cache| object(&cache.join("info/paths.json")));
        let paths = known.map(Value::Object).or_else(|| paths_data(draft, &fields));
        fields.insert("paths_data".to_owned(), paths?);
    }
    let mut text = serde_json::to_vec_pretty(&Value::Object(fields)).ok()?;
    text.push(b'\n');
    CondaRecord::parse(&text).ok()?;
    Some((text, source))
}

fn object(path: &Path) -> Option<Map<String, Value>> {
    serde_json::from_slice(&fs::read(path, conda::MAX_RECORD_BYTES).ok()?).ok()
}

/// Where conda unpacked the package: as the record says, or in the `pkgs` of its installation.
fn cached_package(draft: &Draft<'_>, fields: &Map<String, Value>, stem: &str) -> Option<PathBuf> {
    let said = fields.get("extracted_package_dir").and_then(Value::as_str).map(PathBuf::from);
    let above = draft.case.prefix().ancestors().take(3).map(|root| root.join("pkgs").join(stem));
    said.into_iter().filter(|path| path.is_absolute()).chain(above).find(|path| fs::is_folder(path))
}

/// The list of the cache, or RECORD of the distribution that the package installed.
fn files_of(
    draft: &Draft<'_>,
    cache: Option<&Path>,
    (name, version): (&str, &str),
) -> Option<Vec<String>> {
    let listed = cache.and_then(|cache| {
        let text = fs::read_text(&cache.join("info/files"), conda::MAX_RECORD_BYTES)?;
        Some(text.lines().map(str::to_owned).collect())
    });
    listed.or_else(|| {
        let (site, distribution) = draft.current(name)?;
        let record = distribution
            .record
            .get()
            .filter(|_| distribution.by_conda() && distribution.version == version)?;
        let places = Places::of_prefix(site, draft.case.prefix());
        let paths = record.files.iter().filter_map(|file| places.resolve(file));
        let relative = paths.filter_map(|path| {
            let inside = path.strip_prefix(draft.case.prefix()).ok()?.to_str()?;
            Some(inside.replace('\\', "/"))
        });
        Some(relative.collect())
    })
}

/// What conda notes of each file, from the files as they are.
fn paths_data(draft: &Draft<'_>, fields: &Map<String, Value>) -> Option<Value> {
    let files = fields.get("files")?.as_array()?;
    let paths: Option<Vec<Value>> = files
        .iter()
        .map(|file| {
            let name = file.as_str().filter(|name| is_plain(name))?;
            let path = fs::below(draft.case.prefix(), name);
            let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
            let kind = if is_link { "softlink" } else { "hardlink" };
            Some(match fs::read(&path, MAX_FILE_BYTES) {
                Ok(bytes) => {
                    let digest = Sha256::digest(&bytes);
                    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                    json!({"_path": name, "path_type": kind, "sha256": hash,
                           "sha256_in_prefix": hash, "size_in_bytes": bytes.len()})
                }
                Err(_) => json!({"_path": name, "path_type": kind}),
            })
        })
        .collect();
    Some(json!({"paths": paths?, "paths_version": 1}))
}

/// The fields that are whole in an object that breaks off.
fn whole_fields(bytes: &[u8]) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    // It ends in an error: that is why it is read like this.
    let _ = Fields(&mut fields).deserialize(&mut reader);
    fields
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut last: Option<String> = None;
        loop {
            match map.next_entry::<String, Value>() {
                Ok(Some((key, value))) => {
                    last = value.is_number().then(|| key.clone());
                    self.0.insert(key, value);
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    // The digits of the last number may go on after the cut.
                    if let Some(number) = last {
                        self.0.remove(&number);
                    }
                    return Err(error);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(cut in 0_usize..90) {
            let text = r#"{"channel": "main", "files": ["a", "b"], "size": 1234, "paths_data": {"paths": []}}"#;
            let fields = whole_fields(&text.as_bytes()[..cut.min(text.len())]);
            prop_assert!(fields.get("size").is_none_or(|size| *size == 1234));
        }
    }

    #[test]
    fn fields_before_the_cut() {
        let check = |text: &str, expected: Value| {
            assert_eq!(Value::Object(whole_fields(text.as_bytes())), expected, "{text}");
        };
        check(
            r#"{"name": "x", "files": ["a", "b"], "paths"#,
            json!({"name": "x", "files": ["a", "b"]}),
        );
        check(r#"{"name": "x", "files": ["a", "b"#, json!({"name": "x"}));
        check(r#"{"name": "x", "size": 12"#, json!({"name": "x"}));
        check(r#"{"name": "x", "size": 12}"#, json!({"name": "x", "size": 12}));
        check("\0\0\0", json!({}));
        check("", json!({}));
    }
}
