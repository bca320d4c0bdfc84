//! Seeded worlds of the rotating sequencer: members that crash, pause, lose unsynced writes and whole disks, a network that
//! loses, doubles, reorders and is cut (one way, too). Whatever happens, the promises hold (`group::checker`); once it stops,
//! everybody is a member again and everything that was taken and not lost with its member is delivered.
//!
//! `WORLDS=N` runs so many seeds, `WORLD=N` one of them.

mod group;

use std::collections::{BTreeMap, BTreeSet};

use group::{Group, Packet, rotating_sequencer};
use replication::contract::*;
use replication::rotating_sequencer::Config;
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

struct World {
    group: Group,
    dice: Dice,
    /// Of a hundred packets, so many are lost.
    loss: u64,
    faults: u64,
    slow_disk: ReplicaId,
    paused: BTreeSet<ReplicaId>,
    held: Vec<Packet>,
    /// Members that were in a view with the disk they have now.
    whole: BTreeSet<ReplicaId>,
    proposals: u64,
    /// What members took, by life, and have not lost since.
    taken: BTreeMap<(ReplicaId, u32), Vec<Command>>,
    lost_disks: u64,
    restores: u64,
}

impl World {
    fn new(seed: u64, adjust: impl Fn(&mut Config) + 'static) -> Self {
        let mut dice = Dice(seed);
        let size = dice.pick(&[3, 3, 5, 5, 7]);
        let assignment = dice.roll(4) == 0;
        let factory = rotating_sequencer(size, seed, move |config| {
            config.assignment_mode = assignment;
            // Small limits, so that few commands reach every branch.
            config.limits.request_commands = 2;
            config.limits.request_window = 8;
            config.limits.sequence_commands = 3;
            config.limits.sequence_ahead = 12;
            config.limits.repair_entries = 4;
            config.limits.notes_bytes = 1_000;
            config.limits.tail_sequences = 3;
            config.limits.tail_bytes = 60;
            config.limits.level = 4;
            adjust(config);
        });
        let mut group = Group::new(size, factory);
        if dice.roll(4) > 0 {
            group.found();
        }
        World {
            loss: dice.pick(&[0, 5, 20, 40]),
            faults: dice.pick(&[0, 1, 4, 12]),
            slow_disk: dice.roll(2 * u64::from(size)) as ReplicaId,
            dice,
            group,
            paused: BTreeSet::new(),
            held: Vec::new(),
            whole: BTreeSet::new(),
            proposals: 0,
            taken: BTreeMap::new(),
            lost_disks: 0,
            restores: 0,
        }
    }

    fn any(&mut self) -> ReplicaId {
        let ids = self.group.ids();
        self.dice.pick(&ids)
    }

    fn round(&mut self) {
        let span = self.dice.pick(&[1, 3, 10, 10]);
        self.tick(Span::millis(span));
        self.network();
        self.disks();
        for _ in 0..self.dice.roll(3) {
            self.client();
        }
        if self.dice.roll(8) == 0 {
            let lost = self.dice.roll(4) == 0;
            self.group.transfer_one(lost);
        }
        if self.dice.roll(200) < self.faults {
            self.fault();
        }
        let whole = |id: &ReplicaId| self.group.replicas[id].role == Role::Member;
        self.whole.extend(self.group.ids().into_iter().filter(whole));
    }

    fn tick(&mut self, span: Span) {
        self.group.now = self.group.now + span;
        for id in self.group.ids() {
            if !self.paused.contains(&id) {
                self.group.drive(id, |engine, now| engine.tick(now));
            }
        }
    }

    fn network(&mut self) {
        let mut packets = std::mem::take(&mut self.group.net);
        if self.dice.roll(4) == 0 {
            for index in (1..packets.len()).rev() {
                let other = self.dice.roll(index as u64 + 1) as usize;
                packets.swap(index, other);
            }
        }
        for packet in packets {
            let fate = self.dice.roll(100);
            if fate < self.loss {
                continue;
            }
            match self.dice.roll(40) {
                0 => self.group.net.push(packet),
                1 => {
                    self.group.net.push(packet.clone());
                    self.arrive(packet);
                }
                2 => self.hold(packet),
                _ => self.arrive(packet),
            }
        }
        if !self.held.is_empty() && self.dice.roll(3) == 0 {
            let index = self.dice.roll(self.held.len() as u64) as usize;
            let packet = self.held.swap_remove(index);
            self.arrive(packet);
        }
    }

    /// The network keeps a copy for a long time.
    fn hold(&mut self, packet: Packet) {
        self.held.push(packet.clone());
        if self.held.len() > 100 {
            self.held.remove(0);
        }
        self.arrive(packet);
    }

    fn arrive(&mut self, packet: Packet) {
        if self.paused.contains(&packet.to) {
            // A socket's buffer is small.
            if self.group.net.len() < 200 {
                self.group.net.push(packet);
            }
        } else {
            self.group.arrive(packet);
        }
    }

    fn disks(&mut self) {
        for id in self.group.ids() {
            let lazy = id == self.slow_disk && self.dice.roll(10) > 0;
            if self.paused.contains(&id) || lazy {
                continue;
            }
            if self.group.replace_one(id) {
                self.restores += 1;
            }
            for _ in 0..self.dice.roll(4) {
                self.group.persist_one(id);
            }
        }
    }

    fn client(&mut self) {
        let id = self.any();
        if self.paused.contains(&id) || !self.group.is_up(id) {
            return;
        }
        match self.dice.roll(10) {
            0..=5 => self.propose(id),
            6 => drop(self.group.barrier(id)),
            _ => {
                let delivered = self.group.status(id).map_or(0, |status| status.commit);
                let position = delivered.saturating_sub(self.dice.roll(8));
                self.group.store(id, position);
            }
        }
    }

    fn propose(&mut self, id: ReplicaId) {
        let life = self.group.replicas[&id].life;
        let count = 1 + self.dice.roll(4);
        let numbers = self.proposals..self.proposals + count;
        self.proposals += count;
        let commands: Vec<_> = numbers.map(|n| Command::from(format!("{id}.{life}.{n}"))).collect();
        if let Some(Ok(_)) = self.group.propose(id, commands.clone()) {
            self.taken.entry((id, life)).or_default().extend(commands);
        }
    }

    fn forget(&mut self, id: ReplicaId) {
        self.taken.retain(|(member, _), _| *member != id);
        self.paused.remove(&id);
    }

    fn fault(&mut self) {
        let (id, peer) = (self.any(), self.any());
        match self.dice.roll(24) {
            0..=4 => {
                let kept = self.dice.roll(6) as usize;
                self.group.crash(id, kept);
                self.forget(id);
            }
            5..=10 if !self.group.is_up(id) => self.group.start(id),
            11 | 12 => self.lose_disk(id),
            13 | 14 => drop(self.paused.insert(id)),
            15 | 16 => self.paused.clear(),
            17 | 18 if id != peer => drop(self.group.cut.insert((id, peer))),
            19 => {
                for other in self.group.ids() {
                    self.group.cut.insert((id, other));
                    self.group.cut.insert((other, id));
                }
            }
            20 => self.power_cut(),
            21 => {
                let up = self.dice.roll(2) == 0;
                self.group.drive(id, |engine, now| engine.link(now, peer, up));
            }
            _ => self.group.cut.clear(),
        }
    }

    fn power_cut(&mut self) {
        for id in self.group.ids() {
            let kept = self.dice.roll(4) as usize;
            self.group.crash(id, kept);
            self.forget(id);
        }
        for id in self.group.ids() {
            self.group.start(id);
        }
    }

    /// Fewer than half of the members may be without what they once had, and only once the group has begun everywhere.
    fn lose_disk(&mut self, id: ReplicaId) {
        let size = self.group.ids().len();
        let lacking = self.group.ids().into_iter().filter(|other| !self.whole.contains(other));
        let lacking = lacking.filter(|other| *other != id).count();
        if (self.lost_disks == 0 && lacking > 0) || lacking + 1 > (size - 1) / 2 {
            return;
        }
        self.lost_disks += 1;
        self.whole.remove(&id);
        self.group.lose_disk(id);
        self.forget(id);
        self.group.start(id);
    }

    fn fine(&self, what: &str) {
        assert_eq!(self.group.checker.violations, Vec::<String>::new(), "{what}");
    }

    /// No more faults: everybody comes back, and everything taken is delivered everywhere.
    fn heal(&mut self) {
        self.group.cut.clear();
        self.paused.clear();
        self.held.clear();
        for id in self.group.ids() {
            if !self.group.is_up(id) {
                self.group.start(id);
            }
        }
        for round in 0..1_500 {
            if round == 1_440 && setting("WORLD").is_some() {
                self.group.trace = Some(Vec::new());
            }
            self.group.tick(Span::millis(10));
            self.group.settle();
            for id in self.group.ids() {
                self.group.store(id, Position::MAX);
            }
            if round % 50 == 49 && self.is_healed() {
                return self.compare();
            }
        }
        let line = |id: &ReplicaId| {
            let (role, status) = (self.group.replicas[id].role, self.group.status(*id));
            let status = status.unwrap_or_default();
            let Status { epoch, end, durable, commit, members, .. } = status;
            format!("{id} {role:?} {epoch} end {end} disk {durable} done {commit} {members:?}")
        };
        self.group.trace.iter().flatten().for_each(|line| println!("{line}"));
        let lines: Vec<_> = self.group.ids().iter().map(line).collect();
        panic!("not healed: {lines:#?}");
    }

    fn is_healed(&self) -> bool {
        let last = self.group.checker.agreed.keys().last().copied().unwrap_or(0);
        let level = |id: &ReplicaId| self.group.status(*id).is_some_and(|s| s.commit >= last);
        let delivered: BTreeSet<_> =
            self.group.checker.agreed.values().map(|(_, command)| command).collect();
        let done = self.taken.values().flatten().all(|command| delivered.contains(command));
        self.group.leaderless() && self.group.ids().iter().all(level) && done
    }

    /// Each member's commands stand in the sequence in which it took them.
    fn compare(&self) {
        self.fine("after healing");
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        for (_, command) in self.group.checker.agreed.values() {
            let text = String::from_utf8_lossy(command).into_owned();
            let (life, number) = text.rsplit_once('.').expect("as it was proposed");
            let number = number.parse().expect("a number");
            let before = last.insert(life.to_owned(), number);
            assert!(before.is_none_or(|before| before < number), "{life}: {before:?}, {number}");
        }
    }
}

fn run(seed: u64, rounds: u64, adjust: impl Fn(&mut Config) + 'static) -> World {
    let mut world = World::new(seed, adjust);
    for _ in 0..rounds {
        world.round();
        world.fine(&format!("seed {seed}"));
    }
    world.heal();
    world
}

#[allow(clippy::disallowed_methods, reason = "how many worlds is up to whoever runs the test")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn the_promises_hold_in_every_world() {
    let seeds = match setting("WORLD") {
        Some(seed) => seed..seed + 1,
        None => 0..setting("WORLDS").unwrap_or(60),
    };
    let mut failed = Vec::new();
    let (mut delivered, mut passed, mut disks, mut restores) = (0, 0, 0, 0);
    for seed in seeds.clone() {
        let result = std::panic::catch_unwind(|| {
            let world = run(seed, 800, |_| {});
            let delivered = world.group.checker.agreed.len();
            (delivered, world.group.checker.passed, world.lost_disks, world.restores)
        });
        let Ok(numbers) = result else {
            println!("seed {seed} failed");
            failed.push(seed);
            continue;
        };
        delivered += numbers.0;
        passed += numbers.1;
        disks += numbers.2;
        restores += numbers.3;
    }
    assert_eq!(failed, Vec::<u64>::new(), "these seeds failed");
    println!("{delivered} delivered, {passed} barriers, {disks} disks lost, {restores} restores");
    if seeds.end - seeds.start >= 60 {
        assert!(delivered > 5_000 && passed > 100 && disks > 5 && restores > 5, "vacuous");
    }
}

/// Is a mistake noticed in this world: as a broken promise, a panic, or a group that does not heal?
#[cfg(feature = "mutants")]
fn is_noticed(mutant: replication::mutants::Mutant, seed: u64) -> bool {
    let world = || drop(run(seed, 800, move |config| config.mutant = Some(mutant)));
    std::panic::catch_unwind(world).is_err()
}

/// Each mistake with a world that notices it. Where the engine has changed since, any other world may do. Five are not among
/// them: three cost time, not promises (`SequenceIncomplete`, `SequenceUnheard`, `NackOnlyTheSender`), and two need a rare moment
/// (`LongestListOfAnyView`, found in one of some hundred worlds, and `NoIncarnationVectors`). The tests of the rule of recovery
/// and the scripts show those.
#[cfg(feature = "mutants")]
#[test]
fn every_mistake_is_found() {
    use replication::mutants::Mutant::*;
    let mutants = [
        (AckBeforeDurable, 79),
        (SequenceBeyondGap, 0),
        (SequenceAcrossGap, 15),
        (DeliverBeforeMajority, 4),
        (MajorityOfTheView, 14),
        (AckWithoutRequest, 130),
        (NumbersUsedAgain, 0),
        (NoWedge, 4),
        (AmnesiacAnswers, 0),
        (RecoveryForgets, 0),
        (NoIdleStatus, 0),
    ];
    let most = setting("WORLDS").unwrap_or(300);
    let missed: Vec<_> = mutants
        .into_iter()
        .filter(|(mutant, known)| {
            let found = std::iter::once(*known).chain(0..most).find(|it| is_noticed(*mutant, *it));
            println!("{mutant:?}: {found:?}");
            found.is_none()
        })
        .collect();
    assert_eq!(missed, Vec::new(), "nothing noticed these");
}
