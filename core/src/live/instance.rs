//! One service for each data folder: a lock that the system gives back when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::control::message::{Reply, Request};
use crate::control::{self, Client};
use crate::engine::{self, Engine};
use crate::fs;
use crate::host::Host;
use crate::segment::{self, Place};
use crate::system;

/// Its lock, in the run folder.
const LOCK: &str = "serve.lock";
/// Process and time of whoever holds it; beside, since Windows lets nobody read a locked file.
const HOLDER: &str = "serve.holder";
/// For a service that runs to say who it is.
const AT_ONCE: Duration = Duration::from_secs(5);

/// For the lock.
const TRIES: usize = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// Why a service cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// One runs.
    #[error("{}", said(.0.as_deref()))]
    Runs(Option<Box<Holder>>),
    /// The data folder cannot be used.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The run folder cannot be used.
    #[error(transparent)]
    Place(#[from] segment::Error),
    /// The system refused.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// "make", "lock", ...
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Who runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
}

fn said(holder: Option<&Holder>) -> String {
    match holder {
        Some(Holder { pid, .. }) => format!("a service runs already: process {pid}"),
        None => "a service runs already".to_owned(),
    }
}

/// The right to be the service of a data folder, until it is dropped.
#[derive(Debug)]
pub struct Instance {
    place: Place,
    /// Locked.
    _lock: File,
}

impl Instance {
    /// Takes the right, also after whoever had it was killed.
    pub fn take(host: &Host, folder: &Path, since_ms: u64) -> Result<Instance, Error> {
        // Makes the folder for this user alone, or says why not.
        drop(Engine::open(host, folder)?);
        let place = Place::make(host, folder)?;
        let io = |what, path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::Io { what, path, source }
        };
        let path = place.run_folder().join(LOCK);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        system::create_for_owner_alone(&mut options);
        system::open_at_once(&mut options);
        let lock = options.open(&path).map_err(io("open", &path))?;
        let mut tried = lock.try_lock();
        // Whoever asks whether one runs has it for a moment.
        for _ in 0..TRIES {
            if !matches!(tried, Err(TryLockError::WouldBlock)) {
                break;
            }
            std::thread::sleep(BETWEEN_TRIES);
            tried = lock.try_lock();
        }
        match tried {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Runs(holder(host, &place).map(Box::new)));
            }
            Err(TryLockError::Error(error)) => return Err(io("lock", &path)(error)),
        }
        let path = place.run_folder().join(HOLDER);
        let text = format!("{} {since_ms}\n", system::pid());
        fs::replace(&path, text.as_bytes()).map_err(io("write", &path))?;
        Ok(Instance { place, _lock: lock })
    }

    /// Where its control channel is.
    pub fn address(&self) -> PathBuf {
        address_of(&self.place)
    }

    /// Where its segments and locks are.
    pub fn place(&self) -> &Place {
        &self.place
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.place.run_folder().join(HOLDER));
    }
}

fn address_of(place: &Place) -> PathBuf {
    control::address(&place.run_folder(), &place.control())
}

/// Where the control channel of the service of a data folder is. `None` when there is no such folder, and so no
/// service.
pub fn address(host: &Host, folder: &Path) -> Result<Option<PathBuf>, segment::Error> {
    if !folder.is_dir() {
        return Ok(None);
    }
    Ok(Some(address_of(&Place::of(host, folder)?)))
}

/// Whether somebody has the right to be the service of a data folder.
pub fn runs(host: &Host, folder: &Path) -> bool {
    let Ok(place) = Place::of(host, folder) else { return false };
    let lock = File::options().write(true).open(place.run_folder().join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Who runs, as it says itself, or as it wrote down when it began.
fn holder(host: &Host, place: &Place) -> Option<Holder> {
    let asked = Client::connect(&address_of(place), &host.user)
        .and_then(|mut client| client.ask(&Request::Status, AT_ONCE));
    if let Ok(Reply::Status(status)) = asked {
        return Some(Holder { pid: status.pid, since_ms: status.since_ms });
    }
    let text = fs::read_text(&place.run_folder().join(HOLDER), 100)?;
    let (pid, since_ms) = text.trim().split_once(' ')?;
    Some(Holder { pid: pid.parse().ok()?, since_ms: since_ms.parse().ok()? })
}
