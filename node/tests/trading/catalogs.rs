//! Catalogs that stop, are cut off, or are heard by some only.

use node::gateway::ClientResponse;
use node::service::ServiceId;

use crate::world::*;

#[test]
fn a_catalog_that_is_cut_off_loses_nothing() {
    let mut world = World::with(2, 3);
    world.run(1_000);
    assert_eq!(world.ask(buy(1, "GameStart", 1)), ClientResponse::Traded(0));
    let catalog = world.catalog_leader();
    world.isolate(catalog);
    let waiting = world.begin(GATEWAY, buy(2, "GameStart", 1));
    world.run(400);
    world.heal(catalog);
    assert_eq!(world.answer(waiting), ClientResponse::Traded(1));
    for gateway in [GATEWAY, OTHER_GATEWAY] {
        assert_eq!(world.quantity_at(gateway, "GameStart"), 98);
    }
}

/// It decides, and nobody hears what.
#[test]
fn a_catalog_that_only_hears_decides_once() {
    let mut world = World::with(1, 0);
    world.run(1_000);
    let catalog = world.catalog_leader();
    for replica in 1..=3 {
        world.mute(catalog, ServiceId::orders(replica));
    }
    let waiting = world.begin(GATEWAY, buy(1, "GameStart", 1));
    world.run(600);
    world.heal(catalog);
    assert_eq!(world.answer(waiting), ClientResponse::Traded(0));
    assert_eq!(world.ask(buy(2, "GameStart", 1)), ClientResponse::Traded(1));
    assert_eq!(world.quantity("GameStart"), 98);
}
