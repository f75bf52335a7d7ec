//! What no program can do without: copying memory, mapping, writing.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::rc::Rc;

use memmap2::{Mmap, MmapMut, MmapOptions};

use super::{Case, Content, What, Who, case};
use crate::Result;
use crate::measure::timed;

/// As many bytes as the context has, none of them the same page.
fn image(content: &Content) -> Vec<u8> {
    (0..content.bytes).map(|at| (at ^ at >> 12) as u8).collect()
}

pub fn memory(content: &Rc<Content>) -> Result<Vec<Case>> {
    let from = Rc::new(image(content));
    let mut to = vec![1; content.bytes];
    let source = Rc::clone(&from);
    let in_use = case(What::Snapshot, Who::Memcpy, move || {
        let ((), time) = timed(|| {
            to.copy_from_slice(black_box(&source));
            Ok(())
        })?;
        black_box(&to);
        Ok(time)
    });
    let fresh = case(What::Snapshot, Who::MemcpyFresh, move || {
        let (map, time) = timed(|| {
            let mut map = MmapMut::map_anon(from.len())?;
            map.copy_from_slice(black_box(&from));
            Ok(map)
        })?;
        black_box(&map);
        Ok(time)
    });
    Ok(vec![in_use, fresh])
}

#[expect(unsafe_code, reason = "mapping a file is unsafe because others may change it")]
pub fn map(file: &File) -> Result<Mmap> {
    // SAFETY: the file is in a folder of this process's own, and no longer written.
    Ok(unsafe { Mmap::map(file)? })
}

#[expect(unsafe_code, reason = "mapping a file is unsafe because others may change it")]
fn map_private(file: &File) -> Result<MmapMut> {
    // SAFETY: as in `map`; what is written to the mapping stays in it.
    Ok(unsafe { MmapOptions::new().map_copy(file)? })
}

pub fn cases(content: &Rc<Content>) -> Result<Vec<Case>> {
    let path = content.folder.join("plain");
    let image = image(content);
    std::fs::write(&path, &image)?;
    let open = move || -> Result<File> { Ok(File::open(&path)?) };
    let mut cases = memory(content)?;

    let file = open()?;
    cases.push(case(What::Snapshot, Who::Private, move || Ok(timed(|| map_private(&file))?.1)));
    let file = open()?;
    cases.push(case(What::Restore, Who::Private, move || {
        let mut map = map_private(&file)?;
        let middle = map.len() / 2;
        let before = map[middle];
        map[middle] = !before;
        let (read, time) = timed(|| {
            drop(map);
            Ok(map_private(&file)?[middle])
        })?;
        if read == before { Ok(time) } else { Err("a private mapping kept a change".into()) }
    }));
    let take = content.folder.join("plain copy");
    let copied = image.clone();
    cases.push(case(What::Take, Who::File, move || {
        let write = || {
            let mut file = File::create(&take)?;
            file.write_all(&copied)?;
            Ok(file.sync_data()?)
        };
        Ok(timed(write)?.1)
    }));
    let reopen = open.clone();
    cases.push(case(What::Open, Who::File, move || {
        Ok(timed(|| Ok(black_box(map(&reopen()?)?[0])))?.1)
    }));
    let sum = crc32c::crc32c(&image);
    cases.push(case(What::Verify, Who::Checksum, move || {
        let (found, time) = timed(|| Ok(crc32c::crc32c(&map(&open()?)?)))?;
        if found == sum { Ok(time) } else { Err("the sum is another one".into()) }
    }));
    Ok(cases)
}
