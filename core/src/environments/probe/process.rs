//! One program run within limits: its own process group, its pipes read to a bound, a time-out.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::{ProbeError, ProbeLimits};
use crate::system;

/// How often a running interpreter is looked at: its start takes 10 ms at best.
const INTERVAL: Duration = Duration::from_millis(2);
/// How long output is waited for after the interpreter has ended: only a process that it left behind
/// keeps a pipe open.
const AFTER_END: Duration = Duration::from_millis(200);

/// How a run ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) output: Vec<u8>,
    pub(super) errors: Vec<u8>,
}

/// A pipe that is read to its end, or to the limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Output,
    Errors,
}

/// Runs a program with no variables, no input and no terminal, in the root folder, until it ends or
/// goes beyond a limit. What it started and left in its group is killed in either case.
pub(super) fn run(
    executable: &Path,
    arguments: &[&str],
    limits: &ProbeLimits,
    time: Duration,
) -> Result<Ended, ProbeError> {
    let path = || executable.to_path_buf();
    let mut child = command(executable, arguments, limits)
        .spawn()
        .map_err(|source| ProbeError::Start { path: path(), source })?;
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
    let finish = watch(&mut child, &pieces, &mut collected, limits, time);
    // The group lives as long as the leader is not reaped, so its number is still its own.
    system::kill_group(&mut child);
    let status = child.wait().map_err(|source| ProbeError::Start { path: path(), source })?;
    match finish {
        Finish::Ended => {}
        Finish::TimedOut => {
            return Err(ProbeError::TimedOut { path: path(), limit: limits.time });
        }
        Finish::TooMuch => {
            return Err(ProbeError::TooMuchOutput { path: path(), limit: limits.output_bytes });
        }
    }
    // With the group dead the pipes end, unless a process left the group.
    let deadline = Instant::now() + AFTER_END;
    while !collected.exceeds(limits)
        && let Some(left) = deadline.checked_duration_since(Instant::now())
    {
        match pieces.recv_timeout(left) {
            Ok((stream, piece)) => collected.add(stream, &piece),
            Err(_) => break,
        }
    }
    if collected.exceeds(limits) {
        return Err(ProbeError::TooMuchOutput { path: path(), limit: limits.output_bytes });
    }
    Ok(Ended { status, output: collected.output, errors: collected.errors })
}

fn command(executable: &Path, arguments: &[&str], limits: &ProbeLimits) -> Command {
    let mut command = Command::new(executable);
    command.args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Python 2 looks for modules in the current folder first; nobody plants any in the root.
    if let Some(root) = executable.ancestors().last() {
        command.current_dir(root);
    }
    system::set_apart(&mut command, limits.system_root.as_deref());
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

    fn exceeds(&self, limits: &ProbeLimits) -> bool {
        self.output.len().max(self.errors.len()) > limits.output_bytes
    }
}

enum Finish {
    Ended,
    TimedOut,
    TooMuch,
}

/// Collects output until the interpreter ends or goes beyond a limit. Does not reap it.
fn watch(
    child: &mut Child,
    pieces: &Receiver<(Stream, Vec<u8>)>,
    collected: &mut Collected,
    limits: &ProbeLimits,
    time: Duration,
) -> Finish {
    let deadline = Instant::now() + time;
    loop {
        match pieces.recv_timeout(INTERVAL) {
            Ok((stream, piece)) => collected.add(stream, &piece),
            Err(RecvTimeoutError::Timeout) => {}
            // Both pipes are closed, which it may do long before it ends.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(INTERVAL),
        }
        if collected.exceeds(limits) {
            return Finish::TooMuch;
        }
        if system::has_ended(child) {
            return Finish::Ended;
        }
        if Instant::now() >= deadline {
            return Finish::TimedOut;
        }
    }
}
