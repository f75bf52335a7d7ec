//! A line on stderr while the inspection works: only on a terminal, only after half a second.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use aios_core::environments::inspection::Progress;
use indicatif::{ProgressBar, ProgressStyle};

const QUIET_FOR: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_millis(100);

/// The line; it is cleared when this is dropped.
pub(crate) struct Shown {
    /// Dropping the sender wakes the thread; nothing is ever sent.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Shows the counters until the result is dropped; `None` where nobody would see it.
pub(crate) fn show(progress: &Arc<Progress>) -> Option<Shown> {
    let progress = Arc::clone(progress);
    show_line(move || counters(&progress))
}

/// The same with another text, which must be safe to show.
pub(crate) fn show_line(text: impl Fn() -> String + Send + 'static) -> Option<Shown> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let (end, ended) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        if ended.recv_timeout(QUIET_FOR) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let line = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
        while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            line.set_message(text());
            line.tick();
        }
        line.finish_and_clear();
    });
    Some(Shown { end: Some(end), thread: Some(thread) })
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread cost us the line, nothing else.
            let _ = thread.join();
        }
    }
}

fn counters(progress: &Progress) -> String {
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let mut text = format!(
        "{} folders, {} environments",
        count(&progress.folders),
        count(&progress.environments)
    );
    let checked = count(&progress.checked);
    if checked > 0 {
        text.push_str(&format!(", {checked} checked"));
    }
    if progress.stop.load(Ordering::Relaxed) {
        text.push_str("; stopping");
    }
    text
}
