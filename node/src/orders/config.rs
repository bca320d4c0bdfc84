//! Settings of an order replica.

use replication::contract::Incarnation;
use replication::{primary_backup, raft};

/// When a trade is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// When the catalog's log has it: enough where that log is itself on several disks.
    Ledger,
    /// When the group has it too: under primary-backup on the disks of the whole in-sync set, under Raft on a majority's.
    InSync,
}

/// How an orders group agrees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// One live replica is enough; the register of the catalog says which one leads.
    #[default]
    PrimaryBackup,
    /// A majority is needed; the replicas elect their leader, which then tells the register.
    Raft,
}

/// Settings of an order replica.
#[derive(Clone, Debug)]
pub struct OrdersConfig {
    /// Ids of the catalog replicas.
    pub catalogs: Vec<u8>,
    /// When a trade is answered.
    pub ack: Ack,
    /// How the group agrees. The same for all its replicas, and for the gateways.
    pub protocol: Protocol,
    /// This replica's id and its peers; and the settings of primary-backup. The disk it speaks for is put in at the start.
    pub engine: primary_backup::Config,
    /// What a replica of a group that elects its leader draws its timeouts from.
    pub seed: u64,
    /// This replica belongs to no such group yet: it waits until it is made a member of one.
    pub joining: bool,
    /// How much the engine of such a group keeps and sends at most.
    pub limits: raft::Limits,
    /// A mistake for it to make on purpose.
    #[cfg(feature = "mutants")]
    pub raft_mutant: Option<replication::mutants::Mutant>,
}

impl OrdersConfig {
    /// The usual settings of one replica of a group. `peers` are the ids of all replicas, this one included.
    pub fn new(id: u8, peers: Vec<u8>, catalogs: Vec<u8>) -> Self {
        OrdersConfig {
            catalogs,
            ack: Ack::InSync,
            protocol: Protocol::PrimaryBackup,
            engine: primary_backup::Config::new(id, peers, 0),
            seed: 0,
            joining: false,
            limits: raft::Limits::default(),
            #[cfg(feature = "mutants")]
            raft_mutant: None,
        }
    }

    /// Settings of primary-backup for the disk this replica speaks for.
    pub(super) fn primary_backup(&self, incarnation: Incarnation) -> primary_backup::Config {
        let mut engine = self.engine.clone();
        engine.incarnation = incarnation;
        engine
    }

    /// Settings of Raft for it.
    pub(super) fn raft(&self, incarnation: Incarnation) -> raft::Config {
        let id = self.engine.id;
        let voters = self.engine.peers.iter().copied().chain([id]);
        let mut engine = raft::Config::new(id, voters, incarnation, self.seed);
        engine.joining = self.joining;
        engine.limits = self.limits.clone();
        #[cfg(feature = "mutants")]
        {
            engine.mutant = self.raft_mutant;
        }
        engine
    }
}
