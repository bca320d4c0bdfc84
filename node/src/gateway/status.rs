//! A gateway's state in a few numbers, for metrics and the status page.

use replication::register::Configuration;
use replication::time::Span;

/// A gateway's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayStatus {
    /// The cache.
    pub cache: CacheStatus,
    /// The configuration of the orders group as this gateway knows it.
    pub configuration: Configuration,
    /// That configuration's leader answers health checks and is open for business.
    pub leader_live: bool,
    /// A selection of a leader is under way.
    pub selecting: bool,
    /// Proposals to elect that this gateway has made.
    pub proposals: u64,
    /// Trades and order reads waiting for an answer.
    pub errands: usize,
    /// Of these, handed to a replica and not answered yet.
    pub errands_sent: usize,
    /// Trades and order reads that were sent again.
    pub resends: u64,
    /// Requests refused for being too many.
    pub shed: u64,
    /// A link to a catalog stands.
    pub catalog_linked: bool,
}

/// The cache's state. Counts are since the start of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheStatus {
    /// Most entries; 0 means off.
    pub size: usize,
    /// Entries now.
    pub len: usize,
    /// Reads answered from the cache.
    pub hits: u64,
    /// Reads that had to ask the catalog.
    pub misses: u64,
    /// Entries put in.
    pub fills: u64,
    /// Entries pushed out by others.
    pub evictions: u64,
    /// Entries dropped on the catalog's or an operator's word, or with their session.
    pub invalidations: u64,
    /// Sessions adopted.
    pub sessions: u64,
    /// The session held; 0 for none.
    pub session: u64,
    /// Time for which hits may still be served; zero when the lease is over.
    pub lease_left: Span,
    /// Questions to the catalog without an answer.
    pub fills_under_way: usize,
    /// Clients that wait for them.
    pub readers: usize,
}
