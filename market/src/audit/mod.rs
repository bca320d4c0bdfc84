//! The audit: do the order replicas agree, and do catalog and orders add up to the last unit?
//!
//! Pure functions over what was read from stores or asked of running services. An order replica that lags behind is not
//! wrong: what it misses is in the catalog's outbox, so it is brought level here, and then compared like the others.

mod check;
mod finding;
mod report;
mod scan;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use check::audit;
pub use finding::{Fault, Finding, Severity};
pub use report::{CatalogLine, ReplicaLine, Report};
pub use scan::OrderScan;

use crate::catalog::Catalog;
use crate::chain::OrderChain;
use crate::listing::Listing;
use crate::name::Name;
use crate::order::{Order, OrderNumber};
use crate::orders::{Orders, Totals};

/// What the audit needs to know of the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogSide {
    /// All listings with their counters.
    pub listings: Vec<Listing>,
    /// The number that the next order gets.
    pub next: OrderNumber,
    /// Chain hash over all orders decided.
    pub chain: OrderChain,
    /// First number in the outbox, or `next`.
    pub outbox_first: OrderNumber,
    /// The outbox, gapless from its first number up to `next`.
    pub outbox: Vec<Order>,
}

impl CatalogSide {
    /// Takes it from a catalog.
    pub fn of(catalog: &Catalog) -> Self {
        CatalogSide {
            listings: catalog.listings().cloned().collect(),
            next: catalog.next_number(),
            chain: catalog.chain(),
            outbox_first: catalog.outbox_first(),
            outbox: catalog.outbox(catalog.outbox_first(), usize::MAX).cloned().collect(),
        }
    }
}

/// What the audit needs to know of one order replica: made by [`OrderScan::finish`], or from what the replica says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrdersSide {
    /// Which replica.
    pub id: u8,
    /// How many orders it holds.
    pub count: u64,
    /// Chain hashes at some counts, with the one at `count` among them; replicas are compared wherever they share a count.
    pub chains: BTreeMap<u64, OrderChain>,
    /// What was traded of each listing.
    pub totals: BTreeMap<Name, Totals>,
    /// What is wrong with its orders in themselves, the first ones of it.
    pub faults: Vec<Fault>,
    /// How many faults there are in all.
    pub fault_count: u64,
}

impl OrdersSide {
    /// Takes a replica at its word: its counters, without a look at the orders themselves.
    pub fn of(id: u8, orders: &Orders) -> Self {
        OrdersSide {
            id,
            count: orders.count(),
            chains: BTreeMap::from([(orders.count(), orders.chain())]),
            totals: orders.totals().map(|(name, totals)| (name.clone(), totals)).collect(),
            faults: Vec::new(),
            fault_count: 0,
        }
    }
}
