//! Streams between programs of one user, by a named pipe that only this user may open, and on this machine.

use std::ffi::OsStr;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{
    ERROR_BROKEN_PIPE, ERROR_IO_PENDING, ERROR_NO_DATA, ERROR_PIPE_BUSY, ERROR_PIPE_CONNECTED,
    ERROR_PIPE_NOT_CONNECTED, GENERIC_READ, GENERIC_WRITE, HANDLE, INVALID_HANDLE_VALUE, LocalFree,
    WAIT_OBJECT_0, WAIT_TIMEOUT,
};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{
    GetTokenInformation, PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES, TOKEN_QUERY, TOKEN_USER,
    TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, OPEN_EXISTING,
    PIPE_ACCESS_DUPLEX, ReadFile, SECURITY_IDENTIFICATION, SECURITY_SQOS_PRESENT, WriteFile,
};
use windows_sys::Win32::System::IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED};
use windows_sys::Win32::System::Pipes::{
    ConnectNamedPipe, CreateNamedPipeW, GetNamedPipeClientProcessId, GetNamedPipeServerProcessId,
    PIPE_READMODE_BYTE, PIPE_REJECT_REMOTE_CLIENTS, PIPE_TYPE_BYTE, PIPE_UNLIMITED_INSTANCES,
    PIPE_WAIT,
};
use windows_sys::Win32::System::Threading::{
    CreateEventW, GetCurrentProcess, INFINITE, OpenProcess, OpenProcessToken,
    PROCESS_QUERY_LIMITED_INFORMATION, SetEvent, WaitForMultipleObjects, WaitForSingleObject,
};

use crate::host::User;

/// What the system keeps of a stream in each direction.
const BUFFER_BYTES: u32 = 64 << 10;
/// Between two tries to connect, where the server has not come round to the next one yet.
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// Where a server listens: a pipe of this name.
pub(crate) fn address(_folder: &Path, name: &str) -> PathBuf {
    PathBuf::from(format!(r"\\.\pipe\{name}"))
}

/// Accepts streams.
#[derive(Debug)]
pub(crate) struct Listener {
    name: Vec<u16>,
    /// The end that the next stream connects to.
    next: Mutex<Option<OwnedHandle>>,
    ended: Event,
}

impl Listener {
    /// Listens at the name of a pipe, for this user alone. Nobody else may have made it.
    pub(crate) fn bind(path: &Path) -> io::Result<Listener> {
        let name = wide(path.as_os_str());
        let first = make_pipe(&name, FILE_FLAG_FIRST_PIPE_INSTANCE)?;
        Ok(Listener { name, next: Mutex::new(Some(first)), ended: Event::new()? })
    }

    /// The next stream; `None` when [`Listener::end`] was called. Waits without a limit.
    pub(crate) fn accept(&self) -> io::Result<Option<Stream>> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = match next.take() {
            Some(pipe) => pipe,
            None => make_pipe(&self.name, 0)?,
        };
        let connected = Event::new()?;
        let mut overlapped = OVERLAPPED { hEvent: connected.raw(), ..OVERLAPPED::default() };
        // SAFETY: the handle is a pipe's and open; `overlapped` and its event live until the call ended, which
        // is waited for below in each case.
        let done = unsafe { ConnectNamedPipe(pipe.as_raw_handle(), &mut overlapped) };
        let error = io::Error::last_os_error();
        if done == 0 && is(&error, ERROR_IO_PENDING) {
            let handles = [connected.raw(), self.ended.raw()];
            // SAFETY: both are events that live here.
            let woken = unsafe { WaitForMultipleObjects(2, handles.as_ptr(), 0, INFINITE) };
            if woken != WAIT_OBJECT_0 {
                cancel(&pipe, &overlapped);
                let _ = ended(&pipe, &overlapped);
                return Ok(None);
            }
            ended(&pipe, &overlapped)?;
        } else if done == 0 && !is(&error, ERROR_PIPE_CONNECTED) {
            return Err(error);
        }
        // Before the stream is served: without it nobody could connect.
        *next = make_pipe(&self.name, 0).ok();
        Ok(Some(Stream::of(pipe, true)))
    }

    /// Ends [`Listener::accept`], once and for all.
    pub(crate) fn end(&self) {
        // SAFETY: the event lives here.
        unsafe { SetEvent(self.ended.raw()) };
    }
}

/// One end of a stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pipe: OwnedHandle,
    is_server: bool,
    closed: AtomicBool,
}

impl Stream {
    /// Connects to the server of a pipe.
    pub(crate) fn connect(path: &Path, limit: Duration) -> io::Result<Stream> {
        let name = wide(path.as_os_str());
        let end = Instant::now() + limit;
        loop {
            // The server may learn who we are, and not act as us.
            let flags = FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION;
            // SAFETY: the name ends with a zero and lives here; the other pointers may be null.
            let handle = unsafe {
                CreateFileW(
                    name.as_ptr(),
                    GENERIC_READ | GENERIC_WRITE,
                    0,
                    ptr::null(),
                    OPEN_EXISTING,
                    flags,
                    ptr::null_mut(),
                )
            };
            if handle != INVALID_HANDLE_VALUE {
                // SAFETY: it is open and nobody else's.
                return Ok(Stream::of(unsafe { OwnedHandle::from_raw_handle(handle) }, false));
            }
            let error = io::Error::last_os_error();
            if !is(&error, ERROR_PIPE_BUSY) {
                return Err(error);
            }
            if Instant::now() >= end {
                return Err(io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
    }

    fn of(pipe: OwnedHandle, is_server: bool) -> Stream {
        Stream { pipe, is_server, closed: AtomicBool::new(false) }
    }

    /// Whether the other end is a process of this user, as the system knows it.
    pub(crate) fn is_of(&self, _: &User) -> io::Result<bool> {
        let mut pid = 0;
        let pipe = self.pipe.as_raw_handle();
        // SAFETY: the handle is a pipe's and open; `pid` lives here.
        let done = unsafe {
            match self.is_server {
                true => GetNamedPipeClientProcessId(pipe, &mut pid),
                false => GetNamedPipeServerProcessId(pipe, &mut pid),
            }
        };
        checked(done)?;
        // SAFETY: no pointers; the handle is checked and then nobody else's.
        let process = unsafe {
            let process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid);
            if process.is_null() {
                return Err(io::Error::last_os_error());
            }
            OwnedHandle::from_raw_handle(process)
        };
        // SAFETY: the handle of this process is always good.
        let own = unsafe { GetCurrentProcess() };
        Ok(user_of(process.as_raw_handle())? == user_of(own)?)
    }

    /// Reads what comes within the limit; an error of the kind `TimedOut` when nothing does. 0 at the end.
    pub(crate) fn read(&self, buffer: &mut [u8], limit: Duration) -> io::Result<usize> {
        let read = self.transfer(limit, |pipe, overlapped| {
            let length = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
            // SAFETY: the buffer has this length, and `transfer` waits for the end of the call.
            unsafe { ReadFile(pipe, buffer.as_mut_ptr(), length, ptr::null_mut(), overlapped) }
        });
        match read {
            Err(error)
                if [ERROR_BROKEN_PIPE, ERROR_PIPE_NOT_CONNECTED, ERROR_NO_DATA]
                    .iter()
                    .any(|code| is(&error, *code)) =>
            {
                Ok(0)
            }
            read => read,
        }
    }

    /// Writes all of it within the limit.
    pub(crate) fn write(&self, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
        let end = Instant::now() + limit;
        while !bytes.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            let written = self.transfer(left, |pipe, overlapped| {
                let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                // SAFETY: as in `read`.
                unsafe { WriteFile(pipe, bytes.as_ptr(), length, ptr::null_mut(), overlapped) }
            })?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Ends what waits in both directions. What was written may still be read by the other end.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        // SAFETY: the handle is open; null means everything that waits.
        unsafe { CancelIoEx(self.pipe.as_raw_handle(), ptr::null()) };
    }

    /// Begins a call, and waits for its end or ends it at the limit.
    fn transfer(
        &self,
        limit: Duration,
        begin: impl FnOnce(HANDLE, *mut OVERLAPPED) -> i32,
    ) -> io::Result<usize> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let event = Event::new()?;
        let mut overlapped = OVERLAPPED { hEvent: event.raw(), ..OVERLAPPED::default() };
        if begin(self.pipe.as_raw_handle(), &mut overlapped) == 0 {
            let error = io::Error::last_os_error();
            if !is(&error, ERROR_IO_PENDING) {
                return Err(error);
            }
        }
        let limit_ms = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX - 1).max(1);
        // SAFETY: the event lives here.
        let woken = unsafe { WaitForSingleObject(event.raw(), limit_ms) };
        if woken == WAIT_OBJECT_0 {
            return ended(&self.pipe, &overlapped);
        }
        cancel(&self.pipe, &overlapped);
        // It may have ended just then.
        match ended(&self.pipe, &overlapped) {
            Err(_) if woken == WAIT_TIMEOUT => Err(io::ErrorKind::TimedOut.into()),
            done => done,
        }
    }
}

fn cancel(pipe: &OwnedHandle, overlapped: &OVERLAPPED) {
    // SAFETY: the handle is open; the call that this belongs to is still waited for.
    unsafe { CancelIoEx(pipe.as_raw_handle(), overlapped) };
}

/// Waits until a call has ended, so that its memory is its own again; how many bytes it moved.
fn ended(pipe: &OwnedHandle, overlapped: &OVERLAPPED) -> io::Result<usize> {
    let mut moved = 0;
    // SAFETY: handle and pointers live here; 1 means that it waits.
    let done = unsafe { GetOverlappedResult(pipe.as_raw_handle(), overlapped, &mut moved, 1) };
    checked(done)?;
    Ok(moved as usize)
}

/// One more end of a pipe. `first` fails where there is one already.
fn make_pipe(name: &[u16], first: u32) -> io::Result<OwnedHandle> {
    let rights = Rights::of_this_user()?;
    let attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: rights.descriptor(),
        bInheritHandle: 0,
    };
    // SAFETY: the name ends with a zero; it and the attributes live during the call.
    let handle = unsafe {
        CreateNamedPipeW(
            name.as_ptr(),
            PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | first,
            PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
            PIPE_UNLIMITED_INSTANCES,
            BUFFER_BYTES,
            BUFFER_BYTES,
            0,
            &attributes,
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open and nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Everything for this user, and nothing for anybody else.
pub(super) struct Rights(PSECURITY_DESCRIPTOR);

impl Rights {
    pub(super) fn of_this_user() -> io::Result<Rights> {
        let user = this_user()?;
        // Who runs it as an administrator would otherwise leave it to all of them.
        let text = wide(OsStr::new(&format!("O:{user}D:P(A;;GA;;;{user})")));
        let mut descriptor = ptr::null_mut();
        // SAFETY: the text ends with a zero; the result is freed by `drop`.
        let done = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &mut descriptor,
                ptr::null_mut(),
            )
        };
        checked(done)?;
        Ok(Rights(descriptor))
    }

    /// Good as long as this lives.
    pub(super) fn descriptor(&self) -> PSECURITY_DESCRIPTOR {
        self.0
    }
}

impl Drop for Rights {
    fn drop(&mut self) {
        // SAFETY: the system made it, and it is freed once.
        unsafe { LocalFree(self.0.cast()) };
    }
}

/// The user of this process, as the system writes it.
pub(crate) fn this_user() -> io::Result<String> {
    // SAFETY: the handle of this process is always good.
    user_of(unsafe { GetCurrentProcess() })
}

/// The user of a process, as the system writes it: `S-1-5-21-...`.
fn user_of(process: HANDLE) -> io::Result<String> {
    let mut token = ptr::null_mut();
    // SAFETY: `token` lives here, and is checked and then nobody else's.
    let token = unsafe {
        checked(OpenProcessToken(process, TOKEN_QUERY, &mut token))?;
        OwnedHandle::from_raw_handle(token)
    };
    // Of words, since it begins with a pointer. The longest identity has 68 bytes.
    let mut buffer = [0_u64; 32];
    let mut length = 0;
    // SAFETY: the buffer has this many bytes.
    let done = unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            buffer.as_mut_ptr().cast(),
            size_of_val(&buffer) as u32,
            &mut length,
        )
    };
    checked(done)?;
    // SAFETY: the call above filled in a `TOKEN_USER`, whose identity stands in the same buffer, which is
    // aligned for it.
    unsafe { text_of((*buffer.as_ptr().cast::<TOKEN_USER>()).User.Sid) }
}

/// A user as the system writes it.
///
/// # Safety
///
/// It is an identity that the system filled in, and lives during the call.
pub(super) unsafe fn text_of(identity: PSID) -> io::Result<String> {
    let mut text = ptr::null_mut();
    // SAFETY: the caller promises the identity. The text ends with a zero, and is freed once.
    unsafe {
        checked(ConvertSidToStringSidW(identity, &mut text))?;
        let length = (0..).take_while(|at| *text.add(*at) != 0).count();
        let user = String::from_utf16_lossy(std::slice::from_raw_parts(text, length));
        LocalFree(text.cast());
        Ok(user)
    }
}

/// Something to wait for.
#[derive(Debug)]
struct Event(OwnedHandle);

impl Event {
    fn new() -> io::Result<Event> {
        // SAFETY: both pointers may be null; the handle is checked and then nobody else's.
        unsafe {
            let event = CreateEventW(ptr::null(), 1, 0, ptr::null());
            if event.is_null() {
                return Err(io::Error::last_os_error());
            }
            Ok(Event(OwnedHandle::from_raw_handle(event)))
        }
    }

    fn raw(&self) -> HANDLE {
        self.0.as_raw_handle()
    }
}

pub(super) fn checked(done: i32) -> io::Result<()> {
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code as i32)
}

/// With a zero at its end.
pub(super) fn wide(text: &OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}
