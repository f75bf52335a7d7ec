//! The opt-in probe: runs an interpreter that the user named, and asks it what it is.
//!
//! Discovery never calls this. The interpreter gets a fixed program, no variables, no input and no
//! terminal; what it may take of time and output is bounded, and what it starts is killed with it.
//!
//! Run with `-I -S`, an interpreter reads neither the user's settings nor `site` (which would run the
//! `.pth` files of the environment). The price: inside a virtual environment `sys.prefix` is that of
//! the base before Python 3.14, where `site` was what changed it. `sys.base_prefix` is right in all
//! versions. So the prefix is not asked for; [`prefix_of`] finds it as `site` does, from
//! `pyvenv.cfg`. Measured with 3.6 to 3.13; Python 2.7 has no `-I` and gets `-E -s -S`.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::fs::{self, ReadError};
use crate::host::Host;

/// How often a running interpreter is looked at: its start takes 10 ms at best.
const INTERVAL: Duration = Duration::from_millis(2);
/// How long output is waited for after the interpreter has ended: only a process that it left behind
/// keeps a pipe open.
const AFTER_END: Duration = Duration::from_millis(200);

/// One line of JSON; ASCII, whatever the locale.
const SCRIPT: &str = "\
import sys, json
v = sys.version_info
t = 't' if 'free-threading build' in sys.version else ''
try:
    import os
    machine = os.uname()[4]
except AttributeError:
    machine = [m for m in ('ARM64', 'AMD64', 'x86') if m in sys.version + 'x86'][0]
print(json.dumps({
    'version': [v[0], v[1], v[2]], 'release_level': v[3], 'serial': v[4],
    'base_prefix': getattr(sys, 'base_prefix', sys.prefix),
    'implementation': sys.implementation.name if v[0] > 2
        else 'pypy' if hasattr(sys, 'pypy_version_info') else 'cpython',
    'abi_flags': getattr(sys, 'abiflags', t),
    'platform': sys.platform, 'machine': machine,
    'bits': 64 if sys.maxsize > 2**32 else 32}))
";

/// What a probe may take, and what the system needs to start a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeLimits {
    /// Wall time of one interpreter.
    pub time: Duration,
    /// Bytes of its output, and as many of its errors.
    pub output_bytes: usize,
    /// Interpreters that run at the same time.
    pub parallel: usize,
    /// `SystemRoot`, without which Python does not start on Windows. Unused elsewhere.
    pub system_root: Option<PathBuf>,
}

impl ProbeLimits {
    /// The usual limits, on this machine.
    pub fn of(host: &Host) -> ProbeLimits {
        ProbeLimits { system_root: host.variable_path("SYSTEMROOT"), ..ProbeLimits::default() }
    }
}

impl Default for ProbeLimits {
    /// An answer has 300 bytes and takes 50 ms; a cold network disk takes seconds.
    fn default() -> ProbeLimits {
        ProbeLimits {
            time: Duration::from_secs(5),
            output_bytes: 1 << 16,
            parallel: std::thread::available_parallelism().map_or(2, usize::from).min(8),
            system_root: None,
        }
    }
}

/// What an interpreter says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Probed {
    /// Major, minor, micro.
    pub version: [u64; 3],
    /// `alpha`, `beta`, `candidate` or `final`.
    pub release_level: String,
    /// The number of the alpha, beta or candidate.
    pub serial: u64,
    /// `sys.prefix` as it is with `site`: the environment's, where the interpreter is in one.
    #[serde(skip)]
    pub prefix: PathBuf,
    /// `sys.base_prefix`.
    pub base_prefix: PathBuf,
    /// `sys.implementation.name`.
    pub implementation: String,
    /// `sys.abiflags`; on Windows `t` or nothing.
    pub abi_flags: String,
    /// `sys.platform`.
    pub platform: String,
    /// The machine that the system names; 64-bit even where the interpreter is not.
    pub machine: String,
    /// Bits of a pointer: 32 or 64.
    pub bits: u32,
}

/// Why an interpreter gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// A relative path would be looked for in more than one place.
    #[error("`{}` is not an absolute path", .0.display())]
    Relative(PathBuf),
    /// There is no readable file.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// Neither a program of any system nor a script. Some systems would give it to a shell.
    #[error("`{}` is not a program", .0.display())]
    NotAProgram(PathBuf),
    /// The system refused to start it.
    #[error("cannot start `{}`: {source}", path.display())]
    Start {
        /// The interpreter.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It did not end in time, and was killed.
    #[error("`{}` did not answer within {limit:?}", path.display())]
    TimedOut {
        /// The interpreter.
        path: PathBuf,
        /// What it was given.
        limit: Duration,
    },
    /// It wrote without end, and was killed.
    #[error("`{}` wrote more than {limit} bytes", path.display())]
    TooMuchOutput {
        /// The interpreter.
        path: PathBuf,
        /// What it was given.
        limit: usize,
    },
    /// It ended with an error.
    #[error("`{}` failed ({status}): {message}", path.display())]
    Failed {
        /// The interpreter.
        path: PathBuf,
        /// Its exit code or signal.
        status: ExitStatus,
        /// The last line of what it wrote as error.
        message: String,
    },
    /// It ended well and did not answer what was asked: no Python, or a wrapper that prints.
    #[error("`{}` gave no usable answer: {message}", path.display())]
    Answer {
        /// The interpreter.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

/// Runs an interpreter and asks it what it is.
pub fn probe(executable: &Path, limits: &ProbeLimits) -> Result<Probed, ProbeError> {
    if !executable.is_absolute() {
        return Err(ProbeError::Relative(executable.to_path_buf()));
    }
    if !is_program(&fs::read_start(executable, 4)?) {
        return Err(ProbeError::NotAProgram(executable.to_path_buf()));
    }
    let started = Instant::now();
    let mut ended = run(executable, &["-I", "-S"], limits, limits.time)?;
    let without_isolation = !ended.status.success()
        && String::from_utf8_lossy(&ended.errors).contains("Unknown option: -I");
    if without_isolation {
        let rest = limits.time.saturating_sub(started.elapsed());
        ended = run(executable, &["-E", "-s", "-S"], limits, rest)?;
    }
    let path = executable.to_path_buf();
    if !ended.status.success() {
        let errors = String::from_utf8_lossy(&ended.errors);
        let message = errors.trim().lines().last().unwrap_or("no message").to_owned();
        return Err(ProbeError::Failed { path, status: ended.status, message });
    }
    // A sitecustomize is off, but a wrapper may print before: the last line is the answer.
    let line = ended.output.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
    let mut probed: Probed = serde_json::from_slice(line.unwrap_or_default())
        .map_err(|error| ProbeError::Answer { path, message: error.to_string() })?;
    probed.prefix = prefix_of(executable).unwrap_or_else(|| probed.base_prefix.clone());
    Ok(probed)
}

/// Probes several interpreters, a bounded number at once. The results are in the order given.
pub fn probe_all(executables: &[PathBuf], limits: &ProbeLimits) -> Vec<Result<Probed, ProbeError>> {
    let next = AtomicUsize::new(0);
    let workers = limits.parallel.clamp(1, executables.len().max(1));
    let mut results: Vec<(usize, Result<Probed, ProbeError>)> = std::thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            loop {
                // Only this counter is shared; each index is handed out once.
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(executable) = executables.get(index) else { return done };
                done.push((index, probe(executable, limits)));
            }
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The prefix of the virtual environment that an interpreter is in, as `site` finds it: a
/// `pyvenv.cfg` beside the interpreter or one folder up.
fn prefix_of(executable: &Path) -> Option<PathBuf> {
    let folder = executable.parent()?;
    let prefix = folder.parent()?;
    let marked = [folder, prefix].iter().any(|place| fs::is_file(&place.join("pyvenv.cfg")));
    marked.then(|| prefix.to_path_buf())
}

/// Whether a file starts as programs do: ELF, PE, Mach-O, or a script with its interpreter.
fn is_program(start: &[u8]) -> bool {
    const MACH_O: [[u8; 4]; 5] = [
        [0xfe, 0xed, 0xfa, 0xce],
        [0xfe, 0xed, 0xfa, 0xcf],
        [0xce, 0xfa, 0xed, 0xfe],
        [0xcf, 0xfa, 0xed, 0xfe],
        [0xca, 0xfe, 0xba, 0xbe],
    ];
    [&b"\x7fELF"[..], b"MZ", b"#!"].iter().any(|magic| start.starts_with(magic))
        || MACH_O.iter().any(|magic| start.starts_with(magic))
}

/// How a run ended.
struct Ended {
    status: ExitStatus,
    output: Vec<u8>,
    errors: Vec<u8>,
}

/// A pipe that is read to its end, or to the limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Output,
    Errors,
}

fn run(
    executable: &Path,
    options: &[&str],
    limits: &ProbeLimits,
    time: Duration,
) -> Result<Ended, ProbeError> {
    let path = || executable.to_path_buf();
    let mut child = command(executable, options, limits)
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
    kill_group(&mut child);
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

fn command(executable: &Path, options: &[&str], limits: &ProbeLimits) -> Command {
    let mut command = Command::new(executable);
    command.args(options).arg("-c").arg(SCRIPT).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Python 2 looks for modules in the current folder first; nobody plants any in the root.
    if let Some(root) = executable.ancestors().last() {
        command.current_dir(root);
    }
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    #[cfg(windows)]
    {
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        std::os::windows::process::CommandExt::creation_flags(
            &mut command,
            CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW,
        );
        if let Some(root) = &limits.system_root {
            command.env("SystemRoot", root);
        }
    }
    #[cfg(not(windows))]
    let _ = limits;
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
        if has_ended(child) {
            return Finish::Ended;
        }
        if Instant::now() >= deadline {
            return Finish::TimedOut;
        }
    }
}

/// Whether the process has ended, leaving it to be reaped: until then its number is not given away.
#[cfg(unix)]
fn has_ended(child: &mut Child) -> bool {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let ended = waitid(WaitId::Pid(Pid::from_child(child)), options);
    matches!(ended, Ok(Some(_)) | Err(_))
}

/// On Windows a handle keeps the number, so that reaping loses nothing.
#[cfg(not(unix))]
fn has_ended(child: &mut Child) -> bool {
    !matches!(child.try_wait(), Ok(None))
}

#[cfg(unix)]
fn kill_group(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    // An error means that no process of the group is left, or that it changed its user.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

/// Kills the process alone: Windows has no call for a group but a job object.
#[cfg(not(unix))]
fn kill_group(child: &mut Child) {
    let _ = child.kill();
}

#[cfg(test)]
mod tests;
