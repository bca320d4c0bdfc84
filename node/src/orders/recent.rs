//! Recent orders in memory: everything the store does not have yet, and some more, so that most reads need no disk.

use std::collections::VecDeque;

use market::order::{Order, OrderNumber};
use replication::contract::Position;

use crate::limits::RECENT_ORDERS;

/// A window of delivered orders that ends with the last one.
///
/// Invariant: every delivered order above the stored position is in the window.
#[derive(Debug)]
pub(super) struct Recent {
    first: OrderNumber,
    /// With the positions at which they were delivered.
    orders: VecDeque<(Position, Order)>,
    stored: Position,
}

impl Recent {
    /// An empty window after what the store reflects.
    pub(super) fn new(count: u64, stored: Position) -> Self {
        Recent { first: count, orders: VecDeque::new(), stored }
    }

    pub(super) fn push(&mut self, position: Position, order: Order) {
        self.orders.push_back((position, order));
        self.trim();
    }

    pub(super) fn stored(&mut self, position: Position) {
        self.stored = self.stored.max(position);
        self.trim();
    }

    /// How many orders the store has.
    pub(super) fn stored_orders(&self) -> u64 {
        let stored = self.orders.partition_point(|(position, _)| *position <= self.stored);
        self.first + stored as u64
    }

    pub(super) fn get(&self, number: OrderNumber) -> Option<&Order> {
        let offset = number.checked_sub(self.first)?;
        self.orders.get(usize::try_from(offset).ok()?).map(|(_, order)| order)
    }

    fn trim(&mut self) {
        let is_stored = |front: Option<&(Position, Order)>| {
            front.is_some_and(|(position, _)| *position <= self.stored)
        };
        while self.orders.len() > RECENT_ORDERS && is_stored(self.orders.front()) {
            self.orders.pop_front();
            self.first += 1;
        }
    }
}
