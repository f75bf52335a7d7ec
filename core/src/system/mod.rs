//! What the operating systems call differently: one file for each, with the same names in it.
//!
//! A question about a machine that may be another one (a fabricated host, an environment that was
//! copied here) is asked of [`crate::Host::platform`] or of the environment's layout, not here.

#[cfg(unix)]
mod process_unix;
#[cfg(windows)]
mod process_windows;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use process_unix::*;
#[cfg(windows)]
pub(crate) use process_windows::*;
#[cfg(unix)]
pub use unix::Termination;
#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(windows)]
pub use windows::Termination;
#[cfg(windows)]
pub(crate) use windows::*;

/// Streams between programs of one user.
#[cfg_attr(unix, path = "local_unix.rs")]
#[cfg_attr(windows, path = "local_windows.rs")]
#[cfg_attr(
    windows,
    expect(unsafe_code, reason = "pipes are made and waited for by calls of the system")
)]
pub(crate) mod local;

/// Memory with names, which processes of one user share.
#[cfg_attr(unix, path = "named_unix.rs")]
#[cfg_attr(windows, path = "named_windows.rs")]
#[expect(unsafe_code, reason = "a mapping of shared memory may be used by any thread")]
pub(crate) mod named;

/// Why there is no mapping of a name.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The name is taken.
    Exists,
    /// Nothing has the name.
    Missing,
    /// It is another user's, or open to others.
    Foreign,
    /// The system has no memory for it.
    Full,
    /// The system refused.
    Refused(std::io::Error),
}
