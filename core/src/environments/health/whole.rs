//! Distributions whose files an earlier run or look found whole: a fingerprint over the stamps of all of
//! them.
//!
//! While no stamp differs no content does, so that a file need not be opened again. Stamps hold the
//! time of change (`ctime`), which no program can set back.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::environments::distributions::RecordedFile;
use crate::fs::{Identity, Stamp};

/// Files with several names that are remembered, some 200 bytes each: those of ten thousand distributions.
const MAX_FINE: usize = 500_000;

/// A change this young may be followed by another one within the same tick of the clock.
const SETTLED_NS: i64 = 2_000_000_000;

/// What changed before this moment shows every later change in its stamp.
pub(in crate::environments) fn settled_ns() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX) - SETTLED_NS
}

/// Over names and stamps of the files of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Of these files. `None` when one of them is younger than `settled_ns`: it may change again
    /// within the same tick of the clock. Also when one is not there: whether that is a fault depends on
    /// more than the distribution (on a folder of scripts, say).
    fn of<'a>(
        files: impl Iterator<Item = (&'a str, Option<Stamp>)>,
        settled_ns: i64,
    ) -> Option<Fingerprint> {
        let mut hash = Sha256::new();
        for (file, stamp) in files {
            let Stamp { modified_ns, inode, bytes } = stamp?;
            if modified_ns >= settled_ns {
                return None;
            }
            let mut numbers = [0; 25];
            numbers[1..9].copy_from_slice(&modified_ns.to_le_bytes());
            numbers[9..17].copy_from_slice(&inode.to_le_bytes());
            numbers[17..].copy_from_slice(&bytes.to_le_bytes());
            hash.update(file.as_bytes());
            hash.update(numbers);
        }
        let digest = hash.finalize();
        digest.first_chunk().copied().map(Fingerprint)
    }
}

/// What is known to be whole. Shared by the threads of a run.
#[derive(Debug, Default)]
pub struct Whole {
    /// From the last run, by the path of the `.dist-info`.
    known: HashMap<String, Fingerprint>,
    added: Mutex<HashMap<String, Fingerprint>>,
    settled_ns: Option<i64>,
    /// Files with several names that this run found as recorded, and the line of RECORD that they were
    /// compared with. RECORDs themselves differ from one environment to the next, by the hashes of scripts.
    fine: RwLock<HashMap<Identity, RecordedFile>>,
}

impl Whole {
    /// What the last run knew; what changed after `settled_ns` is not added. The default knows
    /// nothing and adds nothing.
    pub fn new(known: HashMap<String, Fingerprint>, settled_ns: i64) -> Whole {
        Whole { known, settled_ns: Some(settled_ns), ..Whole::default() }
    }

    /// Whether what it is told is of use to anybody.
    pub(super) fn remembers(&self) -> bool {
        self.settled_ns.is_some()
    }

    /// Whether the files of this distribution were whole and are as they were.
    pub(super) fn is_unchanged<'f, F>(&self, info: &Path, files: impl FnOnce() -> F) -> bool
    where
        F: Iterator<Item = (&'f str, Option<Stamp>)>,
    {
        let (Some(info), Some(settled_ns)) = (info.to_str(), self.settled_ns) else { return false };
        let added = || self.added.lock().ok()?.get(info).copied();
        let known = self.known.get(info).copied().or_else(added);
        known.is_some_and(|known| Fingerprint::of(files(), settled_ns) == Some(known))
    }

    /// Remembers that these files are whole.
    pub(super) fn add<'f, F>(&self, info: &Path, files: impl FnOnce() -> F)
    where
        F: Iterator<Item = (&'f str, Option<Stamp>)>,
    {
        let (Some(info), Some(settled_ns)) = (info.to_str(), self.settled_ns) else { return };
        if let Some(fingerprint) = Fingerprint::of(files(), settled_ns)
            && let Ok(mut added) = self.added.lock()
        {
            added.insert(info.to_owned(), fingerprint);
        }
    }

    /// Whether this run found this very file, under another name, to be as this line says.
    pub(super) fn is_fine(&self, file: Identity, line: &RecordedFile) -> bool {
        self.fine.read().is_ok_and(|fine| fine.get(&file) == Some(line))
    }

    /// Remembers for this run that the file is as the line says.
    pub(super) fn add_fine(&self, file: Identity, line: &RecordedFile) {
        if let Ok(mut fine) = self.fine.write()
            && fine.len() < MAX_FINE
        {
            fine.insert(file, line.clone());
        }
    }

    /// Everything known, and whether this run added to it.
    pub fn into_known(self) -> (HashMap<String, Fingerprint>, bool) {
        let added = self.added.into_inner().unwrap_or_default();
        let any = !added.is_empty();
        let mut known = self.known;
        known.extend(added);
        (known, any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("module.py");
        std::fs::write(&file, "a = 1\n").unwrap();
        let files = || [("module.py", Stamp::of(&file))].into_iter();
        let info = folder.path().join("x-1.dist-info");
        let far = i64::MAX;
        let first = Whole::new(HashMap::new(), far);
        assert!(!first.is_unchanged(&info, files));
        first.add(&info, files);
        assert!(first.is_unchanged(&info, files));
        let (known, any) = first.into_known();
        assert!(any);
        let second = Whole::new(known, far);
        assert!(second.is_unchanged(&info, files));
        // The same length, and the old time of modification set again.
        let before = std::fs::metadata(&file).unwrap().modified().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(&file, "a = 2\n").unwrap();
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(before).unwrap();
        assert!(!cfg!(unix) || !second.is_unchanged(&info, files));
        std::fs::remove_file(&file).unwrap();
        assert!(!second.is_unchanged(&info, files));
    }

    #[test]
    fn what_is_not_there_is_not_kept() {
        let whole = Whole::new(HashMap::new(), i64::MAX);
        let info = Path::new("x-1.dist-info");
        let files = || [("../../../bin/x", None)].into_iter();
        whole.add(info, files);
        assert!(!whole.is_unchanged(info, files));
        assert!(!whole.into_known().1);
    }

    #[test]
    fn a_linked_file_is_fine_for_the_same_line_only() {
        let whole = Whole::default();
        let file = Identity { device: 1, inode: 2 };
        let line = |path: &str, hash: &str, bytes| {
            RecordedFile::new(path.to_owned(), Some(hash.to_owned()), Some(bytes))
        };
        let own = line("a.py", "sha256=x", 7);
        assert!(!whole.is_fine(file, &own));
        whole.add_fine(file, &own);
        assert!(whole.is_fine(file, &own));
        assert!(!whole.is_fine(file, &line("b.py", "sha256=x", 7)));
        assert!(!whole.is_fine(file, &line("a.py", "sha256=y", 7)));
        assert!(!whole.is_fine(file, &line("a.py", "sha256=x", 8)));
        assert!(!whole.is_fine(Identity { device: 1, inode: 3 }, &own));
    }

    #[test]
    fn what_may_still_change_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("module.py");
        std::fs::write(&file, "").unwrap();
        let whole = Whole::new(HashMap::new(), 0);
        whole.add(folder.path(), || [("module.py", Stamp::of(&file))].into_iter());
        assert!(!whole.into_known().1);
    }
}
