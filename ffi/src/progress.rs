//! `aios_progress`: how far a call in another thread is, and the wish that it ends.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aios_core::environments::inspection;

use crate::boundary::{guard, needed};
use crate::handle::{self, Kind, Object};
use crate::sized::{fill, sized};
use crate::status::{Error, aios_status};

/// How far a look or a repair is that was given it, for another thread to watch, or to end it by. One for each call:
/// it counts on, and stays cancelled.
pub struct aios_progress {
    _opaque: [u8; 0],
}

/// Counts so far.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_progress_info {
    pub struct_size: usize,
    /// Folders that were read.
    pub folders: u64,
    /// Environments that were found.
    pub environments: u64,
    /// Those of them that were checked.
    pub checked: u64,
}

sized!(aios_progress_info: 32 { folders: 8, environments: 16, checked: 24 });

#[derive(Clone, Default)]
pub(crate) struct Progress(Arc<inspection::Progress>);

impl Object for Progress {
    type C = aios_progress;
    const KIND: Kind = Kind::Progress;
}

impl Progress {
    /// The one that a caller gives, or one that nobody watches.
    pub(crate) fn of(given: *const aios_progress) -> Result<Progress, Error> {
        if given.is_null() {
            return Ok(Progress::default());
        }
        Ok((*handle::get::<Progress>(given)?).clone())
    }

    pub(crate) fn counts(&self) -> Arc<inspection::Progress> {
        Arc::clone(&self.0)
    }

    pub(crate) fn stop(&self) -> &AtomicBool {
        &self.0.stop
    }

    /// An error once it was cancelled.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.0.stop.load(Ordering::Relaxed) {
            return Err(Error::new(aios_status::Cancelled, "it was cancelled", ""));
        }
        Ok(())
    }
}

/// One for a call.
#[unsafe(no_mangle)]
pub extern "C" fn aios_progress_open(
    progress: Option<&mut MaybeUninit<*mut aios_progress>>,
) -> aios_status {
    guard("aios_progress_open", || {
        needed(progress, "`progress`")?.write(handle::open(Progress::default()));
        Ok(())
    })
}

/// How far it is.
#[unsafe(no_mangle)]
pub extern "C" fn aios_progress_about(
    progress: *const aios_progress,
    info: *mut aios_progress_info,
) -> aios_status {
    guard("aios_progress_about", || {
        let counts = handle::get::<Progress>(progress)?.counts();
        // Relaxed: each is a number for people, of any moment.
        let so_far = |count: &AtomicUsize| count.load(Ordering::Relaxed) as u64;
        fill(
            info,
            &aios_progress_info {
                struct_size: size_of::<aios_progress_info>(),
                folders: so_far(&counts.folders),
                environments: so_far(&counts.environments),
                checked: so_far(&counts.checked),
            },
        )
    })
}

/// Asks the call to end: it fails with `AIOS_STATUS_CANCELLED`, soon. A look that is cancelled remembers nothing; a
/// repair is taken back.
#[unsafe(no_mangle)]
pub extern "C" fn aios_progress_cancel(progress: *mut aios_progress) -> aios_status {
    guard("aios_progress_cancel", || {
        handle::get::<Progress>(progress)?.stop().store(true, Ordering::Relaxed);
        Ok(())
    })
}

/// Closes it; the call that it was given to goes on.
#[unsafe(no_mangle)]
pub extern "C" fn aios_progress_close(progress: *mut aios_progress) -> aios_status {
    guard("aios_progress_close", || handle::close::<Progress>(progress))
}
