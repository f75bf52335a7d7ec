//! The address space of a store: areas of bytes one after the other, the mapped file first, then what
//! was sealed in memory and is not in the file yet.
//!
//! A space never changes: what is sealed or committed later is in a later space that shares its areas.
//! Whoever holds one reads what it always read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::block::{ALIGNMENT, Address, Block, u32_at};
use super::mapping::Bytes;
use super::superblock::DATA_START;

/// Why a block could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Fault {
    /// No block can begin there.
    #[error("there is no block at {0:?}")]
    Nowhere(Address),
    /// Its lengths, its checksum or what it means are not right.
    #[error("the block at {0:?} is damaged")]
    Damaged(Address),
}

/// Immutable areas, by address.
#[derive(Debug, Clone)]
pub(crate) struct Space {
    /// The same for all spaces in which an address means the same block.
    pub(crate) lineage: u64,
    areas: Areas,
}

/// Consecutive areas. Most of them are in a list that its clones share, so that each seal costs the same,
/// however many there were before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Areas {
    shared: Arc<Vec<Arc<Area>>>,
    /// Those that come after.
    own: Vec<Arc<Area>>,
}

/// Threads that check the blocks of a file, at most, and the bytes that each is worth starting for.
const MOST_THREADS: usize = 8;
const BYTES_FOR_A_THREAD: usize = 4 << 20;
/// When areas become shared ones.
const MOST_OWN: usize = 32;

impl Areas {
    pub(crate) fn of(areas: Vec<Arc<Area>>) -> Areas {
        Areas { shared: Arc::new(areas), own: Vec::new() }
    }

    pub(crate) fn push(&mut self, area: Area) {
        self.own.push(Arc::new(area));
        if self.own.len() == MOST_OWN {
            let all = self.iter().map(Arc::clone).collect();
            *self = Areas::of(all);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Area>> {
        self.shared.iter().chain(&self.own)
    }

    pub(crate) fn end(&self) -> u64 {
        self.own.last().or(self.shared.last()).map_or(DATA_START, |area| area.end())
    }

    /// The area that an address is in.
    #[inline]
    pub(crate) fn at(&self, address: Address) -> Option<&Area> {
        let first = self.shared.first().or(self.own.first())?;
        if (first.start..first.end()).contains(&address.0) {
            return Some(first);
        }
        let is_own = self.own.first().is_some_and(|area| area.start <= address.0);
        let areas = if is_own { &self.own } else { &*self.shared };
        let after = areas.partition_point(|area| area.start <= address.0);
        let area = areas.get(after.checked_sub(1)?)?;
        (address.0 < area.end()).then_some(&**area)
    }
}

/// Consecutive bytes of an address space.
#[derive(Debug)]
pub(crate) struct Area {
    start: u64,
    bytes: Bytes,
    /// Which blocks were found whole. `None` for what this process wrote itself.
    checked: Option<Checked>,
}

impl Area {
    /// What this process wrote: nothing to check.
    pub(crate) fn own(start: u64, bytes: Vec<u8>) -> Area {
        Area { start, bytes: Bytes::Owned(bytes), checked: None }
    }

    /// Bytes from elsewhere; each block is checked when it is first read.
    pub(crate) fn foreign(start: u64, bytes: Bytes) -> Area {
        let checked = Some(Checked::new(bytes.len()));
        Area { start, bytes, checked }
    }

    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where its first block begins in its bytes: a file begins with its superblocks.
    fn first_block(&self) -> usize {
        DATA_START.saturating_sub(self.start) as usize
    }
}

impl Area {
    /// Where the blocks end that begin at a place, go by their own lengths, and are about a stretch; a length
    /// that cannot be ends them with the block that has it. The place itself when nothing follows but zeros.
    fn after_stretch(&self, start: usize) -> usize {
        let mut at = start;
        while at < self.bytes.len() && at - start < STRETCH {
            let length = self.bytes.get(at + 4..at + 8).map_or(0, |word| u32_at(word, 0) as usize);
            // The rest of a page that no block was written to.
            if length == 0 && self.bytes[at..].iter().all(|byte| *byte == 0) {
                break;
            }
            at = at.saturating_add(length.max(ALIGNMENT));
        }
        at
    }

    /// The first look at a block.
    #[cold]
    fn check(
        &self,
        checked: &Checked,
        block: &Block<'_>,
        address: Address,
        is_sound: fn(&Block<'_>, Address) -> bool,
    ) -> Result<(), Fault> {
        if !block.is_whole() || !leads_down(block, address) || !is_sound(block, address) {
            return Err(Fault::Damaged(address));
        }
        checked.set((address.0 - self.start) as usize);
        Ok(())
    }
}

static LINEAGES: AtomicU64 = AtomicU64::new(0);

impl Space {
    pub(crate) fn new(areas: Areas) -> Space {
        // Ordering: only uniqueness matters.
        Space { lineage: LINEAGES.fetch_add(1, Ordering::Relaxed), areas }
    }

    /// A space of one area.
    pub(crate) fn of(area: Area) -> Space {
        Space::new(Areas::of(vec![Arc::new(area)]))
    }

    pub(crate) fn with(&self, areas: Areas) -> Space {
        Space { lineage: self.lineage, areas }
    }

    pub(crate) fn areas(&self) -> &Areas {
        &self.areas
    }

    pub(crate) fn end(&self) -> u64 {
        self.areas.end()
    }

    /// The block at an address. One from a file is checked when it is first read: its checksum, and by
    /// `is_sound` what its content means.
    #[inline]
    pub(crate) fn block(
        &self,
        address: Address,
        is_sound: fn(&Block<'_>, Address) -> bool,
    ) -> Result<Block<'_>, Fault> {
        let area = self.area(address).ok_or(Fault::Nowhere(address))?;
        let at = (address.0 - area.start) as usize;
        let block = Block::at_start(&area.bytes[at..]).ok_or(Fault::Damaged(address))?;
        match &area.checked {
            Some(checked) if !checked.has(at) => area.check(checked, &block, address, is_sound)?,
            _ => {}
        }
        Ok(block)
    }

    /// The block at an address as it stands, checked anew whatever was found before.
    pub(crate) fn block_afresh(&self, address: Address) -> Result<Block<'_>, Fault> {
        let area = self.area(address).ok_or(Fault::Nowhere(address))?;
        let at = (address.0 - area.start) as usize;
        let block = Block::at_start(&area.bytes[at..]).ok_or(Fault::Damaged(address))?;
        let right = block.is_whole() && leads_down(&block, address);
        if right { Ok(block) } else { Err(Fault::Damaged(address)) }
    }

    #[inline]
    fn area(&self, address: Address) -> Option<&Area> {
        if address.0 < DATA_START || !address.0.is_multiple_of(ALIGNMENT as u64) {
            return None;
        }
        self.areas.at(address)
    }

    /// All blocks in the order of their addresses, by their own lengths. After one whose length is damaged
    /// it goes on where the next one may begin.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (Address, Block<'_>)> {
        self.areas.iter().flat_map(|area| {
            let mut at = area.first_block();
            std::iter::from_fn(move || {
                loop {
                    let address = Address(area.start + at as u64);
                    let Some(block) = Block::at_start(area.bytes.get(at..)?) else {
                        at += ALIGNMENT;
                        continue;
                    };
                    at += block.len();
                    return Some((address, block));
                }
            })
        })
    }

    /// Checks the checksum and the structure of every block, so that none is checked on its first read: in as
    /// many threads as there are processors, where there is much to read. Returns the bytes that were read.
    pub(crate) fn check_all(
        &self,
        is_sound: fn(&Block<'_>, Address) -> bool,
    ) -> Result<u64, Fault> {
        self.areas.iter().try_fold(0, |bytes, area| Ok(bytes + self.check_area(area, is_sound)?))
    }

    fn check_area(
        &self,
        area: &Area,
        is_sound: fn(&Block<'_>, Address) -> bool,
    ) -> Result<u64, Fault> {
        let next = Mutex::new(area.first_block());
        let work = || -> Result<u64, Fault> {
            let mut bytes = 0;
            loop {
                let stretch = {
                    let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                    let start = *next;
                    *next = area.after_stretch(start);
                    start..*next
                };
                if stretch.is_empty() {
                    return Ok(bytes);
                }
                let mut at = stretch.start;
                while at < stretch.end {
                    let block = self.block(Address(area.start + at as u64), is_sound)?;
                    at += block.len();
                    bytes += block.len() as u64;
                }
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
        let others = threads.min(MOST_THREADS).min(area.bytes.len() / BYTES_FOR_A_THREAD);
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..others).map(|_| scope.spawn(work)).collect();
            let own = work();
            others.into_iter().fold(own, |sum, other| {
                let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                // All that are damaged may be found; the first is what is reported.
                match (sum, other) {
                    (Ok(sum), Ok(other)) => Ok(sum + other),
                    (Err(one), Err(other)) => Err(one.min(other)),
                    (Err(fault), Ok(_)) | (Ok(_), Err(fault)) => Err(fault),
                }
            })
        })
    }
}

/// Links lead to lower addresses, so that no reader goes in circles.
fn leads_down(block: &Block<'_>, address: Address) -> bool {
    (0..block.link_count()).all(|number| block.link(number) < address)
}

/// One bit for each place where a block may begin, made a mebibyte of bytes at a time: opening a large
/// store costs nothing for what is not read.
#[derive(Debug)]
struct Checked {
    stretches: Vec<OnceLock<Box<[AtomicU64; WORDS]>>>,
}

/// 64 bits each, for a mebibyte of bytes.
const WORDS: usize = STRETCH / ALIGNMENT / 64;
const STRETCH: usize = 1 << 20;

impl Checked {
    fn new(bytes: usize) -> Checked {
        let stretches = bytes.div_ceil(STRETCH);
        Checked { stretches: (0..stretches).map(|_| OnceLock::new()).collect() }
    }

    #[inline]
    fn place(at: usize) -> (usize, usize, u64) {
        let bit = at / ALIGNMENT;
        let (stretch, within) = (at / STRETCH, bit % (STRETCH / ALIGNMENT));
        (stretch, within / 64, 1 << (within % 64))
    }

    #[inline]
    fn has(&self, at: usize) -> bool {
        let (stretch, word, bit) = Checked::place(at);
        let words = self.stretches.get(stretch).and_then(|stretch| stretch.get());
        // Ordering: the bytes do not change, so nothing but the bit is published.
        words.is_some_and(|words| words[word].load(Ordering::Relaxed) & bit != 0)
    }

    fn set(&self, at: usize) {
        let (stretch, word, bit) = Checked::place(at);
        let Some(stretch) = self.stretches.get(stretch) else { return };
        let words = stretch.get_or_init(|| Box::new([const { AtomicU64::new(0) }; WORDS]));
        // Ordering: as in `has`.
        words[word].fetch_or(bit, Ordering::Relaxed);
    }
}
