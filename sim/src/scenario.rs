//! What a seed means: every knob of a world, drawn before it starts.
//!
//! Source of the shape: swarm testing (each seed has its own subset of faults, so that rare combinations come up),
//! and directed starts (some mutants are invisible to random walks from an empty start).

use market::listing::{Kind, NewListing};
use market::money::Price;
use market::name::Name;

use crate::directed::{self, Directed, Step};
use crate::orders_group::{self, OrdersGroup};
use crate::rng::Rng;
use crate::world::clock::MAX_DRIFT_PPM;
use crate::world::disk::DiskKnobs;
use crate::world::faults::{FaultKind, FaultKnobs};
use crate::world::network::NetKnobs;

/// Everything about a world that is decided before it starts.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where it came from.
    pub seed: u64,
    /// The catalog's group.
    pub group: Group,
    /// How the orders' group elects its leader; else the register does, and the group is one of primary-backup.
    pub orders_group: Option<OrdersGroup>,
    /// Gateways, ids from 1.
    pub gateways: u8,
    /// Order replicas, ids from 1.
    pub orders: u8,
    /// Clients per gateway.
    pub clients: u8,
    /// The first catalog.
    pub listings: Vec<NewListing>,
    /// Share of requests that go to the first listing.
    pub hot: f64,
    /// Entries in each gateway's cache.
    pub cache_size: usize,
    /// Restock interval in ms and level, if on.
    pub restock: Option<(u64, u64)>,
    /// Gateways' health check interval, in ms.
    pub health_ms: u64,
    /// Gateways answer clients after this long at the latest, in ms.
    pub deadline_ms: u64,
    /// What clients do.
    pub clients_knobs: ClientKnobs,
    /// Largest clock drift, in parts per million.
    pub drift_ppm: i64,
    /// The network.
    pub net: NetKnobs,
    /// The disks.
    pub disk: DiskKnobs,
    /// Random faults.
    pub faults: FaultKnobs,
    /// The prepared situation, if any.
    pub directed: Option<Directed>,
    /// Its steps.
    pub steps: Vec<Step>,
    /// When everything is healed, in µs.
    pub heal_at: u64,
}

/// The catalog's group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Replicas that are members from the beginning, ids from 1.
    pub members: u8,
    /// Replicas that wait to be added, with the next ids.
    pub spares: u8,
    /// Agreed by elections among themselves; one catalog may also do without.
    pub elects: bool,
    /// Entries that a leader keeps in memory for followers that lag; who misses more is sent a snapshot.
    pub tail: u64,
    /// Trades are answered when the catalogs have them; else when the orders' in-sync set has them, too.
    pub ledger: bool,
}

impl Group {
    /// One catalog, without elections.
    pub fn alone() -> Self {
        Group { members: 1, spares: 0, elects: false, tail: 0, ledger: false }
    }
}

/// What clients do.
#[derive(Clone, Debug)]
pub struct ClientKnobs {
    /// Share of operations that are trades.
    pub trades: f64,
    /// Share of the rest that look up an order.
    pub order_reads: f64,
    /// Share of trades that buy.
    pub buys: f64,
    /// Largest quantity of a sensible trade.
    pub quantity: u64,
    /// Share of trades that make no sense: unknown listing, quantity out of range, key reused with another body.
    pub odd: f64,
    /// Share of trades that ask for more than there ever is; their refusal tells how many were left.
    pub greedy: f64,
    /// Share of unresolved trades that are tried again at once (the others after healing).
    pub retry: f64,
    /// Mean time between operations, in µs.
    pub think: u64,
    /// Keys carry the time they were made, so that they can expire.
    pub born: bool,
}

impl Scenario {
    /// Draws a world.
    pub fn draw(seed: u64) -> Self {
        let rng = &mut Rng::new(seed, 1);
        let listings = draw_listings(rng);
        let fault_span = rng.between(3_000_000, 9_000_000);
        let calm_start = rng.between(200_000, 700_000);
        let mut scenario = Scenario {
            seed,
            group: draw_group(rng),
            orders_group: None,
            gateways: 1 + u8::from(rng.chance(0.7)),
            orders: if rng.chance(0.9) { 3 } else { 2 },
            clients: rng.between(1, 6) as u8,
            hot: *rng.pick(&[0.0, 0.3, 0.8, 1.0]),
            cache_size: rng.below(6) as usize,
            restock: rng.chance(0.3).then(|| (rng.between_log(20, 2_000), rng.between_log(1, 100))),
            health_ms: *rng.pick(&[50, 200, 500]),
            deadline_ms: *rng.pick(&[300, 1_000, 5_000]),
            clients_knobs: draw_clients(rng),
            drift_ppm: *rng.pick(&[0, 1_000, MAX_DRIFT_PPM, MAX_DRIFT_PPM]),
            net: draw_net(rng),
            disk: draw_disk(rng),
            faults: FaultKnobs::draw(rng, calm_start),
            directed: None,
            steps: Vec::new(),
            heal_at: calm_start + fault_span,
            listings,
        };
        // Three of ten seeds start from a prepared situation; half of these have no other trouble.
        if rng.chance(0.3) {
            directed::prepare(&mut scenario, rng);
        }
        // Some worlds are crowded, so that several batches are under way; their clients think longer.
        if rng.chance(0.06) && scenario.directed.is_none() {
            scenario.clients = rng.between(20, 30) as u8;
            scenario.clients_knobs.think = rng.between_log(10_000, 60_000);
        }
        // Keys of unknown age are only remembered for the horizon; a wall clock may only run past it when keys tell their age.
        if scenario.faults.has(FaultKind::WallJump) {
            scenario.clients_knobs.born = true;
        }
        orders_group::draw(&mut scenario);
        scenario
    }

    /// One line for a person.
    pub fn summary(&self) -> String {
        format!(
            "catalogs {:?} gateways {} orders {} {:?} clients {}x{} listings {} hot {} cache {} restock {:?} health {} ms deadline {} ms directed {:?}\n  {:?}\n  {:?}\n  {:?}\n  faults {:?}\n  drift {} ppm, heals at {} ms",
            self.group,
            self.gateways,
            self.orders,
            self.orders_group,
            self.gateways,
            self.clients,
            self.listings.len(),
            self.hot,
            self.cache_size,
            self.restock,
            self.health_ms,
            self.deadline_ms,
            self.directed,
            self.clients_knobs,
            self.net,
            self.disk,
            self.faults,
            self.drift_ppm,
            self.heal_at / 1_000,
        )
    }
}

/// A quarter of all worlds have one catalog and no elections; most others have three.
fn draw_group(rng: &mut Rng) -> Group {
    let members = match rng.below(20) {
        0..5 => return Group::alone(),
        5 => 1,
        6..18 => 3,
        _ => 5,
    };
    let spares = match members {
        1 => 2,
        5 => 0,
        _ => u8::from(rng.chance(0.4)),
    };
    let ledger = members >= 3 && rng.chance(0.7);
    Group { members, spares, elects: true, tail: *rng.pick(&[4, 20, 200, 65_536]), ledger }
}

fn draw_listings(rng: &mut Rng) -> Vec<NewListing> {
    let count = rng.between(1, 10);
    let most = *rng.pick(&[3, 20, 100, 1_000_000]);
    (0..count)
        .map(|index| NewListing {
            name: Name::new(&format!("item-{index}")).expect("a short plain text is a name"),
            kind: if index % 2 == 0 { Kind::Stock } else { Kind::Toy },
            price: Price::from_minor(100 + rng.below(5_000)).expect("a small price"),
            quantity: rng.below(most + 1),
            restock: rng.chance(0.7),
        })
        .collect()
}

fn draw_clients(rng: &mut Rng) -> ClientKnobs {
    ClientKnobs {
        trades: *rng.pick(&[0.2, 0.4, 0.6, 0.8, 1.0]),
        order_reads: *rng.pick(&[0.0, 0.1, 0.4]),
        buys: *rng.pick(&[0.5, 0.7, 1.0]),
        quantity: *rng.pick(&[1, 3, 10]),
        odd: *rng.pick(&[0.0, 0.02, 0.1]),
        greedy: *rng.pick(&[0.0, 0.05, 0.3]),
        retry: *rng.pick(&[0.0, 0.5, 1.0]),
        think: rng.between_log(500, 20_000),
        born: rng.chance(0.3),
    }
}

fn draw_net(rng: &mut Rng) -> NetKnobs {
    let troubled = rng.chance(0.6);
    NetKnobs {
        base: rng.between_log(30, 1_000),
        jitter: rng.between_log(20, if troubled { 8_000 } else { 400 }),
        spike: if troubled { *rng.pick(&[0.0, 0.001, 0.02]) } else { 0.0 },
        spike_max: *rng.pick(&[50_000, 500_000, 5_000_000]),
        loss: if troubled { *rng.pick(&[0.0, 0.01, 0.05, 0.3]) } else { 0.0 },
        duplicate: if troubled { *rng.pick(&[0.0, 0.02, 0.5]) } else { 0.0 },
        fifo: !troubled || rng.chance(0.3),
        notice: *rng.pick(&[0.0, 0.8, 1.0]),
    }
}

fn draw_disk(rng: &mut Rng) -> DiskKnobs {
    DiskKnobs {
        sync: rng.between_log(50, 3_000),
        tail: *rng.pick(&[0.0, 0.01, 0.1]),
        tail_max: rng.between_log(5_000, 200_000),
        store: rng.between_log(2_000, 300_000),
        keep_part: *rng.pick(&[0.0, 0.5, 1.0]),
    }
}

#[cfg(test)]
mod tests {
    use super::Scenario;

    #[test]
    fn a_seed_always_means_the_same() {
        for seed in 0..50 {
            let (a, b) = (Scenario::draw(seed), Scenario::draw(seed));
            assert_eq!(format!("{a:?}"), format!("{b:?}"));
        }
    }

    #[test]
    fn about_three_of_ten_seeds_are_directed() {
        let directed = (0..1_000).filter(|seed| Scenario::draw(*seed).directed.is_some()).count();
        assert!((250..350).contains(&directed), "{directed}");
    }

    #[test]
    fn about_a_quarter_of_the_seeds_has_one_catalog_and_most_have_three() {
        let count = |wanted: fn(&Scenario) -> bool| {
            (0..1_000).filter(|seed| wanted(&Scenario::draw(*seed))).count()
        };
        let alone = count(|scenario| !scenario.group.elects);
        assert!((150..320).contains(&alone), "{alone}");
        let three = count(|scenario| scenario.group.members == 3);
        assert!((500..750).contains(&three), "{three}");
    }

    #[test]
    fn most_seeds_have_at_least_two_fault_classes() {
        let busy = (0..1_000).filter(|seed| Scenario::draw(*seed).faults.classes() >= 2).count();
        assert!(busy >= 600, "{busy}");
    }
}
