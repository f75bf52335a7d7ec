//! Backups that only a passphrase or a key opens: the archive in the format of age, which `age` opens too.
//!
//! It is encrypted while it is written and decrypted while it is read, 64 KiB at a time: what is secret stands on
//! no disk. What was changed or cut short is noticed at the part where it was.
//!
//! age: <https://age-encryption.org/v1>.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use age::secrecy::SecretString;
use age::stream::{StreamReader, StreamWriter};
use age::{DecryptError, Decryptor, Encryptor, scrypt, x25519};

use super::Error;
use crate::system;

/// What a file of age begins with.
const AGE: &[u8] = b"age-encryption.org/";
/// A header has a few hundred bytes for each key.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Of two, the power that a passphrase costs: about a second and 256 MiB.
const WORK: u8 = 18;
/// A file that asks for more than 1 GiB would be refused its memory, or take all.
const MOST_WORK: u8 = 20;

/// What somebody has in mind. It is not shown, and wiped when it is not needed any more.
#[derive(Debug, Clone)]
pub struct Passphrase(SecretString);

impl From<String> for Passphrase {
    fn from(text: String) -> Passphrase {
        Passphrase(SecretString::from(text))
    }
}

/// Whom a backup is for: `age1...`.
#[derive(Debug, Clone)]
pub struct Recipient(x25519::Recipient);

impl FromStr for Recipient {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Recipient, &'static str> {
        text.parse().map(Recipient).map_err(|_| "no key of `age-keygen`, which begins with `age1`")
    }
}

/// What `age-keygen` makes: `AGE-SECRET-KEY-1...`.
#[derive(Clone)]
pub struct Identity(x25519::Identity);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

impl Identity {
    /// Those of a file of `age-keygen`: one on a line, between empty lines and lines with `#`. `Err` is the number
    /// of a line with something else; none at all is line 0.
    pub fn all(text: &str) -> Result<Vec<Identity>, usize> {
        let mut all = Vec::new();
        for (at, line) in text.lines().map(str::trim).enumerate() {
            if !line.is_empty() && !line.starts_with('#') {
                all.push(line.parse().map(Identity).map_err(|_| at + 1)?);
            }
        }
        if all.is_empty() { Err(0) } else { Ok(all) }
    }
}

/// What a backup is locked with.
#[derive(Debug, Clone)]
pub enum Lock {
    /// Who knows it opens it.
    Passphrase(Passphrase),
    /// Each of them opens it.
    Recipients(Vec<Recipient>),
}

/// What opens one.
#[derive(Debug, Clone)]
pub enum Key {
    /// What it was locked with.
    Passphrase(Passphrase),
    /// One of them has to fit.
    Identities(Vec<Identity>),
}

/// Encrypts what is written through it. With the key to read it back: nobody else needs to be here, so one that
/// is for others has a key more, which lives no longer than the process.
pub(super) fn seal<W: Write>(lock: &Lock, out: W) -> io::Result<(StreamWriter<W>, Key)> {
    let none = |error: age::EncryptError| io::Error::other(error.to_string());
    match lock {
        Lock::Passphrase(passphrase) => {
            let mut recipient = scrypt::Recipient::new(passphrase.0.clone());
            recipient.set_work_factor(WORK);
            let one: &dyn age::Recipient = &recipient;
            let sealed = Encryptor::with_recipients([one].into_iter()).map_err(none)?;
            Ok((sealed.wrap_output(out)?, Key::Passphrase(passphrase.clone())))
        }
        Lock::Recipients(recipients) => {
            let own = x25519::Identity::generate();
            let of_own = own.to_public();
            let all = recipients.iter().map(|one| &one.0).chain([&of_own]);
            let all = all.map(|one| one as &dyn age::Recipient);
            let sealed = Encryptor::with_recipients(all).map_err(none)?;
            Ok((sealed.wrap_output(out)?, Key::Identities(vec![Identity(own)])))
        }
    }
}

/// The bytes of an archive, wherever they lie.
pub(super) enum Bytes {
    Plain(File),
    Sealed(Mutex<Opened>, u64),
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bytes::Plain(file) => file.fmt(f),
            Bytes::Sealed(_, length) => write!(f, "{length} encrypted bytes"),
        }
    }
}

/// A decrypting reader, and where it stands.
pub(super) struct Opened {
    reader: StreamReader<File>,
    /// `None` after an error.
    at: Option<u64>,
}

impl Bytes {
    /// Of a file, which is decrypted when it is encrypted.
    pub(super) fn open(file: File, path: &Path, key: Option<&Key>) -> Result<Bytes, Error> {
        let io = |source| Error::Io { what: "read", path: path.to_path_buf(), source };
        match header(&file).map_err(io)? {
            Header::None => Ok(Bytes::Plain(file)),
            Header::Long => Err(Error::Damaged {
                path: path.to_path_buf(),
                what: "begins with a header of age that has no end".to_owned(),
            }),
            Header::Whole => unlock(file, path, key),
        }
    }

    pub(super) fn length(&self) -> io::Result<u64> {
        match self {
            Bytes::Plain(file) => Ok(file.metadata()?.len()),
            Bytes::Sealed(_, length) => Ok(*length),
        }
    }

    /// Fills the buffer from this offset, or fails.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Bytes::Plain(file) => system::read_at(file, buffer, offset),
            Bytes::Sealed(opened, _) => {
                opened.lock().unwrap_or_else(PoisonError::into_inner).read_at(buffer, offset)
            }
        }
    }
}

impl Opened {
    fn read_at(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        // A seek forgets what was decrypted of the part.
        if self.at.take() != Some(offset) {
            self.reader.seek(SeekFrom::Start(offset)).map_err(changed)?;
        }
        self.reader.read_exact(buffer).map_err(changed)?;
        self.at = Some(offset + buffer.len() as u64);
        Ok(())
    }
}

/// What age says of a part that is not as it was written.
fn changed(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => io::Error::new(
            io::ErrorKind::InvalidData,
            "is in an encrypted part that was changed or cut short",
        ),
        _ => error,
    }
}

/// What stands where a header of age would.
enum Header {
    None,
    Whole,
    Long,
}

/// Looked for before anything parses it: its parser takes what it is given.
fn header(file: &File) -> io::Result<Header> {
    let length = file.metadata()?.len().min(MAX_HEADER_BYTES as u64) as usize;
    let mut start = vec![0; length.min(AGE.len())];
    // By its place: where the next read would begin is another one on each system.
    system::read_at(file, &mut start, 0)?;
    if start != AGE {
        return Ok(Header::None);
    }
    start.resize(length, 0);
    system::read_at(file, &mut start, 0)?;
    let end = start.windows(5).position(|part| part == b"\n--- ");
    let is_whole = end.is_some_and(|end| start[end + 5..].contains(&b'\n'));
    Ok(if is_whole { Header::Whole } else { Header::Long })
}

fn unlock(mut file: File, path: &Path, key: Option<&Key>) -> Result<Bytes, Error> {
    let path = || path.to_path_buf();
    let io = |source| Error::Io { what: "read", path: path(), source };
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let of_age = |error| of_age(error, path());
    let sealed = Decryptor::new(file).map_err(of_age)?;
    let by_passphrase = sealed.is_scrypt();
    let opened = match key {
        Some(Key::Passphrase(passphrase)) if by_passphrase => {
            let mut identity = scrypt::Identity::new(passphrase.0.clone());
            identity.set_max_work_factor(MOST_WORK);
            let one: &dyn age::Identity = &identity;
            sealed.decrypt([one].into_iter())
        }
        Some(Key::Identities(all)) if !by_passphrase => {
            sealed.decrypt(all.iter().map(|one| &one.0 as &dyn age::Identity))
        }
        _ => return Err(Error::Encrypted { path: path(), by_passphrase }),
    };
    let mut reader = opened.map_err(of_age)?;
    // The last part says that it is the last one.
    let length = reader.seek(SeekFrom::End(0)).map_err(changed).map_err(|error| {
        let what = "was cut short, or its end was changed".to_owned();
        match error.kind() {
            io::ErrorKind::InvalidData => Error::Damaged { path: path(), what },
            _ => io(error),
        }
    })?;
    Ok(Bytes::Sealed(Mutex::new(Opened { reader, at: None }), length))
}

fn of_age(error: DecryptError, path: std::path::PathBuf) -> Error {
    match error {
        DecryptError::DecryptionFailed | DecryptError::NoMatchingKeys => Error::WrongKey { path },
        DecryptError::ExcessiveWork { required, .. } => {
            Error::TooMuchWork { path, power: required }
        }
        DecryptError::Io(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
            Error::Io { what: "read", path, source }
        }
        DecryptError::UnknownFormat => Error::Damaged {
            path,
            what: "is encrypted in a form that is not known here".to_owned(),
        },
        _ => Error::Damaged {
            path,
            what: "has a header of age that was changed or cut short".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_identities() {
        let one = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
        let text = format!("# created: today\n\n{one}\n");
        assert_eq!(Identity::all(&text).unwrap().len(), 1);
        assert_eq!(Identity::all("# nothing\n").unwrap_err(), 0);
        assert_eq!(Identity::all(&format!("{one}\nelse\n")).unwrap_err(), 2);
        // Not the secret: it would be in the messages of whoever looks for a mistake.
        assert_eq!(format!("{:?}", Identity::all(&text).unwrap()), "[Identity]");
    }
}
