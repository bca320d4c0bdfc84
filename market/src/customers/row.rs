//! Rows of the customers: keys that name, values by postcard.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::decode;
use crate::limits::MAX_CUSTOMER_ROW_BYTES;
use crate::rows::{Row, Table};

/// A row with this value.
pub(super) fn write(table: Table, key: Vec<u8>, value: &impl Serialize) -> Row {
    let value = postcard::to_allocvec(value).expect("rows hold nothing that postcard cannot write");
    debug_assert!(value.len() <= MAX_CUSTOMER_ROW_BYTES, "{table:?} has rows within the limit");
    Row { table, key, value }
}

/// The value of a row, if it is one.
pub(super) fn read<T: DeserializeOwned>(row: &Row) -> Option<T> {
    decode(&row.value, MAX_CUSTOMER_ROW_BYTES).ok()
}
