//! `aios_reader`: one who reads the records of a buffer.

use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aios_core::Status;
use aios_core::buffer::event::{Event, What};
use aios_core::buffer::{Item, Kind as RecordKind, Reader, Record, Start, WriterId};

use crate::boundary::{guard, needed};
use crate::buffer::{Buffer, aios_buffer, aios_record_kind};
use crate::environments::aios_health;
use crate::handle::{self, Kind, Object};
use crate::sized::{check, fill, sized};
use crate::status::{Error, aios_status};
use crate::view::{aios_bytes, aios_str};

/// One who reads a buffer, at its own pace: for one thread at a time, others wait.
pub struct aios_reader {
    _opaque: [u8; 0],
}

/// Where a reader begins.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum aios_start {
    /// With the oldest record that is still there; what is no longer there is a gap.
    Oldest = 1,
    /// With what is appended from now on.
    Now = 2,
}

/// A record, or a gap.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_record {
    pub struct_size: usize,
    /// What was appended, until the next call with this reader.
    pub bytes: aios_bytes,
    /// When, in nanoseconds since 1970.
    pub time_ns: u64,
    /// Its number among the records of its writer, from 0.
    pub sequence: u64,
    /// Of a gap: how many records are missing.
    pub missing: u64,
    /// Who appended it: a number that no other writer has meanwhile.
    pub writer: u32,
    /// An `aios_record_kind`; a later version may have others.
    pub kind: u32,
    /// The tag that it was appended with.
    pub tag: u16,
    pub reserved: [u16; 3],
}

sized!(aios_record: 64 {
    bytes: 8, time_ns: 24, sequence: 32, missing: 40, writer: 48, kind: 52, tag: 56, reserved: 58,
});

/// What happened to an environment.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum aios_event_kind {
    /// It was not there before.
    Appeared = 1,
    /// Its record or its findings are others than before.
    Changed = 2,
    /// It is no longer there.
    Gone = 3,
    /// A repair of it ended.
    Repaired = 4,
    /// The context was kept.
    SnapshotTaken = 5,
    /// Something could not be looked at.
    Problem = 6,
}

/// An event.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aios_event {
    pub struct_size: usize,
    /// The environment; absent for snapshots, and problems of other places.
    pub environment: aios_str,
    /// Its prefix, or the place of a problem; a path.
    pub path: aios_str,
    /// A sentence for people; may be empty.
    pub text: aios_str,
    /// The codes of its findings.
    pub codes: *const aios_str,
    pub code_count: usize,
    /// An `aios_event_kind`.
    pub kind: u32,
    /// What it was: an `aios_health`, or 0.
    pub before: u32,
    /// What it is: an `aios_health`, or 0.
    pub after: u32,
    pub reserved: u32,
}

sized!(aios_event: 88 {
    environment: 8, path: 24, text: 40, codes: 56, code_count: 64, kind: 72, before: 76, after: 80, reserved: 84,
});

struct Reading {
    reader: Reader,
    /// What the last record was.
    last: Last,
}

/// A copy of the last record, so that views of it do not depend on a borrow.
#[derive(Default)]
struct Last {
    bytes: Vec<u8>,
    event: Option<Told>,
    is_event: bool,
}

struct Following(Mutex<Reading>);

impl Object for Following {
    type C = aios_reader;
    const KIND: Kind = Kind::Reader;
}

impl Following {
    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another reader, which begins at an `aios_start`.
#[unsafe(no_mangle)]
pub extern "C" fn aios_reader_open(
    buffer: *const aios_buffer,
    start: u32,
    reader: Option<&mut MaybeUninit<*mut aios_reader>>,
) -> aios_status {
    guard("aios_reader_open", || {
        let out = needed(reader, "`reader`")?;
        let start = start_of(start)?;
        let reader = handle::get::<Buffer>(buffer)?.0.reader(start);
        out.write(handle::open(Following(Mutex::new(Reading { reader, last: Last::default() }))));
        Ok(())
    })
}

pub(crate) fn start_of(start: u32) -> Result<Start, Error> {
    const OLDEST: u32 = aios_start::Oldest as u32;
    const NOW: u32 = aios_start::Now as u32;
    match start {
        OLDEST => Ok(Start::Oldest),
        NOW => Ok(Start::Now),
        odd => Err(Error::argument(format_args!("there is no start {odd}"))),
    }
}

fn number_of(writer: WriterId) -> u32 {
    writer.epoch() << 6 | writer.row() as u32
}

/// The next record or gap. `AIOS_STATUS_NOT_FOUND` when there is nothing new: `aios_reader_wait` sleeps until there
/// is.
#[unsafe(no_mangle)]
pub extern "C" fn aios_reader_next(
    reader: *mut aios_reader,
    record: *mut aios_record,
) -> aios_status {
    guard("aios_reader_next", || {
        check(record)?;
        let following = handle::get::<Following>(reader)?;
        let mut reading = following.lock();
        let Reading { reader, last } = &mut *reading;
        let item = reader.next().ok_or_else(|| Error::not_found("there is nothing new"))?;
        last.event = None;
        last.bytes.clear();
        let mut told = told(&item);
        last.is_event = is_event(&item);
        if let Item::Record(found) = item {
            // The reader may use its own again, and views of this one are valid until its next record.
            last.bytes.extend_from_slice(found.bytes);
            told.bytes = aios_bytes::of(&last.bytes);
        }
        fill(record, &told)
    })
}

/// A record or gap as C has it; its bytes are those of the item.
pub(crate) fn told(item: &Item<'_>) -> aios_record {
    let mut told = aios_record {
        struct_size: size_of::<aios_record>(),
        bytes: aios_bytes::NONE,
        time_ns: 0,
        sequence: 0,
        missing: 0,
        writer: 0,
        kind: aios_record_kind::Gap as u32,
        tag: 0,
        reserved: [0; 3],
    };
    match item {
        Item::Gap(gap) => {
            told.missing = gap.records;
            told.writer = number_of(gap.writer);
        }
        Item::Record(found) => {
            (told.kind, told.tag) = match found.kind {
                RecordKind::Event => (aios_record_kind::Event as u32, 0),
                RecordKind::Metrics => (aios_record_kind::Metrics as u32, 0),
                RecordKind::Opaque(tag) => (aios_record_kind::Opaque as u32, tag),
                RecordKind::Other(number, tag) => (number.into(), tag),
            };
            told.writer = number_of(found.writer);
            told.time_ns = found.time_ns;
            told.sequence = found.sequence;
            told.bytes = aios_bytes::of(found.bytes);
        }
    }
    told
}

pub(crate) fn is_event(item: &Item<'_>) -> bool {
    matches!(item, Item::Record(Record { kind: RecordKind::Event, .. }))
}

/// An event, with what views of it need.
pub(crate) struct Told {
    event: Event,
    codes: Box<[aios_str]>,
}

impl Told {
    /// `None` when it is one of a later version.
    pub(crate) fn of(bytes: &[u8]) -> Option<Told> {
        let event = Event::decode(bytes)?;
        // The text of a code stays where it is when the event is moved.
        let codes = event.codes.iter().map(|code| aios_str::of(code)).collect();
        Some(Told { event, codes })
    }

    /// The event as C has it, for as long as this lives.
    pub(crate) fn view(&self) -> aios_event {
        let Told { event, codes } = self;
        let kind = match event.what {
            What::Appeared => aios_event_kind::Appeared,
            What::Changed => aios_event_kind::Changed,
            What::Gone => aios_event_kind::Gone,
            What::Repaired => aios_event_kind::Repaired,
            What::SnapshotTaken => aios_event_kind::SnapshotTaken,
            What::Problem => aios_event_kind::Problem,
        };
        aios_event {
            struct_size: size_of::<aios_event>(),
            environment: aios_str::maybe(event.environment.as_ref().map(|id| id.0.as_str())),
            path: Some(&event.path)
                .filter(|path| **path != PathBuf::new())
                .map_or(aios_str::NONE, |path| aios_str::of_path(path)),
            text: aios_str::of(&event.text),
            codes: codes.as_ptr(),
            code_count: codes.len(),
            kind: kind as u32,
            before: health(event.before),
            after: health(event.after),
            reserved: 0,
        }
    }
}

fn health(status: Option<Status>) -> u32 {
    status.map_or(0, |status| aios_health::from(status) as u32)
}

/// What the last record of this reader says, which is an event; until the next call of `aios_reader_next`.
/// `AIOS_STATUS_ARGUMENT` when it is none, or one of a later version.
#[unsafe(no_mangle)]
pub extern "C" fn aios_reader_event(
    reader: *mut aios_reader,
    event: *mut aios_event,
) -> aios_status {
    guard("aios_reader_event", || {
        let following = handle::get::<Following>(reader)?;
        let mut reading = following.lock();
        let last = &mut reading.last;
        if last.event.is_none() && last.is_event {
            last.event = Told::of(&last.bytes);
        }
        let none = || Error::argument("the last record is no event that this version knows");
        fill(event, &last.event.as_ref().ok_or_else(none)?.view())
    })
}

/// Sleeps until there may be something new, and not longer than so many milliseconds. `has_news` is 1 or 0.
#[unsafe(no_mangle)]
pub extern "C" fn aios_reader_wait(
    reader: *mut aios_reader,
    limit_ms: u32,
    has_news: Option<&mut MaybeUninit<u32>>,
) -> aios_status {
    guard("aios_reader_wait", || {
        let out = needed(has_news, "`has_news`")?;
        let following = handle::get::<Following>(reader)?;
        let found = following.lock().reader.wait(Duration::from_millis(limit_ms.into()));
        out.write(u32::from(found));
        Ok(())
    })
}

/// Closes a reader; the views of its last record end.
#[unsafe(no_mangle)]
pub extern "C" fn aios_reader_close(reader: *mut aios_reader) -> aios_status {
    guard("aios_reader_close", || handle::close::<Following>(reader))
}
