//! What must always hold. One file per property; each names where the property comes from.
//!
//! Some are judged while a world runs (see [`crate::watch`]), the others at its end, from what clients saw and from what
//! the disks hold.

pub mod acknowledged_is_in_sync;
pub mod acknowledged_is_in_the_ledger;
pub mod acknowledged_is_on_a_majority;
pub mod an_epoch_has_one_life;
pub mod applied_is_on_a_majority;
pub mod catalog_and_orders_add_up;
pub mod catalogs_equal_after_healing;
pub mod exactly_once;
pub mod no_acknowledged_order_lost;
pub mod no_stale_read;
pub mod numbers_dense_and_unique;
pub mod one_leader_per_epoch;
pub mod one_leader_per_term;
pub mod one_register;
pub mod orders_never_vanish;
pub mod progress_after_healing;
pub mod replicas_agree;
pub mod replicas_equal_after_healing;
pub mod trimmed_is_on_two_disks;

use std::fmt;

use market::audit::OrderScan;
use market::catalog::Catalog;
use market::listing::NewListing;
use market::order::Order;
use market::orders::Orders;
use market::rows::number_key;

use crate::history::History;
use crate::scenario::Scenario;
use crate::world::disk::Disk;

/// A property that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which property.
    pub invariant: &'static str,
    /// When it was seen, in µs of virtual time.
    pub at: u64,
    /// What was seen.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} ms: {}", self.invariant, self.at / 1_000, self.detail)
    }
}

/// A property that did not hold, and what was seen.
pub type Broken = (&'static str, String);

/// What one order replica holds at the end.
pub struct Replica {
    /// Its id.
    pub id: u8,
    /// Its orders, from its history.
    pub orders: Vec<Order>,
    /// Its counters, from its store.
    pub store: Orders,
    /// The audit's view of its history.
    pub scan: OrderScan,
}

/// Everything that is judged at the end.
pub struct Evidence<'a> {
    /// What clients saw.
    pub history: &'a History,
    /// The catalog, from its store.
    pub catalog: Catalog,
    /// The order replicas.
    pub replicas: Vec<Replica>,
    /// The first catalog.
    pub listings: &'a [NewListing],
    /// Restocks happen in this world.
    pub restocks: bool,
}

impl Evidence<'_> {
    /// The orders, from the first replica (all are equal, which is judged first).
    pub fn orders(&self) -> &[Order] {
        self.replicas.first().map_or(&[], |replica| &replica.orders)
    }
}

/// A few numbers about a sound world.
pub struct Digest {
    /// To compare two runs of one seed.
    pub words: Vec<u64>,
    /// Units added by restocks, over all listings.
    pub restocks: u64,
    /// Orders made.
    pub orders: u64,
}

/// Disks at the end of a world, by id.
pub struct Ends<'a> {
    /// Of the catalogs that belong to the group.
    pub catalogs: Vec<(u8, &'a Disk)>,
    /// Of the order replicas.
    pub orders: Vec<(u8, &'a Disk)>,
}

/// Judges the end of a world.
pub fn judge(history: &History, ends: &Ends<'_>, scenario: &Scenario) -> Result<Digest, Broken> {
    catalogs_equal_after_healing::judge(ends)?;
    let evidence = gather(history, ends, scenario)?;
    replicas_equal_after_healing::judge(&evidence)?;
    numbers_dense_and_unique::judge(&evidence)?;
    catalog_and_orders_add_up::judge(&evidence)?;
    no_acknowledged_order_lost::judge(&evidence)?;
    exactly_once::judge(&evidence)?;
    orders_never_vanish::judge(&evidence)?;
    no_stale_read::judge(&evidence)?;
    let hash = evidence.catalog.state_hash();
    let half = |range: std::ops::Range<usize>| {
        hash[range].iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte))
    };
    Ok(Digest {
        words: vec![half(0..8), half(8..16)],
        restocks: evidence.catalog.listings().map(|listing| listing.restocked).sum(),
        orders: evidence.catalog.next_number(),
    })
}

fn gather<'a>(
    history: &'a History,
    ends: &Ends<'_>,
    scenario: &'a Scenario,
) -> Result<Evidence<'a>, Broken> {
    const NAME: &str = "stores_can_be_read";
    // They are equal, which was judged first.
    let (_, catalog) =
        ends.catalogs.first().ok_or_else(|| (NAME, "there is no catalog".to_owned()))?;
    let catalog = Catalog::load(catalog.rows()).map_err(|why| (NAME, format!("catalog: {why}")))?;
    let mut replicas = Vec::new();
    for (id, disk) in &ends.orders {
        replicas.push(read_replica(disk, *id, &catalog).map_err(|why| (NAME, why))?);
    }
    Ok(Evidence {
        history,
        catalog,
        replicas,
        listings: &scenario.listings,
        restocks: scenario.restock.is_some(),
    })
}

fn read_replica(disk: &Disk, id: u8, catalog: &Catalog) -> Result<Replica, String> {
    let store = Orders::load(disk.rows()).map_err(|why| format!("orders-{id}: {why}"))?;
    let mut scan = OrderScan::new([catalog.outbox_first()]);
    let mut orders = Vec::new();
    for entry in disk.read_history(1, usize::MAX) {
        let mut value = entry.hash.0.to_vec();
        value.extend_from_slice(&entry.command);
        scan.feed_row(&number_key(entry.position), &value);
        let order = market::codec::decode_order(&entry.command)
            .map_err(|why| format!("orders-{id}, position {}: {why}", entry.position))?;
        orders.push(order);
    }
    Ok(Replica { id, orders, store, scan })
}
