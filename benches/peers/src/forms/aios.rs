use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use aios_core::index::fractal::{Tree, Value};
use aios_core::snapshot::{Context, Image, Options, Reader};
use aios_core::store::Reading;

use super::{Case, Content, What, Who, case, changed};
use crate::Result;
use crate::measure::timed;

/// The context on disk and in memory, which all cases share.
struct Kept {
    content: Rc<Content>,
    context: RefCell<Context>,
    /// Changes each time, so that no change is one that was there already.
    edition: RefCell<u64>,
}

impl Kept {
    /// Gives one record another value.
    fn change(&self) -> Result<()> {
        let mut edition = self.edition.borrow_mut();
        *edition += 1;
        let number = changed(&self.content);
        let mut bytes = self.content.records[number].bytes.clone();
        bytes[..8].copy_from_slice(&edition.to_le_bytes());
        self.put(number, &bytes)
    }

    /// Gives it back the value that it had.
    fn reset(&self) -> Result<()> {
        let number = changed(&self.content);
        self.put(number, &self.content.records[number].bytes)
    }

    fn put(&self, number: usize, bytes: &[u8]) -> Result<()> {
        let path = self.content.keys[number].path();
        Ok(self.context.borrow_mut().put(&path, &Value::of(1, bytes))?)
    }

    fn live(&self) -> Result<Tree> {
        Ok(self.context.borrow_mut().live()?)
    }

    /// The first read: of the record that was changed.
    fn read(&self, tree: &Tree) -> Result<()> {
        let number = changed(&self.content);
        let found = tree.get(&self.content.keys[number].path())?;
        self.content.expect(found.map(|value| value.bytes), number)
    }
}

fn build(content: &Content, folder: &Path) -> Result<Context> {
    let mut context = Context::open(folder, &Options::default())?;
    let mut builder = context.builder();
    for (key, record) in content.keys.iter().zip(&content.records) {
        builder.push(&key.path()[1..], &Value::of(1, &record.bytes))?;
    }
    let tree = builder.finish();
    context.put_tree(&[crate::records::ENVIRONMENTS], &tree)?;
    context.commit()?;
    Ok(context)
}

fn keep(content: &Rc<Content>) -> Result<Rc<Kept>> {
    Ok(Rc::new(Kept {
        content: Rc::clone(content),
        context: RefCell::new(build(content, &content.folder("aios")?)?),
        edition: RefCell::new(0),
    }))
}

pub fn cases(content: &Rc<Content>) -> Result<Vec<Case>> {
    let kept = keep(content)?;
    let mut cases = in_memory(&kept)?;
    cases.extend(durable(&kept)?);
    cases.extend(images(&kept)?);
    Ok(cases)
}

/// All but images, which take as much memory again.
pub fn growing(content: &Rc<Content>) -> Result<Vec<Case>> {
    let kept = keep(content)?;
    let mut cases = in_memory(&kept)?;
    cases.extend(durable(&kept)?);
    Ok(cases)
}

fn in_memory(kept: &Rc<Kept>) -> Result<Vec<Case>> {
    let first = kept.live()?;
    let unchanged = Rc::clone(kept);
    let snapshot = Rc::clone(kept);
    let restore = Rc::clone(kept);
    Ok(vec![
        case(What::Snapshot, Who::AiosUnchanged, move || {
            unchanged.live()?;
            Ok(timed(|| unchanged.live())?.1)
        }),
        case(What::Snapshot, Who::Aios, move || {
            snapshot.live()?;
            snapshot.change()?;
            Ok(timed(|| snapshot.live())?.1)
        }),
        case(What::Restore, Who::Aios, move || {
            restore.change()?;
            restore.live()?;
            let back = || {
                restore.context.borrow_mut().restore(&first)?;
                restore.read(&restore.live()?)
            };
            Ok(timed(back)?.1)
        }),
    ])
}

fn durable(kept: &Rc<Kept>) -> Result<Vec<Case>> {
    kept.reset()?;
    let snapshot = kept.context.borrow_mut().take(Some("first"), "measured")?;
    // What is opened has one snapshot; the context goes on to collect others.
    let folder = kept.content.folder("aios closed")?;
    let closed = build(&kept.content, &folder)?.take(Some("first"), "measured")?;
    let (take, restore) = (Rc::clone(kept), Rc::clone(kept));
    let open = move |kept: &Kept, verified: bool| {
        let ((), time) = timed(|| {
            let reader = Reader::open(&folder, Reading::Mapped)?;
            if verified {
                reader.check()?;
            }
            kept.read(&reader.snapshot(closed)?)
        })?;
        Ok(time)
    };
    let (quick, verified) = (Rc::clone(kept), Rc::clone(kept));
    let reopen = open.clone();
    Ok(vec![
        case(What::Take, Who::Aios, move || {
            take.change()?;
            Ok(timed(|| Ok(take.context.borrow_mut().take(None, "measured")?))?.1)
        }),
        case(What::RestoreDurably, Who::Aios, move || {
            restore.change()?;
            restore.context.borrow_mut().commit()?;
            let back = || {
                restore.context.borrow_mut().restore_snapshot(snapshot)?;
                restore.read(&restore.live()?)
            };
            Ok(timed(back)?.1)
        }),
        case(What::Open, Who::Aios, move || reopen(&quick, false)),
        case(What::Verify, Who::Aios, move || open(&verified, true)),
    ])
}

fn images(kept: &Rc<Kept>) -> Result<Vec<Case>> {
    kept.reset()?;
    let tree = kept.live()?;
    let image = kept.context.borrow().export(&tree)?;
    let path = kept.content.folder.join("image");
    std::fs::write(&path, &image)?;
    let (export, file, of, opened) =
        (Rc::clone(kept), Rc::clone(kept), Rc::clone(kept), Rc::clone(kept));
    let (to, from) = (path.clone(), path);
    let exported = tree.clone();
    Ok(vec![
        case(What::Export, Who::AiosImage, move || {
            Ok(timed(|| Ok(export.context.borrow().export(&exported)?))?.1)
        }),
        case(What::Export, Who::AiosImageFile, move || {
            let write = || Ok(std::fs::write(&to, file.context.borrow().export(&tree)?)?);
            Ok(timed(write)?.1)
        }),
        case(What::Verify, Who::AiosImage, move || {
            let bytes = image.clone();
            let ((), time) = timed(|| {
                let image = Image::of(bytes)?;
                image.check()?;
                of.read(&image.tree())
            })?;
            Ok(time)
        }),
        case(What::Open, Who::AiosImageFile, move || {
            Ok(timed(|| opened.read(&Image::open(&from)?.tree()))?.1)
        }),
    ])
}
