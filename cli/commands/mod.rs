//! One file for each command, and what they share: where to look, and how they end.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use aios_core::fs::ReadError;
use aios_core::live::{self, instance};
use aios_core::{control, segment};

use crate::args::{Args, Command};
use crate::output::text::{quoted, shown};
use crate::output::time::local as local_time;

mod active;
mod backup;
mod check;
mod export;
mod find;
mod history;
mod import;
mod memory;
mod probe;
mod recall;
mod remember;
mod repair;
mod run;
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
    /// A path that should name one holds so many.
    ManyEnvironments(PathBuf, usize),
    /// It does not work; why, and what to do.
    Broken { prefix: PathBuf, why: String, hint: String },
    /// No environment was chosen, or named.
    NoneActive,
    /// No folder of the search path has a program of this name.
    NoProgram(OsString),
    /// A program that the system does not start.
    Start(PathBuf, io::Error),
    /// Nothing can be said of what is remembered.
    Memory(memory::Error),
    /// A backup could not be written or read.
    Backup(aios_core::environments::backup::Error),
    /// A list that cannot be read.
    Unreadable(ReadError),
    /// A file that is no list of environments; why.
    NotAList(PathBuf, String),
    /// None was made unasked in this folder, or none of them is whole.
    NoBackup(PathBuf),
    /// There is no key to one.
    Key(backup::key::Error),
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

impl From<backup::key::Error> for Error {
    fn from(error: backup::key::Error) -> Error {
        Error::Key(error)
    }
}

impl Error {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Error::Host(_) => Some("change to a folder that exists"),
            Error::Output(_) | Error::Start(..) => None,
            Error::ManyEnvironments(..) => Some("name one of them, as `aios find PATH` lists them"),
            Error::Broken { hint, .. } => Some(hint),
            Error::NoneActive => {
                Some("`--env PATH` names an environment, `aios active set PATH` chooses one")
            }
            Error::NoProgram(_) => Some("install it into the environment, or give its path"),
            Error::NoSuchPath(_) | Error::NoEnvironment(_) => {
                Some("`aios find` lists the environments of this machine")
            }
            Error::VerifyWithoutName(_) => {
                Some("name the environments, as `aios find` lists them, or leave `--verify` out")
            }
            Error::Memory(error) => error.hint(),
            Error::Backup(error) => backup::hint(error),
            Error::Unreadable(_) | Error::NotAList(..) => {
                Some("`aios import` reads `python_environments.json` and its backups")
            }
            Error::NoBackup(_) => Some(
                "name a file; `aios serve` makes a backup each day while it runs, `aios backup create FILE` \
                 makes one now",
            ),
            Error::Key(error) => error.hint(),
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
            Error::ManyEnvironments(path, count) => {
                write!(f, "{} holds {count} environments", quoted(path))
            }
            Error::Broken { prefix, why, .. } => {
                write!(f, "{} is broken: {}", quoted(prefix), shown(why))
            }
            Error::NoneActive => f.write_str("no environment is active"),
            Error::NoProgram(name) => {
                write!(f, "`{}` is neither in the environment nor in `PATH`", shown(name))
            }
            Error::Start(path, source) => write!(f, "cannot start {}: {source}", quoted(path)),
            Error::Memory(error) => error.fmt(f),
            Error::Backup(error) => f.write_str(&shown(error.to_string())),
            Error::Unreadable(error) => f.write_str(&shown(error.to_string())),
            Error::NotAList(path, why) => write!(f, "{} {}", quoted(path), shown(why)),
            Error::NoBackup(folder) => write!(f, "no whole backup is in {}", quoted(folder)),
            Error::Key(error) => error.fmt(f),
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
        Command::Active(args) => active::run(args),
        Command::Run(args) => run::run(args),
        Command::Import(args) => import::run(args),
        Command::Export(args) => export::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Status(args) => status::run(args),
        Command::Watch(args) => watch::run(args),
    }
}
