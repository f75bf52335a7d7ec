//! Wheels on this machine: what is in one, what it is called, and where pip and uv keep them.
//!
//! Whatever is found is untrusted: names are parsed, sizes and numbers are bounded before anything of them is
//! read, and nothing is believed of a file but what its bytes show.

pub(in crate::environments) mod archive;
pub(in crate::environments) mod caches;
pub(in crate::environments) mod location;
pub(in crate::environments) mod name;
mod span;
