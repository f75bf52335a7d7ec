//! Windows.

use std::ffi::{OsStr, OsString};
use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::fs::FileExt;
use std::os::windows::process::CommandExt;
use std::path::{Component, Path, PathBuf, Prefix};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, UNIX_EPOCH};

use winreg::RegKey;
use winreg::enums::{
    HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE, KEY_READ, KEY_WOW64_32KEY, KEY_WOW64_64KEY,
};

use crate::fs::{Access, Identity};
use crate::host::{Platform, User};
use crate::registry::{Hive, Registry};

pub(crate) const PLATFORM: Platform = Platform::Windows;

/// Whether the system tells of changes in whole trees of folders, not of one folder at a time.
pub(crate) const TELLS_OF_TREES: bool = true;

/// Whether names that differ in case alone are one file.
pub(crate) const IGNORES_CASE: bool = true;

/// `ERROR_CANT_RESOLVE_FILENAME`: links lead in a circle, or through too many of them.
const CANNOT_RESOLVE: i32 = 1921;

/// `ERROR_SHARING_VIOLATION`, `ERROR_LOCK_VIOLATION`: another program keeps the file to itself.
const IN_USE: [i32; 2] = [32, 33];

const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
const CREATE_NO_WINDOW: u32 = 0x0800_0000;

pub(crate) fn registry() -> Arc<dyn Registry> {
    Arc::new(System)
}

/// Nobody in particular: rights are not judged here.
pub(crate) fn user() -> User {
    User::default()
}

/// A path from the bytes of a file. `None` when no path of this system has them: they are WTF-8.
pub(crate) fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    let mut wide = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        let whole = match std::str::from_utf8(rest) {
            Ok(_) => rest.len(),
            Err(error) => error.valid_up_to(),
        };
        let (text, odd) = rest.split_at(whole);
        wide.extend(std::str::from_utf8(text).ok()?.encode_utf16());
        rest = match odd {
            [] => return Some(PathBuf::from(OsString::from_wide(&wide))),
            // WTF-8: half of a surrogate pair, U+D800 to U+DFFF, in three bytes.
            [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, rest @ ..] => {
                wide.push(0xD000 | u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F));
                rest
            }
            _ => return None,
        };
    }
}

/// The one name of what stands at the path: absolute, without links.
///
/// The system gives `\\?\C:\x`, which no tool shows, few take, and which is not equal to `C:\x`.
pub(crate) fn canonical(path: &Path) -> io::Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Ok(path) => Ok(usual(&path)),
        // Memory disks and some shares do not tell the name of what is open, nor does Wine that of a
        // long path. What is there keeps the name that it was asked by.
        Err(_) if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_symlink()) => {
            std::path::absolute(path).map(|path| usual(&path))
        }
        Err(error) => Err(error),
    }
}

/// The path as people write it: without `\\?\`, where that changes nothing.
pub(crate) fn usual(path: &Path) -> PathBuf {
    usual_form(path).unwrap_or_else(|| path.to_path_buf())
}

/// `C:\x` of `\\?\C:\x`, `\\server\share` of `\\?\UNC\server\share`. `None` when there is none: some
/// names mean something else in the usual form.
fn usual_form(path: &Path) -> Option<PathBuf> {
    let mut components = path.components();
    let Component::Prefix(prefix) = components.next()? else { return None };
    let mut usual = match prefix.kind() {
        Prefix::VerbatimDisk(drive) => OsString::from(format!("{}:", char::from(drive))),
        Prefix::VerbatimUNC(server, share) => {
            [OsStr::new(r"\\"), server, OsStr::new(r"\"), share].into_iter().collect()
        }
        _ => return None,
    };
    usual.push(r"\");
    let mut usual = PathBuf::from(usual);
    for component in components {
        match component {
            Component::RootDir => {}
            Component::Normal(name) if !changes_meaning(name) => usual.push(name),
            _ => return None,
        }
    }
    Some(usual)
}

/// Whether the usual form of a path takes the name for another: `x.` for `x`, `nul.txt` for a device.
fn changes_meaning(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    let is_port = |start: &str| {
        stem.strip_prefix(start).is_some_and(|rest| rest.len() == 1 && rest.parse::<u8>().is_ok())
    };
    name.ends_with(['.', ' '])
        || matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
        || is_port("com")
        || is_port("lpt")
}

/// The path with the separators that people see: what RECORD lists comes with `/`.
pub(crate) fn native(path: PathBuf) -> PathBuf {
    if path.as_os_str().as_encoded_bytes().contains(&b'/') {
        path.components().collect()
    } else {
        path
    }
}

/// Links lead in a circle.
pub(crate) fn is_circle(error: &io::Error) -> bool {
    error.raw_os_error() == Some(CANNOT_RESOLVE)
}

/// Another program keeps the file to itself.
pub(crate) fn is_in_use(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| IN_USE.contains(&code))
}

/// Whether a file cannot be replaced, renamed or removed because a program has it open or runs it. Of one
/// that runs the system says "access denied", as it does without the right to write.
pub(crate) fn is_in_use_for_replacing(error: &io::Error, path: &Path) -> bool {
    let runs = || OpenOptions::new().write(true).open(path).is_err_and(|error| is_in_use(&error));
    is_in_use(error) || error.kind() == io::ErrorKind::PermissionDenied && runs()
}

/// Opening a file does not block here.
pub(crate) fn open_at_once(_: &mut OpenOptions) {}

/// A file takes the rights of its folder, and the user's folders are the user's alone.
pub(crate) fn create_for_owner_alone(_: &mut OpenOptions) {}

/// Runs this program, since no process becomes another one here.
pub(crate) fn turn_into(command: &mut Command) -> io::Result<i32> {
    // One that was ended by another process has a code too.
    Ok(command.status()?.code().unwrap_or(1))
}

/// What is neither file, folder nor link, in words: no folder holds such a thing.
pub(crate) fn special(_: FileType) -> Option<&'static str> {
    None
}

/// What may be run is told by its name here, not by its rights.
pub(crate) fn is_executable(_: &Metadata) -> bool {
    true
}

/// It takes a right that users lack.
#[cfg(test)]
pub(crate) const HAS_LINKS: bool = false;

/// Windows has no permission bits.
pub(crate) fn access(_: &Metadata) -> Access {
    Access::default()
}

pub(crate) fn mode(_: &Metadata) -> u32 {
    0
}

/// Who may change it stands in lists that are not read here.
pub(crate) fn is_guarded(_: &Metadata, _: &User) -> bool {
    true
}

/// Makes a file; nothing stands there.
pub(crate) fn new_file(path: &Path, _: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Rights are inherited from the folder.
pub(crate) fn set_mode(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

/// A new file belongs to the user who makes it, as do the other files of an environment.
pub(crate) fn take_owner(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Windows has no such call.
pub(crate) fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, path)
}

/// Windows sends no such signal: who closes the window or logs off is heard of as Ctrl-C is.
#[derive(Debug)]
pub struct Termination;

impl Termination {
    /// Nothing is held.
    pub fn hold() -> Option<Termination> {
        Some(Termination)
    }

    /// It never comes.
    pub fn then(self, _: impl FnOnce() + Send + 'static) {}
}

/// NTFS logs changes of names by itself; a folder cannot be opened for it.
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether [`settle`] makes files durable too, not only folders.
pub(crate) const SETTLES_AT_ONCE: bool = false;

/// Folders are made durable by the system itself.
pub(crate) fn settle(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes a folder, and those above it. In the user's own folders it inherits that only the user may enter.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Windows gives large pages to those alone who may lock memory.
pub(crate) fn prefer_large_pages(_: &mut [MaybeUninit<u8>]) {}

/// Fills the buffer from this offset, or fails.
pub(crate) fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let read = file.seek_read(buffer, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[read..];
        offset += read as u64;
    }
    Ok(())
}

/// Writes all of these bytes at this offset.
pub(crate) fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = file.seek_write(bytes, offset)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}

/// The standard library does not say whether a file has more names than one.
pub(crate) fn linked_identity(_: &Metadata) -> Option<Identity> {
    None
}

/// Nanoseconds since 1970, of the time of modification.
pub(crate) fn changed_ns(metadata: &Metadata) -> i64 {
    let modified = metadata.modified().ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or_default()
}

/// The standard library does not say.
pub(crate) fn inode(_: &Metadata) -> u64 {
    0
}

/// A group of its own, no window, and nothing of this process's environment but `SystemRoot`, without
/// which Python finds no random numbers.
pub(crate) fn set_apart(command: &mut Command, system_root: Option<&Path>) {
    command.env_clear().creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW);
    if let Some(root) = system_root {
        command.env("SystemRoot", root);
    }
}

/// Whether the process has ended. A handle keeps its number, so that reaping loses nothing.
pub(crate) fn has_ended(child: &mut Child) -> bool {
    !matches!(child.try_wait(), Ok(None))
}

/// Ends a process that was [`set_apart`], and it alone: for what it started it would take a job object.
pub(crate) fn kill_group(child: &mut Child) {
    let _ = child.kill();
}

/// The registry of this machine, read-only.
#[derive(Debug)]
struct System;

fn open(hive: Hive, key: &str) -> Option<RegKey> {
    let (root, access) = match hive {
        Hive::CurrentUser => (HKEY_CURRENT_USER, KEY_READ),
        Hive::LocalMachine64 => (HKEY_LOCAL_MACHINE, KEY_READ | KEY_WOW64_64KEY),
        Hive::LocalMachine32 => (HKEY_LOCAL_MACHINE, KEY_READ | KEY_WOW64_32KEY),
    };
    RegKey::predef(root).open_subkey_with_flags(key, access).ok()
}

impl Registry for System {
    fn subkeys(&self, hive: Hive, key: &str) -> Vec<String> {
        open(hive, key).map(|key| key.enum_keys().flatten().collect()).unwrap_or_default()
    }

    fn value(&self, hive: Hive, key: &str, name: &str) -> Option<String> {
        open(hive, key)?.get_value(name).ok()
    }
}

/// Sleeps for a moment, and not longer than `limit`: no word that processes share can be slept on here.
pub(crate) fn sleep_on(_: &AtomicU64, _: u64, limit: Duration) {
    std::thread::sleep(limit.min(Duration::from_millis(1)));
}

/// Nobody sleeps on a word.
pub(crate) fn wake_all(_: &AtomicU64) {}

/// No fence of another process reaches this one.
pub(crate) fn join_fences() -> bool {
    false
}

pub(crate) fn fence_everywhere() -> bool {
    false
}

/// An absolute path of this system, for tests: given as Unix has it.
#[cfg(test)]
pub(crate) fn rooted(path: &str) -> String {
    let drive = if path.starts_with('/') && !path.starts_with("//") { "C:" } else { "" };
    format!("{drive}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_forms() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(usual_form(Path::new(path)), expected.map(PathBuf::from), "{path}");
        };
        check(r"\\?\C:\a\b c", Some(r"C:\a\b c"));
        check(r"\\?\C:\", Some(r"C:\"));
        check(r"\\?\UNC\server\share\a", Some(r"\\server\share\a"));
        check(r"\\?\UNC\server\share\", Some(r"\\server\share\"));
        check(r"\\?\C:\nul.txt\a", None);
        check(r"\\?\C:\a.\b", None);
        check(r"\\?\C:\com1", None);
        check(r"\\?\C:\company", Some(r"C:\company"));
        check(r"\\?\Volume{1}\a", None);
        check(r"C:\a", None);
        check("a", None);
    }
}
