//! The control channel: how other programs of this user ask the service (`crate::live`) for something.
//!
//! A Unix socket, or a named pipe on Windows, that only its user may open; who connects is compared with that
//! user once more, by what the system knows of the other end. One JSON object a line in both directions
//! ([`message`]), as long as the other end likes. What comes is untrusted: lines, connections, requests a
//! second and waiting have [`Limits`], and nothing that is asked for writes anywhere but into what the service
//! remembers.

use std::path::{Path, PathBuf};
use std::time::Duration;

mod client;
mod line;
pub mod message;
mod server;
mod subscribers;

pub use client::{Client, Error};
pub use server::{Asked, Server};
pub use subscribers::Subscribers;

use crate::system;

/// Where the server of a run folder listens: a socket in it, or a pipe with a name of this instance.
pub fn address(run_folder: &Path, name: &str) -> PathBuf {
    system::local::address(run_folder, name)
}

/// Bounds of a server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Streams at a time.
    pub connections: usize,
    /// Of these, such that are told events.
    pub subscribers: usize,
    /// Within which a request has to come as a whole, and a reply to be taken.
    pub line: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// Requests of one connection in a second.
    pub requests: u32,
    /// For what the service does about a request.
    pub answer: Duration,
    /// After which a subscriber is told that nothing happened.
    pub quiet: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 32,
            subscribers: 16,
            line: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            requests: 20,
            answer: Duration::from_secs(150),
            quiet: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests;
