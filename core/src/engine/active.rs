//! The environment that the user chose, for all programs of this user: one file, put in place at once.
//!
//! `AIOS_HOME/active` is a JSON object: `schema` (`aios.active/1`), `id` of the environment, and its `prefix` (a
//! string where it is UTF-8, else `{"bytes": "<base64>"}`).

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Error, io, own};
use crate::environments::backup::SavedPath;
use crate::environments::inspection::{Inspected, Inspection};
use crate::environments::{EnvironmentId, EnvironmentKind, Problem, Status};
use crate::fs;
use crate::host::Host;

const NAME: &str = "active";
const SCHEMA: &str = "aios.active/1";
/// A path has 32 KiB at most.
const MAX_BYTES: u64 = 128 * 1024;

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its identity.
    pub id: EnvironmentId,
    /// Where it stood.
    pub prefix: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Written {
    schema: String,
    id: EnvironmentId,
    prefix: SavedPath,
}

/// What is chosen. A file that says nothing is a problem, which the next choice ends.
pub fn read(folder: &Path) -> Result<Option<Choice>, Problem> {
    let file = folder.join(NAME);
    let bytes = match fs::read(&file, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.is_missing() => return Ok(None),
        Err(error) => return Err(Problem::new(file, format!("cannot be read: {error}"))),
    };
    let written = serde_json::from_slice::<Written>(&bytes).ok();
    let choice = written.filter(|written| written.schema == SCHEMA).and_then(|written| {
        let prefix = written.prefix.to_path_buf();
        let is_place = prefix.is_absolute() && fs::is_local(&prefix);
        is_place.then_some(Choice { id: written.id, prefix })
    });
    choice.map(Some).ok_or_else(|| Problem::new(file, "does not say which environment was chosen"))
}

/// Chooses this one.
pub fn set(host: &Host, folder: &Path, choice: &Choice) -> Result<(), Error> {
    own(host, folder)?;
    let file = folder.join(NAME);
    let written = Written {
        schema: SCHEMA.to_owned(),
        id: choice.id.clone(),
        prefix: SavedPath::from(&choice.prefix),
    };
    serde_json::to_vec(&written)
        .map_err(std::io::Error::other)
        .and_then(|bytes| fs::replace(&file, &bytes))
        .map_err(io("write", &file))
}

/// Chooses none. Whether one was chosen.
pub fn clear(folder: &Path) -> Result<bool, Error> {
    let file = folder.join(NAME);
    match std::fs::remove_file(&file) {
        Ok(()) => Ok(true),
        Err(error) if fs::missing(&error) => Ok(false),
        Err(error) => Err(io("remove", &file)(error)),
    }
}

/// What could take the place of one that is broken: no broken one, those that somebody made to work in first,
/// then whatever else stands on an installation, healthy ones before others, and of these the newest Python.
pub fn healthiest(seen: &Inspection) -> Option<&Inspected> {
    let can_be =
        |one: &&Inspected| one.status() != Status::Broken && one.environment.executable.is_some();
    seen.environments.iter().filter(can_be).min_by_key(|one| {
        let environment = &one.environment;
        let rank = match (environment.is_virtual() || environment.is_repairable(), environment.kind)
        {
            (true, kind) if !is_of_a_tool(kind) => 0,
            (true, _) => 1,
            (false, _) => 2,
        };
        (rank, one.status() != Status::Healthy, Reverse(environment.version.clone()))
    })
}

/// Whether the tool that made it removes it when it likes.
fn is_of_a_tool(kind: EnvironmentKind) -> bool {
    use EnvironmentKind::{Embedded, Nox, Pipx, PreCommit, Tox, UvScript, UvTool};
    matches!(kind, Embedded | Nox | Pipx | PreCommit | Tox | UvScript | UvTool)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Platform;

    #[test]
    fn chosen_and_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("aios");
        let host = Host::empty(Platform::CURRENT, folder.path());
        assert_eq!(read(&home), Ok(None));
        let prefix = folder.path().join("a b/.venv");
        let choice = Choice { id: EnvironmentId::of(&prefix, None), prefix };
        set(&host, &home, &choice).unwrap();
        assert_eq!(read(&home), Ok(Some(choice)));
        assert!(clear(&home).unwrap());
        assert!(!clear(&home).unwrap());
        assert_eq!(read(&home), Ok(None));
    }

    #[test]
    fn what_is_no_choice_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let id = "0".repeat(16);
        for text in [
            "".to_owned(),
            "[]".to_owned(),
            format!(r#"{{"schema": "aios.active/9", "id": "{id}", "prefix": "/x"}}"#),
            format!(r#"{{"schema": "aios.active/1", "id": "{id}", "prefix": "relative"}}"#),
            "[".repeat(100_000),
        ] {
            std::fs::write(folder.path().join(NAME), &text).unwrap();
            let problem = read(folder.path()).unwrap_err();
            assert!(problem.message.contains("does not say"), "{problem:?}");
        }
    }
}
