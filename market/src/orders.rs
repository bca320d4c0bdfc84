//! The law of an order replica: it takes orders in the order of their numbers, and keeps count.
//!
//! The orders themselves are in the store's history; in memory are only their number, their chain hash, and what was
//! traded of each listing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chain::OrderChain;
use crate::codec::{decode, encode};
use crate::name::Name;
use crate::order::{Order, OrderNumber};
pub use crate::rows::LoadError;
use crate::rows::{ORDERS_FACTS, Row, RowChange, Table, number_key};
use crate::trade::Side;

/// Longest row of facts or totals, in bytes: two numbers and a hash, with room.
const MAX_ROW_BYTES: usize = 64;

/// What was traded of one listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Units that clients bought.
    pub bought: u64,
    /// Units that clients sold.
    pub sold: u64,
}

impl Totals {
    /// The totals with one more order; `None` if they would overflow.
    pub(crate) fn with(self, order: &Order) -> Option<Totals> {
        let Totals { bought, sold } = self;
        match order.side {
            Side::Buy => Some(Totals { bought: bought.checked_add(order.quantity)?, sold }),
            Side::Sell => Some(Totals { bought, sold: sold.checked_add(order.quantity)? }),
        }
    }
}

/// Why an order replica cannot take an order. Never happens while catalog and replication keep their promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrdersError {
    /// Numbers are dense: this is not the one that comes next.
    #[error("order {found} came, order {expected} comes next")]
    NotNext {
        /// The number that comes next.
        expected: OrderNumber,
        /// The number that came.
        found: OrderNumber,
    },
    /// More than 2^64 units of one listing, or 2^64 orders.
    #[error("a counter would overflow")]
    Overflow,
}

/// What an order replica knows about all its orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    facts: Facts,
    totals: BTreeMap<Name, Totals>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Facts {
    count: u64,
    chain: OrderChain,
}

impl Orders {
    /// No orders.
    pub fn new() -> Self {
        Orders::default()
    }

    /// Reads it back from facts and totals, in any order; other rows are passed over.
    pub fn load(rows: impl IntoIterator<Item = Row>) -> Result<Self, LoadError> {
        let mut orders = Orders::new();
        for row in rows {
            match row.table {
                Table::Facts if row.key == ORDERS_FACTS => {
                    orders.facts =
                        decode(&row.value, MAX_ROW_BYTES).map_err(|_| LoadError::row(row))?;
                }
                Table::Listings => orders.load_totals(row)?,
                _ => {}
            }
        }
        Ok(orders)
    }

    fn load_totals(&mut self, row: Row) -> Result<(), LoadError> {
        let name = std::str::from_utf8(&row.key).ok().and_then(|text| Name::new(text).ok());
        match (name, decode(&row.value, MAX_ROW_BYTES)) {
            (Some(name), Ok(totals)) => _ = self.totals.insert(name, totals),
            _ => return Err(LoadError::row(row)),
        }
        Ok(())
    }

    /// Takes the next order, given its encoding. On an error nothing changes.
    pub fn apply(
        &mut self,
        order: &Order,
        encoded: &[u8],
        changes: &mut Vec<RowChange>,
    ) -> Result<(), OrdersError> {
        let Facts { count, chain } = self.facts;
        if order.number != count {
            return Err(OrdersError::NotNext { expected: count, found: order.number });
        }
        let count = count.checked_add(1).ok_or(OrdersError::Overflow)?;
        let before = self.totals.get(&order.name).copied().unwrap_or_default();
        let totals = before.with(order).ok_or(OrdersError::Overflow)?;
        match self.totals.get_mut(&order.name) {
            Some(known) => *known = totals,
            None => _ = self.totals.insert(order.name.clone(), totals),
        }
        self.facts = Facts { count, chain: chain.extend(encoded) };
        changes.push(history_row(count, self.facts.chain, encoded).into());
        changes.push(totals_row(&order.name, &totals).into());
        changes.push(facts_row(&self.facts).into());
        Ok(())
    }

    /// How many orders there are; also the number that comes next.
    pub fn count(&self) -> u64 {
        self.facts.count
    }

    /// Chain hash over them.
    pub fn chain(&self) -> OrderChain {
        self.facts.chain
    }

    /// What was traded, by name.
    pub fn totals(&self) -> impl Iterator<Item = (&Name, Totals)> {
        self.totals.iter().map(|(name, totals)| (name, *totals))
    }

    /// The whole state as rows, without the history. A fresh replica has none.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        let facts = (self.facts.count > 0).then(|| facts_row(&self.facts));
        facts.into_iter().chain(self.totals.iter().map(|(name, totals)| totals_row(name, totals)))
    }
}

/// The history's row at a position: the chain hash up to it, then the order's encoding.
pub fn history_row(position: u64, chain: OrderChain, encoded: &[u8]) -> Row {
    let mut value = Vec::with_capacity(chain.0.len() + encoded.len());
    value.extend(chain.0);
    value.extend(encoded);
    Row { table: Table::History, key: number_key(position), value }
}

/// Takes the value of a history row apart: chain hash and the order's encoding.
pub fn split_history(value: &[u8]) -> Option<(OrderChain, &[u8])> {
    value.split_first_chunk().map(|(chain, encoded)| (OrderChain(*chain), encoded))
}

fn facts_row(facts: &Facts) -> Row {
    let value = encode(facts, MAX_ROW_BYTES);
    Row { table: Table::Facts, key: ORDERS_FACTS.to_vec(), value }
}

fn totals_row(name: &Name, totals: &Totals) -> Row {
    let value = encode(totals, MAX_ROW_BYTES);
    Row { table: Table::Listings, key: name.as_str().as_bytes().to_vec(), value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encode_order;
    use crate::money::Price;
    use crate::trade::{Key, WallTime};

    fn order(number: OrderNumber, quantity: u64) -> Order {
        Order {
            number,
            key: Key(u128::from(number)),
            name: Name::new("Tux").unwrap(),
            side: Side::Buy,
            quantity,
            unit_price: Price::default(),
            decided_at: WallTime(0),
        }
    }

    fn apply(orders: &mut Orders, order: &Order) -> Result<Vec<RowChange>, OrdersError> {
        let mut changes = Vec::new();
        orders.apply(order, &encode_order(order), &mut changes).map(|()| changes)
    }

    #[test]
    fn only_the_next_number_is_taken() {
        let mut orders = Orders::new();
        apply(&mut orders, &order(0, 1)).unwrap();
        let before = orders.clone();
        for found in [0, 2, u64::MAX] {
            let refused = OrdersError::NotNext { expected: 1, found };
            assert_eq!(apply(&mut orders, &order(found, 1)), Err(refused));
        }
        assert_eq!(orders, before);
    }

    #[test]
    fn a_counter_that_would_overflow_changes_nothing() {
        let mut orders = Orders::new();
        apply(&mut orders, &order(0, u64::MAX)).unwrap();
        let before = orders.clone();
        assert_eq!(apply(&mut orders, &order(1, 1)), Err(OrdersError::Overflow));
        assert_eq!(orders, before);
    }

    #[test]
    fn the_history_holds_chain_and_order_at_the_position_after_the_number() {
        let mut orders = Orders::new();
        let order = order(0, 7);
        let changes = apply(&mut orders, &order).unwrap();
        assert_eq!((changes[0].table, &changes[0].key), (Table::History, &number_key(1)));
        let (chain, encoded) = split_history(changes[0].value.as_deref().unwrap()).unwrap();
        assert_eq!((chain, encoded), (orders.chain(), &encode_order(&order)[..]));
        assert_eq!(split_history(&[0; 15]), None);
    }
}
