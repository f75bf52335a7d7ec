//! Where new blocks are written: memory that only grows, whose addresses are already those that the
//! blocks will have in the file.
//!
//! A block is written once: one of equal content that is there already, in memory or in the file, is
//! used instead. Sealing turns what was written into an area that readers share; nothing is copied.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::block::{self, ALIGNMENT, Address, Block, HEADER_BYTES, Hash, Id};
use super::space::{Area, Space};
use super::superblock::DATA_START;

/// A larger area is closed and another begun, so that growing never copies much.
const AREA_BYTES: usize = 8 << 20;

/// Memory for new blocks, behind a space that it extends.
#[derive(Debug)]
pub(crate) struct Arena {
    areas: Vec<Arc<Area>>,
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
            areas: space.areas().to_vec(),
            open: Vec::new(),
            open_start: space.end(),
            area_bytes: AREA_BYTES,
            sealed: Arc::new(space),
            known: None,
        }
    }

    /// An arena of its own, with nothing before it.
    pub(crate) fn new() -> Arena {
        Arena::after(Space::new(Vec::new()))
    }

    /// An arena that becomes one run of bytes, with room for superblocks before its first block.
    pub(crate) fn of_image() -> Arena {
        let open = vec![0; DATA_START as usize];
        Arena { open, open_start: 0, area_bytes: usize::MAX, ..Arena::new() }
    }

    /// All that was written to an arena [`Arena::of_image`].
    pub(crate) fn into_image(self) -> Vec<u8> {
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
        content: impl FnOnce(&mut Vec<u8>),
        links: &[Address],
        hints: &[u8],
    ) -> (Hash, Address) {
        self.roll();
        let start = self.open.len();
        self.open.resize(start + HEADER_BYTES, 0);
        content(&mut self.open);
        let hash = Hash::of(&self.open[start + HEADER_BYTES..]);
        let address = Address(self.open_start + start as u64);
        self.known();
        let known = self.known.get_or_insert_default();
        match known.entry(hash.id()) {
            Entry::Occupied(mut entry) => {
                let there = *entry.get();
                let new = &self.open[start + HEADER_BYTES..];
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
        block::finish(&mut self.open, start, &hash.id(), links.iter().copied(), hints);
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
        same.unwrap_or_else(|| self.write(block.content(), &block.id(), links, block.hints()))
    }

    /// Writes a block even if one of the same content is there, whose links may be of no use any more.
    pub(crate) fn append_anew(
        &mut self,
        content: &[u8],
        links: &[Address],
        hints: &[u8],
    ) -> Address {
        self.known();
        self.write(content, &Hash::of(content).id(), links, hints)
    }

    fn write(&mut self, content: &[u8], id: &Id, links: &[Address], hints: &[u8]) -> Address {
        self.roll();
        let start = self.open.len();
        self.open.resize(start + HEADER_BYTES, 0);
        self.open.extend_from_slice(content);
        block::finish(&mut self.open, start, id, links.iter().copied(), hints);
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
        if self.sealed.areas().len() != self.areas.len() {
            self.sealed = Arc::new(self.sealed.with(self.areas.clone()));
        }
        Arc::clone(&self.sealed)
    }

    /// Takes areas in the place of those that end where they end: the file, mapped anew, for what it
    /// now holds.
    pub(crate) fn replace(&mut self, mapped: Arc<Area>) {
        let end = mapped.end();
        let rest = self.areas.iter().filter(|area| area.start() >= end).cloned();
        let areas = std::iter::once(mapped).chain(rest).collect();
        self.areas = areas;
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
            // There will be as much again, and growing to it would copy it.
            self.open.reserve_exact(self.area_bytes + AREA_BYTES / 8);
        }
    }

    fn close(&mut self) {
        if self.open.is_empty() {
            return;
        }
        debug_assert!(self.open.len().is_multiple_of(ALIGNMENT), "blocks are of whole lines");
        let bytes = std::mem::take(&mut self.open);
        let area = Area::own(self.open_start, bytes);
        self.open_start = area.end();
        self.areas.push(Arc::new(area));
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
    areas: &'a [Arc<Area>],
    open: &'a [u8],
    open_start: u64,
    address: Address,
) -> Option<&'a [u8]> {
    if address.0 >= open_start {
        return open.get((address.0 - open_start) as usize..);
    }
    let after = areas.partition_point(|area| area.start() <= address.0);
    let area = areas.get(after.checked_sub(1)?)?;
    area.bytes().get((address.0 - area.start()) as usize..)
}
