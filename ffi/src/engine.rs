//! `aios_engine`: whose machine is looked at, and where what is seen is remembered.

use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aios_core::Host;
use aios_core::engine::{self, Engine as Writer, Memory};

use crate::boundary::{guard, needed};
use crate::context::Pending;
use crate::handle::{self, Kind, Object};
use crate::sized::{read_maybe, sized};
use crate::status::{Error, aios_status};
use crate::view::aios_str;

/// This machine, as the process is: its user, variables and current folder when it was opened. It keeps no
/// file open, so any number of them may be open, in one process and in many.
pub struct aios_engine {
    _opaque: [u8; 0],
}

/// How an engine is opened.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_engine_options {
    pub struct_size: usize,
    /// The folder in which things are remembered: absent for the usual one, which `AIOS_HOME` names or else
    /// the system. It is made when something is first remembered.
    pub folder: aios_str,
    /// So many milliseconds a call waits for another process that writes; 0 for the usual 30,000.
    pub patience_ms: u32,
    pub reserved: u32,
}

sized!(aios_engine_options: 32 { folder: 8, patience_ms: 24, reserved: 28 });

/// What is behind an engine.
pub(crate) struct Engine {
    pub(crate) host: Host,
    folder: Option<PathBuf>,
    patience: Duration,
    pending: Mutex<Pending>,
}

impl Object for Engine {
    type C = aios_engine;
    const KIND: Kind = Kind::Engine;
}

impl Engine {
    /// The folder in which things are remembered.
    pub(crate) fn folder(&self) -> Result<&Path, Error> {
        self.folder.as_deref().ok_or_else(|| {
            let message = "there is no folder to remember things in";
            let hint =
                "give `aios_engine_options.folder`, or set `AIOS_HOME` before the engine is opened";
            Error::new(aios_status::NoPlace, message, hint)
        })
    }

    /// Waits for the right to write, which is given back when it is dropped.
    pub(crate) fn writer(&self) -> Result<Writer, Error> {
        Ok(Writer::open_within(&self.host, self.folder()?, self.patience)?)
    }

    /// What is remembered; nothing may ever have been.
    pub(crate) fn memory(&self) -> Result<Option<Memory>, Error> {
        let folder = self.folder()?;
        engine::check_owner(&self.host, folder)?;
        Ok(Memory::open(folder)?)
    }

    /// The entries that were put and are not committed.
    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens an engine. `options` may be NULL: the usual folder. Nothing is read or written yet.
#[unsafe(no_mangle)]
pub extern "C" fn aios_engine_open(
    options: *const aios_engine_options,
    engine: Option<&mut MaybeUninit<*mut aios_engine>>,
) -> aios_status {
    guard("aios_engine_open", || {
        let engine = needed(engine, "`engine`")?;
        let options = read_maybe(options)?;
        let (folder, patience_ms) = match &options {
            Some(options) => (options.folder.path("`folder`")?, options.patience_ms),
            None => (None, 0),
        };
        let host = Host::current().map_err(|error| {
            let message = format!("the current folder cannot be told: {error}");
            Error::new(aios_status::Io, message, "change to a folder that exists")
        })?;
        let named = folder.map(|folder| host.absolute(&folder));
        let folder = named.or_else(|| engine::place(&host));
        let patience = match patience_ms {
            0 => engine::PATIENCE,
            ms => Duration::from_millis(ms.into()),
        };
        let pending = Mutex::default();
        engine.write(handle::open(Engine { host, folder, patience, pending }));
        Ok(())
    })
}

/// Closes an engine; what was put and is not committed is gone. What came of it lives on.
#[unsafe(no_mangle)]
pub extern "C" fn aios_engine_close(engine: *mut aios_engine) -> aios_status {
    guard("aios_engine_close", || handle::close::<Engine>(engine))
}

/// The folder in which things are remembered. `AIOS_STATUS_NO_PLACE` when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn aios_engine_folder(
    engine: *const aios_engine,
    folder: Option<&mut MaybeUninit<aios_str>>,
) -> aios_status {
    guard("aios_engine_folder", || {
        let folder = needed(folder, "`folder`")?;
        let engine = handle::get::<Engine>(engine)?;
        folder.write(aios_str::of_path(engine.folder()?));
        Ok(())
    })
}
