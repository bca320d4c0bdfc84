//! Orders whose group elects its own leader: the register follows it.

use node::gateway::{ClientRequest, ClientResponse};
use node::process::Input;
use node::service::ServiceId;
use replication::raft::Limits;

use crate::world::*;

/// Who leads the orders, as the register says; waits until somebody does.
fn leader(world: &mut World) -> ServiceId {
    for _ in 0..1_000 {
        if let Some(leader) = world.leader().leader {
            return ServiceId::orders(leader);
        }
        world.run(5);
    }
    panic!("nobody leads within five seconds");
}

/// Every order is there, each number once, at every replica.
fn settled(world: &mut World, orders: u64) {
    world.run(2_000);
    for key in 0..orders {
        assert_eq!(world.insist(GATEWAY, u128::from(key)), key, "the same key, the same order");
        let ClientResponse::Order(order) = world.ask(ClientRequest::Order(key)) else {
            panic!("order {key} is lost")
        };
        assert_eq!(order.number, key);
    }
    assert_eq!(world.ask(ClientRequest::Order(orders)), ClientResponse::NoOrder);
    assert_eq!(world.quantity("GameStart"), 100 - orders);
    let counts: Vec<usize> = (1..=3).map(|id| world.stored_orders(ServiceId::orders(id))).collect();
    assert_eq!(counts, [orders as usize; 3], "replicas are level");
}

#[test]
fn a_group_that_elects_its_leader_trades() {
    for catalogs in [1, 3] {
        let mut world = World::electing(catalogs, 1, 0, Limits::default());
        world.run(1_000);
        for key in 0..10 {
            assert_eq!(world.insist(GATEWAY, key), key as u64);
        }
        let before = world.leader();
        settled(&mut world, 10);
        assert_eq!(world.leader().epoch, before.epoch, "nobody stood up against the leader");
        assert_eq!(before.in_sync, [before.leader.unwrap()].into(), "the set is its own");
    }
}

#[test]
fn a_leader_that_is_killed_is_replaced_and_comes_back() {
    let mut world = World::electing(3, 1, 0, Limits::default());
    world.run(1_000);
    let mut epoch = world.leader().epoch;
    for key in 0..8 {
        let dead = leader(&mut world);
        world.kill(dead);
        let before = world.now;
        assert_eq!(world.insist(GATEWAY, u128::from(key)), key);
        let took = (world.now - before) / 1_000;
        assert!(took <= 1_000, "{took} ms");
        assert!(world.leader().epoch > epoch, "a reign of its own");
        epoch = world.leader().epoch;
        world.start(dead);
        world.run(500);
    }
    settled(&mut world, 8);
}

#[test]
fn everything_at_once_with_stores_that_lag() {
    for lag in [0, 1, 3, 100] {
        let mut world = World::electing(1, 1, lag, Limits::default());
        world.run(1_000);
        for key in 0..6 {
            assert_eq!(world.insist(GATEWAY, key), key as u64);
        }
        let epoch = world.leader().epoch;
        for service in world.everybody() {
            world.kill(service);
        }
        world.run(500);
        for service in world.everybody() {
            world.start(service);
        }
        for key in 0..7 {
            assert_eq!(world.insist(GATEWAY, key), key as u64, "lag {lag}");
        }
        assert!(world.leader().epoch > epoch, "no epoch is taken up again");
    }
}

/// It leads on for a while without knowing better, and wakes up behind the times.
#[test]
fn a_leader_that_is_cut_off_or_paused_does_no_harm() {
    let mut world = World::electing(3, 1, 0, Limits::default());
    world.run(1_000);
    for key in 0..8 {
        let away = leader(&mut world);
        let peers: Vec<ServiceId> = world.others_of(away);
        if key % 2 == 0 {
            world.pause(away);
        } else {
            for peer in &peers {
                world.mute(away, *peer);
                world.mute(*peer, away);
            }
        }
        assert_eq!(world.insist(GATEWAY, u128::from(key)), key);
        world.resume(away);
        peers.iter().for_each(|peer| world.heal(*peer));
        world.heal(away);
        world.run(500);
    }
    let epoch = world.leader().epoch;
    settled(&mut world, 8);
    assert!(epoch <= 20, "{epoch}: who leads is not fought for");
}

#[test]
fn a_replica_that_missed_more_than_the_log_holds_takes_its_leaders_store() {
    let little = Limits { tail_entries: 1, tail_bytes: 1, ..Limits::default() };
    let mut world = World::electing(1, 1, 0, little);
    world.run(1_000);
    let leads = leader(&mut world);
    let away = world.others_of(leads)[0];
    world.kill(away);
    for key in 0..20 {
        assert_eq!(world.insist(GATEWAY, key), key as u64);
    }
    world.start(away);
    settled(&mut world, 20);
    assert!(world.restored.contains(&away), "{:?}", world.restored);
    let leads = leader(&mut world);
    world.kill(leads);
    assert_eq!(world.insist(GATEWAY, 20), 20);
    world.start(leads);
    settled(&mut world, 21);
}

#[test]
fn replicas_that_stop_in_good_order_hand_over() {
    let mut world = World::electing(1, 1, 2, Limits::default());
    world.run(1_000);
    for key in 0..4 {
        let stops = leader(&mut world);
        world.drained.clear();
        world.tell(stops, Input::Drain);
        let before = world.now;
        while !world.drained.contains(&stops) {
            world.run(5);
        }
        let took = (world.now - before) / 1_000;
        assert!(took <= 200, "{took} ms");
        assert_ne!(leader(&mut world), stops);
        world.restart(stops);
        assert_eq!(world.insist(GATEWAY, u128::from(key)), key);
        world.run(500);
    }
}

/// A majority is needed, unlike under primary-backup; what was told stays so.
#[test]
fn one_replica_of_three_waits_for_another_one() {
    let mut world = World::electing(1, 1, 0, Limits::default());
    world.run(1_000);
    assert_eq!(world.insist(GATEWAY, 0), 0);
    world.kill(ServiceId::orders(1));
    world.kill(ServiceId::orders(2));
    world.run(1_000);
    let answer = world.ask(buy(1, "GameStart", 1));
    assert!(!matches!(answer, ClientResponse::Traded(_)), "{answer:?}");
    world.start(ServiceId::orders(1));
    assert_eq!(world.insist(GATEWAY, 1), 1);
}
