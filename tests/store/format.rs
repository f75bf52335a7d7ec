//! `docs/format.md` is enough to read a store in another language, and its example is a real one.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use aios_core::index::fractal::{Severity, Value};
use aios_core::snapshot::{Context, Image, Options};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn line(path: &[&[u8]], value: &Value<'_>) -> String {
    let path: Vec<String> = path.iter().map(|key| hex(key)).collect();
    let Value { tag, severity, weight, bytes } = *value;
    format!("{} {tag} {} {weight} {}", path.join("/"), severity as u8, hex(bytes))
}

/// What the reader in Python prints. `None` where there is no Python.
fn read_by_python(file: &Path) -> Option<Result<Vec<String>, String>> {
    let mut command = Command::new("python3");
    command.arg(here("tests/store/read_store.py")).arg(file);
    let Ok(output) = command.output() else {
        eprintln!("skipped: there is no python3");
        return None;
    };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Some(match output.status.success() {
        true => Ok(text(output.stdout).lines().map(str::to_owned).collect()),
        false => Err(text(output.stderr)),
    })
}

fn file_of(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|name| name == "aios")).max().unwrap()
}

#[test]
fn a_reader_in_another_language_reads_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut context = Context::open(folder.path(), &Options::default()).unwrap();
    for number in 0..700u32 {
        let bytes = number.to_le_bytes().repeat(number as usize % 20);
        let value = Value { severity: Severity::Warning, ..Value::of(number as u16, &bytes) };
        let key = format!("{number:05}");
        context.put(&[b"environments", &[0, number as u8 % 5], key.as_bytes()], &value).unwrap();
    }
    context.put(&[b"long"], &Value::of(9, &[3; 9000])).unwrap();
    context.take(Some("kept"), "a test").unwrap();
    context.put(&[b"later"], &Value::of(1, b"value")).unwrap();
    context.commit().unwrap();
    let mut expected = BTreeSet::new();
    let mut add = |prefix: &[&[u8]], tree: &aios_core::index::fractal::Tree| {
        tree.walk(&mut |path, value| {
            expected.insert(line(&[prefix, path].concat(), value));
            Ok(())
        })
        .unwrap();
    };
    add(&[b"live"], &context.live().unwrap());
    let snapshot = context.list().unwrap().remove(0);
    let id: Vec<u8> = snapshot.id.0.to_le_bytes().into_iter().rev().collect();
    add(&[b"snapshots", &id, b"context"], &context.snapshot(snapshot.id).unwrap());
    assert_eq!(expected.len(), 702 + 701);

    let file = file_of(folder.path());
    let Some(lines) = read_by_python(&file) else { return };
    let lines: BTreeSet<String> = lines.unwrap().into_iter().collect();
    let own: BTreeSet<&String> = lines.difference(&expected).collect();
    assert_eq!(expected.difference(&lines).count(), 0);
    // What is known of the snapshot, and the state.
    assert_eq!(own.len(), 2, "{own:?}");

    // It finds damage as well.
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(9).position(|window| window == [3; 9]).unwrap();
    bytes[at] ^= 1;
    let damaged = folder.path().join("damaged");
    std::fs::write(&damaged, bytes).unwrap();
    let error = read_by_python(&damaged).unwrap().unwrap_err();
    assert!(error.contains("is damaged"), "{error}");
}

#[test]
fn golden_images_are_read_in_another_language() {
    let image = Image::open(&here("tests/golden/image-1.aios")).unwrap();
    let mut expected = Vec::new();
    image
        .tree()
        .walk(&mut |path, value| {
            expected.push(line(path, value));
            Ok(())
        })
        .unwrap();
    assert_eq!(expected.len(), 121);
    let Some(lines) = read_by_python(&here("tests/golden/image-1.aios")) else { return };
    assert_eq!(lines.unwrap(), expected);
}

/// Each line of the example is `offset  bytes  what they are`.
#[test]
fn the_example_of_the_format_is_what_is_in_the_file() {
    let text = std::fs::read_to_string(here("docs/format.md")).unwrap();
    let examples: Vec<&str> = text.split("```hexdump\n").skip(1).collect();
    let files = ["context-1.aios", "recall-1.aios", "environments-1.aios"];
    assert_eq!(examples.len(), files.len());
    for (example, file) in examples.iter().zip(files) {
        let file = std::fs::read(here("tests/golden").join(file)).unwrap();
        compare(example, &file);
    }
}

fn compare(example: &str, file: &[u8]) {
    let mut compared = 0;
    for line in example.split("```").next().unwrap().lines().filter(|line| !line.is_empty()) {
        let (offset, rest) = line.split_once("  ").unwrap();
        let offset = usize::from_str_radix(offset, 16).unwrap();
        let bytes: Vec<u8> = rest
            .split("  ")
            .next()
            .unwrap()
            .split(' ')
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect();
        assert_eq!(file[offset..offset + bytes.len()], bytes, "{line}");
        compared += bytes.len();
    }
    assert!(compared > 180, "{compared} bytes");
}
