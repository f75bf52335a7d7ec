//! One file for each command, and what they share: where to look, and how they end.

use std::io;
use std::path::PathBuf;

use aios_core::live::{self, instance};
use aios_core::{control, segment};

use crate::args::{Args, Command};
use crate::output::text::{quoted, shown};
use crate::output::time::local as local_time;

mod backup;
mod check;
mod find;
mod history;
mod memory;
mod probe;
mod recall;
mod remember;
mod repair;
mod scope;
mod serve;
mod snapshot;
mod status;
mod watch;

/// How a command ends; the number is the exit code of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, and nothing to report.
    Fine = 0,
    /// Done, and something is not healthy.
    Findings = 1,
    /// Something that was asked for could not be done; stderr says what.
    Error = 2,
    /// Ended by Ctrl-C: 128 + SIGINT, as a shell reports it.
    Interrupted = 130,
}

/// Why a command could not be done at all.
#[derive(Debug)]
pub(crate) enum Error {
    /// The process has no usable surroundings (its current folder is gone).
    Host(io::Error),
    /// Stdout refused what was written; a closed pipe is not an error.
    Output(io::Error),
    /// `--probe` without a PATH.
    ProbeWithoutPath,
    /// `--verify` with PATHs that name no environment.
    VerifyWithoutName(Vec<PathBuf>),
    /// A PATH that does not exist.
    NoSuchPath(PathBuf),
    /// Nothing at or below these is an environment.
    NoEnvironment(Vec<PathBuf>),
    /// Nothing can be said of what is remembered.
    Memory(memory::Error),
    /// A backup could not be written or read.
    Backup(aios_core::environments::backup::Error),
    /// The service cannot be started.
    Serve(instance::Error),
    /// The folder of the service cannot be used.
    Place(segment::Error),
    /// The service cannot run.
    Live(live::Error),
    /// The service cannot be asked.
    Control(control::Error),
}

impl From<instance::Error> for Error {
    fn from(error: instance::Error) -> Error {
        match error {
            instance::Error::Engine(error) => Error::Memory(error.into()),
            instance::Error::Place(error) => Error::Place(error),
            error => Error::Serve(error),
        }
    }
}

impl From<segment::Error> for Error {
    fn from(error: segment::Error) -> Error {
        Error::Place(error)
    }
}

impl From<live::Error> for Error {
    fn from(error: live::Error) -> Error {
        Error::Live(error)
    }
}

impl From<control::Error> for Error {
    fn from(error: control::Error) -> Error {
        Error::Control(error)
    }
}

impl From<memory::Error> for Error {
    fn from(error: memory::Error) -> Error {
        Error::Memory(error)
    }
}

impl From<aios_core::environments::backup::Error> for Error {
    fn from(error: aios_core::environments::backup::Error) -> Error {
        Error::Backup(error)
    }
}

impl Error {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Error::Host(_) => Some("change to a folder that exists"),
            Error::Output(_) => None,
            Error::NoSuchPath(_) | Error::NoEnvironment(_) => {
                Some("`aios find` lists the environments of this machine")
            }
            Error::VerifyWithoutName(_) => {
                Some("name the environments, as `aios find` lists them, or leave `--verify` out")
            }
            Error::Memory(error) => error.hint(),
            Error::Backup(error) => backup::hint(error),
            Error::Serve(instance::Error::Runs(_)) => Some(
                "`aios status` says what it does, and `aios status --stop` ends it; another `AIOS_HOME` is \
                 another service",
            ),
            Error::Serve(_) => Some("let `AIOS_HOME` name a folder of your own"),
            Error::Live(live::Error::Listen { .. }) => {
                Some("let `AIOS_HOME` name a folder of your own with a shorter name")
            }
            // These say what to do.
            Error::Place(_) | Error::Live(_) => None,
            Error::Control(error) => Some(error.hint()),
            Error::ProbeWithoutPath => Some(
                "name the environments to start: `aios check --probe .venv`; the others are \
                 checked from their files",
            ),
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Host(source) => write!(f, "cannot tell the current folder: {source}"),
            Error::Output(source) => write!(f, "cannot write to stdout: {source}"),
            Error::NoSuchPath(path) => write!(f, "{} does not exist", quoted(path)),
            Error::NoEnvironment(paths) => {
                let paths: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
                write!(f, "{} holds no environment", paths.join(", "))
            }
            Error::VerifyWithoutName(paths) => {
                let paths: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
                write!(
                    f,
                    "`--verify` starts only environments that are named: {} is none",
                    paths.join(", ")
                )
            }
            Error::Memory(error) => error.fmt(f),
            Error::Backup(error) => f.write_str(&shown(error.to_string())),
            Error::Serve(instance::Error::Runs(Some(holder))) => write!(
                f,
                "a service runs already: process {}, since {}",
                holder.pid,
                local_time(holder.since_ms)
            ),
            Error::Serve(error) => f.write_str(&shown(error.to_string())),
            Error::Live(error) => f.write_str(&shown(error.to_string())),
            Error::Place(error) => f.write_str(&shown(error.to_string())),
            Error::Control(error) => f.write_str(&shown(error.to_string())),
            Error::ProbeWithoutPath => f.write_str(
                "`--probe` starts interpreters, and starts only those that you name: a PATH is \
                 missing",
            ),
        }
    }
}

/// Runs the command that was typed.
pub(crate) fn run(args: &Args) -> Result<Exit, Error> {
    match &args.command {
        Command::Find(args) => find::run(args),
        Command::Check(args) => check::run(args),
        Command::Repair(args) => repair::run(args),
        Command::Snapshot(args) => snapshot::run(args),
        Command::History(args) => history::run(args),
        Command::Recall(args) => recall::run(args),
        Command::Backup(args) => backup::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Status(args) => status::run(args),
        Command::Watch(args) => watch::run(args),
    }
}
