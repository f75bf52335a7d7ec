//! Memory with names on Windows: of the page file, for this user alone.
//!
//! A name stands for its memory while any process has it open, and is gone with the last of them: nobody can
//! remove it, and what a killed process leaves stays only where somebody else has it open. Names are of one
//! session of the user, which is what a program without further rights may make.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_ALREADY_EXISTS, ERROR_COMMITMENT_LIMIT, ERROR_DISK_FULL,
    ERROR_FILE_NOT_FOUND, ERROR_NO_SYSTEM_RESOURCES, ERROR_NOT_ENOUGH_MEMORY, ERROR_OUTOFMEMORY,
    GetLastError, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Security::{
    GetKernelObjectSecurity, GetSecurityDescriptorOwner, OWNER_SECURITY_INFORMATION,
    SECURITY_ATTRIBUTES,
};
use windows_sys::Win32::Storage::FileSystem::READ_CONTROL;
use windows_sys::Win32::System::Memory::{
    CreateFileMappingW, FILE_MAP_READ, FILE_MAP_WRITE, MEMORY_BASIC_INFORMATION,
    MEMORY_MAPPED_VIEW_ADDRESS, MapViewOfFile, OpenFileMappingW, PAGE_READWRITE, UnmapViewOfFile,
    VirtualQuery,
};

use super::Failure;
use super::local::{Rights, checked, text_of, this_user, wide};

/// Whether a name stays while anybody has the memory mapped, and no longer.
pub(crate) const NAMES_FOLLOW_MEMORY: bool = true;

/// A named mapping of this process.
pub(crate) struct Named {
    start: *mut u8,
    length: usize,
    is_writable: bool,
    /// The name lasts as long as a handle is open, whatever is mapped.
    _object: OwnedHandle,
}

// SAFETY: the mapping and its handle are of the process, not of a thread; this type only tells its address.
unsafe impl Send for Named {}
// SAFETY: as above.
unsafe impl Sync for Named {}

impl Named {
    /// Makes so many bytes of zeroes for this user alone; the system promises that it has room for them.
    pub(crate) fn create(name: &str, length: usize) -> Result<Named, Failure> {
        let rights = Rights::of_this_user().map_err(Failure::Refused)?;
        let attributes = SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: rights.descriptor(),
            bInheritHandle: 0,
        };
        let name = wide(OsStr::new(name));
        let (high, low) = ((length as u64 >> 32) as u32, length as u32);
        // SAFETY: the name ends with a zero; it and the attributes live during the call. The handle is checked and
        // then nobody else's.
        let object = unsafe {
            let object = CreateFileMappingW(
                INVALID_HANDLE_VALUE,
                &attributes,
                PAGE_READWRITE,
                high,
                low,
                name.as_ptr(),
            );
            let error = GetLastError();
            if object.is_null() {
                return Err(refused(error));
            }
            let object = OwnedHandle::from_raw_handle(object);
            if error == ERROR_ALREADY_EXISTS {
                return Err(Failure::Exists);
            }
            object
        };
        Named::map(object, true)
    }

    /// Maps what this user made; it has bytes since it has a name.
    pub(crate) fn open(name: &str) -> Result<Option<Named>, Failure> {
        Named::open_for(name, true)
    }

    /// The same, so that it cannot be written.
    pub(crate) fn open_read_only(name: &str) -> Result<Option<Named>, Failure> {
        Named::open_for(name, false)
    }

    fn open_for(name: &str, is_writable: bool) -> Result<Option<Named>, Failure> {
        let name = wide(OsStr::new(name));
        // SAFETY: the name ends with a zero and lives during the call; the handle is checked and then nobody else's.
        let object = unsafe {
            let object = OpenFileMappingW(access(is_writable) | READ_CONTROL, 0, name.as_ptr());
            if object.is_null() {
                return Err(refused(GetLastError()));
            }
            OwnedHandle::from_raw_handle(object)
        };
        let owner = owner_of(&object).map_err(Failure::Refused)?;
        // Another user of the same session may have made the name first, and let everybody in.
        if owner != this_user().map_err(Failure::Refused)? {
            return Err(Failure::Foreign);
        }
        Named::map(object, is_writable).map(Some)
    }

    /// All of it.
    fn map(object: OwnedHandle, is_writable: bool) -> Result<Named, Failure> {
        let mut found = MEMORY_BASIC_INFORMATION::default();
        // SAFETY: the handle is that of a mapping and open; `found` has the length that is said, and what is asked about is a
        // view that stays mapped until this value is dropped.
        unsafe {
            let view = MapViewOfFile(object.as_raw_handle(), access(is_writable), 0, 0, 0);
            if view.Value.is_null() {
                return Err(refused(GetLastError()));
            }
            let start = view.Value.cast();
            let mut named = Named { start, length: 0, is_writable, _object: object };
            let bytes = size_of_val(&found);
            if VirtualQuery(view.Value, &mut found, bytes) == 0 {
                return Err(refused(GetLastError()));
            }
            named.length = found.RegionSize;
            Ok(named)
        }
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start
    }

    /// Whole pages.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.is_writable
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // SAFETY: the view was mapped by `map`, and is unmapped once; whoever knows its address is gone.
        unsafe { UnmapViewOfFile(MEMORY_MAPPED_VIEW_ADDRESS { Value: self.start.cast() }) };
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Named({} bytes)", self.length)
    }
}

/// Nobody can: it goes with the last who has it open.
pub(crate) fn remove(_: &str) -> io::Result<()> {
    Ok(())
}

fn access(is_writable: bool) -> u32 {
    if is_writable { FILE_MAP_READ | FILE_MAP_WRITE } else { FILE_MAP_READ }
}

/// The user whose it is, as the system writes it.
fn owner_of(object: &OwnedHandle) -> io::Result<String> {
    // Of words, since a descriptor is aligned. It is of an owner alone, whose identity has 68 bytes at most.
    let mut descriptor = [0_u64; 32];
    let mut length = 0;
    let (mut owner, mut defaulted) = (ptr::null_mut(), 0);
    // SAFETY: the handle is open, and the buffer has as many bytes as is said; the owner is in the buffer.
    unsafe {
        checked(GetKernelObjectSecurity(
            object.as_raw_handle(),
            OWNER_SECURITY_INFORMATION,
            descriptor.as_mut_ptr().cast(),
            size_of_val(&descriptor) as u32,
            &mut length,
        ))?;
        checked(GetSecurityDescriptorOwner(
            descriptor.as_mut_ptr().cast(),
            &mut owner,
            &mut defaulted,
        ))?;
        text_of(owner)
    }
}

fn refused(code: u32) -> Failure {
    match code {
        ERROR_FILE_NOT_FOUND => Failure::Missing,
        ERROR_ACCESS_DENIED => Failure::Foreign,
        ERROR_COMMITMENT_LIMIT
        | ERROR_NOT_ENOUGH_MEMORY
        | ERROR_OUTOFMEMORY
        | ERROR_DISK_FULL
        | ERROR_NO_SYSTEM_RESOURCES => Failure::Full,
        code => Failure::Refused(io::Error::from_raw_os_error(code as i32)),
    }
}
