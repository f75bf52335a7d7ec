//! What the operating systems call differently: one file for each, with the same names in it.
//!
//! A question about a machine that may be another one (a fabricated host, an environment that was
//! copied here) is asked of [`crate::Host::platform`] or of the environment's layout, not here.

#[cfg(unix)]
mod shared_unix;
#[cfg(windows)]
mod shared_windows;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use shared_unix::*;
#[cfg(windows)]
pub(crate) use shared_windows::*;
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
