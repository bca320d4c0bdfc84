//! Seeded worlds: three replicas, a network that loses, doubles and reorders, disks that forget, an ideal register whose
//! answers get lost, gateways that elect. Whatever happens, I1 to I6 hold; once it stops, the group recovers.

mod group;

use std::collections::BTreeSet;

use group::checker::Checker;
use group::{Group, Packet, primary_backup};
use replication::contract::{Command, ReplicaId};
use replication::primary_backup::Config;
use replication::time::Span;

const SIZE: u8 = 3;

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

struct World {
    group: Group,
    dice: Dice,
    proposals: u64,
    /// Copies that the network holds for a long time.
    late: Vec<Packet>,
    /// Some worlds are calmer than others, so that long runs of normal work happen too.
    faults: u64,
}

impl World {
    fn new(seed: u64, adjust: impl Fn(&mut Config) + 'static) -> Self {
        let factory = primary_backup(SIZE, move |config| {
            // Small limits, so that few commands reach every branch.
            config.limits.append_entries = 3;
            config.limits.window_messages = 4;
            config.limits.memory_below_stored = 2;
            config.limits.history_read = 3;
            config.limits.invitation_gap = 4;
            adjust(config);
        });
        let mut dice = Dice(seed);
        let faults = dice.pick(&[1, 4, 12]);
        let group = Group::new(SIZE, factory);
        let mut world = World { group, dice, proposals: 0, late: Vec::new(), faults };
        world.prepare();
        world
    }

    /// Two of three worlds begin with a prepared state: from an empty group the rare ones are hard to reach.
    fn prepare(&mut self) {
        let state = self.dice.roll(3);
        if state == 0 {
            return;
        }
        let (leader, other) = (self.any(), self.any());
        self.group.lead(leader);
        self.propose_to_leader();
        self.group.settle();
        if state == 2 && other != leader {
            // A stale replica is back while the set is smaller than the group.
            self.group.crash(other, 0);
            for _ in 0..60 {
                self.group.tick(Span::millis(10));
                self.group.settle();
            }
            self.propose_to_leader();
            self.group.settle();
            self.group.start(other);
        }
    }

    fn any(&mut self) -> ReplicaId {
        1 + self.dice.roll(u64::from(SIZE)) as ReplicaId
    }

    fn step(&mut self) {
        match self.dice.roll(100) {
            0..=39 => self.network(),
            40..=59 => {
                let id = self.any();
                self.group.persist_one(id);
            }
            60..=69 => self.propose(),
            70..=79 => {
                let span = self.dice.pick(&[1, 10, 10, 10, 50, 300]);
                self.group.tick(Span::millis(span));
            }
            80..=93 => self.register(),
            94..=96 => self.store(),
            _ => {
                if self.dice.roll(12) < self.faults {
                    self.fault();
                }
            }
        }
    }

    fn network(&mut self) {
        if !self.late.is_empty() && self.dice.roll(16) == 0 {
            let index = self.dice.roll(self.late.len() as u64) as usize;
            let packet = self.late.swap_remove(index);
            return self.group.arrive(packet);
        }
        if self.group.net.is_empty() {
            return;
        }
        // Mostly in order, sometimes not; old packets pile up and come late.
        let span = if self.dice.roll(4) == 0 { self.group.net.len() } else { 1 };
        let index = self.dice.roll(span as u64) as usize;
        match self.dice.roll(24) {
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
                self.group.arrive(packet);
            }
        }
    }

    fn propose(&mut self) {
        let id = self.any();
        let count = 1 + self.dice.roll(3);
        let numbers = self.proposals..self.proposals + count;
        self.proposals += count;
        let commands = numbers.map(|n| Command::from(format!("{n}"))).collect();
        self.group.propose(id, commands);
    }

    fn register(&mut self) {
        match self.dice.roll(12) {
            0..=4 => {
                let answered = self.dice.roll(4) != 0;
                self.group.serve_ask(answered);
            }
            5 if !self.group.asks.is_empty() => {
                // Lost, or doubled and late: both happen to questions.
                let ask = self.group.asks.remove(0);
                if self.dice.roll(2) == 0 {
                    self.group.asks.push(ask);
                }
            }
            6..=8 if !self.group.pushes.is_empty() => {
                let index = self.dice.roll(self.group.pushes.len() as u64) as usize;
                let (id, configuration) = self.group.pushes.remove(index);
                self.group.configure(id, &configuration);
            }
            9 | 10 => {
                let (id, register) = (self.any(), self.group.register.clone());
                self.group.pushes.push((id, register));
            }
            _ => self.gateway(),
        }
    }

    /// A gateway that cannot reach the leader, or thinks so now and then.
    fn gateway(&mut self) {
        let leader = self.group.register.leader;
        let dead = leader.is_none_or(|id| !self.group.is_up(id));
        if dead || self.dice.roll(30) == 0 {
            let candidate = self.any();
            let drop = leader.filter(|id| *id != candidate && self.dice.roll(2) == 0);
            let _ = self.group.elect(candidate, drop);
        }
    }

    fn store(&mut self) {
        let id = self.any();
        if self.dice.roll(2) == 0 {
            let position = self.dice.roll(self.proposals + 1);
            self.group.store(id, position);
        } else {
            self.group.serve_read();
        }
    }

    fn fault(&mut self) {
        let (id, peer) = (self.any(), self.any());
        match self.dice.roll(18) {
            0..=4 => {
                let kept = self.dice.roll(6) as usize;
                self.group.crash(id, kept);
            }
            5..=11 if !self.group.is_up(id) => self.group.start(id),
            12 | 13 => self.lose_disk(id),
            14 => {
                self.group.drive(id, |engine, now| engine.hand_over(now));
            }
            _ if id != peer => {
                let up = self.dice.roll(2) == 0;
                self.group.drive(id, |engine, now| engine.link(now, peer, up));
            }
            _ => {}
        }
    }

    /// Losing disks is tolerated as long as one in-sync disk stays.
    fn lose_disk(&mut self, id: ReplicaId) {
        let intact = Checker::intact(&self.group.register, &self.group.replicas);
        if intact.iter().any(|other| *other != id) {
            self.group.lose_disk(id);
            self.group.start(id);
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

    /// The faults stop. True if the group could be expected to recover.
    fn heal(&mut self) -> bool {
        for id in self.group.ids() {
            if !self.group.is_up(id) {
                self.group.start(id);
            }
        }
        for round in 0..600 {
            self.group.tick(Span::millis(10));
            self.group.settle();
            let intact = Checker::intact(&self.group.register, &self.group.replicas);
            let Some(best) = intact.last() else { return false };
            if round % 30 == 29 && self.group.leader().is_none() {
                let _ = self.group.elect(*best, None);
            }
            self.group.push_all();
            if round == 300 {
                self.propose_to_leader();
            }
        }
        true
    }

    fn propose_to_leader(&mut self) {
        if let Some(leader) = self.group.leader() {
            let command = Command::from(format!("{}", self.proposals));
            self.proposals += 1;
            self.group.propose(leader, vec![command]);
        }
    }

    /// After healing: one leader, everybody in sync, the same log everywhere, all of it delivered.
    fn recovered(&self) -> Result<(), String> {
        let leader = self.group.leader().ok_or("nobody leads")?;
        let everybody: BTreeSet<ReplicaId> = (1..=SIZE).collect();
        if self.group.register.in_sync != everybody {
            return Err(format!("not everybody is in sync: {:?}", self.group.register));
        }
        let end = self.group.status(leader).map_or(0, |status| status.end);
        for id in everybody {
            let status = self.group.status(id).ok_or("a replica is down")?;
            if (status.end, status.durable, status.commit) != (end, end, end) {
                return Err(format!("{id} does not hold all {end}: {status:?}"));
            }
        }
        if end < self.group.checker.acknowledged {
            return Err("acknowledged commands are gone".to_owned());
        }
        Ok(())
    }
}

#[test]
fn no_world_breaks_a_promise_and_every_world_recovers() {
    let (mut recovered, mut acknowledged, mut epochs) = (0, 0, 0);
    for seed in 0..SEEDS {
        let mut world = World::new(seed, |_| {});
        world.run(STEPS);
        assert_eq!(world.violation(), None, "seed {seed}");
        let could = world.heal();
        assert_eq!(world.violation(), None, "seed {seed}, healing");
        if could {
            world.recovered().unwrap_or_else(|text| panic!("seed {seed}: {text}"));
            recovered += 1;
        }
        acknowledged += world.group.checker.acknowledged;
        epochs += world.group.register.epoch;
    }
    // The worlds must be lively, or they prove nothing.
    println!("{recovered} of {SEEDS} recovered, {acknowledged} acknowledged, {epochs} epochs");
    assert!(recovered > SEEDS * 9 / 10, "only {recovered} of {SEEDS} worlds could recover");
    assert!(acknowledged > SEEDS * 50 && epochs > SEEDS * 5, "{acknowledged} {epochs}");
}

/// Enough for every branch to be taken often; a few seconds on one core.
const SEEDS: u64 = 300;
const STEPS: u32 = 4_000;

#[cfg(feature = "mutants")]
mod mutants {
    use super::*;
    use replication::mutants::Mutant;

    /// The first seed at which a mutant breaks a promise, with the promise.
    fn first_break(mutant: Mutant, seeds: u64) -> Option<(u64, String)> {
        (0..seeds).find_map(|seed| {
            let mut world = World::new(seed, move |config| config.mutant = Some(mutant));
            world.group.elect_any = mutant == Mutant::ElectAnyLive;
            world.run(STEPS);
            world.violation().map(|text| (seed, text.clone()))
        })
    }

    fn must_break(mutant: Mutant) {
        let broken = first_break(mutant, 2_000);
        println!("{mutant:?}: {broken:?}");
        assert!(broken.is_some(), "{mutant:?} survived");
    }

    #[test]
    fn acknowledging_before_durable_is_caught() {
        must_break(Mutant::AckBeforeDurable);
    }

    #[test]
    fn acknowledging_the_log_length_is_caught() {
        must_break(Mutant::AckLogLength);
    }

    #[test]
    fn resuming_an_old_epoch_is_caught() {
        must_break(Mutant::ResumeOldEpoch);
    }

    #[test]
    fn shrinking_before_it_is_known_is_caught() {
        must_break(Mutant::ShrinkBeforeKnown);
    }

    #[test]
    fn counting_a_lost_disk_is_caught() {
        must_break(Mutant::OldIncarnationAcks);
    }

    #[test]
    fn electing_any_live_replica_is_caught() {
        must_break(Mutant::ElectAnyLive);
    }

    #[test]
    fn readmitting_without_the_log_end_at_election_is_caught() {
        must_break(Mutant::ReadmitWithoutLeso);
    }
}
