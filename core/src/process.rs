//! One program run within limits: its own process group, its pipes read to a bound, a time-out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use crate::system;

/// How often a running program is looked at: an interpreter's start takes 10 ms at best.
const INTERVAL: Duration = Duration::from_millis(2);
/// How long output is waited for after the program has ended: only a process that it left behind
/// keeps a pipe open.
const AFTER_END: Duration = Duration::from_millis(200);

/// A program to run, and what it may take. It gets no input, no terminal, and no variables but these.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    /// Absolute.
    pub(crate) executable: &'a Path,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// The folder that it starts in.
    pub(crate) folder: &'a Path,
    /// `SystemRoot`, without which Python does not start on Windows. Unused elsewhere.
    pub(crate) system_root: Option<&'a Path>,
    /// Wall time.
    pub(crate) time: Duration,
    /// Bytes of its output, and as many of its errors.
    pub(crate) output_bytes: usize,
    /// Ends it once it is set.
    pub(crate) stop: &'a AtomicBool,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) output: Vec<u8>,
    pub(crate) errors: Vec<u8>,
}

/// Why a program did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused to start it.
    #[error("cannot start `{}`: {source}", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It did not end in time, and was killed.
    #[error("`{}` did not answer within {limit:?}", path.display())]
    TimedOut {
        /// The program.
        path: PathBuf,
        /// What it was given.
        limit: Duration,
    },
    /// It wrote without end, and was killed.
    #[error("`{}` wrote more than {limit} bytes", path.display())]
    TooMuchOutput {
        /// The program.
        path: PathBuf,
        /// What it was given.
        limit: usize,
    },
    /// The user interrupted it.
    #[error("`{}` was interrupted", path.display())]
    Stopped {
        /// The program.
        path: PathBuf,
    },
}

/// A pipe that is read to its end, or to the limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Output,
    Errors,
}

/// Runs a program until it ends or goes beyond a limit. What it started and left in its group is killed
/// in either case.
pub(crate) fn run(program: &Program<'_>) -> Result<Ended, Error> {
    let path = || program.executable.to_path_buf();
    let too_much = || Error::TooMuchOutput { path: path(), limit: program.output_bytes };
    let mut child =
        command(program).spawn().map_err(|source| Error::Start { path: path(), source })?;
    let (sender, pieces) = channel();
    for (stream, pipe) in [
        (Stream::Output, child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>)),
        (Stream::Errors, child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>)),
    ] {
        if let Some(pipe) = pipe {
            forward(stream, pipe, sender.clone());
        }
    }
    drop(sender);
    let mut collected = Collected::default();
    let finish = watch(&mut child, &pieces, &mut collected, program);
    // The group lives as long as the leader is not reaped, so its number is still its own.
    system::kill_group(&mut child);
    let status = child.wait().map_err(|source| Error::Start { path: path(), source })?;
    match finish {
        Finish::Ended => {}
        Finish::TimedOut => return Err(Error::TimedOut { path: path(), limit: program.time }),
        Finish::TooMuch => return Err(too_much()),
        Finish::Stopped => return Err(Error::Stopped { path: path() }),
    }
    // With the group dead the pipes end, unless a process left the group.
    let deadline = Instant::now() + AFTER_END;
    while !collected.exceeds(program)
        && let Some(left) = deadline.checked_duration_since(Instant::now())
    {
        match pieces.recv_timeout(left) {
            Ok((stream, piece)) => collected.add(stream, &piece),
            Err(_) => break,
        }
    }
    if collected.exceeds(program) {
        return Err(too_much());
    }
    Ok(Ended { status, output: collected.output, errors: collected.errors })
}

/// Becomes this program, with these variables alone and with the terminal of this process. It comes back with an
/// error only; on Windows, where no process becomes another one, with the exit code.
pub(crate) fn turn_into(
    program: &Path,
    arguments: &[OsString],
    variables: &BTreeMap<OsString, OsString>,
) -> io::Result<i32> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(variables);
    system::turn_into(&mut command)
}

fn command(program: &Program<'_>) -> Command {
    let mut command = Command::new(program.executable);
    command.args(&program.arguments).current_dir(program.folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    system::set_apart(&mut command, program.system_root);
    command.envs(program.variables.iter().map(|(name, value)| (name, value)));
    command
}

/// Sends what a pipe gives until it ends or nobody listens. A process that left the group and keeps
/// the pipe open keeps this thread too, until it writes or ends.
fn forward(stream: Stream, mut pipe: Box<dyn Read + Send>, sender: Sender<(Stream, Vec<u8>)>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            if sender.send((stream, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
}

/// What the pipes gave so far.
#[derive(Default)]
struct Collected {
    output: Vec<u8>,
    errors: Vec<u8>,
}

impl Collected {
    fn add(&mut self, stream: Stream, piece: &[u8]) {
        match stream {
            Stream::Output => self.output.extend_from_slice(piece),
            Stream::Errors => self.errors.extend_from_slice(piece),
        }
    }

    fn exceeds(&self, program: &Program<'_>) -> bool {
        self.output.len().max(self.errors.len()) > program.output_bytes
    }
}

enum Finish {
    Ended,
    TimedOut,
    TooMuch,
    Stopped,
}

/// Collects output until the program ends or goes beyond a limit. Does not reap it.
fn watch(
    child: &mut Child,
    pieces: &Receiver<(Stream, Vec<u8>)>,
    collected: &mut Collected,
    program: &Program<'_>,
) -> Finish {
    let deadline = Instant::now() + program.time;
    loop {
        match pieces.recv_timeout(INTERVAL) {
            Ok((stream, piece)) => collected.add(stream, &piece),
            Err(RecvTimeoutError::Timeout) => {}
            // Both pipes are closed, which it may do long before it ends.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(INTERVAL),
        }
        if collected.exceeds(program) {
            return Finish::TooMuch;
        }
        if system::has_ended(child) {
            return Finish::Ended;
        }
        if program.stop.load(Ordering::Relaxed) {
            return Finish::Stopped;
        }
        if Instant::now() >= deadline {
            return Finish::TimedOut;
        }
    }
}
