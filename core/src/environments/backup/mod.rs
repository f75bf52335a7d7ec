//! One file with what the environments of a machine are, to come back to after the system was installed anew.
//!
//! ```text
//! before.aiosb                              an ordinary zip archive, for its user alone (0600)
//!     RECOVER.txt                           what to do without this program
//!     environments/01-api-venv/requirements.txt
//!     environments/01-api-venv/pyvenv.cfg
//!     environments/02-ml/conda-explicit.txt
//!     projects/01-api/uv.lock               what says beside a project what to install
//!     wheels/idna-3.7-py3-none-any.whl      what it was installed from, or is built again of it ([`Content::wheels`])
//!     snapshot.aios                         what was remembered last, an image of a context
//!     manifest.json                         all of it for programs ([`manifest`]), with the SHA-256 of each file
//! ```
//!
//! A zip, since each system opens one, its manifest is read without the rest, and wheels are stored as they are.
//! The comment of the archive has the SHA-256 of the manifest. It may be encrypted as a whole ([`sealed`]).
//!
//! - [`create`] writes one from an inspection. What is on disk is read, nothing is run.
//! - [`Backup`] reads one: untrusted, strict, bounded (`directory.rs`). Nothing is unpacked to paths that it names.
//! - [`restore`](restore) makes the environments again.
//!
//! Names and passwords in URLs are left out ([`without_secrets`]), and so are the variables of the process. What
//! else somebody wrote into a file beside a project is kept as it is.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::fs::ReadError;

mod checkout;
mod collect;
mod conda;
mod directory;
mod loose;
pub mod manifest;
mod originals;
pub mod places;
mod projects;
mod read;
mod rebuilt;
mod recover;
pub mod remembered;
mod requirements;
pub mod restore;
mod saved_path;
pub mod sealed;
mod secrets;
#[cfg(test)]
mod tests;
mod wheels;
mod write;

pub use checkout::Checkout;
pub use collect::{Content, Image, create};
pub use manifest::Manifest;
pub use read::{Backup, Damaged, Verified};
pub use saved_path::SavedPath;
pub use wheels::Work;

/// The name that files of backups end with.
pub const EXTENSION: &str = "aiosb";

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// "write", "rename", ...
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It cannot be opened.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A backup is never written over anything.
    #[error("`{}` is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It would have to be made in a folder that is not there.
    #[error("`{}` is no folder to put a file into", path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// What there is to say of this machine is more than is read again.
    #[error("`{}` would be larger than any backup that is read: name fewer environments", path.display())]
    TooMuch {
        /// The file.
        path: PathBuf,
    },
    /// It was asked to end.
    #[error("interrupted: there is no backup")]
    Stopped,
    /// Another kind of file.
    #[error("`{}` is no backup", path.display())]
    NotABackup {
        /// The file.
        path: PathBuf,
    },
    /// It begins as a backup does.
    #[error("`{}` does not end as a backup does: it was cut short, or something was added", path.display())]
    NoEnd {
        /// The file.
        path: PathBuf,
    },
    /// It is encrypted, and the key to it was not given.
    #[error(
        "`{}` is encrypted {}",
        path.display(),
        if *by_passphrase { "with a passphrase" } else { "for somebody's key" }
    )]
    Encrypted {
        /// The file.
        path: PathBuf,
        /// Whether a passphrase opens it; else an identity does.
        by_passphrase: bool,
    },
    /// It is encrypted with another passphrase, or for others.
    #[error("`{}` does not open with this: it was encrypted otherwise, or its beginning was changed", path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// Making its key of a passphrase would take too long, and too much memory.
    #[error("`{}` asks for 2^{power} rounds to make a key of the passphrase, more than any backup", path.display())]
    TooMuchWork {
        /// The file.
        path: PathBuf,
        /// Of two.
        power: u8,
    },
    /// A newer program wrote it.
    #[error("`{}` is of a newer program: its manifest is `{schema}`", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// What it says that it is.
        schema: String,
    },
    /// It is not what was written, or was never written by this program.
    #[error("`{}` is damaged or forged: it {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, as the end of a sentence.
        what: String,
    },
}

/// A text without the names and passwords in its URLs.
pub fn without_secrets(text: &[u8]) -> Cow<'_, [u8]> {
    secrets::without(text)
}
