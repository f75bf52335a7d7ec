//! Reads a buffer whose memory others wrote to in every way there is, and writes to it: for property tests,
//! and for `fuzz/fuzz_targets/context_buffer.rs`, which includes this file.

use super::{ContextBuffer, Item, Kind, Options, Reader, Start};

/// The bytes of a small buffer that three writers used, one of which has a chunk open.
pub(crate) fn image() -> Vec<u8> {
    let options = Options { chunk_bytes: 4 << 10, chunk_count: 4 };
    let buffer = ContextBuffer::private(&options).expect("such a buffer can be");
    let mut writers = [(); 3].map(|()| buffer.writer().expect("there are rows for three"));
    for number in 0..60u64 {
        let bytes = [number as u8; 200];
        let length = (number * 31 % 200) as usize;
        let writer = &mut writers[number as usize % 3];
        // A writer finds no chunk where two others have theirs open: that is a gap.
        let _ = writer.append_at(Kind::Opaque(1), &bytes[..length], number);
    }
    let _ = writers[0].append_at(Kind::Opaque(2), &[7; 1600], 60);
    let [_, open, _] = writers;
    let image = buffer.image();
    drop(open);
    image
}

/// Puts words where they are of most consequence: the place is that of a word in the header, the rows, the
/// directory, the beginning of a chunk, or anywhere.
pub(crate) fn changed(image: &[u8], changes: &[(u8, u32, u64)]) -> Vec<u8> {
    let mut bytes = image.to_vec();
    for (region, at, value) in changes {
        let (start, words) = match region % 8 {
            0 => (64, 9),
            1 => (4096, 24),
            2 | 3 => (8192, 4),
            4 | 5 => ((64 << 10) + (*at as usize >> 8) % 4 * (4 << 10), 20),
            _ => (0, bytes.len() / 8),
        };
        let at = start + 8 * (*at as usize % words);
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

/// Whatever the bytes are, this returns.
pub(crate) fn read(bytes: &[u8]) {
    let Ok(buffer) = ContextBuffer::from_image(bytes) else { return };
    for start in [Start::Oldest, Start::Now] {
        let mut reader = buffer.reader(start);
        // No record has fewer bytes than its header, and none comes twice; a gap comes before a record, or
        // once for a row.
        let most = 2 * (bytes.len() / 24) + 64;
        assert!(exhaust(&mut reader) <= most, "a reader comes to an end");
        let mut writer = match buffer.writer() {
            Ok(writer) => writer,
            Err(_) => return,
        };
        for length in [0, 1, 100, 1600, 2000] {
            let _ = writer.append_at(Kind::Event, &bytes[..length], u64::MAX);
        }
        assert!(exhaust(&mut reader) <= most);
        let _ = reader.wait(std::time::Duration::ZERO);
    }
}

fn exhaust(reader: &mut Reader) -> usize {
    let mut count = 0;
    while let Some(item) = reader.next() {
        count += 1;
        if let Item::Record(record) = item {
            assert!(record.bytes.len() <= 4 * (4 << 10) / 10 + (4 << 10));
        }
        if count > 1 << 20 {
            break;
        }
    }
    count
}
