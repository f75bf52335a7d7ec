//! Ctrl-C: the first press asks the inspection to end, the second ends the program.
//!
//! While results are printed nothing is left to end cleanly, so one press is enough. Other signals
//! keep their usual effect: the only file that is written, the cache, is replaced atomically.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aios_core::environments::inspection::Progress;

use crate::commands::Exit;

static END_AT_ONCE: AtomicBool = AtomicBool::new(false);

/// From now on the first press sets `progress.stop`. When SIGINT is ignored (`nohup`, a background
/// job of a shell without job control) it stays ignored.
pub(crate) fn stop_on_ctrl_c(progress: &Arc<Progress>) {
    END_AT_ONCE.store(false, Ordering::Relaxed);
    let progress = Arc::clone(progress);
    // Without a handler the first press ends the program, which is no worse than it was.
    let _ = ctrlc::try_set_handler(move || {
        if END_AT_ONCE.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Interrupted as i32);
        }
        progress.stop.store(true, Ordering::Relaxed);
    });
}

/// From now on the first press ends the program.
pub(crate) fn end_at_once_from_now() {
    END_AT_ONCE.store(true, Ordering::Relaxed);
}
