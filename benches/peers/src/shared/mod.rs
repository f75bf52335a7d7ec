//! What processes share: the published state.

mod state;

pub use state::run as run_state;
