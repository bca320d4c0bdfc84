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
    /// Replicas that a fresh group begins with. Later the group itself knows its members.
    pub catalogs: Vec<u8>,
    /// Gateways of the deployment: those who may have leases. A new leader that knows them all need not wait for leases that the
    /// gateways themselves have given up. Empty: not known, so anybody may have one, and a new leader always waits. A new gateway
    /// is named to every replica before it starts.
    pub gateways: Vec<u8>,
    /// How the group agrees.
    pub protocol: Protocol,
    /// What the replica draws its timeouts from.
    pub seed: u64,
    /// This replica belongs to no group yet: it waits until it is made a member of one.
    pub joining: bool,
    /// How much the engine of a group keeps and sends at most.
    pub limits: replication::raft::Limits,
    /// A mistake for the engine to make on purpose.
    #[cfg(feature = "mutants")]
    pub engine_mutant: Option<replication::mutants::Mutant>,
}

impl CatalogConfig {
    /// Settings of a catalog that is alone, never refills, and does not know its gateways.
    pub fn alone(id: u8, orders: Vec<u8>) -> Self {
        CatalogConfig {
            id,
            restock: None,
            orders,
            catalogs: vec![id],
            gateways: Vec::new(),
            protocol: Protocol::Solo,
            seed: 0,
            joining: false,
            limits: replication::raft::Limits::default(),
            #[cfg(feature = "mutants")]
            engine_mutant: None,
        }
    }

    /// Whether another replica may lead.
    pub(super) fn is_group(&self) -> bool {
        self.protocol != Protocol::Solo
    }
}

/// How a catalog's group agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// There is nobody to agree with: one replica, whose disk is the truth.
    Solo,
    /// By Raft.
    Raft,
}

impl Protocol {
    /// The protocol of a group of so many, if nobody says otherwise.
    pub const fn usual(catalogs: usize) -> Self {
        if catalogs > 1 { Protocol::Raft } else { Protocol::Solo }
    }
}

/// When and how far to refill.
#[derive(Clone, Copy, Debug)]
pub struct RestockConfig {
    /// How often to look.
    pub interval: Span,
    /// Up to how many units.
    pub level: u64,
}

/// Why a replica cannot start from what its disk holds.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The catalog's rows contradict each other or cannot be read.
    #[error("the store's rows cannot be read as a catalog: {0}")]
    Catalog(#[source] market::catalog::LoadError),
    /// The order totals cannot be read.
    #[error("the store's rows cannot be read as orders: {0}")]
    Orders(#[source] market::rows::LoadError),
    /// The customers' rows contradict each other or cannot be read.
    #[error("the store's rows cannot be read as customers: {0}")]
    Customers(#[source] market::rows::LoadError),
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
    /// The disk belongs to a group that elects its leader, and the settings say that the register does.
    #[error(
        "the store was written under protocol \"raft\" of the orders; configure that, or replace this replica with --fresh"
    )]
    ElectsItself,
    /// A log entry cannot be read.
    #[error("{0}")]
    Entry(#[source] super::command::UnreadableCommand),
    /// The disk belongs to a replica of a group, and the settings say that there is none.
    #[error("the store was written by a replica of a group; configure its protocol")]
    OfAGroup,
    /// The rotating sequencer cannot go on from here.
    #[error("{0}; replace this member with --fresh")]
    RotatingSequencer(#[source] replication::rotating_sequencer::Unreadable),
    /// Raft cannot go on from here.
    #[error("{0}; replace this replica with --fresh")]
    Raft(#[source] replication::raft::StartError),
}
