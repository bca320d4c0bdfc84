//! What an orders group agrees on: orders and, where the group elects its own leader, the epochs in which they were asked for.
//!
//! An order is written as itself, so a log without epochs is what it always was. An epoch begins like a number with a needless
//! byte, which no order does: [`decode_order`] refuses it.

use market::codec::{CodecError, decode_order, encode_order};
use market::order::Order;
use market::rows::{Row, RowChange, Table};
use replication::contract::{Command as Bytes, Epoch};

use crate::catalog::StartError;

/// How an epoch begins.
const REIGN: [u8; 2] = [0x80, 0x00];

/// Facts row that holds the last epoch of the log.
const REIGN_KEY: &[u8] = b"reign";

/// One entry of an orders group's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The next order.
    Order(Order),
    /// The group's leader asks the catalog for trades in this epoch of the register from now on. Whoever reads it later knows
    /// that the epoch was used, and that the register has reached it.
    Reign(Epoch),
}

impl Command {
    /// Bytes for the log.
    pub fn encode(&self) -> Bytes {
        match self {
            Command::Order(order) => encode_order(order).into(),
            Command::Reign(epoch) => [&REIGN[..], &epoch.to_be_bytes()].concat().into(),
        }
    }

    /// A command from the log. (An engine's own entries are empty, and none.)
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        match bytes.split_first_chunk() {
            Some((&REIGN, epoch)) => {
                let epoch = epoch.try_into().map_err(|_| CodecError::Malformed)?;
                Ok(Command::Reign(Epoch::from_be_bytes(epoch)))
            }
            _ => decode_order(bytes).map(Command::Order),
        }
    }
}

/// The row that says which epoch the log reached at the position the store reflects.
pub(super) fn reign_row(epoch: Epoch) -> RowChange {
    let value = Some(epoch.to_be_bytes().to_vec());
    RowChange { table: Table::Facts, key: REIGN_KEY.to_vec(), value }
}

/// The epoch that the store's rows hold; 0 if there was none.
pub(super) fn stored_reign(rows: &[Row]) -> Result<Epoch, StartError> {
    let row = rows.iter().find(|row| row.table == Table::Facts && row.key == REIGN_KEY);
    let Some(row) = row else { return Ok(0) };
    let epoch = row.value.as_slice().try_into().map(Epoch::from_be_bytes);
    epoch.map_err(|_| StartError::UnreadableRow { table: Table::Facts, key: "reign" })
}
