//! Shared memory and processes on Windows.

use std::io;

use memmap2::MmapRaw;
use windows_sys::Win32::Foundation::{CloseHandle, FILETIME, WAIT_TIMEOUT};
use windows_sys::Win32::System::Threading::{
    GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE,
    WaitForSingleObject,
};

/// `ERROR_FILE_INVALID`: a file without bytes cannot be mapped.
const FILE_INVALID: i32 = 1006;

/// Of a named segment: here nobody asks, since names are of the session, and files of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentFacts {
    /// It is of this user, and of no use to others.
    pub(crate) is_own: bool,
}

/// As the system's calls want it.
pub(crate) fn segment_name(name: &str) -> String {
    name.to_owned()
}

/// Not told here.
pub(crate) fn segment_facts(_: &str) -> io::Result<Option<SegmentFacts>> {
    Ok(None)
}

/// No such mapping is made here.
pub(crate) fn map_read_only(_: &str) -> io::Result<Option<(SegmentFacts, Option<MmapRaw>)>> {
    Ok(None)
}

/// What is mapped of a file was reserved when it was mapped.
pub(crate) fn reserve_segment(_: &str, _: usize) -> io::Result<()> {
    Ok(())
}

/// Removes the file of a segment that nobody has mapped.
pub(crate) fn remove_segment(name: &str) -> io::Result<()> {
    let file = std::env::temp_dir().join("shared_memory-rs").join(name);
    match std::fs::remove_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// The segment has no bytes yet.
pub(crate) fn is_empty_segment(error: &io::Error) -> bool {
    error.raw_os_error() == Some(FILE_INVALID)
}

/// The number of this process.
pub(crate) fn pid() -> u32 {
    std::process::id()
}

/// When the process of a number started, in 100 ns since 1601. `None` when there is none, or it has ended.
#[expect(unsafe_code, reason = "calls of the system")]
pub(crate) fn process_start(pid: u32) -> Option<u64> {
    let none = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
    let (mut start, mut exit, mut kernel, mut user) = (none, none, none, none);
    // SAFETY: the handle is closed below, and used by nobody else; the times are written to places of this
    // function.
    let (runs, told) = unsafe {
        let access = PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
        let process = OpenProcess(access, 0, pid);
        if process.is_null() {
            return None;
        }
        // A process that has ended has a number while anybody has a handle.
        let runs = WaitForSingleObject(process, 0) == WAIT_TIMEOUT;
        let told = GetProcessTimes(process, &mut start, &mut exit, &mut kernel, &mut user);
        CloseHandle(process);
        (runs, told != 0)
    };
    let start = u64::from(start.dwHighDateTime) << 32 | u64::from(start.dwLowDateTime);
    (runs && told).then_some(start)
}
