//! The writing side of the ring: numbers from the head, chunks of one owner, records in them.
//!
//! A chunk is taken for one lap by the one writer whose number says so; nobody else writes there until it is
//! closed or its owner is proven dead. A number whose chunk somebody alive still has open is passed over.

use super::layout::{
    CHUNK_HEADER_BYTES, FIRST, FRAGMENT_HEADER_BYTES, LAST, RECORD_HEADER_BYTES, Shape, Taken,
    WriterId, committed, row, whole_words,
};
use super::words::{SharedWords, Site};
use super::{AppendError, Kind};

/// Lines of a chunk are asked for so long before they are written: across a page, which the processor does not
/// do by itself.
const AHEAD_BYTES: usize = 4 << 10;
const LINE_BYTES: usize = 64;

/// Says whether the owner of a chunk is dead, and never so of one that lives.
pub(super) trait Liveness {
    fn is_dead(&self, owner: WriterId) -> bool;
}

/// The state of one writer.
#[derive(Debug)]
pub(super) struct Appender {
    shape: Shape,
    id: WriterId,
    /// The next record's.
    sequence: u64,
    dropped: u64,
    /// The chunk that is open; none: `used` is that of a full one.
    chunk: Option<Chunk>,
    used: usize,
}

#[derive(Debug, Clone, Copy)]
struct Chunk {
    slot: usize,
    lap: u32,
    /// Its first word.
    start: usize,
}

impl Appender {
    pub(super) fn new(shape: Shape, id: WriterId) -> Appender {
        Appender { shape, id, sequence: 0, dropped: 0, chunk: None, used: shape.chunk_bytes }
    }

    pub(super) fn id(&self) -> WriterId {
        self.id
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Appends a record and gives its number among those of this writer.
    #[inline(always)]
    pub(super) fn append<W: SharedWords + ?Sized>(
        &mut self,
        words: &W,
        liveness: &impl Liveness,
        kind: Kind,
        bytes: &[u8],
        time_ns: u64,
    ) -> Result<u64, AppendError> {
        let need = RECORD_HEADER_BYTES + whole_words(bytes.len());
        if need > self.shape.chunk_bytes - self.used {
            self.make_room(words, liveness, need)?;
        }
        if need > self.shape.chunk_bytes - self.used {
            return self.append_in_pieces(words, liveness, kind, bytes, time_ns);
        }
        self.put(words, kind, FIRST | LAST, time_ns, &[], bytes);
        let sequence = self.sequence;
        self.sequence += 1;
        Ok(sequence)
    }

    /// Takes another chunk where this one has no room for a record that is small beside a chunk. Larger
    /// ones are put in pieces, so that no more than a quarter of a chunk is left empty.
    #[cold]
    #[inline(never)]
    fn make_room<W: SharedWords + ?Sized>(
        &mut self,
        words: &W,
        liveness: &impl Liveness,
        need: usize,
    ) -> Result<(), AppendError> {
        if need > 8 + RECORD_HEADER_BYTES + self.shape.longest().next_multiple_of(8) {
            return Err(AppendError::TooLong { most: self.shape.longest() });
        }
        let capacity = self.shape.chunk_bytes - CHUNK_HEADER_BYTES;
        let left = self.shape.chunk_bytes - self.used;
        if need <= capacity / 4 || left <= capacity / 4 {
            return self
                .next_chunk(words, liveness)
                .map_err(|error| self.drop_record(words, error));
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn append_in_pieces<W: SharedWords + ?Sized>(
        &mut self,
        words: &W,
        liveness: &impl Liveness,
        kind: Kind,
        bytes: &[u8],
        time_ns: u64,
    ) -> Result<u64, AppendError> {
        let longest = self.shape.longest();
        if bytes.len() > longest {
            return Err(AppendError::TooLong { most: longest });
        }
        const HEADERS: usize = RECORD_HEADER_BYTES + FRAGMENT_HEADER_BYTES;
        let mut at = 0;
        while at < bytes.len() {
            if self.shape.chunk_bytes - self.used <= HEADERS {
                self.next_chunk(words, liveness).map_err(|error| self.drop_record(words, error))?;
            }
            let room = self.shape.chunk_bytes - self.used - HEADERS;
            let piece = &bytes[at..bytes.len().min(at + room)];
            let mut place = [0; FRAGMENT_HEADER_BYTES];
            place[..4].copy_from_slice(&(at as u32).to_le_bytes());
            place[4..].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
            let first = if at == 0 { FIRST } else { 0 };
            at += piece.len();
            let last = if at == bytes.len() { LAST } else { 0 };
            self.put(words, kind, first | last, time_ns, &place, piece);
        }
        let sequence = self.sequence;
        self.sequence += 1;
        Ok(sequence)
    }

    /// A record for which there is no chunk has a number all the same: readers see that it is missing.
    fn drop_record<W: SharedWords + ?Sized>(
        &mut self,
        words: &W,
        error: AppendError,
    ) -> AppendError {
        if error == AppendError::NoChunk {
            self.sequence += 1;
            self.dropped += 1;
            let row = self.shape.row(self.id.row());
            words.store(row + row::DROPPED, self.dropped, Site::Plain);
            words.store(row + row::APPENDED, self.sequence, Site::Count);
        }
        error
    }

    /// Writes a record, or a piece of one, where there is room for it.
    #[inline(always)]
    fn put<W: SharedWords + ?Sized>(
        &mut self,
        words: &W,
        kind: Kind,
        flags: u8,
        time_ns: u64,
        place: &[u8],
        bytes: &[u8],
    ) {
        let Some(Chunk { lap, start, .. }) = self.chunk else { return };
        let (number, tag) = kind.numbers();
        let length = (place.len() + bytes.len()) as u64;
        let about = u64::from(number) | u64::from(flags) << 8 | u64::from(tag) << 16;
        let header = [length | about << 32, time_ns, self.sequence].map(u64::to_le_bytes);
        let need = RECORD_HEADER_BYTES + whole_words(place.len() + bytes.len());
        let at = start + self.used / 8;
        if self.used + AHEAD_BYTES < self.shape.chunk_bytes {
            words.prefetch(at + AHEAD_BYTES / 8);
            words.prefetch(at + (AHEAD_BYTES + LINE_BYTES) / 8);
        }
        words.fill(at, header.as_flattened());
        let payload = at + RECORD_HEADER_BYTES / 8;
        words.fill(payload, place);
        words.fill(payload + place.len() / 8, bytes);
        self.used += need;
        words.store(start, committed(lap, self.used), Site::Commit);
    }

    /// Closes the open chunk, and says how many records there are.
    pub(super) fn close<W: SharedWords + ?Sized>(&mut self, words: &W) {
        let row = self.shape.row(self.id.row());
        words.store(row + row::APPENDED, self.sequence, Site::Count);
        if let Some(chunk) = self.chunk.take() {
            let open = Taken { lap: chunk.lap, owner: self.id, open: true };
            let closed = Taken { open: false, ..open };
            // Not a store: who was wrongly taken for dead must not take the chunk back.
            let slot = self.shape.slot(chunk.slot);
            let _ = words.exchange(slot, open.word(), closed.word(), Site::CloseChunk);
        }
        self.used = self.shape.chunk_bytes;
    }

    fn next_chunk<W: SharedWords + ?Sized>(
        &mut self,
        words: &W,
        liveness: &impl Liveness,
    ) -> Result<(), AppendError> {
        self.close(words);
        // Each number is another chunk: after as many as there are chunks, all are open or taken.
        for _ in 0..self.shape.chunk_count {
            let number = words.fetch_add(self.shape.head, 1, Site::TakeNumber);
            let Some((slot, lap)) = self.shape.place(number) else { break };
            if self.take(words, liveness, slot, lap) {
                let start = self.shape.chunk(slot);
                words.store(start, committed(lap, CHUNK_HEADER_BYTES), Site::Plain);
                words.fence(Site::NewLap);
                self.chunk = Some(Chunk { slot, lap, start });
                self.used = CHUNK_HEADER_BYTES;
                return Ok(());
            }
        }
        Err(AppendError::NoChunk)
    }

    fn take<W: SharedWords + ?Sized>(
        &self,
        words: &W,
        liveness: &impl Liveness,
        slot: usize,
        lap: u32,
    ) -> bool {
        let at = self.shape.slot(slot);
        let new = Taken { lap, owner: self.id, open: true };
        // A word changes while it is looked at when its owner closes the chunk, or another one takes it.
        for _ in 0..3 {
            let word = words.load(at, Site::SeeChunk);
            let old = Taken::of(word);
            if old.lap >= lap || old.open && !liveness.is_dead(old.owner) {
                return false;
            }
            if words.exchange(at, word, new.word(), Site::TakeChunk).is_ok() {
                return true;
            }
        }
        false
    }
}
