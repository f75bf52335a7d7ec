//! Indices over the blocks of a store.

pub mod fractal;
