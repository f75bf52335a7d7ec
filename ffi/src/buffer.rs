//! `aios_buffer`: the ring of records that processes share, and who appends to it.

use std::mem::MaybeUninit;
use std::sync::{Mutex, PoisonError};

use aios_core::buffer::{self, AppendError, ContextBuffer, MetricFrame, Writer};

use crate::boundary::{guard, needed};
use crate::engine::{Engine, aios_engine};
use crate::handle::{self, Kind, Object};
use crate::state::place_of;
use crate::status::{Error, aios_status};
use crate::view::aios_bytes;

/// A ring of records in shared memory: events of environments, figures of a program, bytes of any other kind. Who
/// comes late reads what is still there.
pub struct aios_buffer {
    _opaque: [u8; 0],
}

/// One who appends to a buffer. What it appended stays when it is closed.
pub struct aios_writer {
    _opaque: [u8; 0],
}

/// What a record is.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum aios_record_kind {
    /// No record: so many are missing here.
    Gap = 0,
    /// Something happened to an environment: `aios_reader_event` has it.
    Event = 1,
    /// An `aios_metrics`.
    Metrics = 2,
    /// Bytes of a kind that writer and reader agree on: the tag.
    Opaque = 3,
}

/// Figures of a program, whose meaning is its own: 64 bytes, the same in every language.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_metrics {
    pub values: [f64; 7],
    /// 0 or 1.
    pub flag: u8,
    /// Zero.
    pub padding: [u8; 7],
}

const _: () = assert!(size_of::<aios_metrics>() == 64 && align_of::<aios_metrics>() == 8);

pub(crate) struct Buffer(pub(crate) ContextBuffer);

impl Object for Buffer {
    type C = aios_buffer;
    const KIND: Kind = Kind::Buffer;
}

struct Appending(Mutex<Writer>);

impl Object for Appending {
    type C = aios_writer;
    const KIND: Kind = Kind::Writer;
}

impl From<buffer::Error> for Error {
    fn from(error: buffer::Error) -> Error {
        let status = match error {
            buffer::Error::Segment(error) => return error.into(),
            buffer::Error::NoRow => aios_status::Busy,
            buffer::Error::NotABuffer(..) => aios_status::Damaged,
            _ => aios_status::Argument,
        };
        Error::new(status, error, "")
    }
}

impl From<AppendError> for Error {
    fn from(error: AppendError) -> Error {
        let status = match error {
            AppendError::TooLong { .. } => aios_status::Argument,
            AppendError::NoChunk => aios_status::Busy,
        };
        Error::new(status, error, "")
    }
}

/// Opens the buffer of the service that runs for the folder of an engine. `AIOS_STATUS_NOT_FOUND` when none does:
/// start `aios serve`. It outlives the engine.
#[unsafe(no_mangle)]
pub extern "C" fn aios_buffer_open(
    engine: *const aios_engine,
    buffer: Option<&mut MaybeUninit<*mut aios_buffer>>,
) -> aios_status {
    guard("aios_buffer_open", || {
        let out = needed(buffer, "`buffer`")?;
        let engine = handle::get::<Engine>(engine)?;
        out.write(handle::open(Buffer(ContextBuffer::open(&place_of(&engine)?)?)));
        Ok(())
    })
}

/// Whether the service ended, or made another buffer: 1 or 0. What is appended then is read by nobody who comes
/// later; open it again.
#[unsafe(no_mangle)]
pub extern "C" fn aios_buffer_is_closed(
    buffer: *const aios_buffer,
    is_closed: Option<&mut MaybeUninit<u32>>,
) -> aios_status {
    guard("aios_buffer_is_closed", || {
        let out = needed(is_closed, "`is_closed`")?;
        out.write(u32::from(handle::get::<Buffer>(buffer)?.0.is_closed()));
        Ok(())
    })
}

/// Closes it; its writers and readers stay.
#[unsafe(no_mangle)]
pub extern "C" fn aios_buffer_close(buffer: *mut aios_buffer) -> aios_status {
    guard("aios_buffer_close", || handle::close::<Buffer>(buffer))
}

/// Another writer: one for each thread that appends, since threads that share one wait for each other. There are at
/// most 64 in all processes (`AIOS_STATUS_BUSY`).
#[unsafe(no_mangle)]
pub extern "C" fn aios_writer_open(
    buffer: *const aios_buffer,
    writer: Option<&mut MaybeUninit<*mut aios_writer>>,
) -> aios_status {
    guard("aios_writer_open", || {
        let out = needed(writer, "`writer`")?;
        let writer = handle::get::<Buffer>(buffer)?.0.writer()?;
        out.write(handle::open(Appending(Mutex::new(writer))));
        Ok(())
    })
}

/// Appends bytes, with the time that it is now. `tag` says what they are, in numbers that writer and reader agree
/// on. `AIOS_STATUS_BUSY` when other writers have every place: the record is dropped, and is a gap for readers.
#[unsafe(no_mangle)]
pub extern "C" fn aios_writer_append(
    writer: *mut aios_writer,
    tag: u16,
    bytes: aios_bytes,
) -> aios_status {
    guard("aios_writer_append", || {
        let writer = handle::get::<Appending>(writer)?;
        let bytes = bytes.read("`bytes`")?;
        let mut writer = writer.0.lock().unwrap_or_else(PoisonError::into_inner);
        writer.append(buffer::Kind::Opaque(tag), bytes)?;
        Ok(())
    })
}

/// Appends figures, with the time that it is now.
#[unsafe(no_mangle)]
pub extern "C" fn aios_writer_metrics(
    writer: *mut aios_writer,
    metrics: Option<&aios_metrics>,
) -> aios_status {
    guard("aios_writer_metrics", || {
        let metrics = metrics.ok_or_else(|| Error::null("`metrics`"))?;
        if metrics.flag > 1 {
            return Err(Error::argument(format_args!(
                "the flag is {}, and not 0 or 1",
                metrics.flag
            )));
        }
        let frame =
            MetricFrame { values: metrics.values, flag: metrics.flag == 1, padding: [0; 7] };
        let writer = handle::get::<Appending>(writer)?;
        let mut writer = writer.0.lock().unwrap_or_else(PoisonError::into_inner);
        writer.append_metrics(&frame)?;
        Ok(())
    })
}

/// Closes a writer.
#[unsafe(no_mangle)]
pub extern "C" fn aios_writer_close(writer: *mut aios_writer) -> aios_status {
    guard("aios_writer_close", || handle::close::<Appending>(writer))
}
