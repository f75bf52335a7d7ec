//! The opt-in probe: runs an interpreter that the user named, and asks it what it is, or only starts it.
//!
//! Discovery never calls this. The interpreter gets a fixed program, no variables, no input and no
//! terminal; what it may take of time and output is bounded, and what it starts is killed with it.
//!
//! [`start`] lets it run `site`, as every start does: whether an environment starts is the question.
//! [`probe`] asks what it is. Run with `-I -S`, an interpreter reads neither the user's settings nor `site` (which would run the
//! `.pth` files of the environment). The price: inside a virtual environment `sys.prefix` is that of
//! the base before Python 3.14, where `site` was what changed it. `sys.base_prefix` is right in all
//! versions. So the prefix is not asked for: it is found as `site` does, from `pyvenv.cfg`. Measured
//! in environments of 3.8 to 3.13. Python 2.7 has no `-I` and gets `-E -s -S`.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde::Deserialize;

use crate::fs::{self, ReadError};
use crate::host::Host;
use crate::process;

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
    /// Wall time of one start of an interpreter; Python 2 is started twice.
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

    /// Those of [`start`]: packages may import much of themselves in `.pth` files.
    pub fn of_start(host: &Host) -> ProbeLimits {
        ProbeLimits { time: Duration::from_secs(30), ..ProbeLimits::of(host) }
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
    /// It could not be started, or was killed.
    #[error(transparent)]
    Run(#[from] process::Error),
    /// It ended with an error.
    #[error(
        "`{}` failed ({status}): {}", path.display(), printed.last().map_or("no message", |last| last)
    )]
    Failed {
        /// The interpreter.
        path: PathBuf,
        /// Its exit code or signal.
        status: ExitStatus,
        /// The last lines of what it wrote as error, else of its output.
        printed: Vec<String>,
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
    let ended = isolated(executable, &["-S", "-c", SCRIPT], limits, &AtomicBool::new(false))?;
    let path = executable.to_path_buf();
    // A sitecustomize is off, but a wrapper may print before: the last line is the answer.
    let line = ended.output.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
    let mut probed: Probed = serde_json::from_slice(line.unwrap_or_default())
        .map_err(|error| ProbeError::Answer { path, message: error.to_string() })?;
    probed.prefix = prefix_of(executable).unwrap_or_else(|| probed.base_prefix.clone());
    Ok(probed)
}

/// Starts an interpreter and lets it end, with all that `site` runs. Nothing is kept of what it compiles.
/// `stop` ends it.
pub fn start(executable: &Path, limits: &ProbeLimits, stop: &AtomicBool) -> Result<(), ProbeError> {
    isolated(executable, &["-B", "-c", "pass"], limits, stop).map(drop)
}

/// Runs it apart from what the user has set, and expects that it ends well. In the root folder: Python 2
/// looks for modules in the current folder first, and nobody plants any there.
fn isolated(
    executable: &Path,
    arguments: &[&str],
    limits: &ProbeLimits,
    stop: &AtomicBool,
) -> Result<process::Ended, ProbeError> {
    let path = executable.to_path_buf();
    if !executable.is_absolute() {
        return Err(ProbeError::Relative(path));
    }
    if !is_program(&fs::read_start(executable, 4)?) {
        return Err(ProbeError::NotAProgram(path));
    }
    let run = |isolation: &[&str]| {
        process::run(&process::Program {
            executable,
            arguments: isolation.iter().chain(arguments).map(Into::into).collect(),
            variables: Vec::new(),
            folder: executable.ancestors().last().unwrap_or(executable),
            system_root: limits.system_root.as_deref(),
            time: limits.time,
            output_bytes: limits.output_bytes,
            stop,
        })
    };
    let mut ended = run(&["-I"])?;
    let errors = || String::from_utf8_lossy(&ended.errors);
    if !ended.status.success() && errors().contains("Unknown option: -I") {
        ended = run(&["-E", "-s"])?;
    }
    match ended.status.success() {
        true => Ok(ended),
        false => Err(ProbeError::Failed { path, status: ended.status, printed: printed(&ended) }),
    }
}

/// The end of what it wrote, where Python says what is wrong, short enough for a report.
fn printed(ended: &process::Ended) -> Vec<String> {
    const LINES: usize = 10;
    const CHARS_OF_LINE: usize = 300;
    let lines = |bytes: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        let mut last: Vec<String> = lines
            .rev()
            .take(LINES)
            .map(|line| line.chars().take(CHARS_OF_LINE).collect())
            .collect();
        last.reverse();
        last
    };
    let errors = lines(&ended.errors);
    if errors.is_empty() { lines(&ended.output) } else { errors }
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

#[cfg(test)]
mod tests;
