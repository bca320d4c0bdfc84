//! Settings of a catalog replica.

use market::rows::Table;
use replication::time::Span;

/// Settings of a catalog replica.
#[derive(Clone, Debug)]
pub struct CatalogConfig {
    /// This replica's id.
    pub id: u8,
    /// Refill listings that are sold out, or never.
    pub restock: Option<RestockConfig>,
    /// Order replicas of the deployment: those who may enrol.
    pub orders: Vec<u8>,
}

/// When and how far to refill.
#[derive(Clone, Copy, Debug)]
pub struct RestockConfig {
    /// How often to look.
    pub interval: Span,
    /// Up to how many units.
    pub level: u64,
}

/// Why a catalog or order replica cannot start from what its disk holds.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The catalog's rows contradict each other or cannot be read.
    #[error("the store's rows cannot be read as a catalog: {0}")]
    Catalog(#[source] market::catalog::LoadError),
    /// The order totals cannot be read.
    #[error("the store's rows cannot be read as orders: {0}")]
    Orders(#[source] market::rows::LoadError),
    /// A row cannot be read.
    #[error("row {key} of table {table:?} cannot be read; was it written by a newer version?")]
    UnreadableRow {
        /// Where.
        table: Table,
        /// Which.
        key: &'static str,
    },
    /// The store says two things about how many orders it reflects.
    #[error(
        "the store counts {count} orders at position {position}; replace this replica with --fresh"
    )]
    OrderCount {
        /// Orders counted.
        count: u64,
        /// The position reflected.
        position: u64,
    },
    /// A log entry cannot be read.
    #[error("{0}")]
    Entry(#[source] super::command::UnreadableCommand),
}
