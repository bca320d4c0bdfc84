//! Row changes: what the law tells the store. Keys and values are bytes; tables are named here.

use serde::{Deserialize, Serialize};

/// Tables of the stores. The number is the table's name on disk and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Table {
    /// Single facts of a group (counters, chain hash, time, the register). Key: a short text.
    Facts = 1,
    /// Listings by name.
    Listings = 2,
    /// Idempotency keys by the ascending number of their decision (big-endian u64).
    Keys = 3,
    /// Orders not yet safe on two order disks, by number (big-endian u64). Catalog only.
    Outbox = 4,
    /// History of delivered commands by position (big-endian u64). Orders only.
    History = 5,
}

impl Table {
    /// All tables.
    pub const ALL: [Table; 5] =
        [Table::Facts, Table::Listings, Table::Keys, Table::Outbox, Table::History];
}

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
