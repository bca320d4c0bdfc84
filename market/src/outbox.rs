//! The outbox: orders that are not yet safe on two order disks, without a gap, up to the newest.

use std::collections::VecDeque;

use crate::codec::{decode_order, encode_order};
use crate::order::{Order, OrderNumber};
use crate::rows::{LoadError, Row, RowChange, Table, key_number, number_key};

/// Orders `first..next`, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outbox {
    first: OrderNumber,
    orders: VecDeque<Order>,
}

impl Outbox {
    /// First number still held, or the next number if nothing is.
    pub(crate) fn first(&self) -> OrderNumber {
        self.first
    }

    /// The number that the next order gets.
    pub(crate) fn next(&self) -> OrderNumber {
        self.first + self.orders.len() as u64
    }

    /// How many orders it holds.
    pub(crate) fn len(&self) -> usize {
        self.orders.len()
    }

    /// Takes the newest order; returns its encoding, which also went into the row change.
    pub(crate) fn push(&mut self, order: Order, encoded: Vec<u8>, changes: &mut Vec<RowChange>) {
        debug_assert_eq!(order.number, self.next(), "orders are numbered densely");
        changes.push(RowChange {
            table: Table::Outbox,
            key: number_key(order.number),
            value: Some(encoded),
        });
        self.orders.push_back(order);
    }

    /// Forgets everything below a number; a number out of range is brought into it, and nothing ever comes back.
    pub(crate) fn trim(&mut self, keep_from: OrderNumber, changes: &mut Vec<RowChange>) {
        let keep_from = keep_from.clamp(self.first, self.next());
        let gone = (keep_from - self.first) as usize;
        changes.extend(
            self.orders
                .drain(..gone)
                .map(|order| RowChange::remove_numbered(Table::Outbox, order.number)),
        );
        self.first = keep_from;
    }

    /// At most `max` orders from a number on; none if that number is not here.
    pub(crate) fn read(&self, from: OrderNumber, max: usize) -> impl Iterator<Item = &Order> {
        let start = from.checked_sub(self.first).map_or(usize::MAX, |skip| skip as usize);
        let start = start.min(self.orders.len());
        let end = start.saturating_add(max).min(self.orders.len());
        self.orders.range(start..end)
    }

    /// Every row of it.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> {
        self.orders.iter().map(|order| Row {
            table: Table::Outbox,
            key: number_key(order.number),
            value: encode_order(order),
        })
    }

    /// Reads it back from its rows, in any order, given the number of the next order.
    pub(crate) fn load(rows: Vec<Row>, next: OrderNumber) -> Result<Outbox, LoadError> {
        let mut orders = rows.into_iter().map(load_order).collect::<Result<Vec<_>, _>>()?;
        orders.sort_by_key(|order| order.number);
        let first = orders.first().map_or(next, |order| order.number);
        let mut expected = first;
        for found in orders.iter().map(|order| order.number).chain([next]) {
            if found != expected {
                return Err(LoadError::Gap { table: Table::Outbox, expected, found });
            }
            expected = expected.saturating_add(1);
        }
        Ok(Outbox { first, orders: orders.into() })
    }
}

fn load_order(row: Row) -> Result<Order, LoadError> {
    match decode_order(&row.value) {
        Ok(order) if key_number(&row.key) == Some(order.number) => Ok(order),
        _ => Err(LoadError::row(row)),
    }
}
