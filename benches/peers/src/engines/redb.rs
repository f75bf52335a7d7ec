use std::path::Path;

use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable, TableDefinition};

use super::{CACHE_BYTES, Engine, Kept, Scanned};
use crate::Result;
use crate::records::{self, Content, Key, VALUE_BYTES, Value};

const TABLE: TableDefinition<&[u8], &[u8; VALUE_BYTES]> = TableDefinition::new("records");

pub struct Redb {
    database: Database,
}

type View = ReadOnlyTable<&'static [u8], &'static [u8; VALUE_BYTES]>;

fn open(folder: &Path) -> Result<Database> {
    Ok(Database::builder().set_cache_size(CACHE_BYTES).create(folder.join("redb"))?)
}

impl Engine for Redb {
    const NAME: &'static str = "redb";
    const DURABLE: bool = true;
    const SHARES: bool = false;
    type View = View;

    fn create(folder: &Path) -> Result<Redb> {
        Ok(Redb { database: open(folder)? })
    }

    fn load(&mut self, records: u64, content: Content) -> Result<()> {
        let transaction = self.database.begin_write()?;
        let mut table = transaction.open_table(TABLE)?;
        records::each(records, content, |key, value| table.insert(key.flat(), value).map(drop))?;
        drop(table);
        Ok(transaction.commit()?)
    }

    fn stored_bytes(&self) -> Result<u64> {
        let transaction = self.database.begin_write()?;
        let stats = transaction.stats()?;
        let bytes = stats.allocated_pages() * stats.page_size() as u64;
        transaction.abort()?;
        Ok(bytes)
    }

    fn view(&mut self) -> Result<View> {
        Ok(self.database.begin_read()?.open_table(TABLE)?)
    }

    fn get(view: &View, key: &Key) -> Result<Option<usize>> {
        Ok(view.get(key.flat())?.map(|value| value.value().len()))
    }

    fn scan(view: &View, environment: u64) -> Result<Scanned> {
        let mut scanned = Scanned::default();
        let from = records::prefix(environment);
        let to = records::prefix(environment + 1);
        for entry in view.range::<&[u8]>(from.as_slice()..to.as_slice())? {
            let (key, value) = entry?;
            scanned.add(key.value(), value.value());
        }
        Ok(scanned)
    }

    fn diff(before: &View, after: &View) -> Result<u64> {
        let mut different = 0;
        for (before, after) in before.iter()?.zip(after.iter()?) {
            let (before, after) = (before?, after?);
            if before.0.value() != after.0.value() {
                return Err("the two have different keys".into());
            }
            different += u64::from(before.1.value() != after.1.value());
        }
        Ok(different)
    }

    fn change(&mut self, changes: &[(Key, Value)]) -> Result<()> {
        let transaction = self.database.begin_write()?;
        let mut table = transaction.open_table(TABLE)?;
        for (key, value) in changes {
            table.insert(key.flat(), value)?;
        }
        drop(table);
        Ok(transaction.commit()?)
    }

    fn keep(&mut self, _folder: &Path) -> Result<Option<Kept>> {
        let transaction = self.database.begin_write()?;
        transaction.persistent_savepoint()?;
        transaction.commit()?;
        Ok(Some(Box::new(())))
    }

    fn reopen(folder: &Path, key: &Key) -> Result<Option<usize>> {
        let mut redb = Redb { database: open(folder)? };
        Redb::get(&redb.view()?, key)
    }
}
