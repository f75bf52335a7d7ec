//! The reading side of the ring: puts the records of all writers into one order, and counts what is missing.
//!
//! The memory is untrusted: whatever stands there, each call ends, and no index leaves the memory. A call
//! looks at the directory once at most; what a writer appends meanwhile is for the next one.

use super::layout::{Shape, Taken, WriterId};
use super::stream::{Key, Step, Stream};
use super::table;
use super::words::{Site, Words};
use super::{Gap, Item, Start};

/// What a reader knows of all writers.
#[derive(Debug)]
pub(super) struct Follower {
    shape: Shape,
    streams: Vec<Stream>,
    /// The stream that records come from, while they come before this key of another one.
    current: Option<(usize, Key)>,
    /// How many records each writer said it had appended, before the directory was read.
    counts: Vec<(WriterId, u64)>,
    /// What a writer appended that was not known before is read from its first record on.
    passing_over: bool,
    damaged: u64,
}

impl Follower {
    pub(super) fn new<W: Words + ?Sized>(words: &W, shape: Shape, start: Start) -> Follower {
        let passing_over = start == Start::Now;
        let mut follower = Follower {
            shape,
            streams: Vec::new(),
            current: None,
            counts: Vec::new(),
            passing_over,
            damaged: 0,
        };
        if passing_over {
            follower.scan(words);
            for index in 0..follower.counts.len() {
                follower.stream_of(follower.counts[index].0);
            }
            for stream in &mut follower.streams {
                stream.pass_over(words, &shape);
            }
            follower.passing_over = false;
        }
        follower
    }

    /// Records and pieces that no writer can have written.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Gives every record and gap until there is nothing new.
    #[inline(always)]
    pub(super) fn each<W: Words + ?Sized>(&mut self, words: &W, mut give: impl FnMut(Item<'_>)) {
        while let Some(item) = self.next_of_all(words) {
            give(item);
            if let Some((index, until)) = &self.current {
                let stream = &mut self.streams[*index];
                stream.take_all(words, until, |record| give(Item::Record(record)));
            }
        }
    }

    /// The next record or gap; `None` when there is nothing new.
    #[inline(always)]
    pub(super) fn next<W: Words + ?Sized>(&mut self, words: &W) -> Option<Item<'_>> {
        // From the same stream as the last one, as most are.
        let taken = self.current.as_ref().and_then(|(index, until)| {
            let head = self.streams[*index].take(words, until)?;
            Some((*index, head))
        });
        match taken {
            Some((index, head)) => Some(Item::Record(self.streams[index].record(&head, false))),
            None => self.next_of_all(words),
        }
    }

    #[inline(never)]
    fn next_of_all<W: Words + ?Sized>(&mut self, words: &W) -> Option<Item<'_>> {
        let mut scanned = false;
        let (index, step) = loop {
            if let Some(index) = self.first(words) {
                match self.streams[index].step(&self.shape, &mut self.damaged) {
                    Some(step) => break (index, step),
                    None => continue,
                }
            }
            if scanned {
                return self.lost_tail().map(Item::Gap);
            }
            scanned = true;
            self.look(words);
        };
        let stream = &self.streams[index];
        Some(match step {
            Step::Gap(records) => Item::Gap(Gap { writer: stream.writer(), records }),
            Step::Record(head) => Item::Record(stream.record(&head, false)),
            Step::Joined(head) => Item::Record(stream.record(&head, true)),
        })
    }

    /// Whether [`Follower::next`] would give something.
    pub(super) fn has_news<W: Words + ?Sized>(&mut self, words: &W) -> bool {
        if self.first(words).is_none() {
            self.look(words);
        }
        self.first(words).is_some() || self.is_tail_lost()
    }

    /// The stream whose record comes first. One that has been read to its end counts again after the next
    /// scan; the current one goes on as far as it has records before those of others.
    #[inline]
    fn first<W: Words + ?Sized>(&mut self, words: &W) -> Option<usize> {
        if let Some((index, until)) = self.current {
            let stream = &mut self.streams[index];
            if stream.key().is_none() {
                stream.fill(words, &self.shape, &mut self.damaged);
            }
            if stream.key().is_some_and(|key| key <= until) {
                return Some(index);
            }
        }
        self.choose()
    }

    fn choose(&mut self) -> Option<usize> {
        const NONE: Key = (u64::MAX, WriterId(u32::MAX), u64::MAX);
        let mut first = None;
        let mut until = NONE;
        for (index, stream) in self.streams.iter().enumerate() {
            let Some(key) = stream.key() else { continue };
            match first {
                Some((_, least)) if key >= least => until = until.min(key),
                Some((_, least)) => (first, until) = (Some((index, key)), least),
                None => first = Some((index, key)),
            }
        }
        self.current = first.map(|(index, _)| (index, until));
        first.map(|(index, _)| index)
    }

    fn look<W: Words + ?Sized>(&mut self, words: &W) {
        self.scan(words);
        for stream in &mut self.streams {
            stream.fill(words, &self.shape, &mut self.damaged);
        }
    }

    fn is_tail_lost(&self) -> bool {
        self.counts.iter().any(|(writer, count)| {
            let known = self.streams.iter().find(|stream| stream.writer() == *writer);
            known.map_or(*count > 0, |stream| stream.is_missing_before(*count))
        })
    }

    /// Records that are gone, of a writer that has appended none since.
    fn lost_tail(&mut self) -> Option<Gap> {
        while let Some((writer, count)) = self.counts.pop() {
            let index = self.stream_of(writer);
            if let Some(records) = self.streams[index].lost_before(count) {
                return Some(Gap { writer, records });
            }
        }
        None
    }

    /// Reads what the rows and the directory say.
    fn scan<W: Words + ?Sized>(&mut self, words: &W) {
        self.current = None;
        self.counts.clear();
        table::count(words, &self.shape, &mut self.counts);
        // A chunk whose number is not below the head is for the next scan: one of the same writer with
        // a lower number may not have been there when its slot was looked at.
        let head = words.load(self.shape.head, Site::SeeHead);
        for stream in &mut self.streams {
            stream.in_directory = false;
        }
        let mut last: Option<(WriterId, usize)> = None;
        for slot in 0..self.shape.chunk_count {
            let taken = Taken::of(words.load(self.shape.slot(slot), Site::Plain));
            let Some(number) = self.shape.number(slot, taken.lap) else { continue };
            let index = match last {
                Some((writer, index)) if writer == taken.owner => index,
                _ => self.stream_of(taken.owner),
            };
            last = Some((taken.owner, index));
            self.streams[index].in_directory = true;
            if number < head {
                self.streams[index].add(number);
            }
        }
        let counts = &self.counts;
        self.streams.retain_mut(|stream| {
            stream.sort();
            let writer = stream.writer();
            stream.in_directory || !stream.is_empty() || counts.iter().any(|(id, _)| *id == writer)
        });
    }

    fn stream_of(&mut self, writer: WriterId) -> usize {
        if let Some(index) = self.streams.iter().position(|stream| stream.writer() == writer) {
            return index;
        }
        let expected = if self.passing_over { None } else { Some(0) };
        self.streams.push(Stream::new(writer, expected));
        self.streams.len() - 1
    }
}
