//! A disk that fails.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::environments::repair::disk::{Disk, RealDisk};

/// Fails at one call: once, as a full disk does, or from then on, as a killed process does.
#[derive(Debug)]
pub(in super::super) struct Faulty {
    calls: AtomicUsize,
    at: usize,
    dies: bool,
    /// Set at that call, as Ctrl-C does; then no call fails.
    stop: Option<Arc<AtomicBool>>,
}

impl Faulty {
    pub(super) fn new(at: usize, dies: bool) -> Faulty {
        Faulty { calls: AtomicUsize::new(0), at, dies, stop: None }
    }

    /// Every call after so many fails, as after a kill.
    pub(in super::super) fn dying_after(calls: usize) -> Faulty {
        Faulty::new(calls, true)
    }

    /// Sets `stop` at that call.
    pub(super) fn stopping(at: usize, stop: &Arc<AtomicBool>) -> Faulty {
        Faulty { stop: Some(Arc::clone(stop)), ..Faulty::new(at, false) }
    }

    /// Counts all calls and fails at none.
    pub(super) fn counting() -> Faulty {
        Faulty::new(usize::MAX, false)
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn call(&self, real: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(stop) = &self.stop {
            stop.fetch_or(call == self.at, Ordering::Relaxed);
            return real();
        }
        if call == self.at || self.dies && call > self.at {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        real()
    }
}

impl Disk for Faulty {
    fn create(&self, path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
        if self.stop.is_none() && self.calls() == self.at {
            // A write that ends early leaves what it wrote.
            RealDisk.create(path, &content[..content.len() / 2], mode)?;
        }
        self.call(|| RealDisk.create(path, content, mode))
    }
    fn copy(&self, from: &Path, to: &Path, mode: u32) -> io::Result<()> {
        if self.stop.is_none() && self.calls() == self.at {
            RealDisk.create(to, b"half", mode)?;
        }
        self.call(|| RealDisk.copy(from, to, mode))
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| RealDisk.hard_link(from, to))
    }
    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.call(|| RealDisk.symlink(target, path))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| RealDisk.rename(from, to))
    }
    fn exchange(&self, a: &Path, b: &Path) -> io::Result<()> {
        self.call(|| RealDisk.exchange(a, b))
    }
    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.call(|| RealDisk.set_mode(path, mode))
    }
    fn take_owner(&self, path: &Path, of: &Path) -> io::Result<()> {
        self.call(|| RealDisk.take_owner(path, of))
    }
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.call(|| RealDisk.make_folder(path))
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.call(|| RealDisk.remove_file(path))
    }
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.call(|| RealDisk.remove_folder(path))
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.call(|| RealDisk.sync_folder(path))
    }
}
