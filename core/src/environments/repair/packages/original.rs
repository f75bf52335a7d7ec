//! Whether a wheel is the one that a distribution was installed from, byte for byte.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::folders::Folders;
use super::install::{OF_INSTALLERS, is_same_build};
use super::wheel::{Member, Wheel};
use super::wheels::Origin;
use crate::environments::distributions::{Distribution, RecordedFile, Role};

/// Whether the wheel and the distribution name the same files with the same hashes. A script differs by its first
/// line; what an installer adds is not in a wheel.
pub(in crate::environments) fn is_origin(
    wheel: &Path,
    installed: &Distribution,
    (prefix, site): (&Path, &Path),
) -> bool {
    let folders = Folders::of_site(prefix, site);
    let (Ok(wheel), Some(record)) =
        (Wheel::open(&wheel.to_path_buf().into(), Origin::PipCache), installed.record.get())
    else {
        return false;
    };
    let Ok(members) = wheel.members(&folders) else { return false };
    let lasting = record.files.iter().filter(|file| file.role != Role::Bytecode);
    let mut recorded: HashMap<&str, &RecordedFile> =
        lasting.map(|file| (file.path.as_str(), file)).collect();
    let mut is_recorded = |member: &Member<'_>| {
        recorded.remove(member.recorded.as_str()).is_some_and(|file| {
            member.script && file.hash.is_some()
                || file.bytes == member.source.bytes && is_same_build(member.source, file)
        })
    };
    let all = wheel.info == installed.folder_name() && members.iter().all(&mut is_recorded);
    let scripts = folders.recorded(&folders.scripts).unwrap_or_default();
    let is_added = |path: &str| {
        let metadata = path.strip_prefix(&wheel.info).and_then(|rest| rest.strip_prefix('/'));
        metadata.is_some_and(|name| OF_INSTALLERS.contains(&name) || is_own(name))
            || path.strip_prefix(&scripts).is_some_and(|rest| rest.starts_with('/'))
    };
    all && recorded.keys().all(|path| is_added(path))
}

/// Whether it holds what its RECORD names, and nothing else.
pub(in crate::environments) fn is_whole(wheel: &Path) -> bool {
    let Ok(wheel) = Wheel::open(&wheel.to_path_buf().into(), Origin::PipCache) else {
        return false;
    };
    let Ok(files) = wheel.files() else { return false };
    let listed: HashMap<&str, &RecordedFile> =
        wheel.listed().map(|file| (file.path.as_str(), file)).collect();
    let own = |name: &str| {
        let metadata = name.strip_prefix(&wheel.info).and_then(|rest| rest.strip_prefix('/'));
        metadata.is_some_and(is_own)
    };
    let there: HashSet<&str> = files.iter().map(String::as_str).filter(|name| !own(name)).collect();
    let is_listed = |name: &&str| listed.get(*name).is_some_and(|file| wheel.holds(file));
    let is_there = |name: &&str| own(name) || there.contains(name);
    listed.keys().all(is_there) && there.iter().all(is_listed)
}

/// What RECORD does not vouch for.
fn is_own(metadata: &str) -> bool {
    ["RECORD", "RECORD.jws", "RECORD.p7s"].contains(&metadata)
}
