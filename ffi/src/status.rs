//! How errors become numbers, which never change, and words for people.

use std::fmt::Display;

use aios_core::environments::repair;
use aios_core::index::{fractal, holographic};
use aios_core::{engine, snapshot, store};

/// What became of a call. A number keeps its meaning for ever, and none is given twice.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum aios_status {
    /// It was done.
    Ok = 0,
    /// A defect of the library; handles stay valid.
    Panic = 1,
    /// A pointer is NULL that must not be.
    Null = 2,
    /// A handle is closed, of another type, or never was one.
    Handle = 3,
    /// The `struct_size` of a struct is none that a version of the library has.
    StructSize = 4,
    /// Another argument is not possible; the message says which and why.
    Argument = 5,
    /// What was asked for is not there: an index, an entry, a snapshot, an environment.
    NotFound = 6,
    /// Another process writes, or repairs the same environment.
    Busy = 7,
    /// The system refused.
    Io = 8,
    /// What is stored is damaged, cut short, or of something else.
    Damaged = 9,
    /// A later version of aios wrote it.
    TooNew = 10,
    /// A file or folder belongs to another user, or an entry to another store.
    Foreign = 11,
    /// There is no folder to remember things in.
    NoPlace = 12,
    /// What is asked for is not done: the environment is not one to repair, or it changed meanwhile.
    Refused = 13,
    /// A repair was interrupted, and is to be taken back or gone on with first.
    Interrupted = 14,
    /// `aios_progress_cancel` was called.
    Cancelled = 15,
}

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) status: aios_status,
    pub(crate) message: String,
    /// Empty when there is no advice.
    pub(crate) hint: &'static str,
}

impl Error {
    pub(crate) fn new(status: aios_status, message: impl Display, hint: &'static str) -> Error {
        Error { status, message: message.to_string(), hint }
    }

    pub(crate) fn null(what: &str) -> Error {
        Error::new(aios_status::Null, format_args!("{what} is NULL"), "")
    }

    pub(crate) fn handle(why: &str) -> Error {
        let hint = "a handle is valid from the call that puts it out until `aios_..._close`";
        Error::new(aios_status::Handle, format_args!("the handle {why}"), hint)
    }

    pub(crate) fn argument(message: impl Display) -> Error {
        Error::new(aios_status::Argument, message, "")
    }

    pub(crate) fn not_found(message: impl Display) -> Error {
        Error::new(aios_status::NotFound, message, "")
    }

    pub(crate) fn panic(function: &str, said: &str) -> Error {
        let hint = "this is a defect of aios: please report it with this message";
        Error::new(aios_status::Panic, format_args!("`{function}` panicked: {said}"), hint)
    }
}

/// What stands at an index of a list.
pub(crate) fn at<T>(all: &[T], index: usize) -> Result<&T, Error> {
    all.get(index).ok_or_else(|| beyond(index, all.len()))
}

/// There are not so many.
pub(crate) fn beyond(index: usize, count: usize) -> Error {
    Error::not_found(format_args!("there is no {index} of {count}"))
}

const DAMAGED: &str = "`aios snapshot verify` says what is damaged, and `--heal` mends what it can";
const ANEW: &str = "put a backup of it there, or move it away to begin anew";
const TOO_NEW: &str = "use the aios that wrote it, or open the engine with another folder";
const BUSY: &str = "try again when that process has ended, or with more `patience_ms`";

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Error {
        let (status, hint) = match &error {
            engine::Error::Snapshot(error) => of_snapshot(error),
            engine::Error::Recall(error) => of_index(error),
            engine::Error::Foreign { .. } => {
                (aios_status::Foreign, "open the engine with a folder of your own")
            }
            _ => (aios_status::Io, ""),
        };
        Error::new(status, error, hint)
    }
}

impl From<snapshot::Error> for Error {
    fn from(error: snapshot::Error) -> Error {
        engine::Error::from(error).into()
    }
}

impl From<fractal::Error> for Error {
    fn from(error: fractal::Error) -> Error {
        engine::Error::from(error).into()
    }
}

fn of_snapshot(error: &snapshot::Error) -> (aios_status, &'static str) {
    match error {
        snapshot::Error::Store(error) => of_store(error),
        snapshot::Error::Tree(error) => of_tree(error),
        snapshot::Error::NoSnapshot(_) => {
            (aios_status::NotFound, "`aios_snapshots_list` has the numbers")
        }
        _ => (aios_status::Damaged, DAMAGED),
    }
}

fn of_store(error: &store::Error) -> (aios_status, &'static str) {
    match error {
        store::Error::Busy { .. } => (aios_status::Busy, BUSY),
        store::Error::TooNew { .. } => (aios_status::TooNew, TOO_NEW),
        store::Error::Block(_) => (aios_status::Damaged, DAMAGED),
        store::Error::NotFormat { .. }
        | store::Error::Truncated { .. }
        | store::Error::Damaged { .. } => (aios_status::Damaged, ANEW),
        _ => (aios_status::Io, ""),
    }
}

fn of_tree(error: &fractal::Error) -> (aios_status, &'static str) {
    match error {
        fractal::Error::NodeCorrupt { .. } => (aios_status::Damaged, DAMAGED),
        fractal::Error::Foreign => (aios_status::Foreign, ""),
        _ => (aios_status::Argument, ""),
    }
}

fn of_index(error: &holographic::Error) -> (aios_status, &'static str) {
    match error {
        holographic::Error::TooNew { .. } => (aios_status::TooNew, TOO_NEW),
        holographic::Error::Busy { .. } => (aios_status::Busy, BUSY),
        _ => (aios_status::Io, ""),
    }
}

impl From<repair::Error> for Error {
    fn from(error: repair::Error) -> Error {
        use repair::Error::{
            Busy, Changed, InUse, Interrupted, Journal, Outside, SetId, Stopped, Unexpected,
        };
        let (status, hint) = match &error {
            Busy { .. } => (aios_status::Busy, "wait for that repair to end"),
            Unexpected { .. } => {
                (aios_status::Refused, "plan again: something else stands there now")
            }
            InUse { .. } => (aios_status::Busy, "end the program that uses it, and plan again"),
            Outside { .. } | SetId { .. } | Changed { .. } => (aios_status::Refused, ""),
            Interrupted { .. } => (
                aios_status::Interrupted,
                "`aios_repair_undo` takes it back, `aios repair --resume` goes on with it",
            ),
            Journal { .. } => (aios_status::Damaged, ""),
            Stopped => (aios_status::Cancelled, "it was taken back"),
            _ => (aios_status::Io, ""),
        };
        Error::new(status, error, hint)
    }
}
