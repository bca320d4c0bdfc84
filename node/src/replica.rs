//! What every replica does the same way: keep the chain hash of what its store reflects beside the rows.

use market::rows::{Row, RowChange, Table};
use replication::contract::ChainHash;

use crate::catalog::StartError;

/// Facts row that holds the chain hash at the stored position.
const HASH_KEY: &[u8] = b"chain";

/// The row that says what the log's chain hash is at the position the store reflects.
pub(crate) fn hash_row(hash: ChainHash) -> RowChange {
    RowChange { table: Table::Facts, key: HASH_KEY.to_vec(), value: Some(hash.0.to_vec()) }
}

/// The chain hash that the store's rows hold, if any.
pub(crate) fn stored_hash(rows: &[Row]) -> Result<Option<ChainHash>, StartError> {
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
