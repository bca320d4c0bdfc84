//! The embedded store: one file, one table per table of the law.

use std::fs;
use std::io::ErrorKind;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use market::rows::{Row, RowChange, Table};
use redb::{
    Database, Durability, ReadTransaction, ReadableDatabase, TableDefinition, WriteTransaction,
};
use replication::contract::Position;

use super::{OWN_PREFIX, PAGE_BYTES, POSITION_KEY, Page, REPLACED_KEY, Store, StoreError, View};
use crate::storage::files;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Files up to this size (1 GiB) are checked as a whole when they are opened. A file that is not checked may give wrong
/// rows if the disk changed it; checking takes about a second for each gigabyte, which is what a restart may take.
const CHECKED_BYTES: u64 = 1 << 30;

/// A store in one file.
pub struct EmbeddedStore {
    database: Database,
}

impl EmbeddedStore {
    /// Opens or creates the file. Blocks until the file is whole again if the last process died while writing.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<EmbeddedStore, StoreError> {
        let check = fs::metadata(path).map_or(0, |file| file.len()) <= CHECKED_BYTES;
        let open = || {
            let mut builder = redb::Builder::new();
            builder.set_cache_size(cache_bytes).set_check_integrity_on_open(check);
            let database = builder.create(path).map_err(failed("open its file"))?;
            let store = EmbeddedStore { database };
            store.create_tables().map_err(failed("create its tables"))?;
            Ok(store)
        };
        // Without the check, some damage makes the library panic. Nothing outside sees what it leaves behind.
        let opened = catch_unwind(AssertUnwindSafe(open));
        let panicked = |_| Err(StoreError::Damaged("opening it panicked".into()));
        let store = opened.unwrap_or_else(panicked)?;
        files::sync_dir(files::parent(path)).map_err(|error| StoreError::Failed {
            what: "make its file's name durable",
            source: error.into(),
        })?;
        Ok(store)
    }

    /// Creates the tables, so that readers always find them.
    fn create_tables(&self) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        for table in Table::ALL {
            transaction.open_table(definition(table))?;
        }
        Ok(transaction.commit()?)
    }

    fn begin(&self) -> Result<WriteTransaction, redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        // Costs a little with every commit; without it, opening after a crash would read the whole file.
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    fn put(&self, position: Position, changes: &[RowChange]) -> Result<(), redb::Error> {
        let transaction = self.begin()?;
        for table in Table::ALL {
            let mut of_table = changes.iter().filter(|change| change.table == table).peekable();
            if of_table.peek().is_none() && table != Table::Facts {
                continue;
            }
            let mut rows = transaction.open_table(definition(table))?;
            for change in of_table {
                match &change.value {
                    Some(value) => rows.insert(change.key.as_slice(), value.as_slice())?,
                    None => rows.remove(change.key.as_slice())?,
                };
            }
            if table == Table::Facts {
                rows.insert(POSITION_KEY, position.to_be_bytes().as_slice())?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn put_all(&self, position: Position, rows: &[Row]) -> Result<(), redb::Error> {
        let transaction = self.begin()?;
        for table in Table::ALL {
            transaction.delete_table(definition(table))?;
            let mut fresh = transaction.open_table(definition(table))?;
            for row in rows.iter().filter(|row| row.table == table) {
                fresh.insert(row.key.as_slice(), row.value.as_slice())?;
            }
            if table == Table::Facts {
                fresh.insert(POSITION_KEY, position.to_be_bytes().as_slice())?;
                fresh.insert(REPLACED_KEY, position.to_be_bytes().as_slice())?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn begin_view(&self) -> Result<EmbeddedView, StoreError> {
        let transaction = self.database.begin_read().map_err(failed("begin a view"))?;
        let facts = transaction.open_table(definition(Table::Facts));
        let facts = facts.map_err(failed("begin a view"))?;
        let position = facts.get(POSITION_KEY).map_err(failed("begin a view"))?;
        let position = stored_position(position.as_ref().map(|value| value.value()))?;
        Ok(EmbeddedView { transaction, position })
    }

    fn position_at(&self, key: &[u8]) -> Result<Position, StoreError> {
        stored_position(self.get(Table::Facts, key)?.as_deref())
    }

    fn may_write(&self, position: Position) -> Result<(), StoreError> {
        match self.applied()? {
            applied if position < applied => Err(StoreError::Backwards { applied, position }),
            _ => Ok(()),
        }
    }

    fn read(
        &self,
        table: Table,
        from: &[u8],
        max: usize,
        max_bytes: usize,
    ) -> Result<Vec<Row>, redb::Error> {
        let rows = self.database.begin_read()?.open_table(definition(table))?;
        let mut out = Vec::new();
        let mut bytes = 0;
        for row in rows.range(from..)?.take(max) {
            let (key, value) = row?;
            let (key, value) = (key.value().to_vec(), value.value().to_vec());
            if is_own(table, &key) {
                continue;
            }
            bytes += key.len() + value.len();
            if bytes > max_bytes && !out.is_empty() {
                break;
            }
            out.push(Row { table, key, value });
        }
        Ok(out)
    }

    fn read_one(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, redb::Error> {
        let rows = self.database.begin_read()?.open_table(definition(table))?;
        Ok(rows.get(key)?.map(|value| value.value().to_vec()))
    }
}

impl Store for EmbeddedStore {
    fn applied(&self) -> Result<Position, StoreError> {
        self.position_at(POSITION_KEY)
    }

    fn load(&self, tables: &[Table]) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for table in tables {
            let read = self.read(*table, &[], usize::MAX, usize::MAX);
            rows.append(&mut read.map_err(failed("load its rows"))?);
        }
        Ok(rows)
    }

    fn write(&self, position: Position, changes: &[RowChange]) -> Result<(), StoreError> {
        self.may_write(position)?;
        self.put(position, changes).map_err(failed("write"))
    }

    fn replace(&self, position: Position, rows: &[Row]) -> Result<(), StoreError> {
        self.may_write(position)?;
        self.put_all(position, rows).map_err(failed("replace its rows"))
    }

    fn replaced(&self) -> Result<Position, StoreError> {
        self.position_at(REPLACED_KEY)
    }

    fn view(&self) -> Result<Box<dyn View>, StoreError> {
        Ok(Box::new(self.begin_view()?))
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_one(table, key).map_err(failed("read a row"))
    }

    fn range(&self, table: Table, from: &[u8], max: usize) -> Result<Vec<Row>, StoreError> {
        self.read(table, from, max, PAGE_BYTES).map_err(failed("read rows"))
    }
}

/// All rows as of one transaction: the library keeps its pages until it is dropped.
struct EmbeddedView {
    transaction: ReadTransaction,
    position: Position,
}

impl EmbeddedView {
    fn read(&self, after: Option<(Table, &[u8])>, max_bytes: usize) -> Result<Page, redb::Error> {
        let mut page = Page::default();
        let mut bytes = 0;
        let first = after.map_or(Table::ALL[0], |(table, _)| table);
        for table in Table::ALL.into_iter().filter(|table| *table >= first) {
            let from = match after {
                Some((of, key)) if of == table => Bound::Excluded(key),
                _ => Bound::Unbounded,
            };
            let rows = self.transaction.open_table(definition(table))?;
            for row in rows.range::<&[u8]>((from, Bound::Unbounded))? {
                let (key, value) = row?;
                let (key, value) = (key.value(), value.value());
                if is_own(table, key) {
                    continue;
                }
                bytes += key.len() + value.len();
                if bytes > max_bytes && !page.rows.is_empty() {
                    return Ok(page);
                }
                page.rows.push(Row { table, key: key.to_vec(), value: value.to_vec() });
            }
        }
        page.end = true;
        Ok(page)
    }
}

impl View for EmbeddedView {
    fn position(&self) -> Position {
        self.position
    }

    fn page(&self, after: Option<(Table, &[u8])>, max_bytes: usize) -> Result<Page, StoreError> {
        self.read(after, max_bytes).map_err(failed("read a view"))
    }
}

/// Does this row belong to the store itself?
fn is_own(table: Table, key: &[u8]) -> bool {
    table == Table::Facts && key.starts_with(OWN_PREFIX)
}

/// A position out of the store's own facts; 0 if it is not there.
fn stored_position(value: Option<&[u8]>) -> Result<Position, StoreError> {
    let Some(value) = value else { return Ok(0) };
    let bytes = <[u8; 8]>::try_from(value);
    bytes.map(u64::from_be_bytes).map_err(|_| StoreError::Damaged("its position".into()))
}

fn definition(table: Table) -> Definition {
    TableDefinition::new(match table {
        Table::Facts => "facts",
        Table::Listings => "listings",
        Table::Keys => "keys",
        Table::Outbox => "outbox",
        Table::History => "history",
        Table::Accounts => "accounts",
        Table::Sessions => "sessions",
        Table::Carts => "carts",
        Table::SavedCarts => "saved_carts",
        Table::Purchases => "purchases",
        Table::Feedback => "feedback",
        Table::Ratings => "ratings",
    })
}

/// For `map_err`: tells a full disk and a damaged file from other failures.
pub(crate) fn failed<E: Into<redb::Error>>(what: &'static str) -> impl FnOnce(E) -> StoreError {
    move |error| match error.into() {
        redb::Error::Io(error) => match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::NoSpace { what },
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                StoreError::Damaged(error.to_string())
            }
            _ => StoreError::Failed { what, source: error.into() },
        },
        error @ (redb::Error::DatabaseAlreadyOpen
        | redb::Error::PreviousIo
        | redb::Error::ValueTooLarge(_)) => StoreError::Failed { what, source: error.into() },
        // Everything else is about contents that this program did not write.
        error => StoreError::Damaged(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract;
    use super::*;

    #[test]
    fn keeps_the_contract() {
        contract::check(|| {
            let dir = tempfile::tempdir().unwrap();
            move || EmbeddedStore::open(&dir.path().join("rows"), 1 << 20).unwrap()
        });
    }

    #[test]
    fn a_file_of_something_else_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows");
        fs::write(&path, vec![b'x'; 100_000]).unwrap();
        let error = EmbeddedStore::open(&path, 1 << 20).err().unwrap();
        assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    }

    /// Some bits are used by nobody; of the others, no flip may go unnoticed.
    #[test]
    fn a_flipped_bit_is_harmless_or_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows");
        let store = EmbeddedStore::open(&path, 1 << 20).unwrap();
        for position in 1..20 {
            let change = |key: u8| RowChange {
                table: Table::ALL[usize::from(key) % Table::ALL.len()],
                key: vec![key; 8],
                value: Some(vec![position as u8; 100]),
            };
            let changes: Vec<_> = (0..10 * Table::ALL.len() as u8).map(change).collect();
            store.write(position, &changes).unwrap();
        }
        let rows = store.load(&Table::ALL).unwrap();
        drop(store);
        let good = fs::read(&path).unwrap();
        let used: Vec<usize> = (0..good.len()).filter(|at| good[*at] != 0).collect();
        let mut noticed = 0;
        for (index, at) in used.iter().step_by(used.len() / 100).enumerate() {
            let mut bad = good.clone();
            bad[*at] ^= 1 << (index % 8);
            fs::write(&path, bad).unwrap();
            match EmbeddedStore::open(&path, 1 << 20) {
                Ok(store) => assert_eq!(store.load(&Table::ALL).unwrap(), rows, "byte {at}"),
                Err(StoreError::Damaged(_)) => noticed += 1,
                Err(error) => panic!("byte {at}: {error}"),
            }
        }
        assert!(noticed > 10, "only {noticed}");
    }
}
