//! What a backup is encrypted with, and what opens it: files that the user names, or a passphrase that is typed.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use aios_core::Host;
use aios_core::environments::backup::sealed::{Identity, Key, Lock, Passphrase};
use aios_core::environments::backup::{self, Backup};

use super::rolling;
use crate::args::backup::{Create, Unlock};
use crate::interrupt;
use crate::output::text::quoted;

/// Of a file with a passphrase or with keys.
const MAX_BYTES: u64 = 64 * 1024;
const STDIN: &str = "-";

/// Why there is no key.
#[derive(Debug)]
pub(crate) enum Error {
    /// Nobody is there to type a passphrase.
    NoTerminal,
    /// The terminal cannot be read.
    Typed(io::Error),
    /// The second time it was another one.
    TwoPassphrases,
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// The first line of a file, or what was typed, is empty.
    Empty(Option<PathBuf>),
    /// A line of a file is no key; of line 0, none is.
    NoIdentity(PathBuf, usize),
}

impl Error {
    pub(crate) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Error::NoTerminal => {
                "`--passphrase-file FILE` reads it from the first line of a file, and of `-` from stdin"
            }
            Error::NoIdentity(..) => "`age-keygen` makes files with keys (`AGE-SECRET-KEY-1...`)",
            Error::TwoPassphrases | Error::Empty(_) => "nothing was written: try it again",
            Error::Typed(_) | Error::Unreadable(..) => return None,
        })
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::NoTerminal => {
                f.write_str("a passphrase is needed, and there is no terminal to ask on")
            }
            Error::Typed(source) => write!(f, "cannot read the passphrase: {source}"),
            Error::TwoPassphrases => f.write_str("the two passphrases differ"),
            Error::Unreadable(path, source) => write!(f, "cannot read {}: {source}", quoted(path)),
            Error::Empty(None) => f.write_str("the passphrase is empty"),
            Error::Empty(Some(path)) => write!(f, "the first line of {} is empty", quoted(path)),
            Error::NoIdentity(path, 0) => write!(f, "{} holds no key", quoted(path)),
            Error::NoIdentity(path, line) => {
                write!(f, "line {line} of {} is no key", quoted(path))
            }
        }
    }
}

/// What the arguments encrypt with, where they do. A passphrase is asked for twice.
pub(super) fn lock(host: &Host, args: &Create) -> Result<Option<Lock>, Error> {
    if !args.recipients.is_empty() {
        return Ok(Some(Lock::Recipients(args.recipients.clone())));
    }
    if let Some(file) = &args.passphrase_file {
        return of_file(host, file).map(Lock::Passphrase).map(Some);
    }
    if !args.encrypt {
        return Ok(None);
    }
    let first = typed("passphrase for the backup: ")?;
    if typed("the same again: ")? != first {
        return Err(Error::TwoPassphrases);
    }
    Ok(Some(Lock::Passphrase(Passphrase::from(first))))
}

/// Opens a backup; when it is encrypted, with what the arguments name, or with what is typed. Without a name it
/// is the newest one that was made unasked.
pub(super) fn open(
    host: &Host,
    file: Option<&Path>,
    unlock: &Unlock,
) -> Result<Backup, super::Error> {
    let Some(file) = file else { return rolling::newest(host) };
    let path = host.absolute(file);
    let key = given(host, unlock)?;
    match Backup::open(&path, key.as_ref()) {
        Err(backup::Error::Encrypted { by_passphrase: true, .. })
            if key.is_none() && io::stdin().is_terminal() =>
        {
            let key = Key::Passphrase(Passphrase::from(typed("passphrase of the backup: ")?));
            Ok(Backup::open(&path, Some(&key))?)
        }
        opened => Ok(opened?),
    }
}

fn given(host: &Host, unlock: &Unlock) -> Result<Option<Key>, Error> {
    if let Some(file) = &unlock.passphrase_file {
        return of_file(host, file).map(Key::Passphrase).map(Some);
    }
    let mut all = Vec::new();
    for file in &unlock.identities {
        let text = read(host, file)?;
        all.extend(Identity::all(&text).map_err(|line| Error::NoIdentity(file.clone(), line))?);
    }
    Ok((!all.is_empty()).then_some(Key::Identities(all)))
}

/// Its first line.
fn of_file(host: &Host, file: &Path) -> Result<Passphrase, Error> {
    let text = read(host, file)?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Passphrase::from(line.to_owned())),
        _ => Err(Error::Empty(Some(file.to_path_buf()))),
    }
}

/// All of it, also of what is no regular file: a shell gives secrets through pipes.
fn read(host: &Host, file: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let read = if file == Path::new(STDIN) {
        io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text)
    } else {
        File::open(host.absolute(file))
            .and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
    };
    read.map(|_| text).map_err(|source| Error::Unreadable(file.to_path_buf(), source))
}

/// What is typed on the terminal, which does not show it.
fn typed(question: &str) -> Result<String, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::NoTerminal);
    }
    match interrupt::left_to(|| rpassword::prompt_password(question)) {
        Ok(text) if text.is_empty() => Err(Error::Empty(None)),
        typed => typed.map_err(Error::Typed),
    }
}
