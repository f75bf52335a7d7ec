//! The best matches so far.

use super::Match;

/// As many as were asked for, best first.
#[derive(Debug)]
pub(super) struct Best {
    limit: usize,
    found: Vec<Match>,
}

impl Best {
    pub(super) fn new(limit: usize) -> Best {
        Best { limit, found: Vec::new() }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether a match that is so alike would be among them.
    pub(super) fn would_take(&self, similarity: f64) -> bool {
        if self.found.len() < self.limit {
            return similarity > 0.0;
        }
        self.found.last().is_some_and(|worst| similarity > worst.similarity)
    }

    /// Of equally good ones the one with the larger id is better, unless there is no place for it.
    pub(super) fn offer(&mut self, found: Match) {
        if !self.would_take(found.similarity) {
            return;
        }
        let key = |found: &Match| (found.similarity, found.state);
        let at = self.found.partition_point(|other| key(other) > key(&found));
        self.found.insert(at, found);
        self.found.truncate(self.limit);
    }

    pub(super) fn into_matches(self) -> Vec<Match> {
        self.found
    }
}
