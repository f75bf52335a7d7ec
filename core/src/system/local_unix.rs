//! Streams between programs of one user, by a Unix socket in a folder of this user.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::host::User;

/// What the address of a socket holds of a path: 104 bytes on macOS, 108 on Linux, with the final zero.
const MOST_ADDRESS_BYTES: usize = if cfg!(target_os = "macos") { 103 } else { 107 };
/// Between two tries to connect, where others wait to be accepted.
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// Where a server listens: this socket.
pub(crate) fn address(folder: &Path, _name: &str) -> PathBuf {
    folder.join("control.sock")
}

/// Accepts streams.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// What is written there ends the wait.
    ended: PipeReader,
    end: PipeWriter,
}

impl Listener {
    /// Listens at a path, for this user alone. What stands there is removed: the caller knows that its owner
    /// is dead.
    pub(crate) fn bind(path: &Path) -> io::Result<Listener> {
        match std::fs::remove_file(path) {
            Err(error) if !crate::fs::missing(&error) => return Err(error),
            _ => {}
        }
        let (short, _folder) = short_name(path)?;
        let socket = UnixListener::bind(&short)?;
        // The folder lets nobody else in meanwhile.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        socket.set_nonblocking(true)?;
        let (ended, end) = io::pipe()?;
        Ok(Listener { socket, path: path.to_path_buf(), ended, end })
    }

    /// The next stream; `None` when [`Listener::end`] was called. Waits without a limit.
    pub(crate) fn accept(&self) -> io::Result<Option<Stream>> {
        loop {
            let mut waiting =
                [PollFd::new(&self.socket, PollFlags::IN), PollFd::new(&self.ended, PollFlags::IN)];
            match poll(&mut waiting, None) {
                Err(rustix::io::Errno::INTR) => continue,
                done => done?,
            };
            if !waiting[1].revents().is_empty() {
                return Ok(None);
            }
            match self.socket.accept() {
                Ok((socket, _)) => {
                    // Some systems hand it down from the listener.
                    socket.set_nonblocking(false)?;
                    return Ok(Some(Stream { socket }));
                }
                // Whoever it was has gone again.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends [`Listener::accept`], once and for all.
    pub(crate) fn end(&self) {
        // A pipe that is full was written to before.
        let _ = (&self.end).write(&[0]);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The user of this process, as the system writes it.
pub(crate) fn this_user() -> io::Result<String> {
    Ok(rustix::process::geteuid().as_raw().to_string())
}

/// One end of a stream.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: UnixStream,
}

impl Stream {
    /// Connects to the server at a path.
    pub(crate) fn connect(path: &Path, limit: Duration) -> io::Result<Stream> {
        let (short, _folder) = short_name(path)?;
        let address = SocketAddrUnix::new(short.as_path())?;
        let end = Instant::now() + limit;
        loop {
            let socket = rustix::net::socket_with(
                AddressFamily::UNIX,
                SocketType::STREAM,
                SocketFlags::empty(),
                None,
            )?;
            rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
            // A blocking one would wait without a limit where the server accepts nobody.
            rustix::io::ioctl_fionbio(&socket, true)?;
            match rustix::net::connect(&socket, &address) {
                Ok(()) => return Stream::of(socket),
                Err(rustix::io::Errno::AGAIN) if Instant::now() < end => {
                    std::thread::sleep(BETWEEN_TRIES);
                }
                Err(rustix::io::Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn of(socket: OwnedFd) -> io::Result<Stream> {
        let socket = UnixStream::from(socket);
        socket.set_nonblocking(false)?;
        Ok(Stream { socket })
    }

    /// Whether the other end is a process of this user, as the system knows it.
    pub(crate) fn is_of(&self, user: &User) -> io::Result<bool> {
        Ok(Some(peer(&self.socket)?) == user.uid)
    }

    /// Reads what comes within the limit; an error of the kind `TimedOut` when nothing does. 0 at the end.
    pub(crate) fn read(&self, buffer: &mut [u8], limit: Duration) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(limit.max(Duration::from_millis(1))))?;
        loop {
            match (&self.socket).read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read.map_err(timed_out),
            }
        }
    }

    /// Writes all of it within the limit.
    pub(crate) fn write(&self, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
        let end = Instant::now() + limit;
        while !bytes.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            self.socket.set_write_timeout(Some(left.max(Duration::from_millis(1))))?;
            match (&self.socket).write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(timed_out(error)),
            }
        }
        Ok(())
    }

    /// Ends both directions; who reads or writes gets an end or an error.
    pub(crate) fn close(&self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}

fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

/// A name that fits into an address, good while the folder is kept open.
fn short_name(path: &Path) -> io::Result<(PathBuf, Option<File>)> {
    if path.as_os_str().as_bytes().len() <= MOST_ADDRESS_BYTES {
        return Ok((path.to_path_buf(), None));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    if !cfg!(any(target_os = "linux", target_os = "android")) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidFilename,
            format!("a socket's path has {MOST_ADDRESS_BYTES} bytes at most on this system"),
        ));
    }
    let folder = File::open(folder)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_fd().as_raw_fd())).join(name);
    Ok((short, Some(folder)))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn peer(socket: &UnixStream) -> io::Result<u32> {
    Ok(rustix::net::sockopt::socket_peercred(socket)?.uid.as_raw())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn peer(socket: &UnixStream) -> io::Result<u32> {
    Ok(nix::unistd::getpeereid(socket)?.0.as_raw())
}
