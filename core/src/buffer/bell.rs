//! Waiting for records without a lost wake-up.
//!
//! Who waits says so, looks once more, and sleeps while the word of the bell stays as it is. A writer looks
//! after each commit whether somebody waits. The two fences ([`Site::Committed`], [`Site::Waiting`]) see to it
//! that one of both sees the other. A writer that rings takes the flag away: who was killed in his sleep
//! leaves it behind for one ring, and not for ever.

use super::layout::bell::{WAITING, WORD};
use super::words::{SharedWords, Site};

/// Wakes who waits. After a commit, and a fence.
#[inline]
pub(super) fn ring<W: SharedWords + ?Sized>(words: &W, wake: impl FnOnce()) {
    let seen = words.load(WORD, Site::Plain);
    if seen & WAITING != 0 {
        ring_now(words, seen, wake);
    }
}

/// Takes the flag away, and counts the ring with what it carries. Where the word is another one by now,
/// somebody else rang.
#[cold]
fn ring_now<W: SharedWords + ?Sized>(words: &W, seen: u64, wake: impl FnOnce()) {
    if words.exchange(WORD, seen, seen.wrapping_add(WAITING), Site::Plain).is_ok() {
        wake();
    }
}

/// Looks whether there is something, and sleeps until somebody rings where there is nothing. `fence` is that of
/// [`Site::Waiting`]; `sleep` returns at once when the word is another one than this. Whether there was
/// something.
pub(super) fn wait<W: SharedWords + ?Sized>(
    words: &W,
    fence: impl FnOnce(),
    look: impl FnOnce() -> bool,
    sleep: impl FnOnce(u64),
) -> bool {
    let mut seen = words.load(WORD, Site::Plain);
    while seen & WAITING == 0 {
        match words.exchange(WORD, seen, seen | WAITING, Site::Plain) {
            Ok(_) => seen |= WAITING,
            Err(now) => seen = now,
        }
    }
    fence();
    let found = look();
    if !found {
        sleep(seen);
    }
    found
}
