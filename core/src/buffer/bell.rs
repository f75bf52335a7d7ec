//! Waiting for records without a lost wake-up.
//!
//! Who waits says so, looks once more, and sleeps while nobody rang. A writer looks after each commit
//! whether somebody waits. The two fences ([`Site::Committed`], [`Site::Waiting`]) see to it that one of both
//! sees the other. A writer that rings takes the flag away: who was killed in his sleep leaves it behind
//! for one ring, and not for ever.

use super::layout::bell;
use super::words::{SharedWords, Site};

/// Wakes who waits. After a commit, and a fence.
#[inline]
pub(super) fn ring<W: SharedWords + ?Sized>(words: &W, wake: impl FnOnce()) {
    if words.load(bell::WAITING, Site::Plain) != 0 {
        ring_now(words, wake);
    }
}

#[cold]
fn ring_now<W: SharedWords + ?Sized>(words: &W, wake: impl FnOnce()) {
    words.store(bell::WAITING, 0, Site::Plain);
    words.fetch_add(bell::RINGS, 1, Site::Ring);
    wake();
}

/// Looks whether there is something, and sleeps until somebody rings where there is nothing. `fence` is that of
/// [`Site::Waiting`]; `sleep` returns at once when the number of rings is another one than this. Whether there
/// was something.
pub(super) fn wait<W: SharedWords + ?Sized>(
    words: &W,
    fence: impl FnOnce(),
    look: impl FnOnce() -> bool,
    sleep: impl FnOnce(u64),
) -> bool {
    let rings = words.load(bell::RINGS, Site::Listen);
    words.store(bell::WAITING, 1, Site::Plain);
    fence();
    let found = look();
    if !found {
        sleep(rings);
    }
    found
}
