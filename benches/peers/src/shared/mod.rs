//! What processes share: the ring of records, and the published state.

mod ring;
mod state;

pub use ring::{append_for, run as run_ring};
pub use state::run as run_state;
