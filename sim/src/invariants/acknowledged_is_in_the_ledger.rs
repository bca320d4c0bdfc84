//! A trade is acknowledged only once a catalog has applied the entry that made its order.
//!
//! Source: PROTOCOLS.md B.2 (the ack rule), B.4. What a catalog of a group applied is on a majority of its disks, which is judged apart
//! ([`super::applied_is_on_a_majority`]).

use market::rows::{RowChange, Table, key_number};
use node::message::{Outcome, TradeReply};

use super::Broken;

const NAME: &str = "acknowledged_is_in_the_ledger";

/// How far the catalogs came.
#[derive(Default)]
pub struct Ledger {
    /// The number after the highest order that any catalog applied.
    next: u64,
}

impl Ledger {
    /// A catalog applied something.
    pub fn applied(&mut self, changes: &[RowChange]) {
        let made = changes.iter().filter(|row| row.table == Table::Outbox && row.value.is_some());
        let highest = made.filter_map(|row| key_number(&row.key)).max();
        self.next = self.next.max(highest.map_or(0, |number| number + 1));
    }

    /// An order replica answers trades.
    pub fn judge(&self, from: u8, replies: &[(u64, TradeReply)]) -> Result<(), Broken> {
        for (_, reply) in replies {
            if let TradeReply::Done(Outcome::Order(number)) = reply
                && *number >= self.next
            {
                let next = self.next;
                return Err((
                    NAME,
                    format!("orders-{from} answers with {number}, the next one is {next}"),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Ledger;
    use market::rows::{RowChange, Table, number_key};
    use node::message::{Outcome, TradeReply};

    #[test]
    fn an_order_that_no_catalog_made_is_seen() {
        let mut ledger = Ledger::default();
        let answer = |number| [(1, TradeReply::Done(Outcome::Order(number)))];
        assert!(ledger.judge(1, &answer(0)).is_err());
        let (key, value) = (number_key(0), Some(vec![1]));
        ledger.applied(&[RowChange { table: Table::Outbox, key, value }]);
        assert!(ledger.judge(1, &answer(0)).is_ok());
        assert!(ledger.judge(1, &answer(1)).is_err());
    }
}
