//! Builders. Environments are made of files and links; no interpreter is needed or run, but
//! where a test asks for a real one.

mod breakages;
mod environment;
mod home;
pub(crate) mod python;
#[cfg_attr(unix, path = "system_unix.rs")]
#[cfg_attr(windows, path = "system_windows.rs")]
pub(crate) mod system;

pub(crate) use breakages::{Breakage, Look, breakages, not_built};
pub(crate) use environment::{Base, Distribution, Venv, write};
pub(crate) use home::{Answer, Home};
