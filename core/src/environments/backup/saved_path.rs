//! A path in a manifest: a string where it is UTF-8, else `{"bytes": "<base64>"}`.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::system;

/// A path of the machine that the backup was made on, as that machine wrote it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SavedPath(PathBuf);

impl<T: AsRef<Path>> From<T> for SavedPath {
    fn from(path: T) -> SavedPath {
        SavedPath(path.as_ref().to_path_buf())
    }
}

impl Deref for SavedPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl SavedPath {
    /// The same as a path.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Bytes { bytes: String },
}

impl Serialize for SavedPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Some(text) => serializer.serialize_str(text),
            None => {
                let bytes = STANDARD.encode(self.0.as_os_str().as_encoded_bytes());
                Form::Bytes { bytes }.serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for SavedPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SavedPath, D::Error> {
        let path = match Form::deserialize(deserializer)? {
            Form::Text(text) => Some(PathBuf::from(text)),
            // No path of this system may have bytes that one of another has.
            Form::Bytes { bytes } => {
                let bytes = STANDARD.decode(bytes).map_err(serde::de::Error::custom)?;
                let lossy = || PathBuf::from(String::from_utf8_lossy(&bytes).into_owned());
                Some(system::path_of(&bytes).unwrap_or_else(lossy))
            }
        };
        path.filter(|path| !path.as_os_str().as_encoded_bytes().contains(&0))
            .map(SavedPath)
            .ok_or_else(|| serde::de::Error::custom("a path with a NUL"))
    }
}
