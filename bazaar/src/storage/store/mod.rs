//! The store: tables of rows with the position they reflect, written lazily, a whole position at a time.

#[cfg(test)]
mod contract;
mod embedded;
mod writer;

pub use embedded::EmbeddedStore;
pub(crate) use embedded::failed;
pub use writer::{Report, StoreWriter, WriterOptions};

use bytes::Bytes;
use market::rows::{Row, RowChange, Table};
use node::HASH_KEY;
use replication::contract::{ChainHash, Entry, Position};

/// Keys of the facts table that begin with this belong to the store itself; the law never sees them.
const OWN_PREFIX: &[u8] = b"storage.";
/// The position the rows reflect, as a big-endian u64.
const POSITION_KEY: &[u8] = b"storage.position";
/// The position at which the rows were last replaced as a whole, as a big-endian u64.
const REPLACED_KEY: &[u8] = b"storage.replaced";
/// Most bytes one range or history read returns (4 MiB), so that a question for many large rows stays small. One row is
/// always returned.
const PAGE_BYTES: usize = 4 << 20;
/// Bytes of a history row before the command: the chain hash.
const HISTORY_HEADER: usize = 16;

/// A store that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed.
    #[error("the store cannot {what}: {source}")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The disk is full.
    #[error("the disk is full: the store cannot {what}; make room and start again")]
    NoSpace {
        /// What was tried.
        what: &'static str,
    },
    /// A write for a position below the one the store has.
    #[error("the store reflects position {applied} and cannot go back to {position}")]
    Backwards {
        /// What the store has.
        applied: Position,
        /// What was to be written.
        position: Position,
    },
    /// The contents are not what was written.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

/// Some rows of a [`View`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In the sequence of their tables and keys.
    pub rows: Vec<Row>,
    /// No rows follow.
    pub end: bool,
}

/// All rows as they were in one moment, whatever is written later. What it holds on to takes room on the disk, so it should
/// not live long.
pub trait View: Send {
    /// Position the rows reflect.
    fn position(&self) -> Position;

    /// Rows after a place, history included, the store's own facts not: as many as fit into so many bytes of keys and
    /// values, at least one if any is left.
    fn page(&self, after: Option<(Table, &[u8])>, max_bytes: usize) -> Result<Page, StoreError>;
}

/// Tables with the position they reflect. All calls block; all are safe from several threads.
pub trait Store: Send + Sync {
    /// Position the rows reflect; 0 for an empty store.
    fn applied(&self) -> Result<Position, StoreError>;

    /// All rows of some tables, by table as asked and then by key. Without the store's own facts.
    fn load(&self, tables: &[Table]) -> Result<Vec<Row>, StoreError>;

    /// Makes changes durable together with the position they lead to. Later changes of the same row win.
    fn write(&self, position: Position, changes: &[RowChange]) -> Result<(), StoreError>;

    /// Throws all rows away and puts others in their place, durably and in one step. Never goes back.
    fn replace(&self, position: Position, rows: &[Row]) -> Result<(), StoreError>;

    /// The position of the last [`Store::replace`]; 0 if there was none.
    fn replaced(&self) -> Result<Position, StoreError>;

    /// All rows as they are now.
    fn view(&self) -> Result<Box<dyn View>, StoreError>;

    /// One row's contents.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Rows of a table in the order of their keys, from a key on: at most `max`, and no more than a few megabytes.
    fn range(&self, table: Table, from: &[u8], max: usize) -> Result<Vec<Row>, StoreError>;

    /// Delivered entries, gapless from `from`: at most `max`, and no more than a few megabytes.
    fn history(&self, from: Position, max: usize) -> Result<Vec<Entry>, StoreError> {
        let rows = self.range(Table::History, &from.to_be_bytes(), max)?;
        let mut entries = Vec::with_capacity(rows.len());
        for (row, expected) in rows.into_iter().zip(from..) {
            let entry = history_entry(&row.key, row.value)?;
            if entry.position != expected {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Hash of the prefix of the log that ends at a position: known of the last one, whose hash stands in a row of its own; without
    /// such a row, out of the history. (A history's rows hold hashes over orders. They are the log's only where all of its entries
    /// are orders.)
    fn hash_at(&self, position: Position) -> Result<Option<ChainHash>, StoreError> {
        if position == 0 {
            return Ok(Some(ChainHash::EMPTY));
        }
        // Asked again afterwards: a write in between would make it the hash of another position.
        let before = self.applied()?;
        let hash = self.get(Table::Facts, HASH_KEY)?;
        let Some(hash) = hash else {
            let key = position.to_be_bytes();
            let row = self.get(Table::History, &key)?;
            return row.map(|value| Ok(history_entry(&key, value)?.hash)).transpose();
        };
        if before != position || self.applied()? != position {
            return Ok(None);
        }
        let hash = <[u8; 16]>::try_from(hash.as_slice());
        hash.map(|hash| Some(ChainHash(hash))).map_err(|_| StoreError::Damaged("its hash".into()))
    }
}

/// Reads a history row: key = position, value = chain hash and command.
fn history_entry(key: &[u8], value: Vec<u8>) -> Result<Entry, StoreError> {
    let position = <[u8; 8]>::try_from(key).map(u64::from_be_bytes);
    let (Ok(position), Some(hash)) = (position, value.first_chunk::<HISTORY_HEADER>()) else {
        return Err(StoreError::Damaged(format!("history row {key:02x?} is not one")));
    };
    let hash = ChainHash(*hash);
    Ok(Entry { position, hash, command: Bytes::from(value).slice(HISTORY_HEADER..) })
}

/// The history row of an entry.
pub fn history_row(entry: &Entry) -> RowChange {
    let mut value = Vec::with_capacity(HISTORY_HEADER + entry.command.len());
    value.extend_from_slice(&entry.hash.0);
    value.extend_from_slice(&entry.command);
    let key = entry.position.to_be_bytes().to_vec();
    RowChange { table: Table::History, key, value: Some(value) }
}
