//! Builders. Environments are made of files and links; no interpreter is needed or run, but
//! where a test asks for a real one.

mod breakages;
mod cost;
mod environment;
mod home;
pub(crate) mod index;
mod machine;
mod peer;
pub(crate) mod python;
#[cfg_attr(unix, path = "system_unix.rs")]
#[cfg_attr(windows, path = "system_windows.rs")]
pub(crate) mod system;
#[cfg(unix)]
pub(crate) mod terminal;
#[cfg(target_os = "linux")]
pub(crate) mod tools;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) mod traced;
mod tree;

pub(crate) use breakages::{Breakage, Look, breakages, not_built};
pub(crate) use cost::allocations;
pub(crate) use environment::{Base, Distribution, Venv, line_of_record, write};
#[cfg(unix)]
pub(crate) use environment::{elf, pe};
pub(crate) use home::{Answer, Home};
pub(crate) use machine::Machine;
pub(crate) use peer::Peer;
pub(crate) use system::{stopped, without_system_calls};
#[cfg(unix)]
pub(crate) use tree::timeless;
pub(crate) use tree::{Tree, differences, tree};
