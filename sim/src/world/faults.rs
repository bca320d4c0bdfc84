//! Faults: what can be done to a world, and how a seed draws what it does.

use crate::rng::Rng;

/// Whom a fault hits; resolved at the moment it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The catalog.
    Catalog,
    /// An order replica by id.
    Orders(u8),
    /// The orders leader as the register has it; the highest replica if there is none.
    Leader,
    /// The n-th order replica that is not the leader, from 0.
    Follower(u8),
    /// A gateway by id.
    Gateway(u8),
}

/// Something done to a world.
#[derive(Clone, Debug)]
pub enum Action {
    /// Kill a process; its machine loses what was not synced.
    Crash {
        /// Whom.
        target: Target,
        /// For how long, in µs.
        down: u64,
    },
    /// Kill everything at once.
    PowerCut {
        /// Until the first one is back, in µs.
        down: u64,
    },
    /// The process gets no input; its clock runs on.
    Pause {
        /// Whom.
        target: Target,
        /// For how long, in µs.
        lasting: u64,
    },
    /// Messages of one direction are lost.
    Block {
        /// Sender.
        from: Target,
        /// Receiver.
        to: Target,
        /// The other direction as well.
        both: bool,
        /// For how long, in µs.
        lasting: u64,
    },
    /// One host is cut off from all others.
    Isolate {
        /// Whom.
        target: Target,
        /// What it hears is lost.
        inward: bool,
        /// What it says is lost.
        outward: bool,
        /// For how long, in µs.
        lasting: u64,
    },
    /// A disk takes many times as long.
    Slow {
        /// Whose.
        target: Target,
        /// How many times.
        times: u64,
        /// For how long, in µs.
        lasting: u64,
    },
    /// Kill an order replica and take its disk, if another replica still has everything.
    LoseDisk {
        /// Whose.
        target: Target,
        /// For how long it is down, in µs.
        down: u64,
    },
    /// A wall clock jumps.
    WallJump {
        /// Whose.
        target: Target,
        /// By how much.
        by_ms: i64,
    },
    /// Stop a process in good order.
    Drain {
        /// Whom.
        target: Target,
        /// For how long it is down, in µs.
        down: u64,
    },
}

/// A class of random faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Any order replica is killed.
    CrashOrders,
    /// The leader is killed.
    CrashLeader,
    /// The catalog is killed.
    CrashCatalog,
    /// A gateway is killed.
    CrashGateway,
    /// Any process sleeps.
    Pause,
    /// One host is cut off, both ways.
    Partition,
    /// One direction is lost.
    OneWay,
    /// A disk is slow.
    SlowDisk,
    /// A disk is lost.
    LoseDisk,
    /// A wall clock jumps.
    WallJump,
    /// A process is stopped in good order.
    Drain,
    /// Everything is killed.
    PowerCut,
}

const KINDS: [FaultKind; 12] = [
    FaultKind::CrashOrders,
    FaultKind::CrashLeader,
    FaultKind::CrashCatalog,
    FaultKind::CrashGateway,
    FaultKind::Pause,
    FaultKind::Partition,
    FaultKind::OneWay,
    FaultKind::SlowDisk,
    FaultKind::LoseDisk,
    FaultKind::WallJump,
    FaultKind::Drain,
    FaultKind::PowerCut,
];

/// Which faults come, and how often.
#[derive(Clone, Debug)]
pub struct FaultKnobs {
    /// Active classes with their weights; none means a quiet world.
    weights: Vec<(FaultKind, u64)>,
    /// Mean time between faults, in µs.
    pub gap: u64,
    /// When the first may come, in µs.
    pub from: u64,
    /// Longest outage, in µs.
    pub longest: u64,
}

impl FaultKnobs {
    /// Draws a swarm: none in one of eight seeds, else any subset of at least two classes.
    pub fn draw(rng: &mut Rng, from: u64) -> Self {
        let mut knobs = FaultKnobs {
            weights: Vec::new(),
            gap: rng.between_log(100_000, 1_500_000),
            from,
            longest: rng.between_log(200_000, 4_000_000),
        };
        if rng.chance(0.125) {
            return knobs;
        }
        while knobs.weights.len() < 2 {
            knobs.weights = KINDS
                .iter()
                .filter_map(|kind| {
                    let share = if *kind == FaultKind::PowerCut { 0.15 } else { 0.4 };
                    rng.chance(share).then(|| (*kind, rng.between(1, 4)))
                })
                .collect();
        }
        knobs
    }

    /// Is this class active?
    pub fn has(&self, kind: FaultKind) -> bool {
        self.weights.iter().any(|(active, _)| *active == kind)
    }

    /// How many classes are active.
    pub fn classes(&self) -> usize {
        self.weights.len()
    }

    /// No random faults.
    pub fn silence(&mut self) {
        self.weights.clear();
    }

    /// The next fault.
    pub fn next(&self, rng: &mut Rng, gateways: u8, orders: u8) -> Option<Action> {
        let total: u64 = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut ticket = rng.below(total);
        let (kind, _) = self.weights.iter().find(|(_, weight)| {
            let found = ticket < *weight;
            ticket = ticket.saturating_sub(*weight);
            found
        })?;
        let gateway = Target::Gateway(rng.between(1, u64::from(gateways)) as u8);
        let replica = Target::Orders(rng.between(1, u64::from(orders)) as u8);
        Some(self.action(rng, *kind, gateway, replica))
    }

    fn action(&self, rng: &mut Rng, kind: FaultKind, gateway: Target, replica: Target) -> Action {
        let lasting = rng.between_log(10_000, self.longest);
        let any = *rng.pick(&[gateway, replica, replica, Target::Leader, Target::Catalog]);
        match kind {
            FaultKind::CrashOrders => Action::Crash { target: replica, down: lasting },
            FaultKind::CrashLeader => Action::Crash { target: Target::Leader, down: lasting },
            FaultKind::CrashCatalog => {
                Action::Crash { target: Target::Catalog, down: lasting.min(1_000_000) }
            }
            FaultKind::CrashGateway => Action::Crash { target: gateway, down: lasting },
            FaultKind::Pause => {
                Action::Pause { target: any, lasting: rng.between_log(10_000, self.longest * 2) }
            }
            FaultKind::Partition => {
                Action::Isolate { target: any, inward: true, outward: true, lasting }
            }
            FaultKind::OneWay => self.one_way(rng, any, gateway, replica, lasting),
            FaultKind::SlowDisk => {
                let target = *rng.pick(&[replica, replica, Target::Leader, Target::Catalog]);
                Action::Slow { target, times: rng.between_log(10, 1_000), lasting }
            }
            FaultKind::LoseDisk => Action::LoseDisk { target: replica, down: lasting },
            FaultKind::WallJump => {
                let most = *rng.pick(&[5_000, 120_000, 120_000, 3_600_000]);
                Action::WallJump {
                    target: any,
                    by_ms: rng.below(2 * most + 1) as i64 - most as i64,
                }
            }
            FaultKind::Drain => {
                let target = *rng.pick(&[replica, Target::Leader, gateway]);
                Action::Drain { target, down: lasting }
            }
            FaultKind::PowerCut => Action::PowerCut { down: lasting.min(1_000_000) },
        }
    }

    fn one_way(
        &self,
        rng: &mut Rng,
        any: Target,
        gateway: Target,
        replica: Target,
        lasting: u64,
    ) -> Action {
        let pairs = [
            (gateway, Target::Catalog),
            (Target::Catalog, gateway),
            (Target::Leader, Target::Catalog),
            (Target::Catalog, Target::Leader),
            (Target::Leader, replica),
            (replica, Target::Leader),
            (gateway, Target::Leader),
            (Target::Leader, gateway),
        ];
        if rng.chance(0.3) {
            let inward = rng.chance(0.5);
            return Action::Isolate { target: any, inward, outward: !inward, lasting };
        }
        let (from, to) = *rng.pick(&pairs);
        Action::Block { from, to, both: false, lasting }
    }
}
