//! Catalogs that stop, are cut off, or are heard by some only; alone, and in a group of three.

use node::gateway::ClientResponse;
use node::process::Input;
use node::service::ServiceId;

use crate::world::*;

/// Who trades, and who looks.
fn gateways(key: u64) -> (ServiceId, ServiceId) {
    if key.is_multiple_of(2) { (GATEWAY, OTHER_GATEWAY) } else { (OTHER_GATEWAY, GATEWAY) }
}

/// Trades once through one gateway after something happened to the leader; says after how many milliseconds it was answered.
fn outage(world: &mut World, key: u64, happens: impl FnOnce(&mut World, ServiceId)) -> u64 {
    let (one, other) = gateways(key);
    assert_eq!(
        world.quantity_at(other, "GameStart"),
        100 - key,
        "so that it has something to serve"
    );
    let leader = world.catalog_leader();
    happens(world, leader);
    let before = world.now;
    assert_eq!(world.insist(one, u128::from(key)), key);
    let took = (world.now - before) / 1_000;
    match world.ask_at(other, look("GameStart")) {
        ClientResponse::Listing(listing) => {
            assert_eq!(listing.quantity, 99 - key, "nothing old after the answer");
        }
        // It may be cut off.
        ClientResponse::Unavailable { .. } => {}
        answer => panic!("{answer:?}"),
    }
    took
}

/// Every order is there, each number once, and every catalog that runs has delivered the same.
fn settled(world: &mut World, orders: u64) {
    world.run(2_000);
    for key in 0..orders {
        assert_eq!(world.insist(GATEWAY, u128::from(key)), key, "the same key, the same order");
    }
    for gateway in [GATEWAY, OTHER_GATEWAY] {
        assert_eq!(world.quantity_at(gateway, "GameStart"), 100 - orders);
    }
    assert_eq!(world.leader().in_sync.len(), 3);
    let mut terms: Vec<u64> = world.reigns.iter().map(|(term, _)| *term).collect();
    terms.dedup();
    assert_eq!(terms.len(), world.reigns.len(), "one leader a term: {:?}", world.reigns);
}

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

#[test]
fn three_catalogs_trade_as_one_does() {
    let mut world = World::of(3, 2, 3);
    world.run(1_000);
    assert_eq!(world.reigns.len(), 1, "one election");
    for key in 0..10 {
        let took = outage(&mut world, key, |_, _| ());
        assert!(took <= 10, "{took} ms");
    }
    settled(&mut world, 10);
    assert_eq!(world.reigns.len(), 1, "and nobody stood up against the leader");
}

#[test]
fn a_catalog_leader_that_is_killed_is_replaced_and_comes_back() {
    let mut world = World::of(3, 2, 3);
    world.run(1_000);
    let mut short = 0;
    for key in 0..8 {
        let mut dead = None;
        let took = outage(&mut world, key, |world, leader| {
            world.kill(leader);
            dead = Some(leader);
        });
        assert!(took <= 700, "{took} ms");
        short += usize::from(took <= 60);
        world.start(dead.expect("it happened"));
        world.run(500);
    }
    settled(&mut world, 8);
    assert!(world.reigns.len() >= 9, "{:?}", world.reigns);
    assert!(
        short >= 4,
        "gateways that go over at once make the wait for old leases short: {short}"
    );
}

#[test]
fn a_catalog_leader_that_is_cut_off_or_paused_does_no_harm() {
    let mut world = World::of(3, 2, 3);
    world.run(1_000);
    for key in 0..8 {
        let mut away = None;
        let took = outage(&mut world, key, |world, leader| {
            away = Some(leader);
            match key % 4 {
                0 => world.isolate(leader),
                1 => world.pause(leader),
                // Its peers do not hear it; everybody else does.
                2 => world.others_of(leader).into_iter().for_each(|it| world.mute(leader, it)),
                // It does not hear its peers; everybody hears it.
                _ => world.others_of(leader).into_iter().for_each(|it| world.mute(it, leader)),
            }
        });
        assert!(took <= 1_200, "case {}: {took} ms", key % 4);
        world.run(1_000);
        world.heal(away.expect("it happened"));
        world.resume(away.expect("it happened"));
        world.run(500);
    }
    settled(&mut world, 8);
}

#[test]
fn a_catalog_leader_that_stops_in_good_order_is_hardly_missed() {
    let mut world = World::of(3, 2, 3);
    world.run(1_000);
    for key in 0..6 {
        let mut leaving = None;
        let took = outage(&mut world, key, |world, leader| {
            world.drained.clear();
            world.tell(leader, Input::Drain);
            leaving = Some(leader);
        });
        assert!(took <= 60, "{took} ms");
        let leaving = leaving.expect("it happened");
        world.run(500);
        assert_eq!(world.drained, [leaving]);
        world.restart(leaving);
        world.run(500);
    }
    settled(&mut world, 6);
}

/// A gateway hears nothing of the new leader and believes in the lease of the old one.
fn lease_of_the_leader_before(mut world: World) {
    world.run(1_000);
    for key in 0..4 {
        let mut away = None;
        let took = outage(&mut world, key, |world, leader| {
            let (_, deaf) = gateways(key);
            for catalog in [1, 2, 3] {
                world.mute(ServiceId::catalog(catalog), deaf);
            }
            world.kill(leader);
            away = Some((leader, deaf));
        });
        assert!((150..=700).contains(&took), "{took} ms");
        let (dead, deaf) = away.expect("it happened");
        world.heal(deaf);
        world.start(dead);
        world.run(1_000);
    }
    settled(&mut world, 4);
}

#[test]
fn a_lease_of_the_leader_before_is_waited_for() {
    lease_of_the_leader_before(World::of(3, 2, 3));
}

#[cfg(feature = "mutants")]
#[test]
fn a_leader_that_forgets_old_leases_is_caught() {
    let world = World::of(3, 2, 3).mutated(node::catalog::Mutant::ForgetOldLeases);
    let run = std::panic::AssertUnwindSafe(move || lease_of_the_leader_before(world));
    assert!(std::panic::catch_unwind(run).is_err());
}

/// The others are started anew meanwhile, so that their logs do not reach back any more.
#[test]
fn a_catalog_that_was_away_for_long_is_brought_level_by_a_snapshot() {
    for lag in [0, 2] {
        let mut world = World::of(3, 2, lag);
        world.run(1_000);
        let away = world.catalog_leader();
        let took = outage(&mut world, 0, |world, leader| world.kill(leader));
        assert!(took <= 700, "{took} ms");
        for key in 1..20 {
            assert_eq!(world.insist(GATEWAY, u128::from(key)), key);
        }
        for catalog in world.others_of(away) {
            world.restart(catalog);
            world.run(1_500);
        }
        assert_eq!(world.insist(GATEWAY, 20), 20);
        assert!(world.restored.is_empty());
        world.start(away);
        world.run(3_000);
        assert_eq!(world.restored, [away], "lag {lag}");
        // It is as good as the others now: without one of them, it makes the majority.
        let leader = world.catalog_leader();
        world.kill(leader);
        assert_eq!(world.insist(OTHER_GATEWAY, 21), 21);
        world.start(leader);
        settled(&mut world, 22);
        // And what it wrote can be started from.
        world.restart(away);
        world.run(1_000);
        let leader = world.catalog_leader();
        world.kill(leader);
        assert_eq!(world.insist(OTHER_GATEWAY, 22), 22);
    }
}
