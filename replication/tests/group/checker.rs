//! The promises, checked from outside: what leaders delivered counts as acknowledged to clients.

use std::collections::{BTreeMap, BTreeSet};

use replication::contract::*;
use replication::register::Configuration;

use super::Replica;

#[derive(Default)]
pub(crate) struct Checker {
    pub(crate) proposed: BTreeSet<Command>,
    /// What anybody delivered, by position.
    pub(crate) agreed: BTreeMap<Position, (ChainHash, Command)>,
    positions: BTreeMap<Command, Position>,
    /// Up to here a leader answered its clients.
    pub(crate) acknowledged: Position,
    /// Up to here the majority was checked; who voted then, and before that.
    durable: Position,
    voters: (BTreeSet<ReplicaId>, BTreeSet<ReplicaId>),
    /// Barriers passed.
    pub(crate) passed: u64,
    leaders: BTreeMap<Epoch, (ReplicaId, u32)>,
    /// A group of one without a register: its only disk is the truth, so its leader may come back.
    pub(crate) alone: bool,
    pub(crate) violations: Vec<String>,
}

impl Checker {
    pub(crate) fn violated(&mut self, text: String) {
        self.violations.push(text);
    }

    /// I1: one leader per epoch, in one life.
    pub(crate) fn led(&mut self, epoch: Epoch, id: ReplicaId, life: u32) {
        let life = if self.alone { 0 } else { life };
        let known = *self.leaders.entry(epoch).or_insert((id, life));
        if known != (id, life) {
            self.violated(format!("I1: epoch {epoch} led by {known:?} and by {:?}", (id, life)));
        }
    }

    /// I2 and I6, with the order: one command per position, one position per command, gapless.
    pub(crate) fn delivered(&mut self, id: ReplicaId, leads: bool, next: Position, entry: &Entry) {
        let position = entry.position;
        if position != next {
            self.violated(format!("order: {id} delivers {position}, {next} comes next"));
        }
        // An empty command is the engine's own business and may come any number of times.
        let own = entry.command.is_empty();
        if !own && !self.proposed.contains(&entry.command) {
            self.violated(format!("integrity: {id} invents {position}"));
        }
        let new = (entry.hash, entry.command.clone());
        if *self.agreed.entry(position).or_insert_with(|| new.clone()) != new {
            self.violated(format!("I2: two commands at {position}"));
        }
        if !own && *self.positions.entry(entry.command.clone()).or_insert(position) != position {
            self.violated(format!("I6: one command at two positions, {position} is one"));
        }
        if leads {
            self.acknowledged = self.acknowledged.max(position);
        }
    }

    /// What is delivered anywhere is durable on a majority, where the group itself keeps its members. A change that is
    /// delivered in the same breath may make the members one more or one less than those that counted.
    pub(crate) fn majority(
        &mut self,
        voters: &BTreeSet<ReplicaId>,
        replicas: &BTreeMap<ReplicaId, Replica>,
        position: Position,
        hash: ChainHash,
    ) {
        if voters.is_empty() || position <= self.durable {
            return;
        }
        self.durable = position;
        if self.voters.0 != *voters {
            let earlier = std::mem::replace(&mut self.voters.0, voters.clone());
            self.voters.1 = earlier;
        }
        let held = |r: &Replica| r.disk.holds(position, hash) || r.lost >= position;
        let holds = |id: &&ReplicaId| replicas.get(id).is_some_and(held);
        let enough = |set: &BTreeSet<ReplicaId>| set.iter().filter(holds).count() * 2 > set.len();
        if !enough(voters) && !enough(&self.voters.1) {
            self.violated(format!("durability: {position} is not on the disks of a majority"));
        }
    }

    /// A barrier is passed after everything that was acknowledged before it was asked for.
    pub(crate) fn passed(
        &mut self,
        id: ReplicaId,
        barrier: Barrier,
        acknowledged: Option<Position>,
        delivered: Position,
    ) {
        match acknowledged {
            None => self.violated(format!("{id} passes barrier {barrier}, which nobody waits for")),
            Some(position) if position > delivered => {
                self.violated(format!(
                    "freshness: {id} passes at {delivered}, {position} was acknowledged"
                ));
            }
            Some(_) => self.passed += 1,
        }
    }

    /// I3: the leader's maximal set contains the register's.
    pub(crate) fn superset(
        &mut self,
        id: ReplicaId,
        maximal: &BTreeSet<ReplicaId>,
        register: &Configuration,
    ) {
        if register.leader == Some(id) && !register.in_sync.is_subset(maximal) {
            self.violated(format!(
                "I3: {id} counts {maximal:?}, the set is {:?}",
                register.in_sync
            ));
        }
    }

    /// I4, I5: every in-sync replica that kept its disk holds everything acknowledged, durably.
    pub(crate) fn completeness(
        &mut self,
        register: &Configuration,
        replicas: &BTreeMap<ReplicaId, Replica>,
    ) {
        let Some((hash, _)) = self.agreed.get(&self.acknowledged).cloned() else { return };
        for (id, replica) in replicas {
            let counts = register.in_sync.contains(id) && register.knows(*id, replica.incarnation);
            if counts && !replica.disk.holds(self.acknowledged, hash) {
                let position = self.acknowledged;
                self.violated(format!("I4: {id} is in sync and lacks acknowledged {position}"));
            }
        }
    }

    /// The disks that can save the group: in sync and not lost.
    pub(crate) fn intact(
        register: &Configuration,
        replicas: &BTreeMap<ReplicaId, Replica>,
    ) -> Vec<ReplicaId> {
        let intact =
            |id: &&ReplicaId| replicas.get(id).is_some_and(|r| register.knows(**id, r.incarnation));
        register.in_sync.iter().filter(intact).copied().collect()
    }
}
