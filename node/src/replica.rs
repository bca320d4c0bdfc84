//! What every replica does the same way: keep beside the rows what the log and the engine need to know of the state they are: the
//! chain hash, and the engine's mark.

use bytes::Bytes;
use market::rows::{Row, RowChange, Table};
use replication::contract::ChainHash;

use crate::catalog::StartError;

/// Facts row that holds the chain hash at the stored position.
pub const HASH_KEY: &[u8] = b"chain";

/// Facts row that holds the engine's mark at the stored position.
const MARK_KEY: &[u8] = b"mark";

/// The row that says what the log's chain hash is at the position the store reflects.
pub(crate) fn hash_row(hash: ChainHash) -> RowChange {
    RowChange { table: Table::Facts, key: HASH_KEY.to_vec(), value: Some(hash.0.to_vec()) }
}

/// The chain hash that the store's rows hold, if any.
pub fn stored_hash(rows: &[Row]) -> Result<Option<ChainHash>, StartError> {
    let row = rows.iter().find(|row| row.table == Table::Facts && row.key == HASH_KEY);
    row.map(|row| {
        let bytes: [u8; 16] = row
            .value
            .as_slice()
            .try_into()
            .map_err(|_| StartError::UnreadableRow { table: Table::Facts, key: "chain" })?;
        Ok(ChainHash(bytes))
    })
    .transpose()
}

/// The row that says what the engine must find again beside a store that reflects this position.
pub(crate) fn mark_row(mark: &Bytes) -> RowChange {
    RowChange { table: Table::Facts, key: MARK_KEY.to_vec(), value: Some(mark.to_vec()) }
}

/// The engine's mark that the store's rows hold, if any.
pub(crate) fn stored_mark(rows: &[Row]) -> Option<Bytes> {
    let row = rows.iter().find(|row| row.table == Table::Facts && row.key == MARK_KEY);
    row.map(|row| Bytes::copy_from_slice(&row.value))
}
