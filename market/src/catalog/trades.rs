//! The decision about a trade: the one place where stock, key, number and order change together.

use std::collections::BTreeSet;

use super::Catalog;
use crate::codec::encode_order;
use crate::keys::{fingerprint, is_expired};
use crate::limits::MAX_ORDER_NUMBER;
use crate::name::Name;
use crate::order::Order;
use crate::rows::RowChange;
use crate::trade::{Decision, Trade, TradeRefusal};

impl Catalog {
    pub(super) fn trade_all(
        &mut self,
        position: u64,
        trades: &[Trade],
        changes: &mut Vec<RowChange>,
    ) -> Vec<Decision> {
        // A listing is written once per command, however often it was traded.
        let mut moved = BTreeSet::new();
        let decisions =
            trades.iter().map(|trade| self.trade(position, trade, &mut moved, changes)).collect();
        self.keys.close(self.time, changes);
        self.write_listings(&moved, changes);
        decisions
    }

    fn trade(
        &mut self,
        position: u64,
        trade: &Trade,
        moved: &mut BTreeSet<Name>,
        changes: &mut Vec<RowChange>,
    ) -> Decision {
        let fingerprint = fingerprint(trade);
        if let Some(known) = self.keys.recall(trade.key, fingerprint) {
            return known;
        }
        if is_expired(trade.born, self.time) {
            return Decision::Refused(TradeRefusal::KeyExpired);
        }
        if self.is_full() {
            return Decision::Refused(TradeRefusal::Overloaded);
        }
        match self.mint(position, trade, moved) {
            Ok(order) => {
                self.keys.remember_order(trade, fingerprint, order.number);
                self.keep(order.clone(), changes);
                Decision::Done(order)
            }
            Err(refusal) => {
                self.keys.remember_refusal(trade, fingerprint, refusal);
                Decision::Refused(refusal)
            }
        }
    }

    /// Nothing is decided that could not be remembered.
    fn is_full(&self) -> bool {
        self.keys.len() >= self.limits.keys
            || self.outbox.len() >= self.limits.outbox
            || self.outbox.next() >= MAX_ORDER_NUMBER
    }

    fn mint(
        &mut self,
        position: u64,
        trade: &Trade,
        moved: &mut BTreeSet<Name>,
    ) -> Result<Order, TradeRefusal> {
        let listing = self.shelf.trade(position, trade)?;
        if !moved.contains(&listing.name) {
            moved.insert(listing.name.clone());
        }
        Ok(Order {
            number: self.outbox.next(),
            key: trade.key,
            // The listing's own name: orders in memory share it, whatever message the trade came in.
            name: listing.name.clone(),
            side: trade.side,
            quantity: trade.quantity,
            unit_price: listing.price,
            decided_at: self.time,
        })
    }

    fn keep(&mut self, order: Order, changes: &mut Vec<RowChange>) {
        let encoded = encode_order(&order);
        self.chain = self.chain.extend(&encoded);
        self.outbox.push(order, encoded, changes);
    }
}
