//! Catalog and orders add up to the last unit: every movement of stock has exactly one order.
//!
//! Source: PROTOCOLS.md B.5 (the audit); DESIGN.md section 3. The judge is the audit that ships.

use market::audit::{CatalogSide, OrdersSide, audit};

use super::{Broken, Evidence};

const NAME: &str = "catalog_and_orders_add_up";

/// Judges it.
pub fn judge(evidence: &Evidence<'_>) -> Result<(), Broken> {
    let catalog = CatalogSide::of(&evidence.catalog);
    let replicas: Vec<OrdersSide> =
        evidence.replicas.iter().map(|replica| replica.scan.clone().finish(replica.id)).collect();
    let report = audit(Some(&catalog), &replicas);
    if !report.is_sound() {
        return Err((NAME, format!("{report:?}")));
    }
    for first in evidence.listings {
        let Some(now) = evidence.catalog.listing(&first.name) else {
            return Err((NAME, format!("listing {} is gone", first.name)));
        };
        let given = u128::from(now.initial) + u128::from(now.restocked) + u128::from(now.sold);
        let same = now.initial == first.quantity && now.price == first.price;
        if !same || given != u128::from(now.quantity) + u128::from(now.bought) {
            return Err((NAME, format!("{now:?} does not follow from {first:?}")));
        }
    }
    Ok(())
}
