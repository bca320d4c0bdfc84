//! What a gateway is told at its start.

use replication::time::Span;

/// Settings of one gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayConfig {
    /// Which gateway this is.
    pub id: u8,
    /// Ids of all order replicas.
    pub orders: Vec<u8>,
    /// Ids of all catalog replicas.
    pub catalogs: Vec<u8>,
    /// Listings kept in the cache at the most, exactly; 0 turns it off (then no lease is held either).
    pub cache_size: usize,
    /// Say [`crate::process::Event::Cache`] for everything the cache does.
    pub cache_events: bool,
    /// Propose a leader of the orders when there is none to rely on. Not where their group elects it itself: there a proposal would
    /// only take the register away from the replica that can lead.
    pub proposes_leaders: bool,
    /// Time between health checks of the order replicas.
    pub health_interval: Span,
    /// A client is answered after this long at the latest.
    pub request_deadline: Span,
}

impl GatewayConfig {
    /// The usual settings.
    pub fn new(id: u8, orders: Vec<u8>, catalogs: Vec<u8>) -> Self {
        GatewayConfig {
            id,
            orders,
            catalogs,
            cache_size: 5,
            cache_events: false,
            proposes_leaders: true,
            health_interval: Span::millis(500),
            request_deadline: Span::millis(5_000),
        }
    }
}
