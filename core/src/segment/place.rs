//! Where one instance of the service lives: made of the user and the data folder.
//!
//! Another data folder is another instance, so that several run side by side.

use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Error;
use crate::host::Host;
use crate::{fs, system};

/// The segments of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The newest state of all environments; its readers map it read-only.
    State,
    /// What readers of the state hold; the only segment of the state that they write.
    Rows,
    /// The ring of events and metrics; its readers map it read-only.
    Ring,
    /// The word that readers of the ring sleep on; the only segment of the ring that they write.
    Bell,
}

impl What {
    /// The word in its name.
    pub fn as_str(self) -> &'static str {
        match self {
            What::State => "state",
            What::Rows => "rows",
            What::Ring => "ring",
            What::Bell => "bell",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An instance: its names, and its run folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    /// `aios-<user>-<folder>-`
    prefix: String,
}

impl Place {
    /// The instance of a data folder that stands; its run folder is made, for this user alone.
    pub fn make(host: &Host, data: &Path) -> Result<Place, Error> {
        let place = Place::of(host, data)?;
        let run = place.run_folder();
        if !run.is_dir() {
            system::make_private_folder(&run).map_err(io("make", &run))?;
        }
        let found = std::fs::metadata(&run).map_err(io("open", &run))?;
        if system::access(&found).mode & 0o077 != 0 {
            system::set_mode(&run, 0o700).map_err(io("close to others", &run))?;
        }
        place.check_owner(host)?;
        Ok(place)
    }

    /// The instance of a data folder that stands; nothing is made. Whoever only reads needs no more.
    pub fn of(host: &Host, data: &Path) -> Result<Place, Error> {
        let folder = fs::canonical(data).map_err(io("open", data))?;
        let user = user(host).map_err(io("tell whose is", data))?;
        let place = Place { prefix: format!("aios-{user}-{}-", digest(&folder)), folder };
        place.check_owner(host)?;
        Ok(place)
    }

    /// A folder of another user is not used: whoever may write there could end this process.
    fn check_owner(&self, host: &Host) -> Result<(), Error> {
        for folder in [self.folder.clone(), self.run_folder()] {
            let found = std::fs::metadata(&folder).map(|found| system::access(&found).uid);
            if let (Ok(owner), Some(uid)) = (found, host.user.uid)
                && owner != uid
            {
                return Err(Error::Foreign { name: folder.display().to_string() });
            }
        }
        Ok(())
    }

    /// The data folder, canonical.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// For locks and the control socket: `live` in the data folder.
    pub fn run_folder(&self) -> PathBuf {
        self.folder.join("live")
    }

    /// The name of the control channel, where channels have names and do not stand in the run folder.
    pub fn control(&self) -> String {
        format!("{}control", self.prefix)
    }

    /// The name of a segment, without what systems put before it: `aios-1000-0f3a9c71-state`. At most 30
    /// characters, since macOS allows no more.
    pub fn name(&self, what: What) -> String {
        format!("{}{what}", self.prefix)
    }
}

/// The number of the user; where there is none, what its identity hashes to.
fn user(host: &Host) -> std::io::Result<String> {
    match host.user.uid {
        Some(uid) => Ok(uid.to_string()),
        None => system::local::this_user().map(|user| digest(Path::new(&user))),
    }
}

/// The first eight hexadecimal digits of SHA-256.
fn digest(path: &Path) -> String {
    let hash = Sha256::digest(path.as_os_str().as_encoded_bytes());
    hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn io<'a>(
    what: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> Error + 'a {
    move |source| Error::Io { what, path: path.to_path_buf(), source }
}
