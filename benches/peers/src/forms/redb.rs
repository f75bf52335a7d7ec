use std::path::Path;
use std::rc::Rc;

use redb::{Database, Durability, ReadableDatabase, TableDefinition};

use super::{Case, Content, What, Who, case, changed};
use crate::Result;
use crate::measure::timed;

const TABLE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("records");

fn build(content: &Content, path: &Path) -> Result<Database> {
    let database = Database::create(path)?;
    let transaction = database.begin_write()?;
    let mut table = transaction.open_table(TABLE)?;
    for record in &content.records {
        table.insert(record.key.as_slice(), record.bytes.as_slice())?;
    }
    drop(table);
    transaction.commit()?;
    Ok(database)
}

fn change(content: &Content, database: &Database) -> Result<()> {
    let transaction = database.begin_write()?;
    let mut table = transaction.open_table(TABLE)?;
    table.insert(content.keys[changed(content)].flat(), [0; 8].as_slice())?;
    drop(table);
    Ok(transaction.commit()?)
}

fn read(content: &Content, database: &Database) -> Result<()> {
    let number = changed(content);
    let table = database.begin_read()?.open_table(TABLE)?;
    let found = table.get(content.keys[number].flat())?;
    content.expect(found.as_ref().map(|value| value.value()), number)
}

pub fn cases(content: &Rc<Content>) -> Result<Vec<Case>> {
    let database = Rc::new(build(content, &content.folder.join("redb"))?);
    let closed = content.folder.join("redb closed");
    drop(build(content, &closed)?);
    let transaction = database.begin_write()?;
    let first = transaction.persistent_savepoint()?;
    transaction.commit()?;
    let back = {
        let (content, database) = (Rc::clone(content), Rc::clone(&database));
        move |durability| {
            change(&content, &database)?;
            let ((), time) = timed(|| {
                let mut transaction = database.begin_write()?;
                transaction.set_durability(durability)?;
                let savepoint = transaction.get_persistent_savepoint(first)?;
                transaction.restore_savepoint(&savepoint)?;
                transaction.commit()?;
                read(&content, &database)
            })?;
            Ok(time)
        }
    };
    let (snapshots, takes) = (Rc::clone(&database), database);
    let (changes, opens) = (Rc::clone(content), Rc::clone(content));
    let durable = back.clone();
    Ok(vec![
        case(What::Snapshot, Who::Redb, move || {
            let (kept, time) = timed(|| {
                let transaction = snapshots.begin_write()?;
                let savepoint = transaction.ephemeral_savepoint()?;
                transaction.abort()?;
                Ok(savepoint)
            })?;
            drop(kept);
            Ok(time)
        }),
        case(What::Restore, Who::Redb, move || back(Durability::None)),
        case(What::Take, Who::Redb, move || {
            change(&changes, &takes)?;
            let (savepoint, time) = timed(|| {
                let transaction = takes.begin_write()?;
                let savepoint = transaction.persistent_savepoint()?;
                transaction.commit()?;
                Ok(savepoint)
            })?;
            let transaction = takes.begin_write()?;
            transaction.delete_persistent_savepoint(savepoint)?;
            transaction.commit()?;
            Ok(time)
        }),
        case(What::RestoreDurably, Who::Redb, move || durable(Durability::Immediate)),
        case(What::Open, Who::Redb, move || {
            Ok(timed(|| read(&opens, &Database::open(&closed)?))?.1)
        }),
    ])
}
