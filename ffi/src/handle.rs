//! What a handle is: a number, in the clothes of a pointer, that a table leads to an object by.
//!
//! ```text
//! 63                            5  1  0
//! count of handles opened so far | kind | 1
//! ```
//!
//! No number is given twice, and the last bit is set, which no address of an object of C has. So a handle
//! that was closed, is of another kind, or never was one, is recognised and not followed.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::status::Error;

/// What is behind a type of handles. `C` is the type that C has for it.
pub(crate) trait Object: Any + Send + Sync {
    type C;
    const KIND: Kind;
}

/// The types of handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Engine = 1,
    Environments,
    Plan,
    Snapshot,
    Snapshots,
    Entries,
    Changes,
    Recollections,
    Blob,
    State,
    Buffer,
    Writer,
    Reader,
    Subscription,
    Progress,
}

impl Kind {
    fn bits(self) -> usize {
        (self as usize) << 1 | 1
    }
}

const COUNT_SHIFT: u32 = 5;

static NEXT: AtomicUsize = AtomicUsize::new(1);
static OPEN: RwLock<BTreeMap<usize, Arc<dyn Any + Send + Sync>>> = RwLock::new(BTreeMap::new());

/// A handle to an object, which lives until it is closed.
pub(crate) fn open<T: Object>(object: T) -> *mut T::C {
    // Relaxed: only that no two are equal matters; the lock below orders what is behind them.
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    let handle = count << COUNT_SHIFT | T::KIND.bits();
    OPEN.write().unwrap_or_else(PoisonError::into_inner).insert(handle, Arc::new(object));
    std::ptr::without_provenance_mut(handle)
}

/// The object of a handle. It outlives the handle for as long as it is held here.
pub(crate) fn get<T: Object>(handle: *const T::C) -> Result<Arc<T>, Error> {
    let number = number_of::<T>(handle)?;
    let open = OPEN.read().unwrap_or_else(PoisonError::into_inner);
    let object = open.get(&number).cloned().ok_or_else(|| Error::handle("is closed"))?;
    drop(open);
    object.downcast::<T>().map_err(|_| Error::handle("is of another type"))
}

/// Closes a handle. NULL, and one that is closed, are fine.
pub(crate) fn close<T: Object>(handle: *mut T::C) -> Result<(), Error> {
    if handle.is_null() {
        return Ok(());
    }
    let number = number_of::<T>(handle)?;
    let closed = OPEN.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
    // Dropped here, when nobody waits for the table.
    drop(closed);
    Ok(())
}

/// The number of what may have been a handle of this type.
fn number_of<T: Object>(handle: *const T::C) -> Result<usize, Error> {
    if handle.is_null() {
        return Err(Error::null("the handle"));
    }
    let number = handle.addr();
    let count = number >> COUNT_SHIFT;
    let was_given = count > 0 && count < NEXT.load(Ordering::Relaxed) && number & 1 == 1;
    if !was_given {
        return Err(Error::handle("was never opened"));
    }
    let kind = number & ((1 << COUNT_SHIFT) - 1);
    if kind != T::KIND.bits() {
        return Err(Error::handle("is of another type"));
    }
    Ok(number)
}

/// Handles that are open: what tests count.
#[cfg(test)]
pub(crate) fn count() -> usize {
    OPEN.read().unwrap_or_else(PoisonError::into_inner).len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::aios_status;

    struct C;
    struct One(u32);
    struct Other;

    impl Object for One {
        type C = C;
        const KIND: Kind = Kind::Blob;
    }

    impl Object for Other {
        type C = C;
        const KIND: Kind = Kind::Plan;
    }

    #[test]
    fn what_is_no_handle_is_a_status() {
        let handle = open(One(7));
        assert_eq!(get::<One>(handle).map(|one| one.0).ok(), Some(7));
        assert_eq!(get::<Other>(handle).err().unwrap().status, aios_status::Handle);
        assert_eq!(close::<Other>(handle).err().unwrap().status, aios_status::Handle);
        let held = get::<One>(handle).ok().unwrap();
        assert!(close::<One>(handle).is_ok() && close::<One>(handle).is_ok());
        assert_eq!(held.0, 7);
        assert_eq!(get::<One>(handle).err().unwrap().status, aios_status::Handle);
        assert_eq!(get::<One>(std::ptr::null()).err().unwrap().status, aios_status::Null);
        assert!(close::<One>(std::ptr::null_mut()).is_ok());
        let local = 0_u64;
        for odd in [1, 2, 32, usize::MAX, (&raw const local).addr()] {
            let odd = std::ptr::without_provenance_mut(odd);
            assert_eq!(get::<One>(odd).err().unwrap().status, aios_status::Handle);
            assert_eq!(close::<One>(odd).err().unwrap().status, aios_status::Handle);
        }
    }

    #[test]
    fn handles_of_many_threads() {
        let work = || {
            for number in 0..500 {
                let handle = open(One(number));
                assert_eq!(get::<One>(handle).map(|one| one.0).ok(), Some(number));
                assert!(close::<One>(handle).is_ok());
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(work);
            }
        });
        assert!(count() < 100);
    }
}
