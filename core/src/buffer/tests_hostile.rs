//! Memory that others wrote to: no panic, no loop without end, nothing outside of the memory.

use proptest::prelude::*;

use super::*;

#[test]
fn an_image_reads_as_what_it_is_of() {
    let image = hostile::image();
    let buffer = ContextBuffer::from_image(&image).unwrap();
    let mut reader = buffer.reader(Start::Oldest);
    let (mut records, mut missing) = (0, 0);
    while let Some(item) = reader.next() {
        match item {
            Item::Record(record) => {
                let expected = match record.kind {
                    Kind::Opaque(2) => vec![7; 1600],
                    _ => vec![record.time_ns as u8; (record.time_ns * 31 % 200) as usize],
                };
                assert_eq!(record.bytes, expected);
                records += 1;
            }
            Item::Gap(gap) => missing += gap.records,
        }
    }
    assert!(records >= 40, "{records} records, {missing} missing");
    assert_eq!((records + missing, reader.damaged()), (61, 0));
    hostile::read(&image);
}

#[test]
fn what_is_no_buffer_is_refused_by_its_name() {
    let image = hostile::image();
    let error = |bytes: &[u8]| ContextBuffer::from_image(bytes).unwrap_err().to_string();
    assert!(error(b"").contains("AIOSRING"));
    assert!(error(&[0; 100]).contains("AIOSRING"));
    assert!(error(&hostile::changed(&image, &[(6, 1, 2)])).contains("another version"));
    assert!(error(&image[..image.len() - 8]).contains("sizes"));
    for (at, value) in [(0, 0), (0, u64::MAX), (1, 65), (2, 8), (2, u64::MAX)] {
        let bytes = hostile::changed(&image, &[(0, at, value)]);
        assert!(error(&bytes).contains("sizes"), "{at} {value}");
    }
    for length in [8, 16, 63, 64, 72, 80, 88, 4096] {
        assert!(!error(&image[..length]).is_empty());
    }
}

#[test]
fn records_that_cannot_be_are_damage_and_the_next_chunk_is_read() {
    let buffer = ContextBuffer::private(&Options { chunk_bytes: 4 << 10, chunk_count: 4 }).unwrap();
    let mut writer = buffer.writer().unwrap();
    for number in 0..200u64 {
        writer.append(Kind::Opaque(0), &number.to_le_bytes()).unwrap();
    }
    let image = buffer.image();
    // The length of the eleventh record of the first chunk.
    let at = (64 << 10) + 64 + 10 * 32;
    for length in [4000u32, 4096, u32::MAX] {
        let mut bytes = image.clone();
        bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        let mut reader = ContextBuffer::from_image(&bytes).unwrap().reader(Start::Oldest);
        let (mut found, mut missing) = (Vec::new(), 0);
        while let Some(item) = reader.next() {
            match item {
                Item::Record(record) => found.push(record.sequence),
                Item::Gap(gap) => missing += gap.records,
            }
        }
        // A chunk has room for 126.
        assert_eq!(found, (0..10).chain(126..200).collect::<Vec<_>>());
        assert_eq!((missing, reader.damaged()), (116, 1));
    }
}

/// No writer leaves numbers out within a chunk.
#[test]
fn what_is_missing_within_a_chunk_is_a_gap() {
    let buffer = ContextBuffer::private(&Options { chunk_bytes: 4 << 10, chunk_count: 4 }).unwrap();
    let mut writer = buffer.writer().unwrap();
    for number in 0..5u64 {
        writer.append(Kind::Opaque(0), &number.to_le_bytes()).unwrap();
    }
    let mut image = buffer.image();
    // The number of the third record of the first chunk.
    let at = (64 << 10) + 64 + 2 * 32 + 16;
    image[at..at + 8].copy_from_slice(&9u64.to_le_bytes());
    let buffer = ContextBuffer::from_image(&image).unwrap();
    let mut found = Vec::new();
    let describe = |item: Item<'_>| match item {
        Item::Record(record) => (record.sequence, 0),
        Item::Gap(gap) => (0, gap.records),
    };
    buffer.reader(Start::Oldest).each(|item| found.push(describe(item)));
    assert_eq!(found, [(0, 0), (1, 0), (0, 7), (9, 0), (3, 0), (4, 0)]);
    let mut reader = buffer.reader(Start::Oldest);
    assert_eq!(found, std::iter::from_fn(|| reader.next().map(describe)).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_words_are_read_to_an_end(
        changes in prop::collection::vec(
            (any::<u8>(), any::<u32>(), prop_oneof![
                any::<u64>(),
                // Laps, owners and lengths that are nearly right.
                (0u64..4, 0u64..5000).prop_map(|(high, low)| high << 32 | low),
                (0u64..4, 0u64..1000).prop_map(|(high, low)| low << 32 | high),
            ]),
            1..12,
        ),
    ) {
        static IMAGE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(hostile::image);
        hostile::read(&hostile::changed(&IMAGE, &changes));
    }
}
