//! Everything may stop and come back.

use node::gateway::{ClientRequest, ClientResponse};
use node::process::Input;
use node::service::ServiceId;

use crate::world::*;

fn assert_orders(world: &mut World, count: u64) {
    for number in 0..count {
        let ClientResponse::Order(order) = world.ask(ClientRequest::Order(number)) else {
            panic!("order {number} is lost")
        };
        assert_eq!(order.number, number);
    }
    assert_eq!(world.ask(ClientRequest::Order(count)), ClientResponse::NoOrder);
}

/// Runs until a process said that it may stop.
fn until_drained(world: &mut World, service: ServiceId) {
    for _ in 0..1_000 {
        if world.drained.contains(&service) {
            return;
        }
        world.run(5);
    }
    panic!("{service} does not drain within five seconds");
}

#[test]
fn everything_at_once_with_stores_that_lag() {
    for (catalogs, lag) in [1, 3].into_iter().flat_map(|it| [0, 1, 3, 100].map(|lag| (it, lag))) {
        let mut world = World::of(catalogs, 1, lag);
        world.run(1_000);
        for key in 0..6 {
            assert_eq!(world.ask(buy(key, "GameStart", 2)), ClientResponse::Traded(key as u64));
        }
        for service in world.everybody() {
            world.kill(service);
        }
        world.run(500);
        for service in world.everybody() {
            world.start(service);
        }
        assert_eq!(world.quantity("GameStart"), 88, "{catalogs} catalogs, lag {lag}");
        for key in 0..6 {
            assert_eq!(world.ask(buy(key, "GameStart", 2)), ClientResponse::Traded(key as u64));
        }
        assert_eq!(world.ask(buy(6, "GameStart", 2)), ClientResponse::Traded(6));
        assert_orders(&mut world, 7);
        world.run(3_000);
        assert_eq!(world.leader().in_sync.len(), 3, "all are in sync again");
    }
}

#[test]
fn one_after_the_other_under_load_without_an_error() {
    let mut world = World::with(1, 2);
    world.run(1_000);
    let mut key = 0;
    for service in [CATALOG, ServiceId::orders(3), ServiceId::orders(2), ServiceId::orders(1)] {
        let asked: Vec<u64> = (0..5)
            .map(|_| {
                key += 1;
                world.begin(GATEWAY, buy(key, "GameStart", 1))
            })
            .collect();
        world.restart(service);
        for id in asked {
            assert!(matches!(world.answer(id), ClientResponse::Traded(_)), "{service}");
        }
        world.run(2_000);
    }
    assert_eq!(world.quantity("GameStart"), 80);
    assert_orders(&mut world, 20);
}

#[test]
fn a_leader_that_stops_in_good_order_costs_no_client_an_error() {
    let mut world = World::with(1, 2);
    world.run(1_000);
    let before = world.leader();
    assert_eq!(before.leader, Some(3));
    let mut asked = Vec::new();
    for key in 0..30 {
        asked.push(world.begin(GATEWAY, buy(key, "GameStart", 1)));
        if key == 10 {
            world.tell(ServiceId::orders(3), Input::Drain);
        }
        world.run(5);
    }
    until_drained(&mut world, ServiceId::orders(3));
    world.kill(ServiceId::orders(3));
    for id in asked {
        assert!(matches!(world.answer(id), ClientResponse::Traded(_)));
    }
    let after = world.leader();
    assert_eq!((after.leader, after.epoch), (Some(2), before.epoch + 1), "one election, no search");
    assert_eq!(world.quantity("GameStart"), 70);
    assert_orders(&mut world, 30);
}

#[test]
fn all_three_order_replicas_stop_in_good_order_one_after_the_other() {
    let mut world = World::with(1, 0);
    world.run(1_000);
    let mut key = 0;
    for replica in [3, 2, 1] {
        key += 1;
        assert!(matches!(world.ask(buy(key, "GameStart", 1)), ClientResponse::Traded(_)));
        let service = ServiceId::orders(replica);
        world.drained.clear();
        world.tell(service, Input::Drain);
        until_drained(&mut world, service);
        world.restart(service);
        key += 1;
        assert!(matches!(world.ask(buy(key, "GameStart", 1)), ClientResponse::Traded(_)));
        world.run(2_000);
    }
    assert_orders(&mut world, 6);
}

#[test]
fn a_catalog_that_stops_in_good_order_is_waited_for() {
    let mut world = World::with(1, 5);
    world.run(1_000);
    let first = world.begin(GATEWAY, buy(1, "GameStart", 1));
    world.tell(CATALOG, Input::Drain);
    let second = world.begin(GATEWAY, buy(2, "GameStart", 1));
    until_drained(&mut world, CATALOG);
    world.restart(CATALOG);
    for id in [first, second] {
        assert!(matches!(world.answer(id), ClientResponse::Traded(_)));
    }
    assert_eq!(world.quantity("GameStart"), 98);
}

#[test]
fn a_paused_leader_is_replaced_and_does_no_harm_when_it_wakes() {
    let mut world = World::new();
    world.run(1_000);
    let first = world.begin(GATEWAY, buy(1, "GameStart", 1));
    world.pause(ServiceId::orders(3));
    let second = world.begin(GATEWAY, buy(2, "GameStart", 1));
    for id in [first, second] {
        assert!(matches!(world.answer(id), ClientResponse::Traded(_)));
    }
    world.resume(ServiceId::orders(3));
    world.run(2_000);
    let healed = world.leader();
    assert_ne!(healed.leader, Some(3));
    assert_eq!(healed.in_sync.len(), 3);
    assert_eq!(world.quantity("GameStart"), 98);
    assert_orders(&mut world, 2);
}
