//! What every exported function runs in: a panic becomes a status, and an error the last one of its thread.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::last_error;
use crate::status::{Error, aios_status};

/// Runs the body of the function that C knows by this name.
pub(crate) fn guard(name: &'static str, body: impl FnOnce() -> Result<(), Error>) -> aios_status {
    // What a panic left half done is behind a lock that is taken over as it is, and all that is behind
    // locks is whole between any two statements.
    let body = AssertUnwindSafe(|| {
        planted(name);
        body()
    });
    match catch_unwind(body) {
        Ok(Ok(())) => aios_status::Ok,
        Ok(Err(error)) => last_error::set(error),
        Err(panic) => last_error::set(Error::panic(name, &said(panic))),
    }
}

/// The same for what returns no status and cannot fail.
pub(crate) fn guard_or<T>(instead: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        drop(said(panic));
        instead
    })
}

/// What a function is to write to.
pub(crate) fn needed<'a, T>(out: Option<&'a mut T>, what: &str) -> Result<&'a mut T, Error> {
    out.ok_or_else(|| Error::null(what))
}

/// What a panic said.
fn said(panic: Box<dyn Any + Send>) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    // What is thrown may be anything, and dropping it may panic too.
    std::mem::forget(panic);
    text.unwrap_or_else(|| "no reason was given".to_owned())
}

/// Panics in the function that `AIOS_TEST_PANIC` names: the only way to see one from C. Not in releases.
#[cfg(debug_assertions)]
fn planted(name: &str) {
    if std::env::var_os("AIOS_TEST_PANIC").is_some_and(|planted| planted == name) {
        panic!("planted by AIOS_TEST_PANIC");
    }
}

#[cfg(not(debug_assertions))]
fn planted(_: &str) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_status() {
        assert_eq!(guard("aios_x", || panic!("of {}", 1)), aios_status::Panic);
        assert_eq!(guard("aios_x", || std::panic::panic_any(Bomb)), aios_status::Panic);
        assert_eq!(guard_or(7, || panic!("of nothing")), 7);
        assert_eq!(guard("aios_x", || Ok(())), aios_status::Ok);
    }

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("once more");
        }
    }
}
