use std::path::Path;

use fjall::{
    Database, Guard, Keyspace, KeyspaceCreateOptions, KvPair, PersistMode, Readable, Snapshot,
};

use super::{CACHE_BYTES, Engine, Kept, Scanned, compare_all};
use crate::Result;
use crate::records::{self, Content, Key, Value};

pub struct Fjall {
    database: Database,
    keyspace: Keyspace,
}

pub struct View {
    snapshot: Snapshot,
    keyspace: Keyspace,
}

impl View {
    fn all(&self) -> impl Iterator<Item = Result<KvPair>> {
        self.snapshot.iter(&self.keyspace).map(|guard: Guard| Ok(guard.into_inner()?))
    }
}

impl Engine for Fjall {
    const NAME: &'static str = "fjall";
    const DURABLE: bool = true;
    const SHARES: bool = true;
    type View = View;

    fn create(folder: &Path) -> Result<Fjall> {
        let database = Database::builder(folder).cache_size(CACHE_BYTES as u64).open()?;
        let keyspace = database.keyspace("records", KeyspaceCreateOptions::default)?;
        Ok(Fjall { database, keyspace })
    }

    fn load(&mut self, records: u64, content: Content) -> Result<()> {
        let mut ingestion = self.keyspace.start_ingestion()?;
        records::each(records, content, |key, value| {
            ingestion.write(key.flat(), value.as_slice())
        })?;
        ingestion.finish()?;
        Ok(self.database.persist(PersistMode::SyncData)?)
    }

    fn stored_bytes(&self) -> Result<u64> {
        Ok(self.keyspace.disk_space())
    }

    fn view(&mut self) -> Result<View> {
        Ok(View { snapshot: self.database.snapshot(), keyspace: self.keyspace.clone() })
    }

    fn get(view: &View, key: &Key) -> Result<Option<usize>> {
        Ok(view.snapshot.get(&view.keyspace, key.flat())?.map(|value| value.len()))
    }

    fn scan(view: &View, environment: u64) -> Result<Scanned> {
        let mut scanned = Scanned::default();
        for guard in view.snapshot.prefix(&view.keyspace, records::prefix(environment)) {
            let (key, value) = guard.into_inner()?;
            scanned.add(&key, &value);
        }
        Ok(scanned)
    }

    fn diff(before: &View, after: &View) -> Result<u64> {
        compare_all(before.all(), after.all())
    }

    fn change(&mut self, changes: &[(Key, Value)]) -> Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for (key, value) in changes {
            batch.insert(&self.keyspace, key.flat(), value.as_slice());
        }
        Ok(batch.commit()?)
    }

    fn keep(&mut self, _folder: &Path) -> Result<Option<Kept>> {
        Ok(None)
    }

    fn settle(&mut self) -> Result<()> {
        Ok(self.keyspace.rotate_memtable_and_wait()?)
    }

    fn reopen(folder: &Path, key: &Key) -> Result<Option<usize>> {
        let mut fjall = Fjall::create(folder)?;
        Fjall::get(&fjall.view()?, key)
    }
}
