//! A term of a group that elects its leader has at most one leader, for ever.
//!
//! Source: Ongaro and Ousterhout, "In search of an understandable consensus algorithm" (2014), section 5.2, Election
//! Safety. Judged whenever a replica says that it leads, to its own node or to others, and whenever it sends what only a leader
//! of that term may send.

use node::service::ServiceKind;

use super::one_leader_per_epoch::Leaders;

/// Nobody was seen to lead yet.
pub fn leaders(kind: ServiceKind) -> Leaders {
    Leaders::new(match kind {
        ServiceKind::Catalog => "one_catalog_leader_per_term",
        _ => "one_orders_leader_per_term",
    })
}
