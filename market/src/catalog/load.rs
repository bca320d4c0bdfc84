//! The state as rows, and back.

use serde::{Deserialize, Serialize};

use super::{Catalog, Limits};
use crate::chain::OrderChain;
use crate::codec::{decode, encode};
use crate::keys::Keys;
use crate::limits::MAX_ORDER_NUMBER;
use crate::order::OrderNumber;
use crate::outbox::Outbox;
use crate::rows::{CATALOG_FACTS, LoadError, Row, Table};
use crate::trade::WallTime;

/// Longest row of facts, in bytes: three numbers and a hash, with room.
const MAX_FACTS_BYTES: usize = 64;

/// What no other row tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    next_order: OrderNumber,
    next_decision: u64,
    chain: OrderChain,
    time: WallTime,
}

impl Facts {
    pub(super) fn row(&self) -> Row {
        let value = encode(self, MAX_FACTS_BYTES);
        Row { table: Table::Facts, key: CATALOG_FACTS.to_vec(), value }
    }

    fn load(row: Row) -> Result<Facts, LoadError> {
        match decode::<Facts>(&row.value, MAX_FACTS_BYTES) {
            Ok(facts) if facts.next_order.max(facts.next_decision) <= MAX_ORDER_NUMBER => Ok(facts),
            _ => Err(LoadError::row(row)),
        }
    }
}

impl Catalog {
    pub(super) fn facts(&self) -> Facts {
        Facts {
            next_order: self.outbox.next(),
            next_decision: self.keys.next(),
            chain: self.chain,
            time: self.time,
        }
    }

    /// The whole state as rows: what a store holds after all row changes so far. A fresh catalog has none.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        let facts = Some(self.facts()).filter(|facts| *facts != Facts::default());
        let facts = facts.map(|facts| facts.row());
        facts.into_iter().chain(self.shelf.rows()).chain(self.keys.rows()).chain(self.outbox.rows())
    }

    /// Reads the state back from rows, in any order. Facts of others and the history are passed over.
    pub fn load(rows: impl IntoIterator<Item = Row>) -> Result<Self, LoadError> {
        let mut catalog = Catalog::new().limited(Limits::default());
        let mut facts = Facts::default();
        let (mut keys, mut outbox) = (Vec::new(), Vec::new());
        for row in rows {
            match row.table {
                Table::Facts if row.key == CATALOG_FACTS => facts = Facts::load(row)?,
                Table::Listings => catalog.shelf.load(row)?,
                Table::Keys => keys.push(row),
                Table::Outbox => outbox.push(row),
                _ => {}
            }
        }
        catalog.keys = Keys::load(keys, facts.next_decision)?;
        catalog.outbox = Outbox::load(outbox, facts.next_order)?;
        catalog.chain = facts.chain;
        catalog.time = facts.time;
        Ok(catalog)
    }

    /// Hash of the whole state: equal on replicas that applied the same commands. Reads everything, so it is for tests and
    /// checks, not for every command.
    pub fn state_hash(&self) -> [u8; 16] {
        crate::rows::hash(self.rows())
    }
}
