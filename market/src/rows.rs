//! Row changes: what the law tells the store. Keys and values are bytes; tables are named here.

use serde::{Deserialize, Serialize};

/// Tables of the stores. The number is the table's name on disk and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Table {
    /// Single facts of a group (counters, chain hash, time, the register). Key: a short text; the law's own are
    /// [`CATALOG_FACTS`], [`ORDERS_FACTS`] and [`CUSTOMERS_FACTS`].
    Facts = 1,
    /// Listings by name. In the store of an order replica: what was traded of each listing.
    Listings = 2,
    /// Idempotency keys by the ascending number of their decision (big-endian u64). One row holds the keys of consecutive
    /// decisions of one command, under the number of the first. (Of customers: one row, one key.)
    Keys = 3,
    /// Orders not yet safe on two order disks, by number (big-endian u64). Catalog only.
    Outbox = 4,
    /// History of delivered commands by position (big-endian u64). Orders only.
    History = 5,
    /// Accounts by kind (one byte) and id (big-endian u64). Customers only, as all that follow.
    Accounts = 6,
    /// Sessions by the hash of their token (32 bytes).
    Sessions = 7,
    /// Carts by their session (32 bytes).
    Carts = 8,
    /// Saved carts by buyer (big-endian u64).
    SavedCarts = 9,
    /// Purchases by buyer and by the number under which they were recorded (two big-endian u64).
    Purchases = 10,
    /// Feedback by buyer (big-endian u64) and item (category in one byte, big-endian u64).
    Feedback = 11,
    /// Thumbs of items by item (category in one byte, big-endian u64).
    Ratings = 12,
}

impl Table {
    /// All tables.
    pub const ALL: [Table; 12] = [
        Table::Facts,
        Table::Listings,
        Table::Keys,
        Table::Outbox,
        Table::History,
        Table::Accounts,
        Table::Sessions,
        Table::Carts,
        Table::SavedCarts,
        Table::Purchases,
        Table::Feedback,
        Table::Ratings,
    ];
}

/// Key of the catalog's row in [`Table::Facts`].
pub const CATALOG_FACTS: &[u8] = b"law";

/// Key of an order replica's row in [`Table::Facts`].
pub const ORDERS_FACTS: &[u8] = b"orders";

/// Key of the customers' row in [`Table::Facts`].
pub const CUSTOMERS_FACTS: &[u8] = b"customers";

/// One change of one row. Later changes of the same row win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// Which table.
    pub table: Table,
    /// Which row.
    pub key: Vec<u8>,
    /// New contents, or `None` to remove the row.
    pub value: Option<Vec<u8>>,
}

/// One row read back from a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which table.
    pub table: Table,
    /// Which row.
    pub key: Vec<u8>,
    /// Contents.
    pub value: Vec<u8>,
}

impl From<Row> for RowChange {
    fn from(row: Row) -> RowChange {
        RowChange { table: row.table, key: row.key, value: Some(row.value) }
    }
}

impl RowChange {
    /// Removes a row that a number names.
    pub(crate) fn remove_numbered(table: Table, number: u64) -> RowChange {
        RowChange { table, key: number_key(number), value: None }
    }
}

/// The key of a row that a number names: big-endian, so that rows stand in the order of their numbers.
pub fn number_key(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// The number that names a row, if its key is one.
pub fn key_number(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}

/// Hash of rows, given in the sequence that their state gives them in.
pub(crate) fn hash(rows: impl Iterator<Item = Row>) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for row in rows {
        hasher.update(&[row.table as u8]);
        hasher.update(&(row.key.len() as u64).to_be_bytes());
        hasher.update(&row.key);
        hasher.update(&(row.value.len() as u64).to_be_bytes());
        hasher.update(&row.value);
    }
    let mut out = [0; 16];
    out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    out
}

/// Why rows of a store are no state of the law: the store is damaged, or was written by something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// A row cannot be read.
    #[error("unreadable row {key:?} in table {table:?}")]
    Row {
        /// In which table.
        table: Table,
        /// Which one.
        key: Vec<u8>,
    },
    /// Numbered rows should follow one another without a gap and end where the facts say.
    #[error("table {table:?} should go on with number {expected}, but goes on with {found}")]
    Gap {
        /// In which table.
        table: Table,
        /// The number that should have come.
        expected: u64,
        /// The number that came, or that the facts name as the next one.
        found: u64,
    },
    /// Two decisions under one key.
    #[error("an idempotency key stands twice in the table of keys")]
    DuplicateKey,
    /// Two rows claim what only one may have, or one speaks of something that no other row tells.
    #[error("row {key:?} in table {table:?} contradicts another one")]
    Contradiction {
        /// In which table.
        table: Table,
        /// Which one.
        key: Vec<u8>,
    },
}

impl LoadError {
    /// The error for a row that cannot be read.
    pub(crate) fn row(row: Row) -> LoadError {
        LoadError::Row { table: row.table, key: row.key }
    }

    /// The error for a row that another one contradicts.
    pub(crate) fn contradiction(table: Table, key: Vec<u8>) -> LoadError {
        LoadError::Contradiction { table, key }
    }
}
