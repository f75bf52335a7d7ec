//! Indices over what is remembered.

pub mod fractal;
pub mod holographic;
