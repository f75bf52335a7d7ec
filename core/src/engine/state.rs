//! What is remembered of one environment at one time, as it is read.

use std::ffi::OsString;
use std::path::PathBuf;

use super::layout::{CONDA, DISTRIBUTIONS, FACTS, FILES, FINDINGS, INSTANCE, NAME, Tag, VERSION};
use crate::environments::Status;
use crate::index::fractal::{Error, Item, Severity, Tree};
use crate::store::Hash;
use crate::system;

/// More distributions than any environment has: a store of others is not believed beyond.
const MOST: usize = 100_000;

/// One environment at one time. Cloning it costs nothing.
#[derive(Debug, Clone)]
pub struct State {
    tree: Tree,
}

/// A distribution that was installed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Installed {
    /// Normalized.
    pub name: String,
    /// As its folder of metadata had it.
    pub version: String,
    /// The folder of metadata (`idna-3.10.dist-info`).
    pub folder: String,
}

impl Installed {
    /// `name==version`, or the name alone when no version is known.
    pub fn pin(&self) -> String {
        match self.version.as_str() {
            "" => self.name.clone(),
            version => format!("{}=={version}", self.name),
        }
    }
}

/// A finding that was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its code; one of another version of this program may be unknown to this one.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// The evidence in one sentence.
    pub message: String,
    /// Some of the files and folders concerned.
    pub paths: Vec<PathBuf>,
}

impl Found {
    /// Whether it is more than information.
    pub fn is_grave(&self) -> bool {
        self.severity > Severity::Info
    }
}

impl State {
    pub(super) fn of(tree: Tree) -> State {
        State { tree }
    }

    /// The name of the content: equal for equal states of one store.
    pub fn hash(&self) -> Hash {
        self.tree.hash()
    }

    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// A fact as text; `crate::engine::layout` names them.
    pub fn fact(&self, field: &str) -> Result<Option<String>, Error> {
        let value = self.tree.get(&[FACTS, field.as_bytes()])?;
        Ok(value.map(|value| String::from_utf8_lossy(value.bytes).into_owned()))
    }

    /// A fact that is a path.
    pub fn path(&self, field: &str) -> Result<Option<PathBuf>, Error> {
        let value = self.tree.get(&[FACTS, field.as_bytes()])?;
        Ok(value.and_then(|value| system::path_of(value.bytes)))
    }

    /// All facts, by field, as the system has them.
    pub fn facts(&self) -> Result<Vec<(String, OsString)>, Error> {
        let mut facts = Vec::new();
        let Some(tree) = self.tree.subtree(&[FACTS])? else { return Ok(facts) };
        for entry in tree.scan(b"")?.take(MOST) {
            let entry = entry?;
            let Item::Value(value) = &entry.item else { continue };
            let field = String::from_utf8_lossy(&entry.key()).into_owned();
            let text = system::path_of(value.bytes).map(PathBuf::into_os_string);
            let lossy = || String::from_utf8_lossy(value.bytes).into_owned().into();
            facts.push((field, text.unwrap_or_else(lossy)));
        }
        Ok(facts)
    }

    /// Bytes of all files that it tells of.
    pub fn bytes(&self) -> u64 {
        self.tree.totals().bytes
    }

    /// The prefix.
    pub fn prefix(&self) -> Result<PathBuf, Error> {
        Ok(self.path("prefix")?.unwrap_or_default())
    }

    /// The worst finding in one word: what the root of the tree knows.
    pub fn status(&self) -> Status {
        match self.tree.totals().worst {
            Severity::Error => Status::Broken,
            Severity::Warning => Status::Warning,
            _ => Status::Healthy,
        }
    }

    /// Whether nothing was broken.
    pub fn is_whole(&self) -> bool {
        self.status() != Status::Broken
    }

    /// What was installed, by name.
    pub fn distributions(&self) -> Result<Vec<Installed>, Error> {
        let mut installed = Vec::new();
        let Some(tree) = self.tree.subtree(&[DISTRIBUTIONS])? else { return Ok(installed) };
        for entry in tree.scan(b"")?.take(MOST) {
            let entry = entry?;
            let Item::Tree(one) = &entry.item else { continue };
            let text = |key: &[u8]| -> Result<String, Error> {
                let value = one.get(&[key])?;
                Ok(value.map_or_else(String::new, |value| {
                    String::from_utf8_lossy(value.bytes).into_owned()
                }))
            };
            let folder = String::from_utf8_lossy(&entry.key()).into_owned();
            installed.push(Installed { name: text(NAME)?, version: text(VERSION)?, folder });
        }
        installed.sort();
        Ok(installed)
    }

    /// The packages that conda had installed (`numpy-1.26.4-py312hc5e2394_0`).
    pub fn conda(&self) -> Result<Vec<String>, Error> {
        names(&self.tree, CONDA)
    }

    /// What was wrong, in the order of codes.
    pub fn findings(&self) -> Result<Vec<Found>, Error> {
        let mut found = Vec::new();
        let Some(tree) = self.tree.subtree(&[FINDINGS])? else { return Ok(found) };
        for entry in tree.scan(b"")?.take(MOST) {
            let entry = entry?;
            let Item::Value(value) = &entry.item else { continue };
            found.push(finding(&entry.key(), value.severity, value.bytes));
        }
        Ok(found)
    }

    /// What `pyvenv.cfg` held.
    pub fn pyvenv_cfg(&self) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.tree.get(&[FILES, b"pyvenv.cfg"])?.map(|value| value.bytes.to_vec()))
    }

    /// What a file of the installer held (`direct_url.json`, `INSTALLER`, `REQUESTED`) for a distribution.
    pub fn of_installer(&self, folder: &str, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let value = self.tree.get(&[INSTANCE, folder.as_bytes(), name.as_bytes()])?;
        Ok(value.map(|value| value.bytes.to_vec()))
    }

    /// Files of a distribution that are remembered with their content, as RECORD names them: of an editable
    /// install all that lead to its project.
    pub fn content_of(&self, folder: &str) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let mut files = Vec::new();
        let Some(tree) = self.tree.subtree(&[INSTANCE, folder.as_bytes()])? else {
            return Ok(files);
        };
        for entry in tree.scan(b"")?.take(MOST) {
            let entry = entry?;
            if let Item::Value(value) = &entry.item
                && value.tag == Tag::Content as u16
                && let Ok(path) = String::from_utf8(entry.key())
            {
                files.push((path, value.bytes.to_vec()));
            }
        }
        Ok(files)
    }

    /// Names in site-packages and among the scripts that belong to no distribution, from the prefix.
    pub fn rest(&self) -> Result<Vec<String>, Error> {
        names(&self.tree, FILES)
    }
}

/// What is known of a finding.
pub(super) fn finding(key: &[u8], severity: Severity, bytes: &[u8]) -> Found {
    let key = String::from_utf8_lossy(key);
    let code = key.rsplit_once(' ').map_or(&*key, |(code, _)| code).to_owned();
    let mut parts = bytes.split(|byte| *byte == 0);
    let message = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    Found { code, severity, message, paths: parts.filter_map(system::path_of).collect() }
}

fn names(tree: &Tree, part: &[u8]) -> Result<Vec<String>, Error> {
    let Some(tree) = tree.subtree(&[part])? else { return Ok(Vec::new()) };
    let names = tree.scan(b"")?.take(MOST);
    names.map(|entry| Ok(String::from_utf8_lossy(&entry?.key()).into_owned())).collect()
}
