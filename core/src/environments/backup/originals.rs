//! The wheels that distributions were installed from, in the caches of pip and uv.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pep440_rs::Version;

use super::directory::is_plain;
use crate::environments::Environment;
use crate::environments::distributions::{Distribution, Site};
use crate::environments::repair::{is_origin, is_whole};
use crate::environments::wheels::archive;
use crate::environments::wheels::caches::Search;
use crate::environments::wheels::name;
use crate::host::Host;

/// What there is, by name and version.
#[derive(Debug)]
pub(super) struct Originals {
    found: HashMap<(String, Version), Vec<PathBuf>>,
    /// Those that were read: whether they hold what their RECORD names.
    whole: HashMap<PathBuf, bool>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Original {
    /// What it is called, whatever its file is.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

impl Originals {
    /// Lists the caches. No wheel is compared with anything yet.
    pub(super) fn of(host: &Host) -> Originals {
        let mut found: HashMap<_, Vec<PathBuf>> = HashMap::new();
        let looks: [fn(&mut Search, &Host); 3] =
            [Search::fetched_by_pip, Search::built_by_pip, Search::built_by_uv];
        for look in looks {
            let mut search = Search::new();
            look(&mut search, host);
            for one in search.found {
                found
                    .entry((one.name, one.version))
                    .or_default()
                    .push(one.location.path().to_path_buf());
            }
        }
        Originals { found, whole: HashMap::new() }
    }

    /// The wheel that a distribution was installed from.
    pub(super) fn find(
        &mut self,
        environment: &Environment,
        site: &Site,
        one: &Distribution,
    ) -> Option<Original> {
        let version = Version::from_str(&one.version).ok()?;
        let paths = self.found.get(&(one.name.clone(), version))?;
        let places = (environment.prefix.as_path(), site.folder.as_path());
        let path = paths.iter().find(|path| {
            // Many environments may have it; it is read once.
            is_origin(path, one, places)
                && *self.whole.entry((*path).clone()).or_insert_with(|| is_whole(path))
        })?;
        let name = name_of(path).filter(|name| is_plain(&format!("wheels/00/{name}")))?;
        let (_, bytes) = archive::whole(path).ok()?;
        Some(Original { name, path: path.clone(), bytes })
    }
}

/// What pip fetched lies there without its name.
fn name_of(path: &Path) -> Option<String> {
    let own = path.file_name()?.to_str()?;
    if own.ends_with(".whl") { Some(own.to_owned()) } else { name::by_content(path) }
}
