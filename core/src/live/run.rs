//! Drives a service by the clock of the machine.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, bounded, select};

use super::output::Output;
use super::service::Service;
use super::{Instance, Options, State};
use crate::control::message::{Request, Status};
use crate::control::{Asked, Limits, Server, Subscribers};
use crate::environments::inspection::Progress;
use crate::host::Host;
use crate::system;

/// Requests that wait while the service is at something.
const MOST_WAITING: usize = 64;

/// Why a service does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It cannot tell anything.
    #[error(transparent)]
    Output(#[from] super::output::Error),
    /// It cannot be asked.
    #[error("cannot be asked at `{}`: {source}", address.display())]
    Listen {
        /// Where.
        address: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What a service that runs is told from outside.
#[derive(Debug, Clone)]
pub struct Running {
    progress: Arc<Progress>,
    stop: Sender<()>,
}

impl Running {
    /// Ends it, after what it is at; a look at everything ends early.
    pub fn stop(&self) {
        self.progress.stop.store(true, Ordering::Relaxed);
        // Full: it is told already.
        let _ = self.stop.try_send(());
    }
}

/// Runs until it is told to stop. `started` is called once it can be asked and stopped, before the first look;
/// `looked` after the first look and after all that is done later.
pub fn run(
    host: Host,
    options: Options,
    instance: &Instance,
    started: impl FnOnce(&Running),
    mut looked: impl FnMut(&State, &Status),
) -> Result<(), Error> {
    let subscribers = Arc::new(Subscribers::default());
    let output = Output::open(instance.place(), Arc::clone(&subscribers))?;
    let status = Arc::new(Mutex::new(first_status(&options, &output)));
    let (ask, asked) = bounded(MOST_WAITING);
    let address = instance.address();
    let user = host.user.clone();
    let begun = Instant::now();
    let mut service = Service::new(host, options, output, Arc::clone(&status), wall_ms());
    let server = Server::start(
        &address,
        user,
        Limits::default(),
        Arc::clone(&status),
        ask,
        subscribers,
        Arc::clone(&service.progress().stop),
    )
    .map_err(|source| Error::Listen { address: address.clone(), source })?;
    let (stop, stopped) = bounded(1);
    started(&Running { progress: Arc::clone(service.progress()), stop });
    let mut next = service.step(begun.elapsed());
    let mut tell = |service: &Service| {
        if let Ok(status) = status.lock() {
            looked(service.state(), &status);
        }
    };
    tell(&service);
    while wait(&mut service, begun, next, &asked, &stopped) {
        next = service.step(begun.elapsed());
        tell(&service);
    }
    // First, so that nobody asks what ends.
    drop(server);
    service.end(begun.elapsed());
    Ok(())
}

/// Waits until there is something to do. False when it is to stop.
fn wait(
    service: &mut Service,
    begun: Instant,
    next: Duration,
    asked: &Receiver<Asked>,
    stopped: &Receiver<()>,
) -> bool {
    // Who stops it must not wait for the rest.
    match stopped.try_recv() {
        Ok(()) => return false,
        Err(_) if service.progress().stop.load(Ordering::Relaxed) => return false,
        Err(_) => {}
    }
    let heard = Arc::clone(service.heard());
    let limit = next.saturating_sub(begun.elapsed());
    select! {
        recv(heard.woken()) -> _ => {}
        recv(stopped) -> _ => return false,
        recv(asked) -> request => {
            let Ok(Asked { request, reply }) = request else { return false };
            if request == Request::Stop {
                return false;
            }
            // Whoever asked may have gone.
            let _ = reply.send(service.answer(begun.elapsed(), request));
        }
        default(limit) => {}
    }
    true
}

fn first_status(options: &Options, output: &Output) -> Status {
    Status {
        pid: system::pid(),
        since_ms: wall_ms(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        folder: options.folder.as_path().into(),
        workspaces: options.workspaces.iter().map(|folder| folder.as_path().into()).collect(),
        segments: output.segments().to_vec(),
        ..Status::default()
    }
}

fn wall_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_millis() as u64
}
