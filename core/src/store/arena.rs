//! Where new blocks are written: memory that only grows, whose addresses are already those that the
//! blocks will have in the file.
//!
//! A block is written once: one of equal content that is there already, in memory or in the file, is
//! used instead. Sealing turns what was written into an area that readers share; nothing is copied.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::block::{self, ALIGNMENT, Address, Block, Hash, Id};
use super::space::{Area, Areas, Space};
use super::superblock::DATA_START;
use crate::system;

/// A larger area is closed and another begun, so that growing never copies much. Each is written by one call,
/// which lets the system keep it in large pages.
const AREA_BYTES: usize = 32 << 20;
/// What an area begins with: as much as a small change takes.
const SMALL_BYTES: usize = 16 << 10;
/// An area that has grown to this gets the memory of a whole one.
const LARGE_BYTES: usize = 1 << 20;
/// Room after [`AREA_BYTES`] for the block that passes it.
const SLACK_BYTES: usize = 4 << 20;
/// The most that is set aside for an image whose length is not known yet.
const MOST_RESERVED: u64 = 256 << 20;

/// Memory for new blocks, behind a space that it extends.
#[derive(Debug)]
pub(crate) struct Arena {
    areas: Areas,
    /// What the next seal closes.
    open: Vec<u8>,
    open_start: u64,
    /// When it is closed.
    area_bytes: usize,
    sealed: Arc<Space>,
    /// Where a content is, by the first half of its hash. `None` until the first block is written: what
    /// is only read needs none.
    known: Option<HashMap<Id, Address>>,
}

impl Default for Arena {
    fn default() -> Arena {
        Arena::new()
    }
}

impl Arena {
    /// An arena that goes on where a space ends.
    pub(crate) fn after(space: Space) -> Arena {
        Arena {
            areas: space.areas().clone(),
            open: Vec::new(),
            open_start: space.end(),
            area_bytes: AREA_BYTES,
            sealed: Arc::new(space),
            known: None,
        }
    }

    /// An arena of its own, with nothing before it.
    pub(crate) fn new() -> Arena {
        Arena::after(Space::new(Areas::default()))
    }

    /// An arena that becomes one run of bytes, with room for superblocks before its first block. `most` is
    /// what it may come to.
    pub(crate) fn of_image(most: u64) -> Arena {
        let mut open = Vec::new();
        // Without it the buffer grows as it is filled, and is moved.
        if open.try_reserve_exact(most.clamp(DATA_START, MOST_RESERVED) as usize).is_ok() {
            system::prefer_large_pages(open.spare_capacity_mut());
        }
        open.resize(DATA_START as usize, 0);
        Arena { open, open_start: 0, area_bytes: usize::MAX, ..Arena::new() }
    }

    /// All that was written to an arena [`Arena::of_image`].
    pub(crate) fn into_image(mut self) -> Vec<u8> {
        self.open.shrink_to_fit();
        self.open
    }

    /// The space that the last seal made.
    pub(crate) fn space(&self) -> &Arc<Space> {
        &self.sealed
    }

    /// Where the next block begins.
    pub(crate) fn end(&self) -> u64 {
        self.open_start + self.open.len() as u64
    }

    /// Writes a block unless one of the same content and links is there. `content` writes the content.
    pub(crate) fn append(
        &mut self,
        hints: &[u8],
        links: &[Address],
        content: impl FnOnce(&mut Vec<u8>),
    ) -> (Hash, Address) {
        self.roll();
        let start = self.open.len();
        let content_start = block::begin(&mut self.open, hints, links.iter().copied());
        content(&mut self.open);
        let hash = Hash::of(&self.open[content_start..]);
        let address = Address(self.open_start + start as u64);
        self.known();
        let known = self.known.get_or_insert_default();
        match known.entry(hash.id()) {
            Entry::Occupied(mut entry) => {
                let there = *entry.get();
                let new = &self.open[content_start..];
                let same = bytes_at(&self.areas, &self.open, self.open_start, there)
                    .and_then(Block::at_start)
                    .is_some_and(|block| serves(&block, new, links));
                if same {
                    self.open.truncate(start);
                    return (hash, there);
                }
                entry.insert(address);
            }
            Entry::Vacant(entry) => {
                entry.insert(address);
            }
        }
        block::finish(&mut self.open, start, &hash.id());
        (hash, address)
    }

    /// Writes a block of another space, whose checksum was compared, with links of this one.
    pub(crate) fn append_copy(&mut self, block: &Block<'_>, links: &[Address]) -> Address {
        self.known();
        let there = self.known.get_or_insert_default().get(&block.id()).copied();
        let same = there.filter(|there| {
            bytes_at(&self.areas, &self.open, self.open_start, *there)
                .and_then(Block::at_start)
                .is_some_and(|own| serves(&own, block.content(), links))
        });
        same.unwrap_or_else(|| self.write(block.hints(), links, block.content(), &block.id()))
    }

    /// Writes a block even if one of the same content is there, whose links may be of no use any more.
    pub(crate) fn append_anew(
        &mut self,
        hints: &[u8],
        links: &[Address],
        content: &[u8],
    ) -> Address {
        self.known();
        self.write(hints, links, content, &Hash::of(content).id())
    }

    fn write(&mut self, hints: &[u8], links: &[Address], content: &[u8], id: &Id) -> Address {
        self.roll();
        let start = self.open.len();
        block::begin(&mut self.open, hints, links.iter().copied());
        self.open.extend_from_slice(content);
        block::finish(&mut self.open, start, id);
        let address = Address(self.open_start + start as u64);
        self.known.get_or_insert_default().insert(*id, address);
        address
    }

    /// Where a content of this hash is, if it is whole.
    pub(crate) fn find(&mut self, hash: &Hash) -> Option<Address> {
        self.known();
        let address = *self.known.as_ref()?.get(&hash.id())?;
        let bytes = bytes_at(&self.areas, &self.open, self.open_start, address)?;
        let block = Block::at_start(bytes)?;
        (block.is_whole() && Hash::of(block.content()) == *hash).then_some(address)
    }

    /// Closes what was written: readers of the space that it returns see it.
    pub(crate) fn seal(&mut self) -> Arc<Space> {
        self.close();
        if self.sealed.end() != self.areas.end() {
            self.sealed = Arc::new(self.sealed.with(self.areas.clone()));
        }
        Arc::clone(&self.sealed)
    }

    /// Takes areas in the place of those that end where they end: the file, mapped anew, for what it
    /// now holds.
    pub(crate) fn replace(&mut self, mapped: Arc<Area>) {
        let end = mapped.end();
        let rest = self.areas.iter().filter(|area| area.start() >= end).cloned();
        self.areas = Areas::of(std::iter::once(mapped).chain(rest).collect());
        self.sealed = Arc::new(self.sealed.with(self.areas.clone()));
    }

    /// The bytes from an address to the end of what is sealed, in pieces.
    pub(crate) fn since(&self, address: u64) -> impl Iterator<Item = (u64, &[u8])> {
        self.areas.iter().filter(move |area| area.end() > address).map(move |area| {
            let skip = address.saturating_sub(area.start()) as usize;
            (area.start() + skip as u64, &area.bytes()[skip..])
        })
    }

    /// The blocks that are there, by content. Reads each header once, on the first write.
    fn known(&mut self) {
        if self.known.is_none() {
            let blocks = self.sealed.blocks();
            self.known = Some(blocks.map(|(address, block)| (block.id(), address)).collect());
        }
    }

    fn roll(&mut self) {
        if self.open.len() >= self.area_bytes {
            self.close();
            self.enlarge();
        } else if self.open.capacity() == 0 {
            self.open.reserve(SMALL_BYTES);
        } else if self.open.len() >= LARGE_BYTES && self.open.capacity() < self.area_bytes {
            self.enlarge();
        }
    }

    /// Memory for as much as an area holds, since there will be as much: growing to it would copy it.
    fn enlarge(&mut self) {
        if self.area_bytes == AREA_BYTES {
            self.open.reserve_exact(AREA_BYTES + SLACK_BYTES - self.open.len());
            system::prefer_large_pages(self.open.spare_capacity_mut());
        }
    }

    fn close(&mut self) {
        if self.open.is_empty() {
            return;
        }
        debug_assert!(self.open.len().is_multiple_of(ALIGNMENT), "blocks are of whole lines");
        let mut bytes = std::mem::take(&mut self.open);
        if bytes.len() < LARGE_BYTES {
            // Thousands of small ones may follow each other before a commit.
            bytes.shrink_to_fit();
        }
        let area = Area::own(self.open_start, bytes);
        self.open_start = area.end();
        self.areas.push(area);
    }
}

/// Whether a block may be used in the place of a new one. What is damaged, or leads elsewhere (to what
/// is damaged, maybe), must not be used again.
fn serves(block: &Block<'_>, content: &[u8], links: &[Address]) -> bool {
    block.content() == content
        && block.link_count() == links.len()
        && links.iter().enumerate().all(|(number, link)| block.link(number) == *link)
        && block.is_whole()
}

/// The bytes from an address on, in the areas or in what is not closed yet.
fn bytes_at<'a>(
    areas: &'a Areas,
    open: &'a [u8],
    open_start: u64,
    address: Address,
) -> Option<&'a [u8]> {
    if address.0 >= open_start {
        return open.get((address.0 - open_start) as usize..);
    }
    let area = areas.at(address)?;
    area.bytes().get((address.0 - area.start()) as usize..)
}
