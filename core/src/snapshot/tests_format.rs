//! Files of each version of the format are kept: they are read for ever, and today's program writes the
//! bytes of the newest. `AIOS_BLESS=1 cargo test -p aios-core golden` writes them anew, after a change of
//! the format that is meant.

use std::path::PathBuf;

use super::tests_crash::open;
use super::*;
use crate::store::failing::{Failing, Files};

fn golden(name: &str) -> PathBuf {
    FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden").join(name)
}

/// A small life: maps in maps, nodes of two levels, a value in a block of its own, two snapshots.
fn live(storage: &Failing) -> Context {
    let mut context = open(storage).unwrap();
    for number in 0..120u64 {
        let severity = Severity::of((number % 4) as u8);
        let bytes = format!("value {number}");
        let value = Value { tag: 7, severity, weight: number * 1000, bytes: bytes.as_bytes() };
        let key = format!("module_{number:03}.py");
        context.put(&[b"environments", b"/home/me/.venv", key.as_bytes()], &value).unwrap();
    }
    context.take_at(Some("before"), "an example", 1_700_000_000_000).unwrap();
    context.put(&[b"context", b"zero\0in it"], &Value::of(2, b"")).unwrap();
    context.put(&[b"context", "größer".as_bytes()], &Value::of(3, &[0xAB; 2100])).unwrap();
    context.remove(&[b"environments", b"/home/me/.venv", b"module_007.py"]).unwrap();
    context.take_at(None, "", 1_700_000_060_000).unwrap();
    context
}

fn bless_or_compare(name: &str, bytes: &[u8]) {
    let path = golden(name);
    if std::env::var_os("AIOS_BLESS").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    let kept = std::fs::read(&path).unwrap();
    let first = kept.iter().zip(bytes).position(|(kept, now)| kept != now);
    assert_eq!((first, kept.len()), (None, bytes.len()), "{name}: the first byte that differs");
}

#[test]
fn golden_files_are_written_as_they_were() {
    let storage = Failing::default();
    let mut context = live(&storage);
    bless_or_compare("context-1.aios", storage.files().last().1);
    let tree = context.live().unwrap();
    bless_or_compare("image-1.aios", &context.export(&tree).unwrap());
}

#[test]
fn golden_files_are_read() {
    let mut expected = live(&Failing::default());
    let bytes = std::fs::read(golden("context-1.aios")).unwrap();
    let storage = Failing::with(Files::of("context-0000000000000001.aios", bytes));
    let mut context = open(&storage).unwrap();
    assert_eq!(context.verify().unwrap().damage, []);
    assert_eq!(context.list().unwrap(), expected.list().unwrap());
    assert_eq!(context.list().unwrap()[0].about.name.as_deref(), Some("before"));
    let image = Image::open(&golden("image-1.aios")).unwrap();
    assert_eq!(image.tree().verify().damage, []);
    for tree in [context.live().unwrap(), image.tree()] {
        assert_eq!(tree.hash(), expected.live().unwrap().hash());
        assert_eq!(tree.totals().records, 121);
        let value = tree.get(&[b"context", "größer".as_bytes()]).unwrap().unwrap();
        assert_eq!((value.tag, value.bytes), (3, [0xAB; 2100].as_slice()));
    }
    // Today's program goes on with it.
    context.put(&[b"new"], &Value::of(0, b"value")).unwrap();
    context.commit().unwrap();
    drop(context);
    assert_eq!(open(&storage).unwrap().get(&[b"new"]).unwrap().unwrap().bytes, b"value");
}
