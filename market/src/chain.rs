//! The chain hash over orders: equal hashes at equal numbers mean equal histories.

use serde::{Deserialize, Serialize};

/// Hash of all orders below some number: `blake3(previous || encoded order)`, cut to 16 bytes.
/// The same function as the replication log's, so an order replica's log hash is the chain hash of its orders.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderChain(pub [u8; 16]);

impl OrderChain {
    /// The chain of no orders.
    pub const EMPTY: OrderChain = OrderChain([0; 16]);

    /// The chain after one more order, given its canonical encoding ([`crate::codec::encode_order`]).
    pub fn extend(self, encoded: &[u8]) -> OrderChain {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(encoded);
        let mut out = [0; 16];
        out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        OrderChain(out)
    }
}

impl std::fmt::Debug for OrderChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Display for OrderChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
