//! The integration suite: one binary, everything through the public interfaces.
//!
//! Environments are built of links and modes, so all but `layers` needs a Unix.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// Builders: a home folder, base installations, environments, and every way to break one.
#[cfg(unix)]
mod support;

/// Each way to break an environment is found, by its code, and nothing else is.
#[cfg(unix)]
mod breakage;
/// The program: exit codes, output, odd names, interrupts, a hostile or empty machine.
#[cfg(unix)]
mod cli;
/// Which module may use which, and what the core never does.
mod layers;
/// Whatever stands beside a healthy environment does not keep it from being found.
#[cfg(unix)]
mod neighbours;
/// The commands of README.md do what it shows.
#[cfg(unix)]
mod readme;
