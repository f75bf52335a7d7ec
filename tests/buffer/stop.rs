//! A process that does not go on is not dead: its chunk is passed over, and it goes on where it was.

use std::io::{BufRead, stdin};

use aios_core::buffer::{Options, Start};

use super::*;
use crate::support::stopped;

#[test]
fn a_stopped_writer_keeps_its_chunk() {
    if let Some((_, place)) = role() {
        let mut writer = open(&place).writer().unwrap();
        for (round, line) in stdin().lock().lines().enumerate() {
            line.unwrap();
            for sequence in 0..5 {
                append(&mut writer, 5 * round as u64 + sequence);
            }
            println!("appended {round}");
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let options = Options { chunk_bytes: 4 << 10, chunk_count: 32 };
    let buffer = ContextBuffer::create(&place, &options).unwrap();
    let mut peer =
        Peer::start("buffer::stop::a_stopped_writer_keeps_its_chunk", "writer", folder.path());
    peer.tell();
    assert_eq!(peer.hear("appended "), Some(0));
    // Where a process cannot be stopped, one that waits for a line does as little.
    let goes_on = stopped(peer.child.id());
    let mut busy = buffer.writer().unwrap();
    for sequence in 0..2000 {
        append(&mut busy, sequence);
    }
    let (mut reader, mut seen) = (buffer.reader(Start::Oldest), Seen::default());
    seen.read(&mut reader, usize::MAX);
    let stopped = *seen.next.keys().find(|id| **id != busy.id()).expect("its records are there");
    assert_eq!((seen.next[&stopped], seen.next[&busy.id()]), (5, 2000));
    goes_on();
    peer.tell();
    assert_eq!(peer.hear("appended "), Some(1));
    seen.read(&mut reader, usize::MAX);
    assert_eq!(seen.next[&stopped], 10);
    assert!(peer.end());
}
