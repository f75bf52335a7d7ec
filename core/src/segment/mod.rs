//! Named memory that processes of one user share, and the proof that a process lives.
//!
//! [`Place`] says where one instance of the service lives: the names of its segments, and its run folder
//! with locks and socket. [`Segment`] is a named run of bytes with a preamble that says what it holds;
//! [`Memory`] reads and writes it, or memory of this process alone. [`alive`] proves life and death.
//!
//! Nothing here knows what a segment holds beyond its preamble, nor how processes agree about it.
//!
//! ```text
//! 0   magic    8 bytes: what it holds
//! 8   version  u32, little-endian: of the layout of what it holds
//! 12  state    u32: 0 being made, 1 ready, 2 closed: its owner ended, or made another of this name
//! 16  length   u64: bytes of the segment; the system may round up what it maps
//! 24  made     u64: nanoseconds since 1970
//! 32  owner    u64: the process that made it, or took it over (see `alive::Process`)
//! 40  nothing, to 64
//! ```
//!
//! - A segment is of one user, 0600; one of another user, or one that others may write, is not mapped.
//! - Memory is reserved before it is mapped: a full `/dev/shm` is an error, never a signal.
//! - A name has one owner, who holds a lock. What a dead owner left is gone on with, or made anew; readers
//!   that have it mapped keep what they see.
//! - A mapping never shrinks: no segment is ever truncated.

use std::path::PathBuf;

pub mod alive;
mod mapped;
#[expect(unsafe_code, reason = "reads and writes what other processes read and write")]
mod memory;
mod place;
#[cfg(test)]
mod tests;
mod words;

pub use mapped::{Kind, Made, PREAMBLE_BYTES, Segment, State};
pub use memory::Memory;
pub(crate) use memory::{copy_words, prefetch};
pub use place::{Place, What};
pub use words::Words;

/// Why there is no such segment, or place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody has made it.
    #[error("there is no shared memory `{name}`: nothing publishes there; start `aios serve`")]
    Missing {
        /// Its name.
        name: String,
    },
    /// It was made, and is not ready after several tries.
    #[error(
        "the shared memory `{name}` is not ready yet; its maker may have ended: start `aios serve` again"
    )]
    NotReady {
        /// Its name.
        name: String,
    },
    /// A living process owns it.
    #[error("the shared memory `{name}` is in use by {}; end that first", said(*.pid))]
    Owned {
        /// Its name.
        name: String,
        /// Who, where it is known.
        pid: Option<u32>,
    },
    /// Another user's, or open to others.
    #[error(
        "`{name}` belongs to another user or is open to others, and is not used; remove it, or set AIOS_HOME to a folder of your own"
    )]
    Foreign {
        /// The segment or folder.
        name: String,
    },
    /// It holds something else, or a layout of another version.
    #[error(
        "the shared memory `{name}` {what}; end the programs that use it, and start `aios serve` of this version"
    )]
    Unfit {
        /// Its name.
        name: String,
        /// How.
        what: String,
    },
    /// The system has no memory for it.
    #[error(
        "there are no {bytes} bytes of shared memory left for `{name}`; free some (on Linux in `/dev/shm`), or ask for less"
    )]
    Full {
        /// Its name.
        name: String,
        /// What was asked for.
        bytes: usize,
    },
    /// All rows of a table are held by living processes.
    #[error("all {rows} places for {what} are taken by living processes; end one of them")]
    NoRow {
        /// How many there are.
        rows: u32,
        /// "readers", "writers".
        what: &'static str,
    },
    /// The system refused.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// "make", "lock", ...
        what: &'static str,
        /// The segment, folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn said(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
