//! Clocks and sums.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::Result;

/// Runs something and says how long it took.
pub fn timed<T>(run: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let start = Instant::now();
    let value = run()?;
    Ok((value, start.elapsed()))
}

/// CPU time of all threads of this process, user and system together.
pub fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Bytes that this process has handed to write calls.
pub fn written() -> Result<u64> {
    field("/proc/self/io", "wchar:")
}

/// Memory of this process that is no file's.
pub fn anonymous_bytes() -> Result<u64> {
    Ok(field("/proc/self/status", "RssAnon:")? * 1024)
}

fn field(path: &str, name: &str) -> Result<u64> {
    let text = std::fs::read_to_string(path)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or_else(|| format!("{path} has no {name}"))?.parse()?)
}

/// The middle one.
pub fn median<T: Copy + PartialOrd>(values: &[T]) -> T {
    quantile(values, 0.5)
}

/// The least: what other programs do to this machine only ever adds time.
pub fn least(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::min)
}

/// The value that this share of all is not above.
pub fn quantile<T: Copy + PartialOrd>(values: &[T], share: f64) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).expect("no time is NaN"));
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// What two looks at the clock cost, in nanoseconds: part of each short time.
pub fn clock_cost() -> f64 {
    let costs: Vec<f64> = (0..10_000).map(|_| nanoseconds(Instant::now().elapsed())).collect();
    median(&costs)
}

pub fn nanoseconds(time: Duration) -> f64 {
    time.as_nanos() as f64
}

/// What this machine is.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let count = std::thread::available_parallelism().map_or(1, |count| count.get());
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    format!(
        "{count} x {}, Linux {}, load {} at the start",
        model.unwrap_or("unknown"),
        kernel.trim(),
        load.split(' ').next().unwrap_or("unknown"),
    )
}
