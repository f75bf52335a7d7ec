//! Rows of the table of writers: who writes, and how much he said that he has appended.

use super::layout::{Shape, WriterId, row};
use super::words::{SharedWords, Site, Words};
use crate::segment::alive::Process;

/// A row as it was when it was looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    number: usize,
    at: usize,
    /// Its epoch, and whether it has an owner.
    owner: u64,
    process: Option<Process>,
}

impl Row {
    pub(super) fn at<W: Words + ?Sized>(words: &W, shape: &Shape, number: usize) -> Row {
        let at = shape.row(number);
        let owner = words.load(at + row::OWNER, Site::SeeRegistered);
        let process = Process::of_word(words.load(at + row::PROCESS, Site::Plain));
        Row { number, at, owner, process }
    }

    pub(super) fn is_live(&self) -> bool {
        self.owner & 1 == 1
    }

    pub(super) fn is_of(&self, id: WriterId) -> bool {
        self.owner == owner_word(id) | 1
    }

    /// Whether its process is known to run.
    pub(super) fn runs(&self) -> bool {
        self.is_live() && self.process.is_some_and(Process::runs)
    }

    /// Makes it that of another writer. `None` when somebody else did meanwhile.
    pub(super) fn take<W: SharedWords + ?Sized>(
        &self,
        words: &W,
        process: u64,
        unfenced: bool,
    ) -> Option<WriterId> {
        // Taken, but nobody's yet: a reader must not take the count of who had it for the next one's.
        let taken = words.exchange(self.at + row::OWNER, self.owner, self.owner | 1, Site::Plain);
        taken.ok()?;
        let epoch = ((self.owner >> 1) as u32).wrapping_add(1) % WriterId::EPOCHS;
        let id = WriterId::new(self.number, epoch);
        words.store(self.at + row::PROCESS, process, Site::Plain);
        words.store(self.at + row::APPENDED, 0, Site::Plain);
        words.store(self.at + row::DROPPED, 0, Site::Plain);
        words.store(self.at + row::UNFENCED, u64::from(unfenced), Site::Plain);
        words.store(self.at + row::OWNER, owner_word(id) | 1, Site::Register);
        Some(id)
    }
}

fn owner_word(id: WriterId) -> u64 {
    u64::from(id.epoch()) << 1
}

/// Says that a row has no owner any more; what it counted stays.
pub(super) fn release<W: SharedWords + ?Sized>(words: &W, shape: &Shape, id: WriterId) {
    words.store(shape.row(id.row()) + row::OWNER, owner_word(id), Site::Register);
}

/// Adds how many records each writer said it has appended.
pub(super) fn count<W: Words + ?Sized>(
    words: &W,
    shape: &Shape,
    counts: &mut Vec<(WriterId, u64)>,
) {
    for number in 0..shape.rows {
        let at = shape.row(number);
        let owner = words.load(at + row::OWNER, Site::SeeRegistered);
        if owner == 0 {
            continue;
        }
        let appended = words.load(at + row::APPENDED, Site::SeeCount);
        // The count of who has the row since is not that of who had it.
        if words.load(at + row::OWNER, Site::Plain) == owner {
            counts.push((WriterId::new(number, (owner >> 1) as u32), appended));
        }
    }
}
