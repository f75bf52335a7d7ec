//! What processes share: the ring of records.

mod ring;

pub use ring::{append_for, run as run_ring};
