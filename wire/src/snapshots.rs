//! Snapshots on their way from a leader to a peer that misses more than the log holds.

use market::rows::{Row, Table};
use node::message::{SnapshotPart, SnapshotTaken};

use crate::convert::{each, no_longer, out_of_range};
use crate::error::DecodeError;
use crate::limits::{MAX_ROW_KEY_BYTES, MAX_ROW_VALUE_BYTES, MAX_ROWS};
use crate::v1;

fn decode_table(number: u32) -> Result<Table, DecodeError> {
    let found = Table::ALL.into_iter().find(|table| u32::from(*table as u8) == number);
    found.ok_or_else(|| out_of_range("table", number))
}

impl From<Row> for v1::Row {
    fn from(row: Row) -> Self {
        v1::Row { table: u32::from(row.table as u8), key: row.key, value: row.value }
    }
}

impl TryFrom<v1::Row> for Row {
    type Error = DecodeError;

    fn try_from(row: v1::Row) -> Result<Self, DecodeError> {
        no_longer(row.key.len(), MAX_ROW_KEY_BYTES, "a row's key")?;
        no_longer(row.value.len(), MAX_ROW_VALUE_BYTES, "a row")?;
        Ok(Row { table: decode_table(row.table)?, key: row.key, value: row.value })
    }
}

impl From<SnapshotPart> for v1::SnapshotPart {
    fn from(part: SnapshotPart) -> Self {
        v1::SnapshotPart {
            transfer: part.transfer,
            part: part.part,
            rows: part.rows.into_iter().map(Into::into).collect(),
            end: part.end.map(Into::into),
        }
    }
}

impl TryFrom<v1::SnapshotPart> for SnapshotPart {
    type Error = DecodeError;

    fn try_from(part: v1::SnapshotPart) -> Result<Self, DecodeError> {
        Ok(SnapshotPart {
            transfer: part.transfer,
            part: part.part,
            rows: each(part.rows, MAX_ROWS, "rows", Row::try_from)?,
            end: part.end.map(TryInto::try_into).transpose()?,
        })
    }
}

impl From<SnapshotTaken> for v1::SnapshotTaken {
    fn from(taken: SnapshotTaken) -> Self {
        v1::SnapshotTaken { transfer: taken.transfer, next: taken.next }
    }
}

impl From<v1::SnapshotTaken> for SnapshotTaken {
    fn from(taken: v1::SnapshotTaken) -> Self {
        SnapshotTaken { transfer: taken.transfer, next: taken.next }
    }
}
