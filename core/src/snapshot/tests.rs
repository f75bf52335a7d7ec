//! Snapshots of a store on disk.

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn open(folder: &tempfile::TempDir) -> Context {
    let options = Options { salt: Some(Salt([5; 16])), ..Options::default() };
    Context::open(&folder.path().join("store"), &options).unwrap()
}

fn put(context: &mut Context, key: &str, value: &str) {
    let path: &[&[u8]] = &[b"environments", key.as_bytes()];
    context.put(path, &Value::of(1, value.as_bytes())).unwrap();
}

fn get(tree: &Tree, key: &str) -> Option<String> {
    let path: &[&[u8]] = &[b"environments", key.as_bytes()];
    tree.get(path).unwrap().map(|value| String::from_utf8(value.bytes.to_vec()).unwrap())
}

#[test]
fn a_restore_is_exact_and_readers_keep_their_view() {
    let folder = folder();
    let mut context = open(&folder);
    put(&mut context, "a", "first");
    let first = context.take(Some("before"), "a test").unwrap();
    let kept = context.live().unwrap();
    put(&mut context, "a", "second");
    put(&mut context, "b", "later");
    let second = context.take(None, "a test").unwrap();
    let later = context.live().unwrap();

    context.restore_snapshot(first).unwrap();
    let restored = context.live().unwrap();
    assert_eq!(restored.hash(), kept.hash());
    assert_eq!((get(&restored, "a").as_deref(), get(&restored, "b")), (Some("first"), None));
    assert_eq!(
        (get(&later, "a").as_deref(), get(&later, "b").as_deref()),
        (Some("second"), Some("later"))
    );

    // What was not committed is gone as well.
    put(&mut context, "c", "unsealed");
    context.restore(&later).unwrap();
    assert_eq!(context.live().unwrap().hash(), later.hash());

    let list = context.list().unwrap();
    assert_eq!(list.iter().map(|snapshot| snapshot.id).collect::<Vec<_>>(), [first, second]);
    assert_eq!(list[0].about.name.as_deref(), Some("before"));
    assert_eq!(list[1].about.parent, Some(first));
    assert_eq!((list[0].hash, list[0].totals.records), (kept.hash(), 1));
    assert!(matches!(
        context.restore_snapshot(SnapshotId(99)),
        Err(Error::NoSnapshot(SnapshotId(99)))
    ));
}

#[test]
fn another_process_sees_commits_alone() {
    let folder = folder();
    let path = folder.path().join("store");
    let mut context = open(&folder);
    put(&mut context, "a", "first");
    context.commit().unwrap();
    let mut reader = Reader::open(&path, Reading::Copied).unwrap();
    let before = reader.live().unwrap();
    assert_eq!(get(&before, "a").as_deref(), Some("first"));
    put(&mut context, "a", "second");
    assert!(!reader.refresh().unwrap());
    context.commit().unwrap();
    assert!(reader.refresh().unwrap());
    assert_eq!(get(&reader.live().unwrap(), "a").as_deref(), Some("second"));
    assert_eq!(get(&before, "a").as_deref(), Some("first"));
    let second = Context::open(&path, &Options::default());
    assert!(matches!(second, Err(Error::Store(store::Error::Busy { .. }))));
    drop(context);
    assert_eq!(get(&open(&folder).live().unwrap(), "a").as_deref(), Some("second"));
}

#[test]
fn nothing_is_written_for_nothing() {
    let folder = folder();
    let mut context = open(&folder);
    put(&mut context, "a", "first");
    let (number, bytes) = (context.commit().unwrap(), context.file_bytes());
    put(&mut context, "a", "first");
    assert_eq!((context.commit().unwrap(), context.file_bytes()), (number, bytes));
}

#[test]
fn pruning_frees_what_no_kept_snapshot_needs() {
    let folder = folder();
    let mut context = open(&folder);
    let day = 24 * 60 * 60 * 1000;
    let now = now_ms();
    let mut trees = Vec::new();
    for number in 0..40u64 {
        for entry in 0..200 {
            put(&mut context, &format!("{number}-{entry}"), &"text ".repeat(20));
            let (old, gone) = (format!("{}-{entry}", number.wrapping_sub(2)), number >= 2);
            if gone {
                context.remove(&[b"environments", old.as_bytes()]).unwrap();
            }
        }
        let name = (number == 3).then_some("kept by its name");
        let id = context.take_at(name, "a test", now - (39 - number) * day / 2).unwrap();
        trees.push((id, context.live().unwrap().hash()));
    }
    let costs = context.costs().unwrap();
    // All but the last have states that no other has; the last is the present one.
    assert!(costs[..39].iter().all(|(_, bytes)| *bytes > 500), "{costs:?}");
    assert_eq!(costs[39].1, 0);
    let reader = Reader::open(&folder.path().join("store"), Reading::Copied).unwrap();
    assert_eq!(reader.costs().unwrap(), costs);
    // What two snapshots alone have in common is of neither alone.
    let pair = [SnapshotId(10), SnapshotId(11)];
    let apart = costs[9].1 + costs[10].1;
    assert!(reader.cost_of(&pair).unwrap() > apart + 1000, "{costs:?}");
    assert_eq!(reader.cost_of(&pair[..1]).unwrap(), costs[9].1);
    let before = context.file_bytes();
    let pruned = context.prune(&Retention { newest: 3, days: 5 }).unwrap();
    assert!(pruned.freed_bytes > before / 2, "{pruned:?} of {before}");
    let list = context.list().unwrap();
    let left: Vec<u64> = list.iter().map(|snapshot| snapshot.id.0).collect();
    assert!(left.contains(&4) && left.contains(&40), "{left:?}");
    assert!((5..12).contains(&left.len()), "{left:?}");
    for snapshot in &list {
        let (_, hash) = trees.iter().find(|(id, _)| *id == snapshot.id).unwrap();
        let tree = context.snapshot(snapshot.id).unwrap();
        assert_eq!(tree.hash(), *hash);
        assert_eq!(tree.verify().damage, []);
    }
    drop(context);
    let mut context = open(&folder);
    assert_eq!(context.list().unwrap(), list);
    // A number is not given twice.
    assert_eq!(context.take(None, "a test").unwrap(), SnapshotId(41));
}

#[test]
fn an_image_is_read_where_it_lies() {
    let folder = folder();
    let mut context = open(&folder);
    for entry in 0..3000 {
        put(&mut context, &format!("{entry}"), &"text ".repeat(entry % 50));
    }
    let long = vec![3; 100_000];
    context.put(&[b"long"], &Value::of(2, &long)).unwrap();
    let live = context.live().unwrap();
    let bytes = context.export(&live).unwrap();
    let image = Image::of(bytes.clone()).unwrap();
    assert_eq!(image.tree().hash(), live.hash());
    assert_eq!(image.tree().get(&[b"long"]).unwrap().unwrap().bytes, long);
    assert_eq!(image.tree().verify().damage, []);
    assert!(image.check().unwrap() > 100_000);
    let path = folder.path().join("image");
    std::fs::write(&path, &bytes).unwrap();
    let image = Image::open(&path).unwrap();
    // It becomes the context of another store, and the same root.
    let other = Options { salt: Some(live.salt()), ..Options::default() };
    let mut other = Context::open(&folder.path().join("other"), &other).unwrap();
    other.restore(&image.tree()).unwrap();
    assert_eq!(other.live().unwrap().hash(), live.hash());
    let cut = Image::of(bytes[..bytes.len() - 64].to_vec());
    assert!(matches!(cut, Err(Error::Store(store::Error::Truncated { .. }))));
}

// Not on Windows: it has no pipes in folders.
#[cfg(unix)]
#[test]
fn a_pipe_is_no_store_and_nobody_waits_for_it() {
    let folder = folder();
    for name in ["context-0000000000000001.aios", "lock"] {
        let store = folder.path().join(name).with_extension("store");
        std::fs::create_dir(&store).unwrap();
        let made = std::process::Command::new("mkfifo").arg(store.join(name)).status().unwrap();
        assert!(made.success());
        let refused = Context::open(&store, &Options::default()).unwrap_err().to_string();
        assert!(refused.contains(&format!("{}", store.display())), "{refused}");
        assert!(Reader::open(&store, Reading::Mapped).is_err());
        let refused = Image::open(&store.join(name)).unwrap_err().to_string();
        assert!(refused.contains("it is not a regular file"), "{refused}");
    }
}
