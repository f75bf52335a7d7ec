//! The newest state of all environments, for every process of the user: one [`Publisher`], many [`Reader`]s.
//!
//! The state segment has slots. A publisher writes a free one and makes it current; a reader pins what is current
//! and reads it in place. Neither waits for the other, neither allocates, neither calls the system. Readers write to
//! a segment of their own, the rows; the state they map read-only. `docs/format.md` has both byte by byte.
//!
//! A pinned [`View`] guarantees: its bytes do not change until it is dropped, and stay mapped. That rests on
//! what `slots` says, and on programs of this user not writing to the state but by a publisher: segments are
//! the user's own, and writable for their owner.
//!
//! - A publisher trusts no byte of the rows: nonsense costs a slot at most.
//! - A row is freed on proven death of its owner (`segment::alive`), never because time has passed.
//! - With no free slot nothing is published, which is said; the caller publishes again later.
//! - A publisher that is killed leaves what it published last; the next one goes on with the same segment.
//!
//! [`environments`] is what is published: records, read in place.

pub mod environments;
mod layout;
#[expect(unsafe_code, reason = "writes a slot in place")]
mod publisher;
#[expect(unsafe_code, reason = "reads a slot in place")]
mod reader;
mod slots;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_model;

pub use layout::{PINS, ROWS, Shape};
pub use publisher::{Published, Publisher};
pub use reader::{Reader, View};

use crate::segment;

/// Why nothing can be published, or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The shared memory.
    #[error(transparent)]
    Segment(#[from] segment::Error),
    /// There is no such shape of a state.
    #[error("a state has 2 to 64 slots of at least one byte, not {slots} of {capacity}")]
    Shape {
        /// How many were asked for.
        slots: usize,
        /// Of how many bytes each.
        capacity: usize,
    },
    /// It does not fit into a slot.
    #[error(
        "{need} bytes do not fit into a slot of {capacity}; make the state anew with larger slots"
    )]
    TooLarge {
        /// Bytes of a slot.
        capacity: usize,
        /// Bytes of what was to be published.
        need: usize,
    },
    /// One reader has so many views at once, and no more.
    #[error("a reader has at most {PINS} views at once; drop one, or open another reader")]
    TooManyViews,
    /// The state says of itself what cannot be.
    #[error("the published state in `{name}` is damaged; start `aios serve` again")]
    Damaged {
        /// The segment.
        name: String,
    },
}
