//! The environments as a running `aios serve` publishes them.
//!
//! - [`source`] reads shared memory, and nothing else: pictures and events.
//! - [`picture`] is what was published, copied.
//! - [`model`] is what is shown of it, and what keys do.
//!
//! `cli/output/watch/` draws it, `cli/commands/watch.rs` is the loop.

pub(crate) mod model;
pub(crate) mod picture;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod source;
#[cfg(test)]
mod tests;
