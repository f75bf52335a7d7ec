//! Lines of a stream, each with a bound on its length and on the time it takes.

use std::io;
use std::time::{Duration, Instant};

use super::message::MOST_LINE_BYTES;
use crate::system::local::Stream;

/// Reads lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// What was read and not given out.
    read: Vec<u8>,
    /// So much of it has no end of a line.
    searched: usize,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Without its end.
    Whole(Vec<u8>),
    /// The stream ended.
    End,
    /// No byte came within the limit.
    Nothing,
    /// A line began and did not end within its limit.
    Slow,
    /// It is longer than lines are.
    TooLong,
}

impl Lines {
    /// The next line. `idle` is the limit of its first byte, `whole` that of the rest.
    pub(super) fn next(
        &mut self,
        stream: &Stream,
        idle: Duration,
        whole: Duration,
    ) -> io::Result<Line> {
        let mut end = Instant::now() + if self.read.is_empty() { idle } else { whole };
        loop {
            let fresh = &self.read[self.searched..];
            if let Some(at) = fresh.iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(self.searched + at + 1);
                let mut line = std::mem::replace(&mut self.read, rest);
                self.searched = 0;
                line.pop();
                return Ok(Line::Whole(line));
            }
            self.searched = self.read.len();
            if self.read.len() >= MOST_LINE_BYTES {
                return Ok(Line::TooLong);
            }
            let left = end.saturating_duration_since(Instant::now());
            let slow = if self.read.is_empty() { Line::Nothing } else { Line::Slow };
            if left.is_zero() {
                return Ok(slow);
            }
            let mut buffer = [0; 4096];
            let room = buffer.len().min(MOST_LINE_BYTES - self.read.len());
            match stream.read(&mut buffer[..room], left) {
                Ok(0) => return Ok(Line::End),
                Ok(read) => {
                    if self.read.is_empty() {
                        end = Instant::now() + whole;
                    }
                    self.read.extend_from_slice(&buffer[..read]);
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(slow),
                Err(error) => return Err(error),
            }
        }
    }
}
