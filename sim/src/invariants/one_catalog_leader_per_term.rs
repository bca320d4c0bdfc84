//! A term of the catalog's group has at most one leader, for ever.
//!
//! Source: Ongaro and Ousterhout, "In search of an understandable consensus algorithm" (2014), section 5.2, Election
//! Safety. Judged whenever a catalog says that it leads, to its own node or to others, and whenever it sends what only a leader
//! of that term may send.

use super::one_leader_per_epoch::Leaders;

const NAME: &str = "one_catalog_leader_per_term";

/// Nobody was seen to lead yet.
pub fn leaders() -> Leaders {
    Leaders::new(NAME)
}
