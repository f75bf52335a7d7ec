//! The published state as processes share it.

use std::path::Path;
use std::time::UNIX_EPOCH;

use aios_core::environments::health::{Code, Depth};
use aios_core::environments::inspection::{Inspected, Limits, Progress, Request, inspect};
use aios_core::publish::environments::{About, encode};
use aios_core::publish::{Published, Publisher, Reader, Shape};
use aios_core::segment::{Place, What};
use aios_core::{Host, Platform};

use crate::support::{Peer, allocations, without_system_calls};

mod format;
mod kill;
#[cfg(target_os = "linux")]
mod linux;

fn place(folder: &Path) -> Place {
    Place::make(&Host::empty(Platform::CURRENT, folder), folder).unwrap()
}

/// Pins, looks and unpins, often.
fn pin_much(reader: &Reader) {
    for _ in 0..200_000 {
        let view = reader.pin().unwrap().unwrap();
        assert_eq!(view.bytes()[99], 7);
    }
}

#[test]
fn pinning_takes_no_memory_and_no_system_call() {
    if let Some((_, folder)) = Peer::role() {
        let reader = Reader::open(&place(&folder)).unwrap();
        pin_much(&reader);
        let before = allocations();
        pin_much(&reader);
        assert_eq!(allocations() - before, 0, "pinning allocates");
        // Ends the process where there is another call than to write this.
        without_system_calls(|| pin_much(&reader), b"pinned 1\n")
    }
    let folder = tempfile::tempdir().unwrap();
    let mut publisher = Publisher::create(&place(folder.path()), Shape::default()).unwrap();
    publisher.publish(&[7; 100]).unwrap();
    let before = allocations();
    for _ in 0..1000 {
        publisher.publish(&[7; 100]).unwrap();
    }
    assert_eq!(allocations() - before, 0, "publishing allocates");
    let test = "publish::pinning_takes_no_memory_and_no_system_call";
    let mut peer = Peer::start(test, "reader", folder.path());
    assert_eq!(peer.hear("pinned "), Some(1), "pinning makes system calls, or allocates");
}
