//! The register: who leads a primary-backup group, in which epoch, and which replicas are in sync.
//!
//! Source: PacificA's configuration manager, Vertical Paxos II's master, Kafka's KIP-966. It is one object inside
//! the catalog group's replicated state, changed only by compare-and-set on its version. This module holds the
//! object and its rules; where it is kept and how it becomes durable is not known here.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use crate::contract::{Epoch, Incarnation, Position, ReplicaId};

/// What the register says.
///
/// Invariants: `leader` is in `in_sync`; `in_sync` only holds enrolled replicas; `version` and `epoch` never go back;
/// an epoch has at most one leader, for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Grows by one with every change.
    pub version: u64,
    /// Grows by one with every change of leader.
    pub epoch: Epoch,
    /// Who leads, if anybody.
    pub leader: Option<ReplicaId>,
    /// Replicas that hold every acknowledged command.
    pub in_sync: BTreeSet<ReplicaId>,
    /// The disk that each enrolled replica speaks for.
    pub incarnations: BTreeMap<ReplicaId, Incarnation>,
}

/// A wished change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegisterCommand {
    /// Make a candidate the leader of the next epoch.
    Elect {
        /// Version the proposer saw.
        expect: u64,
        /// Who shall lead.
        candidate: ReplicaId,
        /// The candidate's disk.
        incarnation: Incarnation,
        /// Last position of the candidate's log, as it said itself.
        log_end: Position,
        /// Take this replica out of the in-sync set in the same step (the dead leader).
        drop: Option<ReplicaId>,
    },
    /// Change the in-sync set within an epoch; only that epoch's leader sends it.
    AlterInSync {
        /// Version the leader saw.
        expect: u64,
        /// The leader's epoch.
        epoch: Epoch,
        /// The new set; must contain the leader.
        in_sync: BTreeSet<ReplicaId>,
        /// The replica added, with the disk whose acknowledgements were counted.
        added: Option<(ReplicaId, Incarnation)>,
    },
    /// A replica says which disk it speaks for. Idempotent for a disk already known.
    Enrol {
        /// Who.
        replica: ReplicaId,
        /// Its disk.
        incarnation: Incarnation,
        /// Highest epoch that disk remembers.
        epoch: Epoch,
    },
}

/// Why a change was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Somebody else changed the register first; read it again.
    #[error("the register is at version {version}, the change expected {expected}")]
    Stale {
        /// Version now.
        version: u64,
        /// Version expected.
        expected: u64,
    },
    /// The sender's epoch is over.
    #[error("epoch {epoch} is over, the register is at {current}")]
    Fenced {
        /// Epoch of the sender.
        epoch: Epoch,
        /// Epoch now.
        current: Epoch,
    },
    /// The candidate may miss acknowledged commands.
    #[error("replica {candidate} is neither in sync nor reaches what the outbox still holds")]
    Ineligible {
        /// Who was proposed.
        candidate: ReplicaId,
    },
    /// The disk that was named is not the one that is enrolled.
    #[error("replica {replica} speaks for another disk than the one enrolled")]
    OtherDisk {
        /// Who.
        replica: ReplicaId,
    },
    /// The set must contain the leader and only enrolled replicas.
    #[error("the in-sync set must contain the leader and only enrolled replicas")]
    BadSet,
    /// The replica remembers an epoch that the register never reached: the register lost its data.
    #[error("replica {replica} remembers epoch {epoch}, the register only {current}: the register lost its data")]
    RegisterLostData {
        /// Who.
        replica: ReplicaId,
        /// Epoch it remembers.
        epoch: Epoch,
        /// Epoch of the register.
        current: Epoch,
    },
}
