//! Processes on Linux, macOS and other Unixes.

#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::fs::Mode;

/// The number of this process.
pub(crate) fn pid() -> u32 {
    std::process::id()
}

/// When the process of a number started, in clock ticks since the machine did. `None` when there is none, or
/// only what is left of one until its parent asks.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn process_start(pid: u32) -> Option<u64> {
    use std::io::Write as _;

    // Without memory of the heap: who appends to a ring asks.
    let (mut path, mut stat) = ([0; 32], [0; 1024]);
    write!(&mut path[..31], "/proc/{pid}/stat").ok()?;
    let path = std::ffi::CStr::from_bytes_until_nul(&path).ok()?;
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).ok()?;
    let length = rustix::io::read(&file, &mut stat).ok()?;
    let stat = &stat[..length];
    // The name of the program stands in parentheses, and may hold blanks and parentheses.
    let after = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(&stat[after + 1..]).ok()?.split_ascii_whitespace();
    // Of proc(5) the third, the 20th and the 22nd. Other threads may go on when the first one has ended.
    let has_ended = matches!(fields.next()?, "Z" | "X" | "x");
    let threads: u32 = fields.nth(16)?.parse().ok()?;
    if has_ended && threads <= 1 {
        return None;
    }
    fields.nth(1)?.parse().ok()
}

/// The same, in microseconds since 1970.
#[cfg(target_os = "macos")]
#[expect(unsafe_code, reason = "the system fills a structure")]
pub(crate) fn process_start(pid: u32) -> Option<u64> {
    let length = i32::try_from(size_of::<libc::proc_bsdinfo>()).ok()?;
    let pid = i32::try_from(pid).ok()?;
    // SAFETY: the structure is of integers only, for which zeroes are values.
    let mut info: libc::proc_bsdinfo = unsafe { std::mem::zeroed() };
    // SAFETY: the system writes at most `length` bytes to the structure, which has as many.
    let filled = unsafe {
        libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, (&raw mut info).cast(), length)
    };
    (filled == length && info.pbi_status != libc::SZOMB)
        .then(|| info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec)
}

/// Locks alone tell who lives.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos")))]
pub(crate) fn process_start(_: u32) -> Option<u64> {
    None
}
