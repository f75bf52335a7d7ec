//! What the service tells: its state and what changes, in shared memory, and to those who subscribed.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::state::{Change, State, What};
use crate::buffer::event::{self, What as Happened};
use crate::buffer::{self, ContextBuffer, Writer};
use crate::control::Subscribers;
use crate::control::message::{self, SaidPath};
use crate::environments::{Problem, Status};
use crate::publish::environments::{About, encode};
use crate::publish::{self, Published, Publisher, Shape};
use crate::segment::{self, Place};
use crate::snapshot::SnapshotId;

/// Where it is told.
#[derive(Debug, Default)]
pub struct Output {
    subscribers: Arc<Subscribers>,
    shared: Option<Shared>,
    names: Vec<String>,
    /// The newest state is not published: readers have every slot.
    waits: bool,
    failed: Option<String>,
    published: u64,
    events: u64,
}

/// The segments of an instance.
#[derive(Debug)]
struct Shared {
    place: Place,
    /// `None` after it could not be made again with larger slots.
    state: Option<Publisher>,
    ring: Writer,
}

/// Why there is no shared memory to tell it in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// For events.
    #[error(transparent)]
    Ring(#[from] buffer::Error),
    /// For the state.
    #[error(transparent)]
    State(#[from] publish::Error),
}

impl Output {
    /// Tells in the segments of an instance, whose service this process is, and to those who subscribe.
    pub fn open(place: &Place, subscribers: Arc<Subscribers>) -> Result<Output, Error> {
        let state = Some(Publisher::create(place, Shape::default())?);
        let ring = ContextBuffer::create(place, &buffer::Options::default())?.writer()?;
        let names = [segment::What::State, segment::What::Rows, segment::What::Ring];
        let names = names.map(|what| place.name(what)).to_vec();
        let shared = Some(Shared { place: place.clone(), state, ring });
        Ok(Output { subscribers, shared, names, ..Output::default() })
    }

    /// Names of its segments.
    pub fn segments(&self) -> &[String] {
        &self.names
    }

    pub(super) fn published(&self) -> u64 {
        self.published
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// Whether the newest state is to be published again, since it could not be.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// Why the last state was not published, where that is for ever.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Publishes the state.
    pub(super) fn publish(&mut self, state: &State, snapshot: Option<SnapshotId>, looked_ms: u64) {
        self.published += 1;
        let Some(shared) = &mut self.shared else { return };
        let about = About {
            time: UNIX_EPOCH + Duration::from_millis(looked_ms),
            snapshot: snapshot.map(|id| id.0),
            engine: env!("CARGO_PKG_VERSION"),
        };
        let bytes = encode(about, state.sorted(), state.problems());
        let done = shared.publish(&bytes);
        self.waits = matches!(done, Ok(Published::NoSlot));
        self.failed = done.err().map(|error| error.to_string());
    }

    /// Tells what became of an environment.
    pub(super) fn change(&mut self, change: &Change, at_ms: u64) {
        let what = match change.what {
            What::Appeared => Happened::Appeared,
            What::Changed => Happened::Changed,
            What::Gone => Happened::Gone,
        };
        let event = event::Event {
            environment: Some(change.id.clone()),
            before: change.before,
            after: change.after,
            codes: change.codes.iter().map(|code| code.as_str().to_owned()).collect(),
            ..event::Event::new(what, &change.prefix)
        };
        self.tell(&event, at_ms, None);
    }

    /// Tells that a snapshot was taken.
    pub(super) fn snapshot(&mut self, id: SnapshotId, at_ms: u64) {
        let text = format!("snapshot {id}");
        let event = event::Event { text, ..event::Event::new(Happened::SnapshotTaken, "") };
        self.tell(&event, at_ms, Some(id.0));
    }

    /// Tells that something could not be looked at.
    pub(super) fn problem(&mut self, problem: &Problem, at_ms: u64) {
        let text = problem.message.clone();
        let event = event::Event { text, ..event::Event::new(Happened::Problem, &problem.path) };
        self.tell(&event, at_ms, None);
    }

    fn tell(&mut self, event: &event::Event, at_ms: u64, snapshot: Option<u64>) {
        self.events += 1;
        if let Some(shared) = &mut self.shared {
            // Other writers may have every chunk: then it is counted there as dropped.
            let _ = shared.ring.append_event(event);
        }
        let status = |status: Option<Status>| status.map_or("", Status::as_str).to_owned();
        self.subscribers.tell(&message::Event {
            what: event.what.as_str().to_owned(),
            at_ms,
            id: event.environment.as_ref().map(|id| id.0.clone()).unwrap_or_default(),
            prefix: SaidPath(event.path.clone()),
            before: status(event.before),
            after: status(event.after),
            codes: event.codes.clone(),
            snapshot,
            text: event.text.clone(),
        });
    }
}

impl Shared {
    /// A state that has become too large for its slots gets larger ones.
    fn publish(&mut self, bytes: &[u8]) -> Result<Published, publish::Error> {
        if let Some(state) = &mut self.state {
            match state.publish(bytes) {
                Err(publish::Error::TooLarge { .. }) => {}
                done => return done,
            }
        }
        // The name is free once it is dropped.
        self.state = None;
        let capacity = bytes.len().saturating_mul(2).next_power_of_two();
        let shape = Shape { capacity: capacity.max(Shape::default().capacity), ..Shape::default() };
        self.state.insert(Publisher::create(&self.place, shape)?).publish(bytes)
    }
}
