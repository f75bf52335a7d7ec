//! Memory as 64-bit words, for algorithms that are written once: over shared memory, and over the words of a
//! model checker in tests.

use std::sync::atomic::Ordering;

/// Words at offsets that are multiples of eight. Fences have names, so that a test can leave one out and must
/// see its model fail.
pub trait Words {
    /// Loads the word at an offset.
    fn load(&self, at: usize, ordering: Ordering) -> u64;

    /// Stores the word at an offset.
    fn store(&self, at: usize, value: u64, ordering: Ordering);

    /// A fence; the name says which of the algorithm's it is.
    fn fence(&self, name: &'static str, ordering: Ordering);
}
