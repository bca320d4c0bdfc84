//! Faults: what can be done to a world, and how a seed draws what it does.

use super::layout::Layout;
use crate::rng::Rng;

/// Whom a fault hits; resolved at the moment it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A catalog by id.
    Catalog(u8),
    /// The catalog that leads in the highest term that was seen; the first one if none does.
    CatalogLeader,
    /// The n-th catalog that is a member and not that leader, from 0.
    CatalogFollower(u8),
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
    /// Kill a replica and take its disk, if what is left still has everything. A catalog is locked out then, until an
    /// operator takes it out of the group and in again.
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
    /// Every link between two sides is lost, from the first side to the second at least. Whoever is on neither side notices
    /// nothing.
    Split {
        /// One side.
        from: Vec<Target>,
        /// The other.
        to: Vec<Target>,
        /// The other direction as well.
        both: bool,
        /// For how long, in µs.
        lasting: u64,
    },
    /// An operator takes a catalog into the group.
    AddMember {
        /// Whom.
        target: Target,
    },
    /// An operator takes a catalog out of the group.
    RemoveMember {
        /// Whom.
        target: Target,
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
    /// A catalog is killed: half the time the one that leads.
    CrashCatalog,
    /// The catalog that leads sleeps, mostly for longer than its reign lasts without it.
    PauseCatalogLeader,
    /// The catalog that leads is cut off from other catalogs, from clients' gateways, or from both; one way or both ways.
    SplitCatalogs,
    /// A catalog's disk is lost.
    LoseCatalogDisk,
    /// The catalog's group gets or loses a member.
    ChangeMembers,
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

const KINDS: [FaultKind; 16] = [
    FaultKind::CrashOrders,
    FaultKind::CrashLeader,
    FaultKind::CrashCatalog,
    FaultKind::PauseCatalogLeader,
    FaultKind::SplitCatalogs,
    FaultKind::LoseCatalogDisk,
    FaultKind::ChangeMembers,
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
    pub fn next(&self, rng: &mut Rng, layout: Layout) -> Option<Action> {
        let total: u64 = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut ticket = rng.below(total);
        let (kind, _) = self.weights.iter().find(|(_, weight)| {
            let found = ticket < *weight;
            ticket = ticket.saturating_sub(*weight);
            found
        })?;
        let cast = Cast::draw(rng, layout);
        Some(self.action(rng, *kind, &cast))
    }

    fn action(&self, rng: &mut Rng, kind: FaultKind, cast: &Cast) -> Action {
        let lasting = rng.between_log(10_000, self.longest);
        let (replica, gateway, catalog) = (cast.replica, cast.gateway, cast.catalog);
        let any = cast.any;
        match kind {
            FaultKind::CrashOrders => Action::Crash { target: replica, down: lasting },
            FaultKind::CrashLeader => Action::Crash { target: Target::Leader, down: lasting },
            FaultKind::CrashCatalog => {
                let most = if cast.alone { 1_000_000 } else { self.longest };
                Action::Crash { target: catalog, down: lasting.min(most) }
            }
            FaultKind::PauseCatalogLeader => Action::Pause {
                target: Target::CatalogLeader,
                lasting: rng.between_log(100_000, self.longest.max(1_000_000) * 2),
            },
            FaultKind::SplitCatalogs => split_catalogs(rng, cast, lasting),
            FaultKind::LoseCatalogDisk => {
                Action::LoseDisk { target: cast.any_catalog, down: lasting }
            }
            FaultKind::ChangeMembers => match rng.chance(0.6) {
                true => Action::AddMember { target: cast.any_catalog },
                false => Action::RemoveMember { target: cast.catalog },
            },
            FaultKind::CrashGateway => Action::Crash { target: gateway, down: lasting },
            FaultKind::Pause => {
                Action::Pause { target: any, lasting: rng.between_log(10_000, self.longest * 2) }
            }
            FaultKind::Partition => {
                Action::Isolate { target: any, inward: true, outward: true, lasting }
            }
            FaultKind::OneWay => one_way(rng, cast, lasting),
            FaultKind::SlowDisk => {
                let target = *rng.pick(&[replica, replica, Target::Leader, catalog]);
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
                let target = *rng.pick(&[replica, Target::Leader, gateway, catalog]);
                Action::Drain { target, down: lasting }
            }
            FaultKind::PowerCut => Action::PowerCut { down: lasting.min(1_000_000) },
        }
    }
}

/// Whom the next fault may hit.
struct Cast {
    gateway: Target,
    replica: Target,
    /// Half the time the one that leads.
    catalog: Target,
    any_catalog: Target,
    any: Target,
    /// There is only one catalog.
    alone: bool,
}

impl Cast {
    fn draw(rng: &mut Rng, layout: Layout) -> Self {
        let gateway = Target::Gateway(rng.between(1, u64::from(layout.gateways)) as u8);
        let replica = Target::Orders(rng.between(1, u64::from(layout.orders)) as u8);
        let any_catalog = Target::Catalog(rng.between(1, u64::from(layout.catalogs)) as u8);
        let catalog = if rng.chance(0.5) { Target::CatalogLeader } else { any_catalog };
        let any = *rng.pick(&[gateway, replica, replica, Target::Leader, catalog]);
        let alone = layout.catalogs == 1;
        Cast { gateway, replica, catalog, any_catalog, any, alone }
    }
}

fn one_way(rng: &mut Rng, cast: &Cast, lasting: u64) -> Action {
    let (gateway, replica, catalog) = (cast.gateway, cast.replica, cast.catalog);
    let pairs = [
        (gateway, catalog),
        (catalog, gateway),
        (Target::Leader, catalog),
        (catalog, Target::Leader),
        (Target::Leader, replica),
        (replica, Target::Leader),
        (gateway, Target::Leader),
        (Target::Leader, gateway),
    ];
    if rng.chance(0.3) {
        let inward = rng.chance(0.5);
        return Action::Isolate { target: cast.any, inward, outward: !inward, lasting };
    }
    let (from, to) = *rng.pick(&pairs);
    Action::Block { from, to, both: false, lasting }
}

/// The leader and maybe a gateway on one side, some or all other catalogs on the other; everybody else sees both.
fn split_catalogs(rng: &mut Rng, cast: &Cast, lasting: u64) -> Action {
    let mut leader = vec![Target::CatalogLeader];
    if rng.chance(0.4) {
        leader.push(cast.gateway);
    }
    let reached = *rng.pick(&[1, 2, 5]);
    let others: Vec<Target> = (0..reached).map(Target::CatalogFollower).collect();
    let (from, to) = if rng.chance(0.5) { (leader, others) } else { (others, leader) };
    Action::Split { from, to, both: rng.chance(0.4), lasting }
}
