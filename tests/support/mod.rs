//! Builders. Environments are made of files and links; no interpreter is needed or run.

mod breakages;
mod environment;
mod home;

pub(crate) use breakages::{BREAKAGES, Breakage, Look, NOT_BUILT};
pub(crate) use environment::{Base, Distribution, Venv, set_mode, write};
pub(crate) use home::{Answer, Home};
