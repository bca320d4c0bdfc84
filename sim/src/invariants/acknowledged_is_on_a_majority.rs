//! Where the orders' group elects its leader and trades wait for it, a trade is acknowledged only once a replica has applied its order.
//!
//! Source: `ack = "in-sync"` of a group under Raft: a majority of the replicas' disks. What a replica of such a group applied is on a
//! majority, which is judged apart ([`super::applied_is_on_a_majority`]). Judged at the moment an orders leader answers.

use std::collections::BTreeMap;

use market::order::OrderNumber;
use market::rows::{RowChange, Table, key_number};
use node::message::{Outcome, TradeReply};
use replication::contract::{ChainHash, Position};

use super::Broken;

const NAME: &str = "acknowledged_is_on_a_majority";

/// Where in the group's log each order stands, as soon as any replica applied it. Epochs and the engine's own entries stand between
/// orders, so positions are not numbers.
#[derive(Default)]
pub struct Placed(BTreeMap<OrderNumber, (Position, ChainHash)>);

impl Placed {
    /// An order replica applied something.
    pub fn applied(&mut self, position: Position, hash: ChainHash, changes: &[RowChange]) {
        let history = changes.iter().filter(|row| row.table == Table::History);
        for counted in history.filter_map(|row| key_number(&row.key)) {
            self.0.entry(counted.saturating_sub(1)).or_insert((position, hash));
        }
    }

    /// The place of an order that was applied.
    pub fn of(&self, number: OrderNumber) -> Option<(Position, ChainHash)> {
        self.0.get(&number).copied()
    }

    /// An order replica answers trades.
    pub fn judge(&self, from: u8, replies: &[(u64, TradeReply)]) -> Result<(), Broken> {
        for (_, reply) in replies {
            if let TradeReply::Done(Outcome::Order(number)) = reply
                && self.of(*number).is_none()
            {
                let detail = format!("orders-{from} answers with {number}, which none applied");
                return Err((NAME, detail));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Placed;
    use market::rows::{RowChange, Table, number_key};
    use node::message::{Outcome, TradeReply};
    use replication::contract::ChainHash;

    #[test]
    fn an_order_that_no_replica_applied_is_seen() {
        let mut placed = Placed::default();
        let answer = |number| [(1, TradeReply::Done(Outcome::Order(number)))];
        assert!(placed.judge(1, &answer(0)).is_err());
        // The history counts from 1, and the log had another entry before.
        let (key, value) = (number_key(1), Some(vec![1]));
        placed.applied(2, ChainHash([7; 16]), &[RowChange { table: Table::History, key, value }]);
        assert_eq!(placed.of(0), Some((2, ChainHash([7; 16]))));
        assert!(placed.judge(1, &answer(0)).is_ok());
        assert!(placed.judge(1, &answer(1)).is_err());
    }
}
