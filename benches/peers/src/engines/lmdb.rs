use std::path::Path;

use heed::types::Bytes;
use heed::{CompactionOption, Database, Env, EnvOpenOptions, PutFlags, RoTxn, WithoutTls};

use super::{Engine, Kept, Scanned, compare_all};
use crate::Result;
use crate::records::{self, Content, Key, Value};

type Table = Database<Bytes, Bytes>;

pub struct Lmdb {
    env: Env<WithoutTls>,
    table: Table,
}

pub struct View {
    transaction: RoTxn<'static, WithoutTls>,
    table: Table,
}

/// More than any of the stores measured here becomes: address space, not memory.
const MAP_BYTES: usize = 64 << 30;

#[expect(
    unsafe_code,
    reason = "opening LMDB maps a file, which is unsafe because others may change it"
)]
pub fn open(folder: &Path) -> Result<Env<WithoutTls>> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(MAP_BYTES);
    // SAFETY: the file is in a folder of this process's own, and opened once at a time.
    Ok(unsafe { options.open(folder)? })
}

impl View {
    fn all(&self) -> Result<impl Iterator<Item = Result<(&[u8], &[u8])>>> {
        Ok(self.table.iter(&self.transaction)?.map(|entry| Ok(entry?)))
    }
}

impl Engine for Lmdb {
    const NAME: &'static str = "LMDB";
    const DURABLE: bool = true;
    const SHARES: bool = false;
    type View = View;

    fn create(folder: &Path) -> Result<Lmdb> {
        let env = open(folder)?;
        let mut transaction = env.write_txn()?;
        let table = env.create_database(&mut transaction, None)?;
        transaction.commit()?;
        Ok(Lmdb { env, table })
    }

    fn load(&mut self, records: u64, content: Content) -> Result<()> {
        let mut transaction = self.env.write_txn()?;
        records::each(records, content, |key, value| {
            self.table.put_with_flags(&mut transaction, PutFlags::APPEND, key.flat(), value)
        })?;
        Ok(transaction.commit()?)
    }

    fn stored_bytes(&self) -> Result<u64> {
        let pages = self.env.info().last_page_number as u64 + 1;
        let transaction = self.env.read_txn()?;
        Ok(pages * u64::from(self.table.stat(&transaction)?.page_size))
    }

    fn view(&mut self) -> Result<View> {
        Ok(View { transaction: self.env.clone().static_read_txn()?, table: self.table })
    }

    fn get(view: &View, key: &Key) -> Result<Option<usize>> {
        Ok(view.table.get(&view.transaction, key.flat())?.map(<[u8]>::len))
    }

    fn scan(view: &View, environment: u64) -> Result<Scanned> {
        let mut scanned = Scanned::default();
        let prefix = records::prefix(environment);
        for entry in view.table.prefix_iter(&view.transaction, &prefix)? {
            let (key, value) = entry?;
            scanned.add(key, value);
        }
        Ok(scanned)
    }

    fn diff(before: &View, after: &View) -> Result<u64> {
        compare_all(before.all()?, after.all()?)
    }

    fn change(&mut self, changes: &[(Key, Value)]) -> Result<()> {
        let mut transaction = self.env.write_txn()?;
        for (key, value) in changes {
            self.table.put(&mut transaction, key.flat(), value)?;
        }
        Ok(transaction.commit()?)
    }

    fn keep(&mut self, folder: &Path) -> Result<Option<Kept>> {
        let copy = self.env.copy_to_path(folder.join("copy"), CompactionOption::Disabled)?;
        copy.sync_data()?;
        Ok(Some(Box::new(())))
    }

    fn reopen(folder: &Path, key: &Key) -> Result<Option<usize>> {
        let env = open(folder)?;
        let transaction = env.read_txn()?;
        let table: Option<Table> = env.open_database(&transaction, None)?;
        let table = table.ok_or("the table is gone")?;
        let found = table.get(&transaction, key.flat())?.map(<[u8]>::len);
        drop(transaction);
        env.prepare_for_closing().wait();
        Ok(found)
    }

    fn close(self) -> Result<()> {
        self.env.prepare_for_closing().wait();
        Ok(())
    }
}
