//! The server: a thread that accepts, and one for each connection, of which there are few.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::line::{Line, Lines};
use super::message::{self, Refusal, Refused, Reply, Request, Status};
use super::{Limits, Subscribers};
use crate::host::User;
use crate::system::local::{Listener, Stream};

/// After the system refused to accept, as it does where a process has no descriptors left.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// A request that the service is to answer.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub request: Request,
    /// Takes the reply. Nobody may wait for it any more.
    pub reply: Sender<Reply>,
}

/// Answers until it is dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    /// Not shared with the connections: when the server is dropped nobody listens any more.
    listener: Arc<Listener>,
    accepting: Option<JoinHandle<()>>,
    address: PathBuf,
}

#[derive(Debug)]
struct Shared {
    limits: Limits,
    user: User,
    /// Answered at once, whatever the service does.
    status: Arc<Mutex<Status>>,
    /// The rest is for the service.
    asked: Sender<Asked>,
    subscribers: Arc<Subscribers>,
    /// Ends what the service is at.
    stop: Arc<AtomicBool>,
    ends: AtomicBool,
    connections: Mutex<HashMap<u64, Arc<Stream>>>,
    next: AtomicU64,
}

impl Server {
    /// Listens at an address (see [`super::address`]), which nobody alive listens at. Requests go to
    /// `asked`, but for the status, which is always there, and for those who subscribe. `stop` is set when it is
    /// asked to stop, while the service may be at something.
    pub fn start(
        address: &Path,
        user: User,
        limits: Limits,
        status: Arc<Mutex<Status>>,
        asked: Sender<Asked>,
        subscribers: Arc<Subscribers>,
        stop: Arc<AtomicBool>,
    ) -> io::Result<Server> {
        let listener = Arc::new(Listener::bind(address)?);
        let shared = Arc::new(Shared {
            limits,
            user,
            status,
            asked,
            subscribers,
            stop,
            ends: AtomicBool::new(false),
            connections: Mutex::default(),
            next: AtomicU64::new(0),
        });
        let (of_thread, accepts) = (Arc::clone(&shared), Arc::clone(&listener));
        let accepting = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || of_thread.run(&accepts))?;
        Ok(Server { shared, listener, accepting: Some(accepting), address: address.to_path_buf() })
    }

    /// Where it listens.
    pub fn address(&self) -> &Path {
        &self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        self.listener.end();
        if let Some(accepting) = self.accepting.take() {
            // A panic of the thread is no reason for another one.
            let _ = accepting.join();
        }
        self.shared.subscribers.end();
        for stream in self.shared.open().values() {
            stream.close();
        }
    }
}

impl Shared {
    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Stream>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(self: Arc<Self>, listener: &Listener) {
        while !self.ends.load(Ordering::SeqCst) {
            let stream = match listener.accept() {
                Ok(Some(stream)) => stream,
                Ok(None) => return,
                Err(_) => {
                    std::thread::sleep(AFTER_REFUSAL);
                    continue;
                }
            };
            if let Some(refusal) = self.refusal(&stream) {
                // Little enough to fit into what the system keeps for a stream.
                let _ = stream.write(&message::line(&Reply::Error(refusal)), AFTER_REFUSAL);
                continue;
            }
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let stream = Arc::new(stream);
            self.open().insert(number, Arc::clone(&stream));
            let shared = Arc::clone(&self);
            let serve = move || {
                // An error means that the other end has gone.
                let _ = shared.serve(&stream);
                shared.open().remove(&number);
            };
            if std::thread::Builder::new().name("connection".to_owned()).spawn(serve).is_err() {
                self.open().remove(&number);
            }
        }
    }

    fn refusal(&self, stream: &Stream) -> Option<Refusal> {
        if !stream.is_of(&self.user).unwrap_or(false) {
            return Some(Refusal::new(Refused::NotAllowed, "the service is another user's"));
        }
        let most = self.limits.connections;
        (self.open().len() >= most).then(|| {
            Refusal::new(
                Refused::TooManyConnections,
                format!("{most} connections are open, which is all that there may be"),
            )
        })
    }

    fn serve(&self, stream: &Stream) -> io::Result<()> {
        let mut lines = Lines::default();
        let mut pace = Pace::new(self.limits.requests, Instant::now());
        loop {
            let refusal = match lines.next(stream, self.limits.idle, self.limits.line)? {
                Line::End => return Ok(()),
                Line::Whole(line) => {
                    let reply = match pace.take(Instant::now()).map(|()| message::request(&line)) {
                        Err(pause) => {
                            // Whoever does not wait is made to.
                            std::thread::sleep(pause);
                            Err(Refusal::new(
                                Refused::TooManyRequests,
                                format!("more than {} requests in a second", self.limits.requests),
                            ))
                        }
                        Ok(Ok(Request::Stop)) => {
                            // First: what ends is not sure to say any more.
                            self.say(stream, &Reply::Stopping)?;
                            self.stop.store(true, Ordering::SeqCst);
                            let (reply, _) = bounded(1);
                            let _ = self.asked.send(Asked { request: Request::Stop, reply });
                            continue;
                        }
                        Ok(Ok(Request::Subscribe)) => match self.subscribe(stream)? {
                            None => return Ok(()),
                            Some(refusal) => Err(refusal),
                        },
                        Ok(request) => request.and_then(|request| self.answer(request)),
                    };
                    self.say(stream, &reply.unwrap_or_else(Reply::Error))?;
                    continue;
                }
                Line::Nothing => Refusal::new(Refused::TimedOut, "no request came for too long"),
                Line::Slow => Refusal::new(Refused::TimedOut, "a request took too long to come"),
                // Where the next one would begin is anybody's guess.
                Line::TooLong => Refusal::new(Refused::TooLong, "the request is too long"),
            };
            return self.say(stream, &Reply::Error(refusal));
        }
    }

    fn say(&self, stream: &Stream, reply: &Reply) -> io::Result<()> {
        stream.write(&message::line(reply), self.limits.line)
    }

    fn answer(&self, request: Request) -> Result<Reply, Refusal> {
        if request == Request::Status {
            let status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
            return Ok(Reply::Status(Box::new(status)));
        }
        let (reply, replied) = bounded(1);
        let busy = || Refusal::new(Refused::Busy, "the service has too much to do");
        self.asked.try_send(Asked { request, reply }).map_err(|_| busy())?;
        match replied.recv_timeout(self.limits.answer) {
            Ok(reply) => Ok(reply),
            Err(RecvTimeoutError::Timeout) => Err(busy()),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Refusal::new(Refused::Stopping, "the service ends"))
            }
        }
    }

    /// Tells events until the other end goes; why not, where there are too many.
    fn subscribe(&self, stream: &Stream) -> io::Result<Option<Refusal>> {
        let most = self.limits.subscribers;
        let Some(subscription) = self.subscribers.add(most) else {
            let message = format!("{most} are told events, which is all that there may be");
            return Ok(Some(Refusal::new(Refused::TooManyConnections, message)));
        };
        self.say(stream, &Reply::Subscribed)?;
        loop {
            match subscription.events.recv_timeout(self.limits.quiet) {
                Ok(event) => self.say(stream, &Reply::Event(event))?,
                // Also finds out whether anybody is there.
                Err(RecvTimeoutError::Timeout) => self.say(stream, &Reply::Quiet)?,
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
            let lost = subscription.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                self.say(stream, &Reply::Lost { events: lost })?;
            }
        }
    }
}

/// Requests in a second.
#[derive(Debug)]
pub(super) struct Pace {
    most: u32,
    left: f64,
    at: Instant,
}

impl Pace {
    pub(super) fn new(most: u32, now: Instant) -> Pace {
        Pace { most, left: f64::from(most), at: now }
    }

    /// Whether one more is answered; else after which pause.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let most = f64::from(self.most);
        let earned = now.duration_since(self.at).as_secs_f64() * most;
        (self.left, self.at) = ((self.left + earned).min(most), now);
        if self.left < 1.0 {
            return Err(Duration::from_secs_f64(1.0 / most));
        }
        self.left -= 1.0;
        Ok(())
    }
}
