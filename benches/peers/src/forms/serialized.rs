//! Formats that write all records and read them back.

use std::fs::File;
use std::io::Write;
use std::rc::Rc;

use rkyv::rancor;
use rkyv::util::AlignedVec;

use super::plain::map;
use super::{Case, Content, Record, What, Who, case, changed};
use crate::Result;
use crate::measure::timed;

const CONFIG: bincode::config::Configuration = bincode::config::standard();

fn to_bincode(records: &[Record]) -> Result<Vec<u8>> {
    Ok(bincode::encode_to_vec(records, CONFIG)?)
}

fn of_bincode(bytes: &[u8]) -> Result<Vec<Record>> {
    Ok(bincode::decode_from_slice(bytes, CONFIG)?.0)
}

fn to_rkyv(records: &Vec<Record>) -> Result<AlignedVec> {
    Ok(rkyv::to_bytes::<rancor::Error>(records)?)
}

type Archived = rkyv::Archived<Vec<Record>>;

fn of_rkyv(bytes: &[u8]) -> Result<&Archived> {
    Ok(rkyv::access::<Archived, rancor::Error>(bytes)?)
}

/// Bincode writes and reads in memory.
pub fn in_memory(content: &Rc<Content>) -> Result<Vec<Case>> {
    let bytes = to_bincode(&content.records)?;
    let (writes, reads) = (Rc::clone(content), Rc::clone(content));
    Ok(vec![
        case(What::Snapshot, Who::Bincode, move || Ok(timed(|| to_bincode(&writes.records))?.1)),
        case(What::Restore, Who::Bincode, move || {
            let number = changed(&reads);
            let (records, time) = timed(|| of_bincode(&bytes))?;
            reads.expect(Some(&records[number].bytes), number)?;
            Ok(time)
        }),
    ])
}

pub fn cases(content: &Rc<Content>) -> Result<Vec<Case>> {
    let mut cases = in_memory(content)?;
    cases.extend(through_serde(content)?);
    cases.extend(rkyv_in_memory(content)?);
    cases.extend(files(content)?);
    Ok(cases)
}

fn through_serde(content: &Rc<Content>) -> Result<Vec<Case>> {
    let bytes = bincode::serde::encode_to_vec(&content.records, CONFIG)?;
    let (writes, reads) = (Rc::clone(content), Rc::clone(content));
    Ok(vec![
        case(What::Snapshot, Who::BincodeSerde, move || {
            Ok(timed(|| Ok(bincode::serde::encode_to_vec(&writes.records, CONFIG)?))?.1)
        }),
        case(What::Restore, Who::BincodeSerde, move || {
            let number = changed(&reads);
            let decode = || Ok(bincode::serde::decode_from_slice(&bytes, CONFIG)?.0);
            let (records, time): (Vec<Record>, _) = timed(decode)?;
            reads.expect(Some(&records[number].bytes), number)?;
            Ok(time)
        }),
    ])
}

fn rkyv_in_memory(content: &Rc<Content>) -> Result<Vec<Case>> {
    let bytes = Rc::new(to_rkyv(&content.records)?);
    let same = Rc::clone(&bytes);
    let (writes, reads, owns) = (Rc::clone(content), Rc::clone(content), Rc::clone(content));
    Ok(vec![
        case(What::Snapshot, Who::Rkyv, move || Ok(timed(|| to_rkyv(&writes.records))?.1)),
        case(What::Restore, Who::Rkyv, move || {
            let number = changed(&reads);
            let read = || reads.expect(Some(&of_rkyv(&bytes)?[number].bytes), number);
            Ok(timed(read)?.1)
        }),
        case(What::Restore, Who::RkyvOwned, move || {
            let number = changed(&owns);
            let read = || Ok(rkyv::from_bytes::<Vec<Record>, rancor::Error>(&same)?);
            let (records, time) = timed(read)?;
            owns.expect(Some(&records[number].bytes), number)?;
            Ok(time)
        }),
    ])
}

fn files(content: &Rc<Content>) -> Result<Vec<Case>> {
    let (bincode, rkyv) = (content.folder.join("bincode"), content.folder.join("rkyv"));
    std::fs::write(&bincode, to_bincode(&content.records)?)?;
    std::fs::write(&rkyv, to_rkyv(&content.records)?)?;
    let copy = content.folder.join("bincode copy");
    let (writes, reads, accesses) = (Rc::clone(content), Rc::clone(content), Rc::clone(content));
    Ok(vec![
        case(What::Take, Who::Bincode, move || {
            let write = || {
                let mut file = File::create(&copy)?;
                file.write_all(&to_bincode(&writes.records)?)?;
                Ok(file.sync_data()?)
            };
            Ok(timed(write)?.1)
        }),
        case(What::Verify, Who::Bincode, move || {
            let number = changed(&reads);
            let (records, time) = timed(|| of_bincode(&map(&File::open(&bincode)?)?))?;
            reads.expect(Some(&records[number].bytes), number)?;
            Ok(time)
        }),
        case(What::Verify, Who::Rkyv, move || {
            let number = changed(&accesses);
            let read = || {
                let bytes = map(&File::open(&rkyv)?)?;
                accesses.expect(Some(&of_rkyv(&bytes)?[number].bytes), number)
            };
            Ok(timed(read)?.1)
        }),
    ])
}
