//! What a run of a program takes: wall time, CPU time (user and system together) and peak memory.

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// What an environment variable says, or the usual number.
pub(crate) fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) wall_ms: f64,
    pub(crate) cpu_ms: f64,
    pub(crate) peak_mib: f64,
}

/// The middle one.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs a program with these variables alone. This program runs itself as `--measure` for it, so that the
/// usage of its children is that of one run.
pub(crate) fn measure(variables: &[(&str, &OsStr)], args: &[OsString]) -> io::Result<Taken> {
    let output = Command::new(std::env::current_exe()?)
        .arg("--measure")
        .args(args)
        .env_clear()
        .envs(variables.iter().copied())
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map(|word| word.parse::<f64>());
    let mut next =
        || numbers.next().and_then(Result::ok).ok_or_else(|| io::Error::other("no measurement"));
    Ok(Taken { wall_ms: next()?, cpu_ms: next()?, peak_mib: next()? })
}

/// What `--measure` does: runs a program and prints what it took.
pub(crate) fn measure_once(args: &[OsString]) -> io::Result<()> {
    let start = Instant::now();
    let status = Command::new(&args[0]).args(&args[1..]).stdout(Stdio::null()).status()?;
    let wall_ms = start.elapsed().as_secs_f64() * 1e3;
    if !status.success() {
        return Err(io::Error::other(format!("{args:?}: {status}")));
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = usage.user_time() + usage.system_time();
    // Linux counts the peak in KiB, macOS in bytes.
    let peak_mib =
        usage.max_rss() as f64 / if cfg!(target_os = "macos") { 1048576.0 } else { 1024.0 };
    println!("{wall_ms} {} {peak_mib}", cpu.num_microseconds() as f64 / 1e3);
    Ok(())
}
