//! Ctrl-C: the first press asks what is under way to end, the second ends the program.
//!
//! An inspection ends without a result, a repair takes back what it began. While results are printed,
//! or a question waits, nothing is left to end, so one press is enough. Other signals keep their usual
//! effect: the cache is replaced atomically, and a repair that is killed can be taken back.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aios_core::environments::inspection::Progress;

use crate::commands::Exit;
use crate::output::message;
use crate::output::text::typed;

static END_AT_ONCE: AtomicBool = AtomicBool::new(false);

/// The environment that is being repaired.
static UNDER_REPAIR: Mutex<Option<PathBuf>> = Mutex::new(None);

static ON_PRESS: Mutex<OnPress> = Mutex::new(OnPress::End);

/// What a press does.
enum OnPress {
    End,
    Nothing,
    Do(Box<dyn FnMut() + Send>),
}

/// From now on a press does this. Gives what it did before. When SIGINT is ignored (`nohup`, a background job of a
/// shell without job control) it stays ignored.
fn on_press(next: OnPress) -> OnPress {
    let before = std::mem::replace(&mut *known(&ON_PRESS), next);
    // It is there from the second time on. Without it a press ends the program, which is no worse than it was.
    let _ = ctrlc::try_set_handler(|| match &mut *known(&ON_PRESS) {
        OnPress::End => std::process::exit(Exit::Interrupted as i32),
        OnPress::Nothing => {}
        OnPress::Do(act) => act(),
    });
    before
}

fn known<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on the first press sets `progress.stop`.
pub(crate) fn stop_on_ctrl_c(progress: &Arc<Progress>) {
    END_AT_ONCE.store(false, Ordering::Relaxed);
    let progress = Arc::clone(progress);
    on_press(OnPress::Do(Box::new(move || {
        let under_repair = known(&UNDER_REPAIR);
        if END_AT_ONCE.swap(true, Ordering::Relaxed) {
            if let Some(prefix) = under_repair.as_deref() {
                message::error("ended in the middle of a repair", Some(&next_step(prefix)));
            }
            std::process::exit(Exit::Interrupted as i32);
        }
        progress.stop.store(true, Ordering::Relaxed);
        if under_repair.is_some() {
            message::note("interrupted: it ends cleanly; Ctrl-C once more ends it at once");
        }
    })));
}

/// From now on the first press does this, and the second ends the program.
pub(crate) fn on_ctrl_c(mut end: impl FnMut() + Send + 'static) {
    on_press(OnPress::Do(Box::new(move || {
        if END_AT_ONCE.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Interrupted as i32);
        }
        end();
    })));
}

/// From now on nothing happens: another process that has the same terminal is told too. One that takes the place
/// of this one has its usual ways again.
pub(crate) fn leave_to_another() {
    on_press(OnPress::Nothing);
}

/// Asks what ends with an error itself when Ctrl-C is pressed: ended at once, it would leave a terminal that shows
/// nothing.
pub(crate) fn left_to<T>(ask: impl FnOnce() -> T) -> T {
    let before = on_press(OnPress::Nothing);
    let answer = ask();
    on_press(before);
    answer
}

/// From now on the first press ends the program.
pub(crate) fn end_at_once_from_now() {
    END_AT_ONCE.store(true, Ordering::Relaxed);
}

/// From now on the first press sets `stop` of the progress again.
pub(crate) fn stop_again() {
    END_AT_ONCE.store(false, Ordering::Relaxed);
}

/// Asks: meanwhile the first press ends the program.
pub(crate) fn ends_at_once_while<T>(ask: impl FnOnce() -> T) -> T {
    END_AT_ONCE.store(true, Ordering::Relaxed);
    let answer = ask();
    END_AT_ONCE.store(false, Ordering::Relaxed);
    answer
}

/// Says of the environment that it is under repair, until the result is dropped.
pub(crate) fn under_repair(prefix: &Path) -> UnderRepair {
    *known(&UNDER_REPAIR) = Some(prefix.to_path_buf());
    UnderRepair
}

/// An environment is under repair.
pub(crate) struct UnderRepair;

impl Drop for UnderRepair {
    fn drop(&mut self) {
        *known(&UNDER_REPAIR) = None;
    }
}

/// How to end a repair that was interrupted.
pub(crate) fn next_step(prefix: &Path) -> String {
    let path = typed(prefix, None);
    format!("`aios repair --resume {path}` goes on, `aios repair --undo {path}` takes it back")
}
