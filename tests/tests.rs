//! The integration suite: one binary, everything through the public interfaces.
//!
//! What a system lacks is in modules named after the others (`cli::unix`), with the reason at each test.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// Builders: a home folder, base installations, environments, and every way to break one.
mod support;

/// The environment that was chosen, and commands in it.
mod active;
/// Backups: one file of what the environments are.
mod backup;
/// Each way to break an environment is found, by its code, and nothing else is.
mod breakage;
/// The context buffer that processes share: writers and readers that are killed or stopped, and another language.
mod buffer;
/// The C interface: its header, its symbols, and programs in C and C++.
mod c_abi;
/// The program: exit codes, output, odd names, interrupts, a hostile or empty machine.
mod cli;
/// The C# assemblies: compiled, and their tests run.
mod csharp;
/// What the engine records, and the stories that it tells of it.
mod engine;
/// Lists of environments of another program.
mod exchange;
/// Which module may use which, and what the core never does.
mod layers;
/// What is remembered: snapshots, their differences, the history of an environment.
mod memory;
/// Whatever stands beside a healthy environment does not keep it from being found.
mod neighbours;
/// Wheels that are fetched, with a real pip.
mod network;
/// Which code and which tests are for one system alone.
mod platforms;
/// The published state: killed publishers and readers, other users, full memory, readers in another language.
mod publish;
/// The commands of README.md do what it shows.
mod readme;
/// Environments that are made anew, with a real Python.
mod recreate;
/// What `aios repair` shows, changes and takes back.
mod repair;
/// The service: what changes on disk is told, one runs at a time, a day of it.
mod service;
/// The store of a context: killed writers, readers in another language.
mod store;
/// What `aios watch` shows while a service publishes, and while none does.
mod watch;
/// Real Pythons of Windows: they run there (or under Wine), and nowhere else.
#[cfg(windows)]
mod windows;
