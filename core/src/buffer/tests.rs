//! The buffer as its users see it, in private memory.

use std::collections::BTreeMap;

use super::*;

const SMALL: Options = Options { chunk_bytes: 4 << 10, chunk_count: 8 };

fn all(reader: &mut Reader) -> Vec<(Kind, u64, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some(item) = reader.next() {
        if let Item::Record(record) = item {
            found.push((record.kind, record.sequence, record.bytes.to_vec()));
        }
    }
    found
}

#[test]
fn records_come_as_they_were_appended() {
    let buffer = ContextBuffer::private(&SMALL).unwrap();
    let (mut early, mut writer) = (buffer.reader(Start::Oldest), buffer.writer().unwrap());
    let kinds = [Kind::Event, Kind::Metrics, Kind::Opaque(9), Kind::Other(77, 3)];
    let mut expected = Vec::new();
    for number in 0..200u64 {
        let bytes = vec![number as u8; (number * 7 % 40) as usize];
        let kind = kinds[number as usize % kinds.len()];
        assert_eq!(writer.append(kind, &bytes), Ok(number));
        expected.push((kind, number, bytes));
        if number % 50 == 0 {
            let old = buffer.reader(Start::Now);
            drop(old);
        }
    }
    assert_eq!(all(&mut early), expected);
    assert_eq!(all(&mut early), []);
    assert_eq!(all(&mut buffer.reader(Start::Oldest)), expected);
    let mut late = buffer.reader(Start::Now);
    writer.append(Kind::Event, b"late").unwrap();
    assert_eq!(all(&mut late), [(Kind::Event, 200, b"late".to_vec())]);
    assert_eq!(all(&mut early).len(), 1);
    assert_eq!((early.damaged(), late.damaged()), (0, 0));
}

#[test]
fn what_is_overwritten_is_a_gap_that_is_counted() {
    let buffer = ContextBuffer::private(&SMALL).unwrap();
    let mut writer = buffer.writer().unwrap();
    let mut slow = buffer.reader(Start::Oldest);
    for number in 0..10u64 {
        writer.append(Kind::Opaque(0), &number.to_le_bytes()).unwrap();
    }
    assert_eq!(all(&mut slow).len(), 10);
    for number in 10..5000u64 {
        writer.append(Kind::Opaque(0), &number.to_le_bytes()).unwrap();
    }
    for reader in [&mut slow, &mut buffer.reader(Start::Oldest)] {
        let (mut records, mut missing, mut last) = (0, 0, None);
        while let Some(item) = reader.next() {
            match item {
                Item::Gap(gap) => {
                    assert_eq!((gap.writer, records), (writer.id(), 0));
                    missing += gap.records;
                }
                Item::Record(record) => {
                    assert_eq!(record.bytes, record.sequence.to_le_bytes());
                    (records, last) = (records + 1, Some(record.sequence));
                }
            }
        }
        assert_eq!(last, Some(4999));
        // Chunks of 4032 bytes with records of 32: seven of them full, and one in part.
        assert!((7 * 126..=8 * 126).contains(&records), "{records}");
        assert!(missing + records == 4990 || missing + records == 5000, "{missing} + {records}");
    }
}

#[test]
fn a_writer_that_ended_is_missed_to_its_last_record() {
    let buffer = ContextBuffer::private(&SMALL).unwrap();
    let mut reader = buffer.reader(Start::Oldest);
    let mut short = buffer.writer().unwrap();
    let mut other = buffer.writer().unwrap();
    for number in 0..300u64 {
        short.append(Kind::Opaque(0), &number.to_le_bytes()).unwrap();
    }
    let id = short.id();
    drop(short);
    assert_eq!(all(&mut reader).len(), 300);
    let mut short = buffer.writer().unwrap();
    assert_eq!((short.id().row(), short.id().epoch()), (id.row(), id.epoch() + 1));
    for number in 0..200u64 {
        short.append(Kind::Opaque(0), &number.to_le_bytes()).unwrap();
    }
    let id = short.id();
    drop(short);
    // Nothing is left of it.
    for number in 0..2000u64 {
        other.append(Kind::Opaque(0), &number.to_le_bytes()).unwrap();
    }
    let mut missing = BTreeMap::new();
    let mut records = 0;
    while let Some(item) = reader.next() {
        match item {
            Item::Gap(gap) => *missing.entry(gap.writer).or_insert(0) += gap.records,
            Item::Record(_) => records += 1,
        }
    }
    assert_eq!(missing, BTreeMap::from([(id, 200), (other.id(), 2000 - records)]));
}

#[test]
fn long_records_go_in_pieces() {
    let buffer = ContextBuffer::private(&Options { chunk_count: 64, ..SMALL }).unwrap();
    let most = 64 * 4096 / 10;
    let mut writer = buffer.writer().unwrap();
    let mut reader = buffer.reader(Start::Oldest);
    let bytes = |length: usize| (0..length).map(|at| (at % 251) as u8).collect::<Vec<u8>>();
    let lengths = [0, 1, 900, 1200, 4000, 4008, 4009, 5000, 12_345, most, 3, most - 1];
    let mut expected = Vec::new();
    for (sequence, length) in lengths.into_iter().enumerate() {
        writer.append(Kind::Opaque(1), &bytes(length)).unwrap();
        expected.push((Kind::Opaque(1), sequence as u64, bytes(length)));
    }
    assert_eq!(all(&mut reader), expected);
    assert_eq!(reader.damaged(), 0);
    let too_long = writer.append(Kind::Opaque(1), &bytes(most + 1));
    assert_eq!(too_long, Err(AppendError::TooLong { most }));
    // Its first pieces are overwritten before it is read, which is one record less.
    for _ in 0..12 {
        writer.append(Kind::Opaque(1), &bytes(most)).unwrap();
    }
    let found = all(&mut reader);
    assert!((8..=10).contains(&found.len()), "{}", found.len());
    assert!(found.iter().all(|(_, _, found)| *found == bytes(most)));
}

/// A chunk is copied so much at a time: records lie across the ends of what is copied, or are longer.
#[test]
fn chunks_are_read_in_pieces() {
    let options = Options { chunk_count: 16, ..Options::default() };
    let buffer = ContextBuffer::private(&options).unwrap();
    let mut writer = buffer.writer().unwrap();
    let lengths = [64, 0, 999, 16 << 10, 64, (16 << 10) - 48, 20_000, 7, 60_000, 13];
    let mut expected = Vec::new();
    for sequence in 0..45u64 {
        let bytes = vec![sequence as u8 + 1; lengths[sequence as usize % lengths.len()]];
        writer.append(Kind::Opaque(4), &bytes).unwrap();
        expected.push((Kind::Opaque(4), sequence, bytes));
    }
    let mut reader = buffer.reader(Start::Oldest);
    assert!(all(&mut reader) == expected);
    assert_eq!(reader.damaged(), 0);

    // Its chunk is overwritten after some of it was copied.
    let mut slow = buffer.reader(Start::Oldest);
    assert!(matches!(slow.next(), Some(Item::Record(record)) if record.sequence == 0));
    let mut sequence = 45;
    while sequence < 100_000 {
        sequence = writer.append(Kind::Opaque(5), &[7; 100]).unwrap() + 1;
    }
    let (mut next, mut gaps) = (1, 0);
    slow.each(|item| match item {
        Item::Gap(gap) => (next, gaps) = (next + gap.records, gaps + 1),
        Item::Record(record) => {
            let is_old = record.sequence < 45;
            let bytes = if is_old { record.sequence as u8 + 1 } else { 7 };
            assert!(record.bytes.iter().all(|byte| *byte == bytes), "a torn record");
            assert_eq!(record.sequence, next);
            next += 1;
        }
    });
    assert_eq!((next, gaps), (100_000, 1));
}

#[test]
fn each_gives_what_next_gives() {
    let buffer = ContextBuffer::private(&SMALL).unwrap();
    let mut writers: Vec<Writer> = (0..2).map(|_| buffer.writer().unwrap()).collect();
    let (mut one, mut other) = (buffer.reader(Start::Oldest), buffer.reader(Start::Oldest));
    let mut count = 0;
    for round in 1..200u64 {
        // Runs of one writer, long records in pieces, and more than there is room for at once.
        let writer = &mut writers[(round % 3 / 2) as usize];
        for number in 0..round % 40 {
            let bytes = vec![number as u8; (number * round % 1700) as usize];
            writer.append_at(Kind::Metrics, &bytes, round).unwrap();
        }
        let mut expected = Vec::new();
        while let Some(item) = one.next() {
            expected.push(format!("{item:?}"));
        }
        let mut found = Vec::new();
        other.each(|item| found.push(format!("{item:?}")));
        assert_eq!(found, expected);
        count += found.len();
    }
    assert!(count > 1000 && one.next().is_none() && other.next().is_none());
    assert_eq!((one.damaged(), other.damaged()), (0, 0));
}

#[test]
fn writers_are_merged_by_time() {
    let buffer = ContextBuffer::private(&Options { chunk_count: 64, ..SMALL }).unwrap();
    let mut writers: Vec<Writer> = (0..5).map(|_| buffer.writer().unwrap()).collect();
    let mut expected = Vec::new();
    for time in 1..3000u64 {
        let writer = &mut writers[(time * time % 7 % 5) as usize];
        writer.append_at(Kind::Opaque(0), &time.to_le_bytes(), time).unwrap();
        expected.push(time);
    }
    let mut reader = buffer.reader(Start::Oldest);
    let mut times = Vec::new();
    while let Some(Item::Record(record)) = reader.next() {
        assert_eq!(record.bytes, record.time_ns.to_le_bytes());
        times.push(record.time_ns);
    }
    assert_eq!(times, expected);
    // A time that goes back does not.
    writers[0].append_at(Kind::Opaque(0), &[], 5000).unwrap();
    writers[0].append_at(Kind::Opaque(0), &[], 1).unwrap();
    let times: Vec<u64> = std::iter::from_fn(|| match reader.next()? {
        Item::Record(record) => Some(record.time_ns),
        Item::Gap(_) => None,
    })
    .collect();
    assert_eq!(times, [5000, 5000]);
}

#[test]
fn more_writers_than_chunks_drop_what_they_say_they_drop() {
    let buffer = ContextBuffer::private(&Options { chunk_count: 4, ..SMALL }).unwrap();
    let mut writers: Vec<Writer> = (0..5).map(|_| buffer.writer().unwrap()).collect();
    for writer in &mut writers[..4] {
        writer.append(Kind::Event, b"has a chunk").unwrap();
    }
    let fifth = &mut writers[4];
    assert_eq!(fifth.append(Kind::Event, b"has none"), Err(AppendError::NoChunk));
    assert_eq!(fifth.append(Kind::Event, b"has none"), Err(AppendError::NoChunk));
    assert_eq!(fifth.dropped(), 2);
    let id = fifth.id();
    let mut reader = buffer.reader(Start::Oldest);
    let gaps = |reader: &mut Reader| {
        let mut gaps = Vec::new();
        while let Some(item) = reader.next() {
            if let Item::Gap(gap) = item {
                gaps.push(gap);
            }
        }
        gaps
    };
    assert_eq!(gaps(&mut reader), [Gap { writer: id, records: 2 }]);
    writers.remove(0);
    let fifth = writers.last_mut().unwrap();
    assert_eq!(fifth.append(Kind::Event, b"has one now"), Ok(2));
    assert_eq!(gaps(&mut reader), []);
}

#[test]
fn rows_end_and_come_back() {
    let buffer = ContextBuffer::private(&SMALL).unwrap();
    let mut writers: Vec<Writer> = (0..layout::ROWS).map(|_| buffer.writer().unwrap()).collect();
    assert!(matches!(buffer.writer(), Err(Error::NoRow)));
    let id = writers.pop().unwrap().id();
    let next = buffer.writer().unwrap().id();
    assert_eq!((next.row(), next.epoch()), (id.row(), id.epoch() + 1));
}

#[test]
fn who_waits_is_woken() {
    let buffer = ContextBuffer::private(&SMALL).unwrap();
    let mut reader = buffer.reader(Start::Oldest);
    assert!(!reader.wait(Duration::ZERO));
    const RECORDS: u64 = 2000;
    let writers: Vec<_> = (0..2)
        .map(|_| {
            let mut writer = buffer.writer().unwrap();
            std::thread::spawn(move || {
                for number in 0..RECORDS {
                    writer.append(Kind::Opaque(0), &number.to_le_bytes()).unwrap();
                    if number % 16 == 0 {
                        std::thread::yield_now();
                    }
                }
            })
        })
        .collect();
    let mut count = 0;
    while count < 2 * RECORDS {
        // Long enough to hang for a wake-up that is lost.
        assert!(reader.wait(Duration::from_secs(3600)));
        while let Some(item) = reader.next() {
            count += match item {
                Item::Record(_) => 1,
                Item::Gap(gap) => gap.records,
            };
        }
    }
    for writer in writers {
        writer.join().unwrap();
    }
    assert_eq!(count, 2 * RECORDS);
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    for (chunk_bytes, chunk_count) in
        [(0, 8), (5000, 8), (2048, 8), (32 << 20, 8), (4096, 3), (4096, 70_000)]
    {
        let error = ContextBuffer::private(&Options { chunk_bytes, chunk_count }).unwrap_err();
        assert!(
            error.to_string().contains(&format!("{chunk_count} chunks of {chunk_bytes} bytes"))
        );
    }
}
