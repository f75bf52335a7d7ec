//! The client: asks, and waits for the answer.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::line::{Line, Lines};
use super::message::{self, MOST_LINE_BYTES, Refusal, Reply, Request};
use crate::host::User;
use crate::system::local::Stream;

/// To connect, and to write a request.
const AT_ONCE: Duration = Duration::from_secs(5);
/// For the rest of a reply, once it has begun.
const WHOLE: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody listens.
    #[error("no service runs")]
    NotRunning,
    /// Another user's process listens.
    #[error("`{}` is another user's", path.display())]
    Foreign {
        /// Where.
        path: PathBuf,
    },
    /// The service answered that it will not.
    #[error("{}", refusal.message)]
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// Something else answered, or the answer is cut off.
    #[error("what answers at `{}` is no service of this version: {what}", path.display())]
    NotAnAnswer {
        /// Where.
        path: PathBuf,
        /// What came.
        what: String,
    },
    /// It did not answer in time.
    #[error("the service at `{}` did not answer within {limit:?}", path.display())]
    Silent {
        /// Where.
        path: PathBuf,
        /// How long was waited.
        limit: Duration,
    },
    /// The system refused.
    #[error("cannot talk to the service at `{}`: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// An answer to something else.
    pub fn unexpected(path: &Path, reply: &Reply) -> Error {
        let what = String::from_utf8_lossy(&message::line(reply)).trim().to_owned();
        Error::NotAnAnswer { path: path.to_path_buf(), what }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Error::NotRunning => "start one with `aios serve`",
            Error::Foreign { .. } => {
                "ask as that user, or let `AIOS_HOME` name a folder of your own"
            }
            Error::Refused { refusal } => &refusal.hint,
            Error::NotAnAnswer { .. } => "start the service again with this version of aios",
            Error::Silent { .. } => "it may be stopped: end its process, and start it again",
            Error::Io { .. } => "`AIOS_HOME` names the folder in which it is looked for",
        }
    }
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    lines: Lines,
    path: PathBuf,
}

impl Client {
    /// Connects to the service at an address (see [`super::address`]).
    pub fn connect(address: &Path, user: &User) -> Result<Client, Error> {
        let path = address.to_path_buf();
        let stream = match Stream::connect(address, AT_ONCE) {
            Ok(stream) => stream,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                return Err(Error::NotRunning);
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(Error::Silent { path, limit: AT_ONCE });
            }
            Err(source) => return Err(Error::Io { path, source }),
        };
        match stream.is_of(user) {
            Ok(true) => Ok(Client { stream, lines: Lines::default(), path }),
            Ok(false) => Err(Error::Foreign { path }),
            Err(source) => Err(Error::Io { path, source }),
        }
    }

    /// Asks, and gives back what is answered within the limit.
    pub fn ask(&mut self, request: &Request, limit: Duration) -> Result<Reply, Error> {
        let line = message::line(request);
        if line.len() > MOST_LINE_BYTES {
            let refusal = Refusal::new(message::Refused::TooLong, "the request is too long");
            return Err(Error::Refused { refusal });
        }
        // Whoever was refused is told so, also where the other end is closed by then.
        let asked = self.stream.write(&line, AT_ONCE);
        match (self.next(limit), asked) {
            (Ok(Some(reply)), _) => Ok(reply),
            (_, Err(source)) => Err(Error::Io { path: self.path.clone(), source }),
            (Ok(None), Ok(())) => Err(Error::Silent { path: self.path.clone(), limit }),
            (Err(error), Ok(())) => Err(error),
        }
    }

    /// What comes next, as events do. `None` when nothing does within the limit.
    pub fn next(&mut self, limit: Duration) -> Result<Option<Reply>, Error> {
        let not_an_answer = |what: String| Error::NotAnAnswer { path: self.path.clone(), what };
        let read = self.lines.next(&self.stream, limit, WHOLE);
        let line = match read.map_err(|source| Error::Io { path: self.path.clone(), source })? {
            Line::Whole(line) => line,
            Line::Nothing => return Ok(None),
            Line::End => return Err(not_an_answer("the stream ended".to_owned())),
            Line::Slow => return Err(not_an_answer("half a line".to_owned())),
            Line::TooLong => return Err(not_an_answer("a line without end".to_owned())),
        };
        match message::reply(&line) {
            Ok(Reply::Error(refusal)) => Err(Error::Refused { refusal }),
            Ok(reply) => Ok(Some(reply)),
            Err(refusal) => Err(not_an_answer(refusal.message)),
        }
    }
}
