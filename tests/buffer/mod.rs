//! The context buffer as processes share it: writers and readers that are killed or stopped, and a reader in
//! another language.

use std::path::Path;

use aios_core::buffer::{ContextBuffer, Item, Kind, Reader, Writer, WriterId};
use aios_core::segment::Place;
use aios_core::{Host, Platform};

use crate::support::Peer;

mod cost;
mod format;
mod kill;
mod stop;

fn place(folder: &Path) -> Place {
    Place::make(&Host::empty(Platform::CURRENT, folder), folder).unwrap()
}

fn role() -> Option<(String, Place)> {
    Peer::role().map(|(role, folder)| (role, place(&folder)))
}

/// The bytes of a record, made from its number: of any length, one in a hundred in pieces, with a checksum.
fn bytes_of(sequence: u64, salt: u32) -> Vec<u8> {
    let mut state = sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(salt);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let length = match next() % 100 {
        0 => 5000 + next() % 3000,
        short => short * 3,
    };
    let mut bytes = Vec::with_capacity(length as usize + 16);
    bytes.extend(salt.to_le_bytes());
    while (bytes.len() as u64) < length {
        bytes.extend(next().to_le_bytes());
    }
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Appends the record of a number.
fn append(writer: &mut Writer, sequence: u64) {
    let salt = u32::from(writer.id().epoch() as u16) << 8 | writer.id().row() as u32;
    assert_eq!(writer.append(Kind::Opaque(1), &bytes_of(sequence, salt)), Ok(sequence));
}

/// What a reader got.
#[derive(Debug, Default)]
struct Seen {
    records: u64,
    missing: u64,
    next: std::collections::BTreeMap<WriterId, u64>,
}

impl Seen {
    /// Reads what there is, though no more than `most` of it, and checks each record by its number and its bytes. A writer's records come in their
    /// order, and what is missing of them was said to be.
    fn read(&mut self, reader: &mut Reader, most: usize) {
        for _ in 0..most {
            let Some(item) = reader.next() else { break };
            match item {
                Item::Gap(gap) => {
                    *self.next.entry(gap.writer).or_default() += gap.records;
                    self.missing += gap.records;
                }
                Item::Record(record) => {
                    let next = self.next.entry(record.writer).or_default();
                    assert_eq!(record.sequence, *next, "of {:?}", record.writer);
                    *next += 1;
                    let salt = u32::from_le_bytes(record.bytes[..4].try_into().unwrap());
                    let writer = u32::from(record.writer.epoch() as u16) << 8;
                    assert_eq!(salt, writer | record.writer.row() as u32);
                    assert!(record.bytes == bytes_of(record.sequence, salt), "a torn record");
                    self.records += 1;
                }
            }
        }
        assert_eq!(reader.damaged(), 0);
    }
}

fn open(place: &Place) -> ContextBuffer {
    ContextBuffer::open(place).unwrap()
}
