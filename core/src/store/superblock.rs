//! The superblock: which bytes of a file count, and where its root is. A file has two; commits write
//! them in turn, so that one is always whole. A new file has the same one twice. Each stands in a page of
//! its own, since a disk that fails while it writes may damage what stands beside it.
//!
//! ```text
//! 0    magic      8    "AIOSCTX\n"
//! 8    endian     u32  0x0A0B0C0D: a file that was written big-endian reads otherwise
//! 12   version    u32  1; a larger one is refused
//! 16   hash       u32  1: BLAKE3
//! 20   bytes      u32  512: bytes of a superblock
//! 24   salt       16   key of the hash that decides where nodes end
//! 40   sequence   u64  increases with each commit; the larger one counts
//! 48   committed  u64  bytes of the file that count
//! 56   tail       u64  start of what the commit wrote; its checksum is compared when it is opened
//! 64   tail sum   u32  CRC-32C of the bytes from `tail` to `committed`
//! 68   zero       u32
//! 72   root       128  what the commit was given; then zeros
//! 508  checksum   u32  CRC-32C of bytes 0 to 507
//! ```
//!
//! Magic, endian, version and checksum stay where they are in all versions: a flipped bit of the version
//! is told from a later program.

use super::Salt;
use super::block::{ALIGNMENT, u32_at, u64_at};

/// Bytes of a superblock: what a disk writes at once.
pub(crate) const BYTES: usize = 512;
/// Where the second one begins.
pub(crate) const PAGE: usize = 4096;
/// Blocks begin after both superblocks.
pub(crate) const DATA_START: u64 = 2 * PAGE as u64;
/// The newest version that this program reads, and the one that it writes.
pub(crate) const VERSION: u32 = 1;
/// Bytes for the root record.
pub(crate) const ROOT_BYTES: usize = 128;

const MAGIC: [u8; 8] = *b"AIOSCTX\n";
const ENDIAN: u32 = 0x0A0B_0C0D;
const BLAKE3: u32 = 1;

/// What the user of a store keeps in each commit, opaque to the store.
pub(crate) type RootRecord = [u8; ROOT_BYTES];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Superblock {
    pub(crate) salt: Salt,
    pub(crate) sequence: u64,
    pub(crate) committed: u64,
    pub(crate) tail: u64,
    pub(crate) tail_checksum: u32,
    pub(crate) root: RootRecord,
}

/// Why bytes are no superblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Another file, one of another byte order or hash, or a superblock that was never written.
    NotFormat,
    /// Of a later version of the format.
    TooNew(u32),
    /// One that was not written whole, or damaged.
    Damaged,
}

impl Superblock {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut page = Vec::with_capacity(BYTES);
        page.extend_from_slice(&MAGIC);
        for word in [ENDIAN, VERSION, BLAKE3, BYTES as u32] {
            page.extend_from_slice(&word.to_le_bytes());
        }
        page.extend_from_slice(&self.salt.0);
        for word in [self.sequence, self.committed, self.tail] {
            page.extend_from_slice(&word.to_le_bytes());
        }
        page.extend_from_slice(&self.tail_checksum.to_le_bytes());
        page.extend_from_slice(&0u32.to_le_bytes());
        page.extend_from_slice(&self.root);
        page.resize(BYTES - 4, 0);
        let checksum = crc32c::crc32c(&page);
        page.extend_from_slice(&checksum.to_le_bytes());
        page
    }

    /// The pages that a file begins with: the same superblock in both.
    pub(crate) fn first_pages(&self) -> Vec<u8> {
        let mut page = self.encode();
        page.resize(PAGE, 0);
        page.repeat(2)
    }

    pub(crate) fn decode(page: &[u8]) -> Result<Superblock, Wrong> {
        if page.len() < BYTES || page[..8] != MAGIC {
            return Err(Wrong::NotFormat);
        }
        let page = &page[..BYTES];
        let whole = crc32c::crc32c(&page[..BYTES - 4]) == u32_at(page, BYTES - 4);
        if !whole {
            return Err(Wrong::Damaged);
        }
        let version = u32_at(page, 12);
        if u32_at(page, 8) == ENDIAN && version > VERSION {
            return Err(Wrong::TooNew(version));
        }
        let fixed = [u32_at(page, 8), version, u32_at(page, 16), u32_at(page, 20)];
        if fixed != [ENDIAN, VERSION, BLAKE3, BYTES as u32] {
            return Err(Wrong::NotFormat);
        }
        let mut salt = [0; 16];
        salt.copy_from_slice(&page[24..40]);
        let mut root = [0; ROOT_BYTES];
        root.copy_from_slice(&page[72..72 + ROOT_BYTES]);
        let superblock = Superblock {
            salt: Salt(salt),
            sequence: u64_at(page, 40),
            committed: u64_at(page, 48),
            tail: u64_at(page, 56),
            tail_checksum: u32_at(page, 64),
            root,
        };
        let Superblock { tail, committed, .. } = superblock;
        let ordered = DATA_START <= tail && tail <= committed;
        // A writer goes on at `committed`, and blocks are aligned.
        let aligned = [tail, committed].iter().all(|at| at.is_multiple_of(ALIGNMENT as u64));
        if ordered && aligned { Ok(superblock) } else { Err(Wrong::Damaged) }
    }
}
