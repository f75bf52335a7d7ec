//! Who owns what is in site-packages: the distribution whose RECORD lists it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::environments::conda;
use crate::environments::distributions::{Part, Site};
use crate::fs::{self, Kind};

/// The entries of one site-packages folder that some distribution owns.
pub(in super::super) struct Owned<'a> {
    names: HashSet<&'a str>,
    /// Whether every distribution says what it owns.
    pub(in super::super) complete: bool,
}

impl<'a> Owned<'a> {
    /// Reads the RECORDs of the folder's distributions.
    pub(in super::super) fn of(site: &'a Site) -> Owned<'a> {
        let mut names = HashSet::new();
        let mut complete = true;
        for distribution in &site.distributions {
            match &distribution.record {
                Part::Read(record) => {
                    names.extend(record.runs.iter().map(|run| run.top.as_str()));
                }
                _ if distribution.editable.is_some() => {}
                _ => complete = false,
            }
        }
        Owned { names, complete }
    }

    /// Whether a distribution lists the entry, or something in it.
    pub(in super::super) fn contains(&self, entry: &str) -> bool {
        self.names.contains(entry)
    }
}

/// The path of the module when it stands in the folder and no distribution owns it: a package, a
/// file or a native extension.
pub(in super::super) fn is_unowned_module(
    site: &Site,
    owned: &Owned<'_>,
    module: &str,
) -> Option<PathBuf> {
    let is_module = |name: &str, kind: Kind| match kind {
        Kind::Folder => name == module,
        _ => name
            .strip_prefix(module)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|end| end == "py" || end.ends_with("so") || end.ends_with("pyd")),
    };
    site.entries
        .iter()
        .filter_map(|entry| Some((entry.name.to_str()?, entry.kind)))
        .find(|(name, kind)| is_module(name, *kind) && !owned.contains(name))
        .map(|(name, _)| site.folder.join(name))
        // An empty folder, or one with nothing but bytecode, is not importable.
        .filter(|path| {
            !fs::is_folder(path)
                || fs::list_unsorted(path)
                    .is_ok_and(|entries| entries.iter().any(|entry| entry.name != "__pycache__"))
        })
}

#[derive(Deserialize)]
struct CondaRecord {
    #[serde(default, deserialize_with = "conda::bounded")]
    files: Vec<String>,
}

/// Every file that conda installed into the prefix, relative to it.
pub(super) fn conda_files(prefix: &Path) -> HashSet<String> {
    let folder = prefix.join("conda-meta");
    let mut files = HashSet::new();
    for entry in fs::list_unsorted(&folder).unwrap_or_default() {
        if !entry.name.to_string_lossy().ends_with(".json") {
            continue;
        }
        let Ok(bytes) = fs::read(&folder.join(&entry.name), conda::MAX_RECORD_BYTES) else {
            continue;
        };
        if let Ok(record) = serde_json::from_slice::<CondaRecord>(&bytes) {
            files.extend(record.files);
        }
    }
    files
}
