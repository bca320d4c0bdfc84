//! Messages get lost, doubled and late, and processes are restarted meanwhile.

use node::gateway::{ClientRequest, ClientResponse};

use crate::world::*;

/// Asks until the answer is definite, as a client with a key does.
fn insist(world: &mut World, gateway: node::service::ServiceId, key: u128) -> u64 {
    for _ in 0..20 {
        match world.ask_at(gateway, buy(key, "GameStart", 1)) {
            ClientResponse::Traded(number) => return number,
            ClientResponse::Unknown | ClientResponse::Unavailable { .. } | ClientResponse::Busy => {
                world.run(100)
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("no definite answer in twenty attempts");
}

fn storm(mut world: World, seed: u64) {
    world = world.seeded(seed);
    world.run(1_000);
    world.weather = Weather { lost: 5, doubled: 5, late: 20 };
    let services = world.everybody();
    let mut numbers = Vec::new();
    let mut least = 100;
    for key in 0..24_u64 {
        let gateway = if (key + seed).is_multiple_of(2) { GATEWAY } else { OTHER_GATEWAY };
        if key % 4 == 3 {
            let victim = services[((key / 4 + seed) % services.len() as u64) as usize];
            world.restart(victim);
        }
        let other = if gateway == GATEWAY { OTHER_GATEWAY } else { GATEWAY };
        let look =
            ClientRequest::Listing { name: named("GameStart"), kind: market::listing::Kind::Stock };
        world.ask_at(other, look.clone()); // so that it has something to serve
        numbers.push(insist(&mut world, gateway, u128::from(key)));
        if let ClientResponse::Listing(listing) = world.ask_at(other, look) {
            assert!(listing.quantity <= 99 - key, "seed {seed}: an old value after the answer");
            assert!(listing.quantity <= least, "seed {seed}: backwards");
            least = listing.quantity;
        }
    }
    world.weather = Weather::default();
    world.run(5_000);
    for (key, number) in numbers.iter().enumerate() {
        assert_eq!(insist(&mut world, GATEWAY, key as u128), *number, "seed {seed}: key {key}");
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..24).collect::<Vec<_>>(), "seed {seed}: dense, each once");
    assert_eq!(world.quantity("GameStart"), 76, "seed {seed}");
    assert_eq!(world.leader().in_sync.len(), 3, "seed {seed}: everybody came back");
}

#[test]
fn no_storm_breaks_a_promise() {
    for seed in 1..=12 {
        storm(World::with(2, 3), seed);
    }
}

#[cfg(feature = "mutants")]
#[test]
fn a_catalog_that_does_not_wait_for_gateways_is_caught() {
    let caught = |seed: &u64| {
        let mut world = World::with(2, 3);
        world.hasty = true;
        world.restart(CATALOG);
        let storm = std::panic::AssertUnwindSafe(move || storm(world, *seed));
        std::panic::catch_unwind(storm).is_err()
    };
    assert!((1..=40).any(|seed| caught(&seed)));
}
