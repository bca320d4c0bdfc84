//! Messages get lost, doubled and late, and processes are restarted meanwhile.

use node::gateway::ClientResponse;
use node::service::ServiceId;
use replication::raft::Limits;

use crate::world::*;

fn storm(mut world: World, seed: u64) {
    let set = if world.elects() { 1 } else { 3 };
    world = world.seeded(seed);
    world.run(1_000);
    world.set_weather(Weather { lost: 5, doubled: 5, late: 20 });
    let services = world.everybody();
    let catalogs: Vec<ServiceId> = world.catalogs.iter().copied().map(ServiceId::catalog).collect();
    let mut away = None;
    let mut numbers = Vec::new();
    let mut least = 100;
    for key in 0..24_u64 {
        let gateway = if (key + seed).is_multiple_of(2) { GATEWAY } else { OTHER_GATEWAY };
        if key % 4 == 3 {
            let victim = services[((key / 4 + seed) % services.len() as u64) as usize];
            world.restart(victim);
        }
        if key % 4 == 1 && catalogs.len() > 1 {
            let catalog = catalogs[((key / 4 + seed) % catalogs.len() as u64) as usize];
            world.isolate(catalog);
            away = Some(catalog);
        } else if let Some(away) = away.take() {
            world.heal(away);
        }
        let other = if gateway == GATEWAY { OTHER_GATEWAY } else { GATEWAY };
        world.ask_at(other, look("GameStart")); // so that it has something to serve
        numbers.push(world.insist(gateway, u128::from(key)));
        if let ClientResponse::Listing(listing) = world.ask_at(other, look("GameStart")) {
            assert!(listing.quantity <= 99 - key, "seed {seed}: an old value after the answer");
            assert!(listing.quantity <= least, "seed {seed}: backwards");
            least = listing.quantity;
        }
    }
    world.set_weather(Weather::default());
    world.run(5_000);
    for (key, number) in numbers.iter().enumerate() {
        assert_eq!(world.insist(GATEWAY, key as u128), *number, "seed {seed}: key {key}");
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..24).collect::<Vec<_>>(), "seed {seed}: dense, each once");
    assert_eq!(world.quantity("GameStart"), 76, "seed {seed}");
    assert_eq!(world.leader().in_sync.len(), set, "seed {seed}: everybody came back");
    let orders = |id| world.stored_orders(ServiceId::orders(id));
    // Stores lag by three positions.
    assert!((1..=3).all(|id| orders(id) >= 21), "seed {seed}: replicas are level");
}

#[test]
fn no_storm_over_orders_that_elect_their_leader_breaks_a_promise() {
    for (catalogs, seed) in [1, 3].into_iter().flat_map(|it| (1..=12).map(move |seed| (it, seed))) {
        let keep = if seed % 2 == 0 { 4 } else { 65_536 };
        let keep = Limits { tail_entries: keep, ..Limits::default() };
        storm(World::electing(catalogs, 2, 3, keep), seed);
    }
}

#[test]
fn no_storm_breaks_a_promise() {
    for seed in 1..=12 {
        storm(World::with(2, 3), seed);
    }
}

#[test]
fn no_storm_over_three_catalogs_breaks_a_promise() {
    for seed in 1..=12 {
        storm(World::of(3, 2, 3), seed);
    }
}

#[cfg(feature = "mutants")]
#[test]
fn a_catalog_that_does_not_wait_for_gateways_is_caught() {
    let caught = |seed: &u64| {
        let world = World::with(2, 3).mutated(node::catalog::Mutant::VisibleBeforeConfirmed);
        let storm = std::panic::AssertUnwindSafe(move || storm(world, *seed));
        std::panic::catch_unwind(storm).is_err()
    };
    assert!((1..=40).any(|seed| caught(&seed)));
}
