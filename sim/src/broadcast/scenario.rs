//! What a seed says about its world: how many members, how bad network and disks are, what clients want, which faults come.

use super::faults::{Action, FaultKnobs};
use super::start::Start;
use crate::rng::Rng;
use crate::world::network::NetKnobs;

/// How disks behave.
#[derive(Clone, Debug)]
pub struct DiskKnobs {
    /// Mean time of a sync, in µs.
    pub sync: u64,
    /// Share of syncs that take up to `tail_max`.
    pub tail: f64,
    /// In µs.
    pub tail_max: u64,
    /// Mean time until the store commits, in µs.
    pub store: u64,
    /// Share of crashes at which a part of what was under way reached the disk.
    pub keep_part: f64,
}

/// What clients want.
#[derive(Clone, Debug)]
pub struct WorkKnobs {
    /// Mean time between two proposals at one member, in µs.
    pub gap: u64,
    /// Most commands in one proposal.
    pub batch: u64,
    /// Most bytes that a command has beyond its name.
    pub padding: u64,
    /// How many members take commands before healing.
    pub proposers: u8,
    /// Share of proposals that every proposer repeats at the same moment.
    pub contention: f64,
    /// Commands before healing, at the most.
    pub most: u64,
    /// Mean time between two barriers, in µs.
    pub barriers: u64,
}

/// How generous the engine's limits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressure {
    /// As shipped.
    Usual,
    /// Windows and notes so small that they are full all the time.
    Small,
}

/// Everything that a seed says.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// Members of the group: 3, 5 or 7.
    pub members: u8,
    /// The network before healing.
    pub net: NetKnobs,
    /// Share of messages that are lost even after healing: a datagram network is never whole.
    pub lasting_loss: f64,
    /// The disks.
    pub disk: DiskKnobs,
    /// The clients.
    pub work: WorkKnobs,
    /// Faults by chance.
    pub faults: FaultKnobs,
    /// Faults by plan: when, in µs, and what.
    pub steps: Vec<(u64, Action)>,
    /// The state that the world is brought into first.
    pub start: Start,
    /// Every Sequence covers one Request: the textbook's rule.
    pub assignment_mode: bool,
    /// The engine's limits.
    pub pressure: Pressure,
    /// Longest time between an input and the burst that takes it, in µs.
    pub burst: u64,
    /// Share of snapshots that are lost on the way.
    pub snapshot_loss: f64,
    /// Mean time that a snapshot takes, in µs.
    pub snapshot_time: u64,
    /// Most that a clock is off its rate, in parts per million.
    pub drift_ppm: i64,
    /// When all troubles end, in µs.
    pub heal_at: u64,
}

impl Scenario {
    /// The scenario of a seed.
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 11);
        let members = *rng.pick(&[3, 3, 3, 5, 5, 5, 5, 7]);
        let heal_at = rng.between(900_000, 3_000_000);
        let (start, steps) = Start::draw(&mut rng, members);
        let earliest = steps.last().map_or(60_000, |(at, _)| at + 10_000);
        let net = draw_net(&mut rng);
        let lasting_loss = if rng.chance(0.4) { net.loss.min(0.3) } else { 0.0 };
        Scenario {
            seed,
            members,
            lasting_loss,
            net,
            disk: draw_disk(&mut rng),
            work: draw_work(&mut rng, members),
            faults: FaultKnobs::draw(&mut rng, earliest),
            steps,
            start,
            assignment_mode: rng.chance(0.15),
            pressure: if rng.chance(0.35) { Pressure::Small } else { Pressure::Usual },
            burst: rng.between_log(5, 1_500),
            snapshot_loss: if rng.chance(0.5) { 0.0 } else { 0.5 * rng.unit() },
            snapshot_time: rng.between_log(200, 100_000),
            drift_ppm: 10_000,
            heal_at: heal_at.max(earliest + 300_000),
        }
    }

    /// One line for a person.
    pub fn summary(&self) -> String {
        format!(
            "{} members, loss {:.2}, doubled {:.2}, sync {} µs, {} proposers every {} µs, {:?} limits, start {:?}, {}{} fault classes, healed at {} ms",
            self.members,
            self.net.loss,
            self.net.duplicate,
            self.disk.sync,
            self.work.proposers,
            self.work.gap,
            self.pressure,
            self.start,
            if self.assignment_mode { "assignment mode, " } else { "" },
            self.faults.classes(),
            self.heal_at / 1_000,
        )
    }
}

fn draw_net(rng: &mut Rng) -> NetKnobs {
    let loss = match rng.below(4) {
        0 => 0.0,
        1 => 0.05 * rng.unit(),
        _ => 0.4 * rng.unit(),
    };
    NetKnobs {
        base: rng.between_log(10, 500),
        jitter: rng.between_log(10, 3_000),
        spike: if rng.chance(0.5) { 0.0 } else { 0.03 * rng.unit() },
        spike_max: rng.between_log(2_000, 1_500_000),
        loss,
        duplicate: if rng.chance(0.4) { 0.0 } else { 0.3 * rng.unit() },
        fifo: false,
        notice: 0.0,
    }
}

fn draw_disk(rng: &mut Rng) -> DiskKnobs {
    DiskKnobs {
        sync: rng.between_log(30, 6_000),
        tail: if rng.chance(0.5) { 0.0 } else { 0.05 * rng.unit() },
        tail_max: rng.between_log(10_000, 300_000),
        store: rng.between_log(1_000, 700_000),
        keep_part: *rng.pick(&[0.0, 0.5, 0.5, 1.0]),
    }
}

fn draw_work(rng: &mut Rng, members: u8) -> WorkKnobs {
    WorkKnobs {
        gap: rng.between_log(500, 60_000),
        batch: rng.between_log(1, 12),
        padding: rng.between_log(1, 200),
        proposers: rng.between(1, u64::from(members)) as u8,
        contention: if rng.chance(0.5) { 0.0 } else { 0.5 * rng.unit() },
        most: rng.between_log(40, 500),
        barriers: rng.between_log(5_000, 200_000),
    }
}
