//! `aios_subscription`: a function of the caller, called with each record of a buffer.

use std::cell::Cell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aios_core::buffer::{Item, Reader};

use crate::boundary::{guard, guard_or, needed};
use crate::buffer::{Buffer, aios_buffer};
use crate::handle::{self, Kind, Object};
use crate::reader::{Told, aios_event, aios_record, is_event, start_of, told};
use crate::status::{Error, aios_status};

/// What calls a function with each record; until it is closed, or the function says that it is enough.
pub struct aios_subscription {
    _opaque: [u8; 0],
}

/// What a subscription calls: with the pointer that it was made with, a record or gap, and the event that the record
/// is, else NULL. Both are valid during the call. NULL for a record means that the service ended, or made another
/// buffer: it is the last call. 0 means go on; with anything else this was the last call.
///
/// Each subscription has a thread of the library that calls, after its handle was put out. It may call every function
/// of this library, and close its own subscription. It must not throw, nor leave by `longjmp`.
pub type aios_on_record = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        record: *const aios_record,
        event: *const aios_event,
    ) -> u32,
>;

/// What is called once, with the same pointer, when no call can come any more: what it leads to may be freed.
pub type aios_on_release = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// How long a thread may sleep on after its subscription was closed: it calls nothing then.
const SLICE: Duration = Duration::from_millis(250);

thread_local! {
    /// Whether this thread is in a call of a subscription.
    static CALLING: Cell<bool> = const { Cell::new(false) };
}

/// What the caller gave.
struct Callback {
    function: unsafe extern "C" fn(*mut c_void, *const aios_record, *const aios_event) -> u32,
    user: *mut c_void,
    release: aios_on_release,
}

impl Drop for Callback {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: as for the function in `Gate::call`; it is called once, since this is dropped once.
            unsafe { release(self.user) };
        }
    }
}

// SAFETY: nothing is read through the pointer here; that another thread may call with it is what the caller says by
// subscribing.
unsafe impl Send for Callback {}

/// The way from whoever closes a subscription to the thread that calls.
struct Gate {
    is_ended: AtomicBool,
    /// Held during each call. Nothing when it was released.
    callback: Mutex<Option<Callback>>,
}

impl Gate {
    fn is_ended(&self) -> bool {
        self.is_ended.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Callback>> {
        self.callback.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No call begins after this. One that is under way has ended too, unless this is in a call itself, which would
    /// wait for itself, or for one that waits for it: the thread releases what was given then.
    fn end(&self) {
        self.is_ended.store(true, Ordering::SeqCst);
        if !CALLING.get() {
            let released = self.lock().take();
            // Without the lock: it may call functions of this library.
            drop(released);
        }
    }

    /// Calls, unless it was ended. Whether to go on.
    fn call(&self, record: *const aios_record, event: *const aios_event) -> bool {
        let callback = self.lock();
        // Looked at with the lock: whoever ends it after this waits for the end of this call.
        let Some(callback) = callback.as_ref().filter(|_| !self.is_ended()) else { return false };
        CALLING.set(true);
        // SAFETY: the function is called as it was declared; that `user` is what it takes, and that it does not
        // unwind, is what the caller says by subscribing.
        let said = unsafe { (callback.function)(callback.user, record, event) };
        CALLING.set(false);
        said == 0 && !self.is_ended()
    }
}

struct Subscription(Arc<Gate>);

impl Object for Subscription {
    type C = aios_subscription;
    const KIND: Kind = Kind::Subscription;
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn follow(gate: &Gate, mut reader: Reader) {
    while !gate.is_ended() {
        // Asked before what there is is read, so that nothing that was appended until then is missed.
        let is_closed = reader.is_closed();
        while let Some(item) = reader.next() {
            if !tell(gate, &item) {
                return;
            }
        }
        if is_closed {
            gate.call(std::ptr::null(), std::ptr::null());
            return;
        }
        reader.wait(SLICE);
    }
}

fn tell(gate: &Gate, item: &Item<'_>) -> bool {
    let record = told(item);
    let event = match item {
        Item::Record(found) if is_event(item) => Told::of(found.bytes),
        _ => None,
    };
    let view = event.as_ref().map(Told::view);
    let event = view.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    gate.call(&raw const record, event)
}

/// Calls a function with each record of a buffer, beginning at an `aios_start`. `user` goes to every call, and to
/// `release`, which may be NULL, when this succeeds. The buffer may be closed meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn aios_subscribe(
    buffer: *const aios_buffer,
    start: u32,
    function: aios_on_record,
    user: *mut c_void,
    release: aios_on_release,
    subscription: Option<&mut MaybeUninit<*mut aios_subscription>>,
) -> aios_status {
    guard("aios_subscribe", || {
        let out = needed(subscription, "`subscription`")?;
        let function = function.ok_or_else(|| Error::null("`function`"))?;
        let reader = handle::get::<Buffer>(buffer)?.0.reader(start_of(start)?);
        let gate = Arc::new(Gate { is_ended: AtomicBool::new(false), callback: Mutex::new(None) });
        // It calls nothing before the caller knows the handle.
        let mut callback = gate.lock();
        let theirs = Arc::clone(&gate);
        std::thread::Builder::new()
            .name("aios-subscription".to_owned())
            .spawn(move || {
                guard_or((), || follow(&theirs, reader));
                guard_or((), || theirs.end());
            })
            .map_err(|error| {
                Error::new(aios_status::Io, format_args!("cannot start a thread: {error}"), "")
            })?;
        *callback = Some(Callback { function, user, release });
        out.write(handle::open(Subscription(Arc::clone(&gate))));
        Ok(())
    })
}

/// Ends a subscription. No call begins after this returns; one that was under way has ended, and what was given is
/// released: so the caller holds no lock that its function waits for. In a call of a subscription it does not wait:
/// that call is the last, and what was given is released within a second of its end.
#[unsafe(no_mangle)]
pub extern "C" fn aios_subscription_close(subscription: *mut aios_subscription) -> aios_status {
    guard("aios_subscription_close", || {
        // Another thread that closes it may have its object still.
        if let Ok(open) = handle::get::<Subscription>(subscription) {
            open.0.end();
        }
        handle::close::<Subscription>(subscription)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use aios_core::Host;
    use aios_core::buffer::{ContextBuffer, Kind as RecordKind, Options};
    use aios_core::segment::Place;
    use tempfile::TempDir;

    use super::*;
    use crate::buffer::{aios_buffer_close, aios_buffer_open};
    use crate::engine::{aios_engine_close, aios_engine_open, aios_engine_options};
    use crate::view::aios_str;

    /// What a test is told: how long a record was, or that there is none.
    unsafe extern "C" fn tells(
        user: *mut c_void,
        record: *const aios_record,
        _: *const aios_event,
    ) -> u32 {
        // SAFETY: it is the sender of the test below; a record is NULL or valid during the call.
        let (told, record) = unsafe { (&*user.cast::<Sender<Option<usize>>>(), record.as_ref()) };
        told.send(record.map(|record| record.bytes.len)).unwrap();
        0
    }

    unsafe extern "C" fn releases(user: *mut c_void) {
        // SAFETY: the test below made it of a box, and this is called once.
        drop(unsafe { Box::from_raw(user.cast::<Sender<Option<usize>>>()) });
    }

    fn opened<C>(open: impl FnOnce(&mut MaybeUninit<*mut C>) -> aios_status) -> *mut C {
        let mut out = MaybeUninit::uninit();
        assert_eq!(open(&mut out), aios_status::Ok);
        // SAFETY: it is written on success.
        unsafe { out.assume_init() }
    }

    fn subscribed(buffer: *const aios_buffer) -> (*mut aios_subscription, Receiver<Option<usize>>) {
        let (told, seen) = channel();
        let user = Box::into_raw(Box::new(told)).cast();
        let subscription =
            opened(|out| aios_subscribe(buffer, 1, Some(tells), user, Some(releases), Some(out)));
        (subscription, seen)
    }

    #[test]
    fn the_end_of_the_service_is_the_last_call() {
        let folder = TempDir::new().unwrap();
        let place = Place::make(&Host::current().unwrap(), folder.path()).unwrap();
        let options = Options { chunk_bytes: 4096, chunk_count: 64 };
        let service = ContextBuffer::create(&place, &options).unwrap();
        let path = aios_str::of_path(folder.path());
        let options = aios_engine_options {
            struct_size: size_of::<aios_engine_options>(),
            folder: path,
            patience_ms: 0,
            reserved: 0,
        };
        let engine = opened(|out| aios_engine_open(&raw const options, Some(out)));
        let buffer = opened(|out| aios_buffer_open(engine, Some(out)));
        let (subscription, seen) = subscribed(buffer);
        let (closed, nothing) = subscribed(buffer);
        assert_eq!(aios_subscription_close(closed), aios_status::Ok);
        assert_eq!(aios_engine_close(engine), aios_status::Ok);
        assert_eq!(aios_buffer_close(buffer), aios_status::Ok);
        let mut writer = service.writer().unwrap();
        writer.append(RecordKind::Opaque(1), b"last").unwrap();
        drop((writer, service));
        // All that was appended, the end, and then nothing any more: what was given is released.
        assert_eq!(seen.iter().collect::<Vec<_>>(), [Some(4), None]);
        assert_eq!(nothing.iter().count(), 0);
        assert_eq!(aios_subscription_close(subscription), aios_status::Ok);
    }
}
