//! Memory with names on Linux, macOS and other Unixes. The one file that knows the `shared_memory` crate.
//!
//! What was seen of it, and what is done about it: an owner that is killed leaves its name, and the next
//! `create` fails (the caller takes it over); an opener that races the creator gets an error (the caller tries
//! again, so often); a drop in a forked child would remove the parent's segment (it never owns one: names are
//! removed by [`remove`] alone); it always opens for writing, whosever the segment is (so that is asked before, and
//! readers map the same name themselves). On Windows it puts the bytes into a file in the folder for temporary
//! files, where programs with another such folder do not find them: see the file of Windows.

use std::fmt;
use std::io;

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{Mode, Stat};
use rustix::shm::OFlags;
use shared_memory::{Shmem, ShmemConf, ShmemError};

use super::Failure;

/// Whether a name stays while anybody has the memory mapped, and no longer.
pub(crate) const NAMES_FOLLOW_MEMORY: bool = false;

/// A named mapping of this process. Dropping it leaves the name.
pub(crate) struct Named(Mapping);

enum Mapping {
    Writable(Shmem),
    ReadOnly(MmapRaw),
}

// SAFETY: the mapping and its handle are of the process, not of a thread; this type only tells its address.
unsafe impl Send for Named {}
// SAFETY: as above.
unsafe impl Sync for Named {}

impl Named {
    /// Makes so many bytes of zeroes for this user alone.
    pub(crate) fn create(name: &str, length: usize) -> Result<Named, Failure> {
        let named = match ShmemConf::new().os_id(slashed(name)).size(length).create() {
            Ok(made) => Named::kept(made),
            Err(ShmemError::MappingIdExists) => return Err(Failure::Exists),
            Err(error) => return Err(refused(cause(&error))),
        };
        if let Err(error) = reserve(name, length) {
            // There is nothing to lose: it was made above.
            let _ = remove(name);
            return Err(refused(error));
        }
        Ok(named)
    }

    /// Maps what this user made. `None` where it has no bytes yet, or was made anew just then.
    pub(crate) fn open(name: &str) -> Result<Option<Named>, Failure> {
        let before = Facts::of(name)?;
        let named = match ShmemConf::new().os_id(slashed(name)).open() {
            Ok(opened) => Named::kept(opened),
            // The crate does not tell that it has no bytes yet from that nothing has the name.
            Err(ShmemError::MapOpenFailed(code)) => {
                let error = io::Error::from_raw_os_error(i32::try_from(code).unwrap_or_default());
                return match error.kind() {
                    io::ErrorKind::InvalidInput => Ok(None),
                    _ => Err(refused(error)),
                };
            }
            Err(error) => return Err(refused(cause(&error))),
        };
        // The crate gives no handle to ask: the name is of the same segment before and after.
        Ok((Facts::of(name)? == before).then_some(named))
    }

    /// The same, so that it cannot be written.
    pub(crate) fn open_read_only(name: &str) -> Result<Option<Named>, Failure> {
        let file = rustix::shm::open(slashed(name), OFlags::RDONLY, Mode::empty())
            .map_err(|error| refused(error.into()))?;
        let stat = rustix::fs::fstat(&file).map_err(|error| refused(error.into()))?;
        let length = usize::try_from(Facts::own(&stat)?.length).unwrap_or(usize::MAX);
        if length == 0 {
            return Ok(None);
        }
        let mapping = MmapOptions::new().len(length).map_raw_read_only(&file).map_err(refused)?;
        Ok(Some(Named(Mapping::ReadOnly(mapping))))
    }

    fn kept(mut mapping: Shmem) -> Named {
        mapping.set_owner(false);
        Named(Mapping::Writable(mapping))
    }

    pub(crate) fn start(&self) -> *mut u8 {
        match &self.0 {
            Mapping::Writable(mapping) => mapping.as_ptr(),
            Mapping::ReadOnly(mapping) => mapping.as_mut_ptr(),
        }
    }

    pub(crate) fn length(&self) -> usize {
        match &self.0 {
            Mapping::Writable(mapping) => mapping.len(),
            Mapping::ReadOnly(mapping) => mapping.len(),
        }
    }

    pub(crate) fn is_writable(&self) -> bool {
        matches!(self.0, Mapping::Writable(_))
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Named({} bytes)", self.length())
    }
}

/// Removes a name; what is mapped stays mapped, here and elsewhere.
pub(crate) fn remove(name: &str) -> io::Result<()> {
    match rustix::shm::unlink(slashed(name)) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// As the system's calls want it.
fn slashed(name: &str) -> String {
    format!("/{name}")
}

/// What tells one segment of a name from another.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    length: u64,
    inode: u64,
}

impl Facts {
    fn of(name: &str) -> Result<Facts, Failure> {
        let file = rustix::shm::open(slashed(name), OFlags::RDONLY, Mode::empty())
            .map_err(|error| refused(error.into()))?;
        Facts::own(&rustix::fs::fstat(&file).map_err(|error| refused(error.into()))?)
    }

    /// Of one that is this user's, and of no use to others.
    fn own(found: &Stat) -> Result<Facts, Failure> {
        let is_own = found.st_uid == rustix::process::geteuid().as_raw();
        if !is_own || found.st_mode & 0o077 != 0 {
            return Err(Failure::Foreign);
        }
        let length = u64::try_from(found.st_size).unwrap_or_default();
        Ok(Facts { length, inode: found.st_ino })
    }
}

/// Makes sure that the memory is there: otherwise the first access to a page that is not ends the process.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn reserve(name: &str, bytes: usize) -> io::Result<()> {
    let file = rustix::shm::open(slashed(name), OFlags::RDWR, Mode::empty())?;
    loop {
        match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes as u64) {
            Err(rustix::io::Errno::INTR) => {}
            reserved => return Ok(reserved?),
        }
    }
}

/// Elsewhere shared memory is paged like other memory.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn reserve(_: &str, _: usize) -> io::Result<()> {
    Ok(())
}

fn refused(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::Missing,
        // Another user's, which its owner alone may open.
        io::ErrorKind::PermissionDenied => Failure::Foreign,
        io::ErrorKind::StorageFull | io::ErrorKind::OutOfMemory => Failure::Full,
        _ => Failure::Refused(error),
    }
}

fn cause(error: &ShmemError) -> io::Error {
    match error {
        ShmemError::MapCreateFailed(code)
        | ShmemError::MapOpenFailed(code)
        | ShmemError::UnknownOsError(code) => {
            io::Error::from_raw_os_error(i32::try_from(*code).unwrap_or_default())
        }
        other => io::Error::other(other.to_string()),
    }
}
