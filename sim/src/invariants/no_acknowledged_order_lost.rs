//! Every acknowledged trade has its order, under the number its client was told, with what its client asked for.
//!
//! Source: SPEC.md section 1 ("a number, once a client has seen it, always answers with the same order, whatever crashed
//! since"); PROTOCOLS.md A.7, I5.

use super::{Broken, Evidence};

const NAME: &str = "no_acknowledged_order_lost";

/// Judges it.
pub fn judge(evidence: &Evidence<'_>) -> Result<(), Broken> {
    for (op, number) in evidence.history.acknowledged() {
        let trade = &op.trade;
        let Some(order) = evidence.orders().get(number as usize) else {
            return Err((NAME, format!("order {number} of {trade:?} is gone")));
        };
        let same = order.key == trade.key
            && order.name == trade.name
            && order.side == trade.side
            && order.quantity == trade.quantity;
        if !same {
            return Err((NAME, format!("{trade:?} was told {number}, which is {order:?}")));
        }
    }
    Ok(())
}
