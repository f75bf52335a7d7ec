//! Backups that are made unasked, of what the environments are, without wheels: of everything while a service
//! runs, and of one environment before it is repaired. Of those that are damaged the next older one serves; where
//! nothing else is remembered of an environment, a repair goes by them.
//!
//! ```text
//! AIOS_HOME/backups/all-1795328049123.aiosb       everything, at that many milliseconds since 1970
//! AIOS_HOME/backups/repair-1795328049123.aiosb    what was repaired then, as it was before
//! ```

use std::path::{Path, PathBuf};

use super::{Error, own};
use crate::environments::backup::manifest::SavedEnvironment;
use crate::environments::backup::{self, Backup, Content, EXTENSION, remembered};
use crate::environments::repair::Remembered;
use crate::environments::{Problem, Status};
use crate::fs;
use crate::host::Host;

const FOLDER: &str = "backups";
/// So many of each kind are kept.
const MOST_KEPT: usize = 14;
/// Between two of everything: once a day, also when it begins a little earlier each day.
const BETWEEN_MS: u64 = 20 * 60 * 60 * 1000;

/// What such a backup is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// All environments that a service knows.
    Everything,
    /// One that is about to be repaired.
    Repaired,
}

impl Of {
    fn word(self) -> &'static str {
        match self {
            Of::Everything => "all",
            Of::Repaired => "repair",
        }
    }
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotKept {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] Error),
    /// The file.
    #[error(transparent)]
    File(#[from] backup::Error),
}

/// Makes one, and removes those that are older than the last ones.
pub fn keep(
    host: &Host,
    home: &Path,
    of: Of,
    now_ms: u64,
    content: &Content<'_>,
) -> Result<PathBuf, NotKept> {
    own(host, home)?;
    let folder = home.join(FOLDER);
    own(host, &folder)?;
    let path = folder.join(format!("{}-{now_ms}.{EXTENSION}", of.word()));
    backup::create(&path, content)?;
    let old = all(home, of).into_iter().skip(MOST_KEPT).map(|(_, path)| path);
    for path in old.chain(left(&folder, now_ms)) {
        // It stays when it cannot be removed, and the next one tries again.
        let _ = std::fs::remove_file(path);
    }
    Ok(path)
}

/// What was killed while one was made, on another day.
fn left(folder: &Path, now_ms: u64) -> Vec<PathBuf> {
    let is_left = |name: &str| {
        let name = name.strip_prefix('.').and_then(|name| name.strip_suffix(".part"))?;
        let (number, _) = name.split_once('-')?.1.split_once('.')?;
        Some(now_ms.abs_diff(number.parse::<u64>().ok()?) > BETWEEN_MS)
    };
    let entries = fs::list_unsorted(folder).unwrap_or_default();
    let left = entries.iter().filter(|entry| entry.name.to_str().and_then(is_left) == Some(true));
    left.map(|entry| folder.join(&entry.name)).collect()
}

/// Whether it is time for one of everything: the last one is of yesterday, and something was remembered since.
/// One that cannot be read is none.
pub fn is_due(home: &Path, now_ms: u64, newest_snapshot: Option<u64>) -> bool {
    let Some((made_ms, path)) = all(home, Of::Everything).into_iter().next() else { return true };
    // The clock may have been set back.
    if now_ms.abs_diff(made_ms) < BETWEEN_MS {
        return false;
    }
    let manifest = Backup::open(&path, None).ok().map(|backup| backup.manifest().clone());
    let number = manifest.and_then(|manifest| manifest.snapshot).map(|snapshot| snapshot.number);
    number.is_none() || number != newest_snapshot
}

/// The newest one that is whole, and what is wrong with those that are newer.
pub fn newest(home: &Path, of: Of) -> (Option<Backup>, Vec<Problem>) {
    let mut problems = Vec::new();
    for (_, path) in all(home, of) {
        let opened = Backup::open(&path, None).and_then(|backup| {
            let damaged = backup.verify()?.damaged.into_iter().next();
            Ok((backup, damaged))
        });
        match opened {
            Ok((backup, None)) => return (Some(backup), problems),
            Ok((_, Some(damaged))) => {
                let message = format!("is damaged: `{}` {}", damaged.name, damaged.what);
                problems.push(Problem::new(path, message));
            }
            Err(error) => problems.push(Problem::new(path, format!("is of no use: {error}"))),
        }
    }
    (None, problems)
}

/// What the newest of them says of an environment that is in it and was not broken then, with its time. Those that
/// cannot be read are passed over, and named.
pub fn remembered_at(home: &Path, prefix: &Path) -> (Option<(u64, Remembered)>, Vec<Problem>) {
    let mut problems = Vec::new();
    for (time_ms, path) in all(home, Of::Everything) {
        let read = Backup::open(&path, None).and_then(|backup| {
            let all = &backup.manifest().environments;
            let is_it = |one: &&SavedEnvironment| {
                one.prefix.as_path() == prefix && one.status != Status::Broken
            };
            all.iter().find(is_it).map(|one| remembered::as_it_was(&backup, one)).transpose()
        });
        match read {
            Ok(Some(found)) => return (Some((time_ms, found)), problems),
            Ok(None) => {}
            Err(error) => problems.push(Problem::new(path, format!("is of no use: {error}"))),
        }
    }
    (None, problems)
}

/// All of a kind by their time, the newest first.
pub fn all(home: &Path, of: Of) -> Vec<(u64, PathBuf)> {
    let folder = home.join(FOLDER);
    let entries = fs::list_unsorted(&folder).unwrap_or_default();
    let time = |name: &str| {
        let number = name.strip_prefix(of.word())?.strip_prefix('-')?;
        number.strip_suffix(EXTENSION)?.strip_suffix('.')?.parse::<u64>().ok()
    };
    let named = entries
        .iter()
        .filter_map(|entry| Some((entry.name.to_str().and_then(time)?, folder.join(&entry.name))));
    let mut all: Vec<(u64, PathBuf)> = named.collect();
    all.sort_by(|a, b| b.cmp(a));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Platform;
    use crate::environments::inspection::Inspection;

    struct Machine {
        folder: tempfile::TempDir,
        host: Host,
    }

    impl Machine {
        fn new() -> Machine {
            let folder = tempfile::tempdir().unwrap();
            let host = Host::empty(Platform::CURRENT, folder.path());
            Machine { folder, host }
        }

        fn home(&self) -> PathBuf {
            self.folder.path().join("aios")
        }

        fn keep(&self, of: Of, now_ms: u64) -> PathBuf {
            let (seen, created) = (Inspection::default(), format!("{now_ms}"));
            let content = Content {
                host: &self.host,
                seen: &seen,
                created: &created,
                active: None,
                image: None,
                wheels: None,
                lock: None,
            };
            keep(&self.host, &self.home(), of, now_ms, &content).unwrap()
        }
    }

    #[test]
    fn the_last_ones_are_kept() {
        let machine = Machine::new();
        let other = machine.keep(Of::Repaired, 1);
        for number in 0..20 {
            // By number, not as texts.
            machine.keep(Of::Everything, 95 + number);
        }
        let kept: Vec<u64> =
            all(&machine.home(), Of::Everything).into_iter().map(|(time, _)| time).collect();
        assert_eq!(kept, (101..115).rev().collect::<Vec<_>>());
        // What a kill left goes, but not what somebody may be at.
        let part = |made: u64| other.with_file_name(format!(".all-{made}.aiosb.7.part"));
        for made in [5, 2 * BETWEEN_MS] {
            std::fs::write(part(made), "").unwrap();
        }
        machine.keep(Of::Everything, 2 * BETWEEN_MS + 1);
        assert_eq!([5, 2 * BETWEEN_MS].map(|made| part(made).exists()), [false, true]);
        assert!(other.exists());
    }

    #[test]
    fn the_next_older_one_serves() {
        let machine = Machine::new();
        assert!(newest(&machine.home(), Of::Everything).0.is_none());
        let [first, second, third] = [10, 20, 30].map(|time| machine.keep(Of::Everything, time));
        let check = |expected: Option<&Path>, count| {
            let (found, problems) = newest(&machine.home(), Of::Everything);
            assert_eq!(found.as_ref().map(Backup::path), expected);
            assert_eq!(problems.len(), count, "{problems:?}");
        };
        check(Some(&third), 0);
        std::fs::write(&third, b"PK").unwrap();
        check(Some(&second), 1);
        // One byte of a text in it.
        let mut bytes = std::fs::read(&second).unwrap();
        bytes[60] ^= 1;
        std::fs::write(&second, bytes).unwrap();
        check(Some(&first), 2);
        std::fs::write(&first, b"").unwrap();
        check(None, 3);
    }

    #[test]
    fn once_a_day_when_something_is_new() {
        let machine = Machine::new();
        let home = machine.home();
        assert!(is_due(&home, 5, None));
        machine.keep(Of::Everything, 1_000_000_000);
        assert!(!is_due(&home, 1_000_000_000 + BETWEEN_MS - 1, Some(2)));
        assert!(!is_due(&home, 1_000_000_000 - 1, Some(2)));
        assert!(is_due(&home, 1_000_000_000 + BETWEEN_MS, Some(2)));
    }
}
