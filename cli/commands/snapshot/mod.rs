//! `aios snapshot`: states that are kept, compared and brought back. One file for each subcommand.

use super::{Error, Exit, memory, repair, scope};
use crate::args::Snapshot;

mod diff;
mod list;
mod prune;
mod restore;
mod show;
mod take;
mod verify;

pub(super) fn run(args: &Snapshot) -> Result<Exit, Error> {
    match args {
        Snapshot::Take(args) => take::run(args),
        Snapshot::List(args) => list::run(args),
        Snapshot::Show(args) => show::run(args),
        Snapshot::Diff(args) => diff::run(args),
        Snapshot::Restore(args) => restore::run(args),
        Snapshot::Prune(args) => prune::run(args),
        Snapshot::Verify(args) => verify::run(args),
    }
}
