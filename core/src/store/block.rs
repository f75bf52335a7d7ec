//! One block: the smallest thing that a store keeps, checksummed and named by its content.
//!
//! ```text
//! 0   checksum   u32   CRC-32C of bytes 4 to the end of the block
//! 4   length     u32   bytes of the whole block, a multiple of 64
//! 8   content    u32   bytes of the content
//! 12  links      u16   number of links
//! 14  hints      u16   bytes of hints
//! 16  id         16    first half of the BLAKE3 hash of the content
//! 32  hints            what speeds reading up and can be computed from the content
//! ..  links            u64 each, from the next multiple of 8: addresses of other blocks, 0 for none
//! ..  content          what the block means: the only part that its hash covers; then zeros
//! ```
//!
//! Content never names an address, so equal content has an equal hash wherever it lies. A link leads to
//! a lower address: blocks cannot form a circle, whatever a file says.
//!
//! Hints and links stand before the content, since a lookup needs them to know where to go on: they are on
//! the first cache lines of the block, the content is compared while the next block is on its way.

/// Bytes before hints, links and content.
pub(crate) const HEADER_BYTES: usize = 32;
/// Blocks begin at multiples of this: a header is one cache line.
pub(crate) const ALIGNMENT: usize = 64;
/// The largest content, a limit on what a damaged length can make a reader do.
pub(crate) const MAX_CONTENT_BYTES: usize = 64 << 20;

/// The BLAKE3 hash of a content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of a content.
    pub fn of(content: &[u8]) -> Hash {
        Hash(*blake3::hash(content).as_bytes())
    }

    pub(crate) fn id(&self) -> Id {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0[..16]);
        id
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// What blocks of equal content share, and most likely no others.
pub(crate) type Id = [u8; 16];

/// Where a block begins in the address space of a store: bytes from the start of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub(crate) u64);

impl Address {
    /// No block.
    pub(crate) const NONE: Address = Address(0);
}

/// A block whose lengths were checked against the bytes that hold it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    bytes: &'a [u8],
    hints: usize,
    links: usize,
    content: usize,
}

impl<'a> Block<'a> {
    /// The block at the start of these bytes, unless its lengths cannot be. Does not look at the checksum.
    #[inline]
    pub(crate) fn at_start(bytes: &'a [u8]) -> Option<Block<'a>> {
        let header = bytes.first_chunk::<HEADER_BYTES>()?;
        let length = u32_at(header, 4) as usize;
        let content = u32_at(header, 8) as usize;
        let links = usize::from(u16_at(header, 12));
        let hints = usize::from(u16_at(header, 14));
        let right = length.is_multiple_of(ALIGNMENT)
            && content <= MAX_CONTENT_BYTES
            && content_start(hints, links) + content <= length
            && length <= bytes.len();
        right.then(|| Block { bytes: &bytes[..length], hints, links, content })
    }

    /// Whether the checksum is right.
    pub(crate) fn is_whole(&self) -> bool {
        checksum(&self.bytes[4..]) == u32_at(self.bytes, 0)
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn id(&self) -> Id {
        let mut id = [0; 16];
        id.copy_from_slice(&self.bytes[16..32]);
        id
    }

    /// Whether its id is that of a content with this hash.
    #[inline]
    pub(crate) fn has_id(&self, hash: &[u8; 32]) -> bool {
        self.bytes[16..32] == hash[..16]
    }

    #[inline]
    pub(crate) fn hints(&self) -> &'a [u8] {
        &self.bytes[HEADER_BYTES..HEADER_BYTES + self.hints]
    }

    #[inline]
    pub(crate) fn link_count(&self) -> usize {
        self.links
    }

    /// The link with this number. [`Address::NONE`] where there is none.
    #[inline]
    pub(crate) fn link(&self, number: usize) -> Address {
        if number >= self.links {
            return Address::NONE;
        }
        Address(u64_at(self.bytes, links_start(self.hints) + number * 8))
    }

    /// All links as they stand, for comparing.
    pub(crate) fn link_bytes(&self) -> &'a [u8] {
        &self.bytes[links_start(self.hints)..content_start(self.hints, self.links)]
    }

    #[inline]
    pub(crate) fn content(&self) -> &'a [u8] {
        let start = content_start(self.hints, self.links);
        &self.bytes[start..start + self.content]
    }
}

/// Begins a block at the end of a buffer; its content is appended next. Returns where that starts.
pub(crate) fn begin(
    buffer: &mut Vec<u8>,
    hints: &[u8],
    links: impl ExactSizeIterator<Item = Address>,
) -> usize {
    debug_assert!(hints.len().max(links.len()) <= usize::from(u16::MAX), "a node is too large");
    let start = buffer.len();
    let mut header = [0; HEADER_BYTES];
    header[12..14].copy_from_slice(&(links.len() as u16).to_le_bytes());
    header[14..16].copy_from_slice(&(hints.len() as u16).to_le_bytes());
    buffer.extend_from_slice(&header);
    buffer.extend_from_slice(hints);
    buffer.resize(start + links_start(hints.len()), 0);
    for link in links {
        buffer.extend_from_slice(&link.0.to_le_bytes());
    }
    buffer.len()
}

/// Ends a block that began at `start`, whose content ends the buffer.
pub(crate) fn finish(buffer: &mut Vec<u8>, start: usize, id: &Id) {
    let (links, hints) = (u16_at(buffer, start + 12), u16_at(buffer, start + 14));
    let before = content_start(usize::from(hints), usize::from(links));
    let content = buffer.len() - start - before;
    let length = (buffer.len() - start).next_multiple_of(ALIGNMENT);
    buffer.resize(start + length, 0);
    let block = &mut buffer[start..];
    block[4..8].copy_from_slice(&(length as u32).to_le_bytes());
    block[8..12].copy_from_slice(&(content as u32).to_le_bytes());
    block[16..32].copy_from_slice(id);
    let checksum = checksum(&block[4..]);
    block[..4].copy_from_slice(&checksum.to_le_bytes());
}

/// CRC-32C: of a few kilobytes at a time, which `crc32c` takes twice as long for.
fn checksum(bytes: &[u8]) -> u32 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// Where links begin after so many bytes of hints.
#[inline]
fn links_start(hints: usize) -> usize {
    (HEADER_BYTES + hints).next_multiple_of(8)
}

/// Where the content begins after so many bytes of hints, and links.
#[inline]
fn content_start(hints: usize, links: usize) -> usize {
    links_start(hints) + 8 * links
}

#[inline]
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    let mut word = [0; 2];
    word.copy_from_slice(&bytes[at..at + 2]);
    u16::from_le_bytes(word)
}

#[inline]
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

#[inline]
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}
