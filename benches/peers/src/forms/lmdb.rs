use std::path::Path;
use std::rc::Rc;

use heed::types::Bytes;
use heed::{CompactionOption, Database, Env, PutFlags, WithoutTls};

use super::{Case, Content, What, Who, case, changed};
use crate::Result;
use crate::engines::open_lmdb as open;
use crate::measure::timed;

type Table = Database<Bytes, Bytes>;

fn build(content: &Content, folder: &Path) -> Result<Env<WithoutTls>> {
    let env = open(folder)?;
    let mut transaction = env.write_txn()?;
    let table: Table = env.create_database(&mut transaction, None)?;
    for record in &content.records {
        table.put_with_flags(&mut transaction, PutFlags::APPEND, &record.key, &record.bytes)?;
    }
    transaction.commit()?;
    Ok(env)
}

fn read(content: &Content, env: &Env<WithoutTls>) -> Result<()> {
    let number = changed(content);
    let transaction = env.read_txn()?;
    let table: Option<Table> = env.open_database(&transaction, None)?;
    let table = table.ok_or("the table is gone")?;
    content.expect(table.get(&transaction, content.keys[number].flat())?, number)
}

pub fn cases(content: &Rc<Content>) -> Result<Vec<Case>> {
    let env = build(content, &content.folder("lmdb")?)?;
    let closed = content.folder("lmdb closed")?;
    build(content, &closed)?.prepare_for_closing().wait();
    let copy = content.folder.join("lmdb copy");
    let (snapshots, opens) = (env.clone(), Rc::clone(content));
    Ok(vec![
        case(What::Snapshot, Who::Lmdb, move || {
            let env = snapshots.clone();
            let (kept, time) = timed(|| Ok(env.static_read_txn()?))?;
            drop(kept);
            Ok(time)
        }),
        case(What::Take, Who::Lmdb, move || {
            let write = || Ok(env.copy_to_path(&copy, CompactionOption::Disabled)?.sync_data()?);
            let ((), time) = timed(write)?;
            std::fs::remove_file(&copy)?;
            Ok(time)
        }),
        case(What::Open, Who::Lmdb, move || {
            let (env, time) = timed(|| {
                let env = open(&closed)?;
                read(&opens, &env)?;
                Ok(env)
            })?;
            env.prepare_for_closing().wait();
            Ok(time)
        }),
    ])
}
