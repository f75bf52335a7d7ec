//! Execute bits and read bits that were lost. Windows has neither.
//!
//! Given back is what files of an installer have: never more than the folder around a file gives, never
//! a right to write for anybody but the owner, and nothing for files that no installer put there.

use super::{Case, Plan};

pub(super) fn plan(case: &Case<'_>, plan: &mut Plan) {
    #[cfg(unix)]
    unix::plan(case, plan);
    #[cfg(not(unix))]
    let _ = (case, plan);
}

#[cfg(unix)]
mod unix;
