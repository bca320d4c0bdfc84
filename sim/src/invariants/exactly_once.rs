//! One key, at most one order; the same answer to every attempt; a refused trade changed nothing; a refusal was true.
//!
//! Source: SPEC.md section 1 (`Idempotency-Key`); DESIGN.md section 3; PROTOCOLS.md B.4.

use std::collections::BTreeMap;

use market::trade::{Key, TradeRefusal};

use super::{Broken, Evidence};
use crate::history::{TradeOp, TradeResult};

const NAME: &str = "exactly_once";

/// Judges it.
pub fn judge(evidence: &Evidence<'_>) -> Result<(), Broken> {
    let mut orders: BTreeMap<Key, u64> = BTreeMap::new();
    for order in evidence.orders() {
        if let Some(other) = orders.insert(order.key, order.number) {
            let detail = format!("{:?} is order {other} and order {}", order.key, order.number);
            return Err((NAME, detail));
        }
    }
    for op in &evidence.history.trades {
        let order = orders.get(&op.trade.key).copied();
        let wrong = match &op.result {
            TradeResult::Open => Some("was never answered".to_owned()),
            TradeResult::Done(_) if op.reuses_key => Some("took the key of another".to_owned()),
            TradeResult::Done(number) if order != Some(*number) => {
                Some(format!("was told {number}"))
            }
            TradeResult::Done(_) => None,
            TradeResult::Refused(refusal) => judge_refusal(evidence, op, *refusal, order),
        };
        if let Some(wrong) = wrong {
            return Err((NAME, format!("{op:?} {wrong}; its key has order {order:?}")));
        }
    }
    Ok(())
}

fn judge_refusal(
    evidence: &Evidence<'_>,
    op: &TradeOp,
    refusal: TradeRefusal,
    order: Option<u64>,
) -> Option<String> {
    let trade = &op.trade;
    let exists = evidence.listings.iter().any(|listing| listing.name == trade.name);
    let in_range = (1..=market::limits::MAX_QUANTITY).contains(&trade.quantity);
    let (true_one, nothing_done) = match refusal {
        TradeRefusal::KeyReused => return (!op.reuses_key).then(|| "reused no key".to_owned()),
        // The first attempt may have been decided in time.
        TradeRefusal::KeyExpired => return trade.born.is_none().then(|| "has no age".to_owned()),
        TradeRefusal::UnknownListing => (!exists, order.is_none()),
        TradeRefusal::QuantityOutOfRange => (!in_range, order.is_none()),
        TradeRefusal::InsufficientQuantity { available } => {
            (available < trade.quantity, order.is_none())
        }
        TradeRefusal::Overloaded => (false, order.is_none()),
    };
    (!(true_one && nothing_done)).then(|| format!("was refused: {refusal}"))
}
