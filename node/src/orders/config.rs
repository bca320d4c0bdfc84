//! Settings of an order replica.

use replication::contract::Incarnation;
use replication::primary_backup;

/// When a trade is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// When the catalog's log has it: enough where that log is itself on several disks.
    Ledger,
    /// When the disks of the whole in-sync set have it too.
    InSync,
}

/// Settings of an order replica.
#[derive(Clone, Debug)]
pub struct OrdersConfig {
    /// Ids of the catalog replicas.
    pub catalogs: Vec<u8>,
    /// When a trade is answered.
    pub ack: Ack,
    /// The engine's settings: this replica's id, its peers, times and limits. The disk it speaks for is put in at the start.
    pub engine: primary_backup::Config,
}

impl OrdersConfig {
    /// The usual settings of one replica of a group. `peers` are the ids of all replicas, this one included.
    pub fn new(id: u8, peers: Vec<u8>, catalogs: Vec<u8>) -> Self {
        let engine = primary_backup::Config::new(id, peers, 0);
        OrdersConfig { catalogs, ack: Ack::InSync, engine }
    }

    /// The engine's settings for the disk this replica speaks for.
    pub(super) fn engine(&self, incarnation: Incarnation) -> primary_backup::Config {
        let mut engine = self.engine.clone();
        engine.incarnation = incarnation;
        engine
    }
}
