//! Order numbers start at 0, have no gap, and no two trades have the same one.
//!
//! Source: SPEC.md section 1 ("unique, dense, start at 0"); PROTOCOLS.md A.7, I6.

use std::collections::BTreeMap;

use super::{Broken, Evidence};

const NAME: &str = "numbers_dense_and_unique";

/// Judges it.
pub fn judge(evidence: &Evidence<'_>) -> Result<(), Broken> {
    for replica in &evidence.replicas {
        for (order, expected) in replica.orders.iter().zip(0..) {
            if order.number != expected {
                return Err((
                    NAME,
                    format!("orders-{} has {} at {expected}", replica.id, order.number),
                ));
            }
        }
    }
    let mut keys = BTreeMap::new();
    for (op, number) in evidence.history.acknowledged() {
        let key = *keys.entry(number).or_insert(op.trade.key);
        if key != op.trade.key {
            return Err((
                NAME,
                format!("number {number} was told to {key:?} and to {:?}", op.trade.key),
            ));
        }
    }
    Ok(())
}
