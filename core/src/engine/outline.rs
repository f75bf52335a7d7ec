//! What stands on disk of an environment, as far as names and stamps tell: enough to see that nothing
//! changed since it was recorded.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::environments::Environment;
use crate::fs::{self, Entry, Folder, Stamp};

/// A clock tick can hide a second change: what changed so shortly before is looked at again.
const UNSETTLED_NS: i64 = 2_000_000_000;

/// An environment has a handful of them.
const MOST_SITES: usize = 8;

/// Names of more files or folders than any environment has in one place.
const MOST_ENTRIES: usize = 100_000;

/// A folder whose names are recorded.
#[derive(Debug)]
pub(super) struct Listed {
    /// From the prefix, with `/`.
    pub(super) below: String,
    pub(super) folder: Folder,
    /// By name.
    pub(super) entries: Vec<Entry>,
}

/// What stands on disk.
#[derive(Debug)]
pub(super) struct Outline {
    pub(super) sites: Vec<Listed>,
    /// Of a virtual environment: what others have there belongs to them.
    pub(super) scripts: Option<Listed>,
    pub(super) conda: Vec<String>,
    /// Of all names and stamps. `None` when something changed just now.
    pub(super) seal: Option<[u8; 32]>,
}

impl Outline {
    /// Looks at names and stamps; opens no file.
    pub(super) fn of(environment: &Environment) -> Outline {
        let prefix = &environment.prefix;
        let mut seal = Seal::new();
        seal.stamp("pyvenv.cfg", Stamp::of(&prefix.join("pyvenv.cfg")));
        let scripts = environment.is_virtual().then(|| scripts(environment)).flatten();
        let sites = environment.site_packages.iter().take(MOST_SITES);
        let sites: Vec<Listed> = sites.filter_map(|site| listed(prefix, site)).collect();
        for listed in scripts.iter().chain(&sites) {
            seal.stamp(&listed.below, listed.folder.stamp().map(|(stamp, _)| stamp));
        }
        for site in &sites {
            for entry in &site.entries {
                let Some(name) = entry.name.to_str() else { continue };
                if name.ends_with(".dist-info") {
                    let record = format!("{name}/RECORD");
                    seal.stamp(&record, site.folder.look(&record).ok().map(|seen| seen.stamp));
                } else if is_small_text(name) {
                    seal.stamp(name, site.folder.look(name).ok().map(|seen| seen.stamp));
                }
            }
        }
        let conda_meta = prefix.join("conda-meta");
        let conda = listed(prefix, &conda_meta).map(|listed| {
            seal.stamp("conda-meta", listed.folder.stamp().map(|(stamp, _)| stamp));
            let names = listed.entries.iter().filter_map(|entry| entry.name.to_str());
            names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect()
        });
        Outline { sites, scripts, conda: conda.unwrap_or_default(), seal: seal.finish() }
    }
}

/// What is read whole: it says what else is imported.
pub(super) fn is_small_text(name: &str) -> bool {
    name.ends_with(".pth") || name.ends_with(".egg-link")
}

fn scripts(environment: &Environment) -> Option<Listed> {
    let folder = environment.executable.as_deref()?.parent()?;
    (folder != environment.prefix).then(|| listed(&environment.prefix, folder))?
}

fn listed(prefix: &Path, path: &Path) -> Option<Listed> {
    let folder = Folder::open(path.to_path_buf()).ok()?;
    let mut entries = folder.entries().ok()?;
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    entries.truncate(MOST_ENTRIES);
    let below = fs::relative(path, prefix).to_string_lossy().replace('\\', "/");
    Some(Listed { below, folder, entries })
}

/// One hash of names and stamps.
struct Seal {
    hasher: blake3::Hasher,
    newest_ns: i64,
}

impl Seal {
    fn new() -> Seal {
        Seal { hasher: blake3::Hasher::new(), newest_ns: i64::MIN }
    }

    fn stamp(&mut self, name: &str, stamp: Option<Stamp>) {
        self.hasher.update(&(name.len() as u64).to_le_bytes());
        self.hasher.update(name.as_bytes());
        self.hasher.update(&[u8::from(stamp.is_some())]);
        let Some(stamp) = stamp else { return };
        self.newest_ns = self.newest_ns.max(stamp.modified_ns);
        self.hasher.update(&stamp.modified_ns.to_le_bytes());
        self.hasher.update(&stamp.inode.to_le_bytes());
        self.hasher.update(&stamp.bytes.to_le_bytes());
    }

    fn finish(self) -> Option<[u8; 32]> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let now = i64::try_from(now.as_nanos()).ok()?;
        (now.saturating_sub(self.newest_ns) > UNSETTLED_NS)
            .then(|| *self.hasher.finalize().as_bytes())
    }
}
