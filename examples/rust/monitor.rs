//! Attaches to `aios serve`, lists the broken environments, and follows what happens to all.
//!
//!   monitor [MILLISECONDS]   ends when nothing happened for so long; without, never
//!
//! It reads shared memory: nothing is asked of the service, and nothing keeps it waiting.

use std::error::Error;
use std::time::Duration;

use aios_core::buffer::event::Event;
use aios_core::buffer::{ContextBuffer, Item, Start};
use aios_core::publish::Reader;
use aios_core::publish::environments::Environments;
use aios_core::segment::Place;
use aios_core::{Host, Status, engine};

fn main() -> Result<(), Box<dyn Error>> {
    let limit = std::env::args().nth(1).map_or(Ok(u64::MAX), |limit| limit.parse())?;
    let host = Host::current()?;
    let folder = engine::place(&host).ok_or("there is no folder to remember things in")?;
    let place = Place::of(&host, &folder)?;
    list_broken(&place)?;
    follow(&place, Duration::from_millis(limit))
}

fn list_broken(place: &Place) -> Result<(), Box<dyn Error>> {
    let reader = Reader::open(place)?;
    // Pinned until it is dropped: the service uses the memory again then.
    let view = reader.pin()?.ok_or("nothing is published yet")?;
    for one in Environments::of(view.bytes())?.iter() {
        if one.status() == Status::Broken {
            let code = one.findings().next().map_or("", |finding| finding.code());
            println!("broken: {} ({code})", one.prefix().to_string_lossy());
        }
    }
    Ok(())
}

fn follow(place: &Place, limit: Duration) -> Result<(), Box<dyn Error>> {
    let buffer = ContextBuffer::open(place)?;
    let mut reader = buffer.reader(Start::Oldest);
    loop {
        while let Some(item) = reader.next() {
            let record = match item {
                Item::Record(record) => record,
                Item::Gap(gap) => {
                    println!("{} are missing", gap.records);
                    continue;
                }
            };
            if record.kind != Event::KIND {
                continue;
            }
            // Snapshots are events too, and of no environment.
            if let Some(event) = Event::decode(record.bytes).filter(|one| one.environment.is_some())
            {
                let (before, after) = (in_words(event.before), in_words(event.after));
                println!("{before}, then {after}: {}", event.path.display());
            }
        }
        if !reader.wait(limit) {
            return Ok(());
        }
    }
}

fn in_words(status: Option<Status>) -> &'static str {
    status.map_or("not there", Status::as_str)
}
