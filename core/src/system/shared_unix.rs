//! Shared memory and processes on Linux, macOS and other Unixes.

use std::io;

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{Mode, Stat};
use rustix::shm::OFlags;

/// Of a named segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentFacts {
    /// It is of this user, and of no use to others.
    pub(crate) is_own: bool,
    length: u64,
    inode: u64,
}

impl SegmentFacts {
    fn of(found: &Stat) -> SegmentFacts {
        let is_own = found.st_uid == rustix::process::geteuid().as_raw();
        SegmentFacts {
            is_own: is_own && found.st_mode & 0o077 == 0,
            length: u64::try_from(found.st_size).unwrap_or_default(),
            inode: found.st_ino,
        }
    }
}

/// As the system's calls want it.
pub(crate) fn segment_name(name: &str) -> String {
    format!("/{name}")
}

/// Whose a segment is.
pub(crate) fn segment_facts(name: &str) -> io::Result<Option<SegmentFacts>> {
    let file = rustix::shm::open(segment_name(name), OFlags::RDONLY, Mode::empty())?;
    Ok(Some(SegmentFacts::of(&rustix::fs::fstat(&file)?)))
}

/// Maps a segment so that it cannot be written. No mapping where it has no bytes yet, or is not this user's. `None` where
/// the system has no such mapping.
pub(crate) fn map_read_only(name: &str) -> io::Result<Option<(SegmentFacts, Option<MmapRaw>)>> {
    let file = rustix::shm::open(segment_name(name), OFlags::RDONLY, Mode::empty())?;
    let facts = SegmentFacts::of(&rustix::fs::fstat(&file)?);
    if facts.length == 0 || !facts.is_own {
        return Ok(Some((facts, None)));
    }
    let length = usize::try_from(facts.length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mapping = MmapOptions::new().len(length).map_raw_read_only(&file)?;
    Ok(Some((facts, Some(mapping))))
}

/// Makes sure that the memory is there: otherwise the first access to a page that is not ends the process.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn reserve_segment(name: &str, bytes: usize) -> io::Result<()> {
    let file = rustix::shm::open(segment_name(name), OFlags::RDWR, Mode::empty())?;
    loop {
        match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes as u64) {
            Err(rustix::io::Errno::INTR) => {}
            reserved => return Ok(reserved?),
        }
    }
}

/// Elsewhere shared memory is paged like other memory.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn reserve_segment(_: &str, _: usize) -> io::Result<()> {
    Ok(())
}

/// Removes a name; what is mapped stays.
pub(crate) fn remove_segment(name: &str) -> io::Result<()> {
    match rustix::shm::unlink(segment_name(name)) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Opening told so already.
pub(crate) fn is_empty_segment(_: &io::Error) -> bool {
    false
}

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
