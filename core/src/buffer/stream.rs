//! The records of one writer: its chunks in order, copied one after the other, taken apart, and pieces put
//! together.

use std::collections::VecDeque;
use std::ops::Range;

use super::Kind;
use super::layout::{
    CHUNK_HEADER_BYTES, FIRST, FRAGMENT_HEADER_BYTES, LAST, RECORD_HEADER_BYTES, Shape, WriterId,
    lap_and_bytes,
};
use super::words::{Site, Words};

/// Records are put into this order: time, writer, number among those of the writer.
pub(super) type Key = (u64, WriterId, u64);

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Stream {
    writer: WriterId,
    /// The sequence of the next record; none where it is not known.
    expected: Option<u64>,
    /// The chunk that is read, and how much of it was copied.
    chunk: Option<u64>,
    copied: usize,
    /// The chunks after it, in order once they are sorted, and the last one that is known.
    later: VecDeque<u64>,
    known: Option<u64>,
    /// What was copied, and how much of that was taken apart.
    copy: Vec<u8>,
    at: usize,
    head: Option<Head>,
    /// Pieces of a record, and its sequence and length.
    pieces: Vec<u8>,
    whole: Option<(u64, usize)>,
    /// Whether the last scan found a chunk of the writer.
    pub(super) in_directory: bool,
}

/// A record, or a piece of one, in the copy.
#[derive(Debug, Clone, Copy)]
struct Head {
    kind: Kind,
    flags: u8,
    time_ns: u64,
    sequence: u64,
    start: usize,
    end: usize,
}

/// Where the bytes of a record are.
#[derive(Debug)]
pub(super) enum Place {
    Copy(Range<usize>),
    Pieces,
}

/// What a step gives.
#[derive(Debug)]
pub(super) enum Step {
    /// So many records are missing here.
    Gap(u64),
    Record {
        kind: Kind,
        time_ns: u64,
        sequence: u64,
        bytes: Place,
    },
}

impl Stream {
    pub(super) fn new(writer: WriterId, expected: Option<u64>) -> Stream {
        Stream {
            writer,
            expected,
            chunk: None,
            copied: CHUNK_HEADER_BYTES,
            later: VecDeque::new(),
            known: None,
            copy: Vec::new(),
            at: 0,
            head: None,
            pieces: Vec::new(),
            whole: None,
            in_directory: false,
        }
    }

    pub(super) fn writer(&self) -> WriterId {
        self.writer
    }

    pub(super) fn bytes(&self, place: Place) -> &[u8] {
        match place {
            Place::Copy(range) => &self.copy[range],
            Place::Pieces => &self.pieces,
        }
    }

    /// Of the record that comes next, where one is at hand.
    #[inline]
    pub(super) fn key(&self) -> Option<Key> {
        self.head.map(|head| (head.time_ns, self.writer, head.sequence))
    }

    /// Whether it holds nothing that was not given.
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_none() && self.later.is_empty()
    }

    /// Adds a chunk that a scan found, unless it is known; [`Stream::sort`] follows after all of them.
    pub(super) fn add(&mut self, number: u64) {
        if self.known.is_none_or(|known| number > known) {
            self.later.push_back(number);
        }
    }

    pub(super) fn sort(&mut self) {
        self.later.make_contiguous().sort_unstable();
        self.known = self.known.max(self.later.back().copied());
    }

    /// Goes to the end of what is committed now.
    pub(super) fn pass_over<W: Words + ?Sized>(&mut self, words: &W, shape: &Shape) {
        let Some(newest) = self.later.pop_back() else { return };
        self.later.clear();
        self.chunk = Some(newest);
        let Some((slot, lap)) = shape.place(newest) else { return };
        let (now, bytes) = lap_and_bytes(words.load(shape.chunk(slot), Site::SeeCommit));
        if now == lap && bytes <= shape.chunk_bytes && bytes.is_multiple_of(8) {
            self.copied = bytes.max(CHUNK_HEADER_BYTES);
        }
    }

    /// Whether [`Stream::lost_before`] would say so.
    pub(super) fn is_missing_before(&self, count: u64) -> bool {
        self.expected.is_some_and(|expected| expected < count)
    }

    /// How many records before `count` are missing at the end; they are not missed again.
    pub(super) fn lost_before(&mut self, count: u64) -> Option<u64> {
        let expected = self.expected?;
        let lost = count.checked_sub(expected).filter(|lost| *lost > 0)?;
        self.expected = Some(count);
        self.whole = None;
        Some(lost)
    }

    /// Copies what is new, where all that was copied before was given.
    pub(super) fn fill<W: Words + ?Sized>(&mut self, words: &W, shape: &Shape, damaged: &mut u64) {
        while self.head.is_none() {
            if self.chunk.is_none() && !self.enter_next_chunk() {
                return;
            }
            // Its end was said before the next chunk was taken: what is new now is all there will be.
            let news = self.copy_chunk(words, shape, damaged);
            if news {
                self.parse(damaged);
            } else if !self.enter_next_chunk() {
                return;
            }
        }
    }

    fn enter_next_chunk(&mut self) -> bool {
        let Some(number) = self.later.pop_front() else { return false };
        self.chunk = Some(number);
        self.copied = CHUNK_HEADER_BYTES;
        true
    }

    /// Copies what was committed to the chunk since it was copied last. Whether there is anything.
    fn copy_chunk<W: Words + ?Sized>(
        &mut self,
        words: &W,
        shape: &Shape,
        damaged: &mut u64,
    ) -> bool {
        // Not emptied: what is filled anew needs no zeroes first.
        self.at = self.copy.len();
        let Some((slot, lap)) = self.chunk.and_then(|number| shape.place(number)) else {
            return false;
        };
        let start = shape.chunk(slot);
        let (now, bytes) = lap_and_bytes(words.load(start, Site::SeeCommit));
        if now != lap || bytes <= self.copied {
            return false;
        }
        if bytes > shape.chunk_bytes || !bytes.is_multiple_of(8) {
            *damaged += 1;
            // Nothing more is read of this chunk.
            self.copied = usize::MAX;
            return false;
        }
        self.copy.resize(bytes - self.copied, 0);
        words.copy(start + self.copied / 8, &mut self.copy);
        words.fence(Site::Copied);
        if lap_and_bytes(words.load(start, Site::Plain)).0 != lap {
            self.at = self.copy.len();
            return false;
        }
        self.at = 0;
        self.copied = bytes;
        true
    }

    /// Takes the next record apart. What cannot be a record makes the rest of the copy none.
    #[inline]
    fn parse(&mut self, damaged: &mut u64) {
        self.head = None;
        let Some(rest) = self.copy.get(self.at..).filter(|rest| !rest.is_empty()) else { return };
        let Some((header, payload)) = rest.split_first_chunk::<RECORD_HEADER_BYTES>() else {
            return self.give_up(damaged);
        };
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&header[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let length = word(0) as u32 as usize;
        if length > payload.len() {
            return self.give_up(damaged);
        }
        let start = self.at + RECORD_HEADER_BYTES;
        self.head = Some(Head {
            kind: Kind::of(header[4], u16::from_le_bytes([header[6], header[7]])),
            flags: header[5],
            time_ns: word(8),
            sequence: word(16),
            start,
            end: start + length,
        });
        self.at = start + length.next_multiple_of(8);
    }

    #[cold]
    fn give_up(&mut self, damaged: &mut u64) {
        *damaged += 1;
        self.at = self.copy.len();
    }

    /// Gives the record at hand; `None` for a piece of one that is not whole yet.
    #[inline]
    pub(super) fn step(&mut self, shape: &Shape, damaged: &mut u64) -> Option<Step> {
        let head = self.head?;
        if let Some(missing) =
            self.expected.and_then(|next| head.sequence.checked_sub(next)).filter(|many| *many > 0)
        {
            self.expected = Some(head.sequence);
            self.whole = None;
            return Some(Step::Gap(missing));
        }
        let bytes = if head.flags == FIRST | LAST {
            Place::Copy(head.start..head.end)
        } else if self.join(head, shape.longest(), damaged) {
            Place::Pieces
        } else {
            self.parse(damaged);
            return None;
        };
        self.expected = Some(head.sequence.saturating_add(1));
        self.parse(damaged);
        Some(Step::Record {
            kind: head.kind,
            time_ns: head.time_ns,
            sequence: head.sequence,
            bytes,
        })
    }

    /// Adds a piece to those before it. Whether it was the last one.
    fn join(&mut self, head: Head, longest: usize, damaged: &mut u64) -> bool {
        let Some((place, piece)) =
            self.copy[head.start..head.end].split_first_chunk::<FRAGMENT_HEADER_BYTES>()
        else {
            *damaged += 1;
            return false;
        };
        let number = |at: usize| {
            u32::from_le_bytes([place[at], place[at + 1], place[at + 2], place[at + 3]]) as usize
        };
        let (at, length) = (number(0), number(4));
        if head.flags & FIRST != 0 && at == 0 && length <= longest {
            self.pieces.clear();
            self.whole = Some((head.sequence, length));
        }
        // The pieces before it may be gone, which is a gap when the next record comes.
        if self.whole != Some((head.sequence, length)) || at != self.pieces.len() {
            self.whole = None;
            return false;
        }
        if piece.len() > length - at {
            *damaged += 1;
            self.whole = None;
            return false;
        }
        self.pieces.extend_from_slice(piece);
        if head.flags & LAST == 0 {
            return false;
        }
        self.whole = None;
        self.pieces.len() == length
    }
}
