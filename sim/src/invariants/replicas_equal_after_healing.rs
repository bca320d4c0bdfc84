//! After healing, every order replica holds the same orders, and as many as the catalog decided.
//!
//! Source: SPEC.md section 2 ("afterwards all replicas hold the same orders"); the agreement promise of
//! `replication::contract`; PROTOCOLS.md A.7, I2 (log matching).

use super::{Broken, Evidence};

const NAME: &str = "replicas_equal_after_healing";

/// Judges it.
pub fn judge(evidence: &Evidence<'_>) -> Result<(), Broken> {
    let chain = evidence.catalog.chain();
    let next = evidence.catalog.next_number();
    for replica in &evidence.replicas {
        let (count, known) = (replica.store.count(), replica.store.chain());
        if count != next || replica.orders.len() as u64 != next {
            let held = replica.orders.len();
            return Err((
                NAME,
                format!(
                    "orders-{} counts {count} and holds {held} orders, the catalog decided {next}",
                    replica.id
                ),
            ));
        }
        if known != chain {
            return Err((
                NAME,
                format!("orders-{} has chain {known:?}, the catalog {chain:?}", replica.id),
            ));
        }
        let differs = replica.orders.iter().zip(evidence.orders()).find(|(a, b)| a != b);
        if let Some((a, b)) = differs {
            return Err((
                NAME,
                format!("orders-{} holds {a:?}, another replica {b:?}", replica.id),
            ));
        }
    }
    Ok(())
}
