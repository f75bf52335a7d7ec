use std::path::Path;

use aios_core::index::fractal::{Item, Tree, Value as Put};
use aios_core::snapshot::{Context, Options, Reader};
use aios_core::store::Reading;

use super::{Engine, Kept, Scanned};
use crate::Result;
use crate::records::{self, Content, ENVIRONMENTS, Key, Value};

pub struct Aios {
    context: Context,
}

fn put(value: &Value) -> Put<'_> {
    Put::of(1, value)
}

impl Engine for Aios {
    const NAME: &'static str = "aios";
    const DURABLE: bool = true;
    const SHARES: bool = true;
    type View = Tree;

    fn create(folder: &Path) -> Result<Aios> {
        Ok(Aios { context: Context::open(folder, &Options::default())? })
    }

    fn load(&mut self, records: u64, content: Content) -> Result<()> {
        let mut builder = self.context.builder();
        records::each(records, content, |key, value| builder.push(&key.path()[1..], &put(value)))?;
        let tree = builder.finish();
        self.context.put_tree(&[ENVIRONMENTS], &tree)?;
        self.context.commit()?;
        Ok(())
    }

    fn stored_bytes(&self) -> Result<u64> {
        Ok(self.context.file_bytes())
    }

    fn view(&mut self) -> Result<Tree> {
        Ok(self.context.live()?)
    }

    fn get(view: &Tree, key: &Key) -> Result<Option<usize>> {
        Ok(view.get(&key.path())?.map(|value| value.bytes.len()))
    }

    fn scan(view: &Tree, environment: u64) -> Result<Scanned> {
        let mut scanned = Scanned::default();
        let prefix = records::prefix(environment);
        let path = [ENVIRONMENTS, &prefix[..prefix.len() - 1]];
        let distributions = view.subtree(&path)?.ok_or("there is no such environment")?;
        distributions.for_each(|_, _, distribution| {
            let Item::Tree(files) = distribution else { return Ok(()) };
            files.for_each(|prefix, suffix, file| {
                let Item::Value(value) = file else { return Ok(()) };
                // A key that is alone in its node is a prefix as a whole.
                scanned.add(if suffix.is_empty() { prefix } else { suffix }, value.bytes);
                Ok(())
            })
        })?;
        Ok(scanned)
    }

    fn diff(before: &Tree, after: &Tree) -> Result<u64> {
        let mut different = 0;
        after.diff(before, &mut |_| different += 1)?;
        Ok(different)
    }

    fn change(&mut self, changes: &[(Key, Value)]) -> Result<()> {
        for (key, value) in changes {
            self.context.put(&key.path(), &put(value))?;
        }
        self.context.commit()?;
        Ok(())
    }

    fn keep(&mut self, _folder: &Path) -> Result<Option<Kept>> {
        self.context.take(None, "measured")?;
        Ok(Some(Box::new(())))
    }

    fn reopen(folder: &Path, key: &Key) -> Result<Option<usize>> {
        Aios::get(&Reader::open(folder, Reading::Mapped)?.live()?, key)
    }
}
