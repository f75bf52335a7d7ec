//! By what paths environments are remembered.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Error, Kept};
use crate::environments::EnvironmentId;

/// An environment, and where it was when it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Which.
    pub id: EnvironmentId,
    /// Its prefix.
    pub prefix: PathBuf,
    /// Its interpreter.
    pub executable: Option<PathBuf>,
}

impl Name {
    /// Whether this path is the environment, or is its interpreter.
    pub fn is(&self, path: &Path) -> bool {
        self.prefix == path || self.executable.as_deref() == Some(path)
    }
}

/// Every environment that these snapshots have, by prefix.
pub fn names(kept: &[Kept]) -> Result<Vec<Name>, Error> {
    let mut found: HashMap<EnvironmentId, Name> = HashMap::new();
    for one in kept.iter().rev() {
        for (id, state) in one.environments()? {
            if !found.contains_key(&id) {
                let (prefix, executable) = (state.prefix()?, state.path("executable")?);
                found.insert(id.clone(), Name { id, prefix, executable });
            }
        }
    }
    let mut names: Vec<Name> = found.into_values().collect();
    names.sort_unstable_by(|a, b| (&a.prefix, &a.id.0).cmp(&(&b.prefix, &b.id.0)));
    Ok(names)
}
