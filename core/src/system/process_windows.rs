//! Processes on Windows.

use windows_sys::Win32::Foundation::{CloseHandle, FILETIME, WAIT_TIMEOUT};
use windows_sys::Win32::System::Threading::{
    GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE,
    WaitForSingleObject,
};

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
