//! Linux, macOS and other Unixes.

use std::ffi::OsStr;
use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{
    DirBuilderExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt,
};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rustix::fs::{OFlags, RenameFlags};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use crate::fs::{Access, Identity};
use crate::host::{Platform, User};
use crate::registry::{Fabricated, Registry};

pub(crate) const PLATFORM: Platform =
    if cfg!(target_os = "macos") { Platform::MacOs } else { Platform::Linux };

/// Whether the system tells of changes in whole trees of folders, not of one folder at a time.
pub(crate) const TELLS_OF_TREES: bool = cfg!(target_os = "macos");

/// Whether names that differ in case alone are one file. macOS can be told otherwise, and seldom is.
pub(crate) const IGNORES_CASE: bool = cfg!(target_os = "macos");

pub(crate) fn registry() -> Arc<dyn Registry> {
    Arc::new(Fabricated::default())
}

pub(crate) fn user() -> User {
    let mut gids: Vec<u32> = vec![rustix::process::getegid().as_raw()];
    gids.extend(
        rustix::process::getgroups().unwrap_or_default().iter().map(|group| group.as_raw()),
    );
    User { uid: Some(rustix::process::geteuid().as_raw()), gids }
}

/// A path from the bytes of a file. `None` when no path of this system has them.
pub(crate) fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    Some(PathBuf::from(OsStr::from_bytes(bytes)))
}

/// The one name of what stands at the path: absolute, without links.
pub(crate) fn canonical(path: &Path) -> io::Result<PathBuf> {
    std::fs::canonicalize(path)
}

/// The path with the separators that people see.
pub(crate) fn native(path: PathBuf) -> PathBuf {
    path
}

/// The path as people write it.
pub(crate) fn usual(path: &Path) -> PathBuf {
    path.to_path_buf()
}

/// Links lead in a circle.
pub(crate) fn is_circle(error: &io::Error) -> bool {
    // Its `ErrorKind` is not stable yet.
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// No program keeps a file to itself here.
pub(crate) fn is_in_use(_: &io::Error) -> bool {
    false
}

/// A running program is replaced while it runs on with the old file.
pub(crate) fn is_in_use_for_replacing(_: &io::Error, _: &Path) -> bool {
    false
}

/// Opening a fifo would block until somebody writes to it, and a terminal could become ours.
pub(crate) fn open_at_once(options: &mut OpenOptions) {
    options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32);
}

pub(crate) fn create_for_owner_alone(options: &mut OpenOptions) {
    options.mode(0o600);
}

/// Becomes this program.
pub(crate) fn turn_into(command: &mut Command) -> io::Result<i32> {
    Err(command.exec())
}

/// What is neither file, folder nor link, in words.
pub(crate) fn special(kind: FileType) -> Option<&'static str> {
    if kind.is_fifo() {
        Some("a fifo")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_block_device() || kind.is_char_device() {
        Some("a device")
    } else {
        None
    }
}

/// Whether anybody may run it.
pub(crate) fn is_executable(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o111 != 0
}

/// Whether every user may make symbolic links.
#[cfg(test)]
pub(crate) const HAS_LINKS: bool = true;

/// Permission bits, as `chmod` takes them.
pub(crate) fn mode(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

pub(crate) fn access(metadata: &Metadata) -> Access {
    Access { mode: mode(metadata), uid: metadata.uid(), gid: metadata.gid() }
}

/// Makes a file with these bits; nothing stands there. The mask of the process takes none away.
pub(crate) fn new_file(path: &Path, mode: u32) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let metadata = file.metadata()?;
    if self::mode(&metadata) != mode {
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    Ok(file)
}

pub(crate) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Whether nobody but root and this user may change it. Only the owner of what lies in a folder with the
/// sticky bit may rename it.
pub(crate) fn is_guarded(metadata: &Metadata, user: &User) -> bool {
    let is_sticky = metadata.is_dir() && mode(metadata) & 0o1000 != 0;
    let is_own = metadata.uid() == 0 || Some(metadata.uid()) == user.uid;
    is_own && (mode(metadata) & 0o002 == 0 || is_sticky)
}

/// Gives the file the owner and group of another one. Only root may; for others they are the same
/// already, or cannot be.
pub(crate) fn take_owner(path: &Path, of: &Path) -> io::Result<()> {
    let (own, wanted) = (std::fs::symlink_metadata(path)?, std::fs::symlink_metadata(of)?);
    if (own.uid(), own.gid()) == (wanted.uid(), wanted.gid()) {
        return Ok(());
    }
    match std::os::unix::fs::lchown(path, Some(wanted.uid()), Some(wanted.gid())) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

/// Lets two names change what they name, at once.
pub(crate) fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    let exchanged =
        rustix::fs::renameat_with(rustix::fs::CWD, a, rustix::fs::CWD, b, RenameFlags::EXCHANGE);
    exchanged.map_err(|error| match error {
        // A kernel or a file system that has no such call.
        Errno::NOSYS | Errno::INVAL | Errno::NOTSUP => io::ErrorKind::Unsupported.into(),
        other => other.into(),
    })
}

pub(crate) fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

/// Keeps SIGTERM from ending the process at once. To be held before other threads are started: they do as
/// the thread that starts them does.
#[derive(Debug)]
pub struct Termination(nix::sys::signal::SigSet);

impl Termination {
    /// From now on it does not end the process. `None` when the system refused.
    pub fn hold() -> Option<Termination> {
        let mut signals = nix::sys::signal::SigSet::empty();
        signals.add(nix::sys::signal::Signal::SIGTERM);
        signals.thread_block().ok()?;
        Some(Termination(signals))
    }

    /// Does this when it comes.
    pub fn then(self, end: impl FnOnce() + Send + 'static) {
        std::thread::spawn(move || {
            if self.0.wait().is_ok() {
                end();
            }
        });
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}

/// Whether [`settle`] makes files durable too, not only folders.
pub(crate) const SETTLES_AT_ONCE: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Makes all durable that was written in the file system of a folder: one call in the place of one for each file.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn settle(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(std::fs::File::open(folder)?)?)
}

/// Makes the names in a folder and in those below durable.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn settle(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            settle(&entry.path())?;
        }
    }
    sync_folder(folder)
}

/// Makes a folder, and those above it, that only the user may enter.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Asks for large pages behind memory that is about to be filled: writing to fresh memory costs more in page
/// faults than in copying, and reading it in random places more in looking up pages. Linux alone can be asked.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(unsafe_code, reason = "the system takes an address and a length")]
pub(crate) fn prefer_large_pages(memory: &mut [MaybeUninit<u8>]) {
    /// A multiple of the pages of all machines.
    const PAGE: usize = 64 << 10;
    let before = memory.as_ptr().align_offset(PAGE).min(memory.len());
    let memory = &mut memory[before..];
    let length = memory.len() / PAGE * PAGE;
    if length > 0 {
        let start = memory.as_mut_ptr().cast();
        // SAFETY: the advice changes nothing of what the memory holds, and what it is about is a part of the slice.
        // An error means that there are no large pages.
        let _ = unsafe { rustix::mm::madvise(start, length, rustix::mm::Advice::LinuxHugepage) };
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn prefer_large_pages(_: &mut [MaybeUninit<u8>]) {}

/// Fills the buffer from this offset, or fails.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(buffer, offset)
}

/// Writes all of these bytes at this offset.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

/// Device and inode of a file that has more names than one.
pub(crate) fn linked_identity(metadata: &Metadata) -> Option<Identity> {
    let identity = Identity { device: metadata.dev(), inode: metadata.ino() };
    (metadata.nlink() > 1).then_some(identity)
}

/// Nanoseconds since 1970, of the time of change: `touch -r` and archives set that of modification.
pub(crate) fn changed_ns(metadata: &Metadata) -> i64 {
    metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec())
}

pub(crate) fn inode(metadata: &Metadata) -> u64 {
    metadata.ino()
}

/// A group of its own, to be ended as one, and nothing of this process's environment. On Linux it ends with this
/// process, also when that is killed.
pub(crate) fn set_apart(command: &mut Command, _system_root: Option<&Path>) {
    command.env_clear().process_group(0);
    end_with_this_process(command);
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(
    unsafe_code,
    reason = "a process asks for the signal itself, before it becomes the program"
)]
fn end_with_this_process(command: &mut Command) {
    let this = rustix::process::getpid();
    let ask = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // This process may have ended before it was asked.
        match rustix::process::getppid() {
            Some(parent) if parent == this => Ok(()),
            _ => Err(io::Error::from(Errno::SRCH)),
        }
    };
    // SAFETY: between fork and exec it makes two system calls, and takes neither memory nor a lock.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn end_with_this_process(_: &mut Command) {}

/// Whether the process has ended, leaving it to be reaped: until then its number is not given away.
pub(crate) fn has_ended(child: &mut Child) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let ended = rustix::process::waitid(WaitId::Pid(Pid::from_child(child)), options);
    matches!(ended, Ok(Some(_)) | Err(_))
}

/// Ends a process that was [`set_apart`], and what it started.
pub(crate) fn kill_group(child: &mut Child) {
    // An error means that no process of the group is left, or that it changed its user.
    let _ = rustix::process::kill_process_group(Pid::from_child(child), Signal::KILL);
}

/// Sleeps while the lower half of a word that processes share is that of `seen`, and not longer than `limit`; may
/// end earlier. Where no word can be slept on, it sleeps for a moment.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn sleep_on(word: &AtomicU64, seen: u64, limit: Duration) {
    let Ok(limit) = rustix::thread::Timespec::try_from(limit) else { return };
    let flags = rustix::thread::futex::Flags::empty();
    // An error is a word that changed, a signal, or the end of the time: who called looks again.
    let _ = rustix::thread::futex::wait(lower_half(word), flags, seen as u32, Some(&limit));
}

/// Wakes all who sleep on a word.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn wake_all(word: &AtomicU64) {
    let flags = rustix::thread::futex::Flags::empty();
    let _ = rustix::thread::futex::wake(lower_half(word), flags, i32::MAX as u32);
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(unsafe_code, reason = "the kernel sleeps on 32 bits")]
fn lower_half(word: &AtomicU64) -> &AtomicU32 {
    let half = word.as_ptr().cast::<u32>();
    let half = if cfg!(target_endian = "big") { half.wrapping_add(1) } else { half };
    // SAFETY: the half is inside of the word, aligned, and lives as long. Only the kernel reads it as 32 bits, atomically.
    unsafe { AtomicU32::from_ptr(half) }
}

/// Lets [`fence_everywhere`] of other processes reach this one. Whether they can.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn join_fences() -> bool {
    use rustix::thread::{MembarrierCommand, membarrier};
    membarrier(MembarrierCommand::RegisterGlobalExpedited).is_ok()
}

/// A full fence in every thread that runs, of every process that joined. Whether there was one.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn fence_everywhere() -> bool {
    use rustix::thread::{MembarrierCommand, membarrier};
    membarrier(MembarrierCommand::GlobalExpedited).is_ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn sleep_on(_: &AtomicU64, _: u64, limit: Duration) {
    std::thread::sleep(limit.min(Duration::from_millis(1)));
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn wake_all(_: &AtomicU64) {}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn join_fences() -> bool {
    false
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn fence_everywhere() -> bool {
    false
}

/// An absolute path of this system, for tests: given as Unix has it.
#[cfg(test)]
pub(crate) fn rooted(path: &str) -> String {
    path.to_owned()
}
