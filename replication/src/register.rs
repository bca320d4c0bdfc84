//! The register: who leads a primary-backup group, in which epoch, and which replicas are in sync.
//!
//! Source: PacificA's configuration manager, Vertical Paxos II's master, Kafka's KIP-966. It is one object inside
//! the catalog group's replicated state, changed only by compare-and-set on its version. This module holds the
//! object and its rules; where it is kept and how it becomes durable is not known here.
//!
//! It guarantees that an epoch has one leader for ever, and that a leader held every acknowledged command when it was
//! elected (or can fetch what it lacks from a source outside the group), provided that the leader of each epoch counts
//! every replica that may be in the set.
//!
//! One election: a gateway finds the leader silent, reads the register (version 7, epoch 2, leader 3, in sync
//! {1, 2, 3}) and sends `Elect { expect: 7, candidate: 2, drop: Some(3), .. }`. The register is still at 7, replica 2 is
//! in sync and speaks for its enrolled disk, so it becomes version 8, epoch 3, leader 2, in sync {1, 2}. Another
//! gateway's `Elect { expect: 7, candidate: 1, .. }` comes second and is refused as stale; it reads and adopts.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use crate::contract::{Epoch, Incarnation, Position, ReplicaId};

/// What the register says.
///
/// Invariants of one value, checked by [`Configuration::validate`]:
/// - `leader` is in `in_sync`;
/// - `in_sync` only holds enrolled replicas, and no disk is numbered 0;
/// - nobody leads in epoch 0, and every epoch cost at least one version.
///
/// Invariants from value to value, kept by [`Configuration::apply`]:
/// - `version` grows by one with every change and `epoch` never goes back;
/// - an epoch has at most one leader, for ever: only `Elect` writes `leader`, and it always opens a new epoch;
/// - incarnations only grow, so a late `Enrol` of a lost disk cannot bring that disk's acknowledgements back.
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
    /// The disk that each enrolled replica speaks for. A disk made later has the greater number.
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
    /// The disk that was named is not the one that is enrolled (or, for an `Enrol`, an older one).
    #[error("replica {replica} speaks for another disk than the one enrolled")]
    OtherDisk {
        /// Who.
        replica: ReplicaId,
    },
    /// The set must contain the leader and only enrolled replicas.
    #[error("the in-sync set must contain the leader and only enrolled replicas")]
    BadSet,
    /// The replica remembers an epoch that the register never reached: the register lost its data.
    #[error(
        "replica {replica} remembers epoch {epoch}, the register only {current}: the register lost its data"
    )]
    RegisterLostData {
        /// Who.
        replica: ReplicaId,
        /// Epoch it remembers.
        epoch: Epoch,
        /// Epoch of the register.
        current: Epoch,
    },
}

/// A configuration that no sequence of changes can produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The leader may miss acknowledged commands.
    #[error("the leader is not in the in-sync set")]
    LeaderOutside,
    /// A member whose disk nobody knows.
    #[error("the in-sync set holds a replica that is not enrolled")]
    NotEnrolled,
    /// Disk number 0 means "none".
    #[error("an enrolled replica has disk number 0")]
    NoDisk,
    /// A leader before the first election, or more epochs than changes.
    #[error("epoch and version contradict each other or the leader")]
    Counters,
}

impl Configuration {
    /// Changes the register, or says why not; a refusal changes nothing.
    ///
    /// `reaches_source` says whether a log that ends at a position can be completed from elsewhere (the
    /// outbox of the trading system). Where there is no such place it must answer `false`.
    pub fn apply(
        &mut self,
        command: &RegisterCommand,
        reaches_source: impl Fn(Position) -> bool,
    ) -> Result<(), Refusal> {
        match command {
            RegisterCommand::Elect { expect, candidate, incarnation, log_end, drop } => {
                self.expect(*expect)?;
                self.enrolled(*candidate, *incarnation)?;
                self.elect(*candidate, *drop, reaches_source(*log_end))
            }
            RegisterCommand::AlterInSync { expect, epoch, in_sync, added } => {
                self.expect(*expect)?;
                self.alter(*epoch, in_sync, *added)
            }
            RegisterCommand::Enrol { replica, incarnation, epoch } => {
                self.enrol(*replica, *incarnation, *epoch)
            }
        }
    }

    /// Checks every invariant that a single value can show.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.leader.is_some_and(|leader| !self.in_sync.contains(&leader)) {
            return Err(Invalid::LeaderOutside);
        }
        if self.in_sync.iter().any(|replica| !self.incarnations.contains_key(replica)) {
            return Err(Invalid::NotEnrolled);
        }
        if self.incarnations.values().any(|incarnation| *incarnation == 0) {
            return Err(Invalid::NoDisk);
        }
        if self.version < self.epoch || (self.epoch == 0 && self.leader.is_some()) {
            return Err(Invalid::Counters);
        }
        Ok(())
    }

    /// Does this replica speak for the disk that is enrolled?
    pub fn knows(&self, replica: ReplicaId, incarnation: Incarnation) -> bool {
        self.incarnations.get(&replica) == Some(&incarnation)
    }

    fn expect(&self, expected: u64) -> Result<(), Refusal> {
        if self.version == expected {
            return Ok(());
        }
        Err(Refusal::Stale { version: self.version, expected })
    }

    fn enrolled(&self, replica: ReplicaId, incarnation: Incarnation) -> Result<(), Refusal> {
        if self.knows(replica, incarnation) {
            return Ok(());
        }
        Err(Refusal::OtherDisk { replica })
    }

    /// The candidate holds everything acknowledged when it is in sync, or can fetch what it lacks when its
    /// log reaches the source. In the second case nobody else is known to hold everything, so it stands alone.
    fn elect(
        &mut self,
        candidate: ReplicaId,
        drop: Option<ReplicaId>,
        reaches_source: bool,
    ) -> Result<(), Refusal> {
        if drop == Some(candidate) {
            return Err(Refusal::BadSet);
        }
        if self.in_sync.contains(&candidate) {
            if let Some(dead) = drop {
                self.in_sync.remove(&dead);
            }
        } else if reaches_source {
            self.in_sync = BTreeSet::from([candidate]);
        } else {
            return Err(Refusal::Ineligible { candidate });
        }
        self.epoch += 1;
        self.leader = Some(candidate);
        self.version += 1;
        Ok(())
    }

    /// Only the leader of the present epoch may change the set, and only by replicas whose enrolled disk it
    /// counted: a new member must be the one named in `added`.
    fn alter(
        &mut self,
        epoch: Epoch,
        in_sync: &BTreeSet<ReplicaId>,
        added: Option<(ReplicaId, Incarnation)>,
    ) -> Result<(), Refusal> {
        if epoch != self.epoch {
            return Err(Refusal::Fenced { epoch, current: self.epoch });
        }
        if let Some((replica, incarnation)) = added {
            self.enrolled(replica, incarnation)?;
        }
        let may_hold = |replica: &ReplicaId| {
            self.in_sync.contains(replica) || added.is_some_and(|(new, _)| new == *replica)
        };
        let holds_leader = self.leader.is_some_and(|leader| in_sync.contains(&leader));
        if !holds_leader || !in_sync.iter().all(may_hold) {
            return Err(Refusal::BadSet);
        }
        self.in_sync.clone_from(in_sync);
        self.version += 1;
        Ok(())
    }

    /// A disk that replaces another holds nothing, so its replica leaves the set and stops leading. Before
    /// the first epoch nothing was ever acknowledged: then an empty disk is as good as any and joins the set.
    fn enrol(
        &mut self,
        replica: ReplicaId,
        incarnation: Incarnation,
        epoch: Epoch,
    ) -> Result<(), Refusal> {
        if epoch > self.epoch {
            return Err(Refusal::RegisterLostData { replica, epoch, current: self.epoch });
        }
        let known = self.incarnations.get(&replica).copied().unwrap_or(0);
        if known == incarnation && known != 0 {
            return Ok(());
        }
        if incarnation <= known {
            return Err(Refusal::OtherDisk { replica });
        }
        self.incarnations.insert(replica, incarnation);
        if self.epoch == 0 {
            self.in_sync.insert(replica);
        } else {
            self.in_sync.remove(&replica);
            self.leader = self.leader.filter(|leader| *leader != replica);
        }
        self.version += 1;
        Ok(())
    }
}

#[cfg(feature = "mutants")]
impl Configuration {
    /// The mutant `ElectAnyLive`: whoever is enrolled may lead, as if every log reached a source.
    pub fn apply_electing_any_live(&mut self, command: &RegisterCommand) -> Result<(), Refusal> {
        self.apply(command, |_| true)
    }
}

#[cfg(test)]
mod tests;
