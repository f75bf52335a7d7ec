//! What appending costs: no memory of the heap, and no system call.

use aios_core::buffer::{Options, Start};

use super::*;
use crate::support::{allocations, without_system_calls};

/// Records of 64 bytes, so many that hundreds of chunks are taken, and some in pieces.
fn append_much(writer: &mut Writer) {
    let bytes = [7; 2000];
    for number in 0..50_000u64 {
        let length = if number % 100 == 0 { 2000 } else { 64 };
        writer.append_at(Kind::Opaque(0), &bytes[..length], number).unwrap();
    }
}

#[test]
fn appending_takes_no_memory_and_no_system_call() {
    if let Some((_, place)) = role() {
        let mut writer = open(&place).writer().unwrap();
        append_much(&mut writer);
        let before = allocations();
        append_much(&mut writer);
        assert_eq!(allocations() - before, 0, "appending allocates");
        // Ends the process where there is another call than to write this.
        without_system_calls(|| append_much(&mut writer), b"appended 1\n")
    }
    let folder = tempfile::tempdir().unwrap();
    let options = Options { chunk_bytes: 4 << 10, chunk_count: 64 };
    let place = place(folder.path());
    let buffer = ContextBuffer::create(&place, &options).unwrap();
    let test = "buffer::cost::appending_takes_no_memory_and_no_system_call";
    let mut peer = Peer::start(test, "writer", folder.path());
    assert_eq!(peer.hear("appended "), Some(1), "appending makes system calls, or allocates");
    peer.kill();
    // All of it was appended.
    let mut reader = buffer.reader(Start::Oldest);
    let (mut missing, mut records) = (0, 0);
    while let Some(item) = reader.next() {
        match item {
            Item::Gap(gap) => missing += gap.records,
            Item::Record(_) => records += 1,
        }
    }
    assert_eq!(missing + records, 150_000);
}
