//! The records of one writer: its chunks in order, copied one after the other, taken apart, and pieces put
//! together.

use std::collections::VecDeque;
use std::ops::Range;

use super::layout::{
    CHUNK_HEADER_BYTES, FIRST, FRAGMENT_HEADER_BYTES, LAST, RECORD_HEADER_BYTES, Shape, WriterId,
    lap_and_bytes, whole_words,
};
use super::words::{Site, Words};
use super::{Kind, Record};

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
    /// What was copied, and how much of that was given.
    copy: Vec<u8>,
    at: usize,
    /// Where the words stand that are copied next, as far as that is known.
    ahead: usize,
    /// Pieces of a record, and its sequence and length.
    pieces: Vec<u8>,
    whole: Option<(u64, usize)>,
    /// Whether the last scan found a chunk of the writer.
    pub(super) in_directory: bool,
}

/// What is copied at a time: what stays in the nearest cache beside what comes next.
const PIECE_BYTES: usize = 16 << 10;

/// A record, or a piece of one, in the copy.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// Length, kind, flags and tag, as they stand there.
    about: u64,
    time_ns: u64,
    sequence: u64,
    bytes: Range<usize>,
    /// Where the next one is.
    next: usize,
}

impl Head {
    /// What stands at `at`. `None` at the end, and for what cannot be a record.
    #[inline(always)]
    fn read(copy: &[u8], at: usize) -> Option<Head> {
        let (header, payload) = copy.get(at..)?.split_first_chunk::<RECORD_HEADER_BYTES>()?;
        let (words, _) = header.as_chunks::<8>();
        let [about, time_ns, sequence] = [0, 1, 2].map(|word| u64::from_le_bytes(words[word]));
        let length = about as u32 as usize;
        if length > payload.len() {
            return None;
        }
        let start = at + RECORD_HEADER_BYTES;
        let next = start + whole_words(length);
        Some(Head { about, time_ns, sequence, bytes: start..start + length, next })
    }

    #[inline(always)]
    fn flags(&self) -> u8 {
        (self.about >> 40) as u8
    }

    #[inline(always)]
    fn key(&self, writer: WriterId) -> Key {
        (self.time_ns, writer, self.sequence)
    }

    /// Whether it is whole, the next one of its writer, and comes before others, as most do.
    #[inline(always)]
    fn is_plain(&self, writer: WriterId, expected: u64, until: &Key) -> bool {
        self.sequence == expected
            && expected < u64::MAX
            && self.flags() == FIRST | LAST
            && self.key(writer) <= *until
    }

    #[inline(always)]
    fn record<'a>(&self, writer: WriterId, bytes: &'a [u8]) -> Record<'a> {
        let kind = Kind::of((self.about >> 32) as u8, (self.about >> 48) as u16);
        Record { writer, kind, time_ns: self.time_ns, sequence: self.sequence, bytes }
    }
}

/// What a step gives.
#[derive(Debug)]
pub(super) enum Step {
    /// So many records are missing here.
    Gap(u64),
    /// Its bytes are in the copy.
    Record(Head),
    /// Its bytes are what was put together.
    Joined(Head),
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
            ahead: 0,
            pieces: Vec::new(),
            whole: None,
            in_directory: false,
        }
    }

    pub(super) fn writer(&self) -> WriterId {
        self.writer
    }

    /// The record that was given; its bytes are those that were put together, or in the copy.
    #[inline(always)]
    pub(super) fn record(&self, head: &Head, is_joined: bool) -> Record<'_> {
        let bytes = if is_joined { &self.pieces } else { &self.copy[head.bytes.clone()] };
        head.record(self.writer, bytes)
    }

    /// Of the record that comes next, where one is at hand.
    #[inline]
    pub(super) fn key(&self) -> Option<Key> {
        self.head().map(|head| head.key(self.writer))
    }

    /// Whether it holds nothing that was not given.
    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.copy.len() && self.later.is_empty()
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
        while self.head().is_none() {
            if self.chunk.is_none() && !self.enter_next_chunk() {
                return;
            }
            if self.copy_piece(words, shape, damaged) {
                continue;
            }
            if self.at < self.copy.len() {
                // What cannot be a record makes the rest of the copy none.
                *damaged += 1;
                self.at = self.copy.len();
            }
            // Its end was said before the next chunk was taken: what is new now is all there will be.
            if !self.enter_next_chunk() {
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

    /// Copies of the chunk what was committed since it was copied last, so much at a time, and again what was the
    /// beginning of a record. Whether there is anything.
    fn copy_piece<W: Words + ?Sized>(
        &mut self,
        words: &W,
        shape: &Shape,
        damaged: &mut u64,
    ) -> bool {
        let Some((slot, lap)) = self.chunk.and_then(|number| shape.place(number)) else {
            return false;
        };
        let start = shape.chunk(slot);
        let (now, committed) = lap_and_bytes(words.load(start, Site::SeeCommit));
        if now != lap || committed <= self.copied {
            return false;
        }
        if committed > shape.chunk_bytes || !committed.is_multiple_of(8) {
            *damaged += 1;
            // Nothing more is read of this chunk.
            self.copied = usize::MAX;
            return false;
        }
        let again = self.copy.len() - self.at;
        let from = self.copied - again;
        let is_long = again > 0 && self.at == 0;
        let to = if is_long { committed } else { committed.min(from + PIECE_BYTES) };
        // Not emptied: what is filled anew needs no zeroes first.
        self.copy.resize(to - from, 0);
        words.copy(start + from / 8, &mut self.copy);
        words.fence(Site::Copied);
        if lap_and_bytes(words.load(start, Site::Plain)).0 != lap {
            self.at = self.copy.len();
            return false;
        }
        let next = self.later.front().and_then(|number| shape.place(*number));
        self.ahead = match next {
            Some((slot, _)) if to == committed => shape.chunk(slot),
            _ => start + to / 8,
        };
        self.at = 0;
        self.copied = to;
        true
    }

    /// The record at hand. `None` at the end of the copy, and for what cannot be a record.
    #[inline(always)]
    fn head(&self) -> Option<Head> {
        Head::read(&self.copy, self.at)
    }

    /// Gives the record at hand where it is plain ([`Head::is_plain`]).
    #[inline(always)]
    pub(super) fn take<W: Words + ?Sized>(&mut self, words: &W, until: &Key) -> Option<Head> {
        let (head, expected) = (self.head()?, self.expected?);
        if !head.is_plain(self.writer, expected, until) {
            return None;
        }
        prefetch(words, self.ahead, self.at);
        (self.at, self.expected) = (head.next, Some(expected + 1));
        Some(head)
    }

    /// Gives records for as long as they are plain. As [`Stream::take`] in a loop, and faster.
    #[inline(always)]
    pub(super) fn take_all<W: Words + ?Sized>(
        &mut self,
        words: &W,
        until: &Key,
        mut give: impl FnMut(Record<'_>),
    ) {
        let (Some(mut expected), mut at) = (self.expected, self.at) else { return };
        let (writer, copy, ahead) = (self.writer, self.copy.as_slice(), self.ahead);
        while let Some(head) = Head::read(copy, at) {
            if !head.is_plain(writer, expected, until) {
                return;
            }
            prefetch(words, ahead, at);
            (at, expected) = (head.next, expected + 1);
            (self.at, self.expected) = (at, Some(expected));
            give(head.record(writer, &copy[head.bytes.clone()]));
        }
    }

    /// Gives the record at hand, or what is missing before it; `None` for a piece of one that is not whole yet.
    pub(super) fn step(&mut self, shape: &Shape, damaged: &mut u64) -> Option<Step> {
        let head = self.head()?;
        if let Some(missing) =
            self.expected.and_then(|next| head.sequence.checked_sub(next)).filter(|many| *many > 0)
        {
            self.expected = Some(head.sequence);
            self.whole = None;
            return Some(Step::Gap(missing));
        }
        self.at = head.next;
        let is_whole = head.flags() == FIRST | LAST;
        if !is_whole && !self.join(&head, shape.longest(), damaged) {
            return None;
        }
        self.expected = Some(head.sequence.saturating_add(1));
        Some(if is_whole { Step::Record(head) } else { Step::Joined(head) })
    }

    /// Adds a piece to those before it. Whether it was the last one.
    fn join(&mut self, head: &Head, longest: usize, damaged: &mut u64) -> bool {
        let Some((place, piece)) =
            self.copy[head.bytes.clone()].split_first_chunk::<FRAGMENT_HEADER_BYTES>()
        else {
            *damaged += 1;
            return false;
        };
        let number = |at: usize| {
            u32::from_le_bytes([place[at], place[at + 1], place[at + 2], place[at + 3]]) as usize
        };
        let (at, length) = (number(0), number(4));
        if head.flags() & FIRST != 0 && at == 0 && length <= longest {
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
        if head.flags() & LAST == 0 {
            return false;
        }
        self.whole = None;
        self.pieces.len() == length
    }
}

/// What is copied next comes from memory while what was copied is given.
#[inline(always)]
fn prefetch<W: Words + ?Sized>(words: &W, ahead: usize, at: usize) {
    words.prefetch(ahead + at / 8);
    words.prefetch(ahead + at / 8 + 8);
}
