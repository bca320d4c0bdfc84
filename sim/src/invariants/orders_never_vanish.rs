//! A look at an order shows the order as it is for ever; "no such order" is only said while nobody can know of it.
//!
//! Source: SPEC.md section 1 (`GET /orders/<n>`); PROTOCOLS.md A.6 (found orders anywhere, "not found" only at the leader,
//! after a read of the catalog).

use super::{Broken, Evidence};

const NAME: &str = "orders_never_vanish";

/// Judges it.
pub fn judge(evidence: &Evidence<'_>) -> Result<(), Broken> {
    let orders = evidence.orders();
    // Numbers are dense: whoever knows of a number knows of all below it.
    let mut known: Vec<(u64, u64)> = evidence
        .history
        .acknowledged()
        .map(|(op, number)| (op.ended, number))
        .chain(
            evidence
                .history
                .orders
                .iter()
                .filter(|op| op.order.is_some())
                .map(|op| (op.ended, op.number)),
        )
        .collect();
    known.sort_unstable();
    let highest = super::no_stale_read::running_max(&known);
    for op in &evidence.history.orders {
        let Some(found) = &op.order else {
            let count = known.partition_point(|(at, _)| *at < op.began);
            if count > 0 && highest[count - 1] >= op.number {
                return Err((NAME, format!("{op:?}, but {} was known", highest[count - 1])));
            }
            continue;
        };
        if orders.get(op.number as usize) != Some(found) {
            let truth = orders.get(op.number as usize);
            return Err((NAME, format!("a client saw {found:?}, in the end it is {truth:?}")));
        }
    }
    Ok(())
}
