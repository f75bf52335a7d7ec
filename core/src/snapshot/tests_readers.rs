//! A reader that opens a store while its writer goes on: at each call of the reader the writer does all that
//! it does next, once.

use std::fmt;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::tests_crash::{hash, open, put};
use super::*;
use crate::store::Bytes;
use crate::store::failing::Failing;
use crate::store::storage::Stored;

type Act = Box<dyn FnOnce() + Send>;

/// The storage of a reader: before its call with this number something happens.
#[derive(Clone)]
struct Meanwhile {
    storage: Failing,
    left: Arc<Mutex<(usize, Option<Act>)>>,
}

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.storage.fmt(f)
    }
}

impl Meanwhile {
    fn tick(&self) {
        let mut left = self.left.lock();
        let act = if left.0 == 0 { left.1.take() } else { None };
        left.0 = left.0.saturating_sub(1);
        drop(left);
        if let Some(act) = act {
            act();
        }
    }

    fn has_happened(&self) -> bool {
        self.left.lock().1.is_none()
    }
}

impl Storage for Meanwhile {
    fn names(&self) -> io::Result<Vec<String>> {
        self.tick();
        self.storage.names()
    }

    fn open(&self, name: &str, write: bool) -> io::Result<Box<dyn Stored>> {
        self.tick();
        let stored = self.storage.open(name, write)?;
        Ok(Box::new(Opening { stored, meanwhile: self.clone() }))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Stored>> {
        panic!("a reader makes `{name}`")
    }

    fn rename(&self, from: &str, _: &str) -> io::Result<()> {
        panic!("a reader renames `{from}`")
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        panic!("a reader removes `{name}`")
    }

    fn sync_names(&self) -> io::Result<()> {
        panic!("a reader syncs")
    }

    fn lock(&self) -> io::Result<Option<Box<dyn fmt::Debug + Send + Sync>>> {
        panic!("a reader takes the lock")
    }

    fn place(&self) -> &FilePath {
        self.storage.place()
    }
}

#[derive(Debug)]
struct Opening {
    stored: Box<dyn Stored>,
    meanwhile: Meanwhile,
}

impl Stored for Opening {
    fn length(&self) -> io::Result<u64> {
        self.meanwhile.tick();
        self.stored.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.meanwhile.tick();
        self.stored.read_at(buffer, offset)
    }

    fn write_at(&self, _: &[u8], offset: u64) -> io::Result<()> {
        panic!("a reader writes at {offset}")
    }

    fn sync(&self) -> io::Result<()> {
        panic!("a reader syncs")
    }

    fn bytes(&self, length: u64) -> io::Result<Bytes> {
        self.meanwhile.tick();
        self.stored.bytes(length)
    }
}

/// What the writer does, and the states that it commits.
type Going = fn(&mut Context) -> Vec<Hash>;

fn commit(context: &mut Context, name: &str) -> Hash {
    put(context, name, &[7; 900]).unwrap();
    context.commit().unwrap();
    hash(context)
}

#[test]
fn a_reader_finds_a_commit_whatever_the_writer_does_meanwhile() {
    let goings: [(&str, Going); 4] = [
        ("commits", |context| vec![commit(context, "one")]),
        // Both superblocks are written, and the first of them again.
        ("commits thrice", |context| {
            ["one", "two", "three"].map(|name| commit(context, name)).into()
        }),
        ("commits and compacts", |context| {
            let committed = commit(context, "one");
            context.compact().unwrap();
            vec![committed]
        }),
        ("compacts twice", |context| {
            context.compact().unwrap();
            context.compact().unwrap();
            vec![hash(context)]
        }),
    ];
    for (what, going) in goings {
        let mut tried = 0;
        while opened_meanwhile(tried, what, going) {
            tried += 1;
        }
        // Names, the file, its superblocks, its length, the tail, its bytes.
        assert!(tried >= 6, "{what}: {tried}");
    }
}

/// Whether the reader made so many calls.
fn opened_meanwhile(call: usize, what: &str, going: Going) -> bool {
    let storage = Failing::default();
    let mut context = open(&storage).unwrap();
    let mut states = vec![commit(&mut context, "first"), commit(&mut context, "second")];
    let (done, committed) = std::sync::mpsc::channel();
    let act = Box::new(move || done.send(going(&mut context)).unwrap());
    let meanwhile = Meanwhile { storage, left: Arc::new(Mutex::new((call, Some(act)))) };
    let opened = Opened::newest(&meanwhile, Reading::Mapped)
        .unwrap_or_else(|error| panic!("{what} before call {call}: {error}"));
    let tree = Tree::of(opened.space, opened.salt, root_of(&opened.root));
    assert_eq!(tree.verify().damage, [], "{what} before call {call}");
    states.extend(committed.try_recv().unwrap_or_default());
    // It may be the last commit before, or any after.
    let place = states.iter().position(|state| *state == tree.hash());
    assert!(place.is_some_and(|place| place >= 1), "{what} before call {call}: {place:?}");
    meanwhile.has_happened()
}
