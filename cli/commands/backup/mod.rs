//! `aios backup`: one file of what the environments are, and the way back. One file for each subcommand.

use std::io;

use aios_core::environments::backup;

use super::{Error, Exit, memory, remember, scope};
use crate::args::Backup;

mod create;
pub(super) mod key;
mod restore;
pub(super) mod rolling;
mod show;
mod verify;

pub(super) fn run(args: &Backup) -> Result<Exit, Error> {
    let ended = match args {
        Backup::Create(args) => create::run(args),
        Backup::Show(args) => show::run(args),
        Backup::Verify(args) => verify::run(args),
        Backup::Restore(args) => restore::run(args),
    };
    match ended {
        // Ctrl-C where a passphrase was asked for.
        Err(Error::Key(key::Error::Typed(source)))
            if source.kind() == io::ErrorKind::Interrupted =>
        {
            Ok(Exit::Interrupted)
        }
        ended => ended,
    }
}

/// What the user can do about it.
pub(super) fn hint(error: &backup::Error) -> Option<&'static str> {
    use backup::Error;
    match error {
        Error::Exists { .. } => {
            Some("choose another name: `aios backup create` never writes over anything")
        }
        Error::NoFolder { .. } => Some("make the folder first, or choose another one"),
        Error::NotABackup { .. } => Some("`aios backup create FILE` makes one"),
        Error::NoEnd { .. } | Error::Damaged { .. } => Some(
            "take another copy of it, or an older backup; what is whole in it can be unpacked by any \
             program for zip archives",
        ),
        Error::Encrypted { by_passphrase: true, .. } => Some(
            "`--passphrase-file FILE` reads the passphrase from the first line of a file, and of `-` from stdin; \
             on a terminal it is asked for",
        ),
        Error::Encrypted { by_passphrase: false, .. } => {
            Some("`--identity FILE` names the file of `age-keygen` with the key")
        }
        Error::WrongKey { .. } => Some("try another passphrase or key; nothing was changed"),
        Error::TooMuchWork { .. } => {
            Some("if you trust it, decrypt it first: `age --decrypt -o before.aiosb FILE`")
        }
        Error::TooNew { .. } => Some("use the aios that wrote it, or a newer one"),
        _ => None,
    }
}
