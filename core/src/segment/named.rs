//! The one file that knows the `shared_memory` crate.
//!
//! What was seen of it, and what is done about it: an owner that is killed leaves its name, and the next
//! `create` fails (the caller takes it over); an opener that races the creator gets an error (the caller tries
//! again, so often); a drop in a forked child would remove the parent's segment (names are removed only by
//! [`Named::remove`]); Windows rounds lengths up (the preamble has the true one); it always opens for writing
//! (on Unix readers map the same name by `system`).

use std::fmt;

use shared_memory::{Shmem, ShmemConf, ShmemError};

/// A named mapping of this process, for reading and writing. Dropping it leaves the name.
pub(super) struct Named(Shmem);

// SAFETY: the mapping and its handle are of the process, not of a thread; this type only tells its address, and
// removes the name by `&mut`.
unsafe impl Send for Named {}
// SAFETY: as above.
unsafe impl Sync for Named {}

/// Why there is no mapping.
#[derive(Debug)]
pub(super) enum Failure {
    /// The name is taken.
    Exists,
    /// Nothing has the name, or it has no bytes yet: the crate does not tell which.
    NotThere(std::io::Error),
    /// The system refused.
    Refused(std::io::Error),
}

impl Named {
    pub(super) fn create(name: &str, length: usize) -> Result<Named, Failure> {
        let made = ShmemConf::new().os_id(name).size(length).create();
        made.map(Named::kept).map_err(|error| match error {
            ShmemError::MappingIdExists => Failure::Exists,
            other => Failure::Refused(cause(&other)),
        })
    }

    pub(super) fn open(name: &str) -> Result<Named, Failure> {
        let opened = ShmemConf::new().os_id(name).open();
        opened.map(Named::kept).map_err(|error| match error {
            ShmemError::MapOpenFailed(_) => Failure::NotThere(cause(&error)),
            other => Failure::Refused(cause(&other)),
        })
    }

    fn kept(mut mapping: Shmem) -> Named {
        mapping.set_owner(false);
        Named(mapping)
    }

    /// Removes the name; what is mapped stays mapped, here and elsewhere.
    pub(super) fn remove(mut self) {
        self.0.set_owner(true);
    }

    pub(super) fn start(&self) -> *mut u8 {
        self.0.as_ptr()
    }

    pub(super) fn length(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Named({}, {} bytes)", self.0.get_os_id(), self.0.len())
    }
}

fn cause(error: &ShmemError) -> std::io::Error {
    match error {
        ShmemError::MapCreateFailed(code)
        | ShmemError::MapOpenFailed(code)
        | ShmemError::UnknownOsError(code) => {
            std::io::Error::from_raw_os_error(i32::try_from(*code).unwrap_or_default())
        }
        other => std::io::Error::other(other.to_string()),
    }
}
