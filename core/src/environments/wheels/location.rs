//! Where a wheel is: a file, the folder that one was unpacked into, or a part of a file (a backup).

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The bytes of a wheel, wherever they lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    path: PathBuf,
    part: Option<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    name: String,
    bytes: Range<u64>,
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Location {
        Location { path, part: None }
    }
}

impl Location {
    /// A wheel of this name, which is these bytes of a file.
    pub fn of_part(path: PathBuf, name: &str, bytes: Range<u64>) -> Location {
        Location { path, part: Some(Part { name: name.to_owned(), bytes }) }
    }

    /// The file or folder that it is, or is in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which bytes of the file it is; `None` when it is all of it.
    pub fn bytes(&self) -> Option<Range<u64>> {
        self.part.as_ref().map(|part| part.bytes.clone())
    }

    /// What the wheel is called.
    pub fn file_name(&self) -> Option<&str> {
        match &self.part {
            Some(part) => Some(&part.name),
            None => self.path.file_name()?.to_str(),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Some(part) => write!(f, "`{}` in `{}`", part.name, self.path.display()),
            None => write!(f, "`{}`", self.path.display()),
        }
    }
}
