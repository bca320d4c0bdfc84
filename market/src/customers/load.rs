//! The state as rows, and back.

use serde::{Deserialize, Serialize};

use super::account::{Owner, Side};
use super::keys::Keys;
use super::purchase::Purchase;
use super::{Customers, row};
use crate::limits::MAX_ORDER_NUMBER;
use crate::order::OrderNumber;
use crate::rows::{CUSTOMERS_FACTS, LoadError, Row, Table, number_key};
use crate::trade::WallTime;

/// What no other row tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    time: WallTime,
    next_purchase: u64,
    next_key: u64,
    told_below: OrderNumber,
}

impl Facts {
    pub(super) fn row(&self) -> Row {
        row::write(Table::Facts, CUSTOMERS_FACTS.to_vec(), self)
    }
}

impl Customers {
    pub(super) fn facts(&self) -> Facts {
        Facts {
            time: self.time,
            next_purchase: self.purchases.next(),
            next_key: self.keys.next(),
            told_below: self.told_below,
        }
    }

    /// The whole state as rows: what a store holds after all row changes so far. Without customers there are none.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        let facts = Some(self.facts()).filter(|facts| *facts != Facts::default());
        let facts = facts.map(|facts| facts.row());
        let sold = self.purchases.rows().chain(self.feedback.rows());
        let people = self.accounts.rows().chain(self.sessions.rows()).chain(self.carts.rows());
        facts.into_iter().chain(people).chain(sold).chain(self.keys.rows())
    }

    /// Reads the state back from rows, in any order. Facts and tables of others are passed over.
    pub fn load(rows: impl IntoIterator<Item = Row>) -> Result<Self, LoadError> {
        let mut customers = Customers::new();
        let mut facts = Facts::default();
        let mut keys = Vec::new();
        for row in rows {
            match row.table {
                Table::Facts if row.key == CUSTOMERS_FACTS => {
                    facts = row::read(&row).ok_or_else(|| LoadError::row(row))?;
                }
                Table::Accounts => customers.accounts.load(row)?,
                Table::Sessions => customers.sessions.load(row)?,
                Table::Carts | Table::SavedCarts => customers.carts.load(row)?,
                Table::Purchases => customers.purchases.load(row)?,
                Table::Feedback | Table::Ratings => customers.feedback.load(row)?,
                Table::Keys => keys.push(row),
                _ => {}
            }
        }
        if facts.next_key > MAX_ORDER_NUMBER {
            return Err(LoadError::row(facts.row()));
        }
        customers.keys = Keys::load(keys, facts.next_key)?;
        (customers.time, customers.told_below) = (facts.time, facts.told_below);
        customers.purchases.check(facts.next_purchase)?;
        customers.check()?;
        Ok(customers)
    }

    /// That no row speaks of what no other row tells.
    fn check(&self) -> Result<(), LoadError> {
        self.accounts.check()?;
        self.feedback.check()?;
        let account = |owner| self.accounts.get(owner).is_some();
        let buyer = |id| account(Owner { side: Side::Buyer, id });
        let (mut sessions, mut savers) = self.carts.owners();
        if let Some(id) = sessions.find(|id| self.sessions.get(*id).is_none()) {
            return Err(LoadError::contradiction(Table::Carts, id.0.to_vec()));
        }
        if let Some(id) = savers.find(|id| !buyer(*id)) {
            return Err(LoadError::contradiction(Table::SavedCarts, number_key(id)));
        }
        if let Some(id) = self.sessions.orphan(account) {
            return Err(LoadError::contradiction(Table::Sessions, id.0.to_vec()));
        }
        let known = |it: &&Purchase| buyer(it.buyer) && self.know_sellers(&it.lines).is_ok();
        match self.purchases.all().find(|it| !known(it)) {
            Some(it) => Err(LoadError::contradiction(Table::Purchases, number_key(it.buyer))),
            None => Ok(()),
        }
    }

    /// Hash of the whole state: equal on replicas that applied the same commands. Reads everything, so it is for tests and
    /// checks, not for every command.
    pub fn state_hash(&self) -> [u8; 16] {
        crate::rows::hash(self.rows())
    }
}
