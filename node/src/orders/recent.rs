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
    orders: VecDeque<Order>,
    stored: Position,
}

impl Recent {
    /// An empty window after what the store reflects.
    pub(super) fn new(stored: Position) -> Self {
        Recent { first: stored, orders: VecDeque::new(), stored }
    }

    pub(super) fn push(&mut self, order: Order) {
        self.orders.push_back(order);
        self.trim();
    }

    pub(super) fn stored(&mut self, position: Position) {
        self.stored = self.stored.max(position);
        self.trim();
    }

    pub(super) fn get(&self, number: OrderNumber) -> Option<&Order> {
        let offset = number.checked_sub(self.first)?;
        self.orders.get(usize::try_from(offset).ok()?)
    }

    fn trim(&mut self) {
        while self.orders.len() > RECENT_ORDERS && self.first < self.stored {
            self.orders.pop_front();
            self.first += 1;
        }
    }
}
