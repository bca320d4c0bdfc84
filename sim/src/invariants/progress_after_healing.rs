//! After healing, everything that was asked is answered and every replica is level, within a bound.
//!
//! Source: PROTOCOLS.md E.3 ("heal all faults, then every pending client op completes and all replicas converge within
//! 30 simulated s").

use market::catalog::Catalog;
use market::orders::Orders;

use crate::world::disk::Disk;

/// The property.
pub const NAME: &str = "progress_after_healing";

/// How long after healing everything must be done, in µs.
pub const WITHIN: u64 = 30_000_000;

/// The number that the next order would get, as the catalog's store has it.
pub fn next_number(catalog: &Disk) -> Option<u64> {
    Catalog::load(catalog.rows()).ok().map(|catalog| catalog.next_number())
}

/// How many orders an order replica's store has.
pub fn orders_held(orders: &Disk) -> Option<u64> {
    Orders::load(orders.rows()).ok().map(|orders| orders.count())
}
