//! `aios_state`: what `aios serve` publishes, read in shared memory.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aios_core::publish::{self, Reader};
use aios_core::segment::{self, Place};

use crate::boundary::{guard, needed};
use crate::engine::{Engine, aios_engine};
use crate::environments::{Environments, aios_environments};
use crate::handle::{self, Kind, Object};
use crate::published::{Pinned, Shared};
use crate::sized::{fill, sized};
use crate::status::{Error, aios_status};
use crate::view::aios_str;

/// The newest state of all environments, which another process publishes. Reading it calls nobody, waits for
/// nobody, and copies nothing.
pub struct aios_state {
    _opaque: [u8; 0],
}

/// How a published state is now.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_state_info {
    pub struct_size: usize,
    /// Counts what was published; 0 before anything is. Another number than before: there is news to pin.
    pub version: u64,
    /// 1 when its publisher ended: it stays as it is, and a new one is opened by `aios_state_open`.
    pub is_closed: u32,
    /// 1 when its publisher lives. 0 and not closed: it was killed, and may be started again.
    pub is_published: u32,
}

sized!(aios_state_info: 24 { version: 8, is_closed: 16, is_published: 20 });

/// What a published list is as a whole.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_published {
    pub struct_size: usize,
    /// Of the state that is pinned.
    pub version: u64,
    /// When the environments were last looked at, in milliseconds since 1970.
    pub time_ms: u64,
    /// The snapshot that remembers them; 0 for none.
    pub snapshot: u64,
    /// The version of aios that published it.
    pub engine: aios_str,
    /// How many environments are healthy, ...
    pub healthy: u32,
    pub warning: u32,
    pub broken: u32,
    pub reserved: u32,
}

sized!(aios_published: 64 {
    version: 8, time_ms: 16, snapshot: 24, engine: 32, healthy: 48, warning: 52, broken: 56, reserved: 60,
});

struct State(Arc<Shared>);

impl Object for State {
    type C = aios_state;
    const KIND: Kind = Kind::State;
}

impl From<segment::Error> for Error {
    fn from(error: segment::Error) -> Error {
        use segment::Error::{Foreign, Full, Missing, NoRow, NotReady, Owned, Unfit};
        let status = match &error {
            Missing { .. } => aios_status::NotFound,
            NotReady { .. } | Owned { .. } | NoRow { .. } => aios_status::Busy,
            Foreign { .. } => aios_status::Foreign,
            Unfit { .. } => aios_status::Damaged,
            Full { .. } => aios_status::Io,
            _ => aios_status::Io,
        };
        Error::new(status, error, "")
    }
}

impl From<publish::Error> for Error {
    fn from(error: publish::Error) -> Error {
        let status = match error {
            publish::Error::Segment(error) => return error.into(),
            publish::Error::TooManyViews => aios_status::Busy,
            publish::Error::Damaged { .. } => aios_status::Damaged,
            _ => aios_status::Argument,
        };
        Error::new(status, error, "")
    }
}

/// Where an engine's instance of the service lives; nothing is made.
pub(crate) fn place_of(engine: &Engine) -> Result<Place, Error> {
    let folder = engine.folder()?;
    if !folder.is_dir() {
        let message = format!("nothing is published for `{}`", folder.display());
        return Err(Error::new(aios_status::NotFound, message, "start `aios serve`"));
    }
    Ok(Place::of(&engine.host, folder)?)
}

/// Opens what is published for the folder of an engine. `AIOS_STATUS_NOT_FOUND` when nothing is: start `aios serve`.
/// It outlives the engine.
#[unsafe(no_mangle)]
pub extern "C" fn aios_state_open(
    engine: *const aios_engine,
    state: Option<&mut MaybeUninit<*mut aios_state>>,
) -> aios_status {
    guard("aios_state_open", || {
        let out = needed(state, "`state`")?;
        let engine = handle::get::<Engine>(engine)?;
        let reader = Reader::open(&place_of(&engine)?)?;
        out.write(handle::open(State(Arc::new(Shared::of(reader)))));
        Ok(())
    })
}

/// How it is now.
#[unsafe(no_mangle)]
pub extern "C" fn aios_state_about(
    state: *const aios_state,
    info: *mut aios_state_info,
) -> aios_status {
    guard("aios_state_about", || {
        let State(shared) = &*handle::get::<State>(state)?;
        fill(
            info,
            &aios_state_info {
                struct_size: size_of::<aios_state_info>(),
                version: shared.version(),
                is_closed: u32::from(shared.is_closed()),
                is_published: u32::from(shared.is_published()?),
            },
        )
    })
}

/// The environments that are published now. They are pinned, and read in place, until the list is closed: at most
/// a few lists of one `aios_state` at once (`AIOS_STATUS_BUSY`), so close each before long.
/// `AIOS_STATUS_NOT_FOUND` before anything is published.
#[unsafe(no_mangle)]
pub extern "C" fn aios_state_pin(
    state: *const aios_state,
    environments: Option<&mut MaybeUninit<*mut aios_environments>>,
) -> aios_status {
    guard("aios_state_pin", || {
        let out = needed(environments, "`environments`")?;
        let State(shared) = &*handle::get::<State>(state)?;
        let none = || Error::not_found("nothing is published yet");
        let pinned = Pinned::of(shared)?.ok_or_else(none)?;
        out.write(handle::open(Environments::Published(pinned)));
        Ok(())
    })
}

/// What a list of `aios_state_pin` is as a whole. `AIOS_STATUS_ARGUMENT` for others.
#[unsafe(no_mangle)]
pub extern "C" fn aios_environments_published(
    environments: *const aios_environments,
    published: *mut aios_published,
) -> aios_status {
    guard("aios_environments_published", || {
        let all = handle::get::<Environments>(environments)?;
        let Environments::Published(pinned) = &*all else {
            return Err(Error::argument("the list is none of `aios_state_pin`"));
        };
        let counts = pinned.list.counts();
        fill(
            published,
            &aios_published {
                struct_size: size_of::<aios_published>(),
                version: pinned.version(),
                time_ms: ms_of(pinned.list.time()),
                snapshot: pinned.list.snapshot().unwrap_or_default(),
                engine: aios_str::of(pinned.list.engine()),
                healthy: counts.healthy,
                warning: counts.warning,
                broken: counts.broken,
                reserved: 0,
            },
        )
    })
}

/// Closes it; lists that came from it stay.
#[unsafe(no_mangle)]
pub extern "C" fn aios_state_close(state: *mut aios_state) -> aios_status {
    guard("aios_state_close", || handle::close::<State>(state))
}

fn ms_of(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
