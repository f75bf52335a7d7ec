//! The environments and what is wrong with them, as bytes that are read in place.
//!
//! A header, arrays of records of fixed size, a heap of strings; little-endian, offsets from the first byte. Sizes of
//! records stand in the header, so that later versions may append fields, and readers of before skip them.
//! `docs/format.md` has every byte.
//!
//! - [`encode`] writes them; [`Environments::of`] checks every offset, and every text, before anything is read.
//! - Texts are UTF-8. Paths are bytes as the system has them ([`Path`]): on Unix any, on Windows WTF-8.
//! - A text that is not there has offset 0; an empty one does not.

mod encode;
mod layout;
#[cfg(test)]
mod tests;
mod view;

pub use encode::{About, encode};
pub use layout::{
    ENVIRONMENT_BYTES, FINDING_BYTES, HEADER_BYTES, MAGIC, PROBLEM_BYTES, TEXT_BYTES, VERSION,
};
pub use view::{Counts, Environment, Environments, Finding, Found, NotEnvironments, Path, Problem};
