//! What only Windows has.

use std::os::windows::fs::OpenOptionsExt;

use super::files::{Odd, check};
use super::*;

/// As a virus scanner or an editor may hold it.
#[test]
fn files_that_another_program_holds_open() {
    check(Odd::Special("held file", |path| {
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).share_mode(0).open(path).unwrap();
        // Held until this process ends.
        std::mem::forget(file);
    }));
}
