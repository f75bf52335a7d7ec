//! One environment never hides the others, not even by a mistake of ours.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::environments::Problem;

/// Runs what looks at one place. A panic in it ends in a problem of that place; without this, the
/// other threads would wait for its result for ever.
pub(super) fn guarded(place: &Path, look: impl FnOnce()) -> Option<Problem> {
    // What is shared stands behind locks, and nobody panics while holding one.
    catch_unwind(AssertUnwindSafe(look)).err().map(|_| {
        let message = "could not be looked at: this is a mistake in aios; please report it with what \
                       stderr says";
        Problem::new(place, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_problem() {
        let place = Path::new("/env");
        assert_eq!(guarded(place, || {}), None);
        let problem = guarded(place, || panic!("on purpose")).unwrap();
        assert_eq!(problem.path, place);
    }
}
