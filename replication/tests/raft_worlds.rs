//! Seeded worlds of Raft: replicas that crash, pause, lose unsynced writes and whole disks, a network that loses, doubles,
//! reorders and is cut (one way, too), snapshots that get lost, members that come and go. Whatever happens, the
//! promises hold (`group::checker`); once it stops, the group recovers.

mod group;

use std::collections::BTreeSet;

use group::{Group, Packet, raft};
use replication::contract::*;
use replication::raft::Config;
use replication::time::Span;

/// A generator whose stream is the same everywhere (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.roll(items.len() as u64) as usize]
    }
}

/// Voters of every new group; two more may join.
const SIZE: u8 = 3;
const MOST: u8 = 5;

struct World {
    group: Group,
    dice: Dice,
    proposals: u64,
    /// Copies that the network holds for a long time.
    late: Vec<Packet>,
    /// Processes that stand still.
    paused: BTreeSet<ReplicaId>,
    /// Members whose disk was lost; they must be removed and added again.
    wiped: BTreeSet<ReplicaId>,
    faults: u64,
    changes: u64,
    restores: u64,
    losses: u64,
    /// Of those, before anything was delivered anywhere.
    early_losses: u64,
}

impl World {
    fn new(seed: u64, adjust: impl Fn(&mut Config) + 'static) -> Self {
        let factory = raft(SIZE, seed, move |config| {
            // Small limits, so that few commands reach every branch.
            config.limits.append_entries = 3;
            config.limits.append_bytes = 40;
            config.limits.window_messages = 4;
            config.limits.tail_entries = 2;
            config.limits.held_entries = 20;
            config.limits.promotion_gap = 2;
            config.timing.offer_given_up = Span::millis(2_000);
            adjust(config);
        });
        let mut dice = Dice(seed);
        let faults = dice.pick(&[1, 4, 12]);
        let mut group = Group::new(SIZE, factory);
        if dice.roll(3) > 0 {
            let first = 1 + dice.roll(u64::from(SIZE)) as ReplicaId;
            group.elect_first(first);
        }
        World {
            group,
            dice,
            proposals: 0,
            late: Vec::new(),
            paused: BTreeSet::new(),
            wiped: BTreeSet::new(),
            faults,
            changes: 0,
            restores: 0,
            losses: 0,
            early_losses: 0,
        }
    }

    fn any(&mut self) -> ReplicaId {
        let ids = self.group.ids();
        self.dice.pick(&ids)
    }

    /// Mostly somebody who leads, or believes to.
    fn leading(&mut self) -> ReplicaId {
        let ids = self.group.ids();
        let leads = |id: &ReplicaId| self.group.status(*id).is_some_and(|status| status.leads);
        let leaders: Vec<_> = ids.into_iter().filter(leads).collect();
        match leaders.is_empty() || self.dice.roll(8) == 0 {
            true => self.any(),
            false => self.dice.pick(&leaders),
        }
    }

    fn step(&mut self) {
        match self.dice.roll(100) {
            0..=44 => self.network(),
            45..=62 => self.disk(),
            63..=70 => self.propose(),
            71..=74 => {
                let id = self.leading();
                if !self.paused.contains(&id) {
                    self.group.barrier(id);
                }
            }
            75..=85 => {
                let span = self.dice.pick(&[1, 10, 10, 10, 10, 30, 300]);
                self.tick(Span::millis(span));
            }
            86..=90 => self.store(),
            91..=93 => {
                let lost = self.dice.roll(4) == 0;
                self.group.transfer_one(lost);
            }
            94 => self.change_members(),
            _ => {
                if self.dice.roll(12) < self.faults {
                    self.fault();
                }
            }
        }
    }

    fn tick(&mut self, span: Span) {
        self.group.now = self.group.now + span;
        for id in self.group.ids() {
            if !self.paused.contains(&id) {
                self.group.drive(id, |engine, now| engine.tick(now));
            }
        }
    }

    fn disk(&mut self) {
        let id = self.any();
        if self.paused.contains(&id) {
            return;
        }
        if self.group.replace_one(id) {
            self.restores += 1;
        } else {
            self.group.persist_one(id);
        }
    }

    fn network(&mut self) {
        if !self.late.is_empty() && self.dice.roll(16) == 0 {
            let index = self.dice.roll(self.late.len() as u64) as usize;
            let packet = self.late.swap_remove(index);
            return self.arrive(packet);
        }
        if self.group.net.is_empty() {
            return;
        }
        // Mostly in order, sometimes not; old packets pile up and come late.
        let span = if self.dice.roll(4) == 0 { self.group.net.len() } else { 1 };
        let index = self.dice.roll(span as u64) as usize;
        match self.dice.roll(32) {
            0 => drop(self.group.net.remove(index)),
            1 => {
                let copy = self.group.net[index].clone();
                self.group.net.push(copy);
            }
            2..=4 => {
                let copy = self.group.net[index].clone();
                self.late.push(copy);
                let excess = self.late.len().saturating_sub(100);
                self.late.drain(..excess);
            }
            _ => {
                let packet = self.group.net.remove(index);
                self.arrive(packet);
            }
        }
    }

    fn arrive(&mut self, packet: Packet) {
        if self.paused.contains(&packet.to) {
            self.late.push(packet);
        } else {
            self.group.arrive(packet);
        }
    }

    fn propose(&mut self) {
        let id = self.leading();
        let count = 1 + self.dice.roll(3);
        let numbers = self.proposals..self.proposals + count;
        self.proposals += count;
        let commands = numbers.map(|n| Command::from(format!("{n}"))).collect();
        if !self.paused.contains(&id) {
            self.group.propose(id, commands);
        }
    }

    fn store(&mut self) {
        let id = self.any();
        let delivered = self.group.status(id).map_or(0, |status| status.commit);
        let position = delivered.saturating_sub(self.dice.roll(8));
        self.group.store(id, position);
    }

    fn change(&mut self, leader: ReplicaId, change: MemberChange) -> bool {
        let done = self.group.drive(leader, |engine, now| engine.change_members(now, change));
        let taken = matches!(done, Some(Ok(())));
        self.changes += u64::from(taken);
        taken
    }

    fn members(&self, leader: ReplicaId) -> Members {
        self.group.status(leader).map(|status| status.members).unwrap_or_default()
    }

    fn change_members(&mut self) {
        let Some(leader) = self.group.elected() else { return };
        let members = self.members(leader);
        let id = 1 + self.dice.roll(u64::from(MOST)) as ReplicaId;
        if let Some(wiped) = self.wiped.first().copied() {
            return self.renew(leader, wiped);
        }
        if members.voters.contains(&id) || members.learners.contains(&id) {
            // Not so many that one failure stops the group.
            if members.voters.len() > 3 || members.learners.contains(&id) {
                self.change(leader, MemberChange::Remove(id));
            }
        } else {
            self.admit(leader, id);
        }
    }

    /// A replica that is no member gets an empty disk and is added.
    fn admit(&mut self, leader: ReplicaId, id: ReplicaId) {
        let known = self.group.replicas.get(&id).map(|replica| replica.incarnation);
        let disk = known.map_or(1, |disk| disk + 1);
        if !self.change(leader, MemberChange::Add(id, disk)) {
            return;
        }
        if known.is_some() {
            self.group.lose_disk(id);
            self.group.start(id);
            self.paused.remove(&id);
        } else {
            self.group.add(id);
        }
    }

    /// A member that lost its disk is removed, and then added.
    fn renew(&mut self, leader: ReplicaId, id: ReplicaId) {
        let members = self.members(leader);
        let disk = self.group.replicas[&id].incarnation;
        // The group began with the disk that took the place of the lost one.
        if self.group.status(id).is_some_and(|status| status.commit > 0) {
            self.wiped.remove(&id);
        } else if members.voters.contains(&id) || members.learners.contains(&id) {
            self.change(leader, MemberChange::Remove(id));
        } else if self.change(leader, MemberChange::Add(id, disk)) {
            self.wiped.remove(&id);
        }
    }

    fn fault(&mut self) {
        let peer = self.any();
        let id = if self.dice.roll(2) == 0 { self.leading() } else { self.any() };
        match self.dice.roll(24) {
            0..=4 => {
                let kept = self.dice.roll(6) as usize;
                self.group.crash(id, kept);
                self.paused.remove(&id);
            }
            5..=9 if !self.group.is_up(id) => self.group.start(id),
            10 => self.lose_disk(id),
            11 => {
                self.group.drive(id, |engine, now| engine.hand_over(now));
            }
            12 | 13 => drop(self.paused.insert(id)),
            14 | 15 => self.paused.clear(),
            16 | 17 if id != peer => drop(self.group.cut.insert((id, peer))),
            18 => {
                for other in self.group.ids() {
                    self.group.cut.insert((id, other));
                    self.group.cut.insert((other, id));
                }
            }
            19 | 20 => self.group.cut.clear(),
            _ if id != peer && !self.paused.contains(&id) => {
                let up = self.dice.roll(2) == 0;
                self.group.drive(id, |engine, now| engine.link(now, peer, up));
            }
            _ => {}
        }
    }

    /// One voter at a time loses its disk, be it before, while or after the group begins.
    fn lose_disk(&mut self, id: ReplicaId) {
        let young = self.group.checker.agreed.is_empty();
        let members = match self.group.elected() {
            Some(leader) => self.members(leader),
            None if young => Members { voters: (1..=SIZE).collect(), ..Members::default() },
            None => return,
        };
        let spare = members.voters.len() >= 3 && members.learners.is_empty();
        if self.wiped.is_empty() && spare && members.voters.contains(&id) {
            self.group.lose_disk(id);
            self.group.start(id);
            self.paused.remove(&id);
            self.wiped.insert(id);
            self.losses += 1;
            self.early_losses += u64::from(young);
        }
    }

    fn violation(&self) -> Option<&String> {
        self.group.checker.violations.first()
    }

    /// Runs `steps` steps, or until something is violated.
    fn run(&mut self, steps: u32) {
        for _ in 0..steps {
            self.step();
            if self.violation().is_some() {
                return;
            }
        }
    }

    /// The faults stop; the operator does what is left to do.
    fn heal(&mut self) {
        self.group.cut.clear();
        self.paused.clear();
        for id in self.group.ids() {
            if !self.group.is_up(id) {
                self.group.start(id);
            }
        }
        for round in 0..800 {
            self.group.tick(Span::millis(10));
            self.group.settle();
            if self.violation().is_some() {
                return;
            }
            if let (Some(leader), Some(wiped)) = (self.group.elected(), self.wiped.first().copied())
            {
                self.renew(leader, wiped);
            }
            if round % 10 == 0 {
                for id in self.group.ids() {
                    self.group.store(id, Position::MAX);
                }
            }
            if round == 300 {
                self.give_up_learners();
            }
            if round == 600 {
                self.last_words();
            }
        }
    }

    /// A member that was added by a leader nobody followed any more may have got another disk since than the one that was
    /// agreed on. It never gets level, and the operator removes it.
    fn give_up_learners(&mut self) {
        let Some(leader) = self.group.elected() else { return };
        if let Some(id) = self.members(leader).learners.first().copied() {
            self.change(leader, MemberChange::Remove(id));
        }
    }

    /// One more command, and one more barrier.
    fn last_words(&mut self) {
        if let Some(leader) = self.group.elected() {
            let command = Command::from(format!("{}", self.proposals));
            self.group.propose(leader, vec![command]);
            self.group.barrier(leader);
        }
    }

    /// After healing: one leader, every member a voter with the same log, all of it delivered.
    fn recovered(&self) -> Result<(), String> {
        let leader = self.group.elected().ok_or("nobody leads")?;
        let members = self.members(leader);
        if !members.learners.is_empty() {
            return Err(format!("learners are left: {members:?}"));
        }
        if !self.group.replicas[&leader].barriers.is_empty() {
            return Err("a barrier is not passed".to_owned());
        }
        let end = self.group.status(leader).map_or(0, |status| status.end);
        for id in &members.voters {
            let status = self.group.status(*id).ok_or("a replica is down")?;
            if (status.end, status.durable, status.commit) != (end, end, end) {
                return Err(format!("{id} does not hold all {end}: {status:?}"));
            }
            if status.members != members || status.leader != Some(leader) {
                return Err(format!("{id} knows another group: {status:?}"));
            }
        }
        if end < self.group.checker.acknowledged {
            return Err("acknowledged commands are gone".to_owned());
        }
        Ok(())
    }
}

/// Enough for every branch to be taken often; a few seconds on one core.
const SEEDS: u64 = 300;
const STEPS: u32 = 4_000;

#[test]
fn no_world_breaks_a_promise_and_every_world_recovers() {
    let (mut acknowledged, mut terms, mut passed) = (0, 0, 0);
    let (mut changes, mut restores, mut losses, mut early) = (0, 0, 0, 0);
    for seed in 0..SEEDS {
        let mut world = World::new(seed, |_| {});
        world.run(STEPS);
        assert_eq!(world.violation(), None, "seed {seed}");
        world.heal();
        assert_eq!(world.violation(), None, "seed {seed}, healing");
        world.recovered().unwrap_or_else(|text| panic!("seed {seed}: {text}"));
        let leader = world.group.elected().unwrap_or(0);
        terms += world.group.status(leader).map_or(0, |status| status.epoch);
        acknowledged += world.group.checker.acknowledged;
        passed += world.group.checker.passed;
        changes += world.changes;
        restores += world.restores;
        losses += world.losses;
        early += world.early_losses;
    }
    // The worlds must be lively, or they prove nothing.
    println!("{acknowledged} acknowledged, {terms} terms, {passed} barriers");
    println!("{changes} changes, {restores} restores, {losses} disks lost, {early} of them early");
    assert!(acknowledged > SEEDS * 50 && terms > SEEDS * 2 && passed > SEEDS * 15);
    assert!(changes > SEEDS && restores > SEEDS / 5 && losses > SEEDS / 10);
    assert!(early > SEEDS / 50);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..20 {
        let traces = [seed, seed].map(|seed| {
            let mut world = World::new(seed, |_| {});
            world.group.trace = Some(Vec::new());
            world.run(STEPS);
            world.group.trace.take().unwrap_or_default()
        });
        assert!(traces[0].len() > 20, "seed {seed} shows {} lines", traces[0].len());
        let differs = traces[0].iter().zip(&traces[1]).find(|(one, other)| one != other);
        assert_eq!((differs, traces[0].len()), (None, traces[1].len()), "seed {seed}");
    }
}

#[cfg(feature = "mutants")]
mod mutants {
    use super::*;
    use replication::mutants::Mutant;

    /// The first seed at which a mutant breaks a promise, with the promise.
    fn must_break(mutant: Mutant) {
        let broken = (0..2_000).find_map(|seed| {
            let mut world = World::new(seed, move |config| config.mutant = Some(mutant));
            world.run(STEPS);
            world.violation().map(|text| (seed, text.clone()))
        });
        println!("{mutant:?}: {broken:?}");
        assert!(broken.is_some(), "{mutant:?} survived");
    }

    #[test]
    fn acknowledging_before_durable_is_caught() {
        must_break(Mutant::AckBeforeDurable);
    }

    #[test]
    fn reads_of_a_stale_leader_are_caught() {
        must_break(Mutant::StaleLeaderReads);
    }

    #[test]
    fn a_snapshot_that_leaves_the_old_log_is_caught() {
        must_break(Mutant::SnapshotWithoutReset);
    }

    #[test]
    fn a_wiped_disk_in_the_old_ones_name_is_caught() {
        must_break(Mutant::EnrolmentIgnored);
    }

    #[test]
    fn a_group_that_is_founded_by_a_majority_is_caught() {
        must_break(Mutant::FoundedByMajority);
    }
}
