//! What the user who asks may not read, by the mode bits of files and folders.
//!
//! When root asks, everything is readable for the asking; then the question is whether the owner of
//! the environment can use it, and of an environment of root's own that stands open to everybody,
//! whether everybody can. Access control lists are not read: they can only give more than the
//! mode bits tell, so a file counts as unreadable only when opening it fails too, where that can be
//! tried. Windows has no mode bits, and nothing is judged there.

use super::{Report, Subject};

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    #[cfg(unix)]
    unix::check(subject, report);
    #[cfg(not(unix))]
    let _ = (subject, report);
}

#[cfg(unix)]
mod unix;

#[cfg(unix)]
pub use unix::Asker;
