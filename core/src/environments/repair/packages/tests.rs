//! Environments broken in one way each: the plan, and that nothing is wrong after it.

use super::fabricated::{Built, apply, changed, mend, plan, unsolved, wheelhouse};
use crate::environments::health::Code;
use crate::environments::health::packages::fabricated::Fabricated;
use crate::environments::repair::Action;

mod files;
mod installs;
mod pips;
mod remembered;
mod sources;

const IDNA: [(&str, &[u8]); 3] = [
    ("idna/__init__.py", b"from . import core\n"),
    ("idna/core.py", b"def encode(text):\n    return text\n"),
    ("idna/data.bin", &[1, 2, 3]),
];

/// The wheel of these files, for any Python.
fn idna() -> Built {
    let built = Built::new("idna", "3.10", "py3-none-any");
    IDNA.iter().fold(built, |built, (path, content)| built.file(path, content))
}

/// An environment with `idna` as its wheel has it, and the wheel in the wheelhouse.
fn with_idna() -> Fabricated {
    let made = Fabricated::new();
    made.install("idna", "3.10", "", &IDNA);
    idna().write(&wheelhouse(&made));
    made
}
