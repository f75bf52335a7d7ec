//! Shared memory as news: what was published, what happened, and whether anybody publishes. When the service
//! ended it waits for the next one, and goes on where it was.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use aios_core::Host;
use aios_core::buffer::event::Event;
use aios_core::buffer::{self, ContextBuffer, Gap, Item, Kind, Start, WriterId};
use aios_core::publish;
use aios_core::publish::environments::Environments;
use aios_core::segment::{self, Place};

use super::picture::{Happened, Picture};

/// How often it is tried to attach, and asked whether the publisher lives: both call the system.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
const START: &str = "start `aios serve`";
/// News at once; the rest comes with the next call.
const MOST_AT_ONCE: usize = 1_000;

/// What is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    Live(Picture),
    Changed(Picture),
    Waiting(String),
    Happened(Happened),
}

/// Where news come from.
#[derive(Debug)]
pub(crate) struct Source {
    host: Host,
    folder: PathBuf,
    attached: Option<Attached>,
    looked: Option<Instant>,
    /// Why nothing is attached, as it was said last.
    reason: Option<String>,
    /// What happened before is no news.
    since_ns: u64,
    read: Read,
}

/// Of each writer, the last record that was read or told to be missing: the number after it, and its time. The
/// numbers begin anew with a new ring, its times do not.
type Read = HashMap<WriterId, (u64, u64)>;

#[derive(Debug)]
struct Attached {
    state: publish::Reader,
    /// The one that was read last.
    version: u64,
    buffer: ContextBuffer,
    ring: buffer::Reader,
    /// Of each writer, the number of its next record here. What was read before may come once more.
    next: HashMap<WriterId, u64>,
    tells_gaps: bool,
}

impl Source {
    /// Of the instance of this data folder. Nothing is opened yet. What happened before a time in nanoseconds
    /// since 1970 is no news.
    pub(crate) fn new(host: Host, folder: PathBuf, since_ns: u64) -> Source {
        Source {
            host,
            folder,
            attached: None,
            looked: None,
            reason: None,
            since_ns,
            read: HashMap::new(),
        }
    }

    /// What is new since the last call.
    pub(crate) fn news(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        if let Err(reason) = self.look(&mut news) {
            self.attached = None;
            news.extend(self.waiting(reason));
        }
        news
    }

    /// The reason, unless it was said before.
    fn waiting(&mut self, reason: String) -> Option<News> {
        let before = self.reason.replace(reason.clone());
        (before.as_ref() != Some(&reason)).then_some(News::Waiting(reason))
    }

    fn look(&mut self, news: &mut Vec<News>) -> Result<(), String> {
        if self.looked.is_none_or(|looked| looked.elapsed() >= BETWEEN_LOOKS) {
            self.looked = Some(Instant::now());
            match &self.attached {
                None => self.attach()?,
                Some(attached) if attached.is_live() => {}
                Some(_) => return Err(format!("the service ended: {START} again")),
            }
        }
        let Some(attached) = &mut self.attached else { return Ok(()) };
        let is_first = attached.version == 0;
        if let Some(picture) = attached.picture()? {
            self.reason = None;
            news.push(if is_first { News::Live(picture) } else { News::Changed(picture) });
        } else if is_first {
            let reason = "the service looks at this machine for the first time".to_owned();
            news.extend(self.waiting(reason));
            return Ok(());
        }
        attached.happened(self.since_ns, &mut self.read, news);
        Ok(())
    }

    /// Sleeps until there may be news, and not longer than so.
    pub(crate) fn wait(&mut self, limit: Duration) {
        match &mut self.attached {
            // Before anything is published, what the ring has is left for later.
            Some(attached) if attached.version > 0 => _ = attached.ring.wait(limit),
            _ => std::thread::sleep(limit),
        }
    }
}

impl Source {
    /// Opens what is published, or says why not.
    fn attach(&mut self) -> Result<(), String> {
        let place = Place::of(&self.host, &self.folder).map_err(said)?;
        let state = publish::Reader::open(&place).map_err(|error| match error {
            publish::Error::Segment(error) => said(error),
            error => error.to_string(),
        })?;
        if !is_live(&state) {
            return Err(format!("the service was ended by force: {START} again"));
        }
        let buffer = ContextBuffer::open_read_only(&place).map_err(|error| error.to_string())?;
        let ring = buffer.reader(Start::Oldest);
        // Of the first ring, what was overwritten happened before.
        let tells_gaps = self.since_ns == 0 || !self.read.is_empty();
        self.attached =
            Some(Attached { state, version: 0, buffer, ring, next: HashMap::new(), tells_gaps });
        Ok(())
    }
}

/// Why there is nothing to read, and what to do.
fn said(error: segment::Error) -> String {
    match error {
        segment::Error::Missing { .. } => format!("no service runs: {START}"),
        segment::Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            format!("no service runs: {START}")
        }
        error => error.to_string(),
    }
}

fn is_live(state: &publish::Reader) -> bool {
    state.is_published().unwrap_or(false)
}

impl Attached {
    fn is_live(&self) -> bool {
        is_live(&self.state) && !self.buffer.is_closed()
    }

    /// What is published, when it is another version than was read before.
    fn picture(&mut self) -> Result<Option<Picture>, String> {
        if self.state.version() == self.version {
            return Ok(None);
        }
        let Some(view) = self.state.pin().map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let found = Environments::of(view.bytes()).map_err(|error| error.to_string())?;
        self.version = view.version();
        Ok(Some(Picture::of(&found)))
    }

    fn happened(&mut self, since_ns: u64, read: &mut Read, news: &mut Vec<News>) {
        for _ in 0..MOST_AT_ONCE {
            let Some(item) = self.ring.next() else { return };
            match item {
                Item::Gap(gap) => {
                    let missed = self.missed(gap, read);
                    news.extend((missed > 0).then_some(News::Happened(Happened::Missed(missed))));
                }
                Item::Record(record) => {
                    let after = record.sequence + 1;
                    self.next.insert(record.writer, after);
                    let known = read.entry(record.writer).or_default();
                    if after <= known.0 && record.time_ns <= known.1 {
                        continue;
                    }
                    *known = (after, record.time_ns);
                    if record.time_ns < since_ns {
                        continue;
                    }
                    self.tells_gaps = true;
                    let event = match record.kind {
                        Kind::Event => Event::decode(record.bytes),
                        _ => None,
                    };
                    let time_ms = record.time_ns / 1_000_000;
                    let happened = event.map(|event| Happened::Event { time_ms, event });
                    news.extend(happened.map(News::Happened));
                }
            }
        }
    }

    /// How many records of a gap were not read before it.
    fn missed(&mut self, gap: Gap, read: &mut Read) -> u64 {
        let end = self.next.get(&gap.writer).unwrap_or(&0) + gap.records;
        self.next.insert(gap.writer, end);
        let known = read.entry(gap.writer).or_default();
        let missed = end.saturating_sub(known.0);
        known.0 = end.max(known.0);
        if self.tells_gaps { missed } else { 0 }
    }
}
