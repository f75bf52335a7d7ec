//! Who is told events: each has a queue of its own with a bound, so that nobody who does not read holds
//! anything up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::message::Event;

/// Events that wait for one subscriber. What comes then is counted.
const MOST_WAITING: usize = 256;

/// Those who are told.
#[derive(Debug, Default)]
pub struct Subscribers {
    all: Mutex<Vec<(Sender<Event>, Arc<AtomicU64>)>>,
}

/// The end of a queue.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) events: Receiver<Event>,
    /// Events that did not fit.
    pub(super) lost: Arc<AtomicU64>,
}

impl Subscribers {
    /// Tells an event to everybody. Whoever has gone is forgotten.
    pub fn tell(&self, event: &Event) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(queue, lost)| match queue.try_send(event.clone()) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                lost.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        });
    }

    /// One more; `None` when there are as many as there may be.
    pub(super) fn add(&self, most: usize) -> Option<Subscription> {
        let (sender, events) = bounded(MOST_WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        // The other end of these is gone: only it holds the count too.
        all.retain(|(_, lost)| Arc::strong_count(lost) > 1);
        if all.len() >= most {
            return None;
        }
        all.push((sender, Arc::clone(&lost)));
        Some(Subscription { events, lost })
    }

    /// Ends all queues.
    pub(super) fn end(&self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
