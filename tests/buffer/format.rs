//! `docs/format.md` is enough to read a buffer in another language, with no library.

use std::process::Command;

use std::fmt::Write as _;
use std::path::PathBuf;

use aios_core::buffer::event::{Event, What};
use aios_core::buffer::{MetricFrame, Options, Start};
use aios_core::{EnvironmentId, Status};

use super::*;

/// What `read_ring.py` prints of the bytes. `None` where there is no Python.
fn read_by_python(file: &Path) -> Option<Vec<String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/buffer/read_ring.py");
    let Ok(output) = Command::new("python3").arg(script).arg(file).output() else {
        eprintln!("skipped: there is no python3");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn lines(reader: &mut Reader) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(item) = reader.next() {
        let Item::Record(record) = item else { continue };
        let (row, epoch) = (record.writer.row(), record.writer.epoch());
        let about = format!("{} {row}.{epoch} {}", record.time_ns, record.sequence);
        lines.push(match record.kind {
            Kind::Event => {
                let event = Event::decode(record.bytes).unwrap();
                let id = event.environment.map_or_else(String::new, |id| id.0);
                let status = |status: Option<Status>| status.map_or("-", Status::as_str);
                let (before, after) = (status(event.before), status(event.after));
                let codes = event.codes.join(",");
                let (what, path, text) = (event.what.as_str(), event.path.display(), event.text);
                format!("{about} event {what} [{id}] {path} {before} {after} [{codes}] {text}")
            }
            Kind::Metrics => {
                let frame = MetricFrame::decode(record.bytes).unwrap();
                let values = frame.values.map(|value| value.to_string()).join(" ");
                format!("{about} metrics {values} {}", u8::from(frame.flag))
            }
            Kind::Opaque(tag) => format!("{about} opaque {tag} {}", hex(record.bytes)),
            other => panic!("{other:?}"),
        });
    }
    lines
}

fn event(what: What, number: u64) -> Event {
    Event {
        environment: Some(EnvironmentId(format!("{number:016x}"))),
        before: Some(Status::Healthy),
        after: (what != What::Gone).then_some(Status::Broken),
        codes: (0..number % 4).map(|code| format!("code-{code}")).collect(),
        text: format!("text {number} – with a dash"),
        ..Event::new(what, format!("/home/me/{number}/.venv"))
    }
}

/// Where the system keeps the shared memory of a name as a file.
fn file_of(place: &Place) -> Option<PathBuf> {
    let file = Path::new("/dev/shm").join(place.name(aios_core::segment::What::Ring));
    file.exists().then_some(file)
}

#[test]
fn a_reader_in_another_language_reads_what_was_appended() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let options = Options { chunk_bytes: 4 << 10, chunk_count: 32 };
    let buffer = ContextBuffer::create(&place, &options).unwrap();
    let mut writers = [buffer.writer().unwrap(), buffer.writer().unwrap()];
    for number in 0..900u64 {
        let writer = &mut writers[(number % 3 % 2) as usize];
        let time = 1_700_000_000_000_000_000 + number;
        match number % 5 {
            0 | 1 => {
                let what = What::ALL[number as usize % What::ALL.len()];
                let bytes = event(what, number).encode();
                writer.append_at(Event::KIND, &bytes, time).unwrap();
            }
            2 => {
                let values = [number as f64 / 8.0; 7];
                let frame = MetricFrame { values, flag: number % 2 == 0, padding: [0; 7] };
                writer.append_at(MetricFrame::KIND, &frame.encode(), time).unwrap();
            }
            _ => {
                // Some in pieces.
                let length = if number % 50 == 3 { 6000 } else { number % 70 };
                let bytes = vec![number as u8; length as usize];
                writer.append_at(Kind::Opaque(number as u16), &bytes, time).unwrap();
            }
        }
    }
    let expected = lines(&mut buffer.reader(Start::Oldest));
    assert!(expected.len() > 200 && expected.len() < 900, "some are overwritten");
    let saved = folder.path().join("saved");
    std::fs::write(&saved, buffer.image()).unwrap();
    let kept = ContextBuffer::from_image(&std::fs::read(&saved).unwrap()).unwrap();
    assert_eq!(lines(&mut kept.reader(Start::Oldest)), expected);
    for file in [Some(saved), file_of(&place)].into_iter().flatten() {
        if let Some(read) = read_by_python(&file) {
            assert_eq!(read, expected, "{}", file.display());
        }
    }
}
