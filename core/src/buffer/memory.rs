//! The memory that a buffer stands in, and its bell: private, or of names that the user's processes share.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::append::Liveness;
use super::layout::{self, Shape, WriterId, bell, header};
use super::table::{self, Row};
use super::words::{SharedWords, Site, Words};
use super::{Error, Options};
use crate::segment::alive::{Held, Lock, Process};
use crate::segment::{self, Made, Place, Segment, What};
use crate::system;

const RING: segment::Kind = segment::Kind { what: What::Ring, magic: *b"AIOSRING", version: 1 };
const BELL: segment::Kind = segment::Kind { what: What::Bell, magic: *b"AIOSBELL", version: 1 };

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Memory {
    shape: Shape,
    ring: Segment,
    bell: Segment,
    /// Of named memory: where the locks of the writers are.
    place: Option<Place>,
}

/// Words that are only read.
pub(super) struct Readable<'a>(&'a [AtomicU64]);

impl Words for Readable<'_> {
    #[inline(always)]
    fn load(&self, at: usize, site: Site) -> u64 {
        self.0.load(at, site)
    }

    #[inline(always)]
    fn fence(&self, site: Site) {
        self.0.fence(site);
    }

    #[inline]
    fn copy(&self, at: usize, bytes: &mut [u8]) {
        self.0.copy(at, bytes);
    }

    #[inline(always)]
    fn prefetch(&self, at: usize) {
        self.0.prefetch(at);
    }
}

/// A writer's row, and in named memory the lock that says that it lives.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) id: WriterId,
    /// Who waits makes a fence in this process.
    pub(super) unfenced: bool,
    _held: Option<Held>,
}

impl Memory {
    pub(super) fn private(options: &Options) -> Result<Memory, Error> {
        let shape = Shape::of(options)?;
        let ring = Segment::private(RING, shape.bytes())?;
        let bell = Segment::private(BELL, bell::BYTES)?;
        let memory = Memory { shape, ring, bell, place: None };
        memory.write_header();
        Ok(memory)
    }

    /// Becomes the owner of the names. What a dead owner left is gone on with where it has these sizes.
    pub(super) fn create(place: &Place, options: &Options) -> Result<Memory, Error> {
        let shape = Shape::of(options)?;
        let fits =
            |memory: &segment::Memory| shape_of(memory.words()).is_some_and(|found| found == shape);
        let (ring, made) = Segment::create(place, RING, shape.bytes(), fits)?;
        let (bell, _) = Segment::create(place, BELL, bell::BYTES, |_| true)?;
        let memory = Memory { shape, ring, bell, place: Some(place.clone()) };
        if made == Made::Fresh {
            memory.write_header();
        }
        memory.bell.set_ready();
        // Whoever finds the ring finds its bell.
        memory.ring.set_ready();
        Ok(memory)
    }

    /// Opens what its owner made.
    pub(super) fn open(place: &Place) -> Result<Memory, Error> {
        Memory::of(place, Segment::open(place, RING)?)
    }

    /// The same, for reading: only the bell can be written to.
    pub(super) fn open_read_only(place: &Place) -> Result<Memory, Error> {
        Memory::of(place, Segment::open_read_only(place, RING)?)
    }

    fn of(place: &Place, ring: Segment) -> Result<Memory, Error> {
        let wrong = |segment: &Segment, what| Error::NotABuffer(segment.name().to_owned(), what);
        let Some(shape) = shape_of(ring.memory().words()) else {
            return Err(wrong(&ring, "its sizes cannot be"));
        };
        if ring.length() != shape.bytes() {
            return Err(wrong(&ring, "it is not as long as its sizes say"));
        }
        let bell = Segment::open(place, BELL)?;
        if bell.length() != bell::BYTES {
            return Err(wrong(&bell, "a bell has another length"));
        }
        Ok(Memory { shape, ring, bell, place: Some(place.clone()) })
    }

    /// A private copy. What its writers were is not asked: none of them lives here.
    pub(super) fn of_image(bytes: &[u8]) -> Result<Memory, Error> {
        let wrong = |what| Error::NotABuffer("copy".to_owned(), what);
        let (words, _) = bytes.as_chunks::<8>();
        if words.first() != Some(&RING.magic) {
            return Err(wrong("it does not begin with `AIOSRING`"));
        }
        if words.get(1).is_none_or(|word| word[..4] != RING.version.to_le_bytes()) {
            return Err(wrong("it is of another version"));
        }
        if bytes.len() < segment::PREAMBLE_BYTES {
            return Err(wrong("it is shorter than its preamble"));
        }
        let ring = Segment::private(RING, bytes.len())?;
        let copy = ring.memory().words();
        copy.fill(segment::PREAMBLE_BYTES / 8, &bytes[segment::PREAMBLE_BYTES..]);
        let Some(shape) = shape_of(copy).filter(|shape| shape.bytes() == bytes.len()) else {
            return Err(wrong("its sizes cannot be"));
        };
        let bell = Segment::private(BELL, bell::BYTES)?;
        Ok(Memory { shape, ring, bell, place: None })
    }

    pub(super) fn image(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.shape.bytes()];
        self.readable().copy(0, &mut bytes);
        bytes
    }

    fn write_header(&self) {
        let words = self.writable();
        let two = |low: usize, high: usize| low as u64 | (high as u64) << 32;
        let shape = &self.shape;
        words.store(header::CHUNKS, two(shape.chunk_bytes, shape.chunk_count), Site::Plain);
        words.store(header::ROWS, shape.rows as u64, Site::Plain);
        words.store(header::DATA, 8 * shape.data as u64, Site::Plain);
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Panics for a memory that was opened for reading.
    #[inline(always)]
    pub(super) fn writable(&self) -> &[AtomicU64] {
        assert!(self.ring.memory().is_writable(), "a buffer that was opened for reading");
        self.ring.memory().words()
    }

    #[inline(always)]
    pub(super) fn readable(&self) -> Readable<'_> {
        Readable(self.ring.memory().words())
    }

    pub(super) fn is_writable(&self) -> bool {
        self.ring.memory().is_writable()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.ring.state() == segment::State::Closed
    }

    #[inline(always)]
    pub(super) fn bell(&self) -> &[AtomicU64] {
        self.bell.memory().words()
    }

    #[cold]
    pub(super) fn wake(&self) {
        system::wake_all(&self.bell()[bell::WORD]);
    }

    pub(super) fn sleep(&self, seen: u64, limit: Duration) {
        system::sleep_on(&self.bell()[bell::WORD], seen, limit);
    }

    /// A fence here, and in every process whose writers have none of their own. Whether it reached those.
    pub(super) fn fence_everywhere(&self) -> bool {
        self.readable().fence(Site::Waiting);
        system::fence_everywhere()
    }

    /// Takes a row of the table: one that is free, or whose writer is dead.
    pub(super) fn register(&self) -> Result<Registered, Error> {
        if !self.is_writable() {
            return Err(Error::ForReading);
        }
        let words = self.writable();
        for number in 0..self.shape.rows {
            let row = Row::at(words, &self.shape, number);
            if row.is_live() && self.place.is_none() || row.runs() {
                continue;
            }
            let held = match self.lock(number) {
                None => None,
                Some(lock) => match lock.take()? {
                    None => continue,
                    held => held,
                },
            };
            // Somebody without a lock may have taken it since.
            let row = Row::at(words, &self.shape, number);
            if row.runs() {
                continue;
            }
            let unfenced = system::join_fences();
            if let Some(id) = row.take(words, Process::own().to_word(), unfenced) {
                return Ok(Registered { id, unfenced, _held: held });
            }
        }
        Err(Error::NoRow)
    }

    /// Gives a row back; its count stays for readers.
    pub(super) fn deregister(&self, registered: &Registered) {
        table::release(self.writable(), &self.shape, registered.id);
    }

    fn lock(&self, row: usize) -> Option<Lock<'_>> {
        self.place.as_ref().map(|place| Lock::of_row(place, What::Ring, row as u32))
    }
}

impl Liveness for Memory {
    /// A row that was given back or taken again is proof. Else its owner is asked for: by its number and
    /// start, and only where no such process runs by its lock, which may be that of one in a container.
    fn is_dead(&self, owner: WriterId) -> bool {
        let words = self.writable();
        let row = Row::at(words, &self.shape, owner.row());
        if !row.is_of(owner) {
            return true;
        }
        if row.runs() {
            return false;
        }
        // While this is held nobody takes the row: the mark that it is free is of this owner.
        match self.lock(owner.row()).map(|lock| lock.take()) {
            Some(Ok(Some(_held))) => {
                let now = Row::at(words, &self.shape, owner.row());
                if now.is_of(owner) && !now.runs() {
                    table::release(words, &self.shape, owner);
                }
                !Row::at(words, &self.shape, owner.row()).is_of(owner)
            }
            _ => false,
        }
    }
}

/// What the header says, where that can be.
fn shape_of(words: &[AtomicU64]) -> Option<Shape> {
    // Untrusted: somebody may have written anything since the preamble was.
    let at = |at: usize| words.get(at).map(|_| words.load(at, Site::Plain));
    let (chunks, rows, data) = (at(header::CHUNKS)?, at(header::ROWS)?, at(header::DATA)?);
    let options = Options { chunk_bytes: chunks as u32, chunk_count: (chunks >> 32) as u32 };
    let shape = Shape::of(&options).ok()?;
    let says_so = rows == layout::ROWS as u64 && data == 8 * shape.data as u64;
    (says_so && shape.bytes() / 8 <= words.len()).then_some(shape)
}
